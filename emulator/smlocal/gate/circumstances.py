"""On what a verdict depends besides the image: where all of it is the same, the runs would show the same again."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

from smlocal import __version__
from smlocal.engine.interface import EngineFacts
from smlocal.errors import StorageError
from smlocal.examination import Plan
from smlocal.settings import Settings
from smlocal.storage.walk import Walk

_PIECE = 1024 * 1024
_JUDGED_ANEW = ("select", "ignore", "allow")  # of a plan: no run depends on them
_WALK = Walk(follow_links=True)


def configuration_digest(plan: Plan) -> str:
    """`sha256:` of everything that the plan makes the runs with: its values, and the names and bytes of the data,
    models and samples that it names; neither where they lie nor which rules are wanted. Raises StorageError."""
    told = {item.name: _plain(getattr(plan, item.name)) for item in fields(plan) if item.name not in _JUDGED_ANEW}
    return _digest(told)


def is_moving(plan: Plan) -> bool:
    """Whether an examination looks at what may be another thing next time, though nothing here has changed: what a
    registry has under a tag."""
    return plan.published is not None and plan.published.digest is None


def circumstances(settings: Settings, engine: EngineFacts) -> dict[str, str]:
    """The code that examines and judges, what it was told, and the machine that the runs are made on."""
    told = {"limits": asdict(settings.limits), "region": settings.region, "account": settings.account}
    machine = [engine.name, engine.version, engine.operating_system, str(engine.cpus), str(engine.memory_bytes)]
    return {
        "smlocal": __version__,
        "code": code_digest(),
        "settings": _digest(told),
        "config_mode": "0644" if settings.strict else "0755",  # of /opt/ml/input/config
        "architecture": engine.architecture,
        "machine": _digest({"engine": machine, "gpu": engine.has_gpu}),
    }


@functools.cache
def code_digest() -> str:
    """Of the package itself: a version under development changes without its number."""
    package = Path(__file__).parent.parent
    total = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        total.update(f"{path.relative_to(package)}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return f"sha256:{total.hexdigest()}"


def _plain(value: Any) -> Any:
    """A value of a plan, with contents in the place of paths."""
    if isinstance(value, Path):
        return _content_digest(value)
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return {"bytes": value.hex()} if isinstance(value, bytes) else value


def _content_digest(path: Path) -> str:
    """Of a file, or of all files of a folder with their names. A file's name is seen by a container, too."""
    total = hashlib.sha256(f"{path.resolve().name}\n".encode(errors="surrogateescape"))
    try:
        for name, file in _files(path):
            total.update(f"{name}\n".encode() + _file_digest(file))
    except OSError as error:
        raise StorageError(f"{error.filename or path} cannot be read: {error.strerror}") from error
    return total.hexdigest()


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if path.is_dir():
        yield from ((found.key, found.path) for found in _WALK.files(path))
    else:
        yield "", path


def _file_digest(path: Path) -> bytes:
    total = hashlib.sha256()
    with path.open("rb") as source:
        while piece := source.read(_PIECE):
            total.update(piece)
    return total.digest()


def _digest(told: Mapping[str, Any]) -> str:
    return f"sha256:{hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()}"
