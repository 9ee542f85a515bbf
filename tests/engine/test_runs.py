"""Running containers: output, exit codes, failures to start, signals, limits, pipes; on every engine."""

from __future__ import annotations

import json
import threading
import time

import pytest

from smlocal.engine.interface import ContainerSpec, LogStream, VolumeMount
from smlocal.errors import ContainerNotStarted, EngineError, ImageNotFound, NotFoundInEngine
from tests.engine.adapters import ALL, IMAGE, REAL
from tests.engine.programs import (
    DEAF,
    ECHOES,
    EXHAUSTS_MEMORY,
    FLOODS,
    GREETS,
    LIMITS,
    LINES,
    REVERSES,
    SEES,
    SPEAKS,
    WAITS,
    WRITES_BESIDE,
    exits,
    flood_line,
)
from tests.engine.stage import Stage

on_every_engine = pytest.mark.parametrize("adapter", ALL, indirect=True)
on_real_engines = pytest.mark.parametrize("adapter", REAL, indirect=True)
MEBIBYTE = 1024 * 1024


def until(stream: LogStream, words: bytes) -> bytes:
    """What a container says until it has said `words`."""
    said = b""
    for chunk in stream:
        said += chunk.data
        if words in said:
            return said
    raise AssertionError(f"it ended without {words!r}: {said!r}")


@on_every_engine
def test_ten_megabytes_of_output_arrive_whole_and_in_order(stage: Stage) -> None:
    ran = stage.run(FLOODS)

    assert ran.state.exit_code == 0
    assert ran.output("stdout") == b"".join(flood_line(number) for number in range(0, LINES, 2))
    assert ran.output("stderr") == b"".join(flood_line(number) for number in range(1, LINES, 2))


@on_every_engine
def test_output_is_told_while_the_program_runs(stage: Stage) -> None:
    container = stage.create(WAITS)
    stream = stage.attach(container)
    stage.engine.start(container)

    until(stream, b"ready\n")
    assert stage.engine.state(container).running


@on_every_engine
def test_streams_are_told_apart_and_bytes_left_as_they_are(stage: Stage) -> None:
    ran = stage.run(SPEAKS)
    assert (ran.output("stdout"), ran.output("stderr")) == (b"out\n", b"err \xff without newline")


@on_every_engine
def test_the_log_is_kept_after_the_exit(stage: Stage) -> None:
    container = stage.run(FLOODS).container
    last = stage.engine.logs(container, tail=2)
    assert len(last.splitlines()) == 2
    kept = stage.engine.logs(stage.run(SPEAKS).container)
    # Docker's json-file keeps text: a byte that is none becomes U+FFFD there, never in what `attach` gives
    assert sorted(kept.decode("utf-8", "replace")) == sorted("out\nerr \ufffd without newline")


@on_every_engine
@pytest.mark.parametrize("code", [0, 1, 3, 137, 255])
def test_exit_codes_are_the_programs_own(stage: Stage, code: int) -> None:
    state = stage.run(exits(code)).state
    assert (state.status, state.running, state.exit_code, state.out_of_memory) == ("exited", False, code, False)


@on_every_engine
@pytest.mark.parametrize(
    ("program", "words"),
    [("nothere", "executable file not found in $PATH"), ("/etc/passwd", "permission denied")],
)
def test_a_program_that_cannot_be_started_is_told_in_the_engines_words(stage: Stage, program: str, words: str) -> None:
    container = stage.engine.create_container(
        ContainerSpec(IMAGE, stage.name("container"), stage.labels, command=(program,))
    )

    with pytest.raises(ContainerNotStarted) as raised:
        stage.engine.start(container)

    assert f'exec: "{program}": {words}' in str(raised.value)
    state = stage.engine.state(container)
    assert (state.running, state.exit_code) == (False, None)
    assert (words in state.error) == stage.adapter.differences.keeps_words_of_start_failure


@on_every_engine
def test_where_a_start_failure_comes_first_when_we_attach_before(stage: Stage) -> None:
    """A difference: Podman prepares the program when someone attaches, and fails there."""
    container = stage.engine.create_container(
        ContainerSpec(IMAGE, stage.name("container"), stage.labels, command=("nothere",))
    )
    if stage.adapter.differences.start_failure_comes_at == "attach":
        with pytest.raises(ContainerNotStarted, match="executable file not found"):
            stage.attach(container)
        return
    stage.attach(container)
    with pytest.raises(ContainerNotStarted, match="executable file not found"):
        stage.engine.start(container)


@on_every_engine
def test_what_is_written_outside_of_volumes_is_counted(stage: Stage) -> None:
    volume = VolumeMount(stage.volume(), "/opt/ml/model")
    container = stage.run(WRITES_BESIDE, mounts=(volume,)).container
    written = stage.engine.written_bytes(container)
    assert written is not None and 3_000_000 <= written < 4_000_000
    with pytest.raises(NotFoundInEngine):
        stage.engine.written_bytes("nobody")


@on_every_engine
def test_memory_is_known_while_a_program_runs(stage: Stage) -> None:
    container = stage.create(WAITS)
    stream = stage.attach(container)
    stage.engine.start(container)
    until(stream, b"ready\n")
    held = stage.engine.memory_bytes(container)
    assert held is not None and 500_000 < held < 100_000_000
    with pytest.raises(NotFoundInEngine):
        stage.engine.memory_bytes("nobody")


@on_every_engine
def test_the_states_of_a_run(stage: Stage) -> None:
    container = stage.create(WAITS)
    created = stage.engine.state(container)
    stage.engine.start(container)
    running = stage.engine.state(container)
    stage.engine.kill(container, "SIGKILL")
    ended = stage.ended(container)

    assert [state.status for state in (created, running, ended)] == ["created", "running", "exited"]
    assert [state.running for state in (created, running, ended)] == [False, True, False]
    assert [state.exit_code for state in (created, running, ended)] == [None, None, 137]
    assert created.started_at.startswith("0001-01-01")
    assert running.started_at.startswith("20")
    assert ended.finished_at.startswith("20")
    assert {state.labels["smlocal-suite"] for state in (created, running, ended)} == {stage.labels["smlocal-suite"]}
    assert created.name.startswith("smlocal-suite-")


@on_every_engine
@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_reaches_the_program(stage: Stage, signal: str) -> None:
    container = stage.create(WAITS)
    stream = stage.attach(container)
    stage.engine.start(container)
    until(stream, b"ready\n")

    stage.engine.kill(container, signal)

    assert b"".join(chunk.data for chunk in stream) == f"{signal}\n".encode()
    assert stage.ended(container).exit_code == 7


@on_every_engine
def test_a_program_that_ignores_sigterm_is_killed_by_sigkill(stage: Stage) -> None:
    container = stage.create(DEAF)
    stream = stage.attach(container)
    stage.engine.start(container)
    until(stream, b"ready\n")

    stage.engine.kill(container, "SIGTERM")
    assert stage.engine.wait(container, 0.3) is None
    stage.engine.kill(container, "SIGKILL")

    state = stage.ended(container)
    assert (state.exit_code, state.out_of_memory) == (137, False)


@on_every_engine
def test_a_signal_to_what_does_not_run_is_no_error(stage: Stage) -> None:
    for container in (stage.create(exits(0)), stage.run(exits(0)).container, "smlocal-suite-nobody"):
        stage.engine.kill(container, "SIGTERM")


@on_every_engine
def test_waiting_ends_with_its_time(stage: Stage) -> None:
    container = stage.started(DEAF)
    began = time.monotonic()
    assert stage.engine.wait(container, 0.5) is None
    assert 0.4 < time.monotonic() - began < 5


@on_every_engine
def test_waiting_for_what_has_ended_or_never_was(stage: Stage) -> None:
    state = stage.engine.wait(stage.run(exits(4)).container)
    assert state is not None
    assert state.exit_code == 4
    with pytest.raises(NotFoundInEngine):
        stage.engine.wait("smlocal-suite-nobody", 1)


@on_every_engine
def test_a_container_that_exhausts_its_memory(stage: Stage) -> None:
    """A difference: Podman 4.3 does not say that memory was the reason."""
    state = stage.run(EXHAUSTS_MEMORY, memory_bytes=64 * MEBIBYTE).state
    assert state.exit_code == 137
    assert state.out_of_memory == stage.adapter.differences.flags_out_of_memory


@on_real_engines
def test_limits_are_the_kernels(stage: Stage) -> None:
    ran = stage.run(LIMITS, cpus=0.5, memory_bytes=200 * MEBIBYTE)
    assert json.loads(ran.output()) == {"memory": 200 * MEBIBYTE, "cpus": 0.5}


@on_real_engines
def test_a_program_has_no_terminal_and_no_input(stage: Stage) -> None:
    seen = json.loads(stage.run(SEES, shared_memory_bytes=100 * MEBIBYTE).output())
    assert (seen["tty"], seen["stdin"], seen["shm"]) == ([False] * 3, "", 100 * MEBIBYTE)


@on_every_engine
def test_a_program_sees_its_arguments_environment_and_host_name(stage: Stage) -> None:
    command = (*SEES.command, "train", "a b")
    ran = stage.run(SEES, command=command, environment={"SM_X": "1=2", "EMPTY": ""}, hostname="algo-1")

    seen = json.loads(ran.output())
    assert (seen["arguments"], seen["hostname"]) == (["train", "a b"], "algo-1")
    assert {name: seen["environment"].get(name) for name in ("SM_X", "EMPTY")} == {"SM_X": "1=2", "EMPTY": ""}
    assert "PATH" in seen["environment"], "the image's own environment stays"


@on_every_engine
def test_an_entrypoint_of_ours_takes_the_place_of_the_images(stage: Stage) -> None:
    ran = stage.run(SEES, entrypoint=SEES.command, command=("serve",))
    assert json.loads(ran.output())["arguments"] == ["serve"]


@on_every_engine
def test_a_pipe_carries_bytes_both_ways_and_the_end_of_input(stage: Stage) -> None:
    container = stage.started(DEAF)
    pipe = stage.engine.open_pipe(container, REVERSES.command)
    pipe.send(b"\x00abc")
    pipe.send(b"def\n")
    pipe.close_sending()

    assert b"".join(iter(pipe.receive, b"")) == b"\nfedcba\x00"
    pipe.close()


@on_every_engine
def test_a_pipe_loses_nothing_that_comes_before_we_listen(stage: Stage) -> None:
    """The command may speak before its engine's answer has been read."""
    container = stage.started(DEAF)
    for _ in range(10):
        pipe = stage.engine.open_pipe(container, GREETS.command)
        assert b"".join(iter(pipe.receive, b"")) == b"hello"
        pipe.close()


@on_every_engine
def test_a_pipe_carries_more_than_any_buffer_while_it_is_read(stage: Stage) -> None:
    container = stage.started(DEAF)
    pipe = stage.engine.open_pipe(container, ECHOES.command)
    data = bytes(range(256)) * (8 * MEBIBYTE // 256)

    def send() -> None:
        pipe.send(data)
        pipe.close_sending()

    sender = threading.Thread(target=send)
    sender.start()
    received = b"".join(iter(pipe.receive, b""))
    sender.join()
    pipe.close()

    assert received == data


@on_every_engine
def test_a_pipe_into_what_does_not_run_is_refused(stage: Stage) -> None:
    with pytest.raises(EngineError):
        stage.engine.open_pipe(stage.create(exits(0)), GREETS.command)


@on_every_engine
def test_removing_a_running_container_and_removing_it_twice(stage: Stage) -> None:
    container = stage.started(DEAF)
    stage.engine.remove_container(container)
    stage.engine.remove_container(container)
    with pytest.raises(NotFoundInEngine):
        stage.engine.state(container)
    with pytest.raises(NotFoundInEngine):
        stage.engine.start(container)


@on_every_engine
def test_a_container_of_no_image_is_refused(stage: Stage) -> None:
    with pytest.raises(ImageNotFound, match="smlocal-suite-none"):
        stage.engine.create_container(ContainerSpec("smlocal-suite-none:1", stage.name("container"), stage.labels))


@on_every_engine
def test_a_name_that_is_taken_is_refused(stage: Stage) -> None:
    taken = stage.engine.state(stage.create(exits(0))).name
    with pytest.raises(EngineError, match="already in use"):
        stage.create(exits(0), name=taken)


@on_every_engine
def test_what_is_ours_is_found_by_all_of_its_labels(stage: Stage) -> None:
    value = stage.labels["smlocal-suite"]
    first = stage.create(exits(0), labels={**stage.labels, "kind": "a"})
    second = stage.started(DEAF, labels={**stage.labels, "kind": "b"})
    volume, network = stage.volume(), stage.network(isolated=False)

    def found(**labels: str) -> set[tuple[str, str, bool]]:
        return {
            (item.kind, item.id if item.kind == "container" else item.name, item.running)
            for item in stage.engine.owned({"smlocal-suite": value, **labels})
        }

    containers = {("container", first, False), ("container", second, True)}
    assert found() == {*containers, ("volume", volume, False), ("network", network, False)}
    assert found(kind="") == containers
    assert found(kind="b") == {("container", second, True)}
    assert found(kind="c") == set()
    assert all(item.labels["smlocal-suite"] == value for item in stage.engine.owned(stage.labels))
