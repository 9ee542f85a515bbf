"""The doctor finds what is wrong, says by how much it matters, and names the command that mends it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from smlocal.doctor.engine_checks import disk_row
from smlocal.errors import CannotRun, EngineError, EngineUnavailable
from smlocal.images.build import ImageStatus
from smlocal.settings import Limits, Settings

GIBIBYTE = 1024**3


def facts(**changes: Any) -> Callable[[Any], None]:
    def change(stage: Any) -> None:
        stage.engine.stated = replace(stage.engine.stated, **changes)

    return change


def put(path: str, value: Any) -> Callable[[Any], None]:
    """Set an attribute of the stage, `machine.root` for instance."""

    def change(stage: Any) -> None:
        *parents, name = path.split(".")
        target = stage
        for parent in parents:
            target = getattr(target, parent)
        setattr(target, name, value)

    return change


def both(*changes: Callable[[Any], None]) -> Callable[[Any], None]:
    def change(stage: Any) -> None:
        for one in changes:
            one(stage)

    return change


NO_REGISTRY = put("silent", {"registry": "no route to host", "index": None})
NO_BASE = put("images", [ImageStatus("base", "smlocal/base:latest", present=False)])
OLD_BASE = put("images", [ImageStatus("base", "smlocal/base:latest", present=True, current=False)])
DOCKER_HOST = put("environment", {"DOCKER_HOST": "tcp://build.example:2375"})
NO_ENGINE = put("engine_answers", False)

FINDINGS = [
    (
        "no engine, root on Debian",
        NO_ENGINE,
        "engine",
        "problem",
        "no container engine answers",
        "smlocal doctor --fix",
    ),
    (
        "no engine, a user on Debian",
        both(NO_ENGINE, put("machine.root", False)),
        "engine",
        "problem",
        "as root",
        "sudo apt-get install --yes docker.io",
    ),
    (
        "no engine, elsewhere",
        both(NO_ENGINE, put("machine.like", frozenset({"fedora"}))),
        "engine",
        "problem",
        "Podman",
        "python3 -m webbrowser https://docs.docker.com/engine/install/",
    ),
    (
        "an engine that is named and silent",
        both(NO_ENGINE, DOCKER_HOST),
        "engine",
        "problem",
        "DOCKER_HOST (tcp://build.example:2375) names an engine that does not answer",
        "unset DOCKER_HOST DOCKER_CONTEXT",
    ),
    (
        "it breaks off",
        put("engine.facts_error", EngineUnavailable("gone")),
        "engine",
        "problem",
        "gone",
        "smlocal doctor",
    ),
    (
        "it refuses, under systemd",
        both(put("engine.facts_error", EngineError("denied")), put("machine.systemd", True)),
        "engine",
        "problem",
        "the engine refuses to work: denied",
        "sudo systemctl restart docker",
    ),
    (
        "it refuses, elsewhere",
        put("engine.facts_error", EngineError("denied")),
        "engine",
        "problem",
        "the engine refuses to work: denied; its own log says why: restart it as it was started",
        None,
    ),
    (
        "one that is named refuses",
        both(put("engine.facts_error", EngineError("denied")), DOCKER_HOST),
        "engine",
        "problem",
        "DOCKER_HOST (tcp://build.example:2375) names an engine that refuses to work: denied",
        "unset DOCKER_HOST DOCKER_CONTEXT",
    ),
    (
        "an old engine",
        facts(api_version="1.24"),
        "api",
        "problem",
        "1.24 is too old: smlocal needs Docker 20.10",
        "webbrowser",
    ),
    ("another architecture", facts(architecture="arm64"), "architecture", "warning", "under emulation", "binfmt"),
    ("a copying driver", facts(storage_driver="vfs"), "storage-driver", "warning", "copied whole", "overlay2"),
    (
        "no isolation",
        put("engine.network_error", EngineError("unsupported option")),
        "isolation",
        "warning",
        "unsupported option",
        "https://docs.docker.com/engine/install/",
    ),
    ("little memory", facts(memory_bytes=GIBIBYTE), "resources", "warning", "no command adds memory", None),
    (
        "Podman",
        facts(name="podman", address="unix:///run/podman/podman.sock"),
        "podman",
        "warning",
        "out-of-memory",
        "export DOCKER_HOST=unix:///var/run/docker.sock",
    ),
    ("the engine's warning", facts(warnings=("No swap limit support",)), "engine-says", "warning", "No swap", None),
    ("a missing image", NO_BASE, "image-base", "warning", "is not built", "smlocal images build base"),
    ("an old image", OLD_BASE, "image-base", "warning", "other files", "smlocal images build base"),
    ("no registry", NO_REGISTRY, "image-registry", "warning", "no route to host", "HTTPS_PROXY"),
    (
        "no index",
        put("silent", {"registry": None, "index": "refused"}),
        "package-index",
        "warning",
        "https://pypi.org/simple/ does not answer (refused)",
        "pip config set global.index-url",
    ),
    (
        "nothing to make the base from, root on Debian",
        both(NO_REGISTRY, NO_BASE),
        "base-source",
        "problem",
        "neither a registry nor mmdebstrap",
        "smlocal doctor --fix",
    ),
    (
        "nothing to make the base from, elsewhere",
        both(NO_REGISTRY, NO_BASE, put("machine.root", False)),
        "base-source",
        "problem",
        "neither a registry nor mmdebstrap",
        "sudo apt-get install --yes mmdebstrap",
    ),
    (
        "nothing to make the base from, not on Debian",
        both(NO_REGISTRY, NO_BASE, put("machine.like", frozenset({"fedora"}))),
        "base-source",
        "problem",
        "neither a registry nor mmdebstrap",
        "export HTTPS_PROXY=",
    ),
]
PROGRAMS = {"apt-get", "docker", "dockerd", "export", "pip", "podman", "python3", "smlocal", "sudo", "unset"}


@pytest.mark.parametrize(
    ("change", "name", "level", "text", "fix"), [row[1:] for row in FINDINGS], ids=[row[0] for row in FINDINGS]
)
def test_each_fault_is_found_with_its_level_and_its_fix(
    stage: Any, change: Callable[[Any], None], name: str, level: str, text: str, fix: str | None
) -> None:
    change(stage)
    report = stage.doctor().examine()
    row = report.row(name)
    assert row.level == level
    assert text in row.text
    assert (row.fix is None) if fix is None else (row.fix is not None and fix in row.fix)
    assert report.exit_code == (3 if level == "problem" else 0)
    for other in report.rows:
        if other.level != "ok" and (other != row or fix is not None):
            assert other.fix is not None, other
            assert other.fix.split()[0] in PROGRAMS and not other.fix.endswith(")"), "it can be pasted as it is"


FINE = [
    ("engine", "docker 20.10.24 at unix:///var/run/docker.sock"),
    ("api", "1.41"),
    ("architecture", "amd64"),
    ("storage-driver", "overlay2"),
    ("isolation", "possible"),
    ("resources", "4 CPUs, 16.0 GiB"),
    ("gpu", "ml.p and ml.g instance types are refused"),
    ("engine-disk", "free at /"),
    ("image-base", "smlocal/base:latest"),
    ("image-registry", "answers"),
    ("package-index", "answers"),
    ("base-source", "not needed"),
    ("state-disk", "free at"),
]


def test_a_machine_in_order_has_every_row_and_no_complaint(stage: Any) -> None:
    report = stage.doctor().examine()
    assert report.exit_code == 0
    for name, text in FINE:
        assert text in report.row(name).text
    assert {row.level for row in report.rows if row.name not in ("engine-disk", "state-disk")} == {"ok"}
    assert report.as_text().splitlines()[-1].startswith("smlocal 1.2.3: no problems")


SOURCES = [
    ("a registry", NO_BASE, set(), "the public slim Python image"),
    ("no registry but mmdebstrap", both(NO_BASE, NO_REGISTRY), {"mmdebstrap"}, "Debian packages"),
]


@pytest.mark.parametrize(("change", "programs", "text"), [row[1:] for row in SOURCES], ids=[row[0] for row in SOURCES])
def test_the_source_of_the_base_is_said(
    stage: Any, change: Callable[[Any], None], programs: set[str], text: str
) -> None:
    change(stage)
    stage.machine.programs |= programs
    row = stage.doctor().examine().row("base-source")
    assert (row.level, text in row.text) == ("ok", True)


def test_isolation_is_tried_with_our_label_and_nothing_is_left(stage: Any) -> None:
    stage.doctor().examine()
    assert stage.engine.isolated == [True]
    assert stage.engine.networks == {}
    assert stage.engine.closed == 1


def test_limits_that_are_not_sagemakers_are_told(stage: Any) -> None:
    stage.settings = Settings(state=stage.folder, limits=Limits(ping_timeout=9))
    row = stage.doctor().examine().row("limits")
    assert (row.level, "ping_timeout=9" in row.text) == ("warning", True)


@pytest.mark.parametrize(
    ("variables", "file", "fix"),
    [
        (
            {"SMLOCAL_LIMITS_PING_TIMEOUT": "9", "SMLOCAL_REGION": "us-east-1"},
            None,
            "unset SMLOCAL_LIMITS_PING_TIMEOUT",
        ),
        ({}, "smlocal.toml", "${EDITOR:-vi} smlocal.toml"),
        ({}, "pyproject.toml", "${EDITOR:-vi} pyproject.toml"),
    ],
)
def test_the_place_where_a_limit_was_set_is_named(
    stage: Any, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], file: str | None, fix: str
) -> None:
    monkeypatch.chdir(stage.folder)
    if file:
        (stage.folder / file).write_text("")
    stage.settings = Settings(state=stage.folder, limits=Limits(ping_timeout=9))
    stage.environment |= variables
    assert stage.doctor().examine().row("limits").fix == fix


def test_a_docker_context_that_names_a_silent_engine_is_left(stage: Any) -> None:
    NO_ENGINE(stage)
    folder = stage.folder / ".docker"
    folder.mkdir()
    (folder / "config.json").write_text('{"currentContext": "builder"}')
    stage.environment["HOME"] = str(stage.folder)
    row = stage.doctor().examine().row("engine")
    assert "the Docker context 'builder'" in row.text
    assert row.fix == "docker context use default"


def test_a_disk_of_another_machine_is_not_guessed(stage: Any) -> None:
    facts(shares_this_machine=False)(stage)
    assert stage.doctor().examine().row("engine-disk").text == "not visible from here"


@pytest.mark.parametrize(("limits", "level"), [((0, 0), "ok"), ((2**80, 0), "warning"), ((2**80, 2**79), "problem")])
def test_free_space_is_judged(tmp_path: Path, limits: tuple[int, int], level: str) -> None:
    row = disk_row("disk", tmp_path / "not" / "yet", "make room", low=limits[0], none=limits[1])
    assert (row.level, row.fix) == (level, None if level == "ok" else "make room")
    assert str(tmp_path) in row.text


def test_the_report_is_versioned_json(stage: Any) -> None:
    NO_ENGINE(stage)
    document = json.loads(json.dumps(stage.doctor().examine().as_json()))
    assert (document["version"], document["smlocal"], document["ready"]) == (1, "1.2.3", False)
    assert document["checks"][0]["name"] == "engine"
    assert set(document["checks"][0]) == {"name", "level", "text", "fix"}


def test_the_text_has_each_fix_below_its_row(stage: Any) -> None:
    NO_BASE(stage)
    lines = stage.doctor().examine().as_text().splitlines()
    at = next(number for number, line in enumerate(lines) if "image-base" in line)
    assert lines[at].startswith("warning")
    told = next(number for number, line in enumerate(lines) if number > at and "fix: " in line)
    assert lines[told].strip() == "fix: smlocal images build base"
    assert all(line.startswith(" " * 20) for line in lines[at + 1 : told + 1])
    assert told > at + 1 and all(len(line) <= 80 for line in lines[at:told])
    assert lines[-1] == "smlocal 1.2.3: no problems, 1 warning"


def test_a_row_that_there_is_not_has_no_answer(stage: Any) -> None:
    with pytest.raises(KeyError):
        stage.doctor().examine().row("weather")


def test_repair_installs_and_starts_an_engine_then_what_the_base_needs(stage: Any) -> None:
    both(NO_ENGINE, NO_BASE, NO_REGISTRY)(stage)
    stage.machine.on_start = lambda: setattr(stage, "engine_answers", True)
    lines: list[str] = []
    report = stage.doctor().repair(lines.append)
    assert [argv[-2:] for argv in stage.machine.ran] == [
        ("iptables", "ca-certificates"),
        ("dockerd",),
        ("mmdebstrap", "debian-archive-keyring"),
    ]
    assert report.exit_code == 0
    assert lines[0].startswith("installing docker.io")


def test_repair_of_a_machine_in_order_changes_nothing(stage: Any) -> None:
    stage.doctor().repair(lambda line: None)
    assert stage.machine.ran == []


def test_repair_says_what_must_be_done_by_hand(stage: Any) -> None:
    both(NO_BASE, NO_REGISTRY, put("machine.root", False))(stage)
    with pytest.raises(CannotRun, match="only be installed by root"):
        stage.doctor().repair(lambda line: None)
    put("engine.facts_error", EngineUnavailable("gone"))(stage)
    with pytest.raises(EngineUnavailable, match="No container engine answers"):
        stage.doctor().repair(lambda line: None)


def test_a_full_state_disk_is_mended_by_forgetting_records_and_its_objects_are_the_users(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=0))
    stage.settings = Settings(state=stage.folder / "my state")
    row = stage.doctor().examine().row("state-disk")
    assert row.level == "problem"
    assert row.fix == f"smlocal prune --records --state '{stage.folder}/my state'"
    assert f"what lies in {stage.folder}/my state/s3 is yours to delete" in row.text
