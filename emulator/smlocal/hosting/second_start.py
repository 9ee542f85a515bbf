"""A model container that has ended, started once more: what the platform does with one that it still waits for.

Endpoints whose container exits stay in Creating while it is started again and again (seen by users of endpoints in
2026). It is the same container, with the files that it left: a lock, a socket, a half-unpacked model.
"""

from __future__ import annotations

from collections.abc import Callable

from smlocal.container import LaunchedContainer, LogLine
from smlocal.errors import EndpointFailed
from smlocal.evidence import SecondStart
from smlocal.hosting.failures import Failures
from smlocal.hosting.health import HealthChecks, Pinger
from smlocal.hosting.platforms import Platform
from smlocal.hosting.start import LAST_LINES, Start
from smlocal.http_client import HttpClient


def start_again(
    container: LaunchedContainer,
    http: HttpClient,
    platform: Platform,
    port: int,
    checks: HealthChecks,
    stopped: Callable[[], bool],
    on_line: Callable[[LogLine], None] = lambda line: None,
) -> SecondStart | None:
    """Start it and wait for its first healthy ping; it is left running. `port` is what it was told to listen on. None
    when `stopped` says so before."""
    pinger = Pinger(http, lambda: container.base_url, platform.headers, checks.timeout)
    start = Start(checks, Failures(platform.texts, port=port))
    cause = ""
    try:
        if not start.run(container, pinger, on_line, stopped):
            return None
    except EndpointFailed as error:
        cause = str(error.cause)
    return SecondStart(start.healthy_after, cause, tuple(container.last_lines(LAST_LINES)))
