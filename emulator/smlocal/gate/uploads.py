"""The blobs of an image on their way to a registry, several at a time."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import BinaryIO

from smlocal.errors import RegistryError
from smlocal.examination.stopping import Stopped
from smlocal.images.docker_manifest import config_descriptor
from smlocal.images.export import ExportedImage
from smlocal.registry.interface import Descriptor, Repository

_AT_A_TIME = 3  # what docker push does is 5; two cores compress no more than these send
_GLANCE = 0.2  # seconds between two looks at whether to stop


class Uploads:
    """Sends the blobs of an image and looks whether they are there. `check` raises Stopped."""

    def __init__(
        self, repository: Repository, on_sent: Callable[[Descriptor, int], None], check: Callable[[], None]
    ) -> None:
        self._repository = repository
        self._on_sent = on_sent
        self._check = check
        self._halt = threading.Event()  # one failed: the others shall end

    def send(self, image: ExportedImage) -> frozenset[str]:
        """All blobs that are not there; gives the digests of those that were sent."""
        sent = self._all([partial(self._send, blob, read) for blob, read in _blobs(image)])
        return frozenset(digest for digest in sent if digest)

    def confirm(self, image: ExportedImage) -> None:
        """Raises RegistryError when one is not there."""
        self._all([partial(self._confirm, blob) for blob, _ in _blobs(image)])

    def _all(self, tasks: list[Callable[[], str]]) -> list[str]:
        self._halt.clear()
        pool = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="upload")
        try:
            futures = [pool.submit(task) for task in tasks]
            while True:
                self._check()
                done, waiting = wait(futures, _GLANCE, FIRST_EXCEPTION)
                if not waiting or any(future.exception() for future in done):
                    break
            self._halt.set()
            return _results(futures)
        finally:
            self._halt.set()
            pool.shutdown(wait=True, cancel_futures=True)

    def _send(self, blob: Descriptor, read: Callable[[], BinaryIO] | None) -> str:
        """The digest when it was sent, "" when it was there."""
        self._go_on(0)
        if self._repository.has_blob(blob.digest):
            self._on_sent(blob, blob.size)
            return ""
        if read is None:
            raise RegistryError(
                f"{self._repository.name} had the layer {blob.digest} a moment ago and has it no more: push again, and"
                " it is sent"
            )
        self._repository.push_blob(blob, read, partial(self._sent, blob))
        return blob.digest

    def _sent(self, blob: Descriptor, total: int) -> None:
        self._go_on(total)
        self._on_sent(blob, total)

    def _go_on(self, total: int) -> None:
        if self._halt.is_set():
            raise Stopped
        self._check()

    def _confirm(self, blob: Descriptor) -> str:
        if not self._repository.has_blob(blob.digest):
            raise RegistryError(f"{self._repository.name} took {blob.digest} and does not have it: push again")
        return ""


def _results(futures: list[Future[str]]) -> list[str]:
    """Raises what failed first, rather than that others were stopped for it."""
    failures = [future.exception() for future in futures if future.done() and future.exception()]
    failures.sort(key=lambda error: isinstance(error, Stopped))
    for error in failures:
        if error is not None:
            raise error
    return [future.result() for future in futures]


def _blobs(image: ExportedImage) -> list[tuple[Descriptor, Callable[[], BinaryIO] | None]]:
    """Each blob once, with what opens its bytes; None: the registry has them."""
    found: dict[str, tuple[Descriptor, Callable[[], BinaryIO] | None]] = {}
    for layer in image.layers:
        read = None if layer.path is None else partial(_opened, layer.path)
        found[layer.blob.digest] = (layer.blob, read)
    config = config_descriptor(image)
    found[config.digest] = (config, lambda: io.BytesIO(image.config))
    return list(found.values())


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")
