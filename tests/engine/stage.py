"""What the tests of engines do again and again: name things, run a trial, read an archive; and clear up."""

from __future__ import annotations

import io
import itertools
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from smlocal.engine.interface import ContainerSpec, ContainerState, Engine, LogChunk, LogStream
from smlocal.tree import Entry, tar_stream
from tests.engine.adapters import IMAGE, Adapter
from tests.engine.programs import Trial

_PATIENCE = 60.0
_COUNT = itertools.count(1)


@dataclass
class Stage:
    """One test's things in one engine; all bear `labels`."""

    adapter: Adapter
    labels: dict[str, str] = field(default_factory=dict)
    _streams: list[LogStream] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.labels = {"smlocal-suite": self.name("test")}

    @property
    def engine(self) -> Engine:
        return self.adapter.engine

    def name(self, word: str) -> str:
        return f"smlocal-suite-{os.getpid()}-{next(_COUNT)}-{word}"

    def volume(self) -> str:
        name = self.name("volume")
        self.engine.create_volume(name, self.labels)
        return name

    def network(self, *, isolated: bool) -> str:
        name = self.name("network")
        self.engine.create_network(name, self.labels, isolated=isolated)
        return name

    def spec(self, trial: Trial, **more: Any) -> ContainerSpec:
        return replace(ContainerSpec(IMAGE, self.name("container"), self.labels, command=trial.command), **more)

    def create(self, trial: Trial, **more: Any) -> str:
        return self.engine.create_container(self.spec(trial, **more))

    def started(self, trial: Trial, **more: Any) -> str:
        container = self.create(trial, **more)
        self.engine.start(container)
        return container

    def run(self, trial: Trial, **more: Any) -> Ran:
        """Run a trial to its end, with all its output."""
        return self.run_created(self.create(trial, **more))

    def run_created(self, container: str) -> Ran:
        stream = self.attach(container)
        self.engine.start(container)
        chunks = list(stream)
        return Ran(container, self.ended(container), chunks)

    def attach(self, container: str) -> LogStream:
        stream = self.engine.attach(container)
        self._streams.append(stream)
        return stream

    def ended(self, container: str) -> ContainerState:
        state = self.engine.wait(container, _PATIENCE)
        assert state is not None, "the container does not end"
        return state

    def put(self, container: str, path: str, *entries: Entry) -> None:
        self.engine.put_archive(container, path, tar_stream(entries))

    def members(self, container: str, path: str) -> dict[str, tarfile.TarInfo]:
        with self._archive(container, path) as archive:
            return {member.name: member for member in archive}

    def file(self, container: str, path: str) -> bytes:
        with self._archive(container, path) as archive:
            content = archive.extractfile(archive.getmembers()[0])
            assert content is not None
            return content.read()

    def _archive(self, container: str, path: str) -> tarfile.TarFile:
        return tarfile.open(fileobj=io.BytesIO(b"".join(self.engine.get_archive(container, path))))

    def clear(self) -> None:
        """Remove all of it: containers first, for what they hold cannot be removed."""
        for stream in self._streams:
            stream.close()
        ours = self.engine.owned(self.labels)
        for item in (found for found in ours if found.kind == "container"):
            self.engine.remove_container(item.id)
        for item in (found for found in ours if found.kind == "network"):
            self.engine.remove_network(item.name)
        for item in (found for found in ours if found.kind == "volume"):
            self.engine.remove_volume(item.name)


@dataclass(frozen=True)
class Ran:
    """A trial that has ended."""

    container: str
    state: ContainerState
    chunks: list[LogChunk]

    def output(self, stream: str = "stdout") -> bytes:
        return b"".join(chunk.data for chunk in self.chunks if chunk.stream == stream)

    def lines(self) -> Iterator[str]:
        yield from self.output().decode().splitlines()
