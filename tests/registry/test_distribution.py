"""What the protocol's client does with credentials, certificates, proxies and lines that break, on real registries."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from smlocal.errors import RegistryDenied, RegistryError, RegistryUnreachable, SettingsError, TagIsTaken
from smlocal.http_client import HttpClient
from smlocal.outbound import Outbound
from smlocal.registry.credentials import Credentials, FindCredentials
from smlocal.registry.distribution import DistributionRepository
from smlocal.registry.interface import Repository
from smlocal.registry.reference import parse_reference
from smlocal.registry.retries import Patience
from smlocal.settings import Settings
from smlocal.wiring import Program
from tests.registry.conftest import PASSWORD, QUICK, USER
from tests.registry.docker_registry import TokenServer, docker_registry, serving_tokens
from tests.registry.loopback_registry import Handler, LoopbackRegistry
from tests.registry.proxies import line_to
from tests.registry.samples import attachment, blob_of, sample

ANN = Credentials(USER, PASSWORD)


def at(
    place: str, http: HttpClient, credentials: Credentials | FindCredentials | None = None, **more: object
) -> DistributionRepository:
    find = credentials if callable(credentials) else (lambda: credentials)
    reference = parse_reference(f"{place}/tests/a{secrets.token_hex(8)}")
    return DistributionRepository(reference, http, find, **{"patience": QUICK, **more})  # type: ignore[arg-type]


def push(repository: Repository, size: int = 1000) -> None:
    image = sample(size)
    image.push_blobs(repository)
    repository.put_manifest(image.manifest, "1.0")
    assert repository.manifest("1.0") == image.manifest


# credentials


@pytest.mark.parametrize("kind", ["basic", "token"])
def test_no_or_wrong_credentials_are_denied_with_the_command_that_mends_it(
    kind: str, request: pytest.FixtureRequest, http: HttpClient
) -> None:
    place = request.getfixturevalue(f"{kind}_registry")
    for credentials in (None, Credentials(USER, "wr0ng-word")):
        with pytest.raises(RegistryDenied, match=f"docker login {place}") as denied:
            push(at(place, http, credentials))
        assert "wr0ng-word" not in str(denied.value)


def test_an_identity_token_is_exchanged_for_tokens(
    token_registry: str, token_server: TokenServer, http: HttpClient
) -> None:
    token_server.asked.clear()
    push(at(token_registry, http, Credentials(identity_token=token_server.identity_token)))
    assert {method for method, _ in token_server.asked} == {"POST"}
    with pytest.raises(RegistryDenied):
        push(at(token_registry, http, Credentials(identity_token="another")))


def test_a_token_is_asked_for_once_for_each_kind_of_work(
    token_registry: str, token_server: TokenServer, http: HttpClient
) -> None:
    token_server.asked.clear()
    repository = at(token_registry, http, ANN, chunk_bytes=10_000)
    push(repository, 100_000)
    scopes = [asked["scope"] for _, asked in token_server.asked]
    name = repository.name.partition("/")[2]
    assert scopes == [[f"repository:{name}:pull,push"], [f"repository:{name}:pull"]]


def test_who_may_only_pull_is_told_so(tmp_path: Path, http: HttpClient) -> None:
    with (
        serving_tokens(TokenServer(USER, PASSWORD, actions=("pull",))) as server,
        docker_registry(tmp_path, auth=server.auth(tmp_path)) as place,
    ):
        repository = at(place, http, ANN)
        with pytest.raises(RegistryDenied, match=repository.name):
            push(repository)
        assert not repository.has_blob("sha256:" + "0" * 64)


def test_tokens_that_are_no_longer_taken_are_renewed_in_the_middle_of_an_upload() -> None:
    def forgets(step: str, handler: Handler) -> bool:
        if step in ("send", "end"):
            if handler.headers["Authorization"].split()[1] in seen:
                handler.registry.state.tokens.clear()
                seen.clear()
            else:
                seen.add(handler.headers["Authorization"].split()[1])
        return False

    seen: set[str] = set()
    content = os.urandom(500_000)
    with LoopbackRegistry(f"{USER}:secret", forgets) as registry:
        with HttpClient() as client:
            repository = DistributionRepository(
                parse_reference(f"{registry.place}/team/model"),
                client,
                lambda: Credentials(USER, "secret"),
                patience=QUICK,
                chunk_bytes=50_000,
            )
            repository.push_blob(blob_of(content), lambda: io.BytesIO(content))
        assert registry.state.blobs == {blob_of(content).digest: content}
        assert registry.state.steps.count("token") > 4


def test_tokens_are_renewed_before_they_expire() -> None:
    now = [1000.0]
    with LoopbackRegistry(f"{USER}:secret") as registry, HttpClient() as client:
        repository = DistributionRepository(
            parse_reference(f"{registry.place}/team/model"),
            client,
            lambda: Credentials(USER, "secret"),
            patience=Patience(clock=lambda: now[0]),
        )
        for seconds in (0.0, 50.0, 5.0):  # one without expires_in lives for 60 s
            now[0] += seconds
            assert not repository.has_blob("sha256:" + "0" * 64)
        assert registry.state.steps.count("token") == 2


# certificates, proxies, plain http


def test_a_certificate_that_is_not_believed_ends_it_at_once_and_says_what_to_do(tls_registry: str) -> None:
    slept: list[float] = []
    wanted = r"SSL_CERT_FILE.*/etc/docker/certs.d/" + tls_registry
    with HttpClient(Outbound({})) as http, pytest.raises(RegistryUnreachable, match=wanted):
        push(at(tls_registry, http, patience=Patience(sleep=slept.append)))
    assert slept == []


def test_dockers_folder_of_certificates_is_believed_for_its_host_alone(
    tls_registry: str, tmp_path: Path, authority: trustme.CA
) -> None:
    folder = tmp_path / tls_registry
    folder.mkdir()
    (folder / "ca.crt").write_bytes(authority.cert_pem.bytes())
    with HttpClient(Outbound({}, tmp_path)) as http:
        push(at(tls_registry, http))
    (tmp_path / tls_registry).rename(tmp_path / "registry.example")
    with HttpClient(Outbound({}, tmp_path)) as http, pytest.raises(RegistryUnreachable, match="certificate"):
        push(at(tls_registry, http))


def test_certificates_that_cannot_be_read_are_named(tls_registry: str) -> None:
    outbound = Outbound({"REQUESTS_CA_BUNDLE": "/none.crt"})
    with HttpClient(outbound) as http, pytest.raises(SettingsError, match=r"/none.crt that REQUESTS_CA_BUNDLE names"):
        push(at(tls_registry, http))


@pytest.fixture
def far_registry(tmp_path: Path, authority: trustme.CA) -> Iterator[str]:
    """A registry whose certificate is of a host that only a proxy reaches."""
    with docker_registry(tmp_path, tls=authority.issue_cert("registry.example")) as place:
        yield place


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_registry_is_reached_through_the_environments_proxy(
    far_registry: str, authority_file: Path, variable: str
) -> None:
    with line_to(far_registry, connect=True) as proxy:
        environment = {variable: f"http://pat:p4ss@{proxy.address}", "SSL_CERT_FILE": str(authority_file)}
        with HttpClient(Outbound(environment)) as http:
            push(at("registry.example", http), 500_000)
        assert {head.split()[1] for head in proxy.heads} == {b"registry.example:443"}
        assert all(b"Proxy-Authorization: Basic cGF0OnA0c3M=" in head for head in proxy.heads)


def test_a_proxy_that_is_not_there_is_said_without_its_password(authority_file: Path) -> None:
    outbound = Outbound({"HTTPS_PROXY": "http://pat:p4ssword@127.0.0.1:1"})
    with HttpClient(outbound) as http, pytest.raises(RegistryUnreachable, match=r"registry\.example") as failed:
        push(at("registry.example", http, patience=Patience(tries=2, sleep=lambda seconds: None)))
    assert "p4ssword" not in str(failed.value)


def test_plain_http_is_spoken_with_loopback_and_with_what_is_named_only(plain_registry: str) -> None:
    with line_to(plain_registry) as line, HttpClient() as http:
        port = line.address.rpartition(":")[2]
        other = f"{os.uname().nodename}:{port}"
        with pytest.raises(RegistryError):
            push(at(other, http, patience=Patience(tries=1, sleep=lambda seconds: None)))
        assert all(count == 0 or count > 50 for count in line.carried)  # at most the greeting of TLS, no request
        push(at(line.address, http))
        push(at(line.address, http, plain_http=True))


# lines that break


@pytest.mark.parametrize("chunk_bytes", [None, 400_000])
def test_an_upload_to_a_real_registry_survives_breaks_in_the_middle_of_a_chunk(
    plain_registry: str, http: HttpClient, chunk_bytes: int | None
) -> None:
    """docker-registry 2.8.2 forgets an upload whose chunk broke off, so that it begins anew; see registry/upload.py."""
    content = os.urandom(3_000_000)
    with line_to(plain_registry) as line:
        line.limits = [200_000, 1_200_000]
        repository = at(line.address, http, chunk_bytes=chunk_bytes)
        repository.push_blob(blob_of(content), lambda: io.BytesIO(content))
        assert repository.blob(blob_of(content).digest, 3_000_000) == content
    assert line.limits == []


def test_an_upload_to_a_real_registry_that_stopped_between_chunks_goes_on_there(
    plain_registry: str, http: HttpClient
) -> None:
    content = os.urandom(2_000_000)
    repository = at(plain_registry, http, chunk_bytes=500_000)

    def stop(total: int) -> None:
        if total == 1_000_000:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        repository.push_blob(blob_of(content), lambda: io.BytesIO(content), stop)
    told: list[int] = []
    repository.push_blob(blob_of(content), lambda: io.BytesIO(content), told.append)
    assert told[0] == 1_000_000
    assert repository.blob(blob_of(content).digest, 2_000_000) == content


def test_a_registry_that_goes_away_is_unreachable_after_every_try(http: HttpClient) -> None:
    slept: list[float] = []
    with pytest.raises(RegistryUnreachable, match="failed 6 times"):
        push(at("127.0.0.1:1", http, patience=Patience(sleep=slept.append)))
    assert len(slept) == 5


# the rest


def test_a_tag_that_is_immutable_is_taken_unless_it_names_the_same_manifest() -> None:
    def refuses(step: str, handler: Handler) -> bool:
        if step != "put manifest" or "sha256:" in handler.path:
            return False
        handler.body()
        body = (
            b'{"errors":[{"code":"TAG_INVALID","message":"The image tag \'1.0\' already exists in the \'model\''
            b' repository and cannot be overwritten because the tag is immutable."}]}'
        )
        handler.answer(400, None, body)
        return True

    with LoopbackRegistry(f"{USER}:secret", refuses) as registry, HttpClient() as client:
        reference = parse_reference(f"{registry.place}/team/model")
        repository = DistributionRepository(reference, client, lambda: Credentials(USER, "secret"))
        image, other = sample(), sample()
        for item in (image, other):
            item.push_blobs(repository)
            repository.put_manifest(item.manifest)
        registry.state.tags["1.0"] = image.manifest.digest
        repository.put_manifest(image.manifest, "1.0")
        with pytest.raises(TagIsTaken, match="already exists in the 'model' repository"):
            repository.put_manifest(other.manifest, "1.0")


def test_two_who_attach_at_once_are_both_listed(plain_registry: str, http: HttpClient) -> None:
    repository = at(plain_registry, http)
    image = sample()
    image.push_blobs(repository)
    repository.put_manifest(image.manifest)
    first, second = attachment(image.manifest), attachment(image.manifest)
    for item in (first, second):
        item.push_blobs(repository)

    class Meddling(DistributionRepository):
        """Another one attaches between this one's reading and writing of the index."""

        done = False

        def put_manifest(self, manifest: object, tag: str | None = None) -> None:
            if tag is not None and not self.done:
                self.done = True
                repository.attach(second.manifest, image.manifest.digest)
            super().put_manifest(manifest, tag)  # type: ignore[arg-type]

    meddling = Meddling(parse_reference(repository.name), http, patience=QUICK)
    repository.attach(second.manifest, image.manifest.digest)
    meddling.attach(first.manifest, image.manifest.digest)
    assert {item.digest for item in repository.referrers(image.manifest.digest)} == {
        first.manifest.digest,
        second.manifest.digest,
    }


def test_the_program_uses_what_docker_login_has_kept(
    basic_registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = ANN.basic.removeprefix("Basic ")
    (tmp_path / "config.json").write_text(f'{{"auths": {{"{basic_registry}": {{"auth": "{entry}"}}}}}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with Program(Settings(state=tmp_path / "state")) as program:
        push(program.repository(parse_reference(f"{basic_registry}/tests/a{secrets.token_hex(8)}")))


@pytest.mark.slow
def test_two_gigabytes_are_pushed_in_flat_memory(plain_registry: str, tmp_path: Path) -> None:
    """The blob is a sparse file; the most memory that the process ever had is compared with that of a small push."""
    script = textwrap.dedent("""
        import hashlib, re, sys
        from pathlib import Path
        from smlocal.http_client import HttpClient
        from smlocal.registry.distribution import DistributionRepository
        from smlocal.registry.interface import Descriptor
        from smlocal.registry.reference import parse_reference

        place, path, size = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
        with path.open("wb") as file:
            file.truncate(size)
        found = hashlib.sha256()
        for _ in range(0, size, 1 << 20):
            found.update(bytes(1 << 20))
        blob = Descriptor("application/octet-stream", f"sha256:{found.hexdigest()}", size)
        with HttpClient() as http:
            for chunk in (1 << 25, None):
                name = f"{place}/tests/big-{size}-{chunk or 0}"
                repository = DistributionRepository(parse_reference(name), http, chunk_bytes=chunk)
                repository.push_blob(blob, lambda: path.open("rb"))
                assert repository.has_blob(blob.digest)
        print(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])
    """)

    def kilobytes(size: int) -> int:
        told = subprocess.run(
            [sys.executable, "-c", script, plain_registry, str(tmp_path / "blob"), str(size)],
            capture_output=True,
            timeout=280,
        )
        assert told.returncode == 0, told.stderr.decode()
        return int(told.stdout)

    small, big = kilobytes(1 << 20), kilobytes(1 << 31)
    with contextlib.suppress(OSError):
        (tmp_path / "blob").unlink()
    assert big - small < 24 * 1024, f"{small} kB for 1 MB, {big} kB for 2 GB"
