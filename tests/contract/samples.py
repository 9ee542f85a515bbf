"""Frozen evidence for rules to judge: of an image that keeps every rule, and what changes one thing of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from smlocal.evidence import (
    Asked,
    Conditions,
    Examination,
    Exchange,
    ExecutionParameters,
    FileSeen,
    HostingEvidence,
    ImageEvidence,
    Ping,
    Program,
    PushedManifest,
    SecondStart,
    SecretSeen,
    ServingTrial,
    TrainingEvidence,
    TrainingTrial,
)

HARD = Conditions()
NETWORK = Conditions(network=True)
WRITABLE = Conditions(network=True, writable_model=True)
TOOLKIT = Conditions(toolkit_variables=True)
NO_EXTRA = Conditions(extra_channel=False)
SHARED_MEMORY = Conditions(shared_memory=True)
EASY = Conditions(network=True, extra_channel=False, manifests=False, toolkit_variables=True, shared_memory=True)
JSON = Conditions(json_hyperparameters=True)
BROKEN_DATA = Conditions(broken_data=True)
STOPPED = Conditions(stopped=True)
UNBUFFERED = Conditions(unbuffered=True)
NO_MANIFESTS = Conditions(manifests=False)
ANY_JOB = Conditions(network=True, extra_channel=False, shared_memory=True)
DATA_ALONE = Conditions(extra_channel=False, manifests=False)
BATCH = Conditions(batch=True, other_port=True)
BATCH_ON_8080 = Conditions(batch=True)
EMPTY_MODEL = Conditions(empty_model=True)
MULTI_MODEL = Conditions(multi_model=True)
RESUMED = Conditions(stopped=True, resumed=True)

SAMPLE = "sample"
SAMPLE_AGAIN = "sample, once more"
NO_ACCEPT = "without Accept"
ODD_HEADERS = "unknown headers"
UNKNOWN_TYPE = "unknown content type"
BROKEN_BODY = "broken body"
ONE_CALLER = "one caller"
MANY_CALLERS = "many callers"
BIG = "6 MiB body"
LARGEST = "25 MiB body"
PING_AT_REST = "ping at rest"
PING_WHILE_BUSY = "ping while 6 MiB bodies are predicted"
RECORDS = "records"
OTHER_END = "records that end otherwise"
ACCEPT = "Accept"
CRLF = "records with CRLF"
BLANK_LINE = "records with a blank line"
FULL = "full mini-batch"
AT_ONCE = "as many requests at once as it proposes"
LISTED_FIRST = "models before any is loaded"
LOAD = "load"
LOAD_TWICE = "load twice"
LISTED = "models"
DESCRIBE = "describe"
INVOKE_MODEL = "invoke a model"
UNKNOWN = "unknown model"
UNLOAD = "unload"
LISTED_AFTER = "models after one is unloaded"
INVOKE_UNLOADED = "invoke an unloaded model"
LOAD_AGAIN = "load after unloading"
TOO_BIG = "load a model that is too big"
INVOKE_AFTER = "invoke after a model that is too big"
TIMED_OUT = "POST http://127.0.0.1:49153/invocations was not answered within 60 s"
RESET = "POST http://127.0.0.1:49153/invocations failed: Connection reset by peer"

ANSWER = b"0\n"
LONGER_ANSWER = b"0\n0\n"
MODEL = (FileSeen("model.joblib", "file", 4096, 0o644),)
DENIED = "PermissionError: [Errno 13] Permission denied: '/opt/ml/model/mean.txt'"
READ_ONLY = "OSError: [Errno 30] Read-only file system: '/opt/ml/model/cache'"
UNHEALTHY = "The primary container for production variant AllTraffic did not pass the ping health check."


# the image


def program(word: str) -> Program:
    path = f"/opt/program/{word}"
    return Program(word, (word,), path, True, "script", "/usr/bin/python3")


IMAGE = ImageEvidence(
    reference="iris",
    id="sha256:0123",
    architecture="amd64",
    operating_system="linux",
    size_bytes=300_000_000,
    entrypoint=(),
    command=(),
    environment={"PATH": "/opt/program:/usr/bin:/bin"},
    labels={
        "com.amazonaws.sagemaker.capabilities.multi-models": "true",
        "com.amazonaws.sagemaker.capabilities.accept-bind-to-port": "true",
    },
    user="",
    working_directory="/opt/program",
    programs={"train": program("train"), "serve": program("serve")},
    word_on_path={"train": True, "serve": True},
    baked=(),
    secrets=(),
    driver_files=(),
)
SECRET = SecretSeen("environment variable KEY", "AWS access key")


def image(seen: Examination, **changes: Any) -> Examination:
    return replace(seen, image=replace(seen.image, **changes))


def unread(why: str) -> Examination:
    """A good image whose manifest in a registry could not be read."""
    return image(GOOD, manifest=PushedManifest("", "registry.example/team/model:1.0", why))


def pushed(media_type: str) -> Examination:
    """A good image with the manifest of that type, without its `application/`."""
    return image(GOOD, manifest=PushedManifest(f"application/{media_type}", "the engine's store"))


def with_program(seen: Examination, word: str, **changes: Any) -> Examination:
    """The examination with another `train` or `serve`."""
    changed = replace(seen.image.programs[word], **changes)
    return image(seen, programs={**seen.image.programs, word: changed})


def without_program(seen: Examination, word: str) -> Examination:
    """The word is not there, and nothing was run with it."""
    found = with_program(seen, word, path=None, executable=False, kind="missing", interpreter=None)
    return replace(found, training={}) if word == "train" else replace(found, serving={})


def entrypoint(seen: Examination, *argv: str) -> Examination:
    return image(seen, entrypoint=argv)


def off_path(seen: Examination, *words: str) -> Examination:
    return image(seen, word_on_path={**seen.image.word_on_path, **dict.fromkeys(words, False)})


# training


def trained(conditions: Conditions = HARD, **changes: Any) -> TrainingTrial:
    """A run that passed."""
    return TrainingTrial(
        conditions,
        "Completed",
        "",
        2.0,
        replace(_TRAINED, **changes),
        line_times=(0.4, 1.8),
        program_began=0.2,
        program_ended=1.9,
        metrics=("accuracy",),
        written_elsewhere=20_000,
    )


def speaking(*times: float, conditions: Conditions = HARD, ended: float | None = 1.9) -> TrainingTrial:
    """A run that passed, and said something at these times."""
    return replace(trained(conditions), line_times=times, program_ended=ended)


def failed(
    conditions: Conditions = HARD, failure: bytes | None = b"no such column", code: int | None = 1, **changes: Any
) -> TrainingTrial:
    """A run that failed, with its failure file."""
    text = (failure or b"").decode("utf-8", "replace")
    run = replace(_TRAINED, exit_code=code, failure_file=failure, model_files=(), **changes)
    return TrainingTrial(conditions, "Failed", f"AlgorithmError: {text}, exit code: {code}", 1.0, run)


def not_started(conditions: Conditions = HARD) -> TrainingTrial:
    return failed(conditions, None, None, start_error='exec: "/opt/program/train": permission denied')


def overran(conditions: Conditions = HARD) -> TrainingTrial:
    """A run that was stopped at the time limit."""
    run = replace(_TRAINED, exit_code=143, stop_requested="MaxRuntimeExceeded", model_files=())
    return TrainingTrial(conditions, "Stopped", "", 600.0, run)


def halted(
    conditions: Conditions = STOPPED, told: str = "", checkpoints: tuple[str, ...] = ("epoch-3",), **changes: Any
) -> TrainingTrial:
    """A long run that was stopped half-way, and saved what it had."""
    run = replace(_TRAINED, **{"stop_requested": "Stopped", **changes})
    return TrainingTrial(conditions, "Stopped", "", 10.4, run, checkpoints=checkpoints, told=told)


def killed(conditions: Conditions = STOPPED, **changes: Any) -> TrainingTrial:
    """A long run that went on until it was killed, and saved nothing."""
    nothing: dict[str, Any] = {"checkpoints": (), "model_files": (), "exit_code": 137, "killed_after_grace": True}
    return halted(conditions, **{**nothing, **changes})


def broken_off(conditions: Conditions = HARD) -> TrainingTrial:
    """A run that was ended because it took too much of the machine."""
    run = replace(_TRAINED, exit_code=None, stop_requested="Stopped", model_files=())
    return TrainingTrial(conditions, "Stopped", "it was broken off: its log is too long", 9.0, run)


_TRAINED = TrainingEvidence(
    image="iris",
    exit_code=0,
    start_error="",
    out_of_memory=False,
    stop_requested="",
    killed_after_grace=False,
    failure_file=None,
    model_files=MODEL,
    output_files=(),
    last_lines=("accuracy=0.96",),
    transitions=(),
    scaled_limits=(),
    notes=(),
)


def training(seen: Examination, **trials: TrainingTrial) -> Examination:
    """The examination with these training runs and no others."""
    return replace(seen, training={name.replace("_", " "): trial for name, trial in trials.items()})


def also(seen: Examination, **trials: TrainingTrial) -> Examination:
    """The examination with these training runs instead of its own of their names."""
    return replace(seen, training={**seen.training, **{name.replace("_", " "): item for name, item in trials.items()}})


# serving


def ping(status: int | None = 200, seconds: float = 0.004, fault: str = "") -> Ping:
    return Ping(0.5, seconds, status, fault)


SLOW_PING = ping(None, 2.0, "timed out")
REFUSED_PING = ping(None, 0.001, "Connection reset by peer")


def exchange(probe: str, status: int | None = 200, began: float = 0.0, seconds: float = 0.01, **more: Any) -> Exchange:
    request = "GET /ping" if probe in (PING_AT_REST, PING_WHILE_BUSY) else "POST /invocations text/csv, 16 bytes"
    body = more.pop("body", ANSWER)
    digest = hashlib.sha256(body).hexdigest()
    return Exchange(probe, request, began, seconds, status, body=body[:2048], size=len(body), digest=digest, **more)


def unanswered(probe: str, fault: str = RESET, **more: Any) -> Exchange:
    return exchange(probe, None, body=b"", fault=fault, timed_out=fault == TIMED_OUT, **more)


def bodies(*times: tuple[float, float], status: int | None = 200) -> tuple[Exchange, ...]:
    """Bodies of 6 MiB, each with its beginning and its end."""
    return tuple(exchange(BIG, status, began, ended - began) for began, ended in times)


def busy_pings(*times: tuple[float, float], status: int | None = 200) -> tuple[Exchange, ...]:
    return tuple(exchange(PING_WHILE_BUSY, status, began, ended - began) for began, ended in times)


def repeated(probe: str, *answers: bytes, **more: Any) -> tuple[Exchange, ...]:
    """Two samples, sent again and again: the answers to them in turn."""
    given = answers or (ANSWER, LONGER_ANSWER) * 2
    return tuple(exchange(probe, body=body, sample=number % 2, **more) for number, body in enumerate(given))


def requests(**changed: tuple[Exchange, ...]) -> tuple[Exchange, ...]:
    """All exchanges of a good run in their order; the changed ones by the name that they have here."""
    parts = {
        "samples": (exchange(SAMPLE, expected=ANSWER),),
        "at_rest": (exchange(PING_AT_REST),),
        "no_accept": (exchange(NO_ACCEPT),),
        "odd_headers": (exchange(ODD_HEADERS),),
        "serial": repeated(ONE_CALLER),
        "crowd": repeated(MANY_CALLERS),
        "big": bodies((1.0, 3.0), (1.0, 3.5)),
        "busy": busy_pings((1.05, 1.07), (1.1, 1.12), (2.99, 3.01)),
        "unknown_type": (exchange(UNKNOWN_TYPE, 415),),
        "broken_body": (exchange(BROKEN_BODY, 400),),
        "largest": (exchange(LARGEST, 400),),
    }
    return tuple(item for part in {**parts, **changed}.values() for item in part)


_SERVED = HostingEvidence(
    image="iris",
    model_given=True,
    start_error="",
    seconds_to_healthy=1.5,
    start_pings=(REFUSED_PING, ping()),
    listening=None,
    watched_pings=3,
    missed_pings=0,
    longest_miss=0,
    invocations=0,
    model_errors=0,
    exit_code=0,
    out_of_memory=False,
    exited_by_itself=False,
    stop_seconds=0.4,
    killed_after_grace=False,
    last_lines=("listening",),
    scaled_limits=(),
    notes=(),
)


def served(conditions: Conditions = HARD, **changes: Any) -> ServingTrial:
    """A run that came up and answered everything."""
    return ServingTrial(conditions, replace(_SERVED, **changes), exchanges=requests())


def answered(trial: ServingTrial, *exchanges: Exchange, alive: bool = True) -> ServingTrial:
    return replace(trial, exchanges=exchanges, alive_after=alive)


def unhealthy(conditions: Conditions = HARD, pings: tuple[Ping, ...] = (REFUSED_PING,), **changes: Any) -> ServingTrial:
    """A run that was up and never healthy."""
    nothing = {"seconds_to_healthy": None, "start_pings": pings, "exit_code": None, "stop_seconds": None}
    run = replace(_SERVED, **{**nothing, **changes})
    return ServingTrial(conditions, run, UNHEALTHY, "It was not healthy within 480 s.")


def exited(conditions: Conditions = HARD, code: int = 1, **changes: Any) -> ServingTrial:
    """A run that ended before it was healthy."""
    return unhealthy(conditions, exit_code=code, exited_by_itself=True, **changes)


def refused(conditions: Conditions = HARD) -> ServingTrial:
    """A program that the engine could not start."""
    return unhealthy(conditions, pings=(), start_error='exec: "/opt/program/serve": permission denied')


# batch

SECOND_START = SecondStart(1.6, "", ("listening",))
NEVER_AGAIN = SecondStart(None, "It exited with code 1.", ("OSError: [Errno 98] Address already in use",))
PROPOSED = ExecutionParameters(200, concurrency=2)


def lines(probe: str, records: int | None = 4, sent: int = 4, status: int | None = 200, **more: Any) -> Exchange:
    """A request of a batch transform, and as many records in its answer."""
    words = {"content_type": "text/csv", "accepts": "text/csv" if probe == ACCEPT else "", **more}
    return replace(exchange(probe, status, body=ANSWER * (records or 0)), records_sent=sent, records=records, **words)


def transforms(**changed: tuple[Exchange, ...]) -> tuple[Exchange, ...]:
    """All exchanges of a good run as a batch transform in their order; the changed ones by the name they have here."""
    parts = {
        "records": (lines(RECORDS),),
        "other_end": (lines(OTHER_END),),
        "accept": (lines(ACCEPT),),
        "crlf": (lines(CRLF),),
        "blank_line": (lines(BLANK_LINE, sent=5),),
        "full": (lines(FULL, 1000, 1000),),
        "at_once": (lines(AT_ONCE, 1000, 1000), lines(AT_ONCE, 1000, 1000)),
    }
    return tuple(item for part in {**parts, **changed}.values() for item in part)


def transformed(proposed: ExecutionParameters | None = PROPOSED, **changed: tuple[Exchange, ...]) -> ServingTrial:
    """A run as a batch transform that came up."""
    run = replace(served(BATCH), exchanges=transforms(**changed), execution_parameters=proposed)
    return replace(run, second_start=SECOND_START)


def transforming(
    seen: Examination, proposed: ExecutionParameters | None = PROPOSED, **changed: tuple[Exchange, ...]
) -> Examination:
    """The examination whose run as a batch transform had other exchanges."""
    return replace(seen, serving={**seen.serving, "batch": transformed(proposed, **changed)})


MEBIBYTE = 1024 * 1024
FLAT = (90, 99, 100, 100, 101, 100, 101, 100, 100, 101, 100)  # MiB: what it needs, and no more


def soaked(*held: int, of: ServingTrial | None = None) -> ServingTrial:
    """A run that held so many MiB after each tenth of 2000 requests."""
    return replace(of or served(), memory=tuple((number * 200, size * MEBIBYTE) for number, size in enumerate(held)))


# multi-model endpoints

NAMES = ("a1", "b2", "c3")


def about(probe: str, model: str = "", status: int | None = 200, names: tuple[str, ...] | None = None) -> Exchange:
    """A request for one model, or for the list; `names` are those of the answer."""
    made = unanswered(probe, TIMED_OUT) if status is None else exchange(probe, status, expected=_expected(probe))
    return replace(made, model=model, models=names)


def _expected(probe: str) -> bytes | None:
    return ANSWER if probe in (INVOKE_MODEL, INVOKE_AFTER) else None


def of_models(**changed: tuple[Exchange, ...]) -> tuple[Exchange, ...]:
    """All exchanges of a good run as a multi-model endpoint in their order; the changed ones by the name that they
    have here."""
    first, second, third = NAMES
    parts = {
        "listed_first": (about(LISTED_FIRST, names=()),),
        "loads": tuple(about(LOAD, name) for name in NAMES),
        "load_twice": (about(LOAD_TWICE, first, 409),),
        "listed": (about(LISTED, names=NAMES),),
        "describe": (about(DESCRIBE, first, names=(first,)),),
        "invoke": (about(INVOKE_MODEL, first), about(INVOKE_MODEL, third)),
        "unknown": tuple(about(UNKNOWN, "none", 404) for _ in range(3)),
        "unload": (about(UNLOAD, third),),
        "listed_after": (about(LISTED_AFTER, names=(first, second)),),
        "invoke_unloaded": (about(INVOKE_UNLOADED, third, 404),),
        "load_again": (about(LOAD_AGAIN, third),),
        "too_big": (about(TOO_BIG, "big", 507),),
        "invoke_after": (about(INVOKE_AFTER, first),),
    }
    return tuple(item for part in {**parts, **changed}.values() for item in part)


def holding(seen: Examination, alive: bool = True, **changed: tuple[Exchange, ...]) -> Examination:
    """The examination whose run as a multi-model endpoint had other exchanges."""
    return as_multi_model(seen, answered(served(MULTI_MODEL), *of_models(**changed), alive=alive))


def as_multi_model(seen: Examination, trial: ServingTrial) -> Examination:
    """The examination with another run as a multi-model endpoint."""
    return replace(seen, serving={**seen.serving, "multi-model": trial})


def labelled(seen: Examination, *capabilities: str) -> Examination:
    """The examination of an image with labels for these and no others."""
    return image(seen, labels={f"com.amazonaws.sagemaker.capabilities.{name}": "true" for name in capabilities})


def serving(seen: Examination, hard: ServingTrial, easy: ServingTrial | None = None) -> Examination:
    return replace(seen, serving={"hard": hard} if easy is None else {"hard": hard, "easy": easy})


def asking(seen: Examination, alive: bool = True, **changed: tuple[Exchange, ...]) -> Examination:
    """The examination whose serving run had other exchanges."""
    hard = answered(soaked(*FLAT), *requests(**changed), alive=alive)
    return replace(seen, serving={**seen.serving, "hard": hard})


# what was asked for


def asked(seen: Examination, **changes: Any) -> Examination:
    return replace(seen, asked=replace(seen.asked, **changes))


def unmade(seen: Examination, training: bool = True, serving: bool = True) -> Examination:
    """The examination without its runs."""
    nothing: Mapping[str, Any] = {}
    return replace(seen, training=nothing if training else seen.training, serving=nothing if serving else seen.serving)


GOOD = Examination(
    Asked(
        channels=("train",),
        broken_data=True,
        hyperparameters={"a": "b"},
        encodings_differ=True,
        samples=1,
        records=True,
        long_run=True,
        resumes=True,
        metrics=("accuracy",),
        asynchronous=True,
        soak=2000,
        too_big=True,
    ),
    IMAGE,
    {
        "hard": trained(),
        "json": trained(JSON),
        "broken data": failed(BROKEN_DATA, b"no such column: petal"),
        "stopped": halted(),
        "resumed": halted(RESUMED, told="going on from epoch 3"),
    },
    {
        "hard": soaked(*FLAT),
        "batch": transformed(),
        "empty model": unhealthy(EMPTY_MODEL, pings=(REFUSED_PING, ping(503))),
        "multi-model": answered(served(MULTI_MODEL), *of_models()),
    },
)
