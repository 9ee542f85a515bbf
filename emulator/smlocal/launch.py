"""Start one container of ours: volumes, limits, network, logs, stop; and clean up, also after an owner that died.

Everything that a launch makes in the engine bears the owner's labels from the moment it exists, so that whatever
happens to this process, the next one can remove it.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from smlocal import instances, optml, owner
from smlocal.container import Exit, LaunchedContainer, LogLine
from smlocal.engine.interface import ContainerSpec, Engine, Owned, VolumeMount
from smlocal.errors import EngineError, NotFoundInEngine
from smlocal.relay import ApiRelay, PublishedRelay
from smlocal.streams import counted
from smlocal.tree import Entry, TreeDirectory, below, parents, tar_stream

__all__ = ["Exit", "Launch", "LaunchedContainer", "Launcher", "LogLine", "Volume"]

_AT_ONCE = 4  # removals

Kind = Literal["training", "endpoint", "transform", "examination"]


@dataclass(frozen=True)
class Volume:
    """A volume of a launch."""

    path: str  # where it is mounted: "/opt/ml/model"
    contents: Callable[[], Iterator[Entry]] | None = None  # what it holds at the start, relative to `path`
    read_only: bool = False
    overlay_of: Path | None = None  # a folder of this machine shown instead of `contents`, where the engine can


@dataclass(frozen=True)
class Launch:
    """One container to be run."""

    kind: Kind
    name: str  # of the job or endpoint
    image: str  # a reference that the engine holds
    arguments: tuple[str, ...] | None  # ("train",), ("serve",); None: the image's own
    entrypoint: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[Volume, ...] = ()
    instance: instances.Granted | None = None
    shared_memory_bytes: int | None = None  # of /dev/shm; None: what the engine gives
    isolated: bool = False
    port: int | None = None  # the container port that we call
    hostname: str | None = None
    aliases: tuple[str, ...] = ()
    keep: bool = False  # leave the container and its volumes for the user to look at


class Launcher:
    """Launches containers on one engine for one owner."""

    def __init__(self, engine: Engine, me: owner.Owner, relay_image: str) -> None:
        self._engine = engine
        self._me = me
        self._relay_image = relay_image

    def grant(self, instance_type: str) -> instances.Granted:
        """What the engine's host can give of an instance type. Raises InvalidRequest, NotSupported."""
        facts = self._engine.facts()
        wanted = instances.instance(instance_type)
        return instances.grant(wanted, cpus=facts.cpus, memory_bytes=facts.memory_bytes, has_gpu=facts.has_gpu)

    def launch(self, launch: Launch, on_bytes: Callable[[int], None] = lambda count: None) -> LaunchedContainer:
        """Create the container and fill its volumes; it is not started. Nothing is left when this raises.

        `on_bytes` is told of every piece that goes into a volume, and may end the filling by raising.
        """
        local = self._engine.facts().shares_this_machine
        try:
            made = self._make(launch, on_bytes, overlays=local)
        except _OverlayRefused:
            made = self._make(launch, on_bytes, overlays=False)
        return LaunchedContainer(
            self._engine, made.container, relay=self._relay(launch, made), port=launch.port, undo=_undo(launch, made)
        )

    def _make(self, launch: Launch, on_bytes: Callable[[int], None], overlays: bool) -> _Making:
        run = secrets.token_hex(6)
        stem = f"smlocal-{launch.kind}-{launch.name[:40]}-{run}"
        made = _Making(self._engine, stem, f"container-{run}", self._labels(launch, run), overlays)
        try:
            made.create(launch, self._engine.facts().shares_this_machine)
            made.fill(launch, on_bytes)
        except BaseException as error:
            made.undo()
            if made.overlaid and type(error) is EngineError:
                raise _OverlayRefused from error
            raise
        return made

    def _labels(self, launch: Launch, run: str) -> dict[str, str]:
        labels = {**self._me.labels(), owner.KIND: launch.kind, owner.NAME: launch.name, owner.RUN: run}
        return {**labels, owner.KEEP: "true"} if launch.keep else labels

    def _relay(self, launch: Launch, made: _Making) -> Callable[[], tuple[str, int]] | None:
        """How the container's port is reached, when publishing it is not enough."""
        local = self._engine.facts().shares_this_machine
        port = launch.port
        if port is None or (local and not launch.isolated):
            return None
        kind = PublishedRelay if local else ApiRelay
        relay = kind(self._engine, self._relay_image, f"{made.stem}-relay", made.labels)
        made.closers.append(relay.close)

        def open_relay() -> tuple[str, int]:
            addresses = self._engine.state(made.container).addresses
            address = next(iter(addresses.values()), None)
            if address is None:
                raise EngineError("the container has no address to be reached at")
            return relay.open(made.network, made.alias, address, port)

        return open_relay

    # what is ours in the engine

    def ours(self) -> list[Owned]:
        """Everything in the engine that a smlocal on this host made."""
        return self._engine.owned({owner.OURS: self._me.host})

    def mine(self) -> list[Owned]:
        """Everything in the engine that this very process made and has not removed."""
        return self._engine.owned(self._me.labels())

    def is_live(self, item: Owned) -> bool:
        """Whether the process that owns it may still be running."""
        found = owner.owner_of(item.labels)
        return found is None or not owner.is_dead(found, self._me)

    def reap(self) -> list[Owned]:
        """Remove what dead owners of this host left, but what they were asked to keep; gives what was removed."""
        return self._remove(item for item in self.ours() if not self.is_live(item) and owner.KEEP not in item.labels)

    def prune(self) -> list[Owned]:
        """Remove what dead owners of this host left, kept or not; gives what was removed."""
        return self._remove(item for item in self.ours() if not self.is_live(item))

    def _remove(self, items: Iterable[Owned]) -> list[Owned]:
        order = {"container": 0, "network": 1, "volume": 2}
        removed = []
        for item in sorted(items, key=lambda found: order[found.kind]):
            remove = {
                "container": self._engine.remove_container,
                "network": self._engine.remove_network,
                "volume": self._engine.remove_volume,
            }[item.kind]
            with contextlib.suppress(EngineError):  # another reaper was first, or it is still in use
                remove(item.id)
                removed.append(item)
        return removed


def _outside(path: str) -> Iterator[str]:
    """The parents of a path that are not below /opt/ml, which the platform makes itself."""
    return (parent for parent in parents(path) if not f"/{parent}/".startswith(f"{optml.ROOT}/"))


def _undo(launch: Launch, made: _Making) -> Callable[[], None]:
    return made.close_relays if launch.keep else made.undo


def _failure_of(step: Callable[[], None]) -> EngineError | None:
    """What was wrong with a removal; that there was nothing to remove is nothing wrong."""
    try:
        step()
    except NotFoundInEngine:
        return None
    except EngineError as error:
        return error
    return None


class _OverlayRefused(Exception):
    """The engine takes a volume that overlays a folder, and then cannot mount it: mounts are made on first use."""


class _Making:
    """What one launch has made in the engine so far, so that all of it can be undone."""

    def __init__(self, engine: Engine, stem: str, alias: str, labels: Mapping[str, str], overlays: bool) -> None:
        self._engine = engine
        self._overlays = overlays
        self.stem = stem
        self.alias = alias  # of the container in its network, and of no other
        self.labels = labels
        self.container = ""
        self.network: str | None = None
        self.closers: list[Callable[[], None]] = []
        self._containers: list[str] = []
        self._volumes: list[str] = []
        self.overlaid: set[str] = set()

    def create(self, launch: Launch, local: bool) -> None:
        if launch.isolated:
            self.network = self.stem
            self._engine.create_network(self.stem, self.labels, isolated=True)
        mounts = tuple(self._volume(index, volume) for index, volume in enumerate(launch.volumes))
        self._containers.append(self.stem)  # by its name: an interrupt may come before its id
        self.container = self._engine.create_container(self._spec(launch, mounts, local))

    def _volume(self, index: int, volume: Volume) -> VolumeMount:
        name = f"{self.stem}-{index}"
        self._volumes.append(name)
        if volume.overlay_of is not None and self._overlays:
            with contextlib.suppress(EngineError):  # an engine that cannot: the contents are copied instead
                self._engine.create_volume(name, self.labels, overlay_of=volume.overlay_of)
                self.overlaid.add(volume.path)
                return VolumeMount(name, volume.path, volume.read_only)
        self._engine.create_volume(name, self.labels)
        return VolumeMount(name, volume.path, volume.read_only)

    def _spec(self, launch: Launch, mounts: tuple[VolumeMount, ...], local: bool) -> ContainerSpec:
        granted = launch.instance
        return ContainerSpec(
            image=launch.image,
            name=self.stem,
            labels=self.labels,
            command=launch.arguments,
            entrypoint=launch.entrypoint,
            environment=launch.environment,
            mounts=mounts,
            hostname=launch.hostname,
            network=self.network,
            aliases=(*launch.aliases, self.alias) if self.network else (),
            # the default bridge knows no aliases: there the host's own names lead to itself
            extra_hosts={} if self.network else dict.fromkeys(launch.aliases, "127.0.0.1"),
            # a documentation address (RFC 5737): no resolver answers there, so no name leaves an isolated container
            resolvers=("192.0.2.1",) if launch.isolated else None,
            resolver_options=("timeout:1", "attempts:1") if launch.isolated else (),
            published_port=launch.port if local and not launch.isolated else None,
            cpus=granted.cpus if granted else None,
            memory_bytes=granted.memory_bytes if granted else None,
            shared_memory_bytes=launch.shared_memory_bytes,
            gpus=granted.gpus if granted else False,
        )

    def fill(self, launch: Launch, on_bytes: Callable[[int], None]) -> None:
        writable = [volume for volume in launch.volumes if not volume.read_only]
        if writable:
            self._put(self.container, writable, on_bytes)
        sealed = [volume for volume in launch.volumes if volume.read_only and volume.path not in self.overlaid]
        if sealed:
            self._fill_sealed(launch, sealed, on_bytes)

    def _fill_sealed(self, launch: Launch, sealed: list[Volume], on_bytes: Callable[[int], None]) -> None:
        """A volume that the container mounts read-only takes no archive there: it is filled through a second
        container that is never started."""
        names = {volume.path: f"{self.stem}-{index}" for index, volume in enumerate(launch.volumes)}
        mounts = tuple(VolumeMount(names[volume.path], volume.path) for volume in sealed)
        name = f"{self.stem}-filler"
        self._containers.append(name)
        filler = self._engine.create_container(
            ContainerSpec(launch.image, name, self.labels, command=("true",), mounts=mounts)
        )
        self._put(filler, sealed, on_bytes)
        self._engine.remove_container(filler)
        self._containers.remove(name)

    def _put(self, container: str, volumes: list[Volume], on_bytes: Callable[[int], None]) -> None:
        # the engine made the way to each mount; what the image has there already keeps its owner and mode
        existing = {parent for volume in volumes for parent in _outside(volume.path.strip("/"))}
        stream = tar_stream(self._entries(volumes), existing=existing)
        self._engine.put_archive(container, "/", counted(stream, on_bytes))

    def _entries(self, volumes: list[Volume]) -> Iterator[Entry]:
        for volume in volumes:
            root = volume.path.strip("/")
            yield TreeDirectory(root)
            if volume.contents is None or volume.path in self.overlaid:
                continue
            for entry in volume.contents():
                yield below(root, entry)

    def close_relays(self) -> None:
        for close in self.closers:
            close()
        self.closers.clear()

    def undo(self) -> None:
        """Remove all of it; what cannot be removed does not keep the rest, and is told at the end."""
        containers = [*self.closers, *(partial(self._engine.remove_container, name) for name in self._containers)]
        rest = [partial(self._engine.remove_volume, name) for name in self._volumes]
        if self.network is not None:
            rest.append(partial(self._engine.remove_network, self.stem))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            failures = [*pool.map(_failure_of, containers), *pool.map(_failure_of, rest)]
        for failure in filter(None, failures):
            raise failure
