"""A bare machine is given an engine; an engine of the user's is never replaced."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smlocal.errors import CannotRun, EngineUnavailable
from smlocal.provision import ThisMachine, can_install, install, named_engine, provide_bootstrap, provide_engine
from tests.staged_machine import StagedMachine as Machine

BARE = {"HOME": "/nonexistent"}


def answering_after(refusals: int) -> Callable[[], str | None]:
    def answers() -> Iterator[str | None]:
        for _ in range(refusals):
            yield "connection refused"
        while True:
            yield None

    return answers().__next__


def never() -> str | None:
    return "connection refused"


def test_an_engine_that_answers_is_left_alone() -> None:
    machine = Machine()
    provide_engine(answering_after(0), machine, BARE, pytest.fail)
    assert machine.ran == []


def test_a_bare_debian_gets_its_engine_installed_and_started() -> None:
    machine, lines = Machine(), list[str]()
    provide_engine(answering_after(5), machine, BARE, lines.append)
    assert machine.ran == [
        ("apt-get", "install", "--yes", "--no-install-recommends", "docker.io", "iptables", "ca-certificates"),
        ("dockerd",),
    ]
    assert lines == [
        "installing docker.io iptables ca-certificates (Debian packages)",
        "starting dockerd",
        "dockerd answers after 1 s",
    ]


def test_an_engine_that_is_installed_is_only_started_by_systemd_where_that_rules() -> None:
    machine = Machine(systemd=True, programs={"apt-get", "dockerd"})
    provide_engine(answering_after(2), machine, BARE, lambda line: None)
    assert machine.ran == [("systemctl", "start", "docker")]


def test_control_groups_are_mounted_where_nothing_has_done_so() -> None:
    machine = Machine(programs={"apt-get", "dockerd"}, cgroups=False)
    provide_engine(answering_after(1), machine, BARE, lambda line: None)
    assert [argv[-1] for argv in machine.ran] == ["cgroupfs-mount", "cgroupfs-mount", "dockerd"]


FAILURES = [
    ("it dies", Machine(dies=True), r"(?s)does not answer \(connection refused\).*failed to start daemon"),
    ("it never answers", Machine(), r"(?s)does not answer.*failed to start daemon"),
    ("systemd cannot start it", Machine(systemd=True, programs={"dockerd", "apt-get"}, exit_codes=[1]), "journalctl"),
    ("a user on Debian", Machine(root=False), "run this command again as root"),
    ("root elsewhere", Machine(like=frozenset({"fedora"})), "install Docker Engine or Docker Desktop"),
]


@pytest.mark.parametrize(("machine", "sentence"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
def test_where_no_engine_can_be_had_the_text_says_what_to_do(machine: Machine, sentence: str) -> None:
    with pytest.raises(EngineUnavailable, match=sentence):
        provide_engine(never, machine, BARE, lambda line: None)
    assert machine.time < 61


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"DOCKER_HOST": "tcp://far.example:2375"}, r"DOCKER_HOST \(tcp://far.example:2375\)"),
        ({"DOCKER_CONTEXT": "far"}, "the Docker context 'far'"),
    ],
)
def test_an_engine_that_is_named_and_silent_is_the_users_business(environment: dict[str, str], name: str) -> None:
    machine = Machine()
    with pytest.raises(EngineUnavailable, match=f"{name} names a container engine that does not answer"):
        provide_engine(never, machine, environment, lambda line: None)
    assert machine.ran == []


CONTEXTS = [
    (json.dumps({"currentContext": "colima"}), "the Docker context 'colima'"),
    (json.dumps({"currentContext": "default"}), None),
    (json.dumps({"auths": {}}), None),
    (json.dumps([1]), None),
    (json.dumps({"currentContext": 3}), None),
    ("{", None),
]


@pytest.mark.parametrize(("text", "name"), CONTEXTS)
def test_the_current_context_names_an_engine_unless_it_is_the_default(
    tmp_path: Path, text: str, name: str | None
) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    assert named_engine({"DOCKER_CONFIG": str(tmp_path)}) == name
    assert named_engine({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "default"}) is None
    assert named_engine(BARE) is None


def test_package_lists_are_fetched_when_those_at_hand_do_not_do() -> None:
    machine = Machine(exit_codes=[100, 0, 0])
    install(machine, ["x"], lambda line: None)
    assert [argv[1] for argv in machine.ran] == ["install", "update", "install"]


def test_a_package_that_cannot_be_installed_is_told_with_apts_own_words() -> None:
    with pytest.raises(CannotRun, match=r"(?s)apt-get install .* x failed:\nE: no such package"):
        install(Machine(exit_codes=[100, 0, 100]), ["x"], lambda line: None)


def test_mmdebstrap_is_installed_where_that_is_possible_and_missing() -> None:
    machine = Machine()
    provide_bootstrap(machine, lambda line: None)
    assert machine.ran[0][-2:] == ("mmdebstrap", "debian-archive-keyring")
    machine = Machine(programs={"mmdebstrap"}, root=False)
    provide_bootstrap(machine, pytest.fail)
    with pytest.raises(CannotRun, match="only be installed by root"):
        provide_bootstrap(Machine(root=False), lambda line: None)


@pytest.mark.parametrize(
    ("machine", "possible"),
    [
        (Machine(), True),
        (Machine(root=False), False),
        (Machine(programs=set()), False),
        (Machine(like=frozenset()), False),
    ],
)
def test_packages_are_installed_only_by_root_with_apt_on_debians_kin(machine: Machine, possible: bool) -> None:
    assert can_install(machine) is possible


def test_this_machine_runs_programs_with_the_system_folders_on_path(tmp_path: Path) -> None:
    machine = ThisMachine()
    assert machine.has("sh")
    assert not machine.has("no-such-program-anywhere")
    code, output = machine.run(["sh", "-c", "echo $PATH; echo oops >&2; exit 7"])
    assert code == 7
    assert "/usr/sbin" in output and output.endswith("oops\n")
    assert machine.distributions() == machine.distributions()
    assert isinstance(machine.is_root(), bool) and isinstance(machine.has_systemd(), bool)
    assert isinstance(machine.has_cgroups(), bool)
    before = machine.now()
    machine.wait(0.01)
    assert machine.now() > before


def test_this_machine_starts_programs_that_write_a_log_and_may_end(tmp_path: Path) -> None:
    machine, log = ThisMachine(), tmp_path / "log"
    alive = machine.start(["sh", "-c", "seq 1 20"], log)
    while alive():
        machine.wait(0.01)
    assert machine.last_lines(log).split() == [str(number) for number in range(11, 21)]
