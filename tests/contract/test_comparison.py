"""Two verdicts side by side: the table of what may become of a finding, and what holds whatever the findings are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.contract import RULES, Change, Finding, Outcome, Severity, compare

KEPT = (Outcome.KEPT, Severity.ERROR)
ERROR = (Outcome.BROKEN, Severity.ERROR)
WARNING = (Outcome.BROKEN, Severity.WARNING)
UNJUDGED = (Outcome.NOT_JUDGED, Severity.ERROR)
INAPPLICABLE = (Outcome.NOT_APPLICABLE, Severity.ERROR)
State = tuple[Outcome, Severity]


def finding(rule: str, state: State) -> Finding:
    return Finding(rule=rule, name="n", title="t", outcome=state[0], severity=state[1])


TABLE: list[tuple[State | None, State | None, Change]] = [
    (KEPT, ERROR, Change.WORSE),
    (KEPT, WARNING, Change.WORSE),
    (WARNING, ERROR, Change.WORSE),
    (ERROR, KEPT, Change.BETTER),
    (WARNING, KEPT, Change.BETTER),
    (ERROR, WARNING, Change.BETTER),
    (ERROR, UNJUDGED, Change.JUDGED_IN_ONE),
    (ERROR, INAPPLICABLE, Change.JUDGED_IN_ONE),
    (KEPT, UNJUDGED, Change.JUDGED_IN_ONE),
    (UNJUDGED, KEPT, Change.JUDGED_IN_ONE),
    (INAPPLICABLE, ERROR, Change.JUDGED_IN_ONE),
    (UNJUDGED, WARNING, Change.JUDGED_IN_ONE),
    (None, ERROR, Change.IN_ONE),
    (None, UNJUDGED, Change.IN_ONE),
    (KEPT, None, Change.IN_ONE),
    (KEPT, KEPT, Change.SAME),
    (KEPT, (Outcome.KEPT, Severity.WARNING), Change.SAME),
    (ERROR, ERROR, Change.SAME),
    (WARNING, WARNING, Change.SAME),
    (UNJUDGED, INAPPLICABLE, Change.SAME),
    (INAPPLICABLE, INAPPLICABLE, Change.SAME),
]


@pytest.mark.parametrize(("old", "new", "change"), TABLE)
def test_what_became_of_a_finding(old: State | None, new: State | None, change: Change) -> None:
    sides = [[] if state is None else [finding("SM101", state)] for state in (old, new)]
    (pair,) = compare(*sides).pairs
    assert (pair.rule, pair.change) == ("SM101", change)


GATES = [
    (KEPT, ERROR, False, False),
    (KEPT, ERROR, True, False),
    (KEPT, WARNING, False, True),
    (KEPT, WARNING, True, False),
    (WARNING, ERROR, False, False),
    (ERROR, WARNING, True, True),
    (ERROR, ERROR, True, True),
    (UNJUDGED, ERROR, True, True),
    (ERROR, UNJUDGED, True, True),
]


@pytest.mark.parametrize(("old", "new", "strict", "holds"), GATES)
def test_a_new_error_fails_and_a_new_warning_where_warnings_count(
    old: State, new: State, strict: bool, holds: bool
) -> None:
    found = compare([finding("SM101", KEPT), finding("SM305", old)], [finding("SM101", KEPT), finding("SM305", new)])
    assert found.holds(strict) is holds


SAYS = [
    ([], [], False),
    ([KEPT], [], False),
    ([KEPT], [UNJUDGED], False),
    ([UNJUDGED], [INAPPLICABLE], False),
    ([KEPT], [KEPT], True),
    ([UNJUDGED, WARNING], [KEPT, ERROR], True),
]


@pytest.mark.parametrize(("old", "new", "says"), SAYS)
def test_a_comparison_says_something_when_both_were_judged_by_a_rule(
    old: list[State], new: list[State], says: bool
) -> None:
    before, after = (
        [finding(rule, state) for rule, state in zip(("SM101", "SM305"), states, strict=False)] for states in (old, new)
    )
    assert compare(before, after).says_something is says


def test_the_rules_of_both_stand_in_the_order_of_their_ids() -> None:
    old, new = [finding("SM305", KEPT), finding("SM101", KEPT)], [finding("SM201", KEPT), finding("SM305", ERROR)]
    assert [pair.rule for pair in compare(old, new).pairs] == ["SM101", "SM201", "SM305"]
    assert [pair.rule for pair in compare(old, new).of(Change.WORSE)] == ["SM305"]


verdicts = st.dictionaries(
    st.sampled_from([rule.id for rule in RULES[:12]]),
    st.sampled_from([KEPT, ERROR, WARNING, UNJUDGED, INAPPLICABLE, (Outcome.KEPT, Severity.WARNING)]),
).map(lambda found: [finding(rule, state) for rule, state in found.items()])


@given(verdicts)
def test_nothing_changes_between_a_verdict_and_itself(verdict: list[Finding]) -> None:
    found = compare(verdict, verdict)
    assert {pair.change for pair in found.pairs} <= {Change.SAME}
    assert found.holds(strict=True)


@given(verdicts, verdicts)
def test_what_is_better_one_way_is_worse_the_other(old: list[Finding], new: list[Finding]) -> None:
    there, back = compare(old, new), compare(new, old)
    for change, opposite in ((Change.BETTER, Change.WORSE), (Change.WORSE, Change.BETTER)):
        assert [pair.rule for pair in there.of(change)] == [pair.rule for pair in back.of(opposite)]
    for change in (Change.SAME, Change.JUDGED_IN_ONE, Change.IN_ONE):
        assert [pair.rule for pair in there.of(change)] == [pair.rule for pair in back.of(change)]


@given(verdicts, verdicts)
def test_no_rule_is_lost_and_only_what_both_could_be_judged_by_counts(old: list[Finding], new: list[Finding]) -> None:
    found = compare(old, new)
    assert [pair.rule for pair in found.pairs] == sorted({item.rule for item in (*old, *new)})
    for change in (Change.BETTER, Change.WORSE):
        outcomes = {side.outcome for pair in found.of(change) for side in (pair.old, pair.new) if side is not None}
        assert outcomes <= {Outcome.KEPT, Outcome.BROKEN}
