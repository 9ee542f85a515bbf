"""Images of the scripted engine: a program, and what an image says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from smlocal.engine.interface import ImageFacts
from smlocal.engine.scripted_files import FileSystem, empty_tree
from smlocal.engine.scripted_program import PipeProgram, Program, Script
from smlocal.engine.scripted_saving import archive_of, config_of, digest, layer_of
from smlocal.errors import EngineError, ImageNotFound

_CHUNK = 64 * 1024
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
    history: tuple[str, ...] = ()  # instructions, the oldest first
    manifest_type: str = ""  # as an engine tells it whose store keeps manifests
    executables: frozenset[str] | None = None  # the programs that it has; None: whatever is asked for
    start_error: str | None = None  # the engine's words when no program can be started
    pipe: PipeProgram | None = None  # what `open_pipe` runs
    layers: tuple[bytes, ...] = ()  # tar archives, the lowest first; (): one with `files`
    archive: bytes | None = None  # what `save` gives instead of the archive that follows from the rest
    image_id: str = ""  # "": the digest of its configuration, as in Docker's classic store

    @property
    def saved_layers(self) -> tuple[bytes, ...]:
        return self.layers or (layer_of(self.files),)

    def facts(self, mark: str) -> dict[str, object]:
        """What its configuration says; `mark` tells it from another image that is alike."""
        return {
            "architecture": self.architecture,
            "Entrypoint": self.entrypoint,
            "Cmd": self.command,
            "Env": [f"{name}={value}" for name, value in self.environment.items()],
            "Labels": dict(self.labels),
            "User": self.user,
            "WorkingDir": self.working_directory,
            "Image": mark,
        }

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

    def __init__(self, identifier: Callable[[], str]) -> None:
        self.remote: dict[str, ScriptedImage] = {}
        self.builds: dict[str, ScriptedImage] = {}
        self._identifier = identifier
        self._named: dict[str, tuple[str, ScriptedImage]] = {}  # reference with tag -> id, image
        self._configs: dict[str, bytes] = {}  # id -> configuration

    def add(self, reference: str, image: ScriptedImage) -> str:
        """Gives its id."""
        config = config_of(image.facts(self._identifier()), image.saved_layers)
        identifier = image.image_id or digest(config)
        self._configs[identifier] = config
        self._named[_tagged(reference)] = (identifier, image)
        return identifier

    def pull(self, reference: str) -> Iterator[str]:
        """Raises ImageNotFound."""
        if reference not in self.remote:
            raise ImageNotFound(f"{reference} cannot be pulled: manifest unknown")
        yield f"Pulling {reference}"
        self.add(reference, self.remote[reference])
        yield f"Status: Downloaded newer image for {reference}"

    def build(self, context: str, tags: tuple[str, ...], labels: Mapping[str, str]) -> Iterator[str]:
        """Raises EngineError when no build of a folder of this name is scripted."""
        if context not in self.builds:
            raise EngineError(f"building {tags[0]} failed: no build of {context} is scripted")
        image = self.builds[context]
        yield "Step 1/1 : scripted"
        self.add(tags[0], replace(image, labels={**image.labels, **labels}))
        for tag in tags[1:]:
            self.tag(tags[0], tag)
        yield f"Successfully tagged {tags[0]}"

    def import_archive(self, archive: Path, reference: str) -> str:
        """An image that has the archive's files and ends at once; gives its id."""
        root = FileSystem(empty_tree())
        with archive.open("rb") as source:
            root.unpack("/", iter(lambda: source.read(1024 * 1024), b""))
        return self.add(reference, ScriptedImage(Script(), files={path: root.read(path) for path in root.files()}))

    def save(self, reference: str) -> Iterator[bytes]:
        """Raises ImageNotFound."""
        identifier, image = self.find(reference)
        if image.archive is not None:
            yield from (image.archive[start : start + _CHUNK] for start in range(0, len(image.archive), _CHUNK))
        else:
            yield from archive_of(self._configs[identifier], image.saved_layers)

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
            manifest_type=image.manifest_type,
            layers=tuple(digest(layer) for layer in image.saved_layers),
        )


def _tagged(reference: str) -> str:
    return reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest"
