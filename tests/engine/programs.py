"""The programs that the suite runs: each as Python source for real containers, and as the scripted engine has it."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import dedent

from smlocal.engine.scripted import Answer, Run


def _not_scripted(run: Run) -> int:
    raise AssertionError("this trial is for real engines only")


def _no_pipe(run: Run, stdio: socket.socket) -> None:
    raise AssertionError("this trial is not run by open_pipe")


@dataclass(frozen=True)
class Trial:
    """A program in both forms."""

    source: str
    scripted: Callable[[Run], int | None] = _not_scripted
    pipe: Callable[[Run, socket.socket], None] = _no_pipe

    @property
    def command(self) -> tuple[str, ...]:
        return ("python3", "-c", self.source)


TRIALS: dict[str, Trial] = {}


def _trial(
    source: str,
    scripted: Callable[[Run], int | None] = _not_scripted,
    pipe: Callable[[Run, socket.socket], None] = _no_pipe,
) -> Trial:
    found = Trial(dedent(source).strip(), scripted, pipe)
    TRIALS[found.source] = found
    return found


def exits(code: int) -> Trial:
    return _trial(f"import sys; sys.exit({code})", lambda run: code)


# files


def _scripted_cache(run: Run) -> None:
    run.files.write("/var/tmp/cache", b"c" * 3_000_000)
    run.files.write("/opt/ml/model/weights", b"w" * 5_000_000)


WRITES_BESIDE = _trial(
    """
    with open("/var/tmp/cache", "wb") as cache:
        cache.write(b"c" * 3_000_000)
    with open("/opt/ml/model/weights", "wb") as weights:
        weights.write(b"w" * 5_000_000)
    """,
    _scripted_cache,
)


def _scripted_report(run: Run) -> None:
    run.files.write("/opt/ml/model/deep/weights.bin", b"w" * 1000, 0o600)
    run.files.link("/opt/ml/model/deep/latest", "weights.bin")
    run.files.make_directory("/opt/ml/model/empty")
    run.write(run.files.read("/opt/ml/input/data/train/a.csv"))


TRAINS = _trial(
    """
    import os, sys
    os.makedirs("/opt/ml/model/deep")
    descriptor = os.open("/opt/ml/model/deep/weights.bin", os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(descriptor, b"w" * 1000)
    os.symlink("weights.bin", "/opt/ml/model/deep/latest")
    os.mkdir("/opt/ml/model/empty")
    sys.stdout.write(open("/opt/ml/input/data/train/a.csv").read())
    """,
    _scripted_report,
)


def _scripted_read_only(run: Run) -> None:
    run.write(run.files.read("/opt/ml/model/weights") + b"\n")
    try:
        run.files.write("/opt/ml/model/weights", b"other")
    except OSError as error:
        run.write(f"{error.errno}\n")


READS_ONLY = _trial(
    """
    print(open("/opt/ml/model/weights").read())
    try:
        open("/opt/ml/model/weights", "w")
    except OSError as error:
        print(error.errno)
    """,
    _scripted_read_only,
)


def _scripted_overlay(run: Run) -> None:
    run.write(run.files.read("/channel/a.csv") + b"\n")
    run.files.write("/channel/a.csv", "changed")
    run.files.write("/channel/b.csv", "new")


CHANGES_CHANNEL = _trial(
    """
    print(open("/channel/a.csv").read())
    open("/channel/a.csv", "w").write("changed")
    open("/channel/b.csv", "w").write("new")
    """,
    _scripted_overlay,
)


# output

LINES = 80_000  # of 128 bytes: 10 MB


def _scripted_flood(run: Run) -> None:
    for number in range(LINES):
        run.write(flood_line(number), "stderr" if number % 2 else "stdout")


def flood_line(number: int) -> bytes:
    return b"%08d " % number + b"x" * 118 + b"\n"


FLOODS = _trial(
    f"""
    import os, time
    began = time.monotonic()
    for number in range({LINES}):
        os.write(1 + number % 2, b"%08d " % number + b"x" * 118 + b"\\n")
    """,
    _scripted_flood,
)


def _scripted_both(run: Run) -> None:
    run.write("out\n")
    run.write(b"err \xff without newline", "stderr")


SPEAKS = _trial(
    """
    import sys
    sys.stdout.write("out\\n"); sys.stdout.flush()
    sys.stderr.buffer.write(b"err \\xff without newline"); sys.stderr.flush()
    """,
    _scripted_both,
)


# signals


def _scripted_waits(run: Run) -> int:
    run.write("ready\n")
    name = run.wait_for_signal()
    run.write(f"{name}\n")
    return 7


WAITS = _trial(
    """
    import os, signal, sys
    def stop(number, frame):
        os.write(1, signal.Signals(number).name.encode() + b"\\n")  # print may be under way when a signal comes
        sys.exit(7)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    print("ready", flush=True)
    while True:
        signal.pause()
    """,
    _scripted_waits,
)


def _scripted_deaf(run: Run) -> int:
    run.write("ready\n")
    while run.wait_for_signal() is not None:
        continue
    return 0


DEAF = _trial(
    """
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        signal.pause()
    """,
    _scripted_deaf,
)


# what a program sees


def _scripted_sees(run: Run) -> None:
    seen = {"environment": dict(run.environment), "arguments": list(run.arguments[3:]), "hostname": run.spec.hostname}
    run.write(json.dumps(seen))


SEES = _trial(
    """
    import json, os, socket, sys
    print(json.dumps({
        "environment": dict(os.environ), "arguments": sys.argv[1:], "hostname": socket.gethostname(),
        "shm": os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize,
        "tty": [os.isatty(number) for number in (0, 1, 2)],
        "stdin": sys.stdin.read(),
    }))
    """,
    _scripted_sees,
)


def _scripted_exhausts(run: Run) -> None:
    run.exhaust_memory()


# It lives a moment first: containerd watches a container's memory only from after its start, and Docker is not told of
# what was killed before that.
EXHAUSTS_MEMORY = _trial("import time; time.sleep(0.5); data = bytearray(512 << 20)", _scripted_exhausts)

LIMITS = _trial(
    """
    import json, os
    def first(*paths):
        return next(open(path).read().split() for path in paths if os.path.exists(path))
    memory = first("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
    cpu = first("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    period = first("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    print(json.dumps({"memory": int(memory[0]), "cpus": int(cpu[0]) / int(period[-1])}))
    """
)


# commands for open_pipe


def _scripted_reverse(run: Run, stdio: socket.socket) -> None:
    with stdio.makefile("rb") as source:
        stdio.sendall(source.read()[::-1])


REVERSES = _trial(
    """
    import sys
    data = sys.stdin.buffer.read()
    sys.stdout.buffer.write(data[::-1])
    """,
    pipe=_scripted_reverse,
)


def _scripted_greeting(run: Run, stdio: socket.socket) -> None:
    stdio.sendall(b"hello")


GREETS = _trial("import os; os.write(1, b'hello')", pipe=_scripted_greeting)


def _scripted_echo(run: Run, stdio: socket.socket) -> None:
    while data := stdio.recv(65536):
        stdio.sendall(data)


ECHOES = _trial(
    """
    import os
    while data := os.read(0, 65536):
        while data:
            data = data[os.write(1, data):]
    """,
    pipe=_scripted_echo,
)


# networks


def _scripted_serves(run: Run) -> None:
    run.serve(8080, lambda request: Answer(200, hashlib.sha256(request.body).hexdigest().encode()))
    run.write("ready\n")
    while run.wait_for_signal() is None:
        continue


SERVES = _trial(
    """
    import hashlib, http.server
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            digest = hashlib.sha256(self.rfile.read(int(self.headers["Content-Length"]))).hexdigest().encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(digest)))
            self.end_headers()
            self.wfile.write(digest)
    server = http.server.ThreadingHTTPServer(("", 8080), Handler)
    print("ready", flush=True)
    server.serve_forever()
    """,
    _scripted_serves,
)

LISTENS = _trial(
    """
    import socket, threading
    for port in (80, 53, 22, 8080):
        listener = socket.create_server(("", port))
        threading.Thread(target=lambda found=listener: [found.accept() for _ in range(100)], daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()
    """
)
