"""A registry that does everything wrong at every step of the protocol: each time a clear error or success, within
bounds, nothing half published, and the credentials seen by nobody else."""

from __future__ import annotations

import base64
import email.utils
import io
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from smlocal.errors import RegistryError
from smlocal.http_client import HttpClient
from smlocal.registry.credentials import Credentials
from smlocal.registry.distribution import DistributionRepository
from smlocal.registry.interface import digest_of
from smlocal.registry.reference import parse_reference
from smlocal.registry.retries import Patience
from tests.registry.loopback_registry import STEPS, Handler, LoopbackRegistry, State
from tests.registry.samples import Sample, attachment, sample

USER, PASSWORD = "ann", "s3cret-pass"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
IDLE = 0.2
SECONDS, REQUESTS = 12.0, 140  # of one whole publication

Behaviour = Callable[[Handler], None]


def hangs_up(handler: Handler) -> None:
    handler.hang_up()


def hangs_up_after_a_part(handler: Handler) -> None:
    """Of the request's body: what has come so far is kept."""
    if handler.command == "PATCH":
        upload = handler.registry.state.uploads.get(handler.last())
        if upload is not None:
            upload.extend(handler.rfile.read(50_000))
    handler.hang_up()


def breaks_off_its_answer(handler: Handler) -> None:
    handler.body()
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart")
    handler.hang_up()


def does_it_and_hangs_up(handler: Handler) -> None:
    """The answer is lost, the deed is done."""
    answer, handler.answer = handler.answer, lambda *_, **__: None  # type: ignore[method-assign]
    getattr(handler, handler.step().replace(" ", "_"))()
    handler.answer = answer  # type: ignore[method-assign]
    handler.hang_up()


def stalls(handler: Handler) -> None:
    handler.registry.closing.wait(3 * IDLE)
    handler.hang_up()


def trickles(handler: Handler) -> None:
    handler.body()
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    while not handler.registry.closing.wait(IDLE / 5):
        handler.wfile.write(b" ")


def status(number: int, **headers: str) -> Behaviour:
    def answers(handler: Handler) -> None:
        handler.body()
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        handler.answer(
            number, told, b'{"errors":[{"code":"X","message":"no: ' + f"{BASIC} {PASSWORD}".encode() + b'"}]}'
        )

    return answers


def garbage(handler: Handler) -> None:
    handler.body()
    handler.wfile.write(b"\x00\xffwhatever\r\n\r\n")
    handler.close_connection = True


def floods_headers(handler: Handler) -> None:
    handler.body()
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        handler.wfile.write(b"X-%d: %s\r\n" % (number, b"y" * 100))
    handler.close_connection = True


def answers_without_end(handler: Handler) -> None:
    handler.body()
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    handler.close_connection = True
    while not handler.registry.closing.is_set():
        handler.wfile.write(b" " * 65536)


def leads_elsewhere(handler: Handler) -> None:
    handler.body()
    handler.answer(307, {"Location": f"http://{handler.registry.elsewhere}{handler.path}"})


def leads_round_and_round(handler: Handler) -> None:
    handler.body()
    handler.answer(307, {"Location": handler.path})


def leads_to_plain_http(handler: Handler) -> None:
    handler.body()
    handler.answer(307, {"Location": "http://registry.example/v2/"})


def leads_nowhere(handler: Handler) -> None:
    handler.body()
    handler.answer(307, {"Location": "file:///etc/passwd\r\n\x00"[:18]})


def with_header(name: str, value: str) -> Behaviour:
    """As it should be, but for one header."""

    def answers(handler: Handler) -> None:
        right = handler.answer

        def wrong(number: int, headers: dict[str, str] | None = None, body: bytes = b"", **more: str) -> None:
            right(
                number, {**(headers or {}), name: value.replace("ELSEWHERE", handler.registry.elsewhere)}, body, **more
            )

        handler.answer = wrong  # type: ignore[method-assign, assignment]
        getattr(handler, handler.step().replace(" ", "_"))()
        del handler.answer

    return answers


def other_bytes(handler: Handler) -> None:
    handler.body()
    handler.answer(200, {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}, b'{"schemaVersion": 2}')


SOON = email.utils.formatdate(time.time() + 3600, usegmt=True)
BEHAVIOURS: dict[str, Behaviour] = {
    "hangs up": hangs_up,
    "hangs up after a part": hangs_up_after_a_part,
    "breaks off its answer": breaks_off_its_answer,
    "does it and hangs up": does_it_and_hangs_up,
    "stalls": stalls,
    "trickles": trickles,
    "500": status(500),
    "503 until a date": status(503, Retry_After=SOON),
    "429": status(429, Retry_After="3600"),
    "429 nonsense": status(429, Retry_After="-1e9"),
    "400": status(400),
    "401": status(401, WWW_Authenticate='Bearer realm="http://registry.example/token"'),
    "401 nonsense": status(401, WWW_Authenticate='Bearer "=,,=' * 500),
    "403": status(403),
    "404": status(404),
    "405": status(405),
    "413": status(413),
    "416": status(416),
    "200 and nothing": status(200),
    "204": status(204),
    "garbage": garbage,
    "floods headers": floods_headers,
    "answers without end": answers_without_end,
    "leads elsewhere": leads_elsewhere,
    "leads round and round": leads_round_and_round,
    "leads to plain http": leads_to_plain_http,
    "leads nowhere": leads_nowhere,
    "lies about the digest": with_header("Docker-Content-Digest", "sha256:" + "1" * 64),
    "other bytes": other_bytes,
    "range too far": with_header("Range", "0-999999999"),
    "range from the middle": with_header("Range", "5-9"),
    "range that is none": with_header("Range", "bytes */*"),
    "range that stays": with_header("Range", "0-0"),
    "range of little": with_header("Range", "0-9"),
    "location elsewhere": with_header("Location", "http://ELSEWHERE/v2/team/model/blobs/uploads/lost"),
    "location on plain http": with_header("Location", "http://registry.example/v2/team/model/blobs/uploads/1"),
    "location with a password": with_header("Location", "https://ann:s3cret-pass@127.0.0.1/"),
}


@dataclass
class At:
    """A behaviour at one step, so many times (the first ones)."""

    step: str
    behaviour: Behaviour
    times: int

    def __call__(self, step: str, handler: Handler) -> bool:
        # what asks how far an upload has got is only asked when something breaks off before
        if self.step == "ask" and step == "send" and handler.registry.state.steps.count("send") == 2:
            handler.hang_up()
            return True
        if step != self.step or self.times <= 0:
            return False
        self.times -= 1
        self.behaviour(handler)
        return True


def publish(repository: DistributionRepository, image: Sample, note: Sample, other: Sample) -> None:
    """Every operation of the interface, in the order of a publication."""
    for item in (image, note, other):
        item.push_blobs(repository)
    repository.put_manifest(other.manifest)
    repository.put_manifest(image.manifest)
    assert repository.manifest(image.manifest.digest) == image.manifest
    config, content = image.blobs[0]
    assert repository.blob(config.digest, 10_000) == content
    repository.attach(note.manifest, image.manifest.digest)
    assert [item.digest for item in repository.referrers(image.manifest.digest)] == [note.manifest.digest]
    repository.remove_manifest(other.manifest.digest)
    repository.put_manifest(image.manifest, "final")


def check_state(state: State, image: Sample) -> None:
    """What bears a name is whole, and what was sent is what is there."""
    for digest, content in state.blobs.items():
        assert digest_of(content) == digest
    if state.tags.get("final"):
        assert state.manifests[state.tags["final"]][1] == image.manifest.content
        assert all(state.blobs[blob.digest] == content for blob, content in image.blobs)


def run(step: str, behaviour: Behaviour, times: int) -> str | None:
    """A publication against a registry that misbehaves; the error's text, or None."""
    image, other = sample(350_000), sample()
    note = attachment(image.manifest)
    slept: list[float] = []
    patience = Patience(
        tries=3,
        faults=8,
        first_wait=0.5,
        longest_retry_after=20,
        waiting=60,
        timeout=2 * IDLE,
        idle=IDLE,
        sleep=slept.append,
    )
    login = Credentials(USER, PASSWORD)
    with LoopbackRegistry(f"{USER}:{PASSWORD}", At(step, behaviour, times)) as registry, HttpClient() as http:
        reference = parse_reference(f"{registry.place}/team/model")
        repository = DistributionRepository(
            reference, http, lambda: replace(login), patience=patience, chunk_bytes=100_000
        )
        began = time.monotonic()
        try:
            publish(repository, image, note, other)
            text = None
        except RegistryError as error:
            text = str(error)
        took = time.monotonic() - began
        http.close()
        check_state(registry.state, image)
        if text is None:
            assert registry.state.tags["final"] == image.manifest.digest
        assert len(registry.state.steps) <= REQUESTS
        assert all("Authorization" not in headers for headers in registry.state.strangers)
        secrets = (PASSWORD, BASIC, *registry.state.tokens)
    assert took < SECONDS
    assert sum(slept) <= 60 * 4  # no operation waits longer than it may, and few have to
    if text is not None:
        assert not any(secret in text for secret in secrets)
        assert text.isprintable()
        assert len(text) < 1500
    return text


PASSING = ("hangs up", "hangs up after a part", "breaks off its answer", "does it and hangs up", "stalls", "trickles")
MUST_PASS = {*PASSING, "500", "503 until a date", "429", "429 nonsense", "garbage", "leads elsewhere"}
MAY_FAIL = {
    ("token", "leads elsewhere"),  # credentials are not taken elsewhere
    ("delete manifest", "does it and hangs up"),  # asked again, it is not there any more
    # an answer of 200 to HEAD, or a place to get it from, says that a blob is there, which it is not
    ("head blob", "breaks off its answer"),
    ("head blob", "trickles"),
    ("head blob", "leads elsewhere"),
}


@pytest.mark.parametrize("times", [1, pytest.param(10**9, marks=pytest.mark.slow)], ids=["once", "always"])
@pytest.mark.parametrize("name", BEHAVIOURS)
def test_whatever_a_registry_does_a_publication_succeeds_or_says_clearly_why_not(name: str, times: int) -> None:
    for step in STEPS:
        text = run(step, BEHAVIOURS[name], times)
        if times == 1 and name in MUST_PASS and (step, name) not in MAY_FAIL:
            assert text is None, f"at the step '{step}'"


@pytest.mark.parametrize(
    ("step", "name", "says"),
    [
        ("end", "lies about the digest", "has arrived as"),
        ("put manifest", "lies about the digest", "than it says"),
        ("get manifest", "lies about the digest", "than it says"),
        ("get manifest", "other bytes", "than it says"),
        ("get blob", "other bytes", "other bytes than those of the blob"),
        ("begin", "location on plain http", "without TLS"),
        ("send", "location with a password", "does not send anything to"),
        ("get blob", "leads round and round", "redirects without end"),
        ("put manifest", "403", "have it granted"),
        ("begin", "429", "failed 3 times"),
        ("send", "413", "limit raised"),
        ("delete manifest", "405", "switched off"),
    ],
)
def test_a_lie_or_a_refusal_is_said_for_what_it_is(step: str, name: str, says: str) -> None:
    text = run(step, BEHAVIOURS[name], 10**9)
    assert text is not None
    assert says in text


@pytest.mark.parametrize("name", ["range that stays", "405", "range of little", "range that is none", "416"])
def test_a_registry_that_takes_no_chunks_gets_the_blob_whole(name: str) -> None:
    assert run("send", BEHAVIOURS[name], 10**9) is None


def test_an_upload_that_broke_off_goes_on_where_the_registry_has_got_to() -> None:
    image = sample(350_000)
    (_, _), (blob, content) = image.blobs
    behaviour = At("send", hangs_up_after_a_part, 1)
    told: list[int] = []
    patience = Patience(sleep=lambda seconds: None)
    with LoopbackRegistry(f"{USER}:{PASSWORD}", behaviour) as registry, HttpClient() as http:
        repository = DistributionRepository(
            parse_reference(f"{registry.place}/team/model"),
            http,
            lambda: Credentials(USER, PASSWORD),
            patience=patience,
            chunk_bytes=None,
        )
        repository.push_blob(blob, lambda: io.BytesIO(content), told.append)
        assert registry.state.blobs[blob.digest] == content
        assert registry.state.steps.count("begin") == 1
        assert registry.state.steps.count("send") == 2
    assert 50_000 in told
