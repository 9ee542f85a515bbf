"""The upload of one blob: begun with POST, sent with PATCH, ended with PUT, and asked after when it broke off.

Sources: the OCI distribution specification 1.1 ("Pushing blobs"), and what registries were seen to do: Amazon ECR
answers 201 to PATCH, and discards every chunk with a Content-Range but the first, while its Range stays where it was
(aws/containers-roadmap issue 2831), so that it is sent whole; GHCR answers 416 to a chunk of more than 4 MiB
(oras-project/rust-oci-client issue 35); Debian's docker-registry 2.8.2 says "0-0" of an upload without a byte, and
answers 404 to whoever asks for an upload whose chunk broke off in the middle, having thrown it away (run; mended for
version 3 in distribution/distribution pull request 3755).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit, urlunsplit

from smlocal.errors import ConnectionFailed, RegistryError, RegistryUnreachable
from smlocal.registry.authorization import PUSH
from smlocal.registry.interface import Descriptor
from smlocal.registry.retries import RETRIED, Faults
from smlocal.registry.source import Source
from smlocal.registry.wire import Answer, Body, RegistryWire

CHUNK_BYTES = 32 * 1024 * 1024
SMALL_CHUNK_BYTES = 4 * 1024 * 1024  # GHCR's limit, for who refuses bigger ones
_RESTARTS = 4  # uploads begun anew, of one blob
_RANGE = re.compile(r"\s*(?:bytes[=\s])?\s*([0-9]{1,18})-([0-9]{1,18})\s*")
_NOT_CHUNKS = frozenset({400, 405, 411, 415, 501})  # how registries refuse a chunk as such


def arrived(value: str | None) -> int | None:
    """The bytes that have arrived, of an upload's `Range` header ("0-99" is 100; "0-0" is 0 or 1); None: it cannot
    tell."""
    found = _RANGE.fullmatch(value or "")
    if not found or int(found[1]) != 0:
        return None
    return int(found[2]) + 1 if int(found[2]) else 0


class BlobUpload:
    """One blob on its way. `location` is where it goes on, for a later try."""

    def __init__(
        self,
        wire: RegistryWire,
        blob: Descriptor,
        source: Source,
        on_sent: Callable[[int], None],
        chunk_bytes: int | None,
        location: str | None = None,
    ) -> None:
        """`chunk_bytes`: of one PATCH; None: all of it in one, without Content-Range, as Docker itself sends it.
        `location` is that of an earlier try."""
        self.location = location
        self._wire = wire
        self._blob = blob
        self._source = source
        self._on_sent = on_sent
        self._chunk = chunk_bytes
        self._whole = False  # the registry takes no parts: PUT with everything
        self._offset = 0
        self._is_unsure = location is not None  # how far it has got
        self._refused_at: int | None = None  # where a small chunk was not taken
        self._restarts = 0
        self._doing = f"sending {blob.digest}"
        self._faults = Faults(wire.patience, f"{self._doing} ({wire.place})")

    def run(self) -> None:
        """Until the blob is there. Raises what Repository.push_blob raises."""
        try:
            while not self._step():
                pass
        finally:
            self._source.close()
        self.location = None

    def _step(self) -> bool:
        """One exchange; whether the blob is there."""
        try:
            if self.location is None:
                return self._begin()
            if self._is_unsure:
                return self._ask()
            if self._whole:
                return self._end(Body(self._blob.size, lambda: self._source.pieces(0, self._blob.size)))
            if self._offset < self._blob.size:
                return self._send()
            return self._end(None)
        except ConnectionFailed as error:
            self._wire.give_up_for_good(self._doing, error)
            self._fault(self._wire.words_of(error))
            return False

    # the steps

    def _begin(self) -> bool:
        answer = self._once("POST", self._wire.url("/blobs/uploads/"), headers={"Content-Length": "0"})
        if answer.status in RETRIED:
            return self._later(answer)
        if answer.status not in (200, 201, 202) or not answer.headers.get("Location"):
            raise self._wire.refusal(answer, self._doing)
        self._move_on(answer)
        self._offset = 0
        return False

    def _ask(self) -> bool:
        """How far it has got; or whether it is there, since the answer to its end may be what was lost."""
        if self._is_there():
            return True
        answer = self._once("GET", self._place())
        if answer.status in RETRIED:
            return self._later(answer)
        found = arrived(answer.headers.get("Range")) if answer.status in (200, 202, 204) else None
        if found is None or found > self._blob.size or self._whole:
            self._restart("it no longer knows the upload")
            return False
        self._move_on(answer)
        self._is_unsure = False
        self._progress_to(found)
        return False

    def _send(self) -> bool:
        left = self._blob.size - self._offset
        size = left if self._chunk is None else min(left, self._chunk)
        start = self._offset
        parts = {} if self._chunk is None else {"Content-Range": f"{start}-{start + size - 1}"}
        answer = self._once(
            "PATCH", self._place(), headers=parts, body=Body(size, lambda: self._source.pieces(start, size))
        )
        if answer.status in RETRIED:
            return self._later(answer)
        if answer.status in (200, 201, 202, 204):
            self._accepted(answer, start + size)
        elif answer.status == 404:
            self._restart("it no longer knows the upload")
        elif answer.status in (413, 416):
            self._smaller(answer)
        elif answer.status in _NOT_CHUNKS and not self._whole:
            self._send_whole()
        else:
            raise self._wire.refusal(answer, self._doing)
        return False

    def _accepted(self, answer: Answer, end: int) -> None:
        """A chunk was taken: as far as the registry says, since that is what it will count on."""
        self._move_on(answer)
        said = answer.headers.get("Range")
        found = end if said is None else arrived(said)
        if found == 0 and end == 1:
            found = 1
        if found is None or found > end or found <= self._offset:
            self._send_whole()
            return
        if found < end - (end - self._offset) // 2:
            self._faults.wait(f"it took {found - self._offset} bytes of {end - self._offset}")
        self._progress_to(found)

    def _smaller(self, answer: Answer) -> None:
        """A chunk that is too big, or not where the registry is: asking tells where that is."""
        self._is_unsure = True
        if self._chunk is None or self._chunk > SMALL_CHUNK_BYTES:
            self._chunk = SMALL_CHUNK_BYTES
        elif answer.status == 413:
            raise self._wire.refusal(answer, self._doing)
        elif self._refused_at == self._offset:
            self._send_whole()
        else:
            self._refused_at = self._offset

    def _end(self, body: Body | None) -> bool:
        answer = self._once("PUT", _with_digest(self._place(), self._blob.digest), body=body or b"")
        if answer.status in RETRIED:
            return self._later(answer)
        if answer.status in (200, 201, 202, 204):
            self._check(answer)
            return True
        if answer.status == 404:
            self._restart("it no longer knows the upload")
            self._is_unsure = False
            return self._is_there()
        if answer.status not in (400, 416) or self._whole:
            raise self._refused(answer)
        self._check_source()
        self._send_whole()
        return False

    # what they have in common

    def _once(
        self, method: str, url: str, *, headers: dict[str, str] | None = None, body: bytes | Body | None = None
    ) -> Answer:
        if isinstance(body, Body):
            self._source.taken = 0 if self._whole else self._offset
            body = Body(body.size, body.open, meanwhile=lambda: self._on_sent(self._source.taken))
        return self._wire.once(method, url, action=PUSH, headers=headers, body=body)

    def _place(self) -> str:
        assert self.location is not None
        return self.location

    def _move_on(self, answer: Answer) -> None:
        if location := answer.headers.get("Location"):
            self.location = self._wire.resolve(answer.url, location)

    def _progress_to(self, offset: int) -> None:
        if offset > self._offset:
            self._faults.progress()
        self._offset = offset
        self._on_sent(offset)

    def _later(self, answer: Answer) -> bool:
        self._fault(self._wire.refusal_words(answer), self._wire.asked_pause(answer))
        return False

    def _fault(self, why: str, retry_after: float | None = None) -> None:
        self._is_unsure = self.location is not None
        self._faults.wait(why, retry_after)

    def _restart(self, why: str) -> None:
        self._restarts += 1
        if self._restarts > _RESTARTS:
            raise RegistryUnreachable(
                f"{self._doing} ({self._wire.place}) was begun {_RESTARTS} times anew, because {why}"
            )
        self.location, self._is_unsure, self._offset = None, False, 0
        self._on_sent(0)

    def _send_whole(self) -> None:
        if self._whole:
            raise RegistryError(f"{self._doing}: {self._wire.place} takes it neither in parts nor whole")
        self._restart("it does not take it in parts")
        self._whole = True

    def _is_there(self) -> bool:
        return self._once("HEAD", self._wire.url(f"/blobs/{self._blob.digest}")).status == 200

    def _check(self, answer: Answer) -> None:
        said = answer.headers.get("Docker-Content-Digest")
        if said is not None and said.startswith("sha256:") and said != self._blob.digest:
            raise RegistryError(
                f"{self._wire.place} says that {self._blob.digest} has arrived as {said[:80]!r}; push again"
            )

    def _refused(self, answer: Answer) -> RegistryError:
        self._check_source()
        return self._wire.refusal(answer, self._doing)

    def _check_source(self) -> None:
        if not self._source.is_as_described():
            raise RegistryError(f"the bytes of {self._blob.digest} are no longer those of this digest; push again")


def _with_digest(location: str, digest: str) -> str:
    """The Location with its own parameters kept as they are."""
    parts = urlsplit(location)
    query = "&".join(item for item in (parts.query, urlencode({"digest": digest}, safe=":")) if item)
    return urlunsplit(parts._replace(query=query, fragment=""))
