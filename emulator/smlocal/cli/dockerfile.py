"""The file that an image is built from: what is built of it, and where pages of code show findings about the image."""

from __future__ import annotations

import os
from pathlib import Path

from smlocal.cli.state import Common
from smlocal.errors import UsageError

_NAME = "Dockerfile"


def build_image(common: Common, image: str, dockerfile: Path | None, pull: str) -> None:
    """Build the folder of `dockerfile` (default: ./Dockerfile) as `image`, with the engine's own builder.

    Raises UsageError, and EngineError with the last lines of the step that failed.
    """
    path = dockerfile or Path(_NAME)
    if path.name != _NAME:
        raise UsageError(f"--build: the file must be named {_NAME}, and '{path}' is not: build it yourself, without it")
    if not path.is_file():
        raise UsageError(f"--build: there is no file '{path}'; --dockerfile says where it is")
    if pull == "always":
        raise UsageError("--build and --pull always: an image that was just built cannot be pulled")
    terminal = common.terminal()
    with common.program() as program, terminal.working(f"building {image}") as news:
        for line in program.engine.build(path.resolve().parent, (image,)):
            news(line)


def shown_at(dockerfile: Path | None, config: Path | None) -> str:
    """The path in its repository of what findings are shown at: the Dockerfile, or else the configuration.

    Links are resolved: GitHub shows nothing at a file that it reaches through one ("SARIF support for code scanning",
    resolving symlinks).
    """
    known = [dockerfile] if dockerfile is not None else [Path(_NAME), config or Path("smlocal.toml")]
    path = next((item for item in known if item.is_file()), known[0]).resolve()
    root = next((folder for folder in path.parents if (folder / ".git").exists()), Path.cwd().resolve())
    try:
        return path.relative_to(root).as_posix()
    except ValueError:  # neither in a repository nor below this folder
        return Path(os.path.relpath(path)).as_posix()
