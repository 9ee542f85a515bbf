"""The GitLab template: against GitLab's own schema, its scripts run by a shell as a job runs them."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml

from tests.integrations.conftest import LOOK, ROOT, Heard, environment, listener

SCHEMA = json.loads((ROOT / "fixtures" / "schemas" / "gitlab-ci.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
TEMPLATE: dict[str, Any] = yaml.safe_load((ROOT / "integrations/gitlab/smlocal.gitlab-ci.yml").read_text())
JOBS = {
    "dind": {"extends": ".smlocal-dind", "variables": {"CHECK_IMAGE": "$CI_REGISTRY_IMAGE:$CI_COMMIT_SHORT_SHA"}},
    "socket": {"extends": ".smlocal-socket", "variables": {"CHECK_IMAGE": "shop/model:1", "CHECK_BUILD": "true"}},
}


def merged(name: str) -> dict[str, Any]:
    """A job with what it extends: mappings are merged, all else is replaced. Source: GitLab, `extends`."""
    job: dict[str, Any] = copy.deepcopy(TEMPLATE[name])
    if "extends" not in job:
        return job
    base = merged(job.pop("extends"))
    return {**base, **job, "variables": {**base["variables"], **job.get("variables", {})}}


def as_jobs() -> dict[str, Any]:
    """The template's jobs under names that are no hidden ones, for the schema looks at these only."""
    return {name.removeprefix("."): merged(name) for name in TEMPLATE}


def test_the_template_and_jobs_that_extend_it_keep_to_the_schema() -> None:
    VALIDATOR.validate({**TEMPLATE, **JOBS})
    VALIDATOR.validate(as_jobs())


SPOILED: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("a report that there is not", lambda job: job["artifacts"]["reports"].update(smlocal="x")),
    ("a word for when", lambda job: job["artifacts"].update(when="sometimes")),
    ("a script of numbers", lambda job: job.update(script=1)),
    ("variables as a list", lambda job: job.update(variables=["a"])),
]


@pytest.mark.parametrize(("name", "spoil"), SPOILED, ids=[name for name, _ in SPOILED])
def test_the_schema_refuses(name: str, spoil: Callable[[dict[str, Any]], object]) -> None:
    jobs = as_jobs()
    spoil(jobs["smlocal"])
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(jobs)


def test_an_engine_beside_the_job_is_reached_over_tls_and_the_runners_by_its_socket() -> None:
    dind, socket = merged(".smlocal-dind"), merged(".smlocal-socket")
    assert dind["services"] == [{"name": "docker:28-dind", "alias": "docker"}]
    reached = {name: value for name, value in dind["variables"].items() if name.startswith("DOCKER_")}
    assert reached == {
        "DOCKER_HOST": "tcp://docker:2376", "DOCKER_TLS_CERTDIR": "/certs", "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": "/certs/client",
    }  # fmt: skip
    assert socket["variables"]["DOCKER_HOST"] == "unix:///var/run/docker.sock" and "services" not in socket
    assert dind["script"] == socket["script"]


def test_no_variable_is_taken_for_a_setting() -> None:
    assert [name for name in merged(".smlocal-dind")["variables"] if name.startswith("SMLOCAL_")] == []


def run(folder: Path, variables: Mapping[str, str], *, shell: str = "bash", path: str = "") -> tuple[int, str]:
    """The job's scripts in one shell, its variables in the environment. Source: GitLab, `before_script`."""
    job = merged(".smlocal")
    given = {**environment(), **job["variables"], **variables}
    given["PATH"] = f"{path}:{given['PATH']}" if path else given["PATH"]
    script = "\n".join([*job["before_script"], *job["script"]])
    done = subprocess.run(
        [shell, "-e", "-c", script],
        cwd=folder,
        env=given,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
    )
    return done.returncode, done.stdout


_VENV = """#!/bin/sh
mkdir -p "$3/bin" && cp "{bin}/smlocal" "$3/bin/smlocal" && cp "{bin}/pip" "$3/bin/pip"
printf '#!/bin/sh\\n[ "$1" = -c ] && exec {python} "$@"; exec "{bin}/pip" "$@"\\n' > "$3/bin/python"
chmod +x "$3/bin/python"
"""


@pytest.fixture
def heard(tmp_path: Path) -> tuple[Path, Heard, Heard]:
    """A folder with a `python3` whose environments hold a pip and a smlocal that only listen, and what these heard."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (tmp_path / "project").mkdir()
    smlocal, pip = listener(folder, "smlocal"), listener(folder, "pip")
    python = environment()["PATH"].split(":")[0] + "/python3"
    (folder / "python3").write_text(_VENV.format(bin=folder, python=python))
    (folder / "python3").chmod(0o755)
    return folder, smlocal, pip


HOSTILE = ["$(touch pwned)", "`touch pwned`", '"; touch pwned; "', "END\ntouch pwned", "--strict", "*", "a b", "\\"]


@pytest.mark.parametrize("shell", ["bash", "dash"])
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_variable_is_one_word_and_nothing_else(
    tmp_path: Path, heard: tuple[Path, Heard, Heard], text: str, shell: str
) -> None:
    folder, smlocal, pip = heard
    names = ("CHECK_IMAGE", "CHECK_CONFIG", "CHECK_DOCKERFILE", "CHECK_SELECT", "CHECK_WITH", "CHECK_ALLOW")
    code, out = run(tmp_path / "project", dict.fromkeys(names, text), shell=shell, path=str(folder))
    assert code == 0, out
    words = [word for word in smlocal() if not word.startswith("--output=")]
    allowed = [f"--allow={line}" for line in text.split("\n")]
    assert words == ["check", f"--config={text}", f"--dockerfile={text}", f"--select={text}", *allowed, "--", text]
    assert pip()[-2:] == ["--", text]
    assert [path.name for path in (tmp_path / "project").iterdir()] == ["smlocal-reports"]


def test_switches_and_the_registrys_login(tmp_path: Path, heard: tuple[Path, Heard, Heard]) -> None:
    folder, smlocal, _ = heard
    login = {"CI_REGISTRY": "host:5050", "CI_REGISTRY_USER": "job", "CI_REGISTRY_PASSWORD": 'it\'s "secret" $x'}
    switches = {"CHECK_IMAGE": "x", "CHECK_BUILD": "true", "CHECK_STRICT": "true", "TMPDIR": str(tmp_path)}
    code, out = run(tmp_path / "project", {**login, **switches}, path=str(folder))
    assert code == 0 and "secret" not in out
    assert [word for word in smlocal() if not word.startswith("--output=")] == [
        "check", "--build", "--strict", "--", "x"
    ]  # fmt: skip
    (file,) = tmp_path.glob("tmp.*/config.json")
    assert file.stat().st_mode & 0o777 == 0o600
    # base64 of job:it's "secret" $x
    assert json.loads(file.read_text()) == {"auths": {"host:5050": {"auth": "am9iOml0J3MgInNlY3JldCIgJHg="}}}


def test_an_engine_that_is_still_starting_is_waited_for(tmp_path: Path, heard: tuple[Path, Heard, Heard]) -> None:
    folder, _, _ = heard
    script = (folder / "smlocal").read_text()
    (folder / "smlocal").write_text(
        f'#!/bin/sh\nif [ "$1" = ps ]; then\n  echo . >> {tmp_path}/asked\n  [ "$(wc -l < {tmp_path}/asked)" = 3 ]\n'
        "  exit\nfi\n"
        f'exec {folder}/real "$@"\n'
    )
    (folder / "real").write_text(script)
    (folder / "real").chmod(0o755)
    code, _ = run(tmp_path / "project", {"CHECK_IMAGE": "x"}, path=str(folder))
    assert (code, (tmp_path / "asked").read_text()) == (0, ".\n" * 3)


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize("good", [True, False], ids=["good", "broken"])
def test_a_job_ends_as_its_image_deserves_with_the_reports_that_gitlab_takes(
    tmp_path: Path, sklearn_image: str, broken_look: str, good: bool
) -> None:
    (tmp_path / "smlocal.toml").write_text(LOOK)
    image = sklearn_image if good else broken_look
    code, out = run(tmp_path, {"CHECK_IMAGE": image, "CHECK_WITH": str(ROOT), "TMPDIR": str(tmp_path)})
    assert code == (0 if good else 1), out
    artifacts = merged(".smlocal")["artifacts"]
    assert artifacts["when"] == "always"
    cases = ElementTree.parse(tmp_path / artifacts["reports"]["junit"]).getroot()
    assert cases.attrib["failures"] == ("0" if good else "1")
    issues = json.loads((tmp_path / artifacts["reports"]["codequality"]).read_text())
    assert [issue["check_name"] for issue in issues] == ([] if good else ["smlocal/SM112"])


@pytest.mark.parametrize("name", ["CHECK_STRICT", "CHECK_BUILD"])
@pytest.mark.parametrize("value", ["True", "1", "yes"])
def test_what_is_neither_true_nor_false_is_refused_rather_than_passed_over(
    tmp_path: Path, heard: tuple[Path, Heard, Heard], name: str, value: str
) -> None:
    code, out = run(tmp_path / "project", {"CHECK_IMAGE": "x", name: value}, path=str(heard[0]))
    assert code == 2 and f"{name} is neither 'true' nor 'false'" in out
