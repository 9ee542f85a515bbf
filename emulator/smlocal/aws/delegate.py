"""Calls handed on to another AWS-compatible endpoint as they are, streamed both ways.

The signature goes with them, and so does the Host that was signed; it is the other endpoint's to verify it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from smlocal.aws.errors import AwsError
from smlocal.aws.wire import Call, Reply
from smlocal.errors import ConnectionFailed, UsageError
from smlocal.http_client import Headers, HttpClient

_CONNECTION = {
    "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te",
    "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip
_SILENCE = 300.0  # seconds without a byte


class Delegate:
    """A Service that is another endpoint, at `url`."""

    def __init__(self, http: HttpClient, url: str) -> None:
        """Raises UsageError for a malformed address."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
            raise UsageError(f"'{url}' is not the address of an endpoint: it must look like http://127.0.0.1:4566")
        self._http = http
        self._url = f"{parts.scheme}://{parts.netloc}"

    async def __call__(self, call: Call) -> Reply:
        """Its answer. Raises AwsError when it gives none."""
        headers = {name: value for name, value in call.headers.pairs if name.lower() not in _CONNECTION}
        has_body = "Content-Length" in call.headers or "Transfer-Encoding" in call.headers
        try:
            answer = await self._http.stream(
                call.method,
                self._url + call.target,
                headers=headers,
                body=call.body if has_body else None,
                silence=_SILENCE,
            )
        except ConnectionFailed as error:
            raise AwsError("ServiceUnavailable", f"{self._url}, which this call was handed to: {error}", 503) from error
        return Reply(answer.status, _passed_on(answer.headers), answer)


def _passed_on(headers: Headers) -> dict[str, str]:
    return {name: value for name, value in headers.pairs if name.lower() not in _CONNECTION | {"date", "server"}}
