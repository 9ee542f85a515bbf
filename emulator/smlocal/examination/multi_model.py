"""What the container of a multi-model endpoint is asked: to load models, to tell of them, to invoke and to unload them.

The models are one model under several names; the platform's names are opaque, and say nothing of the archive that the
caller names. Source: AWS developer guide, mms-container-apis.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from smlocal import optml
from smlocal.evidence import Exchange
from smlocal.examination.plan import Sample
from smlocal.examination.probes import Probes, headers_of
from smlocal.settings import MEBIBYTE, Limits

LISTED_FIRST = "models before any is loaded"
LOAD = "load"
LOAD_TWICE = "load twice"
LISTED = "models"
DESCRIBE = "describe"
INVOKE_MODEL = "invoke a model"
UNKNOWN = "unknown model"
UNLOAD = "unload"
LISTED_AFTER = "models after one is unloaded"
INVOKE_UNLOADED = "invoke an unloaded model"
LOAD_AGAIN = "load after unloading"
TOO_BIG = "load a model that is too big"
INVOKE_AFTER = "invoke after a model that is too big"

_LONGEST = MEBIBYTE  # of an answer that tells of models
_LONGEST_TOLD = 80  # of a path, in a report
_MOST_PAGES = 10
_LONGEST_TOKEN = 8192  # API: NextToken of the lists of SageMaker
_CONFLICT = 409
_JSON = {"Accept": "application/json"}
_ANY = Sample(b"1,2,3\n", "text/csv")


def _name(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()[:32]


MODELS = tuple(_name(word) for word in ("first", "second", "third"))
BIG_MODEL = _name("too big")
_UNKNOWN_MODEL = _name("unknown")


class MultiModelProbes:
    """Asks one container, through `probes`, until a request is not answered. `too_big`: a model that it cannot hold
    is there, too, under its name."""

    def __init__(self, probes: Probes, limits: Limits, samples: Sequence[Sample], too_big: bool) -> None:
        self._probes = probes
        self._limits = limits
        self._samples = samples
        self._first = samples[0] if samples else _ANY
        self._too_big = too_big

    def run(self) -> tuple[Exchange, ...]:
        """All exchanges; what may break the server comes last."""
        found: list[Exchange] = []
        for exchange in self._in_turn():
            found.append(exchange)
            if exchange.status is None:
                break
        return tuple(found)

    def _in_turn(self) -> Iterator[Exchange]:
        first, *_, last = MODELS
        yield from self._listed(LISTED_FIRST)
        for name in MODELS:
            loaded = self._load(LOAD, name)
            yield loaded
            if not _is_there(loaded):
                return
        yield self._load(LOAD_TWICE, first)
        yield from self._listed(LISTED)
        yield self._tell(DESCRIBE, f"/models/{first}", first)
        for name in (first, last):
            yield from (self._invoke(INVOKE_MODEL, name, sample) for sample in self._samples)
        yield self._invoke(UNKNOWN, _UNKNOWN_MODEL, self._first)
        yield self._tell(UNKNOWN, f"/models/{_UNKNOWN_MODEL}", _UNKNOWN_MODEL)
        yield self._unload(UNKNOWN, _UNKNOWN_MODEL)
        yield from self._unloaded(last)
        if self._too_big:
            yield self._load(TOO_BIG, BIG_MODEL)
            yield from (self._invoke(INVOKE_AFTER, first, sample) for sample in self._samples[:1])

    def _unloaded(self, name: str) -> Iterator[Exchange]:
        yield self._unload(UNLOAD, name)
        yield from self._listed(LISTED_AFTER)
        yield self._invoke(INVOKE_UNLOADED, name, self._first)
        yield self._load(LOAD_AGAIN, name)

    def _listed(self, probe: str) -> Iterator[Exchange]:
        """All pages of the list of models."""
        path = "/models"
        for _ in range(_MOST_PAGES):
            told = _Told()
            yield self._tell(probe, path, told=told)
            if not 0 < len(told.next_page) <= _LONGEST_TOKEN:
                return
            path = f"/models?next_page_token={quote(told.next_page, safe='')}"

    def _tell(self, probe: str, path: str, name: str = "", told: _Told | None = None) -> Exchange:
        told = told or _Told()
        found = self._probes.exchange(probe, f"GET {path[:_LONGEST_TOLD]}", "GET", path, None, _JSON, counter=told)
        return replace(found, model=name, models=told.names)

    def _load(self, probe: str, name: str) -> Exchange:
        body = optml.compact({"model_name": name, "url": f"{optml.MODELS}/{name}/model"})
        headers = {**_JSON, "Content-Type": "application/json"}
        timeout = self._limits.model_load_timeout
        request = f"POST /models {body}"
        found = self._probes.exchange(probe, request, "POST", "/models", body.encode(), headers, timeout=timeout)
        return replace(found, model=name)

    def _unload(self, probe: str, name: str) -> Exchange:
        path = f"/models/{name}"
        return replace(self._probes.exchange(probe, f"DELETE {path}", "DELETE", path, None, {}), model=name)

    def _invoke(self, probe: str, name: str, sample: Sample) -> Exchange:
        path = f"/models/{name}/invoke"
        headers = {**headers_of(sample), "X-Amzn-SageMaker-Target-Model": f"{name[:8]}.tar.gz"}
        request = f"POST {path} {sample.content_type}, {len(sample.body)} bytes"
        found = self._probes.exchange(probe, request, "POST", path, sample.body, headers, sample.expect)
        return replace(found, model=name)


class _Told:
    """What an answer tells of models: their names, None when it is not JSON or of another shape; and where a list goes
    on. One model is told of as an object, or, as by awslabs/multi-model-server, as a list of one."""

    def __init__(self) -> None:
        self._answer = bytearray()

    def take(self, piece: bytes) -> None:
        self._answer += piece[: max(0, _LONGEST - len(self._answer))]

    def count(self, headers: Mapping[str, str]) -> None:
        """Such an answer has no records."""

    @property
    def names(self) -> tuple[str, ...] | None:
        document = self._document()
        told = document.get("models", [document]) if isinstance(document, dict) else document
        items = told if isinstance(told, list) else [None]
        names = [item.get("modelName") if isinstance(item, dict) else None for item in items]
        known = tuple(name for name in names if isinstance(name, str))
        return known if len(known) == len(names) else None

    @property
    def next_page(self) -> str:
        document = self._document()
        token = document.get("nextPageToken") if isinstance(document, dict) else None
        return "" if token is None else str(token)

    def _document(self) -> Any:
        try:
            return json.loads(bytes(self._answer))
        except (ValueError, RecursionError):
            return None


def _is_there(loaded: Exchange) -> bool:
    """Whether the model can be asked now: it was loaded, or it was there already."""
    return loaded.status is not None and (200 <= loaded.status <= 299 or loaded.status == _CONFLICT)
