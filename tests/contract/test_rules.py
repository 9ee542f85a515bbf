"""Rules say what their tables claim, break nothing of a good image, and survive any evidence."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.contract import RULES, Outcome, Reason, Rule
from smlocal.contract.finding import NOT_APPLICABLE
from smlocal.evidence import (
    Asked,
    Conditions,
    Examination,
    Exchange,
    ExecutionParameters,
    Ping,
    ServingTrial,
    TrainingTrial,
)
from tests.contract.rows import ROWS, Row, is_as_expected
from tests.contract.samples import (
    GOOD,
    MODEL,
    SAMPLE,
    TIMED_OUT,
    exchange,
    image,
    of_models,
    served,
    trained,
    transforms,
)

BY_ID = {rule.id: rule for rule in RULES}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.rule} {row.claim}")
def test_a_rule_says_what_its_table_claims(row: Row) -> None:
    rule = BY_ID[row.rule]
    judgement = rule.judge(row.seen)
    assert is_as_expected(judgement, rule.severity, row.expected), judgement


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.rule} {row.claim}")
def test_a_judgement_says_what_was_seen_or_why_nothing_is_said(row: Row) -> None:
    judgement = BY_ID[row.rule].judge(row.seen)
    is_seen = judgement.outcome in (Outcome.KEPT, Outcome.BROKEN)
    assert (judgement.reason is None) is is_seen
    assert (judgement.outcome is Outcome.NOT_APPLICABLE) is (judgement.reason in NOT_APPLICABLE)
    assert not is_seen or (all(judgement.seen) and judgement.seen)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_good_image_breaks_nothing(rule: Rule) -> None:
    assert rule.judge(GOOD).outcome in (Outcome.KEPT, Outcome.NOT_APPLICABLE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_has_rows_in_which_it_is_kept_and_broken(rule: Rule) -> None:
    rows = [row for row in ROWS if row.rule == rule.id]
    assert {Outcome.KEPT, Outcome.BROKEN} <= {rule.judge(row.seen).outcome for row in rows}


def test_no_row_stands_twice() -> None:
    names = [(row.rule, row.claim) for row in ROWS]
    assert sorted(set(names)) == sorted(names)


# also of what has a default, which hypothesis leaves as it is
conditions = st.builds(Conditions, **{item.name: st.booleans() for item in fields(Conditions)})
seconds = st.floats(0, 100)
statuses = st.none() | st.sampled_from([200, 204, 404, 413, 415, 500, 503])
pings = st.builds(Ping, seconds, seconds, statuses, st.sampled_from(["", "timed out", "reset"]))
probes = st.sampled_from(
    [*dict.fromkeys(item.probe for item in (*served().exchanges, *transforms(), *of_models())), SAMPLE]
)
exchanges = st.builds(
    lambda made, expected, fault, records, content_type, models: replace(
        made,
        models=models,
        model="a",
        expected=expected,
        fault="" if made.status else fault,
        timed_out=fault == TIMED_OUT and not made.status,
        records=records,
        records_sent=records,
        accepts=content_type,
        content_type=content_type,
    ),
    st.builds(exchange, probes, statuses, seconds, seconds, body=st.binary(max_size=3)),
    st.none() | st.binary(max_size=3),
    st.sampled_from(["", "reset", TIMED_OUT]),
    st.none() | st.integers(0, 3),
    st.sampled_from(["", "*/*", "text/csv", "text/csv, application/json;q=0.1"]),
    st.sampled_from([None, (), ("a",), ("a", "a")]),
)
proposals = st.builds(
    ExecutionParameters,
    statuses,
    st.sampled_from([(), ("it is not JSON",)]),
    st.integers(1, 3),
    st.integers(0, 3),
    st.sampled_from(["MULTI_RECORD", "SINGLE_RECORD"]),
)
lines = st.lists(st.sampled_from(["", "x", "/opt/ml: Read-only file system"]), max_size=3).map(tuple)


@st.composite
def training_trials(draw: st.DrawFn) -> TrainingTrial:
    run = replace(
        trained().run,
        exit_code=draw(st.none() | st.sampled_from([0, 1, 137])),
        start_error=draw(st.sampled_from(["", "permission denied"])),
        stop_requested=draw(st.sampled_from(["", "Stopped", "MaxRuntimeExceeded"])),
        out_of_memory=draw(st.booleans()),
        killed_after_grace=draw(st.booleans()),
        failure_file=draw(st.none() | st.binary(max_size=9)),
        model_files=draw(st.sampled_from([(), MODEL])),
        last_lines=draw(lines),
    )
    return TrainingTrial(
        draw(conditions),
        draw(st.sampled_from(["Completed", "Failed", "Stopped"])),
        draw(st.sampled_from(["", "AlgorithmError: x"])),
        1.0,
        run,
        metrics=draw(st.sampled_from([(), ("accuracy",)])),
        checkpoints=draw(st.sampled_from([(), ("epoch-3",)])),
        told=draw(st.sampled_from(["", "going on"])),
    )


@st.composite
def serving_trials(draw: st.DrawFn) -> ServingTrial:
    run = replace(
        served().run,
        model_given=draw(st.booleans()),
        start_error=draw(st.sampled_from(["", "permission denied"])),
        seconds_to_healthy=draw(st.none() | seconds),
        start_pings=draw(st.lists(pings, max_size=3).map(tuple)),
        listening=draw(st.none() | st.sampled_from([(), ("0.0.0.0:8080",), ("127.0.0.1:8080",), ("[::1]:1",)])),
        exit_code=draw(st.none() | st.sampled_from([0, 1])),
        exited_by_itself=draw(st.booleans()),
        stop_seconds=draw(st.none() | seconds),
        killed_after_grace=draw(st.booleans()),
        last_lines=draw(lines),
    )
    asked: tuple[Exchange, ...] = draw(st.lists(exchanges, max_size=6).map(tuple))
    told = draw(st.none() | proposals)
    alive = draw(st.booleans())
    return ServingTrial(draw(conditions), run, exchanges=asked, alive_after=alive, execution_parameters=told)


RUNS = st.sampled_from(["hard", "easy", "batch", "other port", "multi-model"])
labels = st.dictionaries(
    st.sampled_from(list(GOOD.image.labels)),
    st.sampled_from(["true", "false"]),
)


@st.composite
def examinations(draw: st.DrawFn) -> Examination:
    asked = draw(
        st.builds(
            Asked,
            channels=st.sampled_from([(), ("train",)]),
            broken_data=st.booleans(),
            encodings_differ=st.booleans(),
            long_run=st.booleans(),
            resumes=st.booleans(),
            metrics=st.sampled_from([(), ("accuracy",)]),
            samples=st.integers(0, 2),
            records=st.booleans(),
            too_big=st.booleans(),
        )
    )
    names = st.sampled_from(["hard", "easy", "network", "toolkit", "json", "broken data", "stopped", "resumed"])
    trained_so = draw(st.dictionaries(names, training_trials(), max_size=4))
    served_so = draw(st.dictionaries(RUNS, serving_trials(), max_size=4))
    seen = image(GOOD, labels=draw(labels))
    return replace(seen, asked=asked, training=trained_so, serving=served_so)


@given(examinations())
def test_no_evidence_is_too_strange_for_a_rule(seen: Examination) -> None:
    for rule in RULES:
        judgement = rule.judge(seen)
        assert (judgement.reason is None) is (judgement.outcome in (Outcome.KEPT, Outcome.BROKEN))
        assert judgement.reason is not Reason.FOLLOWS
