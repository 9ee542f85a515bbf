"""`python -m smlocal` and the command `smlocal`."""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Run the command line; the exit code is the process's."""
    from smlocal.cli.app import run

    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # what a container writes is shown on every terminal, if need be escaped
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
