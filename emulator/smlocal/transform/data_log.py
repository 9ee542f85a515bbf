"""The data log of a transform job: what the platform writes about objects, in its own words.

Source: logs that users made public (threads of sagemaker-python-sdk, amazon-sagemaker-examples,
sagemaker-tensorflow-serving-container), 2018-2024.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

from smlocal.transform.plan import Parameters

SEE_LOGS_CLIENT = "ClientError: See job logs for more information"
SEE_LOGS_ALGORITHM = "AlgorithmError: See job logs for more information"
NO_ANSWER = "Unable to get response from algorithm"
_LONGEST_MESSAGE = 16 * 1024  # bytes of an error body that are told


class DataLog:
    """Writes lines with the platform's prefix to whoever keeps them."""

    def __init__(self, now: Callable[[], datetime], write: Callable[[str], None]) -> None:
        self._now = now
        self._write = write

    def parameters(self, parameters: Parameters) -> None:
        """The line before the first request."""
        self._line(
            f"MaxConcurrentTransforms={parameters.concurrency}, MaxPayloadInMB={parameters.payload_mb}, "
            f"BatchStrategy={parameters.strategy.value}"
        )

    def object_failed(self, bucket: str, key: str, lines: tuple[str, ...]) -> None:
        """Why an object has no output."""
        for line in lines:
            self._line(f"{bucket}/{key}: {line}")

    def _line(self, text: str) -> None:
        moment = self._now().astimezone(timezone.utc)
        self._write(f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}:[sagemaker logs]: {text}")


def status_lines(status: int, body: bytes) -> tuple[str, ...]:
    """The lines for an answer that is no success: the fault, a blank line, and the body line by line."""
    fault = f"ClientError: {status}" if 400 <= status < 500 else f"Bad HTTP status received from algorithm: {status}"
    message = body[:_LONGEST_MESSAGE].decode("utf-8", "replace").splitlines()
    return (fault, "", "Message:", *message)


def reason_for(status: int) -> str:
    """The FailureReason of a job for such an answer."""
    return SEE_LOGS_CLIENT if 400 <= status < 500 else SEE_LOGS_ALGORITHM
