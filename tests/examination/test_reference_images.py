"""The whole verdict on each reference image, under SageMaker's own limits."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smlocal.contract import RULES
from smlocal.examination import Plan, Sample, Source
from smlocal.examination.interruption import Long
from smlocal.images.build_settings import machine_build_settings
from smlocal.settings import MEBIBYTE, Limits
from tests.examination.conftest import Examine, differences, in_words, verdict_on

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
IRIS = ROOT / "fixtures" / "iris.csv"
ROW = b"5.1,3.5,1.4,0.2\n"
NO_NUMBERS = b"0,long,3.5,short,0.2\n"
LABEL_7 = b"7,5.1,3.5,1.4,0.2\n"  # of three classes
FOREST = {"n_estimators": 20, "criterion": "entropy"}
TREES = {"objective": "multi:softmax", "num_class": 3, "num_round": 5}
MANY_TREES = {"n_estimators": 100_000}
MANY_ROUNDS = {"num_round": 1_000_000}
ACCURACY = {"train:accuracy": r"train:accuracy=([0-9.]+)"}
ERROR = {"train:mlogloss": r"train-mlogloss:([0-9.]+)"}
IrisAnd = Callable[[bytes], Path]

NO_OCCASION = "not applicable: the image gives no occasion for it"
NO_BIG_MODEL = "not judged: no model that is too big is configured"
ONE_MODEL = "not applicable: the image bears no label for multi-model endpoints"
NO_TRAINING = "not applicable: the image is not asked to train"
MANY_MODELS = [rule.id for rule in RULES if rule.id.startswith("SM5")]
ONE_ENCODING = "not applicable: no configured hyperparameter is written differently in the two encodings"
NO_LONG_RUN = "not judged: what makes training long is not configured"
NO_RESUMING = "not judged: by which line a training tells that it goes on from a checkpoint is not configured"
# none has an ENTRYPOINT, none goes on from checkpoints, and the engine of these tests keeps no manifests
EVERYWHERE = {"SM102": NO_OCCASION, "SM107": NO_OCCASION, "SM108": NO_OCCASION, "SM218": NO_RESUMING}


@pytest.fixture
def iris_and(tmp_path: Path) -> Callable[[bytes], Path]:
    """Iris with a last row of one's own."""

    def make(row: bytes) -> Path:
        path = tmp_path / "broken" / "iris.csv"
        path.parent.mkdir()
        path.write_bytes(IRIS.read_bytes() + row)
        return path

    return make


@pytest.fixture
def bottle_image(build_image: Callable[..., str], sklearn_image: str, tmp_path: Path) -> str:
    """The bring-your-own image with its simpler server, built as `smlocal images build` does."""
    context = tmp_path / "sklearn"
    shutil.copytree(ROOT / "container" / "sklearn", context)
    certificates = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    if certificates:
        shutil.copyfile(certificates, context / "build-settings" / "ca.crt")
    return build_image(context, "smlocal-test/sklearn:bottle", target="bottle")


@pytest.fixture
def multi_model_image(build_image: Callable[..., str], tmp_path: Path) -> str:
    """The reference of multi-model servers, built as `smlocal images build` builds its own."""
    context = tmp_path / "multi_model"
    shutil.copytree(ROOT / "container" / "multi_model", context)
    settings = machine_build_settings(os.environ)
    for name, content in settings.files.items():
        (context / name).write_bytes(content)
    return build_image(context, "smlocal-test/multi-model:latest", buildargs=dict(settings.arguments))


def archive_of(folder: Path, name: str, padding: int = 0) -> Path:
    """A model.tar.gz of two classes; `padding` makes it bigger by so many bytes of noise."""
    model = folder / name
    model.mkdir()
    (model / "centroids.json").write_text('{"labels": [0, 1], "centroids": [[5, 3.4, 1.5, 0.2], [6, 2.8, 4.3, 1.3]]}')
    (model / "noise").write_bytes(os.urandom(padding))
    path = folder / f"{name}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(model, ".")
    return path


def plan(broken: Path, hyperparameters: Mapping[str, Any], expect: bytes) -> Plan:
    is_forest = hyperparameters is FOREST
    return Plan(
        metrics=ACCURACY if is_forest else ERROR,
        long=Long(MANY_TREES if is_forest else MANY_ROUNDS, stop_after=9),
        channels={"train": Source(IRIS, "text/csv")},
        broken={"train": Source(broken, "text/csv")},
        hyperparameters=hyperparameters,
        asynchronous=True,
        soak=500,
        samples=(Sample(ROW, "text/csv", "text/csv", expect),),
    )


def expected(**others: str) -> dict[str, str]:
    """Every rule is kept, but for these; the images hold one model."""
    many = dict.fromkeys(MANY_MODELS, ONE_MODEL)
    return {**{rule.id: "kept" for rule in RULES}, **EVERYWHERE, **many, **others}


def test_the_bring_your_own_image_breaks_nothing(sklearn_image: str, iris_and: IrisAnd, examine: Examine) -> None:
    examination = examine(sklearn_image, plan(iris_and(NO_NUMBERS), FOREST, b"0\n"), Limits())
    found = differences(verdict_on(examination), expected())
    assert not found, found


def test_an_image_that_builds_on_it_breaks_nothing_either(
    build_image: Callable[..., str], sklearn_image: str, iris_and: IrisAnd, examine: Examine
) -> None:
    """Its learner is quick: nothing makes its training long."""
    extended = ROOT / "container" / "sklearn" / "examples" / "extended"
    image = build_image(extended, "smlocal-test/sklearn:extended", sklearn_image)
    quick = replace(plan(iris_and(NO_NUMBERS), FOREST, b"0\n"), hyperparameters={"C": 0.5}, long=None)
    found = differences(
        verdict_on(examine(image, quick, Limits())),
        expected(SM206=ONE_ENCODING, SM207=NO_LONG_RUN, SM208=NO_LONG_RUN, SM218=NO_LONG_RUN),
    )
    assert not found, found


def test_its_twin_with_one_thread_lets_pings_wait(bottle_image: str, iris_and: IrisAnd, examine: Examine) -> None:
    examination = examine(bottle_image, plan(iris_and(NO_NUMBERS), FOREST, b"0\n"), Limits())
    found = differences(verdict_on(examination), expected(SM305="broken (error)", SM407=NO_OCCASION))
    assert not found, found


def test_the_stand_in_for_xgboost_breaks_what_the_built_in_breaks(
    xgboost_image: str, iris_and: IrisAnd, examine: Examine
) -> None:
    """AWS's own code was seen to do each of these (fixtures/xgboost_golden.json, and its sources).

    SM205: its failure text is a whole traceback before the message. SM206: it reads hyperparameters as they are, and
    refuses quoted ones. SM214: "Extraneous channel found". It has channels and callers of its own, for which that is no
    harm. SM207: it ignores SIGTERM unless save_model_on_termination is "true"; two minutes of that are not waited for.
    SM311: it takes 6 MiB unless MAX_CONTENT_LENGTH says more. SM504: among many models it ends CSV without a newline.
    """
    limits = Limits(training_stop_grace=10)
    examination = examine(xgboost_image, plan(iris_and(LABEL_7), TREES, b"0.0\n"), limits)
    verdict = verdict_on(examination)
    words = {finding.rule: in_words(finding) for finding in verdict.findings}
    # Pings and predictions share one worker for each CPU, as in AWS's own: whether one is free when the ping comes is
    # chance on a machine that does something else besides.
    assert words["SM305"] in ("kept", "broken (error)")
    many = {**dict.fromkeys(MANY_MODELS, "kept"), "SM504": "broken (warning)", "SM508": NO_BIG_MODEL}
    wanted = expected(
        **many,
        SM205="broken (warning)",
        SM206="broken (error)",
        SM207="broken (warning)",
        SM208="not judged: see SM207",
        SM214="broken (warning)",
        SM305=words["SM305"],
        SM311="broken (warning)",
        SM318=NO_OCCASION,
    )
    found = differences(verdict, wanted)
    assert not found, found


def test_the_server_of_many_models_breaks_nothing(multi_model_image: str, tmp_path: Path, examine: Examine) -> None:
    made = Plan(
        train=False,
        model=archive_of(tmp_path, "usual"),
        too_big=archive_of(tmp_path, "big", 2 * MEBIBYTE),
        serving_environment={"MODELS_MEMORY_MB": "2", "MODELS_PAGE": "2"},
        asynchronous=True,
        soak=500,
        samples=(Sample(ROW, "text/csv", "text/csv", b"0\n"),),
    )
    verdict = verdict_on(examine(multi_model_image, made, Limits()))
    untrained = {rule.id: NO_TRAINING for rule in RULES if rule.id.startswith("SM2")}
    kept = dict.fromkeys(MANY_MODELS, "kept")
    wanted = expected(
        **{**untrained, **kept, "SM103": NO_TRAINING, "SM111": NO_TRAINING, "SM318": NO_OCCASION, "SM407": NO_OCCASION}
    )
    found = differences(verdict, wanted)
    assert not found, found
    assert next(finding for finding in verdict.findings if finding.rule == "SM502").seen == (
        "all 3 models are listed, on 2 pages",
    )
