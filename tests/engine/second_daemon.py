"""A second Docker daemon with its own data, mounts and network: it stands for an engine on another machine.

Ports that it publishes are unreachable from here, its volumes lie in a mount that we cannot see, and its host is
another one by the id that it gives. Its volumes hold 256 MiB, so that a full disk can be had.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from tests.engine.processes import EngineProcess, new_folder, remove_folder, require

VOLUMES_BYTES = 256 * 1024 * 1024

# In its own mount and network namespaces: the machine's engine, its key (which gives the id) and its containerd are out
# of sight. The data folder is made a shared mount here, for the daemon would cover the volumes by doing so itself.
_START = """
set -e
mount --bind "$1/data" "$1/data"
mount --make-shared "$1/data"
mount -t tmpfs -o size="$2" none "$1/data/volumes"
for hidden in /etc/docker /run/containerd; do
    if [ -d "$hidden" ]; then mount -t tmpfs -o size=16m none "$hidden"; fi
done
"$3" -c "$4"
exec dockerd --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" --host "unix://$1/socket" \
    --storage-driver overlay2
"""

# As `ip link set lo up`, without needing iproute2: SIOCSIFFLAGS, IFF_UP.
_LOOPBACK = """
import fcntl, socket, struct
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))
"""


@contextlib.contextmanager
def second_daemon() -> Iterator[str]:
    """The daemon's address while it runs. Fails with what to install where it cannot run."""
    require("dockerd", "unshare", packages="docker.io util-linux")
    folder = new_folder("smlocal-dockerd-", remove_folder)
    (folder / "data" / "volumes").mkdir(parents=True)
    command = ["unshare", "--mount", "--net", "sh", "-c", _START, "sh", str(folder), str(VOLUMES_BYTES)]
    command += [sys.executable, _LOOPBACK]
    address = f"unix://{folder}/socket"
    process = EngineProcess(command, folder)
    try:
        process.wait_for(address)
        yield address
    finally:
        process.stop()
        remove_folder(folder)
