"""`smlocal ps`, `logs` and `prune`: what runs, what it said, and what can go."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated

import typer

from smlocal.cli.state import common_of
from smlocal.errors import UsageError


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
        ("NAME", "KIND", "IMAGE", "STATE", "CONTAINER"),
        [(str(r["name"]), str(r["kind"]), str(r["image"]), _state(r), str(r["container"])) for r in rows],
    )


def _state(row: dict[str, object]) -> str:
    return "running" if row["running"] else "kept" if row["kept"] else "ended"


def logs(context: typer.Context, job: Annotated[str, typer.Argument(help="The name of a job or endpoint.")]) -> None:
    """Print what a job's container wrote, also after it is gone."""
    common = common_of(context)
    with common.program() as program:
        record = program.journal.find(job)
        if record is None:
            known = [found.name for found in program.journal.records()][-5:]
            hint = f"; the latest are: {', '.join(known)}" if known else "; there are none yet"
            raise UsageError(f"there is no record of a job '{job}'{hint}")
        if common.terminal().json:
            text = record.log_path.read_text(encoding="utf-8", errors="replace") if record.log_path.is_file() else ""
            common.terminal().document("log", {"name": job, "lines": text.splitlines()})
        elif record.log_path.is_file():
            sys.stdout.flush()
            with record.log_path.open("rb") as source:
                shutil.copyfileobj(source, sys.stdout.buffer)
            sys.stdout.buffer.flush()


def prune(context: typer.Context) -> None:
    """Remove what ended runs left: kept containers, their volumes and networks. Never what is alive."""
    common = common_of(context)
    terminal = common.terminal()
    with common.program() as program:
        removed = program.launcher.prune()
    if terminal.json:
        terminal.document("removed", {"removed": [{"kind": item.kind, "name": item.name} for item in removed]})
        return
    for item in removed:
        terminal.detail(f"removed {item.kind} {item.name}")
    counts = {kind: sum(item.kind == kind for item in removed) for kind in ("container", "volume", "network")}
    terminal.answer("removed " + ", ".join(f"{count} {kind}{'s' * (count != 1)}" for kind, count in counts.items()))
