"""An engine in memory, for tests: ours, and those of whoever builds on smlocal.

Images are registered with a *program*, a Python callable that runs on a thread when a container is started and sees
what a real program would see: arguments, environment, a file system with volumes, signals, a port.

    engine = ScriptedEngine()
    engine.add_image("my-algorithm", Script(output=["hello\\n"], files={"/opt/ml/model/weights": b"1"}))
    engine.add_image("my-endpoint", Script(handler=lambda request: Answer(200, b"pong")))

    def train(run: Run) -> int:
        run.files.write("/opt/ml/output/failure", "no such channel")
        return 1

    engine.add_image("broken", train)

A program may do more than a `Script` tells: see `Run`. What goes wrong outside of programs is told to the engine:
`engine.away = True`, `engine.fail("put_archive", DiskFull("..."))`, `start_error=` of an image, `disk_bytes=`.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from smlocal.engine.interface import (
    ContainerSpec,
    ContainerState,
    EngineFacts,
    ImageFacts,
    LogStream,
    Owned,
    PathFacts,
    Pipe,
    bears,
)
from smlocal.engine.scripted_container import Neighbours, ScriptedContainer
from smlocal.engine.scripted_http import Answer, Handler, Request
from smlocal.engine.scripted_images import Images, ScriptedImage
from smlocal.engine.scripted_networks import Networks
from smlocal.engine.scripted_program import (
    Program,
    ProgramKilled,
    Run,
    Script,
    connector,
    forwarder,
)
from smlocal.engine.scripted_volumes import Volumes
from smlocal.errors import ContainerNotStarted, EngineError, EngineUnavailable, NotFoundInEngine

__all__ = [
    "Answer",
    "Handler",
    "Program",
    "ProgramKilled",
    "Request",
    "Run",
    "Script",
    "ScriptedEngine",
    "ScriptedImage",
    "connector",
    "forwarder",
]

FACTS = EngineFacts(
    name="scripted",
    version="1",
    api_version="1.41",
    operating_system="in memory",
    architecture="amd64",
    storage_driver="memory",
    cpus=8,
    memory_bytes=32 * 1024**3,
    host_id="scripted",
    address="memory://",
    shares_this_machine=True,
    has_gpu=False,
    root_directory="/",
    registry="https://registry.example/",
)


class ScriptedEngine:
    """A container engine in memory. Thread safe; keeps the whole of `Engine`'s interface.

    `facts` is what it says of itself (`dataclasses.replace(FACTS, cpus=2)`), `disk_bytes` how much its volumes hold
    before `DiskFull` ("no limit" when None), `clock` the time of starts and ends.
    """

    def __init__(
        self,
        facts: EngineFacts = FACTS,
        *,
        disk_bytes: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.away = False  # while True, nothing answers
        self.specs: list[ContainerSpec] = []  # of every container ever created, in order
        self._facts = facts
        self._disk = disk_bytes
        self._clock = clock
        self._lock = threading.RLock()
        self._count = itertools.count(1)
        self._failures: dict[str, deque[Exception]] = {}
        self._images = Images(self._identifier)
        self._volumes = Volumes()
        self._networks = Networks(self._identifier, lambda: next(self._count))
        self._containers: dict[str, ScriptedContainer] = {}

    # what a test tells it

    @property
    def remote(self) -> dict[str, ScriptedImage]:
        """What `pull` finds."""
        return self._images.remote

    @property
    def builds(self) -> dict[str, ScriptedImage]:
        """Name of a context folder -> the image that building it gives."""
        return self._images.builds

    def add_image(self, reference: str, program: Program | ScriptedImage) -> None:
        """Register an image: a program, or a `ScriptedImage` that tells more of it."""
        self._images.add(reference, program if isinstance(program, ScriptedImage) else ScriptedImage(program))

    def fail(self, method: str, error: Exception, times: int = 1) -> None:
        """Let the next `times` calls of a method of the interface raise `error`."""
        self._failures.setdefault(method, deque()).extend([error] * times)

    def _enter(self, method: str) -> None:
        if self.away:
            raise EngineUnavailable("the container engine does not answer (it is away, says its script)")
        waiting = self._failures.get(method)
        if waiting:
            raise waiting.popleft()

    # the engine and its images

    def facts(self) -> EngineFacts:
        self._enter("facts")
        return self._facts

    def close(self) -> None:
        """Ends nothing: containers outlive whoever talks to their engine."""

    def image(self, reference: str) -> ImageFacts:
        self._enter("image")
        return self._images.facts(self._images.find(reference)[0])

    def history(self, reference: str) -> tuple[str, ...]:
        self._enter("history")
        return self._images.find(reference)[1].history

    def images(self, prefix: str = "") -> list[ImageFacts]:
        self._enter("images")
        return self._images.beginning(prefix)

    def pull(self, reference: str, platform: str | None = None) -> Iterator[str]:
        self._enter("pull")
        yield from self._images.pull(reference)

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
        self._enter("build")
        yield from self._images.build(context.name, tags, labels or {})

    def import_image(self, archive: Path, reference: str, changes: tuple[str, ...] = ()) -> str:
        self._enter("import_image")
        return self._images.import_archive(archive, reference)

    def save(self, reference: str) -> Iterator[bytes]:
        self._enter("save")
        yield from self._images.save(reference)

    def tag(self, reference: str, new: str) -> None:
        self._enter("tag")
        self._images.tag(reference, new)

    def remove_image(self, reference: str) -> None:
        self._enter("remove_image")
        self._images.remove(reference)

    # volumes and networks

    def create_volume(self, name: str, labels: Mapping[str, str], overlay_of: Path | None = None) -> None:
        self._enter("create_volume")
        with self._lock:
            self._volumes.create(name, labels, overlay_of)

    def remove_volume(self, name: str) -> None:
        self._enter("remove_volume")
        with self._lock:
            self._volumes.remove(name, self._containers.values())

    def create_network(self, name: str, labels: Mapping[str, str], *, isolated: bool) -> None:
        self._enter("create_network")
        with self._lock:
            self._networks.create(name, labels, isolated)

    def connect(self, network: str, container: str) -> None:
        self._enter("connect")
        with self._lock:
            self._networks.join(self._container(container), network)

    def remove_network(self, name: str) -> None:
        self._enter("remove_network")
        with self._lock:
            self._networks.remove(name, self._containers.values())

    def bridge_gateway(self) -> str:
        self._enter("bridge_gateway")
        return "172.17.0.1"

    # containers

    def create_container(self, spec: ContainerSpec) -> str:
        self._enter("create_container")
        with self._lock:
            image = self._images.find(spec.image)[1]
            if any(item.spec.name == spec.name for item in self._containers.values()):
                raise EngineError(f'creating a container: the container name "/{spec.name}" is already in use')
            files = self._volumes.file_system(spec, image)
            container = ScriptedContainer(self._identifier(), spec, image, files, self._clock)
            if spec.network != "none":
                self._networks.join(container, spec.network or "bridge")
            self._containers[container.id] = container
            self.specs.append(spec)
            return container.id

    def _container(self, container: str) -> ScriptedContainer:
        for item in self._containers.values():
            if item.spec.name == container or (container and item.id.startswith(container)):
                return item
        raise NotFoundInEngine(f"No such container: {container}")

    def _all(self) -> list[ScriptedContainer]:
        with self._lock:
            return list(self._containers.values())

    def start(self, container: str) -> None:
        self._enter("start")
        with self._lock:
            found = self._container(container)
            if found.running:
                return
            arguments = _arguments(found.spec, found.image)
            words = found.image.refusal(arguments)
            if words is not None:
                found.refuse(words)
                raise ContainerNotStarted(words)
            environment = {**found.image.environment, **found.spec.environment}
            outside = Neighbours(found, self._all)
            found.start(Run(found.spec, arguments, environment, found.files, outside, found.output))

    def attach(self, container: str) -> LogStream:
        self._enter("attach")
        return self._container(container).output.attach()

    def logs(self, container: str, tail: int | None = None) -> bytes:
        self._enter("logs")
        return self._container(container).output.kept(tail)

    def state(self, container: str) -> ContainerState:
        self._enter("state")
        return self._container(container).state()

    def wait(self, container: str, timeout: float | None = None) -> ContainerState | None:
        self._enter("wait")
        found = self._container(container)
        return found.state() if found.ended.wait(timeout) else None

    def written_bytes(self, container: str) -> int | None:
        self._enter("written_bytes")
        return self._container(container).files.written()

    def memory_bytes(self, container: str) -> int | None:
        self._enter("memory_bytes")
        run = self._container(container).run
        return run.memory_bytes if run is not None and self._container(container).running else None

    def kill(self, container: str, signal: str) -> None:
        self._enter("kill")
        found = self._find(container)
        if found is not None:
            found.signal(signal)

    def remove_container(self, container: str) -> None:
        self._enter("remove_container")
        found = self._find(container)
        if found is not None:
            found.remove()
            with self._lock:
                self._containers.pop(found.id, None)

    def _find(self, container: str) -> ScriptedContainer | None:
        with self._lock:
            try:
                return self._container(container)
            except NotFoundInEngine:
                return None

    def put_archive(self, container: str, path: str, tar: Iterable[bytes]) -> None:
        self._enter("put_archive")
        with self._lock:
            free = None if self._disk is None else self._disk - self._volumes.used()
        self._container(container).files.unpack(path, tar, free)

    def path(self, container: str, path: str) -> PathFacts:
        self._enter("path")
        return self._container(container).files.facts(path)

    def get_archive(self, container: str, path: str) -> Iterator[bytes]:
        self._enter("get_archive")
        yield from self._container(container).files.pack(path)

    def open_pipe(self, container: str, argv: tuple[str, ...]) -> Pipe:
        self._enter("open_pipe")
        return self._container(container).open_pipe(argv)

    def owned(self, labels: Mapping[str, str]) -> list[Owned]:
        self._enter("owned")
        with self._lock:
            things = [item.owned() for item in self._containers.values()]
            things += [*self._volumes.owned(), *self._networks.owned()]
        return [item for item in things if bears(item.labels, labels)]

    def _identifier(self) -> str:
        return f"{next(self._count):064x}"[::-1]  # reversed, so that short prefixes tell containers apart


def _arguments(spec: ContainerSpec, image: ScriptedImage) -> tuple[str, ...]:
    if spec.entrypoint is None:
        return (*image.entrypoint, *(image.command if spec.command is None else spec.command))
    return (*spec.entrypoint, *(spec.command or ()))  # its own entrypoint: nothing of the image's command
