"""The repositories that the suite runs on: one in memory, and real registries, each for a whole module."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from smlocal.http_client import HttpClient
from smlocal.outbound import Outbound
from smlocal.registry.credentials import Credentials
from smlocal.registry.distribution import DistributionRepository
from smlocal.registry.interface import Repository
from smlocal.registry.reference import parse_reference
from smlocal.registry.retries import Patience
from smlocal.registry.scripted import ScriptedRepository
from tests.registry.docker_registry import TokenServer, docker_registry, serving_tokens, write_htpasswd

USER, PASSWORD = "ann", "pass:word with é"
QUICK = Patience(tries=4, first_wait=0.01, longest_wait=0.05, longest_retry_after=0.05, waiting=5, timeout=20, idle=10)

Make = Callable[[str], Repository]  # a name within the registry -> the repository


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def plain_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with docker_registry(tmp_path_factory.mktemp("plain")) as place:
        yield place


@pytest.fixture(scope="module")
def basic_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("basic")
    users = write_htpasswd(folder / "users", USER, PASSWORD)
    with docker_registry(folder, auth={"htpasswd": {"realm": "tests", "path": str(users)}}) as place:
        yield place


@pytest.fixture(scope="module")
def token_server() -> Iterator[TokenServer]:
    with serving_tokens(TokenServer(USER, PASSWORD)) as server:
        yield server


@pytest.fixture(scope="module")
def token_registry(tmp_path_factory: pytest.TempPathFactory, token_server: TokenServer) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("token")
    with docker_registry(folder, auth=token_server.auth(folder)) as place:
        yield place


@pytest.fixture(scope="module")
def tls_registry(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[str]:
    with docker_registry(tmp_path_factory.mktemp("tls"), tls=authority.issue_cert("127.0.0.1")) as place:
        yield place


@pytest.fixture
def authority_file(tmp_path: Path, authority: trustme.CA) -> Path:
    path = tmp_path / "authority.crt"
    path.write_bytes(authority.cert_pem.bytes())
    return path


@pytest.fixture
def http(authority_file: Path) -> Iterator[HttpClient]:
    """As wiring makes it, with the tests' authority believed."""
    with HttpClient(Outbound({"REQUESTS_CA_BUNDLE": str(authority_file)})) as client:
        yield client


@pytest.fixture(params=["scripted", "scripted-without-referrers", "plain", "basic", "token", "tls"])
def make(request: pytest.FixtureRequest, http: HttpClient) -> Make:
    """Repositories of each registry in turn."""
    if request.param.startswith("scripted"):
        lists = request.param == "scripted"
        made: dict[str, Repository] = {}
        return lambda name: made.setdefault(name, ScriptedRepository(f"scripted/{name}", lists_referrers=lists))
    place = request.getfixturevalue(f"{request.param}_registry")
    credentials = Credentials(USER, PASSWORD) if request.param in ("basic", "token") else None

    def repository(name: str) -> Repository:
        reference = parse_reference(f"{place}/{name}")
        return DistributionRepository(reference, http, lambda: credentials, patience=QUICK, chunk_bytes=100_000)

    return repository


@pytest.fixture
def repository(make: Make) -> Repository:
    """A repository that nobody has written to."""
    return make(f"tests/a{secrets.token_hex(8)}")
