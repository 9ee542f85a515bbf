"""`smlocal ps`, `logs` and `prune`: what runs, what it said, and what can go."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from smlocal.cli.state import common_of
from smlocal.errors import UsageError

if TYPE_CHECKING:
    from smlocal.cli.terminal import Terminal
    from smlocal.journal import Journal, Record


def ps(context: typer.Context) -> None:
    """List the containers that smlocal runs or has kept on this host."""
    from smlocal import owner

    common = common_of(context)
    terminal = common.terminal()
    with common.program() as program:
        launcher = program.launcher
        rows = [
            {
                "name": item.labels.get(owner.NAME, ""),
                "kind": item.labels.get(owner.KIND, ""),
                "container": item.name,
                "image": item.image,
                "running": item.running,
                "alive": launcher.is_live(item),
                "kept": owner.KEEP in item.labels,
            }
            for item in launcher.ours()
            if item.kind == "container" and not item.name.endswith(("-relay", "-filler"))
        ]
    if terminal.json:
        terminal.document("containers", {"containers": rows})
        return
    if not rows:
        terminal.answer("nothing of smlocal's is running")
        return
    terminal.table(
        ("NAME", "KIND", "IMAGE", "STATE"),
        [(str(r["name"]), str(r["kind"]), str(r["image"]), _state(r)) for r in rows],
    )


def _state(row: dict[str, object]) -> str:
    return "running" if row["running"] else "kept" if row["kept"] else "ended"


def logs(
    context: typer.Context,
    job: Annotated[str, typer.Argument(help="The name of a job or endpoint, or KIND/NAME when two share it.")],
) -> None:
    """Print what a job's container wrote, also after it is gone."""
    common = common_of(context)
    terminal = common.terminal()
    with common.program() as program:
        record = _newest(terminal, program.journal, job)
    if terminal.json:
        terminal.document("log", {"name": record.name, "record": record.address, "lines": record.lines()})
    elif record.log_path.is_file():
        sys.stdout.flush()
        with record.log_path.open("rb") as source:
            shutil.copyfileobj(source, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _newest(terminal: Terminal, journal: Journal, job: str) -> Record:
    """The newest record of that name; which one it is, when there are more, is said. Raises UsageError."""
    found = journal.named(job)
    if not found:
        latest = [record.address for record in journal.records()][-5:]
        hint = f"the latest are: {', '.join(latest)}" if latest else "there are none yet"
        raise UsageError(f"there is no record of a job '{job}'; {hint}")
    *others, newest = found
    if others:
        more = ", ".join(record.address for record in others)
        terminal.say(f"this is {newest.address}, the newest of that name; there is also {more}")
    return newest


def prune(
    context: typer.Context,
    records: Annotated[
        bool, typer.Option("--records", help="Also the records and logs of all runs that have ended.")
    ] = False,
) -> None:
    """Remove what ended runs left: kept containers, their volumes and networks. Never what is alive, nor an object."""
    common = common_of(context)
    terminal = common.terminal()
    rows: list[tuple[str, str]] = []
    with common.program() as program:
        if records:  # first: they are on this machine's disk, and need no engine
            rows += _told(terminal, (("record", record.address) for record in program.journal.forget_ended()))
        rows += _told(terminal, ((item.kind, item.name) for item in program.launcher.prune()))
    if terminal.json:
        terminal.document("removed", {"removed": [{"kind": kind, "name": name} for kind, name in rows]})
        return
    counts = {
        kind: sum(row[0] == kind for row in rows)
        for kind in ("container", "volume", "network", *(["record"] if records else []))
    }
    terminal.answer("removed " + ", ".join(f"{count} {kind}{'s' * (count != 1)}" for kind, count in counts.items()))


def _told(terminal: Terminal, removed: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    rows = list(removed)
    for kind, name in rows:
        terminal.detail(f"removed {kind} {name}")
    return rows
