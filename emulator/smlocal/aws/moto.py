"""The one door to moto, which answers what else AWS clients touch: in this process, as the WSGI callable it exports.

moto is never subclassed and never patched. It sees the request as it was on the wire, but account, region and service
are what we say. Its own control paths, which can reset all state, are not reachable, and its pages in HTML are never
shown. How moto 5 routes, and what corrupts keys, was tried. It takes long to import: that is done at the first call.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_to_bytes, urlencode

from smlocal.aws.errors import AwsError, protocol_of
from smlocal.aws.gateway import refused_by_name
from smlocal.aws.routing import operation_of, service_of
from smlocal.aws.wire import Call, Reply, whole

SERVICES = (
    "application-autoscaling", "ec2", "ecr", "iam", "kms", "logs", "metrics.sagemaker", "monitoring", "s3", "sagemaker",
    "sts",
)  # fmt: skip
BODY_BYTES = 64 * 1024 * 1024
_THREADS = 8
_CONTROL = (b"/moto-api", b"/latest/meta-data", b"/latest/api", b"/favicon.ico")
_ACCOUNT = "x-moto-account-id"
_NOT_PASSED = {"authorization", "content-length", "content-type", "transfer-encoding", "connection", "expect", _ACCOUNT}
_NOT_ANSWERED = {"connection", "content-length", "date", "server", "transfer-encoding"}
_SIGNED_AS = {"metrics.sagemaker": "sagemaker", "runtime.sagemaker": "sagemaker"}
_TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},'
    '"Action":"sts:AssumeRole"}]}'
)

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class MotoService:
    """A Service over moto, on a few threads. `role` is the name of the execution role that is there from the first."""

    def __init__(self, account: str, region: str, role: str, load: Callable[[], WsgiApplication] | None = None) -> None:
        self._account = account
        self._region = region
        self._role = role
        self._load = load or _load
        self._lock = threading.Lock()
        self._application: WsgiApplication | None = None
        self._pool: ThreadPoolExecutor | None = None

    async def __call__(self, call: Call) -> Reply:
        """moto's answer. Raises AwsError for what moto does not know, BodyTooLarge."""
        service = service_of(call)
        path = b"/" + unquote_to_bytes(call.path).lstrip(b"/")
        if service not in SERVICES or path.startswith(_CONTROL):
            raise refused_by_name(call)
        body = await call.read(BODY_BYTES)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_THREADS, "smlocal-moto")
        answer = await asyncio.get_running_loop().run_in_executor(self._pool, self._answer, call, service, body)
        if answer is None:
            raise _unknown(call, service, body)
        return answer

    def close(self) -> None:
        """End the threads; a call that is under way is not waited for. May be called again."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _answer(self, call: Call, service: str, body: bytes) -> Reply | None:
        """In a thread: moto's answer, or None when it has none of AWS's shape."""
        application = self._ready()
        try:
            reply = _called(application, self._environ(call, service, body))
        except NotImplementedError:
            return None
        except Exception as error:  # whatever moto fails on, its caller is told in AWS's shape
            text = f"moto failed on {service} {operation_of(call, body)}: {type(error).__name__}: {str(error)[:300]}"
            raise AwsError("InternalFailure", text, 500) from error
        kind = next((value for name, value in reply.headers.items() if name.lower() == "content-type"), "")
        if reply.status >= 400 and kind.startswith("text/html") and not _is_aws_error(reply.body):
            return None
        if not kind.startswith(("application/", "text/xml")) and reply.body:  # moto lets the framework choose it
            headers = {name: value for name, value in reply.headers.items() if name.lower() != "content-type"}
            return replace(reply, headers={**headers, "Content-Type": protocol_of(call, service).value})
        return reply

    def _ready(self) -> WsgiApplication:
        """The application, loaded once, with the role."""
        with self._lock:
            if self._application is None:
                application = self._load()
                form = {"Action": "CreateRole", "Version": "2010-05-08", "RoleName": self._role}
                body = urlencode({**form, "AssumeRolePolicyDocument": _TRUST}).encode()
                _called(application, self._environ(_form_call(), "iam", body))
                self._application = application
            return self._application

    def _environ(self, call: Call, service: str, body: bytes) -> dict[str, Any]:
        """PEP 3333's environment, with what moto takes beyond it: the raw target, and names that have underscores."""
        key = call.scope.access_key_id if call.scope is not None else "smlocal"
        signed_as = _SIGNED_AS.get(service, service)
        scope = f"Credential={key}/20260101/{self._region}/{signed_as}/aws4_request"
        environ: dict[str, Any] = {
            "REQUEST_METHOD": call.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(call.path).decode("latin-1"),
            "QUERY_STRING": call.query,
            "RAW_URI": call.target,
            "REQUEST_URI": call.target,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        _add_headers(environ, call)
        environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account
        environ.setdefault("HTTP_HOST", "127.0.0.1")
        return environ


def _add_headers(environ: dict[str, Any], call: Call) -> None:
    """The call's headers as the environment has them, and the names that this would change."""
    if "Content-Type" in call.headers:
        environ["CONTENT_TYPE"] = call.headers["Content-Type"]
    names: dict[str, str] = {}
    for name, value in call.headers.pairs:
        if name.lower() in _NOT_PASSED:
            continue
        variable = f"HTTP_{name.upper().replace('-', '_')}"
        environ[variable] = f"{environ[variable]},{value}" if variable in environ else value
        if "_" in name:
            names[variable] = name
    environ["moto.preserved_header_names"] = names


def _load() -> WsgiApplication:
    from moto.server import DomainDispatcherApplication, create_backend_app

    application: WsgiApplication = DomainDispatcherApplication(create_backend_app)
    return application


def _form_call() -> Call:
    from smlocal.http_client import Headers

    headers = Headers((("Content-Type", "application/x-www-form-urlencoded"), ("Host", "iam.amazonaws.com")))
    return Call("POST", "/", headers, whole(b""), None)


def _called(application: WsgiApplication, environ: dict[str, Any]) -> Reply:
    begun: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _fault: object = None) -> Callable[[bytes], None]:
        begun.append((status, headers))
        return lambda _data: None

    pieces = application(environ, start_response)
    try:
        body = b"".join(pieces)
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
    status, headers = begun[-1]
    return Reply(int(status.split(" ", 1)[0]), _answered(headers), body)


def _answered(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """What is passed on: nothing of the connection, and nothing that lets another origin read an answer."""
    return {
        name: value
        for name, value in headers
        if name.lower() not in _NOT_ANSWERED and not name.lower().startswith("access-control-")
    }


def _is_aws_error(body: Any) -> bool:
    """Some of moto's errors are XML or JSON that calls itself HTML."""
    start = bytes(body[:200]).lstrip().lower()
    return (start.startswith((b"<?xml", b"<error", b"<response", b"{")) and b"<html" not in start) if start else False


def _unknown(call: Call, service: str, body: bytes) -> AwsError:
    return AwsError(
        "NotImplemented",
        f"Neither smlocal nor moto, which answers {service} here, knows the operation {operation_of(call, body)}.",
        501,
    )
