"""What smlocal needs of a container engine.

Every method may raise `EngineUnavailable` (nothing answers) and `EngineError` (the engine refused); what it raises
besides is said at the method. Adapters let no exception of a foreign library through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

StreamName = Literal["stdout", "stderr"]
PathKind = Literal["file", "directory", "symlink", "other"]


@dataclass(frozen=True)
class EngineFacts:
    """What an engine says of itself."""

    name: str  # "docker" or "podman"
    version: str
    api_version: str
    operating_system: str
    architecture: str  # as images name it: "amd64", "arm64"
    storage_driver: str
    cpus: int
    memory_bytes: int
    host_id: str  # names the engine's host: two sockets of one engine give the same id
    address: str  # the address it was reached at, for messages
    shares_this_machine: bool  # ports that it publishes on loopback are reachable from this process
    has_gpu: bool
    root_directory: str
    registry: str = ""  # where it looks for images without a host in their name; "": it does not say
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageFacts:
    """An image that the engine holds."""

    id: str  # "sha256:..."
    tags: tuple[str, ...]
    architecture: str
    operating_system: str
    size_bytes: int
    created: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    labels: Mapping[str, str]
    user: str
    working_directory: str
    manifest_type: str = ""  # media type of the manifest that the engine's store keeps; "": it keeps none
    layers: tuple[str, ...] = ()  # digests of the layers' uncompressed bytes, the lowest first


@dataclass(frozen=True)
class VolumeMount:
    """A volume seen by a container at `path`."""

    volume: str
    path: str
    read_only: bool = False


@dataclass(frozen=True)
class ContainerSpec:
    """A container to be created. Nothing here is a default of the engine's: what is not named is not given."""

    image: str
    name: str
    labels: Mapping[str, str]
    command: tuple[str, ...] | None = None  # None: the image's own
    entrypoint: tuple[str, ...] | None = None  # None: the image's own; () is not allowed
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[VolumeMount, ...] = ()
    hostname: str | None = None
    network: str | None = None  # None: the engine's default bridge; "none": no interface but loopback
    aliases: tuple[str, ...] = ()  # names in `network`, when it is one of ours
    published_port: int | None = None  # container port, published on a free loopback port
    cpus: float | None = None  # vCPU; None: no limit
    memory_bytes: int | None = None
    shared_memory_bytes: int | None = None
    extra_hosts: Mapping[str, str] = field(default_factory=dict)  # name -> address, into /etc/hosts
    resolvers: tuple[str, ...] | None = None  # None: the engine's
    resolver_options: tuple[str, ...] = ()  # as in resolv.conf: "timeout:1"
    gpus: bool = False
    platform: str | None = None  # "linux/amd64"


@dataclass(frozen=True)
class ContainerState:
    """A container as the engine sees it now."""

    id: str
    name: str
    status: str  # "created", "running", "exited", ...
    running: bool
    exit_code: int | None  # None until it has exited
    out_of_memory: bool
    error: str  # the engine's own words when it could not start the program
    labels: Mapping[str, str]
    addresses: Mapping[str, str]  # network name -> IPv4 address
    published: Mapping[int, tuple[str, int]]  # container port -> (host address, host port)
    started_at: str
    finished_at: str


@dataclass(frozen=True)
class PathFacts:
    """What is at a path of a container."""

    kind: PathKind
    mode: int  # permissions
    link: str = ""  # of a symlink: the path that it leads to, absolute, the links on the way followed


@dataclass(frozen=True)
class LogChunk:
    """Some bytes of a container's output, in the order in which the engine took them."""

    stream: StreamName
    data: bytes


@dataclass(frozen=True)
class Owned:
    """A thing in the engine that bears labels: enough to decide whether it is ours and to remove it."""

    kind: Literal["container", "volume", "network"]
    id: str
    name: str
    labels: Mapping[str, str]
    running: bool = False
    created: str = ""
    image: str = ""


def bears(found: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether a thing with the labels `found` bears every one of `wanted` ("" as value: any value)."""
    return all(name in found and value in ("", found[name]) for name, value in wanted.items())


class Pipe(Protocol):
    """A two-way stream of bytes to a process in a container."""

    def send(self, data: bytes) -> None: ...

    def receive(self) -> bytes:
        """The next bytes of the process's standard output; b"" at its end."""
        ...

    def close_sending(self) -> None: ...

    def close(self) -> None: ...


class LogStream(Protocol):
    """A container's output from its first byte; iteration ends when the container's streams close."""

    def __iter__(self) -> Iterator[LogChunk]: ...

    def close(self) -> None: ...


class Engine(Protocol):
    """A Docker-compatible container engine."""

    def facts(self) -> EngineFacts: ...

    def close(self) -> None: ...

    # images

    def image(self, reference: str) -> ImageFacts:
        """Raises ImageNotFound."""
        ...

    def history(self, reference: str) -> tuple[str, ...]:
        """The instructions that the image was made by, the oldest first, as the engine keeps them. Raises
        ImageNotFound."""
        ...

    def images(self, prefix: str = "") -> list[ImageFacts]:
        """Images with a tag that begins with `prefix`."""
        ...

    def pull(self, reference: str, platform: str | None = None) -> Iterator[str]:
        """Pull, yielding progress lines. Raises ImageNotFound when it does not exist or may not be pulled."""
        ...

    def build(
        self,
        context: Path,
        tags: tuple[str, ...],
        *,
        target: str | None = None,
        arguments: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        platform: str | None = None,
        extra_files: Mapping[str, bytes] | None = None,
    ) -> Iterator[str]:
        """Build a folder with a Dockerfile by the classic builder, yielding its lines; `extra_files` are added to
        the context. Raises EngineError with the failing step's last lines."""
        ...

    def import_image(self, archive: Path, reference: str, changes: tuple[str, ...] = ()) -> str:
        """Make an image of a root file system in a tar file; gives its id."""
        ...

    def save(self, reference: str) -> Iterator[bytes]:
        """The image as a tar stream in the engine's own form: the archive of `docker save`, or an OCI layout; with an
        id as reference, this image alone. The engine may be silent for long before the first byte. Raises
        ImageNotFound."""
        ...

    def tag(self, reference: str, new: str) -> None:
        """Raises ImageNotFound."""
        ...

    def remove_image(self, reference: str) -> None:
        """Raises ImageNotFound."""
        ...

    # volumes and networks

    def create_volume(self, name: str, labels: Mapping[str, str], overlay_of: Path | None = None) -> None:
        """An empty volume; with `overlay_of`, one that shows that folder of the engine's host, writable without
        changing it (raises EngineError where the engine cannot)."""
        ...

    def remove_volume(self, name: str) -> None:
        """Gone afterwards; no error when it was not there."""
        ...

    def create_network(self, name: str, labels: Mapping[str, str], *, isolated: bool) -> None:
        """A bridge; `isolated`: internal, and without an address of the host on it."""
        ...

    def connect(self, network: str, container: str) -> None: ...

    def remove_network(self, name: str) -> None:
        """Gone afterwards; no error when it was not there."""
        ...

    def bridge_gateway(self) -> str:
        """The host's address on the default bridge."""
        ...

    # containers

    def create_container(self, spec: ContainerSpec) -> str:
        """Create, not start; gives the id. Raises ImageNotFound."""
        ...

    def start(self, container: str) -> None:
        """Raises ContainerNotStarted with the engine's words when the program is missing or not executable."""
        ...

    def attach(self, container: str) -> LogStream:
        """The output from now on, none lost: attach before `start` to have all of it.

        Raises ContainerNotStarted where the engine prepares the program already here (Podman), NotFoundInEngine.
        """
        ...

    def logs(self, container: str, tail: int | None = None) -> bytes:
        """What the engine kept of the output, its last `tail` lines when given."""
        ...

    def state(self, container: str) -> ContainerState:
        """Raises NotFoundInEngine."""
        ...

    def wait(self, container: str, timeout: float | None = None) -> ContainerState | None:
        """Wait until it has exited; None when `timeout` seconds passed first."""
        ...

    def written_bytes(self, container: str) -> int | None:
        """How much a container has written outside of its volumes, in any state; None where the engine does not say.

        Raises NotFoundInEngine.
        """
        ...

    def memory_bytes(self, container: str) -> int | None:
        """The memory that a running container's processes hold, without the page cache; None when nothing is known.

        Raises NotFoundInEngine.
        """
        ...

    def kill(self, container: str, signal: str) -> None:
        """Send a signal such as "SIGTERM"; no error when it is not running."""
        ...

    def remove_container(self, container: str) -> None:
        """Killed if need be and gone afterwards, with its anonymous volumes; no error when it was not there."""
        ...

    def put_archive(self, container: str, path: str, tar: Iterable[bytes]) -> None:
        """Unpack a tar stream at `path` of a container in any state. Raises DiskFull, NotFoundInEngine."""
        ...

    def path(self, container: str, path: str) -> PathFacts:
        """What is at a path, without its bytes: far cheaper than an archive of it. Links on the way are followed, the
        last is not. Raises NotFoundInEngine, which is also what Podman says of a link that leads nowhere."""
        ...

    def get_archive(self, container: str, path: str) -> Iterator[bytes]:
        """The tar stream of `path`; members' names begin with its last component. Raises NotFoundInEngine."""
        ...

    def open_pipe(self, container: str, argv: tuple[str, ...]) -> Pipe:
        """Run a command in a running container with its standard input and output in our hands."""
        ...

    def owned(self, labels: Mapping[str, str]) -> list[Owned]:
        """All containers, volumes and networks that bear every one of these labels ("" as value: any value)."""
        ...
