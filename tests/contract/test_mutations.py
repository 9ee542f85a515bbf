"""The tables notice a rule that never fires, one that always does, and evidence that gets lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from smlocal.contract import RULES, Rule
from smlocal.contract.finding import Judgement, broken, kept
from smlocal.evidence import Examination, ServingTrial
from tests.contract.rows import ROWS, is_as_expected
from tests.contract.samples import (
    ACCEPT,
    AT_ONCE,
    BIG,
    BLANK_LINE,
    BROKEN_BODY,
    CRLF,
    DESCRIBE,
    FULL,
    GOOD,
    INVOKE_AFTER,
    INVOKE_MODEL,
    INVOKE_UNLOADED,
    LARGEST,
    LISTED,
    LISTED_AFTER,
    LISTED_FIRST,
    LOAD,
    LOAD_AGAIN,
    LOAD_TWICE,
    MANY_CALLERS,
    NO_ACCEPT,
    ODD_HEADERS,
    ONE_CALLER,
    OTHER_END,
    PING_AT_REST,
    PING_WHILE_BUSY,
    RECORDS,
    SAMPLE,
    TOO_BIG,
    UNKNOWN,
    UNKNOWN_TYPE,
    UNLOAD,
    unmade,
)

Mutation = Callable[[Rule, Examination], Judgement]

MUTATIONS: dict[str, Mutation] = {
    "never fires": lambda rule, seen: kept("as always"),
    "always fires": lambda rule, seen: broken("as always"),
}
SERVES = {"training": False, "serving": True}
READS = {"SM2": {"training": True, "serving": False}, "SM3": SERVES, "SM4": SERVES, "SM5": SERVES}
READERS = [rule for rule in RULES if rule.id[:3] in READS]  # SM111 has a row of its own for that


def noticing(rule: Rule, judge: Callable[[Examination], Judgement]) -> list[str]:
    """The claims that would not hold if the rule judged so."""
    rows = [row for row in ROWS if row.rule == rule.id]
    return [row.claim for row in rows if not is_as_expected(judge(row.seen), rule.severity, row.expected)]


@pytest.mark.parametrize("name", MUTATIONS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_mutated_rule_contradicts_its_table(rule: Rule, name: str) -> None:
    assert noticing(rule, lambda seen: MUTATIONS[name](rule, seen))


@pytest.mark.parametrize("rule", READERS, ids=lambda rule: rule.id)
def test_a_rule_that_is_given_no_run_contradicts_its_table(rule: Rule) -> None:
    assert noticing(rule, lambda seen: rule.judge(unmade(seen, **READS[rule.id[:3]])))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_rule_itself_contradicts_nothing(rule: Rule) -> None:
    assert noticing(rule, rule.judge) == []


BY_ID = {rule.id: rule for rule in RULES}
# a rule that cannot do without the run, or without the answers to the probe
TRIALS = {
    "training": {
        "hard": "SM202",
        "easy": "SM201",
        "network": "SM209",
        "no extra channel": "SM214",
        "no manifests": "SM213",
        "data alone": "SM214",
        "any job": "SM201",
        "unbuffered": "SM111",
        "toolkit": "SM211",
        "shared memory": "SM216",
        "json": "SM206",
        "broken data": "SM204",
        "stopped": "SM207",
        "resumed": "SM218",
    },
    "serving": {
        "hard": "SM301",
        "easy": "SM314",
        "batch": "SM402",
        "empty model": "SM318",
        "other port": "SM115",
        "writable model": "SM313",
        "multi-model": "SM502",
    },
}
PROBES = {
    SAMPLE: "SM307",
    NO_ACCEPT: "SM316",
    ODD_HEADERS: "SM316",
    ONE_CALLER: "SM317",
    MANY_CALLERS: "SM315",
    BIG: "SM311",
    LARGEST: "SM311",
    PING_AT_REST: "SM304",
    PING_WHILE_BUSY: "SM305",
    UNKNOWN_TYPE: "SM309",
    BROKEN_BODY: "SM310",
    RECORDS: "SM402",
    OTHER_END: "SM403",
    FULL: "SM404",
    CRLF: "SM405",
    BLANK_LINE: "SM406",
    AT_ONCE: "SM407",
    ACCEPT: "SM408",
    LISTED_FIRST: "SM502",
    LOAD: "SM501",
    LOAD_TWICE: "SM506",
    LISTED: "SM502",
    DESCRIBE: "SM503",
    INVOKE_MODEL: "SM504",
    UNKNOWN: "SM507",
    UNLOAD: "SM505",
    LISTED_AFTER: "SM505",
    INVOKE_UNLOADED: "SM505",
    LOAD_AGAIN: "SM501",
    TOO_BIG: "SM508",
    INVOKE_AFTER: "SM508",
}


def without_trial(seen: Examination, phase: str, name: str) -> Examination:
    trials = {other: trial for other, trial in getattr(seen, phase).items() if other != name}
    return replace(seen, training=trials) if phase == "training" else replace(seen, serving=trials)


def without_probe(seen: Examination, probe: str) -> Examination:
    def asked_less(trial: ServingTrial) -> ServingTrial:
        return replace(trial, exchanges=tuple(item for item in trial.exchanges if item.probe != probe))

    return replace(seen, serving={name: asked_less(trial) for name, trial in seen.serving.items()})


@pytest.mark.parametrize(
    ("phase", "name", "rule"), [(phase, name, rule) for phase, names in TRIALS.items() for name, rule in names.items()]
)
def test_a_run_that_gets_lost_contradicts_a_table(phase: str, name: str, rule: str) -> None:
    found = BY_ID[rule]
    assert noticing(found, lambda seen: found.judge(without_trial(seen, phase, name)))


@pytest.mark.parametrize(("probe", "rule"), PROBES.items())
def test_a_probe_that_gets_lost_contradicts_a_table(probe: str, rule: str) -> None:
    found = BY_ID[rule]
    assert noticing(found, lambda seen: found.judge(without_probe(seen, probe)))


def test_every_run_and_probe_of_a_good_image_is_among_those_that_get_lost() -> None:
    assert set(GOOD.training) <= set(TRIALS["training"]) and set(GOOD.serving) <= set(TRIALS["serving"])
    assert {item.probe for trial in GOOD.serving.values() for item in trial.exchanges} == set(PROBES)
