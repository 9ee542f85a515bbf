"""The plumbing of a run, on every engine: a local Docker, one that stands for another machine, Podman, the scripted."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import secrets
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smlocal import owner
from smlocal.engine.scripted import ScriptedEngine
from smlocal.errors import ContainerNotStarted, EngineError, NotSupported, StorageError
from smlocal.launch import Launch, LaunchedContainer, Launcher, LogLine, Volume
from smlocal.tree import Entry, text_file
from tests.engine.adapters import ALL, IMAGE, REAL, RELAY, Adapter
from tests.engine.programs import DEAF, FLOODS, LIMITS, LINES, SERVES, TRAINS, WAITS, Trial, exits, flood_line
from tests.engine.test_networks import probing

on_every_engine = pytest.mark.parametrize("adapter", ALL, indirect=True)
on_real_engines = pytest.mark.parametrize("adapter", REAL, indirect=True)
_PATIENCE = 60.0


class Place:
    """A launcher on one engine, and what its containers said."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        # a host of its own: no other run on this machine reaps what this test leaves, nor does this test theirs
        self.me = replace(owner.this_process(), host=f"suite-host-{secrets.token_hex(4)}")
        self.launcher = Launcher(adapter.engine, self.me, RELAY if adapter.name == "scripted" else IMAGE)
        self.name = f"suite-{secrets.token_hex(4)}"
        self.lines: list[LogLine] = []
        self._said = threading.Condition()

    def launch(self, trial: Trial, **more: Any) -> LaunchedContainer:
        return self.launcher.launch(Launch("training", self.name, IMAGE, trial.command, **more))

    def start(self, container: LaunchedContainer) -> None:
        container.start(self._note)

    def _note(self, line: LogLine) -> None:
        with self._said:
            self.lines.append(line)
            self._said.notify_all()

    def wait_for(self, words: bytes) -> None:
        with self._said:
            assert self._said.wait_for(lambda: any(words in line.text for line in self.lines), _PATIENCE), self.lines

    def run(self, trial: Trial, **more: Any) -> list[bytes]:
        """Run a trial to its end; gives its standard output's lines."""
        with self.launch(trial, **more) as container:
            self.start(container)
            assert container.wait(_PATIENCE) is not None
            return [line.text for line in self.lines if line.stream == "stdout"]

    def left(self) -> list[str]:
        return [item.name for item in self.adapter.engine.owned({owner.NAME: self.name})]


@pytest.fixture
def place(adapter: Adapter) -> Iterator[Place]:
    found = Place(adapter)
    yield found
    assert found.left() == []


def post(url: str, body: bytes) -> bytes:
    request = urllib.request.Request(url, data=body, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return bytes(answer.read())


@on_every_engine
def test_volumes_are_filled_before_and_read_after_and_all_is_gone_in_the_end(place: Place) -> None:
    def channel() -> Iterator[Entry]:
        yield text_file("data/train/a.csv", "0,1\n")

    volumes = (Volume("/opt/ml/input", channel, read_only=True), Volume("/opt/ml/model"))
    with place.launch(TRAINS, volumes=volumes) as container:
        place.start(container)
        ended = container.wait(_PATIENCE)
        assert ended is not None
        assert (ended.code, [line.text for line in place.lines]) == (0, [b"0,1"])
        assert b"w" * 1000 in b"".join(container.read("/opt/ml/model/deep/weights.bin"))
        assert place.left() != []


@on_every_engine
@pytest.mark.parametrize("isolated", [False, True], ids=["in the open", "isolated"])
def test_a_container_is_invoked_wherever_its_engine_is(place: Place, isolated: bool) -> None:
    """By its published port, by a relay on both networks, or by a relay over the engine's own API."""
    with place.launch(SERVES, port=8080, isolated=isolated) as container:
        place.start(container)
        place.wait_for(b"ready")
        for size in (0, 1, 100_000, 5_000_000):
            body = secrets.token_bytes(size)
            assert post(f"{container.base_url}/invocations", body) == hashlib.sha256(body).hexdigest().encode()


@on_every_engine
@pytest.mark.parametrize("isolated", [False, True], ids=["in the open", "isolated"])
def test_a_container_that_is_started_again_is_reached_again(place: Place, isolated: bool) -> None:
    with place.launch(SERVES, port=8080, isolated=isolated) as container:
        for _ in range(2):
            place.lines.clear()
            place.start(container)
            place.wait_for(b"ready")
            assert post(f"{container.base_url}/invocations", b"1") == hashlib.sha256(b"1").hexdigest().encode()
            container.terminate(0)


@pytest.mark.engine
@pytest.mark.parametrize("adapter", ["docker-local"], indirect=True)
def test_its_relay_finds_it_at_its_new_address(place: Place) -> None:
    urls = []
    with place.launch(SERVES, port=8080, isolated=True) as container:
        for _ in range(2):
            place.start(container)
            urls.append(container.base_url)
            container.terminate(0)
    assert urls[0] == urls[1]


PROBES_WHEN_INVOKED = Trial(
    """
import http.server, io, json, contextlib
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        program = self.rfile.read(int(self.headers["Content-Length"])).decode()
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(program, {})
        body = said.getvalue().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.ThreadingHTTPServer(("", 8080), Handler)
print("ready", flush=True)
server.serve_forever()
"""
)


@on_real_engines
def test_isolation_holds_while_the_relay_is_there(place: Place) -> None:
    """No packet reaches the bridge's gateway, the metadata address, another container or a resolver."""
    engine = place.adapter.engine
    gateway = engine.bridge_gateway()
    with contextlib.ExitStack() as held:
        listener = held.enter_context(service())
        other = held.enter_context(place.launch(SERVES))
        place.start(other)
        place.wait_for(b"ready")
        address = next(iter(engine.state(other.id).addresses.values()))
        isolated = held.enter_context(place.launch(PROBES_WHEN_INVOKED, port=8080, isolated=True))
        place.lines.clear()
        place.start(isolated)
        place.wait_for(b"ready")
        own = next(iter(engine.state(isolated.id).addresses.values()))
        first = own.rpartition(".")[0] + ".1"
        targets = [(gateway, listener), (address, 8080), ("169.254.169.254", 80), ("169.254.170.2", 80)]
        targets += [(first, listener)] if first != own else []
        probe = probing(*targets, names=("deb.debian.org", "host.docker.internal"))
        found = json.loads(post(isolated.base_url, probe.source.encode()))

    assert found["tcp"] == {f"{host}:{port}": "nothing" for host, port in targets}
    assert found["udp"] == {host: "nothing" for host, _ in targets}
    assert set(found["names"].values()) == {"nothing"}
    assert found["ipv6"] == []


@contextlib.contextmanager
def service() -> Iterator[int]:
    """A service of ours on this machine; gives its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ours")

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("0.0.0.0", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        yield server.server_address[1]
        server.shutdown()
        serving.join()


@on_real_engines
def test_a_container_reaches_a_service_of_ours_through_the_bridges_address(place: Place) -> None:
    """Not where the engine is elsewhere: there the bridge's address is another machine."""
    gateway = place.adapter.engine.bridge_gateway()
    with service() as port:
        asking = Trial(
            "import urllib.request\n"
            "try:\n"
            f"    print(urllib.request.urlopen('http://{gateway}:{port}/', timeout=5).read().decode())\n"
            "except OSError:\n"
            "    print('nothing')\n"
        )
        said = place.run(asking)
    assert said == ([b"ours"] if place.adapter.differences.publishes_to_us else [b"nothing"])


@on_every_engine
def test_ten_megabytes_of_log_arrive_whole_and_in_order(place: Place) -> None:
    place.run(FLOODS)
    for parity, name in enumerate(("stdout", "stderr")):
        expected = [flood_line(number).rstrip(b"\n") for number in range(parity, LINES, 2)]
        assert [line.text for line in place.lines if line.stream == name] == expected


@on_real_engines
def test_an_instance_larger_than_the_host_is_clamped_and_said_so(place: Place) -> None:
    granted = place.launcher.grant("ml.m5.24xlarge")
    facts = place.adapter.engine.facts()

    assert (granted.cpus, granted.memory_bytes) == (facts.cpus, facts.memory_bytes)
    assert [("vCPU" in note, "memory" in note) for note in granted.notes] == [(True, False), (False, True)]
    (said,) = place.run(LIMITS, instance=granted)
    limits = json.loads(said)
    assert limits["cpus"] == facts.cpus
    assert 0 <= facts.memory_bytes - limits["memory"] < 4096 * 4  # the kernel counts whole pages


@on_real_engines
def test_an_instance_smaller_than_the_host_is_what_it_is(place: Place) -> None:
    granted = replace(place.launcher.grant("ml.t3.medium"), cpus=1, memory_bytes=512 * 1024 * 1024)
    (said,) = place.run(LIMITS, instance=granted)
    assert json.loads(said) == {"cpus": 1.0, "memory": 512 * 1024 * 1024}


@on_every_engine
def test_a_gpu_instance_without_a_gpu_is_refused(place: Place) -> None:
    with pytest.raises(NotSupported, match=r"ml\.p3\.2xlarge has a GPU and the container engine here has none"):
        place.launcher.grant("ml.p3.2xlarge")


@on_every_engine
def test_a_program_that_cannot_be_started_is_told_and_leaves_nothing(place: Place) -> None:
    missing = Launch("training", place.name, IMAGE, ("nothere",), volumes=(Volume("/opt/ml/model"),), isolated=True)
    with place.launcher.launch(missing) as container, pytest.raises(ContainerNotStarted, match="executable file not"):
        place.start(container)


@on_every_engine
def test_contents_that_cannot_be_read_leave_nothing(place: Place) -> None:
    def broken() -> Iterator[Entry]:
        yield text_file("a", "1")
        raise StorageError("the bucket went away")

    with pytest.raises(StorageError, match="went away"):
        place.launch(exits(0), volumes=(Volume("/opt/ml/input", broken),), isolated=True)


@on_every_engine
@pytest.mark.parametrize(("trial", "code", "forced"), [(WAITS, 7, False), (DEAF, 137, True)])
def test_a_container_is_asked_to_end_and_then_made_to(place: Place, trial: Trial, code: int, forced: bool) -> None:
    with place.launch(trial) as container:
        place.start(container)
        place.wait_for(b"ready")
        ended = container.terminate(0.5 if forced else _PATIENCE)
    assert (ended.code, ended.forced) == (code, forced)


# reaping, with owners that are real processes

_OWNER = """
import sys
from dataclasses import replace
from pathlib import Path
from smlocal import owner
from smlocal.engine.docker import DockerEngine
from smlocal.launch import Launch, Launcher, Volume
host, name, address, image, source, isolated, keep = sys.argv[1:8]
engine = DockerEngine(address)
launcher = Launcher(engine, replace(owner.this_process(), host=host), image)
launch = Launch("endpoint", name, image, ("python3", "-c", source), volumes=(Volume("/opt/ml/model"),), port=8080,
                isolated=isolated == "True", keep=keep == "True")
with launcher.launch(launch) as container:
    container.start(lambda line: print(line.text.decode(), flush=True))
    print(container.base_url, flush=True)
    sys.stdin.readline()
"""


class OwnerProcess:
    """A process that holds one container up until it is killed or told to end."""

    def __init__(self, place: Place, *, isolated: bool = False, keep: bool = False) -> None:
        self.name = f"suite-{secrets.token_hex(4)}"
        address = place.adapter.engine.facts().address
        arguments = [place.me.host, self.name, address, IMAGE, SERVES.source, str(isolated), str(keep)]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _OWNER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        said = [self._process.stdout.readline().strip() for _ in range(2)]
        assert "ready" in said, said
        self.base_url = next(line for line in said if line.startswith("http"))

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._close()

    def end(self) -> None:
        self._close()
        assert self._process.returncode == 0

    def _close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(_PATIENCE)
        self._process.stdout.close()  # only now: it may have something to say until its end


def left_by(place: Place, process: OwnerProcess) -> set[str]:
    return {item.kind for item in place.adapter.engine.owned({owner.NAME: process.name})}


@on_real_engines
def test_what_a_killed_owner_left_is_reaped_and_a_live_run_never_notices(place: Place) -> None:
    victim, survivor = OwnerProcess(place, isolated=True), OwnerProcess(place)
    victim.kill()
    assert left_by(place, victim) == {"container", "volume", "network"}

    removed = [item.name for item in place.launcher.reap()]

    assert left_by(place, victim) == set()
    assert len(removed) == 4  # the container, its relay, the network, the volume
    assert all(victim.name in name for name in removed)
    assert post(survivor.base_url, b"still there") == hashlib.sha256(b"still there").hexdigest().encode()
    assert place.launcher.reap() == []
    survivor.end()
    assert left_by(place, survivor) == set()


@on_real_engines
def test_what_was_to_be_kept_is_left_to_prune(place: Place) -> None:
    process = OwnerProcess(place, keep=True)
    process.kill()
    place.launcher.reap()
    assert left_by(place, process) >= {"container", "volume"}
    place.launcher.prune()
    assert left_by(place, process) == set()


@on_every_engine
def test_another_hosts_things_and_those_of_nobody_are_never_touched(place: Place) -> None:
    engine = place.adapter.engine
    dead = owner.Owner("another-host", "boot", 1, "0")
    older = replace(place.me, boot="an earlier boot")
    for word, labels in (("theirs", dead.labels()), ("nobodys", {owner.OURS: place.me.host}), ("old", older.labels())):
        engine.create_volume(f"{place.name}-{word}", {**labels, owner.NAME: place.name})
    try:
        assert [item.name for item in place.launcher.prune()] == [f"{place.name}-old"]
        assert sorted(place.left()) == [f"{place.name}-nobodys", f"{place.name}-theirs"]
    finally:
        for name in place.left():
            engine.remove_volume(name)


@pytest.mark.parametrize("adapter", ["scripted"], indirect=True)
def test_what_cannot_be_removed_does_not_keep_the_rest(place: Place) -> None:
    container = place.launch(exits(0), volumes=(Volume("/a"), Volume("/b")))
    assert isinstance(place.adapter.engine, ScriptedEngine)
    place.adapter.engine.fail("remove_container", EngineError("busy"))
    with pytest.raises(EngineError, match="busy"):
        container.remove()
    container.remove()


class RefusesToMountOverlays(ScriptedEngine):
    """Takes the volume, and fails when it is first used, as a kernel that does not overlay that file system does."""

    def put_archive(self, container: str, path: str, tar: Iterable[bytes]) -> None:
        overlaid = {name for name, folder in self.overlays.items() if folder is not None}
        if any(mount.volume in overlaid for mount in self.specs[-1].mounts):
            raise EngineError("error while mounting volume: invalid argument")
        super().put_archive(container, path, tar)

    def create_volume(self, name: str, labels: Mapping[str, str], overlay_of: Path | None = None) -> None:
        self.overlays[name] = overlay_of
        super().create_volume(name, labels, overlay_of)

    def __init__(self) -> None:
        super().__init__()
        self.overlays: dict[str, Path | None] = {}


def test_a_folder_that_the_engine_cannot_overlay_is_copied(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    engine = RefusesToMountOverlays()
    engine.add_image("algorithm", lambda run: int(run.files.read("/opt/ml/input/data/train/a")) - 1)
    launcher = Launcher(engine, owner.this_process(), "relay")
    shown = Volume("/opt/ml/input/data/train", lambda: iter([text_file("a", "1")]), overlay_of=tmp_path)
    launch = Launch("training", "job", "algorithm", ("train",), volumes=(Volume("/opt/ml/model"), shown))
    with launcher.launch(launch) as container:
        container.start(lambda line: None)
        ended = container.wait(5)
    assert ended is not None
    assert ended.code == 0
    assert launcher.mine() == []
