"""A model container in this process, over real HTTP, and jobs that are run against it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.container.conftest import broken_image, build_image, docker_client

from smlocal.container import Exit
from smlocal.errors import EndpointFailed
from smlocal.evidence import HostingEvidence
from smlocal.http_client import HttpClient
from smlocal.settings import Limits, Settings
from smlocal.storage.directory import DirectoryStore
from smlocal.transform.job import Observer, TransformJob, TransformResult
from smlocal.transform.plan import plan_of
from smlocal.transform.runner import find_objects

__all__ = ["broken_image", "build_image", "docker_client"]

BUCKET = "examples"
Answer = tuple[int, bytes] | tuple[int, bytes, Mapping[str, str]]


@dataclass
class Seen:
    """A request, as the container got it."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    number: int  # among the invocations, from 0


class Container:
    """A model container: answers invocations by a function. Stands for `smlocal.hosting.ModelServer`."""

    def __init__(self) -> None:
        self.answer: Callable[[Seen], Answer | None] = lambda seen: (200, seen.body.upper())  # None: hang up
        self.parameters: Answer = (404, b"")
        self.start_failure: EndpointFailed | None = None
        self.healthy = threading.Event()  # cleared: it never becomes so
        self.healthy.set()
        self.seen: list[Seen] = []
        self.most_at_once = 0
        self.stops = 0
        self.hurried = False
        self._at_once = 0
        self._ended = threading.Event()
        self._exit: Exit | None = None
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    # as a server

    def start(self, stop: threading.Event | None = None) -> bool:
        if self.start_failure is not None:
            raise self.start_failure
        while not self.healthy.wait(0.01):
            if self._ended.is_set() or (stop is not None and stop.is_set()):
                return False
        container = self

        class Handler(_Handler):
            answers = container

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return True

    @property
    def base_url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def wait(self, timeout: float | None = None) -> Exit | None:
        self._ended.wait(timeout)
        return self._exit

    def stop(self, hurry: threading.Event | None = None) -> Exit | None:
        self.stops += 1
        self.hurried = hurry is not None and hurry.is_set()
        if not self._ended.is_set():
            self.exit(0)
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        return self._exit

    def exit(self, code: int, out_of_memory: bool = False) -> None:
        """End by itself."""
        self._exit = Exit(code, out_of_memory, 0.0)
        self._ended.set()

    def evidence(self) -> HostingEvidence:
        code = self._exit.code if self._exit else None
        times = {"seconds_to_healthy": 0.0, "stop_seconds": None, "exit_code": code}
        counts = {"watched_pings": 0, "missed_pings": 0, "longest_miss": 0, "invocations": 0, "model_errors": 0}
        flags = {"out_of_memory": False, "exited_by_itself": False, "killed_after_grace": False, "model_given": False}
        lists = {"start_pings": (), "listening": None, "last_lines": (), "scaled_limits": (), "notes": ()}
        return HostingEvidence(image="example", start_error="", **times, **counts, **flags, **lists)

    # as a test sees it

    @property
    def bodies(self) -> list[bytes]:
        return [seen.body for seen in self.seen if seen.path == "/invocations"]

    def respond(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> Answer | None:
        with self._lock:
            seen = Seen(method, path, headers, body, len(self.bodies))
            self.seen.append(seen)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return self.parameters if path == "/execution-parameters" else self.answer(seen)
        finally:
            with self._lock:
                self._at_once -= 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one segment
    timeout = 20
    answers: Container

    def do_POST(self) -> None:
        answer = self.answers.respond(self.command, self.path, list(self.headers.items()), self._body())
        if answer is None:
            self.close_connection = True
            return
        status, body, headers = answer if len(answer) == 3 else (*answer, {})
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.do_POST()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def log_message(self, format: str, *args: Any) -> None:
        return


@dataclass
class Bench:
    """A store, a container and a client; `run` runs a job on them."""

    store: DirectoryStore
    container: Container
    http: HttpClient
    settings: Settings = field(default_factory=lambda: Settings(limits=Limits(transform_retries=3)))
    data_log: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    hurry: threading.Event = field(default_factory=threading.Event)
    progress: list[tuple[int, int]] = field(default_factory=list)

    def put(self, key: str, body: bytes) -> None:
        self.store.put(BUCKET, key, io.BytesIO(body))

    def get(self, key: str) -> bytes:
        with self.store.open(BUCKET, key) as source:
            return source.read()

    def keys(self, prefix: str = "out/") -> list[str]:
        return [item.key for item in self.store.list(BUCKET, prefix)]

    def outputs(self) -> dict[str, bytes]:
        return {key: self.get(key) for key in self.keys("out/")}

    def run(self, **changes: Any) -> TransformResult:
        wanted = request(**changes)
        plan = plan_of(wanted, self.settings.limits)
        job = TransformJob(
            wanted,
            plan,
            find_objects(self.store, plan, "us-east-1", "arn:aws:iam::000000000000:role/example")[0],
            server=self.container,
            store=self.store,
            http=self.http,
            settings=self.settings,
            observer=Observer(
                on_status=self.statuses.append,
                on_data_log=self.data_log.append,
                on_objects=lambda done, total: self.progress.append((done, total)),
            ),
            now=lambda: datetime(2026, 1, 2, 3, 4, 5, 678901, timezone.utc),
        )
        return job.run(self.stop, self.hurry)


def request(
    *,
    source: str = f"s3://{BUCKET}/in/",
    target: str = f"s3://{BUCKET}/out",
    split: str | None = "Line",
    assemble: str | None = None,
    content_type: str | None = "text/csv",
    accept: str | None = None,
    retries: int | None = None,
    timeout: int | None = None,
    **top: Any,
) -> dict[str, Any]:
    """A CreateTransformJob request; what is None is left out, `top` are members of the request itself."""
    given: dict[str, Any] = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}}}
    given |= {"SplitType": split} if split else {}
    given |= {"ContentType": content_type} if content_type is not None else {}
    output = {"S3OutputPath": target}
    output |= {"AssembleWith": assemble} if assemble else {}
    output |= {"Accept": accept} if accept is not None else {}
    client = {"InvocationsMaxRetries": retries, "InvocationsTimeoutInSeconds": timeout}
    client = {name: value for name, value in client.items() if value is not None}
    return {
        "TransformJobName": "Example-1",
        "ModelName": "example",
        "TransformInput": given,
        "TransformOutput": output,
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **({"ModelClientConfig": client} if client else {}),
        **top,
    }


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    store = DirectoryStore(tmp_path)
    store.ensure_bucket(BUCKET)
    container = Container()
    with HttpClient() as http:
        yield Bench(store, container, http)
    container.stop()


@pytest.fixture(name="request_of")
def _request_of() -> Callable[..., dict[str, Any]]:
    return request
