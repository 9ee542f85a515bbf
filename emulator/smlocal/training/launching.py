"""The container of a training job: its command, environment, volumes and what they hold at the start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from smlocal import channels, optml
from smlocal.instances import Granted
from smlocal.launch import Launch, Volume
from smlocal.settings import MEBIBYTE, Settings
from smlocal.tree import Entry

_OVERLAY_FROM = 64 * MEBIBYTE  # below this a copy is quicker than a second volume


@dataclass(frozen=True)
class Surroundings:
    """What a container has that no request names."""

    shared_memory_bytes: int | None = None  # of /dev/shm; None: what the engine gives
    manifests: bool = True  # `<channel>-manifest` files beside the channels; the platform writes them always


class Launching:
    """Makes the launch of one job."""

    def __init__(
        self,
        request: Mapping[str, Any],
        image: str,
        granted: Granted,
        inputs: channels.Inputs,
        settings: Settings,
        endpoint: str | None,
    ) -> None:
        self._request = request
        self._image = image
        self._granted = granted
        self._inputs = inputs
        self._settings = settings
        self._endpoint = endpoint

    def launch(self, keep: bool, surroundings: Surroundings) -> Launch:
        request, settings = self._request, self._settings
        entrypoint, arguments = optml.command(request)
        return Launch(
            kind="training",
            name=request["TrainingJobName"],
            image=self._image,
            entrypoint=entrypoint,
            arguments=arguments,
            environment=optml.environment(
                request,
                region=settings.region,
                account=settings.account,
                endpoint=self._endpoint,
                gpu=self._granted.gpus,
            ),
            volumes=tuple(self._volumes(surroundings.manifests)),
            instance=self._granted,
            shared_memory_bytes=surroundings.shared_memory_bytes,
            isolated=bool(request.get("EnableNetworkIsolation")),
            hostname=optml.hostname(request["TrainingJobName"], settings.region),
            aliases=(optml.HOST,),
            keep=keep,
        )

    def _volumes(self, manifests: bool) -> Iterator[Volume]:
        overlays = self._overlays()
        yield Volume(optml.INPUT, lambda: self._input_entries(set(overlays), manifests))
        for name, folder in overlays.items():
            yield Volume(f"{optml.DATA}/{name}", partial(self._inputs.entries_of, name), overlay_of=folder)
        yield Volume(optml.MODEL)
        yield Volume(optml.OUTPUT, optml.output_directories)
        if "CheckpointConfig" in self._request:
            yield Volume(optml.checkpoint_path(self._request), self._inputs.checkpoint_entries)

    def _overlays(self) -> dict[str, Path]:
        """Channels that are big folders of this machine: shown to the container instead of copied."""
        found = {}
        for channel in self._inputs.channels:
            folder = channel.local_folder
            if folder is not None and channel.total_bytes >= _OVERLAY_FROM:
                found[channel.name] = folder
        return found

    def _input_entries(self, skip: set[str], manifests: bool) -> Iterator[Entry]:
        config = {channel.name: channel.config for channel in self._inputs.channels}
        yield from optml.config_files(self._request, config, self._settings.strict)
        if manifests:
            yield from optml.manifests(self._inputs.manifests())
        yield from self._inputs.data_entries(skip)
