"""The options of pytest, its markers, and what they say is to be checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from smlocal.contract import Allowance, Selection
    from smlocal.examination import Plan
    from smlocal.settings import Settings

IMAGE = "--smlocal-image"
SCOPES = ("function", "class", "module", "package", "session")
PHASES = {"1": "image", "2": "training", "3": "hosting", "4": "batch", "5": "multi_model"}
_IN_WORDS = {
    "image": "what the image shows without being run",
    "training": "training",
    "hosting": "hosting",
    "batch": "batch transform",
    "multi_model": "multi-model hosting",
}
MARKERS = {
    "smlocal": "a clause of SageMaker's container contract",
    **{f"smlocal_{phase}": f"a clause about {words}" for phase, words in _IN_WORDS.items()},
}


class ContractWarning(UserWarning):
    """A clause is broken whose harm is conditional, or not settled by what is known of the platform."""


@dataclass(frozen=True)
class Check:
    """What an examination works with, and which rules are wanted."""

    plan: Plan
    selection: Selection
    settings: Settings
    origin: str  # of the configuration, for people
    configured: bool  # whether there is a [check] table
    allowances: tuple[Allowance, ...] = ()  # rules that may be broken

    @property
    def strict(self) -> bool:
        """Whether warnings fail."""
        return self.settings.strict


CHECK = pytest.StashKey[Check]()


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("smlocal", "SageMaker's container contract")
    group.addoption(
        IMAGE,
        action="append",
        metavar="IMAGE",
        help="a test for every clause of the contract that IMAGE should keep, as `smlocal check IMAGE` judges it; may"
        " be given again",
    )
    group.addoption(
        "--smlocal-config",
        metavar="FILE",
        help="TOML with a [check] table; default: smlocal.toml, or [tool.smlocal] in pyproject.toml, here",
    )
    group.addoption(
        "--smlocal-strict",
        action="store_true",
        help="a clause fails whose breach is a warning; /opt/ml/input/config has mode 0644",
    )
    group.addoption(
        "--smlocal-scope",
        choices=SCOPES,
        default="function",
        help="how long the endpoints live that tests start, and the settings that they start with (default: function)",
    )


def images_of(config: pytest.Config) -> list[str]:
    """The images to be checked, each once."""
    return list(dict.fromkeys(config.getoption(IMAGE) or ()))


def read_check(config: pytest.Config) -> Check:
    """Raises pytest.UsageError for whatever is wrong with the options or the configuration."""
    from smlocal.contract import RULES, Selection, allowances
    from smlocal.errors import UsageError
    from smlocal.examination import read_plan
    from smlocal.settings import check_table

    file = config.getoption("--smlocal-config")
    try:
        table, folder, origin = check_table(config.invocation_params.dir, Path(file) if file else None)
        plan = read_plan(table, folder, origin)
        selection = Selection.of(plan.select, plan.ignore, RULES)
        return Check(plan, selection, settings_of(config), origin, bool(table), allowances((), plan.allow, RULES))
    except UsageError as error:
        raise pytest.UsageError(f"smlocal: {error}") from error


def settings_of(config: pytest.Config) -> Settings:
    """The settings that hold where pytest was called. Raises SettingsError."""
    from smlocal.settings import load_settings

    settings = load_settings(directory=config.invocation_params.dir)
    return replace(settings, strict=True) if config.getoption("--smlocal-strict") else settings
