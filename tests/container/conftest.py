"""Real containers for tests: the reference images, the broken ones, and a hand-made /opt/ml tree in one of them.

Files travel through the engine's API (volumes and archives), never by bind mounts, so that these tests also pass on an
engine that cannot see this machine's folders.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import posixpath
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import ImageNotFound, NotFound

ROOT = Path(__file__).resolve().parents[2]
BROKEN = ROOT / "fixtures" / "broken"
# Volumes, as the platform has them: what a container finds there is there for it alone.
VOLUMES = ("/opt/ml/input", "/opt/ml/model", "/opt/ml/output", "/opt/ml/checkpoints")


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Box:
    """One container from creation to removal."""

    def __init__(self, container: Any) -> None:
        self._container = container

    @property
    def name(self) -> str:
        return str(self._container.name)

    def put(self, files: Mapping[str, bytes], mode: int = 0o644) -> None:
        """Write files at absolute paths; a path that ends with `/` is an empty folder."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            for path, content in files.items():
                member = tarfile.TarInfo(path.strip("/"))
                member.mode = mode
                if path.endswith("/"):
                    member.type, member.mode = tarfile.DIRTYPE, 0o755
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        self._container.put_archive("/", stream.getvalue())

    def start(self) -> Box:
        self._container.start()
        return self

    def wait(self, seconds: float = 60) -> int:
        """The exit code; a container that does not end in time fails the test."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            state = self.state
            if not state["Running"] and state["Status"] == "exited":
                return int(state["ExitCode"])
            threading.Event().wait(0.05)
        pytest.fail(f"{self.name} still runs after {seconds} s:\n{self.logs()}")

    @property
    def state(self) -> Mapping[str, Any]:
        self._container.reload()
        return dict(self._container.attrs["State"])

    def stop(self, grace: int = 10) -> tuple[int, float]:
        """SIGTERM, then SIGKILL after `grace` seconds: the exit code and the seconds that it took."""
        began = time.monotonic()
        self._container.stop(timeout=grace)
        return self.wait(5), time.monotonic() - began

    def signal(self, name: str) -> None:
        self._container.kill(signal=name)

    def run_inside(self, command: list[str]) -> tuple[int, str]:
        """Exit code and output of a command run in the container while it runs."""
        code, output = self._container.exec_run(command)
        return int(code), bytes(output).decode()

    def logs(self, stdout: bool = True, stderr: bool = True) -> str:
        return bytes(self._container.logs(stdout=stdout, stderr=stderr)).decode("utf-8", "replace")

    def wait_for_log(self, text: str, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.logs():
            if time.monotonic() > deadline:
                pytest.fail(f"{self.name} never said {text!r}:\n{self.logs()}")
            threading.Event().wait(0.05)

    def read(self, path: str) -> bytes | None:
        """The bytes of one file, or None when there is none; works on an ended container too."""
        return self.tree(path).get(posixpath.basename(path))

    def tree(self, path: str) -> dict[str, bytes]:
        """Every file below a path, by its name relative to the path's parent."""
        try:
            chunks, _ = self._container.get_archive(path)
        except NotFound:
            return {}
        files = {}
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            for member in archive:
                stream = archive.extractfile(member)
                if member.isfile() and stream:
                    files[member.name] = stream.read()
        return files

    def address(self, port: int = 8080) -> tuple[str, int]:
        self._container.reload()
        published = self._container.attrs["NetworkSettings"]["Ports"][f"{port}/tcp"][0]
        return str(published["HostIp"]), int(published["HostPort"])

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = 60,
        port: int = 8080,
    ) -> Reply:
        """One request on a connection of its own; `body` may be bytes or an iterable (then it goes chunked)."""
        connection = http.client.HTTPConnection(*self.address(port), timeout=seconds)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def invoke(
        self, body: Any, content_type: str | None = "text/csv", accept: str | None = None, **options: Any
    ) -> Reply:
        named = {"Content-Type": content_type, "Accept": accept}
        headers = {name: value for name, value in named.items() if value is not None}
        return self.request("POST", "/invocations", body, headers, **options)

    def ping(self, seconds: float = 2) -> Reply:
        return self.request("GET", "/ping", seconds=seconds)

    def wait_healthy(self, seconds: float = 30) -> Box:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if self.ping().status == 200:
                    return self
            except (OSError, http.client.HTTPException):
                if not self.state["Running"]:
                    break
            threading.Event().wait(0.05)
        pytest.fail(f"{self.name} is not healthy:\n{self.logs()}")

    def remove(self) -> None:
        self._container.remove(force=True, v=True)


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.DockerClient]:
    """The engine that DOCKER_HOST names, or the local one."""
    client = docker.from_env()
    yield client
    client.close()


def _existing(client: docker.DockerClient, name: str) -> str:
    try:
        client.images.get(name)
    except ImageNotFound:
        pytest.fail(f"There is no image {name} on this engine. Make it with: smlocal images build")
    return name


@pytest.fixture(scope="session")
def sklearn_image(docker_client: docker.DockerClient) -> str:
    """The name of the bring-your-own image."""
    return _existing(docker_client, "smlocal/sklearn:latest")


@pytest.fixture(scope="session")
def xgboost_image(docker_client: docker.DockerClient) -> str:
    """The name of the stand-in for the built-in XGBoost."""
    return _existing(docker_client, "smlocal/xgboost:latest")


@pytest.fixture(scope="session")
def build_image(docker_client: docker.DockerClient) -> Callable[..., str]:
    """Build a folder into an image, unless the engine has it from the same files on the same base."""

    def build(folder: Path, tag: str, base: str = "smlocal/base:latest", **options: Any) -> str:
        base_id = docker_client.images.get(_existing(docker_client, base)).id
        content = _digest(folder, f"{base_id} {sorted(options.items())}")
        try:
            if docker_client.images.get(tag).labels.get("smlocal-test.content") == content:
                return tag
        except ImageNotFound:
            pass
        docker_client.images.build(
            path=str(folder), tag=tag, labels={"smlocal-test.content": content}, rm=True, forcerm=True, **options
        )
        return tag

    return build


def _digest(folder: Path, extra: str) -> str:
    digest = hashlib.sha256(extra.encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(folder)} {path.stat().st_mode:o}\n".encode() + path.read_bytes())
    return digest.hexdigest()


@pytest.fixture(scope="session")
def broken_image(build_image: Callable[..., str]) -> str:
    """The image whose faults `fixtures/broken/README.md` lists, chosen by the variable FAULT."""
    return build_image(BROKEN, "smlocal-test/broken:latest")


class Boxes:
    """Containers that are gone, with their volumes, when `remove_all` is called."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client
        self._made: list[Box] = []

    def __call__(self, image: str, command: list[str], files: Mapping[str, bytes] | None = None, **options: Any) -> Box:
        """Create a container with `files` in it; `options` are those of the Docker SDK's `create`."""
        options.setdefault("volumes", list(VOLUMES))
        if "network_mode" not in options:
            options.setdefault("ports", {"8080/tcp": ("127.0.0.1", None)})
        box = Box(self._client.containers.create(image, command, labels={"smlocal-test": "box"}, **options))
        self._made.append(box)
        if files:
            box.put(files)
        return box

    def remove_all(self) -> None:
        while self._made:
            self._made.pop().remove()


@pytest.fixture
def new_box(docker_client: docker.DockerClient) -> Iterator[Boxes]:
    """Create containers that end with the test."""
    boxes = Boxes(docker_client)
    yield boxes
    boxes.remove_all()


@pytest.fixture(scope="module")
def shared_box(docker_client: docker.DockerClient) -> Iterator[Boxes]:
    """Create containers that end with the test module."""
    boxes = Boxes(docker_client)
    yield boxes
    boxes.remove_all()
