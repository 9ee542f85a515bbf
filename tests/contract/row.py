"""One claim about a rule."""

from __future__ import annotations

from typing import NamedTuple

from smlocal.contract import Outcome, Reason, Severity
from smlocal.evidence import Examination

ERROR, WARNING = Severity.ERROR, Severity.WARNING
KEPT = Outcome.KEPT
Expected = Severity | Reason | Outcome  # how severely it is broken, or why nothing is said, or that it is kept


class Row(NamedTuple):
    rule: str
    claim: str
    seen: Examination
    expected: Expected
