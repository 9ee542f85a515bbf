"""What happened in a run and when, as rows of spans: what a chart draws, and what its text alternative says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from smlocal.evidence import Exchange, ServingTrial, TrainingTrial

Kind = Literal["good", "slow", "bad", "plain"]

_PING_SECONDS = 2.0  # developer guide, your-algorithms-inference-algo-ping-requests
_PING = "GET /ping"
_OK = 200


@dataclass(frozen=True)
class Span:
    """Something that lasted, or happened at one moment. Times are seconds since the start of the run."""

    began: float
    ended: float
    kind: Kind
    what: str  # "ping", "exchange", "phase", "event", "lines"
    text: str


@dataclass(frozen=True)
class Row:
    """One line of the chart; `note` says in a few words what became of it."""

    label: str
    spans: tuple[Span, ...]
    note: str = ""


@dataclass(frozen=True)
class Timeline:
    """One run."""

    title: str
    rows: tuple[Row, ...]
    remark: str = ""  # what has no time of its own

    @property
    def seconds(self) -> float:
        return max((span.ended for row in self.rows for span in row.spans), default=0.0)


def of_serving(trial: ServingTrial) -> Timeline:
    """A run of `serve`: its start, pings, invocations, the stop signal, its end."""
    run = trial.run
    healthy = run.seconds_to_healthy
    pings = [_pinged(ping.began, ping.seconds, ping.status, ping.fault) for ping in run.start_pings]
    asked = [item for item in trial.exchanges if item.request != _PING]
    pings += [
        _pinged(_at(trial, item), item.seconds, item.status, item.fault)
        for item in trial.exchanges
        if item.request == _PING
    ]
    rows = [Row("start", (_event(0.0, "plain", "the container starts"),), run.start_error)]
    if pings:
        rows.append(Row("pings", tuple(pings), _counted(pings)))
    if healthy is not None:
        rows.append(Row("healthy", (_event(healthy, "good", "the first healthy ping"),), f"after {healthy:.2f} s"))
    rows += (Row(item.probe, (_asked(trial, item),), _became_of(item)) for item in asked)
    rows += _stopped(trial)
    watched = f"{run.watched_pings} more pings were sent meanwhile, {run.missed_pings} of them missed"
    return Timeline(f"serve {trial.conditions}", tuple(rows), watched if run.watched_pings else "")


def of_training(trial: TrainingTrial) -> Timeline:
    """A run of `train`: its phases, its output, the stop signal, its end."""
    run = trial.run
    rows = list(_phases(trial)) or [Row("job", (Span(0.0, trial.seconds, "plain", "phase", "the whole job"),))]
    if trial.line_times:
        lines = tuple(Span(at, at, "plain", "lines", "a line of output") for at in _apart(trial.line_times))
        count = len(trial.line_times)
        rows.append(Row("output", lines, f"{count} line{'' if count == 1 else 's'}"))
    code = "not started" if run.exit_code is None else f"exit code {run.exit_code}"
    ended = _event(trial.seconds, "good" if trial.good else "bad", f"{trial.status}, {code}")
    return Timeline(f"train {trial.conditions}", (*rows, Row("end", (ended,), f"{trial.status}, {code}")))


def _phases(trial: TrainingTrial) -> Iterator[Row]:
    """The secondary statuses but the last, which is the end."""
    for item in trial.run.transitions[:-1]:
        origin = trial.run.transitions[0].started
        began = (item.started - origin).total_seconds()
        ended = trial.seconds if item.ended is None else (item.ended - origin).total_seconds()
        stopping = item.status == "Stopping"
        label = "stop signal" if stopping else item.status
        killed = ", then killed" if stopping and trial.run.killed_after_grace else ""
        text = f"{item.status}: {'; '.join(item.messages)}"
        yield Row(
            label,
            (Span(began, ended, "slow" if stopping else "plain", "phase", text),),
            f"{ended - began:.2f} s{killed}",
        )


def _apart(times: tuple[float, ...]) -> Iterator[float]:
    """The times that a chart can tell apart: a program may print thousands of lines in a second."""
    step = max(times) / 500
    last = None
    for at in times:
        if last is None or at - last >= step:
            last = at
            yield at


def _stopped(trial: ServingTrial) -> Iterator[Row]:
    run = trial.run
    code = "" if run.exit_code is None else f"exit code {run.exit_code}"
    if run.stopped_after is not None and run.stop_seconds is not None:
        ended = run.stopped_after + run.stop_seconds
        yield Row("stop signal", (_event(run.stopped_after, "plain", "SIGTERM"),), "SIGTERM")
        forced = run.killed_after_grace and trial.conditions.of_endpoint  # the others are given no time to end
        how = "killed" if forced else "killed by smlocal at once" if run.killed_after_grace else ""
        told = ", ".join(filter(None, (code, how, f"{run.stop_seconds:.2f} s later")))
        yield Row("end", (_event(ended, "bad" if forced else "plain", told),), told)
    elif run.exited_by_itself:
        last = max((ping.began + ping.seconds for ping in run.start_pings), default=0.0)
        told = f"it ended by itself, {code}"
        yield Row("end", (_event(max([last, *_ends(trial)]), "bad", told),), told)


def _ends(trial: ServingTrial) -> Iterator[float]:
    return (_at(trial, item) + item.seconds for item in trial.exchanges)


def _at(trial: ServingTrial, item: Exchange) -> float:
    """Exchanges count from the first healthy ping, charts from the start of the container."""
    return (trial.run.seconds_to_healthy or 0.0) + item.began


def _event(at: float, kind: Kind, text: str) -> Span:
    return Span(at, at, kind, "event", text)


def _pinged(began: float, seconds: float, status: int | None, fault: str) -> Span:
    kind: Kind = "good" if status == _OK else "bad"
    if seconds > _PING_SECONDS:
        kind = "slow"
    told = str(status) if status is not None else fault or "no answer"
    return Span(began, began + seconds, kind, "ping", f"{_PING} at {began:.2f} s: {told} in {seconds:.3f} s")


def _counted(pings: list[Span]) -> str:
    words: dict[Kind, str] = {"good": "healthy", "slow": "slow", "bad": "unhealthy"}
    counts = ((word, sum(ping.kind == kind for ping in pings)) for kind, word in words.items())
    return ", ".join(f"{count} {word}" for word, count in counts if count)


def _asked(trial: ServingTrial, item: Exchange) -> Span:
    """4xx refuses a request, which may be what it deserves; 5xx and no answer are failures."""
    kind: Kind = "bad" if item.status is None or item.status >= 500 else "good" if item.status < 400 else "plain"
    began = _at(trial, item)
    text = f"{item.request} at {began:.2f} s: {_became_of(item)}"
    return Span(began, began + item.seconds, kind, "exchange", text)


def _became_of(item: Exchange) -> str:
    told = str(item.status) if item.status is not None else item.fault or "no answer"
    return f"{told} in {item.seconds:.3f} s"
