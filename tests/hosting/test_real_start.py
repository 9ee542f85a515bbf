"""Broken containers that do not come up as endpoints, with SageMaker's exact texts.

Source of the texts: users' reports, as told beside each in `smlocal.hosting.failures`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from tests.hosting.real_endpoints import BUCKET, FIXTURES, PING, Endpoints, NewEndpoints, failure_of

pytestmark = pytest.mark.engine

START = (
    "CannotStartContainerError. Please ensure the model container for variant AllTraffic starts correctly"
    " when invoked with 'docker run <image> serve'"
)


@pytest.mark.parametrize(
    ("fault", "cause", "fix"),
    [
        ("never_healthy", "GET /ping was answered with status 503", "Answer 200 as soon as the model is loaded."),
        ("ping_500", "GET /ping was answered with status 500", "Answer 200 as soon as the model is loaded."),
        (
            "ping_takes_3_s",
            "GET /ping was not answered in time",
            "Answer /ping at once, from a worker that no loading and no invocation holds up.",
        ),
        (
            "localhost_only",
            "the server listens on 127.0.0.1:8080, which nothing outside of its container reaches.",
            "Let the server listen on 0.0.0.0:8080.",
        ),
        (
            "never_listens",
            "nothing in the container listens on port 8080.",
            "Let the server listen on 0.0.0.0:8080.",
        ),
    ],
)
def test_a_container_that_is_never_healthy(endpoints_with: NewEndpoints, fault: str, cause: str, fix: str) -> None:
    failure = failure_of(endpoints_with(start_window=3).serve(fault))
    assert failure.failure_reason == PING
    assert failure.cause.startswith(f"It was not healthy within 3 s: {cause}")
    assert failure.fix == fix


@pytest.mark.parametrize("isolated", [False, True])
def test_a_container_that_exits_while_starting_is_told_at_once(endpoints: Endpoints, isolated: bool) -> None:
    server = endpoints.serve("exits_while_starting", isolated=isolated)
    began = time.monotonic()
    failure = failure_of(server)
    assert time.monotonic() - began < 20, "not only when the window of 480 s ends"
    assert failure.failure_reason == PING
    assert failure.cause.startswith("The container exited with code 7 after ")
    assert failure.log_lines[-2:] == ("loading the model", "ImportError: there is no module named 'inference'")
    assert server.evidence().exit_code == 7


def test_an_image_without_serve_cannot_start(endpoints: Endpoints, build_image: Callable[..., str]) -> None:
    image = build_image(FIXTURES, "smlocal-test/broken:without-train", target="without-train")
    server = endpoints.serve("", image=image)
    failure = failure_of(server)
    assert failure.failure_reason == START
    assert 'exec: "serve": executable file not found in $PATH' in failure.cause
    assert failure.fix.startswith("Put an executable called 'serve'")


def test_a_model_that_is_no_archive_is_told(endpoints: Endpoints) -> None:
    failure = failure_of(endpoints.serve("serves_well", archive=b"PK\x03\x04"))
    assert failure.failure_reason == (
        f'Failed to extract model data archive from URL "s3://{BUCKET}/model.tar.gz".'
        " Please ensure that the object located at the URL is a valid tar.gz archive."
    )


def test_an_interrupted_start_ends_the_container(endpoints: Endpoints) -> None:
    stop = threading.Event()
    server = endpoints.serve("never_healthy", on_line=lambda line: stop.set())
    assert server.start(stop) is False
    assert server.state == "stopped"
