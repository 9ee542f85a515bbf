"""One request and its answer as the gateway hands them to a service: nothing of a web framework, nothing decoded."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from smlocal.http_client import Headers


@dataclass(frozen=True)
class Scope:
    """What a signature's credential says: `Credential=KEY/20260101/us-east-1/sagemaker/aws4_request`."""

    access_key_id: str
    date: str
    region: str
    service: str


@dataclass(frozen=True)
class Call:
    """One request. `target` is the raw request target, `/bucket/a%2Fb?list-type=2`, as it was on the wire."""

    method: str
    target: str
    headers: Headers  # names as they were sent
    body: AsyncIterable[bytes]  # read once
    scope: Scope | None  # None: it is not signed
    host: str = ""
    is_loopback: bool = True  # whether it came from this machine's loopback
    request_id: str = ""

    @property
    def path(self) -> str:
        """The raw path, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The raw query, without its question mark."""
        return self.target.partition("?")[2]

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises BodyTooLarge when it is longer than `limit` bytes."""
        pieces, size = [], 0
        async for piece in self.body:
            size += len(piece)
            if size > limit:
                raise BodyTooLarge(limit)
            pieces.append(piece)
        return b"".join(pieces)

    def with_body(self, body: bytes) -> Call:
        """The same call for another reader, when its body has been read."""
        return replace(self, body=whole(body))


async def whole(body: bytes) -> AsyncIterator[bytes]:
    """A body that is there already, as the body of a call."""
    if body:
        yield body


class BodyTooLarge(Exception):
    """A request's body is longer than the `limit` bytes that its reader takes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body has more than {limit} bytes")
        self.limit = limit


@dataclass(frozen=True)
class Reply:
    """An answer. A body of bytes goes with its length; a stream with the length that the headers give, or chunked."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | AsyncIterable[bytes] = b""


Service = Callable[[Call], Awaitable[Reply]]
