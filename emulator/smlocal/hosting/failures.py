"""Why a model container did not come up: SageMaker's text, the cause as we saw it, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smlocal.container import Exit
from smlocal.errors import ArchiveTooLarge, BrokenArchive, EndpointFailed, HostileArchive
from smlocal.evidence import Ping
from smlocal.hosting.listening import is_loopback, port_of
from smlocal.hosting.model import PORT

VARIANT = "AllTraffic"  # the name that the SDK and the console give to the only production variant


@dataclass(frozen=True)
class EndpointTexts:
    """`FailureReason` as SageMaker words it. `{variant}` and `{url}` are replaced."""

    # every one as seen by users of endpoints
    unhealthy: str = (
        "The primary container for production variant {variant} did not pass the ping health check."
        " Please check CloudWatch logs for this endpoint."
    )
    not_started: str = (
        "CannotStartContainerError. Please ensure the model container for variant {variant} starts correctly"
        " when invoked with 'docker run <image> serve'"
    )
    no_image: str = (
        "Please make sure all images included in the model for the production variant {variant} exist,"
        " and that the execution role used to create the model has permissions to access them."
    )
    bad_archive: str = (
        'Failed to extract model data archive from URL "{url}".'
        " Please ensure that the object located at the URL is a valid tar.gz archive."
    )
    large_archive: str = (
        'Failed to extract model data archive from URL "{url}". The model data archive is too large. Please reduce the'
        " size of the model data archive or move to an instance type with more memory."
    )


_BATCH_UNHEALTHY = (
    "AlgorithmError: Model container failed to respond to ping."
    " Please ensure /ping endpoint is implemented and responds with an HTTP 200 status code"
)
ENDPOINT_TEXTS = EndpointTexts()
# Seen for pings that fail; for a program that cannot be started no text of a transform job is known, so it is the same.
# For an image that there is not none is known either: that text is ours, as an endpoint's speaks of its variant.
BATCH_TEXTS = EndpointTexts(
    unhealthy=_BATCH_UNHEALTHY,
    not_started=_BATCH_UNHEALTHY,
    no_image="The image of the transform job's model does not exist, or it cannot be pulled.",
)


@dataclass(frozen=True)
class Failures:
    """Makes the errors of one start."""

    texts: EndpointTexts
    variant: str = VARIANT
    url: str = ""
    port: int = PORT

    def worded(self, text: str) -> str:
        """One of the texts, filled in."""
        return text.replace("{variant}", self.variant).replace("{url}", self.url)

    def _error(self, text: str, cause: str, fix: str, lines: Sequence[str] = ()) -> EndpointFailed:
        reason = self.worded(text)
        return EndpointFailed(reason, cause, fix, tuple(lines))

    def no_image(self, words: str) -> EndpointFailed:
        return self._error(self.texts.no_image, f"{_capital(words)}.", "Build or pull the image first.")

    def bad_archive(self, error: HostileArchive | BrokenArchive) -> EndpointFailed:
        """The archive cannot be unpacked, or would unpack to more than any model."""
        cause = f"{_capital(str(error))}."
        if isinstance(error, ArchiveTooLarge):
            fix = "Put nothing into the archive but the model's own files."
            return self._error(self.texts.large_archive, cause, fix)
        return self._error(
            self.texts.bad_archive,
            cause,
            "Make the archive with `tar czf model.tar.gz -C MODEL_FOLDER .`, of plain files and folders.",
        )

    def not_started(self, words: str) -> EndpointFailed:
        fix = "Put an executable called 'serve' on the image's PATH, or give the image an ENTRYPOINT that takes it."
        if "exec format error" in words.lower():
            fix = (
                "Build the image for this machine's architecture, and begin the script with a #! line that ends in a"
                " plain newline."
            )
        return self._error(self.texts.not_started, f"The engine says: {words}.", fix)

    def exited(self, ended: Exit, seconds: float, lines: Sequence[str]) -> EndpointFailed:
        """The container ended before it was healthy. SageMaker starts it again until the window ends."""
        if ended.out_of_memory:
            cause = f"The container was killed after {seconds:.1f} s for want of memory."
            fix = "Choose an instance type with more memory, or fewer workers."
        else:
            cause = f"The container exited with code {ended.code} after {seconds:.1f} s, before it was healthy."
            fix = "Its last lines say why." if lines else "It wrote nothing: run it by hand with 'serve'."
            if ended.code == 0:
                fix = "The program that 'serve' starts must stay in the foreground."
        return self._error(self.texts.unhealthy, cause, fix, lines)

    def never_healthy(
        self, pings: Sequence[Ping], window: float, listening: Sequence[str] | None, lines: Sequence[str]
    ) -> EndpointFailed:
        cause, fix = _diagnosis(pings, listening, self.port)
        cause = f"It was not healthy within {window:g} s: {cause}"
        return self._error(self.texts.unhealthy, cause, fix, lines)


def _diagnosis(pings: Sequence[Ping], listening: Sequence[str] | None, port: int) -> tuple[str, str]:
    last = pings[-1]
    if last.status is not None:
        return _bad_status(last.status, pings)
    if last.fault == "timed out":
        slow = sum(ping.fault == "timed out" for ping in pings)
        return (
            f"GET /ping was not answered in time ({slow} of {len(pings)} pings, the last was given"
            f" {last.seconds:.1f} s).",
            "Answer /ping at once, from a worker that no loading and no invocation holds up.",
        )
    return _no_connection(last, listening, port)


def _bad_status(status: int, pings: Sequence[Ping]) -> tuple[str, str]:
    count = sum(ping.status == status for ping in pings)
    fix = "Answer 200 as soon as the model is loaded."
    if status in (404, 405):
        fix = "Implement GET /ping: an empty answer with status 200 is enough."
    return f"GET /ping was answered with status {status} ({count} of {len(pings)} pings).", fix


def _no_connection(last: Ping, listening: Sequence[str] | None, port: int) -> tuple[str, str]:
    fix = f"Let the server listen on 0.0.0.0:{port}."
    if listening is None:
        return f"port {port} gave no answer ({last.fault}); the server may listen on 127.0.0.1 only or not at all.", fix
    right = [address for address in listening if port_of(address) == port]
    if right and all(is_loopback(address) for address in right):
        return f"the server listens on {', '.join(right)}, which nothing outside of its container reaches.", fix
    if right:
        return f"the server listens on {', '.join(right)}, and gave no answer ({last.fault}).", (
            "Answer GET /ping with a complete HTTP/1.1 response."
        )
    if listening:
        return f"nothing listens on port {port}; the container listens on {', '.join(listening)}.", fix
    return f"nothing in the container listens on port {port}.", fix


def _capital(words: str) -> str:
    return (words[:1].upper() + words[1:]).rstrip(".")
