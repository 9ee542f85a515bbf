"""`check`, `rules` and `explain`: usage, real verdicts, reports, and that nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import docker
import jsonschema
import pytest

from smlocal import owner
from smlocal.contract import RULES, Rule
from smlocal.engine.docker import DockerEngine
from smlocal.report import schema
from smlocal.shipped import iris_csv
from tests.cli.conftest import Said, of_process, read_until
from tests.cli.test_endings import wait_until
from tests.cli.test_progress import on_a_terminal
from tests.container.conftest import BROKEN

Command = Callable[..., Said]
CONTAINERS = Path(__file__).resolve().parents[2] / "fixtures" / "containers"

CONFIGURATION = """
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


def configure(folder: Path, text: str = CONFIGURATION) -> None:
    """A configuration with its data, as a user of the Iris example writes it."""
    (folder / "iris.csv").write_bytes(iris_csv().read_bytes())
    (folder / "broken.csv").write_text("setosa,not a number\n")
    (folder / "smlocal.toml").write_text(text)


@pytest.fixture(scope="module")
def empty_image(build_image: Callable[..., str]) -> str:
    """An image that has neither `train` nor `serve` on its PATH."""
    return build_image(BROKEN, "smlocal-test/broken:without-train", target="without-train")


SAMPLE_WITHOUT_TYPE = '[[check.serving.samples]]\nbody = "x"\n'
USAGE = [
    (["--select", "SM9"], "", "no rule's id begins with 'SM9'; `smlocal rules` lists them"),
    (["--ignore", "SM3,SM999"], "", "no rule's id begins with 'SM999'"),
    ([], "[check]\nselect = ['SM9']\n", "no rule's id begins with 'SM9'; `smlocal rules` lists them"),
    (["--output", "report.xml"], "", "--output 'report.xml': write FORMAT=FILE, such as junit=report.xml"),
    (["--output", "junit="], "", "--output 'junit=': write FORMAT=FILE"),
    (
        ["--output", "pdf=r.pdf"],
        "",
        "no format 'pdf'; it is one of text, json, junit, sarif, markdown, html, codequality",
    ),
    (["--output", "json=none/r.json"], "", "--output 'json=none/r.json': there is no folder none"),
    (["--output", "json=."], "", "--output 'json=.': . is a folder"),
    (["--output", "json=r", "--output", "text=r"], "", "--output 'text=r': another report goes to the same file"),
    (["--pull", "sometimes"], "", "--pull 'sometimes': it is one of never, missing, always"),
    (["--build"], "", "--build: there is no file 'Dockerfile'; --dockerfile says where it is"),
    (["--build", "--dockerfile", "x/Dockerfile"], "", "--build: there is no file 'x/Dockerfile'"),
    (["--build", "--dockerfile", "smlocal.toml"], "", "--build: the file must be named Dockerfile, and 'smlocal.toml'"),
    (["--config", "none.toml"], "", "there is no configuration file none.toml"),
    (["--config", "."], "", "there is no configuration file ."),
    ([], "[check]\ncolour = 1\n", "'check.colour' in "),
    ([], "[chekc]\n", "unknown setting 'chekc'"),
    ([], "check = 1\n", "'check' in "),
    ([], "[check\n", "cannot be read as TOML"),
    ([], SAMPLE_WITHOUT_TYPE, "'check.serving.samples[0]' in "),
    ([], "[check.training]\nchannels = { a = 'none.csv' }\n", "names 'none.csv', which is not there"),
    ([], "[check.serving]\nmodel = '.'\n", "a model.tar.gz is needed"),
    ([], "[check.multi_model]\ntoo_big = '.'\n", "'check.multi_model.too_big' in "),
    ([], "[check.multi_model]\nmodels = 3\n", "'check.multi_model.models' in "),
    ([], "[check]\ninstance_type = 'ml.none'\n", "'ml.none' is not an instance type"),
]


@pytest.mark.parametrize(
    ("words", "configuration", "sentence"), USAGE, ids=[" ".join(row[0]) or row[1].strip() for row in USAGE]
)
def test_bad_input_is_one_sentence_and_exit_2(
    smlocal: Command, words: list[str], configuration: str, sentence: str
) -> None:
    Path("smlocal.toml").write_text(configuration)
    said = smlocal("check", "no-such-image", *words)
    assert (said.code, said.out) == (2, ""), said
    told = [line for line in said.err.splitlines() if not line.startswith("note: ")]
    assert len(told) == 1 and told[0].startswith("smlocal: ") and sentence in told[0], said


def test_a_configuration_may_stand_elsewhere_and_its_paths_are_its_own(smlocal: Command, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    configure(tmp_path / "elsewhere", CONFIGURATION + "\n[check]\ninstance_type = 'ml.none'\n")
    said = smlocal("check", "x", "--config", tmp_path / "elsewhere" / "smlocal.toml")
    assert (said.code, "'ml.none' is not an instance type" in said.err) == (2, True), said


def test_the_rules_are_listed(smlocal: Command) -> None:
    said = smlocal("rules")
    assert said.code == 0
    rows = [line.split(maxsplit=2) for line in said.out.splitlines() if line.strip().startswith("SM")]
    assert [row[:2] for row in rows] == [[rule.id, rule.severity.value] for rule in RULES]


def test_the_rules_are_listed_in_json_with_their_pages(smlocal: Command) -> None:
    said = smlocal("rules", "--format", "json").json
    assert (said["version"], said["kind"]) == (1, "rules")
    assert [(row["id"], row["why"], row["fix"]) for row in said["rules"]] == [(r.id, r.why, r.fix) for r in RULES]


@pytest.mark.parametrize("word", ["SM305", "sm305", "ping-waits-for-a-running-invocation"])
def test_a_rule_is_explained(smlocal: Command, word: str) -> None:
    said = smlocal("explain", word)
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "SM305 ping-waits-for-a-running-invocation (error)"
    assert [line.split(":")[0] for line in lines if re.match("(Why|Fix|Source): ", line)] == ["Why", "Fix", "Source"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rules_page_fits_a_terminal(smlocal: Command, rule: Rule) -> None:
    said = smlocal("explain", rule.id)
    assert max(len(line) for line in said.out.splitlines()) <= 80


def test_a_rule_is_explained_in_json(smlocal: Command) -> None:
    said = smlocal("explain", "SM305", "--format", "json").json
    assert (said["version"], said["kind"], said["id"], said["severity"]) == (1, "rule", "SM305", "error")
    assert said["why"] and said["fix"] and said["sources"]


def test_a_rule_that_there_is_not_is_exit_2(smlocal: Command) -> None:
    said = smlocal("explain", "SM999")
    assert (said.code, said.err) == (2, "smlocal: there is no rule 'SM999'; `smlocal rules` lists them\n")


@pytest.mark.engine
@pytest.mark.slow
def test_the_reference_image_passes_and_nothing_is_left(
    smlocal: Command,
    sklearn_image: str,
    engine: DockerEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    configure(Path.cwd())
    said = smlocal("check", sklearn_image, *(word for name in FORMATS for word in ("--output", f"{name}=r.{name}")))
    assert said.code == 0, said
    assert said.out.splitlines()[-1].startswith(f"PASSED {sklearn_image}: 0 errors, ")
    assert said.err == f"examining {sklearn_image}\n"
    document = json.loads(Path("r.json").read_text())
    jsonschema.Draft202012Validator(schema()).validate(document)
    assert document["passed"] and document["counts"]["errors"] == 0
    assert {run["word"] for run in document["runs"]} == {"train", "serve"}
    assert all(0 < run["program_seconds"] < run["seconds"] for run in document["runs"] if run["word"] == "train")
    asked = [run for run in document["runs"] if run["word"] == "serve" and run["sample_seconds"]]
    assert [0 < run["sample_seconds"]["median"] <= run["sample_seconds"]["most"] for run in asked] == [True]
    assert all(run["seconds"] > run["seconds_to_healthy"] for run in asked)
    assert all(run["alone"] for run in document["runs"] if run["name"] == "hard")
    facts, large = engine.facts(), 8 * 1024**3  # the memory of an ml.m5.large
    assert any(not run["alone"] for run in document["runs"]) is (facts.cpus > 1 and facts.memory_bytes >= 2 * large)
    suite = ElementTree.parse("r.junit").getroot()[0]
    assert (int(suite.attrib["tests"]), suite.attrib["failures"]) == (len(RULES), "0")
    assert json.loads(Path("r.sarif").read_text())["runs"][0]["results"] == []
    assert Path("r.text").read_text() == said.out
    assert Path("r.markdown").read_text().splitlines()[1].startswith("### ✅ passed")
    assert "<svg " in Path("r.html").read_text()
    assert list(scratch.iterdir()) == []
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["verdicts"]  # for a push of the same image
    assert engine.owned(owner.this_process().labels()) == []


@pytest.mark.engine
@pytest.mark.slow
def test_what_the_runs_made_is_kept_when_it_is_asked_for(
    smlocal: Command, build_image: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    container = CONTAINERS / "SM204-broken-data-passes"
    image = build_image(container, "smlocal-test/containers:sm204")
    said = smlocal("check", image, "--config", container / "smlocal.toml", "--keep")
    (folder,) = scratch.iterdir()
    assert f"kept: {folder} (records and logs of the runs, and what they made)\n" in said.err
    assert {path.name for path in folder.rglob("*.tar.gz")} == {"model.tar.gz"}
    assert len({path.parent for path in folder.rglob("events.jsonl")}) == 2


@pytest.mark.engine
@pytest.mark.slow
def test_a_model_that_is_too_big_reaches_the_container(smlocal: Command, build_image: Callable[..., str]) -> None:
    container = CONTAINERS / "SM508-too-big-model-is-not-507"
    image = build_image(container, "smlocal-test/containers:sm508")
    said = smlocal("check", image, "--config", container / "smlocal.toml", "--select", "SM5", "--format", "json")
    assert said.code == 1, said
    found = {item["rule"]: item["outcome"] for item in said.json["findings"]}
    assert found.pop("SM508") == "broken"
    assert set(found.values()) == {"kept"}


@pytest.mark.engine
def test_an_image_without_programs_fails_with_its_cause_and_nothing_is_left(
    smlocal: Command, empty_image: str, engine: DockerEngine
) -> None:
    configure(Path.cwd(), CONFIGURATION + "\n[check]\ninstance_type = 'ml.c5.large'\n")
    said = smlocal("check", empty_image, "--format", "json")
    assert said.code == 1
    assert (said.json["asked"]["instance_type"], said.json["asked"]["samples"]) == ("ml.c5.large", 1)
    assert said.json["image"]["size_bytes"] > 0
    jsonschema.Draft202012Validator(schema()).validate(said.json)
    found = {item["rule"]: item for item in said.json["findings"]}
    assert [name for name, item in found.items() if item["outcome"] == "broken"] == ["SM103", "SM104"]
    assert (found["SM201"]["outcome"], found["SM201"]["follows"]) == ("not judged", "SM103")
    assert (found["SM302"]["outcome"], found["SM302"]["follows"]) == ("not judged", "SM104")
    assert not said.json["passed"] and said.json["runs"] == []
    assert engine.owned(owner.this_process().labels()) == []


@pytest.mark.engine
def test_without_a_configuration_the_user_is_told_what_cannot_be_tried(smlocal: Command, empty_image: str) -> None:
    said = smlocal("check", empty_image, "--select", "SM1")
    assert said.code == 1
    assert (
        "note: no [check] table is configured: training and sample requests cannot be tried; `smlocal init" in said.err
    )
    assert said.out.splitlines()[-1].startswith(f"FAILED {empty_image}: 2 errors, ")


FORMATS = ("text", "json", "junit", "sarif", "markdown", "html", "codequality")


@pytest.mark.engine
@pytest.mark.parametrize("name", FORMATS)
def test_every_report_can_be_standard_output_and_nothing_else_is(smlocal: Command, empty_image: str, name: str) -> None:
    said = smlocal("check", empty_image, "--select", "SM1", "--format", name, "-v", "--output", f"{name}=r")
    begins = {
        "text": "ERROR SM103",
        "json": "{",
        "junit": "<?xml",
        "sarif": "{",
        "markdown": "<!-- smlocal check ",
        "codequality": "[",
        "html": "<!DOCTYPE",
    }
    assert (said.code, said.out[: len(begins[name])]) == (1, begins[name])
    assert name == "text" or said.out == Path("r").read_text()  # -v says more in the text
    assert f"examining {empty_image}\n" in said.err


@pytest.mark.engine
def test_a_report_for_machines_is_utf_8_whatever_the_terminal_speaks(
    command: Callable[..., subprocess.Popen[bytes]], empty_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    process = command("check", empty_image, "--select", "SM1", "--format", "markdown", stdout=subprocess.PIPE)
    assert process.communicate(timeout=60)[0].decode().splitlines()[1].startswith("### ❌ failed: ")


@pytest.mark.engine
def test_a_report_that_cannot_be_written_after_all_is_exit_3_and_the_verdict_is_told(
    smlocal: Command, empty_image: str
) -> None:
    said = smlocal("check", empty_image, "--output", "json=/proc/r.json", "--output", "text=r.txt")
    assert said.code == 3
    assert said.err.endswith("smlocal: the report /proc/r.json cannot be written: No such file or directory\n"), said
    assert said.out.splitlines()[-1].startswith(f"FAILED {empty_image}: ")
    assert Path("r.txt").read_text() == said.out


def test_a_report_that_cannot_be_written_is_refused_before_anything_runs(
    smlocal: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a superuser may write anywhere, so the system's answer is given here
    monkeypatch.setattr("os.access", lambda path, mode: False)
    said = smlocal("check", "x", "--output", "json=r.json")
    assert (said.code, said.err) == (2, "smlocal: --output 'json=r.json': r.json cannot be written\n")


@pytest.mark.engine
def test_a_check_that_could_judge_nothing_is_no_success(smlocal: Command, empty_image: str) -> None:
    said = smlocal("check", empty_image, "--select", "SM201")
    assert (said.code, "nothing could be judged: configure data" in said.err) == (2, True), said


@pytest.mark.engine
def test_what_is_ignored_fails_nothing(smlocal: Command, empty_image: str) -> None:
    said = smlocal("check", empty_image, "--select", "SM1", "--ignore", "SM103,SM104", "--format", "json")
    assert said.code == 0, said
    assert {item["rule"][:3] for item in said.json["findings"]} == {"SM1"}
    assert not {"SM103", "SM104"} & {item["rule"] for item in said.json["findings"]}


@pytest.mark.engine
def test_rules_are_selected_by_the_configuration_too_and_a_command_knows_better(
    smlocal: Command, empty_image: str
) -> None:
    Path("smlocal.toml").write_text("[check]\nselect = ['SM10']\nignore = ['SM104']\n")
    for words, expected in (
        ((), {"SM101", "SM102", "SM103", "SM105", "SM106", "SM107", "SM108", "SM109"}),
        (("--select", "SM103,SM104"), {"SM103"}),
        (("--select", "SM103,SM104", "--ignore", "SM103"), {"SM104"}),
    ):
        said = smlocal("check", empty_image, "--format", "json", *words)
        assert {item["rule"] for item in said.json["findings"]} == expected, said


@pytest.mark.engine
def test_an_image_that_there_is_not_cannot_be_run(smlocal: Command) -> None:
    said = smlocal("check", "smlocal-test/none:latest", "--pull", "never")
    (told,) = (line for line in said.err.splitlines() if not line.startswith("note: "))
    assert (said.code, said.out) == (3, ""), said
    assert told.startswith("smlocal: ") and "The engine does not hold smlocal-test/none:latest" in told


@pytest.mark.engine
def test_ctrl_c_ends_it_and_leaves_nothing(
    start: Callable[..., subprocess.Popen[str]],
    broken_image: str,
    docker_client: docker.DockerClient,
    engine: DockerEngine,
    tmp_path: Path,
) -> None:
    environment = 'environment = { FAULT = "saves_on_sigterm" }\n'
    configure(tmp_path, CONFIGURATION.replace("hyperparameters", f"{environment}hyperparameters"))
    process = start("check", broken_image, "-v")
    read_until(process, "train without network")
    label = f"smlocal.owner.process={process.pid}"
    wait_until(lambda: "working" in "".join(logs_of(docker_client, label)))
    process.send_signal(signal.SIGINT)
    printed = process.communicate(timeout=60)[0]
    said = "stopping the examination; once more kills it\ninterrupted: there is no verdict\n"
    assert (process.returncode, printed) == (130, said)
    assert of_process(engine, process.pid) == []


def logs_of(client: docker.DockerClient, label: str) -> Iterator[str]:
    """What the running containers with a label have printed."""
    for container in client.containers.list(filters={"label": label}):
        yield container.logs().decode()


_REPORT = """
from smlocal.cli.reports import answer
from smlocal.cli.terminal import Format, Terminal
from tests.report.reports import REPORTS
answer(Terminal(Format.text, 0), REPORTS["one of each outcome"])
"""


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)], ids=["usual", "NO_COLOR"])
def test_marks_are_coloured_on_a_terminal_unless_no_colour_is_wanted(variables: dict[str, str], coloured: bool) -> None:
    shown = on_a_terminal(_REPORT, PYTHONPATH=os.pathsep.join(sys.path), **variables)
    marks = re.findall(r"\x1b\[[0-9;]*3[13]m(ERROR|WARNING|FAILED)\x1b\[0m ", shown)
    assert marks == (["ERROR", "WARNING", "FAILED"] if coloured else [])
    assert "| Traceback" in shown
