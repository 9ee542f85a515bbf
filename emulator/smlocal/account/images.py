"""The images that requests name: which local one stands for each, and whether there is one at all."""

from __future__ import annotations

import threading
from collections.abc import Callable

from smlocal.engine.interface import Engine
from smlocal.errors import ImageNotFound, InvalidRequest, NotSupported, SmlocalError, UsageError
from smlocal.images.availability import OUR_NAMESPACE, engine_has, ensure_image
from smlocal.images.references import ResolvedImage

_PATIENCE = 20.0  # seconds for a registry to say that it has no such image; boto3 waits for an answer for 60


class Images:
    """The images of one engine. `resolve` finds the local image that stands for another."""

    def __init__(self, engine: Engine, resolve: Callable[[str], ResolvedImage], patience: float = _PATIENCE) -> None:
        self._engine = engine
        self._resolve = resolve
        self._patience = patience

    def resolve(self, image: str) -> str:
        """The local reference for an image. Raises InvalidRequest for what is no reference, NotSupported."""
        try:
            return self._resolve(image).reference
        except NotSupported:
            raise
        except UsageError as error:
            raise InvalidRequest(f"{error}") from error

    def ensure(self, reference: str) -> None:
        """The engine holds it afterwards. Raises ImageNotFound, EngineError."""
        ensure_image(self._engine, reference, "missing", lambda line: None)

    def check(self, image: str, reference: str) -> None:
        """Whether there is such an image, in the engine or in the registry that it names; a registry that does not say
        no for 20 s is believed, and the pull goes on meanwhile.

        Raises InvalidRequest in AWS's words for CreateModel (aws/amazon-sagemaker-examples issues 195 and 197).
        """
        if engine_has(self._engine, reference):
            return
        missing = threading.Event()

        def pull() -> None:
            try:
                self.ensure(reference)
            except ImageNotFound:
                missing.set()
            except SmlocalError:
                return  # of an engine that fails the endpoint will tell

        if reference.startswith(OUR_NAMESPACE):
            pull()  # never pulled: it is there or not
        else:
            pulling = threading.Thread(target=pull, name=f"pull {reference}", daemon=True)
            pulling.start()
            pulling.join(self._patience)
        if missing.is_set():
            raise InvalidRequest(f"Requested image {image} not found.")

    def identity(self, reference: str) -> str:
        """The image by its content, as "repository@sha256:…"; the reference itself when the engine does not say."""
        try:
            found = self._engine.image(reference).id
        except SmlocalError:
            return reference
        name = reference.partition("@")[0]
        repository, colon, tag = name.rpartition(":")
        return f"{repository if colon and '/' not in tag else name}@{found}"
