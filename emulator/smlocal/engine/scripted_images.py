"""Images of the scripted engine: a program, and what an image says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from smlocal.engine.interface import ImageFacts
from smlocal.engine.scripted_program import PipeProgram, Program
from smlocal.errors import ImageNotFound

CREATED = "2024-01-01T00:00:00Z"


@dataclass(frozen=True)
class ScriptedImage:
    """What the engine knows of a scripted image."""

    program: Program
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)  # absolute path -> contents, in every container
    architecture: str = "amd64"
    user: str = ""
    working_directory: str = ""
    executables: frozenset[str] | None = None  # the programs that it has; None: whatever is asked for
    start_error: str | None = None  # the engine's words when no program can be started
    pipe: PipeProgram | None = None  # what `open_pipe` runs

    def refusal(self, arguments: tuple[str, ...]) -> str | None:
        """The engine's words when these arguments cannot be started, in the terms of Docker and runc."""
        if self.start_error is not None:
            return self.start_error
        if self.executables is None or not arguments or arguments[0] in self.executables:
            return None
        found = "permission denied" if arguments[0] in self.files else "executable file not found in $PATH"
        return f'unable to start container process: exec: "{arguments[0]}": {found}: unknown'


class Images:
    """References and the images that they name."""

    def __init__(self) -> None:
        self._named: dict[str, tuple[str, ScriptedImage]] = {}  # reference with tag -> id, image

    def add(self, reference: str, image: ScriptedImage, identifier: str) -> None:
        self._named[_tagged(reference)] = (identifier, image)

    def find(self, reference: str) -> tuple[str, ScriptedImage]:
        """Raises ImageNotFound."""
        for name, (identifier, image) in list(self._named.items()):
            if name == _tagged(reference) or identifier == reference:
                return identifier, image
        raise ImageNotFound(f"image {reference}: No such image: {reference}")

    def tag(self, reference: str, new: str) -> None:
        self._named[_tagged(new)] = self.find(reference)

    def remove(self, reference: str) -> None:
        """Remove one name, or with an id all names of the image."""
        identifier, _ = self.find(reference)
        if _tagged(reference) in self._named:
            del self._named[_tagged(reference)]
        else:
            self._named = {name: found for name, found in self._named.items() if found[0] != identifier}

    def beginning(self, prefix: str) -> list[ImageFacts]:
        """Images with a name that begins so."""
        found = {identifier for name, (identifier, _) in self._named.items() if name.startswith(prefix)}
        return [self.facts(identifier) for identifier in sorted(found)]

    def facts(self, reference: str) -> ImageFacts:
        identifier, image = self.find(reference)
        return ImageFacts(
            id=identifier,
            tags=tuple(name for name, (found, _) in self._named.items() if found == identifier),
            architecture=image.architecture,
            operating_system="linux",
            size_bytes=sum(map(len, image.files.values())),
            created=CREATED,
            entrypoint=image.entrypoint,
            command=image.command,
            environment=dict(image.environment),
            labels=dict(image.labels),
            user=image.user,
            working_directory=image.working_directory,
        )


def _tagged(reference: str) -> str:
    return reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest"
