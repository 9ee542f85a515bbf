"""What all parts of an account share: its clock, its lock, its log, and the shelves on which its named things stand."""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smlocal.account.ledger import Ledger, Members, merged
from smlocal.account.sinks import LogEvent, LogSink, MetricSink
from smlocal.errors import SmlocalError
from smlocal.optml import job_arn
from smlocal.settings import Settings


@dataclass(frozen=True)
class Office:
    """Shared by the parts of one account. Whoever looks and then changes holds `lock` meanwhile, and nothing that takes
    long is done under it."""

    settings: Settings
    ledger: Ledger
    now: Callable[[], datetime]
    ids: Callable[[], str]  # hexadecimal digits, 17 or more, others each time
    logs: LogSink
    metrics: MetricSink
    lock: threading.RLock = field(default_factory=threading.RLock)

    def arn(self, kind: str, name: str) -> str:
        return job_arn(kind, name, self.settings.region, self.settings.account)

    def instance_id(self) -> str:
        """The name of a machine, as EC2 gives them: "i-0123456789abcdef0"."""
        return f"i-{self.ids()[:17]}"

    def log(self, group: str, stream: str, text: str, time: datetime | None = None) -> None:
        self.logs.write(group, stream, (LogEvent(time or self.now(), text),))


class Shelf:
    """The things of one kind by their names, each as members: those of its Describe answer, and, with names that begin
    with "_", what AWS does not tell. Members are replaced, never changed in place. Thread safe."""

    def __init__(self, office: Office, kind: str) -> None:
        """`kind` is that of the things' ARNs: "training-job"."""
        self.kind = kind
        self._office = office
        prefix = f"{kind}/"
        self._things: dict[str, Members] = {
            thing.removeprefix(prefix): members
            for thing, members in office.ledger.things.items()
            if thing.startswith(prefix)
        }

    def arn(self, name: str) -> str:
        return self._office.arn(self.kind, name)

    def get(self, name: str) -> Members | None:
        return self._things.get(name)

    def named_by(self, arn: str) -> str | None:
        """The name of the thing with that ARN."""
        with self._office.lock:
            return next((name for name in self._things if self.arn(name) == arn), None)

    def is_taken(self, name: str) -> bool:
        """Whether a thing has that name, in whatever case: their ARNs would be the same."""
        return name in self._things or self.named_by(self.arn(name)) is not None

    def all(self) -> dict[str, Members]:
        with self._office.lock:
            return dict(self._things)

    def add(self, name: str, members: Members) -> None:
        """Raises StorageError, and nothing is added then."""
        kept = copy.deepcopy(dict(members))
        with self._office.lock:
            self._office.ledger.record(self._office.now(), f"{self.kind}/{name}", "created", kept, ())
            self._things[name] = kept

    def change(self, name: str, what: str, changed: Mapping[str, Any], *unset: str) -> None:
        """Replace and remove members. A log that cannot be written loses the change at the next start, not before."""
        with self._office.lock:
            old = self._things[name]
            new = {key: value for key, value in changed.items() if key not in old or old[key] != value}
            gone = [key for key in unset if key in old]
            if not new and not gone:
                return
            self._things[name] = merged(old, new, gone)
            with contextlib.suppress(SmlocalError):
                self._office.ledger.record(self._office.now(), f"{self.kind}/{name}", what, new, gone)

    def remove(self, name: str) -> None:
        with self._office.lock:
            del self._things[name]
            with contextlib.suppress(SmlocalError):
                self._office.ledger.forget(self._office.now(), f"{self.kind}/{name}")


def told(members: Members) -> dict[str, Any]:
    """What a Describe call gives of a thing."""
    return copy.deepcopy({name: value for name, value in members.items() if not name.startswith("_")})
