"""What the doctor found: rows, their text and their JSON."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["ok", "warning", "problem"]

JSON_VERSION = 1
_WIDTH = 80
_MARKS: dict[Level, str] = {"ok": "ok     ", "warning": "warning", "problem": "PROBLEM"}


@dataclass(frozen=True)
class Row:
    """One thing looked at. A warning names something that some runs lack; a problem, what stops every run."""

    name: str
    level: Level
    text: str
    fix: str | None = None  # the command that puts it right, to be pasted as it is; None: `text` says why there is none


@dataclass(frozen=True)
class DoctorReport:
    """All rows, in the order of the look."""

    version: str  # smlocal's
    rows: tuple[Row, ...]

    @property
    def exit_code(self) -> int:
        return 3 if any(row.level == "problem" for row in self.rows) else 0

    def row(self, name: str) -> Row:
        """The row of that name. Raises KeyError."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    def as_text(self) -> str:
        """The rows at 80 columns; each fix in one line below its row, to be pasted as it is."""
        width = max(len(row.name) for row in self.rows)
        lines: list[str] = []
        for row in self.rows:
            head = f"{_MARKS[row.level]}  {row.name:<{width}}  "
            lines += textwrap.wrap(
                row.text, _WIDTH, initial_indent=head, subsequent_indent=" " * len(head),
                break_on_hyphens=False, break_long_words=False,
            ) or [head.rstrip()]  # fmt: skip
            if row.fix:
                lines.append(f"{'':7}  {'':{width}}  fix: {row.fix}")
        problems = sum(row.level == "problem" for row in self.rows)
        warnings = sum(row.level == "warning" for row in self.rows)
        lines.append(f"smlocal {self.version}: {_counted(problems, 'problem')}, {_counted(warnings, 'warning')}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """A versioned form for machines."""
        return {
            "version": JSON_VERSION,
            "smlocal": self.version,
            "ready": self.exit_code == 0,
            "checks": [{"name": row.name, "level": row.level, "text": row.text, "fix": row.fix} for row in self.rows],
        }


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"
