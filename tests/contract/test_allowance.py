"""Rules that may be broken: what is refused, and what becomes of a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from smlocal.contract import RULES, Allowance, Outcome, Selection, Severity, allowances, judge
from smlocal.errors import UsageError
from tests.contract.samples import DENIED, GOOD, failed, image, training

NOT_ROOT = image(GOOD, user="app")
NOT_OURS = "the base image is not ours"


def given(*words: str, configured: Mapping[str, str] | None = None) -> tuple[Allowance, ...]:
    return allowances(words, configured or {}, RULES)


REFUSED = [
    (["SM110"], {}, "--allow SM110 needs a reason, which the verdict records: --allow 'SM110=why it may be broken'"),
    (["SM110="], {}, "--allow SM110: the reason is empty"),
    (["SM110= . "], {}, "--allow SM110: the reason is empty"),
    (["SM999=x"], {}, "--allow 'SM999': there is no such rule; `smlocal rules` lists them"),
    (["SM1=x"], {}, "--allow 'SM1': it names one rule by its whole id"),
    (["=x"], {}, "--allow '': it names one rule by its whole id"),
    (["SM110=x", "sm110=y"], {}, "--allow SM110: two reasons are given"),
    (["SM110=" + 501 * "x"], {}, "--allow SM110: the reason has 501 characters; at most 500 are kept"),
    ([], {"SM999": "x"}, "check.allow 'SM999': there is no such rule"),
    ([], {"SM110": "  "}, "check.allow SM110: the reason is empty"),
]


@pytest.mark.parametrize(("words", "configured", "sentence"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_names_no_rule_or_gives_no_reason_is_refused(
    words: Sequence[str], configured: Mapping[str, str], sentence: str
) -> None:
    with pytest.raises(UsageError) as refused:
        given(*words, configured=configured)
    assert str(refused.value).startswith(sentence)


def test_ids_in_any_case_and_reasons_of_many_lines_are_taken_in_order() -> None:
    assert given("sm305= until\n  spring ", f" SM110 ={NOT_OURS}=x") == (
        Allowance("SM110", f"{NOT_OURS}=x"),
        Allowance("SM305", "until spring"),
    )


def test_the_commands_reason_wins_over_the_configurations() -> None:
    assert given("SM110=a", configured={"SM110": "b", "SM305": "c"}) == (
        Allowance("SM110", "a"),
        Allowance("SM305", "c"),
    )


def test_what_is_allowed_stays_broken_and_does_not_count() -> None:
    plain = judge(NOT_ROOT, RULES)
    verdict = judge(NOT_ROOT, RULES, allowances=given(f"SM110={NOT_OURS}"))
    assert (plain.holds(True), verdict.holds(True)) == (False, True)
    (finding,) = verdict.allowed
    assert (finding.rule, finding.outcome, finding.allowed) == ("SM110", Outcome.BROKEN, NOT_OURS)
    assert verdict.broken(Severity.WARNING) == () and verdict.needless == ()
    assert verdict.count(Outcome.BROKEN) == plain.count(Outcome.BROKEN) == 1


def test_an_allowance_lets_no_other_rule_through() -> None:
    assert not judge(NOT_ROOT, RULES, allowances=given("SM305=x")).holds(True)


def test_an_allowance_of_what_was_not_found_broken_is_told() -> None:
    verdict = judge(GOOD, RULES, Selection(("SM3",)), allowances=given("SM110=a", "SM305=b"))
    assert [item.rule for item in verdict.needless] == ["SM110", "SM305"]
    assert verdict.allowed == ()


DENIED_THERE = training(NOT_ROOT, hard=failed(failure=None, last_lines=(DENIED,)))
"""It runs as another user, who may not write the model: SM110 is why, and training fails (SM201)."""


def test_what_was_seen_broken_is_not_let_through_with_its_cause() -> None:
    plain = judge(DENIED_THERE, RULES)
    assert [item.rule for item in plain.broken(Severity.ERROR)] == ["SM110"]
    verdict = judge(DENIED_THERE, RULES, allowances=given(f"SM110={NOT_OURS}"))
    assert not verdict.holds()
    assert [item.rule for item in verdict.broken(Severity.ERROR)] == ["SM201"]
    both = judge(DENIED_THERE, RULES, allowances=given(f"SM110={NOT_OURS}", "SM201=nobody trains it"))
    assert both.holds() and [item.rule for item in both.allowed] == ["SM110", "SM201"]


def test_what_could_not_be_judged_still_follows_from_what_is_allowed() -> None:
    verdict = judge(DENIED_THERE, RULES, allowances=given(f"SM110={NOT_OURS}"))
    assert {item.rule for item in verdict.findings if item.follows} >= {"SM202", "SM208"}
