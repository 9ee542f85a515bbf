"""Any engine that speaks Docker's API: Docker, rootless Docker, Docker Desktop, Podman.

The one module (with its neighbours, `docker_*`) that knows the `docker` package; none of its exceptions leaves it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import docker.errors
import requests.exceptions

from smlocal.engine import docker_facts, podman
from smlocal.engine.docker_archive import Upload, named_after, path_told
from smlocal.engine.docker_client import client_of, socket_under
from smlocal.engine.docker_errors import explanation, translated
from smlocal.engine.docker_images import DockerImages
from smlocal.engine.docker_streams import SocketLogStream, SocketPipe
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
from smlocal.errors import (
    CannotRun,
    ContainerNotStarted,
    DiskFull,
    EngineError,
    EngineUnavailable,
    ImageNotFound,
    NotFoundInEngine,
)


class DockerEngine(DockerImages):
    """An engine at `address` (default: DOCKER_HOST, else the Docker context). Thread safe."""

    def __init__(self, address: str | None = None) -> None:
        with translated("connecting to the container engine"):
            api, self._address = client_of(address)
        super().__init__(api)
        self._facts: EngineFacts | None = None

    def facts(self) -> EngineFacts:
        if self._facts is None:
            with translated("asking the engine for its facts"):
                self._facts = docker_facts.engine_facts(self._api.info(), self._api.version(), self._address)
        return self._facts

    def close(self) -> None:
        self._api.close()

    def image(self, reference: str) -> ImageFacts:
        facts = super().image(reference)
        if self.facts().name != "podman":
            return facts
        with translated(f"image {reference}", missing=ImageNotFound):
            return replace(facts, manifest_type=podman.manifest_type(self._api, facts.id))

    # volumes and networks

    def create_volume(self, name: str, labels: Mapping[str, str], overlay_of: Path | None = None) -> None:
        options: dict[str, str] | None = None
        if overlay_of is not None:
            options = self._overlay_options(name, labels, overlay_of)
        with translated(f"creating volume {name}"):
            self._api.create_volume(name, driver="local", driver_opts=options, labels=dict(labels))

    def _overlay_options(self, name: str, labels: Mapping[str, str], folder: Path) -> dict[str, str]:
        """Options of the `local` driver; the writable layer lives in a second volume of ours."""
        if any(character in str(folder) for character in ",:\\"):
            raise EngineError(f"{folder} cannot be overlaid: its path has ':', ',' or a backslash")
        upper = f"{name}-upper"
        with translated(f"creating volume {upper}"):
            self._api.create_volume(upper, driver="local", labels=dict(labels))
            mountpoint = Path(self._api.inspect_volume(upper)["Mountpoint"])
        try:
            (mountpoint / "upper").mkdir()
            (mountpoint / "work").mkdir()
        except OSError as error:
            self.remove_volume(upper)
            raise EngineError(f"{folder} cannot be overlaid: the engine's volumes are not ours to write") from error
        layers = f"lowerdir={folder},upperdir={mountpoint}/upper,workdir={mountpoint}/work"
        return {"type": "overlay", "device": "overlay", "o": layers}

    def remove_volume(self, name: str) -> None:
        for volume in (name, f"{name}-upper"):
            with contextlib.suppress(NotFoundInEngine), translated(f"removing volume {volume}"):
                self._api.remove_volume(volume, force=True)

    def create_network(self, name: str, labels: Mapping[str, str], *, isolated: bool) -> None:
        options = {"com.docker.network.bridge.inhibit_ipv4": "true"} if isolated else None
        with translated(f"creating network {name}"):
            if isolated and self.facts().name == "podman":
                podman.create_isolated_network(self._api, name, labels)
            else:
                self._api.create_network(name, driver="bridge", options=options, internal=isolated, labels=dict(labels))

    def connect(self, network: str, container: str) -> None:
        with translated(f"connecting to network {network}"):
            self._api.connect_container_to_network(container, network)

    def remove_network(self, name: str) -> None:
        with contextlib.suppress(NotFoundInEngine), translated(f"removing network {name}"):
            self._api.remove_network(name)

    def bridge_gateway(self) -> str:
        name = "podman" if self.facts().name == "podman" else "bridge"
        with translated(f"asking for the gateway of network {name}"):
            gateway = docker_facts.gateway(self._api.inspect_network(name))
        if gateway is None:
            raise EngineError(f"network {name} has no gateway")
        return gateway

    # containers

    def create_container(self, spec: ContainerSpec) -> str:
        config = docker_facts.container_config(spec)
        if self.facts().name == "podman":
            config = podman.adapt(config)
        with translated(f"creating a container of {spec.image}"):
            try:
                return str(self._api.create_container_from_config(config, spec.name, spec.platform)["Id"])
            except docker.errors.NotFound as error:
                if "image" in explanation(error).lower():
                    raise ImageNotFound(f"image {spec.image}: {explanation(error)}") from error
                raise

    def start(self, container: str) -> None:
        try:
            with translated("starting the container"):
                self._api.start(container)
        except (EngineUnavailable, DiskFull, ImageNotFound):
            raise
        except EngineError as error:
            cause = error.__cause__
            text = explanation(cause) if isinstance(cause, docker.errors.APIError) else str(error)
            if "no such container" in text.lower():
                raise
            raise ContainerNotStarted(text) from error

    def attach(self, container: str) -> LogStream:
        with translated("attaching to the container's output"):
            parameters = {"logs": 0, "stdout": 1, "stderr": 1, "stream": 1}
            try:
                found = self._api.attach_socket(container, params=parameters)
            except docker.errors.APIError as error:
                words = podman.start_failure(explanation(error))
                if words is not None:
                    raise ContainerNotStarted(words) from error
                raise
            return SocketLogStream(*socket_under(found), found)

    def logs(self, container: str, tail: int | None = None) -> bytes:
        with translated("reading the container's log"):
            return bytes(self._api.logs(container, stdout=True, stderr=True, tail="all" if tail is None else tail))

    def state(self, container: str) -> ContainerState:
        with translated(f"container {container[:12]}"):
            return docker_facts.container_state(self._api.inspect_container(container))

    def wait(self, container: str, timeout: float | None = None) -> ContainerState | None:
        try:
            with translated("waiting for the container"):
                try:
                    self._api.wait(container, timeout=timeout)
                except requests.exceptions.Timeout:
                    return None
                except requests.exceptions.ConnectionError as error:
                    if timeout is not None and "timed out" in str(error).lower():
                        return None
                    raise
        except EngineUnavailable:
            state = self.state(container)  # raises itself when the engine is really gone
            return state if state.exit_code is not None else self.wait(container, timeout)
        return self.state(container)

    def written_bytes(self, container: str) -> int | None:
        with translated("asking how much the container has written"):
            found = self._api.containers(all=True, size=True, filters={"id": container})
        if not found:
            raise NotFoundInEngine(f"no such container: {container}")
        size = found[0].get("SizeRw")  # left out when there is nothing
        return int(size or 0)

    def memory_bytes(self, container: str) -> int | None:
        with translated("asking for the container's memory"):
            return docker_facts.memory_bytes(self._api.stats(container, stream=False, one_shot=True))

    def kill(self, container: str, signal: str) -> None:
        try:
            with translated("signalling the container"):
                self._api.kill(container, signal)
        except NotFoundInEngine:
            return
        except EngineError:
            if self.state(container).running:
                raise

    def remove_container(self, container: str) -> None:
        with contextlib.suppress(NotFoundInEngine):
            try:
                with translated("removing the container"):
                    self._api.remove_container(container, v=True, force=True)
            except EngineError as error:
                if "already in progress" not in str(error):
                    raise

    def put_archive(self, container: str, path: str, tar: Iterable[bytes]) -> None:
        upload = Upload(tar)
        try:
            with translated(f"writing {path} into the container"):
                if self.facts().name == "podman":
                    podman.put_archive(self._api, container, path, upload)
                else:
                    self._api.put_archive(container, path, iter(upload))
        except CannotRun:
            if upload.error is not None:
                raise upload.error from None
            raise

    def path(self, container: str, path: str) -> PathFacts:
        with translated(f"looking at {path} in the container"):
            return docker_facts.path_facts(path_told(self._api, container, path))

    def get_archive(self, container: str, path: str) -> Iterator[bytes]:
        with translated(f"reading {path} from the container"):
            chunks, _ = self._api.get_archive(container, path, chunk_size=1024 * 1024)
            base = PurePosixPath(path).name
            yield from named_after(chunks, base) if base and self.facts().name == "podman" else chunks

    def open_pipe(self, container: str, argv: tuple[str, ...]) -> Pipe:
        with translated("running a command in the container"):
            created = self._api.exec_create(container, list(argv), stdin=True, stdout=True, stderr=True)
            found = self._api.exec_start(created["Id"], socket=True)
            return SocketPipe(*socket_under(found), found)

    def owned(self, labels: Mapping[str, str]) -> list[Owned]:
        filters = {"label": [f"{name}={value}" if value else name for name, value in labels.items()]}
        with translated("listing what is ours"):
            containers = self._api.containers(all=True, filters=filters)
            volumes = self._api.volumes(filters=filters).get("Volumes") or []
            networks = self._api.networks(filters=filters)
        found = [
            *(_owned_container(item) for item in containers),
            *(Owned("volume", item["Name"], item["Name"], item.get("Labels") or {}) for item in volumes),
            *(Owned("network", item["Id"], item["Name"], item.get("Labels") or {}) for item in networks),
        ]
        return [item for item in found if bears(item.labels, labels)]  # Podman gives volumes that bear any of them


def _owned_container(item: Mapping[str, Any]) -> Owned:
    name = (item.get("Names") or [item["Id"]])[0].removeprefix("/")
    running = item.get("State") == "running"
    created = str(item.get("Created") or "")
    return Owned("container", item["Id"], name, item.get("Labels") or {}, running, created, item.get("Image") or "")
