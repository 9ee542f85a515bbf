"""Health after the first good ping, and the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from smlocal.container import LaunchedContainer
from smlocal.engine.scripted import Answer, Request, Run, Script, ScriptedEngine, ScriptedImage
from smlocal.errors import ContainerNotStarted, EngineError
from smlocal.hosting import BATCH, HealthChecks, ModelServer
from smlocal.settings import Limits

Make = Callable[..., ModelServer]
PATIENCE = 10.0


class States:
    """Collects changes of state, to be waited for."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.on_change: Callable[[str], None] = lambda state: None
        self._changed = threading.Condition()

    def __call__(self, state: str) -> None:
        self.on_change(state)
        with self._changed:
            self.seen.append(state)
            self._changed.notify_all()

    def wait_for(self, *states: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.seen[-len(states) :] == list(states), PATIENCE), self.seen


class Switch:
    """A container whose pings and invocations a test turns good and bad."""

    def __init__(self) -> None:
        self.status = 200
        self.crash = threading.Event()

    def __call__(self, request: Request) -> Answer:
        return Answer(self.status)

    def program(self, run: Run) -> int:
        run.serve(8080, self)
        while not self.crash.is_set():
            if run.wait_for_signal(0.01) == "SIGTERM":
                return 0
        run.write("out of luck\n")
        return 7


def test_misses_in_a_row_make_it_unhealthy_and_one_good_ping_healthy_again(host: Make) -> None:
    switch, states = Switch(), States()
    with host(switch, on_state=states) as server:
        states.on_change = lambda state: missed.append(server.evidence().missed_pings)
        missed: list[int] = []
        switch.status = 500
        states.wait_for("healthy", "unhealthy")
        assert missed == [3]
        assert not server.healthy
        assert server.invoke(b"", {}).status == 424, "an unhealthy container is called all the same"
        switch.status = 200
        states.wait_for("unhealthy", "healthy")
    assert states.seen == ["healthy", "unhealthy", "healthy", "stopped"]
    evidence = server.evidence()
    assert evidence.longest_miss >= 3
    assert evidence.missed_pings >= evidence.longest_miss
    assert evidence.watched_pings > evidence.missed_pings


def test_an_exit_is_noticed_at_once(host: Make) -> None:
    switch, states = Switch(), States()
    server = host(ScriptedImage(switch.program), on_state=states)
    server.start()
    switch.crash.set()
    states.wait_for("healthy", "exited")
    ended = server.wait(PATIENCE)
    assert ended is not None and ended.code == 7
    answer = server.invoke(b"", {})
    assert answer.status == 503
    assert answer.failure is not None and answer.failure.code == "ServiceUnavailable"
    assert server.stop() == ended
    evidence = server.evidence()
    assert (evidence.exit_code, evidence.exited_by_itself, evidence.stop_seconds) == (7, True, None)
    assert evidence.stopped_after is None
    assert evidence.last_lines == ("out of luck",)


def test_an_obedient_container_ends_at_sigterm(host: Make, echo: Any) -> None:
    server = host(echo)
    server.start()
    ended = server.stop()
    assert ended is not None and ended.code == 0 and not ended.forced
    evidence = server.evidence()
    assert evidence.stop_seconds is not None and evidence.stop_seconds < 0.3
    assert evidence.seconds_to_healthy is not None and evidence.stopped_after is not None
    assert evidence.seconds_to_healthy <= evidence.stopped_after < 60
    assert not evidence.killed_after_grace
    assert not evidence.exited_by_itself


def test_a_container_that_ignores_sigterm_is_killed_when_the_grace_ends(host: Make, echo: Any) -> None:
    """Source: developer guide, your-algorithms-inference-code: SIGTERM, then SIGKILL 30 s later."""
    server = host(Script(handler=echo, ignores=frozenset({"SIGTERM"})))
    server.start()
    ended = server.stop()
    assert ended is not None and ended.code == 137 and ended.forced
    evidence = server.evidence()
    assert evidence.killed_after_grace
    assert evidence.stop_seconds is not None and 0.3 <= evidence.stop_seconds < 5


def test_stopping_is_the_same_however_often_and_from_wherever(host: Make, echo: Any) -> None:
    server = host(echo)
    server.start()
    ends: list[object] = []
    threads = [threading.Thread(target=lambda: ends.append(server.stop())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(ends) == 4 and len(set(map(id, ends))) == 1
    assert server.stop() is ends[0]
    assert server.wait(0) is ends[0]
    assert server.state == "stopped"
    with pytest.raises(EngineError):
        _ = server.base_url


def test_a_ping_under_way_does_not_outlive_a_container_that_cannot_be_started_again(
    host: Make, engine: ScriptedEngine
) -> None:
    """The watch may come back from a ping when the container has ended and another start of it has failed."""
    pinged, healthy = threading.Event(), threading.Event()

    def slow(request: Request) -> Answer:
        if healthy.is_set():
            pinged.set()
            threading.Event().wait(0.5)
        return Answer(200)

    def again(container: LaunchedContainer) -> None:
        engine.fail("start", ContainerNotStarted("no such device"))
        with pytest.raises(ContainerNotStarted):
            container.start(lambda line: None)
        threading.Event().wait(1)  # the ping is over by now

    server = host(slow)
    server.start()
    healthy.set()
    assert pinged.wait(PATIENCE)
    stopper = threading.Thread(target=lambda: server.stop(afterwards=again), daemon=True)
    stopper.start()
    stopper.join(PATIENCE)
    assert not stopper.is_alive()
    assert server.state == "stopped"


def test_a_server_that_was_never_started_stops_without_a_word(host: Make, echo: Any) -> None:
    assert host(echo).stop() is None


def test_stopping_from_a_change_of_state_is_allowed(host: Make) -> None:
    switch, stopped = Switch(), threading.Event()

    def on_state(state: str) -> None:
        if state == "unhealthy":
            server.stop()
            stopped.set()

    server = host(switch, on_state=on_state)
    server.start()
    switch.status = 500
    assert stopped.wait(PATIENCE)
    assert server.state == "stopped"


def test_stopping_at_the_first_healthy_moment_is_allowed(host: Make, launcher: Any, echo: Any) -> None:
    states = States()
    server = host(echo, on_state=states)
    ends: list[Any] = []
    states.on_change = lambda state: ends.append(server.stop()) if state == "healthy" else None
    assert server.start() is False
    assert [end.code for end in ends] == [0]
    assert server.stop() is ends[0]
    assert (sorted(states.seen), server.state, launcher.ours()) == (["healthy", "stopped"], "stopped", [])


def test_a_transform_jobs_container_is_not_pinged_any_more_once_it_is_healthy(host: Make) -> None:
    switch, states = Switch(), States()
    checks = HealthChecks.of_transforms(Limits(transform_ping_interval=0.02))
    server = host(ScriptedImage(switch.program), checks=checks, platform=BATCH, on_state=states)
    server.start()
    switch.status = 500
    assert server.wait(0.3) is None
    assert (server.state, server.evidence().watched_pings) == ("healthy", 0)
    switch.crash.set()
    states.wait_for("healthy", "exited")


def never_healthy(request: Request) -> Answer:
    return Answer(503)


def test_a_wish_to_stop_ends_a_start(host: Make, launcher: Any) -> None:
    stop, obeyed = threading.Event(), threading.Event()

    def program(run: Run) -> int:
        run.serve(8080, never_healthy)
        stop.set()
        if run.wait_for_signal(PATIENCE) == "SIGTERM":
            obeyed.set()
        return 0

    server = host(ScriptedImage(program), checks=HealthChecks.of_endpoints(Limits()))
    assert server.start(stop) is False
    assert obeyed.is_set()
    assert server.state == "stopped"
    assert launcher.ours() == []
    assert server.evidence().stop_seconds is not None


def test_stopping_from_another_thread_ends_a_start(host: Make, launcher: Any) -> None:
    asked = threading.Event()

    def handler(request: Request) -> Answer:
        asked.set()
        return never_healthy(request)

    server = host(handler, checks=HealthChecks.of_endpoints(Limits()))
    results: list[bool] = []
    starting = threading.Thread(target=lambda: results.append(server.start()))
    starting.start()
    assert asked.wait(PATIENCE)
    ended = server.stop()
    starting.join(PATIENCE)
    assert results == [False]
    assert ended is not None and ended.code == 0
    assert launcher.ours() == []


def test_a_server_stopped_before_its_start_does_not_stay(host: Make, launcher: Any, echo: Any) -> None:
    server = host(echo)
    server.stop()
    assert server.start() is False
    assert launcher.ours() == []


def test_an_engine_that_goes_away_ends_the_watch(host: Make, engine: ScriptedEngine, echo: Any) -> None:
    states = States()
    engine.fail("wait", EngineError("connection lost"))
    server = host(echo, on_state=states)
    server.start()
    states.wait_for("healthy", "exited")
    with pytest.raises(EngineError, match="connection lost"):
        server.stop()


def test_a_second_interrupt_while_it_is_stopped_removes_it_at_once(host: Make, launcher: Any, echo: Any) -> None:
    server = host(Script(handler=echo, ignores=frozenset({"SIGTERM"})))
    server.start()
    interrupted = KeyboardInterrupt()

    def terminate(grace: float, hurry: object) -> None:
        raise interrupted

    server._container.terminate = terminate
    with pytest.raises(KeyboardInterrupt):
        server.stop()
    assert launcher.ours() == []
    assert server.state == "stopped"
