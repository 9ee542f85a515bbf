"""Images of an engine that speaks Docker's API: look, pull, build, import, save, name, remove."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from smlocal.engine import docker_facts
from smlocal.engine.docker_archive import context_archive
from smlocal.engine.docker_errors import translated
from smlocal.engine.interface import ImageFacts
from smlocal.errors import EngineError, EngineUnavailable, ImageNotFound, NotFoundInEngine

_CHUNK = 1024 * 1024


class DockerImages:
    """The part of `Engine` that is about images; `api` is the library's client."""

    def __init__(self, api: Any) -> None:
        # Any: the published stubs leave half of the client's methods untyped
        self._api = api

    def image(self, reference: str) -> ImageFacts:
        with translated(f"image {reference}", missing=ImageNotFound):
            return docker_facts.image_facts(self._api.inspect_image(reference))

    def history(self, reference: str) -> tuple[str, ...]:
        with translated(f"image {reference}", missing=ImageNotFound):
            return tuple(str(step.get("CreatedBy") or "") for step in reversed(self._api.history(reference)))

    def images(self, prefix: str = "") -> list[ImageFacts]:
        with translated("listing images"):
            identifiers = [item["Id"] for item in self._api.images()]
        found: list[ImageFacts] = []
        for identifier in identifiers:
            with contextlib.suppress(ImageNotFound):  # removed by someone else since
                found.append(self.image(identifier))
        return [facts for facts in found if any(tag.startswith(prefix) for tag in facts.tags)]

    def pull(self, reference: str, platform: str | None = None) -> Iterator[str]:
        repository, _, tag = reference.partition("@") if "@" in reference else _repository_and_tag(reference)
        failure: str | None = None
        try:
            with translated(f"pulling {reference}"):
                for line in self._api.pull(repository, tag or "latest", stream=True, decode=True, platform=platform):
                    failure = line.get("error", failure)
                    yield " ".join(str(line[key]) for key in ("id", "status", "progress") if line.get(key))
            if failure is not None:
                raise ImageNotFound(f"{reference} cannot be pulled: {failure}")
        except (NotFoundInEngine, EngineUnavailable):
            raise
        except EngineError as error:
            raise ImageNotFound(str(error)) from error

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
        last: list[str] = []
        failure: str | None = None
        with context_archive(context, extra_files or {}) as archive, translated(f"building {tags[0]}"):
            lines = self._api.build(
                fileobj=archive,
                custom_context=True,
                encoding=None,
                tag=tags[0],
                rm=True,
                forcerm=True,
                decode=True,
                target=target or "",
                buildargs=dict(arguments or {}),
                labels=dict(labels or {}),
                platform=platform,
            )
            for line in lines:
                failure = line.get("error", failure)  # told at the end: an answer left unread would stay open
                text = str(line.get("stream") or line.get("status") or "").rstrip()
                if text:
                    last.append(text)
                    yield text
        if failure is not None:
            tail = "\n".join(last[-15:])
            raise EngineError(f"building {tags[0]} failed: {failure.strip()}\n{tail}")
        for tag in tags[1:]:
            self.tag(tags[0], tag)

    def import_image(self, archive: Path, reference: str, changes: tuple[str, ...] = ()) -> str:
        with translated(f"importing {reference}"), archive.open("rb") as source:
            # As chunks: given a file, the library announces chunks and then sends none.
            chunks = iter(lambda: source.read(1024 * 1024), b"")
            self._api.import_image_from_stream(chunks, repository=reference, changes=list(changes))
        return self.image(reference).id

    def save(self, reference: str) -> Iterator[bytes]:
        with translated(f"saving image {reference}", missing=ImageNotFound):
            # The library's own method gives up when the first byte takes longer than any other answer may: Docker
            # writes the whole archive to its disk before.
            path = self._api._url("/images/{0}/get", reference)
            with self._api._get(path, stream=True, timeout=None) as response:
                self._api._raise_for_status(response)
                yield from response.iter_content(_CHUNK)

    def tag(self, reference: str, new: str) -> None:
        repository, _, tag = _repository_and_tag(new)
        with translated(f"tagging {reference}", missing=ImageNotFound):
            self._api.tag(reference, repository, tag, force=True)

    def remove_image(self, reference: str) -> None:
        with translated(f"removing image {reference}", missing=ImageNotFound):
            self._api.remove_image(reference, force=True)


def _repository_and_tag(reference: str) -> tuple[str, str, str]:
    head, separator, tail = reference.rpartition(":")
    if separator and "/" not in tail:
        return head, ":", tail
    return reference, "", "latest"
