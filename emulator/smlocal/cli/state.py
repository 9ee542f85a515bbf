"""What the common options say, carried to each command."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from smlocal.cli.terminal import ANSWERS, Format, Terminal
from smlocal.errors import UsageError

if TYPE_CHECKING:
    from smlocal.settings import Settings
    from smlocal.storage.mounted import Mount
    from smlocal.wiring import Program


@dataclass(frozen=True)
class Common:
    """The options that stand before the command."""

    output: Format
    verbose: bool
    quiet: bool
    state: str | None
    region: str | None
    s3_endpoint_url: str | None
    strict: bool

    def settings(self) -> Settings:
        """Raises SettingsError."""
        return self.settings_with()

    def settings_with(self, **more: str | None) -> Settings:
        """With options of one command, by the names of settings. Raises SettingsError."""
        from smlocal.settings import load_settings

        state = Path(self.state) if self.state is not None else None
        strict = True if self.strict else None  # not given: as the other settings have it
        return load_settings(
            {"state": state, "region": self.region, "s3_endpoint_url": self.s3_endpoint_url, "strict": strict, **more}
        )

    def program(self, mounts: Mapping[str, Mount] | None = None, *, writing: bool = False) -> Program:
        """With `writing`, the state folder is there afterwards. Raises SettingsError, also when it cannot be made."""
        from smlocal.wiring import Program

        settings = self.settings()
        if writing:
            _made(settings.state)
        return Program(settings, mounts)

    def terminal(self) -> Terminal:
        return Terminal(self.output, -1 if self.quiet else int(self.verbose))


def _made(state: Path) -> None:
    from smlocal.errors import SettingsError, StorageError
    from smlocal.storage.writing import told

    try:
        with told(f"making the state folder {state}"):
            state.mkdir(parents=True, exist_ok=True)
    except StorageError as error:
        raise SettingsError(f"{error}; choose another with --state") from error
    if not os.access(state, os.W_OK | os.X_OK):
        raise SettingsError(f"the state folder {state} cannot be written to; choose another with --state")


def common_of(context: typer.Context, formats: Sequence[Format] = ANSWERS) -> Common:
    """The common options of a command that can answer in these formats. Raises UsageError for another one."""
    found = context.find_object(Common)
    assert found is not None
    if found.output not in formats:
        names, asked = " or ".join(item.value for item in formats), found.output.value
        raise UsageError(
            f"--format {asked}: `{context.command_path}` answers as {names}; `smlocal check` has the others"
        )
    return found
