"""InvokeEndpoint: which headers reach the container and come back, and what each of its answers becomes.

Sources: AWS developer guide, your-algorithms-inference-code; API: runtime_InvokeEndpoint; the texts of ModelError as
seen by users. Of what is not documented: 3xx counts as a server error, and only listed headers of an answer come back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from smlocal.errors import ConnectionFailed, InvalidRequest, ResponseTooLarge, TimedOut
from smlocal.http_client import Headers, Response
from smlocal.requests import wording
from smlocal.settings import MEBIBYTE

CONTENT_TYPE = "Content-Type"
ACCEPT = "Accept"
_PREFIX = "X-Amzn-SageMaker-"
CUSTOM_ATTRIBUTES = f"{_PREFIX}Custom-Attributes"
_MEMBERS = {  # header -> the API's name of it, and its greatest length
    CONTENT_TYPE: ("contentType", 1024),
    ACCEPT: ("accept", 1024),
    CUSTOM_ATTRIBUTES: ("customAttributes", 1024),
    f"{_PREFIX}Session-Id": ("sessionId", 256),
}
FORWARDED = tuple(_MEMBERS)
RETURNED = (CONTENT_TYPE, CUSTOM_ATTRIBUTES, f"{_PREFIX}New-Session-Id", f"{_PREFIX}Closed-Session-Id")
_MESSAGE = 2048  # API: Message
CONTAINER = "primary"  # "model" in messages up to 2021


@dataclass(frozen=True)
class Failure:
    """An error of InvokeEndpoint, member by member; `code` is the exception's name."""

    code: str
    message: str
    original_status: int | None = None
    original_message: str | None = None
    log_stream_arn: str | None = None
    error_code: str | None = None

    def document(self) -> bytes:
        """The JSON body, as seen on the wire (sorted, members that do not apply left out)."""
        members = {
            "ErrorCode": self.error_code,
            "LogStreamArn": self.log_stream_arn,
            "Message": self.message,
            "OriginalMessage": self.original_message,
            "OriginalStatusCode": self.original_status,
        }
        given = {name: value for name, value in members.items() if value is not None}
        return json.dumps(given, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True)
class Invocation:
    """What InvokeEndpoint answers: `status` 200 and the model's body, or an error."""

    status: int
    headers: Headers
    body: bytes
    failure: Failure | None = None
    seconds: float = 0.0  # that the container took

    @property
    def ok(self) -> bool:
        return self.failure is None


@dataclass(frozen=True)
class Endpoint:
    """What the messages of an endpoint name."""

    name: str
    variant: str
    region: str
    account: str

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/Endpoints/{self.name}"

    def not_found(self, name: str) -> Failure:
        return Failure("ValidationError", f"Endpoint {name} of account {self.account} not found.")

    def not_in_service(self) -> Failure:
        """What an endpoint that is still Creating answers: a ValidationError; AWS's words for it are not known."""
        return Failure(
            "ValidationError",
            f"Endpoint {self.name} of account {self.account} is still being created: its container has not passed its"
            " first health check.",
        )

    def model_error(self, status: int, text: str) -> Failure:
        """The container's own fault: `status` 0 when it gave no answer. `text` is cut at 2,048 characters."""
        text = text[:_MESSAGE]
        side = "client" if 400 <= status <= 499 else "server"
        message = (
            f'Received {side} error ({status}) from {CONTAINER} with message "{text}". See'
            f" https://{self.region}.console.aws.amazon.com/cloudwatch/home?region={self.region}"
            f"#logEventViewer:group={self.log_group} in account {self.account} for more information."
        )
        return Failure(
            "ModelError",
            message,
            original_status=status,
            original_message=text,
            log_stream_arn=f"arn:aws:logs:{self.region}:{self.account}:log-group:{self.log_group}",
            # of the other errors no code is known
            error_code="CLIENT_ERROR_FROM_MODEL" if side == "client" else None,
        )

    # what the caller sent

    def forwarded(self, given: Mapping[str, str]) -> dict[str, str]:
        """The headers for the container: those of the API that concern it, verbatim, and no other.

        Raises InvalidRequest for values that the API does not allow and for targets that this endpoint does not have.
        """
        found = {name.lower(): value for name, value in given.items()}
        self._refuse_targets(found)
        forwarded = {name: found[name.lower()] for name in FORWARDED if name.lower() in found}
        for name, value in forwarded.items():
            _check(name, value)
        return forwarded

    def _refuse_targets(self, found: Mapping[str, str]) -> None:
        def header(name: str) -> str | None:
            return found.get(f"{_PREFIX}{name}".lower())

        if header("Target-Model") is not None:
            raise InvalidRequest(
                f"Endpoint {self.name} is not a multi-model endpoint and does not support target model header."
            )
        variant = header("Target-Variant")
        if variant is not None and variant != self.variant:
            raise InvalidRequest(f"Endpoint {self.name} has no production variant {variant}; it has {self.variant}.")
        # AWS's words for these are not known
        for name in ("Target-Container-Hostname", "Inference-Component", "Enable-Explanations"):
            if header(name) is not None:
                raise InvalidRequest(f"Endpoint {self.name} does not support the header {_PREFIX}{name}.")

    # what the container answered

    def answered(self, response: Response, seconds: float) -> Invocation:
        """2xx becomes 200 with the body and the listed headers; anything else a ModelError."""
        if 200 <= response.status <= 299:
            pairs = tuple((name, response.headers[name]) for name in RETURNED if name in response.headers)
            return Invocation(200, Headers(pairs), response.body, seconds=seconds)
        failure = self.model_error(response.status, response.body[: 4 * _MESSAGE].decode("utf-8", "replace"))
        return refused(424, failure, seconds)

    def unanswered(self, error: ConnectionFailed, limit: int, seconds: float) -> Invocation:
        """No answer, no whole answer or none in time: a ModelError with status 0. Only the text of the time limit is
        SageMaker's."""
        if isinstance(error, TimedOut):
            text = (
                f"Your invocation timed out while waiting for a response from container {CONTAINER}. Review the latency"
                " metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
            )
        elif isinstance(error, ResponseTooLarge):
            text = f"The response of container {CONTAINER} is longer than {limit / MEBIBYTE:g} MiB."
        else:
            text = f"The connection to container {CONTAINER} broke before it had answered."
        return refused(424, self.model_error(0, text), seconds)


def refused(status: int, failure: Failure, seconds: float = 0.0) -> Invocation:
    headers = Headers(((CONTENT_TYPE, "application/json"), ("x-amzn-ErrorType", failure.code)))
    return Invocation(status, headers, failure.document(), failure, seconds)


def too_long(limit: int) -> Invocation:
    """A request body over the limit: plain text, no JSON.

    The number in the text was the limit and 4,096 more when the limit was 5 MiB (seen by users); what it is today is
    not known.
    """
    text = f"HTTP content length exceeded {limit + 4096} bytes."
    return Invocation(413, Headers(((CONTENT_TYPE, "text/plain"),)), text.encode(), Failure("413", text))


def _check(name: str, value: str) -> None:
    member, longest = _MEMBERS[name]
    constraints = []
    if any(not (" " <= character <= "~" or character == "\t") for character in value):
        constraints.append("Member must satisfy regular expression pattern: \\p{ASCII}*")
    if len(value) > longest:
        constraints.append(wording.longest(longest))
    if constraints:
        raise InvalidRequest(wording.faults([wording.fault(value, member, constraint) for constraint in constraints]))
