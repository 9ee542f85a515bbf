"""The contract of one image, collected: every rule an item of its own."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from typing import Any

import pytest

from smlocal.contract import RULES, Finding, Outcome, Rule, Severity
from smlocal.errors import CannotRun
from smlocal.pytest_plugin.examining import finding_on
from smlocal.pytest_plugin.options import CHECK, PHASES, ContractWarning
from smlocal.report.escaping import one_line
from smlocal.report.text import finding_as_text


class ClauseBroken(Exception):
    """The text says what was seen, what SageMaker would do, and the fix."""


class Contract(pytest.Collector):
    """All clauses that an image is to keep."""

    def __init__(self, *, image: str, **others: Any) -> None:
        super().__init__(**others)
        self.image = image

    @classmethod
    def of(cls, session: pytest.Session, image: str) -> Contract:
        name = f"smlocal/{image}"
        found: Contract = cls.from_parent(session, name=name, nodeid=name, image=image)
        return found

    def collect(self) -> Iterable[pytest.Item]:
        selection = self.config.stash[CHECK].selection
        for rule in RULES:
            if selection.has(rule.id):
                yield Clause.from_parent(self, name=f"{rule.id}-{rule.name}", rule=rule, image=self.image)


class Clause(pytest.Item):
    """One rule on one image. The first to be run has the image examined."""

    def __init__(self, *, rule: Rule, image: str, **others: Any) -> None:
        super().__init__(**others)
        self._rule = rule
        self._image = image
        self._finding: Finding | None = None
        self.add_marker("smlocal")
        self.add_marker(f"smlocal_{PHASES[rule.id[2]]}")
        if self.config.pluginmanager.has_plugin("timeout"):
            # whoever comes first waits for all runs, which have bounds of their own
            self.add_marker(pytest.mark.timeout(0))

    def setup(self) -> None:
        try:
            self._finding = found = finding_on(self.config, self._image, self._rule.id)
        except CannotRun as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        self.user_properties += [("outcome", found.outcome.value), ("severity", found.severity.value)]

    def runtest(self) -> None:
        finding = self._finding
        assert finding is not None
        if finding.outcome is Outcome.BROKEN:
            self._tell(finding)
        elif finding.outcome is not Outcome.KEPT:
            pytest.skip(one_line("; ".join([f"{finding.outcome.value}: {finding.why_not}", *finding.seen])))

    def _tell(self, finding: Finding) -> None:
        text = finding_as_text(finding)
        if finding.allowed:
            pytest.xfail(f"allowed: {one_line(finding.allowed)}")
        if finding.severity is Severity.ERROR or self.config.stash[CHECK].strict:
            raise ClauseBroken(text)
        warnings.warn_explicit(ContractWarning(text), None, f"smlocal/{self._image}", 1)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What is wrong with an image is no place in a program."""
        if isinstance(excinfo.value, (ClauseBroken, ContractWarning)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str], None, str]:
        return self.path, None, f"{self._rule.id} {self._rule.title} ({self._image})"
