"""Two verdicts side by side: what got better, what got worse, and what can be said of one of them only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from smlocal.contract.finding import Outcome, Severity

_JUDGED = (Outcome.KEPT, Outcome.BROKEN)


class Compared(Protocol):
    """What is compared and told of a finding, be it one of this examination or of a saved report."""

    @property
    def rule(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def outcome(self) -> Outcome: ...

    @property
    def severity(self) -> Severity: ...

    @property
    def seen(self) -> Sequence[str]: ...

    @property
    def why_not(self) -> str: ...

    @property
    def allowed(self) -> str: ...


class Change(str, Enum):
    """What became of one rule's finding. Only what both could be judged by is better or worse."""

    WORSE = "worse"  # kept, now broken; or broken more severely
    BETTER = "better"  # broken, now kept; or broken less severely
    JUDGED_IN_ONE = "judged in one only"  # not applicable or not judged in the other
    IN_ONE = "in one only"  # the other does not know the rule, or was not asked for it
    SAME = "same"


@dataclass(frozen=True)
class Pair:
    """What one rule says in the old verdict and in the new; None where it says nothing, in at most one of them."""

    rule: str
    old: Compared | None
    new: Compared | None

    @property
    def sides(self) -> tuple[Compared, ...]:
        """What there is, the old one first."""
        return tuple(side for side in (self.old, self.new) if side is not None)

    @property
    def latest(self) -> Compared:
        """The new one; the old one where there is no new one."""
        return self.sides[-1]

    @property
    def judged(self) -> bool:
        """Whether both could be judged by the rule."""
        return [side.outcome in _JUDGED for side in self.sides] == [True, True]

    @property
    def change(self) -> Change:
        if self.old is None or self.new is None:
            return Change.IN_ONE
        if not self.judged:
            one = any(side.outcome in _JUDGED for side in self.sides)
            return Change.JUDGED_IN_ONE if one else Change.SAME
        before, after = _harm(self.old), _harm(self.new)
        if before == after:
            return Change.SAME
        return Change.WORSE if after > before else Change.BETTER


@dataclass(frozen=True)
class Comparison:
    """All rules of two verdicts, in the order of their ids."""

    pairs: tuple[Pair, ...]

    def of(self, change: Change) -> tuple[Pair, ...]:
        return tuple(pair for pair in self.pairs if pair.change is change)

    @property
    def says_something(self) -> bool:
        """Whether there is a rule that both could be judged by."""
        return any(pair.judged for pair in self.pairs)

    def holds(self, strict: bool = False) -> bool:
        """Whether no error is new; `strict`: nor a warning."""
        return not any(strict or pair.latest.severity is Severity.ERROR for pair in self.of(Change.WORSE))


def compare(old: Sequence[Compared], new: Sequence[Compared]) -> Comparison:
    """Put the findings of two verdicts side by side. A rule stands in each of them once at most."""
    before, after = ({finding.rule: finding for finding in findings} for findings in (old, new))
    return Comparison(tuple(Pair(rule, before.get(rule), after.get(rule)) for rule in sorted({*before, *after})))


def _harm(finding: Compared) -> int:
    """0: none, it is kept; 1: a warning; 2: an error."""
    if finding.outcome is Outcome.KEPT:
        return 0
    return 2 if finding.severity is Severity.ERROR else 1
