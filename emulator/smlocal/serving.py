"""The local front of one model: an HTTP server on loopback that answers as SageMaker's runtime does.

    GET  /ping                            what the container answers now: its status; 503 when it does not answer
    POST /invocations                     InvokeEndpoint of the model that is served
    POST /endpoints/{name}/invocations    the same, by the path that boto3 and the AWS CLI use

Both ways have the runtime's limits and texts: a container's error is a ModelError with status 424. Whoever calls the
front by hand finds the container's own status in the header `X-Smlocal-Original-Status` (0: it gave no answer), which
AWS does not send. Signatures are not looked at. Source: API: runtime_InvokeEndpoint.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from smlocal.errors import UsageError
from smlocal.hosting import Invocation, ModelServer
from smlocal.hosting.invocation import Failure, refused, too_long
from smlocal.http_client import HttpClient
from smlocal.settings import Limits

if TYPE_CHECKING:
    from aiohttp import web

ORIGINAL_STATUS = "X-Smlocal-Original-Status"
_NO_TYPE = ("Content-Type", "")  # marks an answer that is to have none
_LAST_REQUESTS = 2.0  # seconds for requests under way when the front closes
_OTHER_OPERATIONS = {
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}


class Front:
    """Listens from `open` to `close`, on the event loop of the HTTP client. It neither starts nor stops the model."""

    def __init__(
        self, http: HttpClient, server: ModelServer, limits: Limits, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._http = http
        self._server = server
        self._limit = limits.invocation_body_bytes
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self.url = ""

    def open(self) -> None:
        """Begin to listen; `url` says where. Raises UsageError when the port cannot be had."""
        self.url = self._http.run(self._open())

    def close(self) -> None:
        """Stop listening; requests under way have 2 s to end. May be called again."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            self._http.run(runner.cleanup())

    def __enter__(self) -> Front:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _open(self) -> str:
        from aiohttp import web

        application = web.Application(client_max_size=0)
        application.on_response_prepare.append(_only_our_headers)
        application.router.add_get("/ping", self._ping)
        application.router.add_post("/invocations", self._invocations)
        application.router.add_post("/endpoints/{name}/invocations", self._invocations)
        for path in _OTHER_OPERATIONS:
            application.router.add_post(f"/endpoints/{{name}}/{path}", self._not_supported)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=_LAST_REQUESTS)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            await runner.cleanup()
            raise UsageError(
                f"port {self._port} on {self._host} cannot be had ({error.strerror}): choose another with --port N"
            ) from error
        self._runner = runner
        port = runner.addresses[0][1]
        return f"http://{self._host}:{port}"

    async def _ping(self, request: web.Request) -> web.Response:
        from aiohttp import web

        status = await self._server.ping()
        if status is not None:
            return web.Response(status=status)
        return web.Response(status=503, text="the model container did not answer GET /ping in time\n")

    async def _invocations(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name")
        if name is not None and name != self._server.model.name:
            return self._response(refused(400, self._server.endpoint.not_found(name)))
        body = await self._body(request)
        if body is None:
            return self._response(too_long(self._limit))
        headers: dict[str, str] = {}
        for key, value in request.raw_headers:
            headers.setdefault(key.decode("latin-1").lower(), value.decode("latin-1"))
        return self._response(await self._server.send(body, headers))

    async def _body(self, request: web.Request) -> bytes | None:
        """The whole body, or None when it is longer than the runtime takes."""
        if (request.content_length or 0) > self._limit:
            return None
        body = bytearray()
        while piece := await request.content.readany():
            body += piece
            if len(body) > self._limit:
                return None
        return bytes(body)

    async def _not_supported(self, request: web.Request) -> web.Response:
        operation = _OTHER_OPERATIONS[request.path.rpartition("/")[2]]
        return self._response(refused(400, Failure("ValidationError", f"smlocal does not support {operation} yet")))

    def _response(self, invocation: Invocation) -> web.Response:
        from aiohttp import web

        headers = [(name, _text(value)) for name, value in invocation.headers.pairs]
        headers.append(("x-amzn-RequestId", str(uuid.uuid4())))
        failure = invocation.failure
        if failure is None:
            headers.append(("x-Amzn-Invoked-Production-Variant", self._server.endpoint.variant))
        elif failure.original_status is not None:
            headers.append((ORIGINAL_STATUS, str(failure.original_status)))
        if "Content-Type" not in invocation.headers:
            headers.append(_NO_TYPE)
        return web.Response(status=invocation.status, headers=headers, body=invocation.body)


def _text(value: str) -> str:
    """A header's bytes as the library writes them again; what is not UTF-8 it cannot write, and becomes "?"."""
    return value.encode("latin-1").decode("utf-8", "replace").replace("\N{REPLACEMENT CHARACTER}", "?")


async def _only_our_headers(request: web.Request, response: web.StreamResponse) -> None:
    """An answer for which the container gave no Content-Type has none here; the library would add one."""
    response.headers.popall("Server", None)
    if response.headers.get("Content-Type") == _NO_TYPE[1]:
        response.headers.popall("Content-Type")
