"""Rows of the rules about a server that lacks its model, that is started again, that is asked for long."""

from __future__ import annotations

from dataclasses import replace

from smlocal.contract import Reason
from smlocal.evidence import Examination, ServingTrial
from tests.contract.row import ERROR, KEPT, WARNING, Row
from tests.contract.samples import (
    BIG,
    EMPTY_MODEL,
    GOOD,
    LONGER_ANSWER,
    NEVER_AGAIN,
    SAMPLE,
    answered,
    asked,
    asking,
    exchange,
    exited,
    labelled,
    served,
    serving,
    soaked,
    transformed,
    unanswered,
    unhealthy,
    unmade,
)

IDS = ("SM318", "SM319", "SM320", "SM321")
STREAMED = exchange(SAMPLE, has_length=False)
STREAMED_LONG = (exchange(BIG), exchange(BIG, has_length=False))
STREAMED_REFUSAL = exchange(BIG, 413, has_length=False)
NO_SAMPLES = asked(asking(GOOD, samples=()), samples=0)
GROWS = tuple(100 + 20 * number for number in range(11))


def lacking(*exchanges: object, **changes: object) -> Examination:
    """The examination whose run with an empty model came up all the same, and answered so."""
    trial = answered(served(EMPTY_MODEL, **changes), *exchanges)  # type: ignore[arg-type]
    return replace(GOOD, serving={**GOOD.serving, "empty model": trial})


def without_model(trial: ServingTrial) -> Examination:
    return replace(GOOD, serving={**GOOD.serving, "empty model": trial})


NOT_TRIED = replace(GOOD, serving={name: run for name, run in GOOD.serving.items() if name != "empty model"})


def hard(trial: ServingTrial) -> Examination:
    return replace(GOOD, serving={**GOOD.serving, "hard": trial})


ROWS = [
    Row("SM318", "it does not come up with an empty model", GOOD, KEPT),
    Row("SM318", "it ends with an empty model", without_model(exited(EMPTY_MODEL)), KEPT),
    Row("SM318", "it is not heard of with an empty model", without_model(unhealthy(EMPTY_MODEL)), Reason.INCONCLUSIVE),
    Row("SM318", "healthy, and its sample fails", lacking(exchange(SAMPLE, 500)), WARNING),
    Row("SM318", "healthy, and its sample is not answered", lacking(unanswered(SAMPLE)), WARNING),
    Row("SM318", "healthy, and answers as with its model", lacking(exchange(SAMPLE)), Reason.NO_SUCH_CASE),
    Row("SM318", "healthy, and answers otherwise", lacking(exchange(SAMPLE, body=LONGER_ANSWER)), Reason.INCONCLUSIVE),
    Row("SM318", "healthy, and was not asked", lacking(), Reason.INCONCLUSIVE),
    Row("SM318", "it is given no model", hard(served(model_given=False)), Reason.NO_SUCH_CASE),
    Row("SM318", "it holds many models, and was not tried without", NOT_TRIED, Reason.NO_SUCH_CASE),
    Row("SM318", "it was not tried without its model", labelled(NOT_TRIED), Reason.RUN_MISSING),
    Row("SM318", "no samples", NO_SAMPLES, Reason.NO_SAMPLE),
    Row("SM319", "answers with a length", GOOD, KEPT),
    Row("SM319", "a streamed answer", asking(GOOD, samples=(STREAMED,)), ERROR),
    Row("SM319", "long answers are streamed", asking(GOOD, big=STREAMED_LONG), ERROR),
    Row("SM319", "a refusal of a long body is streamed", asking(GOOD, big=(STREAMED_REFUSAL,)), KEPT),
    Row("SM319", "no sample is of lines", asking(GOOD, big=()), KEPT),
    Row("SM319", "one of two is streamed", asking(GOOD, samples=(exchange(SAMPLE), STREAMED)), ERROR),
    Row(
        "SM319",
        "a streamed answer, in real time",
        asked(asking(GOOD, samples=(STREAMED,)), asynchronous=False),
        Reason.NOT_ASYNCHRONOUS,
    ),
    Row(
        "SM319",
        "a streamed error",
        asking(GOOD, samples=(exchange(SAMPLE, 500, has_length=False),)),
        Reason.INCONCLUSIVE,
    ),
    Row("SM319", "no samples", NO_SAMPLES, Reason.NO_SAMPLE),
    Row("SM320", "it comes up again", GOOD, KEPT),
    Row(
        "SM320",
        "it does not come up again",
        replace(GOOD, serving={**GOOD.serving, "batch": replace(transformed(), second_start=NEVER_AGAIN)}),
        WARNING,
    ),
    Row("SM320", "that is seen of an endpoint's container", hard(replace(served(), second_start=NEVER_AGAIN)), WARNING),
    Row("SM320", "it was not started again", serving(GOOD, served()), Reason.RUN_MISSING),
    Row("SM321", "it holds what it held", GOOD, KEPT),
    Row("SM321", "it grows from step to step", hard(soaked(*GROWS)), WARNING),
    Row("SM321", "it grows at first, as caches do", hard(soaked(100, 200, 300, *[310] * 8)), KEPT),
    Row("SM321", "it grew once", hard(soaked(*[100] * 6, *[200] * 5)), KEPT),
    Row("SM321", "it grows by little", hard(soaked(*range(100, 111))), KEPT),
    Row("SM321", "much for a small one, little for a big one", hard(soaked(*range(1000, 1033, 3))), KEPT),
    Row("SM321", "it broke off", hard(soaked(*GROWS[:5])), Reason.INCONCLUSIVE),
    Row("SM321", "no soak is configured", asked(GOOD, soak=0), Reason.NO_SOAK),
    Row("SM321", "no samples", asked(NO_SAMPLES, soak=0), Reason.NO_SAMPLE),
    *(Row(rule, "it does not serve", asked(GOOD, serving=False), Reason.DOES_NOT_SERVE) for rule in IDS),
    *(Row(rule, "no runs", unmade(GOOD), Reason.RUN_MISSING) for rule in IDS),
    *(Row(rule, "it does not come up", serving(GOOD, exited()), Reason.RUN_MISSING) for rule in IDS),
]
