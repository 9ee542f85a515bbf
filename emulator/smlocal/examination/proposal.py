"""A first `[check]` table: what an image shows and what its user says, as TOML that one goes on writing by hand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, Table

from smlocal.errors import SettingsError
from smlocal.evidence import ImageEvidence
from smlocal.examination.plan import Source
from smlocal.examination.plan_reader import read_plan

_MISSING = "missing"
# AWS developer guide, cdf-training, cdf-inference: the names that SageMaker's own algorithms have for them
_CONTENT_TYPES = {
    ".csv": "text/csv",
    ".libsvm": "text/libsvm",
    ".svm": "text/libsvm",
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
    ".parquet": "application/x-parquet",
    ".npy": "application/x-npy",
    ".pbr": "application/x-recordio-protobuf",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
}


@dataclass(frozen=True)
class Proposal:
    """What is known of an image and of what it is to be tried with."""

    architecture: str = "amd64"
    train: bool = True
    serve: bool = True
    channels: Mapping[str, Source] = field(default_factory=dict)
    broken: Mapping[str, Source] = field(default_factory=dict)
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    model: Path | None = None
    sample: Source | None = None
    holds_models: bool = False  # its label says that it can be the container of a multi-model endpoint

    def on(self, facts: ImageEvidence) -> Proposal:
        """With what the image shows."""
        train, serve = (facts.programs[word].kind != _MISSING for word in ("train", "serve"))
        holds_models = facts.holds_models
        return replace(self, architecture=facts.architecture, train=train, serve=serve, holds_models=holds_models)


def source_of(path: Path, content_type: str | None = None) -> Source:
    """A source with the content type that its name speaks for, unless one is given."""
    names = sorted(item.name for item in path.iterdir() if item.is_file()) if path.is_dir() else [path.name]
    known = (_CONTENT_TYPES.get(PurePath(name).suffix.lower()) for name in names)
    return Source(path, content_type or next(filter(None, known), None))


def added_to(text: str, proposal: Proposal, file: Path) -> str:
    """The text of the configuration `file` with a `[check]` table more (`[tool.smlocal.check]` in a pyproject.toml).

    Everything else in it stays as it is. Raises SettingsError when it has such a table, is no TOML, or when what is
    proposed cannot be used.
    """
    try:
        document = tomlkit.parse(text)
        root: Any = document
        if file.name == "pyproject.toml":
            for name in ("tool", "smlocal"):
                root = root.setdefault(name, tomlkit.table(is_super_table=True))
        if "check" in root:
            raise SettingsError(f"{file} has a [check] table already: edit it, or name another file with --config")
        table = _check(proposal, file.parent)
        read_plan(table.unwrap(), file.parent, str(file))
        root.add("check", table)
        return tomlkit.dumps(document)
    except (TOMLKitError, AttributeError, TypeError) as error:
        raise SettingsError(f"{file} cannot be read as TOML: {error}") from error


def _check(proposal: Proposal, folder: Path) -> Table:
    table = tomlkit.table()
    if proposal.architecture not in ("", "amd64"):
        table.add("architecture", proposal.architecture)
    for word, there in (("train", proposal.train), ("serve", proposal.serve)):
        if not there:
            table.add(word, tomlkit.item(False).comment(f"the image has no `{word}`"))
    if proposal.train:
        table.add("training", _training(proposal, folder))
    if proposal.serve:
        table.add("serving", _serving(proposal, folder))
    if proposal.serve and proposal.holds_models:
        many = tomlkit.table()
        many.add(
            tomlkit.comment('too_big = "big.tar.gz"  # a model that it cannot hold beside three of the usual ones')
        )
        table.add("multi_model", many)
    return table


def _training(proposal: Proposal, folder: Path) -> Table:
    table = tomlkit.table()
    if proposal.channels:
        table.add("channels", _channels(proposal.channels, folder))
    else:
        table.add(tomlkit.comment('channels = { train = { source = "data/train.csv", content_type = "text/csv" } }'))
    if proposal.broken:
        table.add("broken", _channels(proposal.broken, folder))
    else:
        table.add(tomlkit.comment('broken = { train = "data/broken.csv" }  # data that training must refuse'))
    if proposal.hyperparameters:
        table.add("hyperparameters", _inline(proposal.hyperparameters))
    else:
        table.add(tomlkit.comment("hyperparameters = { epochs = 1 }"))
    return table


def _serving(proposal: Proposal, folder: Path) -> Table:
    table = tomlkit.table()
    if proposal.model:
        table.add("model", _seen_from(folder, proposal.model))
    elif not proposal.train:
        table.add(tomlkit.comment('model = "model.tar.gz"  # unless the image brings its own'))
    if proposal.sample:
        samples = tomlkit.aot()
        sample = tomlkit.table()
        sample.add("file", _seen_from(folder, proposal.sample.path))
        sample.add("content_type", proposal.sample.content_type or "")
        sample.add(tomlkit.comment('expect_file = "answer.csv"  # what the answer must be, byte by byte'))
        samples.append(sample)
        table.add("samples", samples)
    else:
        table.add(tomlkit.comment('samples = [{ body = "5.1,3.5,1.4,0.2\\n", content_type = "text/csv" }]'))
    return table


def _channels(sources: Mapping[str, Source], folder: Path) -> InlineTable:
    return _inline({name: _channel(source, folder) for name, source in sources.items()})


def _channel(source: Source, folder: Path) -> str | InlineTable:
    path = _seen_from(folder, source.path)
    return path if source.content_type is None else _inline({"source": path, "content_type": source.content_type})


def _inline(values: Mapping[str, Any]) -> InlineTable:
    table = tomlkit.inline_table()
    table.update(values)
    return table


def _seen_from(folder: Path, path: Path) -> str:
    """Paths of a configuration are relative to its folder; one that lies elsewhere stays as it is."""
    inside = path.resolve().is_relative_to(folder.resolve())
    return PurePath(os.path.relpath(path, folder)).as_posix() if inside else str(path.resolve())
