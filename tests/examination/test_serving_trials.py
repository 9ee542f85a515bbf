"""Which serving runs an image is worth, and how each is launched."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from smlocal import owner
from smlocal.engine.interface import ContainerSpec
from smlocal.engine.scripted import Answer, Request, Run, Script, ScriptedEngine, forwarder
from smlocal.evidence import ServingTrial
from smlocal.examination import Plan, Sample, Stop
from smlocal.examination.bounds import Bounds
from smlocal.examination.multi_model import BIG_MODEL, MODELS
from smlocal.examination.serving_run import Models, ServingRuns, empty_archive
from smlocal.examination.serving_trials import ServingTrials
from smlocal.examination.stopping import Stopped
from smlocal.hosting import ModelHost
from smlocal.http_client import HttpClient
from smlocal.launch import Launcher
from smlocal.settings import Limits, Settings
from smlocal.storage.directory import DirectoryStore
from tests.contract.samples import IMAGE

LIMITS = Limits(ping_timeout=0.5, ping_interval=0.05, start_window=0.6, serving_stop_grace=0.5)
MODEL, BIG, EMPTY = (f"s3://check/{name}.tar.gz" for name in ("model", "big", "empty"))
SAMPLE = Sample(b"1\n", "text/csv")
LABELS = "com.amazonaws.sagemaker.capabilities."
MANY, PORT = f"{LABELS}multi-models", f"{LABELS}accept-bind-to-port"
Runs = tuple[dict[str, ServingTrial], list[ContainerSpec]]


def answer(request: Request) -> Answer:
    if request.path == "/models" and request.method == "GET":
        return Answer(200, json.dumps({"models": []}).encode())
    return Answer(200 if request.path in ("/ping", "/models", "/invocations") else 404, b"0\n")


def obedient(run: Run) -> int:
    """Listens where it is told."""
    return Script(handler=answer, port=int(run.environment["SAGEMAKER_BIND_TO_PORT"]))(run)


def headstrong(run: Run) -> int:
    """Listens on 8080."""
    return Script(handler=answer)(run)


def single(run: Run) -> int:
    """Ends where many models are wanted of it."""
    return 1 if "SAGEMAKER_MULTI_MODEL" in run.environment else headstrong(run)


def unpacking(run: Run) -> int:
    """Comes up where it may write beside its model."""
    try:
        run.files.write("/opt/ml/model/unpacked", b"1")
    except OSError:
        return 1
    return headstrong(run)


def fetching(run: Run) -> int:
    """Answers where it has a network."""

    def fetched(request: Request) -> Answer:
        return Answer(500) if request.path == "/invocations" and run.spec.network else answer(request)

    return Script(handler=fetched)(run)


def refusing(run: Run) -> int:
    """Answers nothing but pings."""
    return Script(handler=lambda request: Answer(200 if request.path == "/ping" else 500))(run)


def never_up(run: Run) -> int:
    return 1


def relay(run: Run) -> int:
    run.write("listening\n")
    return forwarder(run)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Runs]]:
    """Make the serving runs of a program; gives them, and its containers. Nothing is left in the engine."""
    engine, http, store = ScriptedEngine(), HttpClient(), DirectoryStore(tmp_path)
    engine.add_image("relay", relay)
    store.ensure_bucket("check")
    for url in (MODEL, BIG):
        store.put("check", url.rpartition("/")[2], archive())
    store.put("check", "empty.tar.gz", io.BytesIO(empty_archive()))
    launcher = Launcher(engine, owner.this_process(), "relay")

    def run(
        program: Callable[[Run], int],
        *labels: str,
        model: str | None = MODEL,
        too_big: str | None = None,
        told: str = "",
        soak: int = 0,
        stop: Stop | None = None,
        bounds: Bounds | None = None,
        **limits: float,
    ) -> Runs:
        engine.add_image("model", program)
        settings = replace(Settings(), limits=replace(LIMITS, **limits))  # type: ignore[arg-type]
        host = ModelHost(launcher, http, store, settings)
        environment = {"SAGEMAKER_BIND_TO_PORT": told} if told else {}
        plan = Plan(train=False, samples=(SAMPLE,), serving_environment=environment, soak=soak)
        models = Models(model, EMPTY, too_big)
        bounds, stop = bounds or Bounds(), stop or Stop()
        runs = ServingRuns(host, http, settings, plan, models, lambda trial: None, stop, engine, bounds)
        trials = ServingTrials(runs, plan, models, replace(IMAGE, labels=dict.fromkeys(labels, "true")))
        found = trials.first("model")
        for make in trials.others("model", found):
            found |= make()
        return found, [spec for spec in engine.specs if spec.command == ("serve",)]

    yield run
    http.close()
    assert launcher.ours() == []


def archive() -> io.BytesIO:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        member = tarfile.TarInfo("weights")
        member.size = 1
        tar.addfile(member, io.BytesIO(b"1"))
    return io.BytesIO(target.getvalue())


RUNS = [
    ("no label", obedient, (), MODEL, ["hard", "batch", "empty model"]),
    ("a label for many models", headstrong, (MANY,), MODEL, ["hard", "batch", "multi-model"]),
    ("a label for many models, and one of its own", headstrong, (MANY,), None, ["hard", "batch"]),
    (
        "a label for many models, of which it dies",
        single,
        (MANY,),
        MODEL,
        ["hard", "batch", "multi-model"],
    ),
    ("a label for many models, and it never comes up", never_up, (MANY,), MODEL, ["hard", "easy", "writable model"]),
    ("no label, and it writes to its model", unpacking, (), MODEL, ["hard", "easy", "writable model"]),
    ("no label, no model, and it never comes up", never_up, (), None, ["hard", "easy"]),
    ("a label for a port", obedient, (PORT,), MODEL, ["hard", "batch", "empty model"]),
    (
        "a label for a port, and it has one of its own",
        headstrong,
        (PORT,),
        MODEL,
        ["hard", "other port", "batch", "empty model"],
    ),
    ("no label, and it answers with network alone", fetching, (), None, ["hard", "easy", "batch"]),
    ("no label, and it never answers", refusing, (), None, ["hard", "easy"]),
    ("both labels", obedient, (PORT, MANY), MODEL, ["hard", "batch", "multi-model"]),
]


@pytest.mark.parametrize(("claim", "program", "labels", "model", "names"), RUNS, ids=[row[0] for row in RUNS])
def test_a_label_is_worth_a_run_and_no_label_none(
    claim: str,
    program: Callable[[Run], int],
    labels: tuple[str, ...],
    model: str | None,
    names: list[str],
    serve: Callable[..., Runs],
) -> None:
    trials, specs = serve(program, *labels, model=model)
    assert (list(trials), len(specs)) == (names, len(names))


def test_what_answers_with_network_alone_has_it_in_its_other_runs(serve: Callable[..., Runs]) -> None:
    trials, _ = serve(fetching, model=None)
    assert [(trial.answers, trial.conditions.network) for trial in trials.values()] == [
        (False, False),
        (True, True),
        (False, True),  # its requests are not the samples'
    ]
    assert trials["batch"].of("records")[0].good


def test_a_body_of_25_mib_is_sent_to_whoever_answers_6(serve: Callable[..., Runs]) -> None:
    def limited(request: Request) -> Answer:
        sizes.append(len(request.body))
        return Answer(413) if len(request.body) > 7 * 2**20 else answer(request)

    sizes: list[int] = []
    trials, _ = serve(Script(handler=limited), model=None)
    assert [item.status for item in trials["hard"].of("25 MiB body")] == [413]
    assert max(sizes) == 25 * 2**20
    assert trials["hard"].of("6 MiB body")[0].good


def test_a_label_that_says_anything_but_true_is_none() -> None:
    facts = replace(IMAGE, labels={MANY: "false", PORT: "True"})
    assert (facts.holds_models, facts.takes_port) == (False, False)


def test_the_batch_container_is_told_another_port_where_the_label_is(serve: Callable[..., Runs]) -> None:
    trials, specs = serve(obedient, PORT, model=None)
    assert [spec.environment["SAGEMAKER_BIND_TO_PORT"] for spec in specs] == ["8080", "18080"]
    assert [trial.conditions.other_port for trial in trials.values()] == [False, True]
    assert trials["batch"].healthy and trials["batch"].of("records")


def test_a_port_of_its_own_is_told_apart_by_a_run_without(serve: Callable[..., Runs]) -> None:
    trials, specs = serve(headstrong, PORT, model=None)
    assert [spec.environment["SAGEMAKER_BIND_TO_PORT"] for spec in specs] == ["8080", "18080", "8080"]
    assert [trial.healthy for trial in trials.values()] == [True, False, True]
    assert "port 18080" in trials["other port"].cause


def test_whose_port_is_configured_is_told_no_other(serve: Callable[..., Runs]) -> None:
    trials, specs = serve(obedient, PORT, model=None, told="8080")
    assert list(trials) == ["hard", "batch"]
    assert [spec.environment["SAGEMAKER_BIND_TO_PORT"] for spec in specs] == ["8080", "8080"]
    assert not trials["batch"].conditions.other_port


def test_the_models_lie_below_opt_ml_models_and_nothing_in_opt_ml_model(serve: Callable[..., Runs]) -> None:
    seen: list[str] = []

    def looking(run: Run) -> int:
        if "SAGEMAKER_MULTI_MODEL" in run.environment:
            seen[:] = run.files.files("/opt/ml")
        return headstrong(run)

    trials, specs = serve(looking, MANY, too_big=BIG)
    assert seen == sorted(f"/opt/ml/models/{name}/model/weights" for name in (*MODELS, BIG_MODEL))
    (spec,) = [spec for spec in specs if "SAGEMAKER_MULTI_MODEL" in spec.environment]
    assert spec.environment["SAGEMAKER_MULTI_MODEL"] == "true"
    assert [mount.read_only for mount in spec.mounts] == [True]
    assert trials["multi-model"].of("load a model that is too big")[0].model == BIG_MODEL


def test_what_does_not_come_up_with_many_models_has_its_cause(serve: Callable[..., Runs]) -> None:
    trials, _ = serve(single, MANY)
    assert "exited with code 1" in trials["multi-model"].cause
    assert trials["multi-model"].exchanges == ()


def talkative(run: Run) -> int:
    """Says more of each request than any log can hold, and does not end when it is asked to."""

    def told(request: Request) -> Answer:
        if request.path == "/invocations":
            run.write("x" * 10_000 + "\n")
            time.sleep(0.01)
        return answer(request)

    run.memory_bytes = 1
    return Script(handler=told, ignores=frozenset({"SIGTERM"}))(run)


def test_what_takes_too_much_while_it_is_soaked_is_ended_at_once_and_is_a_finding(serve: Callable[..., Runs]) -> None:
    began = time.monotonic()
    trials, _ = serve(talkative, soak=20_000, bounds=Bounds(log_bytes=200_000), serving_stop_grace=30)
    assert time.monotonic() - began < 20
    trial = trials["hard"]
    assert trial.healthy and "its log grew" in trial.cause
    assert trial.run.killed_after_grace


def test_who_stops_the_examination_waits_for_no_answer(serve: Callable[..., Runs]) -> None:
    stop, over = Stop(), threading.Event()

    def thinking(request: Request) -> Answer:
        if request.path == "/invocations":
            stop.event.set()
            over.wait(30)
        return answer(request)

    began = time.monotonic()
    with pytest.raises(Stopped):
        serve(Script(handler=thinking), stop=stop, invocation_timeout=20)
    over.set()
    assert time.monotonic() - began < 10


def test_a_server_of_many_models_gets_the_time_that_endpoints_give(serve: Callable[..., Runs]) -> None:
    def slower(run: Run) -> int:
        if "SAGEMAKER_MULTI_MODEL" in run.environment:
            time.sleep(6)  # more than what came up at once gets in other runs
        return headstrong(run)

    trials, _ = serve(slower, MANY, start_window=30)
    assert trials["multi-model"].healthy
