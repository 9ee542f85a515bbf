"""The facts of an image: what `train` and `serve` would execute, and what should not be in it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from smlocal.engine.interface import Engine, ImageFacts
from smlocal.evidence import ImageEvidence, Program, PushedManifest
from smlocal.examination.image_files import FoundFile, ImageFiles
from smlocal.examination.image_secrets import secrets
from smlocal.launch import Launch, Launcher

_HIDDEN = ("/opt/ml/input", "/opt/ml/model", "/opt/ml/output")
_MOST_BAKED = 100
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_WORDS = ("train", "serve")
_DRIVER = re.compile(r"lib(?:cuda|nvidia-ml)\.so\.\d{3}[.\d]*$")
_DRIVER_TOOL = "/usr/bin/nvidia-smi"
_DRIVER_NAMES = ("libcuda.so.1", "libnvidia-ml.so.1")  # links that lead to the driver's own version
_DRIVER_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/local/nvidia/lib64")


class ImageExaminer:
    """Reads one image's facts."""

    def __init__(self, engine: Engine, launcher: Launcher) -> None:
        self._engine = engine
        self._launcher = launcher

    def examine(self, reference: str) -> ImageEvidence:
        """Raises ImageNotFound."""
        facts = self._engine.image(reference)
        launch = Launch("examination", "image-facts", facts.id, arguments=("true",))
        with self._launcher.launch(launch) as container:
            files = ImageFiles(container)
            return ImageEvidence(
                reference=reference,
                id=facts.id,
                architecture=facts.architecture,
                operating_system=facts.operating_system,
                size_bytes=facts.size_bytes,
                entrypoint=facts.entrypoint,
                command=facts.command,
                environment=facts.environment,
                labels=facts.labels,
                user=facts.user,
                working_directory=facts.working_directory,
                programs={word: _Resolver(facts, files).program(word) for word in _WORDS},
                word_on_path={word: _Resolver(facts, files).is_on_path(word) for word in _WORDS},
                baked=tuple(_baked(files)),
                secrets=tuple(secrets(facts, self._engine.history(facts.id), files)),
                driver_files=tuple(_driver_files(files)),
                manifest=PushedManifest(facts.manifest_type, "the engine's store") if facts.manifest_type else None,
            )


class _Resolver:
    """Finds programs as a container runtime does: on PATH, relative to the working directory, links followed."""

    def __init__(self, facts: ImageFacts, files: ImageFiles) -> None:
        self._facts = facts
        self._files = files

    def program(self, word: str) -> Program:
        argv = (*self._facts.entrypoint, word)
        found = self._find(argv[0])
        if found is None:
            return Program(word, argv, None, False, "missing")
        kind, interpreter, crlf = _shebang(self._files.beginning(found))
        return Program(
            word=word,
            argv=argv,
            path=found.path,
            executable=bool(found.mode & 0o111),
            kind=kind,
            interpreter=interpreter,
            interpreter_found=interpreter is None or self._find(interpreter) is not None,
            crlf=crlf,
        )

    def is_on_path(self, word: str) -> bool:
        found = self._find(word)
        return found is not None and bool(found.mode & 0o111)

    def _find(self, name: str) -> FoundFile | None:
        """The first executable of that name, or else the first file of that name."""
        first = None
        for path in self._places(name):
            file = self._files.find(path)
            if file is not None and file.mode & 0o111:
                return file
            first = first or file
        return first

    def _places(self, name: str) -> Iterator[str]:
        if "/" in name:
            yield posixpath.join(self._facts.working_directory or "/", name)
            return
        for folder in self._facts.environment.get("PATH", _DEFAULT_PATH).split(":"):
            if folder:
                yield posixpath.join(self._facts.working_directory or "/", folder, name)


def _shebang(head: bytes) -> tuple[str, str | None, bool]:
    """The kind of a program file, the interpreter of its #! line, and whether that line ends in CR LF."""
    if head.startswith(b"\x7fELF"):
        return "elf", None, False
    if not head.startswith(b"#!"):
        return "text", None, False
    line = head[2:].split(b"\n", 1)[0]
    words = line.decode("utf-8", "replace").split()
    crlf = line.endswith(b"\r")
    if not words:
        return "script", "", crlf
    if posixpath.basename(words[0]) == "env":
        named = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        return "script", (named or [words[0]])[0], crlf
    # a kernel looks on no PATH
    return "script", words[0] if "/" in words[0] else f"./{words[0]}", crlf


def _baked(files: ImageFiles) -> Iterator[str]:
    for folder in _HIDDEN:
        yield from files.below(folder, _MOST_BAKED)


def _driver_files(files: ImageFiles) -> Iterator[str]:
    """Files of an NVIDIA driver, which the host brings; the compatibility package and stubs lie elsewhere.

    Programs find its libraries by links with short names, which are asked for one by one: folders of libraries are big.
    """
    if files.find(_DRIVER_TOOL) is not None:
        yield _DRIVER_TOOL
    for folder in _DRIVER_FOLDERS:
        found = (files.find(posixpath.join(folder, name)) for name in _DRIVER_NAMES)
        yield from (file.path for file in found if file is not None and _DRIVER.search(file.path))
