"""What runs tells CloudWatch, while it runs: lines to CloudWatch Logs, values to CloudWatch, through their Services.

One thread sends, several times a second, what came meanwhile, so that nobody who writes is held up. The Services keep
everything in memory: after `MOST_BYTES` of lines a stream gets one more line, which says so.
Sources: API references of CloudWatch Logs (PutLogEvents: at most 10,000 events, 1 MiB with 26 bytes for each) and of
CloudWatch (PutMetricData).
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlencode

from smlocal.account.sinks import LogEvent
from smlocal.aws.wire import Call, Reply, Scope, Service, whole
from smlocal.errors import SmlocalError
from smlocal.http_client import Headers

MOST_BYTES = 64 * 1024 * 1024  # of all lines together
_EVENT_BYTES = 26
_BATCH_BYTES = 1024 * 1024
_BATCH_EVENTS = 10_000
_PAUSE = 0.2  # seconds
_KEPT_NO_MORE = "smlocal keeps no more lines in CloudWatch Logs; `smlocal logs` has them all"
_LOGS_JSON = "application/x-amz-json-1.1"
_FORM = "application/x-www-form-urlencoded; charset=utf-8"

Run = Callable[[Coroutine[Any, Any, Reply]], Reply]
Key = tuple[str, str]


class CloudWatch:
    """Both sinks of an account. `run` runs a coroutine from a plain thread; `close` sends what is left."""

    def __init__(self, service: Service, run: Run, region: str, most_bytes: int = MOST_BYTES) -> None:
        self._service = service
        self._run = run
        self._region = region
        self._left = most_bytes
        self._told: queue.SimpleQueue[tuple[Key, list[LogEvent]] | dict[str, str] | None] = queue.SimpleQueue()
        self._known: set[Key] = set()
        self._full: set[Key] = set()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def write(self, group: str, stream: str, events: Sequence[LogEvent]) -> None:
        """Add lines at the end of a stream, which is made with its group when it is new."""
        with self._lock:
            kept = self._kept((group, stream), events)
        if kept:
            self._tell(((group, stream), kept))

    def put(self, namespace: str, name: str, dimensions: Mapping[str, str], value: float, time: datetime) -> None:
        """One value of a metric."""
        datum = {"MetricName": name, "Value": repr(value), "Timestamp": time.astimezone(timezone.utc).isoformat()}
        for number, (key, said) in enumerate(dimensions.items(), 1):
            datum |= {f"Dimensions.member.{number}.Name": key, f"Dimensions.member.{number}.Value": said}
        members = {f"MetricData.member.1.{key}": said for key, said in datum.items()}
        self._tell({"Action": "PutMetricData", "Version": "2010-08-01", "Namespace": namespace, **members})

    def close(self) -> None:
        """Send what is left, and end the thread. May be called again."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._told.put(None)
            thread.join(10)

    def _kept(self, key: Key, events: Sequence[LogEvent]) -> list[LogEvent]:
        kept = []
        for event in events:
            if key in self._full:
                break
            self._left -= len(event.text) + _EVENT_BYTES
            if self._left < 0:
                self._full.add(key)
                event = LogEvent(event.time, _KEPT_NO_MORE)
            kept.append(event)
        return kept

    def _tell(self, item: tuple[Key, list[LogEvent]] | dict[str, str]) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._send_all, name="CloudWatch", daemon=True)
                self._thread.start()
        self._told.put(item)

    def _send_all(self) -> None:
        over = False
        while not over:
            items = [self._told.get()]
            over = items[0] is None
            if not over:
                threading.Event().wait(_PAUSE)  # what comes together goes together
            while not self._told.empty():
                items.append(self._told.get())
            over = over or None in items
            self._send([item for item in items if item is not None])

    def _send(self, items: list[tuple[Key, list[LogEvent]] | dict[str, str]]) -> None:
        lines: dict[Key, list[LogEvent]] = {}
        for item in items:
            if isinstance(item, dict):
                self._call("monitoring", _FORM, "", urlencode(item).encode())
            else:
                lines.setdefault(item[0], []).extend(item[1])
        for key, events in lines.items():
            self._make(key)
            for batch in _batches(events):
                self._logs("PutLogEvents", {**_named(key), "logEvents": batch})

    def _make(self, key: Key) -> None:
        if key not in self._known:
            self._known.add(key)
            self._logs("CreateLogGroup", {"logGroupName": key[0]})  # that it is there already is as good
            self._logs("CreateLogStream", _named(key))

    def _logs(self, operation: str, document: dict[str, Any]) -> None:
        self._call("logs", _LOGS_JSON, f"Logs_20140328.{operation}", json.dumps(document).encode())

    def _call(self, service: str, content_type: str, target: str, body: bytes) -> None:
        pairs = [("Host", "127.0.0.1"), ("Content-Type", content_type), ("Content-Length", str(len(body)))]
        headers = Headers(tuple(pairs + ([("X-Amz-Target", target)] if target else [])))
        scope = Scope("smlocal", "20260101", self._region, service)
        try:
            self._run(self._reply(Call("POST", "/", headers, whole(body), scope)))
        except SmlocalError:
            return  # the program is ending: there is nobody left who could ask for it

    async def _reply(self, call: Call) -> Reply:
        return await self._service(call)


def _named(key: Key) -> dict[str, str]:
    return {"logGroupName": key[0], "logStreamName": key[1]}


def _batches(events: Sequence[LogEvent]) -> list[list[dict[str, Any]]]:
    """As PutLogEvents takes them. A line without a character has one: events cannot be empty."""
    found: list[list[dict[str, Any]]] = []
    size = _BATCH_BYTES
    for event in events:
        told = len(event.text.encode("utf-8", "replace")) + _EVENT_BYTES
        if size + told > _BATCH_BYTES or len(found[-1]) == _BATCH_EVENTS:
            found.append([])
            size = 0
        size += told
        found[-1].append({"timestamp": int(event.time.timestamp() * 1000), "message": event.text or " "})
    return found
