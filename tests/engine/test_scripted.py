"""What only the scripted engine does: programs of Python, scripts told in values, failures on demand."""

from __future__ import annotations

import http.client
import io
import json
import tarfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from smlocal.engine.interface import ContainerSpec, ContainerState, LogChunk, VolumeMount
from smlocal.engine.scripted import (
    FACTS,
    Answer,
    Program,
    Request,
    Run,
    Script,
    ScriptedEngine,
    ScriptedImage,
    connector,
    forwarder,
)
from smlocal.errors import DiskFull, EngineError, EngineUnavailable, ImageNotFound
from smlocal.tree import tar_stream, text_file

PATIENCE = 10.0


def started(engine: ScriptedEngine, program: Program | ScriptedImage, **more: object) -> str:
    engine.add_image("image", program)
    spec = replace(ContainerSpec("image", f"container-{len(engine.specs)}", {}), **more)
    container = engine.create_container(spec)
    engine.start(container)
    return container


def ended(engine: ScriptedEngine, container: str) -> ContainerState:
    state = engine.wait(container, PATIENCE)
    assert state is not None
    return state


def test_a_script_writes_its_files_says_its_output_and_exits() -> None:
    engine = ScriptedEngine()
    script = Script(
        output=["one\n", b"two\n", LogChunk("stderr", b"three\n")],
        files={"/opt/ml/model/weights": b"1", "/opt/ml/output/failure": "why"},
        exit_code=4,
    )
    container = started(engine, script)

    assert ended(engine, container).exit_code == 4
    assert engine.logs(container) == b"one\ntwo\nthree\n"
    with tarfile.open(fileobj=io.BytesIO(b"".join(engine.get_archive(container, "/opt/ml/output/failure")))) as tar:
        assert tar.getnames() == ["failure"]


def test_a_script_runs_until_a_signal_that_it_does_not_ignore() -> None:
    engine = ScriptedEngine()
    container = started(engine, Script(runs_until_signal=True, ignores=frozenset({"SIGHUP"}), exit_code=3))
    engine.kill(container, "SIGHUP")
    assert engine.wait(container, 0.1) is None
    engine.kill(container, "SIGTERM")
    assert ended(engine, container).exit_code == 3


def test_a_script_that_runs_out_of_memory() -> None:
    engine = ScriptedEngine()
    state = ended(engine, started(engine, Script(out_of_memory=True)))
    assert (state.exit_code, state.out_of_memory) == (137, True)


@pytest.mark.parametrize(
    ("program", "code", "words"),
    [
        (lambda run: None, 0, b""),
        (lambda run: 7, 7, b""),
        (lambda run: exit(9), 9, b""),
        (lambda run: exit("no"), 1, b""),
        (lambda run: {}["missing"], 1, b"KeyError: 'missing'"),
    ],
)
def test_how_a_program_ends_is_how_its_container_exits(program: Program, code: int, words: bytes) -> None:
    engine = ScriptedEngine()
    container = started(engine, program)
    assert ended(engine, container).exit_code == code
    assert words in engine.logs(container)


def test_a_killed_program_ends_at_its_next_step() -> None:
    steps = threading.Semaphore(0)
    over = threading.Event()

    def program(run: Run) -> None:
        try:
            while True:
                run.write("step\n")
                steps.acquire(timeout=PATIENCE)
        finally:
            over.set()

    engine = ScriptedEngine()
    container = started(engine, program)
    engine.kill(container, "SIGKILL")
    assert ended(engine, container).exit_code == 137
    steps.release()
    assert over.wait(PATIENCE)


def test_a_program_sees_what_the_container_was_given() -> None:
    def program(run: Run) -> None:
        run.write(json.dumps([run.arguments, dict(run.environment), run.files.files("/opt"), run.files.mode("/opt/a")]))

    engine = ScriptedEngine()
    image = ScriptedImage(
        program, entrypoint=("python3",), command=("train",), environment={"A": "1", "B": "1"}, files={"/opt/a": b"x"}
    )
    container = started(engine, image, environment={"B": "2"})
    ended(engine, container)
    assert json.loads(engine.logs(container)) == [["python3", "train"], {"A": "1", "B": "2"}, ["/opt/a"], 0o644]


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        ({}, ["/run", "default"]),
        ({"command": ("train",)}, ["/run", "train"]),
        ({"entrypoint": ("sh", "-c")}, ["sh", "-c"]),
        ({"entrypoint": ("sh",), "command": ("x",)}, ["sh", "x"]),
    ],
)
def test_arguments_are_those_that_docker_would_give(given: dict[str, object], arguments: list[str]) -> None:
    engine = ScriptedEngine()
    image = ScriptedImage(lambda run: run.write(json.dumps(run.arguments)), entrypoint=("/run",), command=("default",))
    container = started(engine, image, **given)
    ended(engine, container)
    assert json.loads(engine.logs(container)) == arguments


def test_the_file_system_raises_what_a_real_one_would() -> None:
    def program(run: Run) -> None:
        run.files.write("/data/a", "1")
        run.files.link("/data/b", "a")
        assert run.files.read("/data/b") == b"1"
        with pytest.raises(FileNotFoundError):
            run.files.read("/data/none")
        with pytest.raises(IsADirectoryError):
            run.files.read("/data")
        with pytest.raises(OSError, match="Read-only file system"):
            run.files.write("/sealed/a", "1")
        run.files.remove("/data")
        assert not run.files.exists("/data/a")
        assert run.files.exists("/sealed")

    engine = ScriptedEngine()
    container = started(engine, program, mounts=(VolumeMount("sealed", "/sealed", read_only=True),))
    assert (ended(engine, container).exit_code, engine.logs(container)) == (0, b"")


def exchange(address: tuple[str, int], method: str, path: str, **more: object) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE)
    try:
        connection.request(method, path, **more)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def test_a_handler_sees_the_request_and_answers_with_these_headers_alone() -> None:
    seen: list[Request] = []

    def handler(request: Request) -> Answer:
        seen.append(request)
        return Answer(201, b"made", {"X-One": "1"})

    engine = ScriptedEngine()
    container = started(engine, Script(handler=handler), published_port=8080)
    address = engine.state(container).published[8080]

    found = exchange(address, "POST", "/invocations?a=b", body=b"body", headers={"Content-Type": "text/csv"})
    assert found == (201, {"X-One": "1", "Content-Length": "4"}, b"made")
    assert (seen[0].method, seen[0].path, seen[0].body) == ("POST", "/invocations?a=b", b"body")
    assert (seen[0].header("content-type"), seen[0].header("none", "?")) == ("text/csv", "?")

    found = exchange(address, "PUT", "/", body=iter([b"in ", b"chunks"]), encode_chunked=True)
    assert found[0] == 201
    assert seen[1].body == b"in chunks"
    assert exchange(address, "HEAD", "/")[2] == b""
    engine.kill(container, "SIGTERM")
    ended(engine, container)
    with pytest.raises(ConnectionError):
        exchange(address, "GET", "/")


def test_a_port_where_nothing_listens_hangs_up_at_once() -> None:
    engine = ScriptedEngine()
    container = started(engine, Script(runs_until_signal=True), published_port=8080)
    with pytest.raises(ConnectionError):
        exchange(engine.state(container).published[8080], "GET", "/ping")
    engine.remove_container(container)


def test_a_kill_cuts_off_a_request_that_hangs() -> None:
    arrived, release = threading.Event(), threading.Event()

    def hangs(request: Request) -> Answer:
        arrived.set()
        release.wait(PATIENCE)
        return Answer()

    engine = ScriptedEngine()
    container = started(engine, Script(handler=hangs), published_port=8080)
    address = engine.state(container).published[8080]
    killer = threading.Thread(target=lambda: arrived.wait(PATIENCE) and engine.kill(container, "SIGKILL"))
    killer.start()
    with pytest.raises(ConnectionError):
        exchange(address, "GET", "/ping")
    killer.join()
    release.set()


def test_a_relay_forwards_to_a_container_of_a_shared_network_only() -> None:
    engine = ScriptedEngine()
    engine.add_image("relay", ScriptedImage(forwarder, pipe=connector))
    engine.create_network("inside", {}, isolated=True)
    target = started(
        engine, Script(handler=lambda request: Answer(200, b"pong")), network="inside", aliases=("algo-1",)
    )
    address = engine.state(target).addresses["inside"]

    def relay(network: str | None, host: str) -> tuple[str, int]:
        name = f"relay-{len(engine.specs)}"
        spec = ContainerSpec("relay", name, {}, command=("forward", host, "8080", "80"), published_port=80)
        container = engine.create_container(spec)
        if network is not None:
            engine.connect(network, container)
        said = iter(engine.attach(container))
        engine.start(container)
        assert next(said).data == b"listening\n"
        return engine.state(container).published[80]

    assert exchange(relay("inside", address), "GET", "/ping")[2] == b"pong"
    assert exchange(relay("inside", "algo-1"), "GET", "/ping")[2] == b"pong"
    with pytest.raises(ConnectionError):
        exchange(relay(None, address), "GET", "/ping")


def test_a_pipe_joins_a_container_of_a_shared_network() -> None:
    engine = ScriptedEngine()
    engine.add_image("relay", ScriptedImage(Script(runs_until_signal=True), pipe=connector))
    target = started(engine, Script(handler=lambda request: Answer(200, b"pong")))
    address = engine.state(target).addresses["bridge"]
    relay = engine.create_container(ContainerSpec("relay", "relay", {}))
    engine.start(relay)

    pipe = engine.open_pipe(relay, ("connect", address, "8080"))
    pipe.send(b"GET /ping HTTP/1.0\r\n\r\n")
    pipe.close_sending()
    assert b"".join(iter(pipe.receive, b"")).endswith(b"pong")
    pipe.close()
    with pytest.raises(EngineError, match="no more input"):
        pipe.send(b"x")

    nowhere = engine.open_pipe(relay, ("connect", "172.99.0.1", "8080"))
    assert nowhere.receive() == b""
    nowhere.close()


def test_a_container_without_a_network_reaches_nothing_and_has_no_address() -> None:
    engine = ScriptedEngine()
    container = started(engine, Script(runs_until_signal=True), network="none")
    assert engine.state(container).addresses == {}
    engine.remove_container(container)


def test_an_image_without_a_pipe_program_says_so() -> None:
    engine = ScriptedEngine()
    container = started(engine, Script(runs_until_signal=True))
    with pytest.raises(EngineError, match="no scripted program for python3"):
        engine.open_pipe(container, ("python3",))


def test_an_engine_that_is_away_answers_nothing_until_it_is_back() -> None:
    engine = ScriptedEngine()
    engine.away = True
    for ask in (engine.facts, engine.images, engine.bridge_gateway, lambda: engine.owned({})):
        with pytest.raises(EngineUnavailable, match="does not answer"):
            ask()
    engine.away = False
    assert engine.facts() == FACTS


def test_a_failure_is_raised_as_often_as_was_asked() -> None:
    engine = ScriptedEngine()
    engine.fail("create_volume", DiskFull("no space left on device"), times=2)
    for _ in range(2):
        with pytest.raises(DiskFull):
            engine.create_volume("v", {})
    engine.create_volume("v", {})
    assert [item.name for item in engine.owned({}) if item.kind == "volume"] == ["v"]


def test_a_disk_is_full_at_its_size_and_has_room_again_when_a_volume_goes() -> None:
    engine = ScriptedEngine(disk_bytes=10)
    engine.add_image("image", Script())

    def put(name: str, text: str) -> None:
        mounts = (VolumeMount(name, "/data"),)
        container = engine.create_container(ContainerSpec("image", f"filler-{name}", {}, mounts=mounts))
        engine.put_archive(container, "/data", tar_stream([text_file("a", text)]))
        engine.remove_container(container)

    put("one", "12345678")
    with pytest.raises(DiskFull, match="no space left on device"):
        put("two", "123")
    engine.remove_volume("one")
    put("three", "123")


def test_what_is_no_archive_is_refused() -> None:
    engine = ScriptedEngine()
    container = started(engine, Script())
    with pytest.raises(EngineError, match="cannot be read"):
        engine.put_archive(container, "/tmp", [b"x" * 2000])


def test_a_container_may_be_started_again_and_an_attached_stream_ends_with_its_run() -> None:
    engine = ScriptedEngine()
    engine.add_image("image", Script(output=["hello\n"]))
    container = engine.create_container(ContainerSpec("image", "twice", {}))
    for _ in range(2):
        stream = engine.attach(container)
        engine.start(container)
        assert [chunk.data for chunk in stream] == [b"hello\n"]
        ended(engine, container)
    assert engine.logs(container) == b"hello\nhello\n"
    assert engine.logs(container, tail=1) == b"hello\n"


def test_a_stream_ends_when_it_is_closed_or_its_container_removed() -> None:
    engine = ScriptedEngine()
    engine.add_image("image", Script(runs_until_signal=True))
    container = engine.create_container(ContainerSpec("image", "quiet", {}))
    closed, removed = engine.attach(container), engine.attach(container)
    engine.start(container)
    closed.close()
    assert list(closed) == []
    engine.remove_container(container)
    assert list(removed) == []


def test_images_are_pulled_and_built_as_scripted(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    engine.remote["hub/image:1"] = ScriptedImage(Script(exit_code=5))
    engine.builds["program"] = ScriptedImage(Script(exit_code=6), labels={"a": "1"})
    (tmp_path / "program").mkdir()

    assert list(engine.pull("hub/image:1"))[-1].startswith("Status: Downloaded")
    assert engine.image("hub/image:1").tags == ("hub/image:1",)
    lines = list(engine.build(tmp_path / "program", ("built:1", "built:2"), labels={"b": "2"}))
    assert lines[-1] == "Successfully tagged built:1"
    assert engine.image("built:2").labels == {"a": "1", "b": "2"}
    with pytest.raises(EngineError, match="no build of other is scripted"):
        list(engine.build(tmp_path / "other", ("x",)))
    engine.remove_image(engine.image("built:1").id)
    with pytest.raises(ImageNotFound):
        engine.image("built:2")


def test_times_are_those_of_the_clock_that_was_given() -> None:
    engine = ScriptedEngine(clock=lambda: 1_700_000_000.0)
    state = ended(engine, started(engine, Script()))
    assert state.started_at == state.finished_at == "2023-11-14T22:13:20Z"


def test_the_facts_are_those_that_were_given() -> None:
    assert ScriptedEngine(replace(FACTS, cpus=2)).facts().cpus == 2
