"""What the user sees while something long goes on: a spinner on a terminal, plain lines elsewhere, nothing with -q."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

_WORK = """
from smlocal.cli.terminal import Format, Terminal
with Terminal(Format.{format}, {verbosity}).working("pulling x") as news:
    news("layer [1/2]")
    __import__("threading").Event().wait(0.3)
print("done")
"""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(code: str, **environment: str) -> str:
    """What a program shows on a terminal of its own."""
    ours, theirs = pty.openpty()
    variables = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "CI")}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**variables, "TERM": "xterm-256color", "COLUMNS": "80", **environment},
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:
        pass  # how Linux tells that the other end is closed
    finally:
        os.close(ours)
    assert process.wait(20) == 0, shown
    return shown.decode()


def in_a_pipe(code: str) -> tuple[str, str]:
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return ended.stdout, ended.stderr


def test_a_spinner_turns_on_a_terminal_and_takes_its_line_away() -> None:
    shown = on_a_terminal(_WORK.format(format="text", verbosity=0))
    plain = _COLOUR.sub("", shown)
    assert "pulling x: layer [1/2]" in plain
    assert _COLOUR.search(shown)
    assert any(frame in plain for frame in "⠋⠙⠹⠸⠼")
    assert plain.rstrip().endswith("done")
    assert "\x1b[2K" in shown, "the spinner's line is erased"
    assert "\x1b[?25h" in shown, "the cursor is shown again"


def test_no_color_is_honoured() -> None:
    shown = on_a_terminal(_WORK.format(format="text", verbosity=0), NO_COLOR="1")
    assert "pulling x" in shown
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", shown)


def test_a_table_has_no_colour_where_none_is_wanted() -> None:
    code = 'from smlocal.cli.terminal import Format, Terminal\nTerminal(Format.text, 0).table(("A", "B"), [("1", "2")])'
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", on_a_terminal(code, NO_COLOR="1"))
    assert "\x1b" not in in_a_pipe(code)[0]


@pytest.mark.parametrize(
    ("verbosity", "expected"),
    [(0, "pulling x\n"), (1, "pulling x\nlayer [1/2]\n"), (-1, "")],
    ids=["usual", "verbose", "quiet"],
)
def test_elsewhere_there_are_plain_lines(verbosity: int, expected: str) -> None:
    assert in_a_pipe(_WORK.format(format="text", verbosity=verbosity)) == ("done\n", expected)


def test_a_quiet_terminal_shows_nothing_of_it() -> None:
    assert on_a_terminal(_WORK.format(format="text", verbosity=-1)) == "done\r\n"


def test_a_table_in_a_pipe_has_whole_names() -> None:
    name = "a-very-long-name-" * 20
    code = (
        "from smlocal.cli.terminal import Format, Terminal\n"
        f'Terminal(Format.text, 0).table(("A", "B"), [("{name}", "{name}")])'
    )
    assert in_a_pipe(code)[0].count(name) == 2


_TRANSFERS = """
from smlocal.cli.terminal import Format, Terminal
from smlocal.cli.transfers import Transfers
with Transfers(Terminal(Format.text, {verbosity})) as transfers:
    for mebibytes in (1, 63, 64, 65, 80, 96):
        transfers.news("input", mebibytes * 1024 * 1024)
        __import__("threading").Event().wait(0.3)
    transfers.then_say("Training")
    transfers.news("output", 200 * 1024 * 1024)
"""


def test_many_bytes_show_their_progress_until_the_next_status() -> None:
    plain = _COLOUR.sub("", on_a_terminal(_TRANSFERS.format(verbosity=0)))
    assert "copying the input: 80 MiB" in plain
    assert plain.index("copying the input: 96 MiB") < plain.index("Training") < plain.index("reading the output")


def test_few_bytes_are_not_worth_a_line() -> None:
    expected = "copying the input\n64 MiB\n80 MiB\n96 MiB\nTraining\nreading the output\n200 MiB\n"
    assert in_a_pipe(_TRANSFERS.format(verbosity=1))[1] == expected
