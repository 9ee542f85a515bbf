"""Whole sessions on the real engine: an image checked by two workers, tests of three lines, images built."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import docker
import pytest

from smlocal import owner
from smlocal.contract import RULES
from smlocal.engine.interface import Engine
from smlocal.launch import Launcher
from smlocal.shipped import iris_csv
from tests.examination.test_containers import FIRST
from tests.pytest_plugin.conftest import Session

pytestmark = [pytest.mark.engine, pytest.mark.slow]

BROKEN = next(folder for folder in FIRST if folder.name.startswith("SM305"))
THREE_LINES = """
    IMAGE = "smlocal/sklearn"

    def test_training(training_job):
        job = training_job(IMAGE, channels={"train": "iris.csv"}, hyperparameters={"n_estimators": 5})
        assert job.status == "Completed", job.failure_reason

    def test_endpoint(training_job, endpoint):
        model = training_job(IMAGE, channels={"train": "iris.csv"}, hyperparameters={"n_estimators": 5}).model
        answer = endpoint(IMAGE, model=model).invoke("5.1,3.5,1.4,0.2\\n", "text/csv", "text/csv")
        assert answer.body == b"0\\n"

    def test_transform(training_job, transform_job):
        model = training_job(IMAGE, channels={"train": "iris.csv"}, hyperparameters={"n_estimators": 5}).model
        job = transform_job(IMAGE, "rows.csv", model=model, content_type="text/csv", accept="text/csv")
        assert job.read("rows.csv.out").split() == [b"0"] * 50
"""
DOCKERFILE = """FROM smlocal/base:latest
ARG SAYS
RUN printf '#!/bin/sh\\necho %s\\ntouch /opt/ml/model/weights\\n' "$SAYS" > /usr/local/bin/train \\
 && chmod +x /usr/local/bin/train
"""
BUILT = """
    import pytest

    @pytest.mark.parametrize("number", [1, 2])
    def test_it(smlocal_image, training_job, number):
        image = smlocal_image("context", arguments={"SAYS": "hello"})
        print("image:", image)
        assert training_job(image).log == ("hello",)
"""


@pytest.fixture(autouse=True)
def nothing_is_left(local_engine: Engine) -> Iterator[None]:
    """No container, volume or network of a session that has ended."""
    launcher = Launcher(local_engine, owner.this_process(), "relay")

    def dead() -> set[str]:
        return {item.name for item in launcher.ours() if not launcher.is_live(item)}

    before = dead()
    yield
    assert dead() - before == set()


def verdict(report: Path) -> dict[str, str]:
    """What each rule came to, as `expected.json` has it but for reasons."""
    found = {}
    for case in ElementTree.parse(report).getroot()[0]:
        told = {item.attrib["name"]: item.attrib["value"] for item in case.iter("property")}
        severity = f" ({told['severity']})" if told["outcome"] == "broken" else ""
        found[case.attrib["name"].partition("-")[0]] = f"{told['outcome']}{severity}"
    return found


def test_two_workers_share_one_examination_of_a_broken_image(
    session: Session, build_image: Callable[..., str], pytester: pytest.Pytester
) -> None:
    image = build_image(BROKEN, "smlocal-test/containers:sm305")
    expected = json.loads((BROKEN / "expected.json").read_text())
    words = ("--smlocal-image", image, "--smlocal-config", str(BROKEN / "smlocal.toml"), "--junit-xml", "report.xml")
    result = session(*words, "-n", "2", "--durations=0")
    found = verdict(pytester.path / "report.xml")
    assert found == {rule: said.partition(": ")[0] for rule, said in expected.items()}
    failed = sum(said == "broken (error)" for said in found.values())
    assert result.parseoutcomes()["failed"] == failed
    shown = result.stdout.str()
    assert " SM305 GET /ping waits until a running invocation is over" in shown
    assert re.search(r"^  seen +\S", shown, re.MULTILINE) and re.search(r"^  fix +\S", shown, re.MULTILINE)
    assert "Traceback" not in shown
    # whoever comes first examines, and one item of the other worker may wait for it
    waited = [float(seconds) for seconds in re.findall(r"^([0-9.]+)s setup ", shown, re.MULTILINE)]
    assert sum(seconds > max(waited) / 2 for seconds in waited) <= 2, waited


def test_the_reference_image_keeps_every_clause(
    session: Session, sklearn_image: str, pytester: pytest.Pytester
) -> None:
    (pytester.path / "iris.csv").write_bytes(iris_csv().read_bytes())
    (pytester.path / "broken.csv").write_text("setosa,not a number\n")
    (pytester.path / "smlocal.toml").write_text(
        """
        [check.training]
        channels = { train = { source = "iris.csv", content_type = "text/csv" } }
        broken = { train = "broken.csv" }
        hyperparameters = { n_estimators = 20 }

        [[check.serving.samples]]
        body = "5.1,3.5,1.4,0.2\\n"
        content_type = "text/csv"
        accept = "text/csv"
        expect = "0\\n"
        """
    )
    result = session("--smlocal-image", sklearn_image, "--smlocal-strict", "--junit-xml", "report.xml")
    assert result.ret == pytest.ExitCode.OK, result.stdout.str()
    found = verdict(pytester.path / "report.xml")
    assert set(found) == {rule.id for rule in RULES}
    assert found["SM201"] == found["SM305"] == found["SM312"] == "kept"


@pytest.mark.usefixtures("sklearn_image")
def test_tests_of_three_lines_pass_on_the_reference_image(session: Session, pytester: pytest.Pytester) -> None:
    rows = [line.partition(",")[2] for line in iris_csv().read_text().splitlines()]
    (pytester.path / "iris.csv").write_bytes(iris_csv().read_bytes())
    (pytester.path / "rows.csv").write_text("".join(f"{row}\n" for row in rows[:50]))
    pytester.makepyfile(THREE_LINES)
    result = session("-n", "2", "-W", "error")
    assert result.parseoutcomes() == {"passed": 3}, result.stdout.str()


def test_workers_share_an_image_built_from_a_folder(
    session: Session, pytester: pytest.Pytester, docker_client: docker.DockerClient
) -> None:
    folder = pytester.path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILE)
    pytester.makepyfile(BUILT)
    result = session("-n", "2", "-rP", "-W", "error")
    assert result.parseoutcomes() == {"passed": 2}, result.stdout.str()
    (image,) = {line.partition(": ")[2] for line in result.outlines if line.startswith("image: ")}
    name = image.partition(":")[0]
    try:
        kept = docker_client.images.list(name)
        assert [tags for facts in kept for tags in facts.tags] == [f"{name}:latest"]
    finally:
        docker_client.images.remove(f"{name}:latest")


def test_what_a_build_replaces_is_gone(
    session: Session, pytester: pytest.Pytester, docker_client: docker.DockerClient
) -> None:
    folder = pytester.path / "context"
    folder.mkdir()
    pytester.makepyfile(BUILT)
    ids = []
    for line in ("RUN true", "RUN :"):
        (folder / "Dockerfile").write_text(f"{DOCKERFILE}{line}\n")
        result = session("-rP", "-k", "1")
        (image,) = {line.partition(": ")[2] for line in result.outlines if line.startswith("image: ")}
        name = image.partition(":")[0]
        ids.append(docker_client.images.get(f"{name}:latest").id)
    try:
        assert ids[0] != ids[1]
        with pytest.raises(docker.errors.ImageNotFound):
            docker_client.images.get(ids[0])
    finally:
        docker_client.images.remove(f"{name}:latest")
