"""`smlocal check` of a job whose engine is beside it (a port, plain or TLS) or around it (a mounted socket).

The verdict is the one that the engine of this machine gives, which `tests/examination/test_containers.py` holds to
`expected.json`.
"""

from __future__ import annotations

import io
import json
import shutil
import ssl
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest
import trustme

from smlocal.engine.interface import Engine
from smlocal.settings import Settings
from tests.engine.adapters import IMAGE
from tests.engine.processes import copy_image
from tests.examination.conftest import SCALED
from tests.integrations.conftest import ROOT, environment
from tests.integrations.doors import door

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.xdist_group("second daemon")]

CONTAINERS = ROOT / "fixtures" / "containers"
SERVES, TRAINS = (next(CONTAINERS.glob(f"{rule}-*")) for rule in ("SM402", "SM112"))
# Gentler than where ports are reached: each connection costs a process in the engine, 0.1 s on an idle machine, but
# more than the 0.5 s of a scaled ping on one that runs other tests. What these images break, no limit changes.
GENTLE = replace(SCALED, ping_timeout=2.0, start_window=60, invocation_timeout=30, transform_invocation_timeout=30)
SCALES = Settings(limits=GENTLE).scaled
LIMITS = {f"SMLOCAL_LIMITS_{name.upper()}": value for name, _, value in (item.partition("=") for item in SCALES)}
both = pytest.mark.parametrize("folder", [SERVES, TRAINS], ids=["serves", "trains"])


# Whether a ping outlasts a body of 6 MiB: on a busy machine the process that carries the ping starts later than the
# server answers the body, and the clause looks broken (docs/ci.md says so).
TOLD_BY_TIME = {"SM305"}


def reference(folder: Path) -> str:
    return f"smlocal-test/containers:{folder.name.partition('-')[0].lower()}"


def expected(folder: Path) -> dict[str, str]:
    """Each rule's outcome and severity, without why something could not be judged."""
    found = json.loads((folder / "expected.json").read_text())
    return {rule: said.partition(": ")[0] for rule, said in found.items() if rule not in TOLD_BY_TIME}


def verdict(report: Mapping[str, Any]) -> dict[str, str]:
    return {
        item["rule"]: f"broken ({item['severity']})" if item["outcome"] == "broken" else item["outcome"]
        for item in report["findings"]
        if item["rule"] not in TOLD_BY_TIME
    }


@pytest.fixture(scope="module")
def beside(second_engine: Engine, build_image: Callable[..., str]) -> str:
    """The socket of another daemon, whose network is not ours, with the images to check."""
    address = second_engine.facts().address
    for folder in (SERVES, TRAINS):
        copy_image(build_image(folder, reference(folder)), None, address)
    return address.removeprefix("unix://")


def check(folder: Path, report: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command of its own process, as a job calls it."""
    return subprocess.run(
        [sys.executable, "-m", "smlocal", "check", reference(folder), "--pull", "never", "--output", f"json={report}"],
        cwd=folder,
        env=environment(**LIMITS, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
    )


@both
def test_an_engine_beside_the_job_gives_the_same_verdict(beside: str, tmp_path: Path, folder: Path) -> None:
    with door(beside) as port:
        done = check(folder, tmp_path / "r.json", DOCKER_HOST=f"tcp://127.0.0.1:{port}")
    assert done.returncode == 1, done.stdout
    report = json.loads((tmp_path / "r.json").read_text())
    assert verdict(report) == expected(folder)
    assert {item.partition("=")[0] for item in report["scaled_limits"]} == {item.partition("=")[0] for item in SCALES}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """An engine's side of TLS that asks for a client's certificate, and a folder as `DOCKER_CERT_PATH` names it."""
    authority, folder = trustme.CA(), tmp_path_factory.mktemp("certificates")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.configure_trust(tls)
    client = authority.issue_cert("job@example.com")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    client.private_key_pem.write_to_path(folder / "key.pem")
    client.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    return tls, folder


@both
def test_an_engine_beside_the_job_over_tls_gives_the_same_verdict(
    beside: str, certificates: tuple[ssl.SSLContext, Path], tmp_path: Path, folder: Path
) -> None:
    tls, files = certificates
    with door(beside, tls) as port:
        variables = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(files)}
        done = check(folder, tmp_path / "r.json", DOCKER_HOST=f"tcp://127.0.0.1:{port}", **variables)
    assert done.returncode == 1, done.stdout
    assert verdict(json.loads((tmp_path / "r.json").read_text())) == expected(folder)


def test_an_engine_of_another_authority_is_not_talked_to(
    beside: str, certificates: tuple[ssl.SSLContext, Path], tmp_path: Path
) -> None:
    tls, files = certificates
    others = tmp_path / "others"
    shutil.copytree(files, others)
    trustme.CA().cert_pem.write_to_path(others / "ca.pem")
    with door(beside, tls) as port:
        variables = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(others)}
        done = check(SERVES, tmp_path / "r.json", DOCKER_HOST=f"tcp://127.0.0.1:{port}", **variables)
    assert done.returncode == 3 and "the container engine does not answer" in done.stdout
    assert not (tmp_path / "r.json").exists()


@pytest.mark.parametrize("missing", ["ca.pem", "cert.pem", "everything"])
def test_certificates_that_are_not_there_are_one_sentence(
    certificates: tuple[ssl.SSLContext, Path], tmp_path: Path, missing: str
) -> None:
    files = tmp_path / "files"
    if missing != "everything":
        shutil.copytree(certificates[1], files)
        (files / missing).unlink()
    variables = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(files), "DOCKER_HOST": "tcp://127.0.0.1:1"}
    done = check(SERVES, tmp_path / "r.json", **variables)
    said = [line for line in done.stdout.splitlines() if not line.startswith("note: ")]
    assert done.returncode == 3 and len(said) == 1 and said[0].startswith("smlocal: "), done.stdout


@pytest.fixture(scope="module")
def packages(docker_client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """smlocal and what it requires, for the Python of the base image."""
    folder = tmp_path_factory.mktemp("packages")
    code = 'import sys; print("%d.%d" % sys.version_info[:2])'
    version = docker_client.containers.run(IMAGE, ["python3", "-c", code], remove=True).decode().strip()
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    for words in (
        ["wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT)],
        ["install", "--target", str(folder / "site"), "--only-binary", ":all:", "--python-version", version],
    ):
        last = [str(path) for path in folder.glob("*.whl")]
        subprocess.run([*pip, *words, *last], env=environment(), check=True, timeout=280)
    return folder / "site"


def packed(files: Mapping[str, Path]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, path in files.items():
            archive.add(path, name)
    return stream.getvalue()


@pytest.fixture
def job(docker_client: docker.DockerClient, packages: Path) -> Iterator[Callable[[Path], tuple[int, str, Any]]]:
    """A check in a container that has the engine's socket and none of this machine's folders; what it left."""
    socket_path = docker_client.api.base_url.removeprefix("http+docker://").replace("localhost", "")
    socket_path = socket_path or "/var/run/docker.sock"
    made: list[Any] = []

    def run(folder: Path) -> tuple[int, str, Any]:
        command = ["python3", "-m", "smlocal", "check", reference(folder), "--pull", "never", "--output", "json=r.json"]
        container = docker_client.containers.create(
            IMAGE,
            command,
            environment={**LIMITS, "PYTHONPATH": "/job/site"},
            working_dir="/job/checks/one",
            volumes={socket_path: {"bind": "/var/run/docker.sock", "mode": "rw"}},
        )
        made.append(container)
        files = {"job/site": packages, "job/checks/one": folder, "job/checks/train.csv": CONTAINERS / "train.csv"}
        container.put_archive("/", packed(files))
        container.start()
        code = int(container.wait(timeout=280)["StatusCode"])
        said = container.logs().decode()
        if code not in (0, 1):
            return code, said, None
        chunks, _ = container.get_archive("/job/checks/one/r.json")
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            member = archive.extractfile("r.json")
            assert member is not None
            return code, said, json.load(member)

    yield run
    for container in made:
        container.remove(force=True, v=True)


@both
def test_a_job_that_is_itself_a_container_of_the_engine_gives_the_same_verdict(
    job: Callable[[Path], tuple[int, str, Any]], build_image: Callable[..., str], folder: Path
) -> None:
    build_image(folder, reference(folder))
    code, said, report = job(folder)
    assert code == 1, said
    assert verdict(report) == expected(folder)
