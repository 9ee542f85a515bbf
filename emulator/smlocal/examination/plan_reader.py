"""Reads the `[check]` table that `plan` describes, and says where a wrong value stands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smlocal.errors import BrokenArchive, InvalidRequest, SettingsError, UsageError
from smlocal.evidence import PushedManifest
from smlocal.examination.interruption import Long
from smlocal.examination.oci_layout import pushed_manifest
from smlocal.examination.plan import Plan, Sample, Source
from smlocal.metrics import MetricScanner
from smlocal.registry.reference import RegistryReference, parse_reference

_TOP = {
    "architecture",
    "instance_type",
    "network_isolation",
    "train",
    "serve",
    "serverless",
    "oci_layout",
    "published",
    "training",
    "serving",
    "multi_model",
}
_TRAINING = {"channels", "broken", "hyperparameters", "environment", "max_runtime", "metrics", "long"}
_LONG = {"hyperparameters", "stop_after", "resumes"}
_SERVING = {"model", "environment", "asynchronous", "soak", "samples"}
_SAMPLE = {"body", "file", "content_type", "accept", "expect", "expect_file"}
_MULTI_MODEL = {"too_big"}
_RULES = {"select", "ignore", "allow"}


def read_plan(table: Mapping[str, Any], folder: Path, origin: str) -> Plan:
    """The plan that a `[check]` table describes; paths are relative to `folder`.

    Raises SettingsError for unknown keys, values of the wrong kind and files that are not there.
    """
    reader = _Reader(folder, origin)
    top = reader.table(table, "check", _TOP | _RULES)
    training = reader.table(top.get("training", {}), "check.training", _TRAINING)
    serving = reader.table(top.get("serving", {}), "check.serving", _SERVING)
    many = reader.table(top.get("multi_model", {}), "check.multi_model", _MULTI_MODEL)
    channels = reader.sources(training.get("channels", {}), "check.training.channels")
    return Plan(
        architecture=reader.one_of(top.get("architecture", "amd64"), "check.architecture", ("amd64", "arm64")),
        instance_type=reader.kind(top.get("instance_type", "ml.m5.large"), "check.instance_type", str),
        network_isolation=reader.kind(top.get("network_isolation", False), "check.network_isolation", bool),
        train=reader.kind(top.get("train", True), "check.train", bool),
        serve=reader.kind(top.get("serve", True), "check.serve", bool),
        serverless=reader.kind(top.get("serverless", False), "check.serverless", bool),
        published=reader.published(top, "check.published"),
        manifest=reader.manifest(top["oci_layout"], "check.oci_layout") if "oci_layout" in top else None,
        channels=channels,
        broken=reader.broken(training.get("broken", {}), "check.training.broken", channels),
        hyperparameters=reader.hyperparameters(training.get("hyperparameters", {}), "check.training.hyperparameters"),
        training_environment=reader.texts(training.get("environment", {}), "check.training.environment"),
        max_runtime=reader.positive(training.get("max_runtime", 600), "check.training.max_runtime"),
        metrics=reader.metrics(training.get("metrics", {}), "check.training.metrics"),
        long=reader.long(training["long"], "check.training.long") if "long" in training else None,
        model=reader.archive(serving["model"], "check.serving.model") if "model" in serving else None,
        serving_environment=reader.texts(serving.get("environment", {}), "check.serving.environment"),
        asynchronous=reader.kind(serving.get("asynchronous", False), "check.serving.asynchronous", bool),
        soak=reader.positive(serving["soak"], "check.serving.soak") if "soak" in serving else 0,
        samples=tuple(
            reader.sample(item, f"check.serving.samples[{number}]")
            for number, item in enumerate(reader.kind(serving.get("samples", []), "check.serving.samples", list))
        ),
        too_big=reader.archive(many["too_big"], "check.multi_model.too_big") if "too_big" in many else None,
        select=reader.words(top.get("select", []), "check.select"),
        ignore=reader.words(top.get("ignore", []), "check.ignore"),
        allow=reader.texts(top.get("allow", {}), "check.allow"),
    )


class _Reader:
    """Reads values and says where a wrong one stands."""

    def __init__(self, folder: Path, origin: str) -> None:
        self._folder = folder
        self._origin = origin

    def _refuse(self, where: str, words: str) -> SettingsError:
        return SettingsError(f"'{where}' in {self._origin} {words}")

    def kind(self, value: Any, where: str, kind: type) -> Any:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            words = {str: "text", bool: "true or false", int: "a whole number", list: "a list", dict: "a table"}
            raise self._refuse(where, f"must be {words[kind]}, not {value!r}")
        return value

    def one_of(self, value: Any, where: str, known: tuple[str, ...]) -> str:
        if value not in known:
            raise self._refuse(where, f"must be {' or '.join(known)}, not {value!r}")
        return str(value)

    def table(self, value: Any, where: str, known: set[str] | None = None) -> dict[str, Any]:
        found: dict[str, Any] = self.kind(value, where, dict)
        for key in found:
            if known is not None and key not in known:
                raise self._refuse(f"{where}.{key}", f"is not known; known keys: {', '.join(sorted(known))}")
        return found

    def text(self, value: Any, where: str) -> str:
        """One line with something in it: it becomes a header."""
        found: str = self.kind(value, where, str)
        if not found.strip() or not found.isprintable():
            raise self._refuse(where, f"must be one line of text, not {found!r}")
        return found

    def texts(self, value: Any, where: str) -> dict[str, str]:
        return {key: self.kind(text, f"{where}.{key}", str) for key, text in self.table(value, where).items()}

    def words(self, value: Any, where: str) -> tuple[str, ...]:
        found: list[Any] = self.kind(value, where, list)
        return tuple(self.kind(word, f"{where}[{number}]", str) for number, word in enumerate(found))

    def positive(self, value: Any, where: str) -> int:
        found: int = self.kind(value, where, int)
        if found < 1:
            raise self._refuse(where, f"must be 1 or more, not {found}")
        return found

    def hyperparameters(self, value: Any, where: str) -> dict[str, Any]:
        """Values that JSON has, since both encodings of hyperparameters are JSON or text."""
        found = self.table(value, where)
        for key, item in found.items():
            self._json(item, f"{where}.{key}")
        return found

    def _json(self, value: Any, where: str) -> None:
        if isinstance(value, list | dict):
            for item in value.values() if isinstance(value, dict) else value:
                self._json(item, where)
        elif not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
            raise self._refuse(where, f"must be something that JSON can hold, not {value}: write it as text")

    def metrics(self, value: Any, where: str) -> dict[str, str]:
        """What CreateTrainingJob takes: at most 40 definitions, a regex of at most 500 characters (API:
        AlgorithmSpecification, MetricDefinition)."""
        found = self.texts(value, where)
        if len(found) > 40:
            raise self._refuse(where, f"has {len(found)} definitions; at most 40 are taken")
        for name, regex in found.items():
            self._regex(regex, f"{where}.{name}")
        return found

    def long(self, value: Any, where: str) -> Long:
        found = self.table(value, where, _LONG)
        resumes = found.get("resumes")
        return Long(
            self.hyperparameters(found.get("hyperparameters", {}), f"{where}.hyperparameters"),
            self.positive(found.get("stop_after", 10), f"{where}.stop_after"),
            "" if resumes is None else self._regex(self.kind(resumes, f"{where}.resumes", str), f"{where}.resumes"),
        )

    def _regex(self, text: str, where: str) -> str:
        if not 0 < len(text) <= 500:
            raise self._refuse(where, f"must be a regex of 1 to 500 characters, not {len(text)}")
        try:
            MetricScanner([{"Name": where, "Regex": text}])
        except InvalidRequest as error:
            raise self._refuse(where, f"must be a regex, and {text!r} is none") from error
        return text

    def path(self, value: Any, where: str) -> Path:
        """A file or folder that is there."""
        text = self.kind(value, where, str)
        if text.startswith("s3://"):
            raise self._refuse(where, f"names {text}: an examination takes folders and files of this machine only")
        try:
            found = self._folder / Path(text).expanduser()
            there = bool(text) and found.exists()
        except (OSError, ValueError, RuntimeError) as error:  # too long a name; NUL; a user whom nobody knows
            raise self._refuse(where, f"cannot be used as a path: {error}") from error
        if not there:
            raise self._refuse(where, f"names {text!r}, which is not there ({found})")
        return found

    def archive(self, value: Any, where: str) -> Path:
        """A file. A folder would need a request of another form, which the serving runs do not make yet."""
        found = self.path(value, where)
        if found.is_dir():
            raise self._refuse(
                where, f"names the folder {found}; a model.tar.gz is needed: tar -czf model.tar.gz -C {found} ."
            )
        return found

    def manifest(self, value: Any, where: str) -> PushedManifest:
        path = self.path(value, where)
        try:
            return pushed_manifest(path)
        except (BrokenArchive, OSError) as error:
            raise self._refuse(where, f"names {path}, which is no OCI image layout: {error}") from error

    def published(self, top: Mapping[str, Any], where: str) -> RegistryReference | None:
        if "published" not in top:
            return None
        if "oci_layout" in top:
            raise self._refuse(where, "and check.oci_layout both say what is pushed; one is enough")
        try:
            return parse_reference(self.text(top["published"], where))
        except UsageError as error:
            raise self._refuse(where, f"must be an image in a registry: {error}") from error

    def sources(self, value: Any, where: str) -> dict[str, Source]:
        return {name: self._source(item, f"{where}.{name}") for name, item in self.table(value, where).items()}

    def broken(self, value: Any, where: str, channels: Mapping[str, Source]) -> dict[str, Source]:
        """Broken data replaces a channel's good data; for any other name the good data would be trained on again."""
        found = self.sources(value, where)
        for name in found:
            if name not in channels:
                known = ", ".join(channels) or "none"
                raise self._refuse(f"{where}.{name}", f"is not a channel of check.training.channels ({known})")
        return found

    def _source(self, value: Any, where: str) -> Source:
        if isinstance(value, str):
            return Source(self.path(value, where))
        found = self.table(value, where, {"source", "content_type"})
        if "source" not in found:
            raise self._refuse(where, "needs a source: a folder or a file")
        content_type = found.get("content_type")
        if content_type is not None:
            self.text(content_type, f"{where}.content_type")
        return Source(self.path(found["source"], f"{where}.source"), content_type)

    def sample(self, value: Any, where: str) -> Sample:
        found = self.table(value, where, _SAMPLE)
        if "content_type" not in found:
            raise self._refuse(where, "needs a content_type")
        body = self._bytes(found, where, "body", "file")
        if body is None:
            raise self._refuse(where, "needs a body or a file")
        accept = found.get("accept")
        return Sample(
            body,
            self.text(found["content_type"], f"{where}.content_type"),
            accept if accept is None else self.text(accept, f"{where}.accept"),
            self._bytes(found, where, "expect", "expect_file"),
        )

    def _bytes(self, found: Mapping[str, Any], where: str, text: str, file: str) -> bytes | None:
        if text in found and file in found:
            raise self._refuse(where, f"has {text} and {file}; one is enough")
        if text in found:
            words: str = self.kind(found[text], f"{where}.{text}", str)
            return words.encode()
        return self._read(found[file], f"{where}.{file}") if file in found else None

    def _read(self, value: Any, where: str) -> bytes:
        path = self.path(value, where)
        try:
            return path.read_bytes()
        except OSError as error:
            raise self._refuse(where, f"names {path}, which cannot be read: {error.strerror}") from error
