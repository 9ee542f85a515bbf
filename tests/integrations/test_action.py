"""The GitHub action: its metadata against the published schema, its scripts run by bash in their order."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml

from tests.integrations.composite import Composite, Job, commands
from tests.integrations.conftest import LOOK, ROOT, Heard, environment, listener

SCHEMA = json.loads((ROOT / "fixtures" / "schemas" / "github-action.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
SARIF, ARTIFACT = "Upload to code scanning", "Keep the reports"
BEFORE = ("Set up Python", "Install smlocal")
VERDICT = "Tell the verdict"


def test_the_metadata_keeps_to_the_schema() -> None:
    VALIDATOR.validate(ACTION)


SPOILED: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("a script without a shell", lambda action: action["runs"]["steps"][1].pop("shell")),
    ("a key of its own", lambda action: action.update(steps=[])),
    ("no description", lambda action: action.pop("description")),
    ("an output without a value", lambda action: action["outputs"]["passed"].pop("value")),
    ("another kind", lambda action: action["runs"].update(using="shell")),
]


@pytest.mark.parametrize(("name", "spoil"), SPOILED, ids=[name for name, _ in SPOILED])
def test_the_schema_refuses(name: str, spoil: Callable[[dict[str, Any]], object]) -> None:
    action = copy.deepcopy(ACTION)
    spoil(action)
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(action)


def test_no_script_holds_an_expression() -> None:
    assert [step["name"] for step in STEPS if "${{" in step.get("run", "")] == []


def test_every_input_is_used_by_a_step() -> None:
    text = json.dumps(STEPS)
    assert [name for name in ACTION["inputs"] if f"inputs.{name} " not in text] == []


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("workspace", "temporary", "bin"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def heard(place: Path) -> Heard:
    """What a `smlocal` was called with that only listens."""
    return listener(place / "bin", "smlocal")


def run(place: Path, inputs: dict[str, str], **variables: str) -> Job:
    """The action with the commands of the test's own folder first; nothing is installed."""
    given = environment(**variables)
    given["PATH"] = f"{place / 'bin'}:{given['PATH']}"
    action = Composite(ROOT, place / "workspace", place / "temporary", given)
    return action.run(inputs, leave_out=BEFORE)


def words_of(heard: Heard) -> list[str]:
    """The words without the reports, whose folder has a name of its own each time."""
    return [word for word in heard() if not word.startswith("--output=")]


def test_every_input_becomes_a_word_of_its_own(place: Path, heard: Heard) -> None:
    inputs = {"image": "shop/model:1", "config": "a b.toml", "dockerfile": "model/Dockerfile", "select": "SM3,SM4"}
    more = {
        "ignore": "SM305",
        "pull": "never",
        "build": "true",
        "strict": "true",
        "allow": "SM110=it is old\n\n SM303=x",
    }
    assert not run(place, {**inputs, **more}).failed
    assert words_of(heard) == [
        "check", "--config=a b.toml", "--dockerfile=model/Dockerfile", "--select=SM3,SM4", "--ignore=SM305",
        "--pull=never", "--build", "--strict", "--allow=SM110=it is old", "--allow= SM303=x", "--", "shop/model:1",
    ]  # fmt: skip


def test_what_is_not_given_is_not_said(place: Path, heard: Heard) -> None:
    run(place, {"image": "x"})
    assert words_of(heard) == ["check", "--pull=missing", "--", "x"]


HOSTILE = [
    "$(touch pwned)", "`touch pwned`", '"; touch pwned; "', "'; touch pwned; '", "a\ntouch pwned\n", "x && touch pwned",
    "--strict", "-v", "$IFS", "*", "\\", "a\x1b[2J", "${INPUT_IMAGE@P}", "!!", "\u2028::error::x", "x]; touch pwned; [",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_input_is_one_word_and_nothing_else(place: Path, heard: Heard, text: str) -> None:
    names = ("config", "dockerfile", "select", "ignore", "pull")
    job = run(place, dict.fromkeys(("image", *names), text))
    assert words_of(heard) == ["check", *(f"--{name}={text}" for name in names), "--", text]
    assert list((place / "workspace").iterdir()) == []
    assert (job.failed, set(job.outputs.values()) & {text}, commands(job.out)) == (False, set(), [])


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_reason_is_as_many_words_as_it_has_lines(place: Path, heard: Heard, text: str) -> None:
    run(place, {"image": "x", "allow": text})
    allowed = [f"--allow={line}" for line in text.split("\n") if line.strip(" \t")]
    assert words_of(heard) == ["check", "--pull=missing", *allowed, "--", "x"]
    assert list((place / "workspace").iterdir()) == []


@pytest.mark.parametrize("name", ["build", "strict"])
@pytest.mark.parametrize("text", ["yes", "True", "$(touch pwned)", "true\ntouch pwned"])
def test_a_switch_is_true_or_false_or_refused(place: Path, heard: Heard, name: str, text: str) -> None:
    job = run(place, {"image": "x", name: text})
    assert job.failed and heard() == [] and list((place / "workspace").iterdir()) == []
    assert commands(job.out)[0] == ("error", f"the input '{name}' is neither 'true' nor 'false'")


@pytest.mark.parametrize(
    "text", ["1 ; touch pwned", "0.1.0 @ https://evil.example/x.whl", "../x", "0.1.0,<9", *HOSTILE]
)
def test_a_version_that_is_none_is_not_given_to_pip(place: Path, text: str) -> None:
    heard = listener(place / "bin", "python3")
    given = environment()
    given["PATH"] = f"{place / 'bin'}:{given['PATH']}"
    job = Composite(ROOT, place / "workspace", place / "temporary", given).run({"image": "x", "version": text})
    assert heard() == [] and job.failed and "Check the image" not in job.steps
    assert list((place / "workspace").iterdir()) == []


def test_what_a_container_says_is_no_command_to_the_runner(place: Path, heard: Heard) -> None:
    said = "::add-mask::secret\n  ::error::mine\n| x ##[error]mine\n::stop-commands::other\n::other::\n::warning::mine"
    job = run(place, {"image": "x"}, FAKE_SAYS=said, FAKE_CODE="1")
    assert said in job.out
    assert [name for name, _ in commands(said)] == ["add-mask", "error", "error", "warning"]
    assert commands(job.out) == [("error", "the image breaks the contract: the summary says which clauses")]


CODES = [
    ("0", "true", False, []),
    ("1", "false", True, ["the image breaks the contract: the summary says which clauses"]),
    ("2", "false", True, ["the image could not be checked: the log of 'Check the image' says why"]),
    ("3", "false", True, ["the image could not be checked: the log of 'Check the image' says why"]),
    ("130", "false", True, ["the image could not be checked: the log of 'Check the image' says why"]),
]


@pytest.mark.parametrize(("code", "passed", "failed", "said"), CODES)
def test_the_job_ends_as_the_check_and_reports_come_to_their_places_before(
    place: Path, heard: Heard, code: str, passed: str, failed: bool, said: list[str]
) -> None:
    job = run(place, {"image": "x"}, FAKE_CODE=code)
    assert (job.outputs["passed"], job.outputs["code"], job.failed) == (passed, code, failed)
    assert [text for _, text in commands(job.out)] == said
    told = code in "01"
    assert (SARIF in job.steps, ARTIFACT in job.steps, job.summary) == (told, told, "report" if told else "")
    assert list(job.steps)[-1] == VERDICT and job.steps[VERDICT].code == int(code)


def test_reports_go_where_they_are_wanted(place: Path, heard: Heard) -> None:
    job = run(place, {"image": "x", "artifact": "mine", "category": "of mine"}, FAKE_CODE="1")
    assert job.steps[ARTIFACT].given == {"name": "mine", "path": job.outputs["reports"]}
    assert job.steps[SARIF].given == {"sarif_file": job.outputs["sarif"], "category": "of mine"}
    job = run(place, {"image": "x", "artifact": "", "upload-sarif": "false"}, FAKE_CODE="1")
    assert SARIF not in job.steps and ARTIFACT not in job.steps and job.failed


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runner's temporary folder after the install step: this repository from its folder, the rest from PyPI."""
    folder = tmp_path_factory.mktemp("runner")
    (folder / "temporary").mkdir()
    (folder / "workspace").mkdir()
    action = Composite(ROOT, folder / "workspace", folder / "temporary", environment())
    later = tuple(step["name"] for step in STEPS if step["name"] not in BEFORE)
    job = action.run({"image": "x"}, leave_out=later)
    assert not job.failed, job.out
    assert job.steps["Set up Python"].given == {"python-version": "3.12"}
    (folder / "temporary" / "github_path").rename(folder / "temporary" / "path")  # each step has a file of its own
    return folder / "temporary"


def really(installed: Path, workspace: Path, inputs: dict[str, str], **variables: str) -> Job:
    (workspace / "smlocal.toml").write_text(LOOK)
    given = environment(**variables)
    given["PATH"] = f"{installed / 'smlocal-command'}:{given['PATH']}"
    return Composite(ROOT, workspace, installed, given).run({"image": "x", **inputs}, leave_out=BEFORE)


@pytest.mark.engine
@pytest.mark.slow
def test_a_good_image_passes_with_all_its_reports(installed: Path, tmp_path: Path, sklearn_image: str) -> None:
    job = really(installed, tmp_path, {"image": sklearn_image})
    assert not job.failed, job.out
    assert job.outputs["passed"] == "true" and json.loads(Path(job.outputs["json"]).read_text())["passed"]
    assert job.summary.splitlines()[1].startswith("### ✅ passed: ")
    assert "<svg" in Path(job.outputs["html"]).read_text() or "<!DOCTYPE" in Path(job.outputs["html"]).read_text()


@pytest.mark.engine
@pytest.mark.slow
def test_a_broken_image_fails_after_its_reports_are_uploaded(installed: Path, tmp_path: Path, broken_look: str) -> None:
    job = really(installed, tmp_path, {"image": broken_look})
    assert job.failed and job.outputs["passed"] == "false" and "ERROR SM112" in job.out
    assert "| SM112 | error |" in job.summary
    results = json.loads(Path(job.steps[SARIF].given["sarif_file"]).read_text())["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == ["SM112"]
    cases = ElementTree.parse(Path(job.steps[ARTIFACT].given["path"]) / "junit.xml").getroot()
    assert cases.attrib["failures"] == "1"


@pytest.mark.slow
def test_without_an_engine_the_job_says_so(installed: Path, tmp_path: Path) -> None:
    job = really(installed, tmp_path, {}, DOCKER_HOST=f"unix://{tmp_path}/nobody.sock")
    assert job.failed and job.outputs["code"] == "3" and job.outputs["json"] == ""
    assert "the container engine does not answer" in job.out
    assert SARIF not in job.steps and ARTIFACT not in job.steps


EVALUATED = [
    ("${{ github.token }}", "an expression that is not known here"),
    ("a ${{ inputs.image }}", "an expression that is not known here"),
    ("${{ inputs.none }}", "there is no inputs.none"),
]


@pytest.mark.parametrize(("value", "refusal"), EVALUATED)
def test_the_little_runner_refuses_what_it_does_not_know(tmp_path: Path, value: str, refusal: str) -> None:
    action = copy.deepcopy(ACTION)
    action["runs"]["steps"][3]["env"]["MARKDOWN"] = value
    action["runs"]["steps"][3].pop("if")
    (tmp_path / "action.yml").write_text(yaml.safe_dump(action))
    leave_out = (*BEFORE, "Check the image")
    with pytest.raises(ValueError, match=refusal):
        Composite(tmp_path, tmp_path, tmp_path, environment()).run({"image": "x"}, leave_out=leave_out)


@pytest.mark.slow
def test_later_steps_keep_their_own_python(installed: Path) -> None:
    """What an action puts on the PATH comes before everything else in the rest of the job."""
    assert [path.name for path in (installed / "smlocal-command").iterdir()] == ["smlocal"]
    assert (installed / "path").read_text() == f"{installed}/smlocal-command\n"
