"""Pushes an image of the engine to a registry and prints the most memory that it took, in bytes.

Arguments: the state folder, the image, the repository.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

from smlocal.gate.publish import Progress
from smlocal.registry.reference import parse_reference
from smlocal.settings import load_settings
from smlocal.wiring import Program


def main(state: str, image: str, place: str) -> None:
    with Program(load_settings({"state": Path(state)}, environment={})) as program:
        repository = program.repository(parse_reference(place))
        published = program.publisher(repository, Progress(), threading.Event()).publish(
            image, program.engine.image(image).id, "big"
        )
    print(
        json.dumps(
            {
                "memory": _most_memory(),
                "sent": published.sent_bytes,
                "seconds": dict(published.seconds),
            }
        )
    )


def _most_memory() -> int:
    """Of this program alone: what getrusage says includes whatever started it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
