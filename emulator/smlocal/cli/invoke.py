"""`smlocal invoke`: one request to a running endpoint."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from smlocal.cli.state import common_of
from smlocal.errors import ConnectionFailed, UsageError

_TIMEOUT = 70.0  # seconds: more than the endpoint's own 60
_LONGEST = 64 * 1024 * 1024


def invoke(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="What `smlocal serve` answers at.")],
    body: Annotated[str, typer.Option(metavar="FILE", help="The payload; - reads standard input.")],
    content_type: Annotated[str, typer.Option(metavar="T", help="Its type.")],
    accept: Annotated[str | None, typer.Option(metavar="T", help="The type of the answer.")] = None,
) -> None:
    """Send a payload to URL and print the answer's bytes as they are."""
    common = common_of(context)
    terminal = common.terminal()
    headers = {"Content-Type": content_type} | ({"Accept": accept} if accept is not None else {})
    with common.program() as program:
        address, payload = _address(url), _payload(body)
        try:
            response = program.http.request(
                "POST", address, headers=headers, body=payload, timeout=_TIMEOUT, max_response=_LONGEST
            )
        except ConnectionFailed as error:
            if "Connect call failed" not in str(error):
                raise
            raise ConnectionFailed(
                f"nothing listens at {address}: is `smlocal serve` running, on that port?"
            ) from error
    if terminal.json:
        content = {"status": response.status, "content_type": response.headers.get("Content-Type")}
        terminal.document("invocation", {**content, **_as_json(response.body)})
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(response.body)
        sys.stdout.buffer.flush()
    if not 200 <= response.status <= 299:
        if not terminal.json and not response.body.endswith(b"\n"):
            terminal.answer("")
        terminal.say(f"smlocal: the endpoint answered {response.status} {response.reason}")
        raise typer.Exit(1)


def _as_json(body: bytes) -> dict[str, str]:
    """The body as a member of a JSON document: as text, or in base64 when it is none."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def _payload(body: str) -> bytes:
    if body == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(body).expanduser().read_bytes()
    except OSError as error:
        raise UsageError(f"--body: {body} cannot be read: {error.strerror}") from error


def _address(url: str) -> str:
    """The address with /invocations, when it names no path. Raises UsageError."""
    try:
        parts = urlsplit(url)
        named = parts.hostname is not None and (parts.port is None or parts.port > 0)
    except ValueError:
        named = False
    if not named or parts.scheme not in ("http", "https"):
        raise UsageError(f"'{url}' is not an address; a good one looks like 'http://127.0.0.1:8080'")
    return url if parts.path not in ("", "/") else f"{url.rstrip('/')}/invocations"
