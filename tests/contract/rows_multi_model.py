"""What the rules of multi-model endpoints and of labels must say."""

from __future__ import annotations

from dataclasses import replace

from smlocal.contract import Reason
from smlocal.evidence import Examination
from tests.contract.row import ERROR, KEPT, WARNING, Row
from tests.contract.samples import (
    BATCH,
    BATCH_ON_8080,
    DESCRIBE,
    GOOD,
    INVOKE_AFTER,
    INVOKE_MODEL,
    INVOKE_UNLOADED,
    LISTED,
    LISTED_AFTER,
    LISTED_FIRST,
    LOAD,
    LOAD_AGAIN,
    LOAD_TWICE,
    MULTI_MODEL,
    NAMES,
    NETWORK,
    TOO_BIG,
    UNKNOWN,
    UNLOAD,
    about,
    as_multi_model,
    asked,
    exchange,
    exited,
    holding,
    labelled,
    served,
    serving,
    transformed,
    unhealthy,
    unmade,
)

FIRST, SECOND, THIRD = NAMES
IDS = [f"SM50{number}" for number in range(1, 9)]
NO_LABEL = labelled(GOOD, "accept-bind-to-port")
DOES_NOT_COME_UP = as_multi_model(GOOD, exited(MULTI_MODEL))
NO_MODEL = serving(GOOD, served(model_given=False))
LOADS_FIRST = (about(LOAD, FIRST), about(LOAD, SECOND, 507))
THERE = tuple(about(LOAD, name, 409) for name in NAMES)
STILL = (about(LOAD_AGAIN, THIRD, 409),)
LOADS = tuple(about(LOAD, name) for name in NAMES)
UNLOADED_204 = (about(UNLOAD, THIRD, 204),)
LISTED_STILL = (about(LISTED_AFTER, names=NAMES),)
NONE_LISTED = (about(LISTED_AFTER, names=()),)
FAILS_UNLOADED = (about(INVOKE_UNLOADED, THIRD, 500),)
ENDS_UNLOADING = holding(
    GOOD, alive=False, listed_after=(about(LISTED_AFTER, status=None),), invoke_unloaded=(), load_again=(), too_big=()
)
ANSWERS_STILL = (about(INVOKE_UNLOADED, THIRD),)
PAGES = (about(LISTED, names=NAMES[:2]), about(LISTED, names=NAMES[2:]))
NO_ROUTE = {"listed_first": (about(LISTED_FIRST, status=404),), "loads": (about(LOAD, FIRST, 405),)}
WRONG = replace(exchange(INVOKE_MODEL, body=b"1\n", expected=b"0\n"), model=FIRST)


def told(status: int, *others: int) -> Examination:
    """The examination whose container says this of an unknown model: invoked, described, unloaded."""
    return holding(GOOD, unknown=tuple(about(UNKNOWN, "none", item) for item in (status, *others)))


def elsewhere(listening: tuple[str, ...] | None = ("0.0.0.0:8080",)) -> Examination:
    """The examination of an image that did not come up on the port that it was told, and does on its own."""
    lost = unhealthy(BATCH, listening=listening)
    usual = replace(transformed(), conditions=BATCH_ON_8080)
    return replace(GOOD, serving={**GOOD.serving, "other port": lost, "batch": usual})


ELSEWHERE = elsewhere()

LABEL_ROWS = [
    Row("SM115", "both labels, and both are kept", GOOD, KEPT),
    Row("SM115", "no label", labelled(GOOD), Reason.NO_SUCH_CASE),
    Row("SM115", "a label for something else", labelled(GOOD, "bidirectional-streaming"), Reason.NO_SUCH_CASE),
    Row("SM115", "no /models", holding(GOOD, **NO_ROUTE), ERROR),
    Row(
        "SM115", "no list of models, but they can be loaded", holding(GOOD, listed_first=NO_ROUTE["listed_first"]), KEPT
    ),
    Row("SM115", "a model cannot be loaded", holding(GOOD, loads=(about(LOAD, FIRST, 500),)), KEPT),
    Row("SM115", "it does not come up with many models", DOES_NOT_COME_UP, ERROR),
    Row("SM115", "another port is not listened on", ELSEWHERE, ERROR),
    Row("SM115", "where it listens cannot be found out", elsewhere(None), ERROR),
    Row("SM115", "one label, and it is kept", labelled(GOOD, "accept-bind-to-port"), KEPT),
    Row("SM115", "one label, and the other one's fault", labelled(ELSEWHERE, "multi-models"), KEPT),
    Row("SM115", "no /models, and no label for it", NO_LABEL, KEPT),
    Row(
        "SM115",
        "it comes up as no batch container",
        replace(ELSEWHERE, serving={**ELSEWHERE.serving, "batch": exited(BATCH_ON_8080)}),
        Reason.INCONCLUSIVE,
    ),
    Row("SM115", "no sample", asked(NO_LABEL, samples=0, records=False), Reason.NO_SAMPLE),
    Row("SM115", "no sample of lines", asked(NO_LABEL, records=False), Reason.NO_RECORDS),
    Row("SM115", "no batch run was made", serving(NO_LABEL, served()), Reason.RUN_MISSING),
    Row("SM115", "nothing was run", unmade(GOOD), Reason.RUN_MISSING),
    Row("SM115", "it only trains", asked(GOOD, serving=False), Reason.DOES_NOT_SERVE),
    Row("SM115", "there was no model", serving(GOOD, exited(model_given=False)), Reason.NO_MODEL),
]

ROWS = [
    *LABEL_ROWS,
    Row("SM501", "three of three", GOOD, KEPT),
    Row("SM501", "500", holding(GOOD, loads=(about(LOAD, FIRST, 500),)), ERROR),
    Row("SM501", "the second one has no room", holding(GOOD, loads=LOADS_FIRST), ERROR),
    Row("SM501", "no answer", holding(GOOD, loads=(about(LOAD, FIRST, None),)), ERROR),
    Row("SM501", "not again", holding(GOOD, load_again=(about(LOAD_AGAIN, THIRD, 500),)), ERROR),
    Row("SM501", "409, though it is gone", holding(GOOD, load_again=STILL), ERROR),
    Row("SM501", "409, for it is still listed", holding(GOOD, listed_after=LISTED_STILL, load_again=STILL), KEPT),
    Row("SM501", "409, for it still answers", holding(GOOD, invoke_unloaded=ANSWERS_STILL, load_again=STILL), KEPT),
    Row(
        "SM501",
        "409, for it was not unloaded",
        holding(GOOD, unload=(about(UNLOAD, THIRD, 501),), load_again=STILL),
        KEPT,
    ),
    Row("SM501", "201", holding(GOOD, loads=(about(LOAD, FIRST, 201), *LOADS[1:])), WARNING),
    Row("SM501", "204 when it is loaded again", holding(GOOD, load_again=(about(LOAD_AGAIN, THIRD, 204),)), WARNING),
    Row("SM501", "all there already, and one is loaded again", holding(GOOD, loads=THERE), KEPT),
    Row(
        "SM501",
        "all there already, and still",
        holding(GOOD, loads=THERE, listed_after=LISTED_STILL, load_again=STILL),
        Reason.INCONCLUSIVE,
    ),
    Row("SM502", "all there already", holding(GOOD, loads=THERE), KEPT),
    Row("SM501", "again was not reached", holding(GOOD, load_again=()), KEPT),
    Row("SM502", "none, then three", GOOD, KEPT),
    Row("SM502", "on two pages", holding(GOOD, listed=PAGES), KEPT),
    Row("SM502", "404 before any is loaded", holding(GOOD, listed_first=(about(LISTED_FIRST, status=404),)), ERROR),
    Row("SM502", "no list before any is loaded", holding(GOOD, listed_first=(about(LISTED_FIRST),)), WARNING),
    Row("SM502", "204 before any is loaded", holding(GOOD, listed_first=(about(LISTED_FIRST, status=204),)), WARNING),
    Row("SM502", "500 afterwards", holding(GOOD, listed=(about(LISTED, status=500),)), ERROR),
    Row("SM502", "the second page fails", holding(GOOD, listed=(PAGES[0], about(LISTED, status=500))), ERROR),
    Row("SM502", "no list afterwards", holding(GOOD, listed=(about(LISTED),)), WARNING),
    Row("SM502", "one is missing", holding(GOOD, listed=(about(LISTED, names=NAMES[1:]),)), WARNING),
    Row("SM502", "one is listed twice", holding(GOOD, listed=(about(LISTED, names=(*NAMES, FIRST)),)), WARNING),
    Row("SM502", "another order", holding(GOOD, listed=(about(LISTED, names=NAMES[::-1]),)), KEPT),
    Row("SM502", "nothing was loaded", holding(GOOD, loads=(about(LOAD, FIRST, 500),)), Reason.INCONCLUSIVE),
    Row("SM502", "500 after one is unloaded", holding(GOOD, listed_after=(about(LISTED_AFTER, status=500),)), ERROR),
    Row("SM502", "no answer after one is unloaded", ENDS_UNLOADING, ERROR),
    Row("SM502", "all are gone after one is unloaded", holding(GOOD, listed_after=NONE_LISTED), WARNING),
    Row("SM502", "the unloaded one is still listed", holding(GOOD, listed_after=LISTED_STILL), KEPT),
    Row("SM502", "none was unloaded", holding(GOOD, unload=(), listed_after=(), invoke_unloaded=()), KEPT),
    Row("SM502", "it was asked once", holding(GOOD, listed=()), Reason.RUN_MISSING),
    Row("SM503", "its name", GOOD, KEPT),
    Row("SM503", "404", holding(GOOD, describe=(about(DESCRIBE, FIRST, 404),)), WARNING),
    Row("SM503", "no JSON", holding(GOOD, describe=(about(DESCRIBE, FIRST),)), WARNING),
    Row("SM503", "another one's name", holding(GOOD, describe=(about(DESCRIBE, FIRST, names=(SECOND,)),)), WARNING),
    Row("SM503", "all of them", holding(GOOD, describe=(about(DESCRIBE, FIRST, names=NAMES),)), WARNING),
    Row("SM504", "two of two", GOOD, KEPT),
    Row(
        "SM504",
        "the second one fails",
        holding(GOOD, invoke=(about(INVOKE_MODEL, FIRST), about(INVOKE_MODEL, THIRD, 404))),
        ERROR,
    ),
    Row("SM504", "no answer", holding(GOOD, invoke=(about(INVOKE_MODEL, FIRST, None),)), ERROR),
    Row("SM504", "another answer", holding(GOOD, invoke=(WRONG,)), WARNING),
    Row("SM504", "201 is good", holding(GOOD, invoke=(about(INVOKE_MODEL, FIRST, 201),)), KEPT),
    Row("SM504", "no samples", asked(GOOD, samples=0), Reason.NO_SAMPLE),
    Row("SM505", "gone", GOOD, KEPT),
    Row("SM505", "501", holding(GOOD, unload=(about(UNLOAD, THIRD, 501),)), ERROR),
    Row("SM505", "204", holding(GOOD, unload=UNLOADED_204), WARNING),
    Row("SM505", "204, and still listed", holding(GOOD, unload=UNLOADED_204, listed_after=LISTED_STILL), ERROR),
    Row("SM505", "still listed", holding(GOOD, listed_after=LISTED_STILL), ERROR),
    Row("SM505", "still answers", holding(GOOD, invoke_unloaded=ANSWERS_STILL), ERROR),
    Row("SM505", "then 500", holding(GOOD, invoke_unloaded=(about(INVOKE_UNLOADED, THIRD, 500),)), KEPT),
    Row("SM505", "then no list", holding(GOOD, listed_after=(about(LISTED_AFTER, status=500),)), KEPT),
    Row("SM506", "409", GOOD, KEPT),
    Row("SM506", "200", holding(GOOD, load_twice=(about(LOAD_TWICE, FIRST),)), WARNING),
    Row("SM506", "500", holding(GOOD, load_twice=(about(LOAD_TWICE, FIRST, 500),)), WARNING),
    Row("SM506", "no answer", holding(GOOD, load_twice=(about(LOAD_TWICE, FIRST, None),)), WARNING),
    Row("SM507", "404 each time", GOOD, KEPT),
    Row("SM507", "500 for what was unloaded", holding(GOOD, invoke_unloaded=FAILS_UNLOADED), WARNING),
    Row("SM507", "200 for what was unloaded", holding(GOOD, invoke_unloaded=ANSWERS_STILL), KEPT),
    Row("SM507", "500 for an invocation", told(500, 404, 404), WARNING),
    Row("SM507", "200 for an invocation", told(200, 404, 404), ERROR),
    Row("SM507", "200 for a description", told(404, 200, 404), WARNING),
    Row("SM507", "200 for an unloading", told(404, 404, 200), WARNING),
    Row("SM508", "507, and the others stay", GOOD, KEPT),
    Row("SM508", "200", holding(GOOD, too_big=(about(TOO_BIG, "big"),)), ERROR),
    Row("SM508", "500", holding(GOOD, too_big=(about(TOO_BIG, "big", 500),)), ERROR),
    Row(
        "SM508",
        "it is dead",
        holding(GOOD, alive=False, too_big=(about(TOO_BIG, "big", None),), invoke_after=()),
        ERROR,
    ),
    Row("SM508", "507, and another one fails", holding(GOOD, invoke_after=(about(INVOKE_AFTER, FIRST, 404),)), ERROR),
    Row("SM508", "no such model", asked(GOOD, too_big=False), Reason.NO_BIG_MODEL),
    *(
        Row(name, claim, seen, reason)
        for name in IDS
        for claim, seen, reason in (
            ("it only trains", asked(GOOD, serving=False), Reason.DOES_NOT_SERVE),
            ("no label", NO_LABEL, Reason.ONE_MODEL),
            ("no label, and nothing was run", unmade(NO_LABEL), Reason.ONE_MODEL),
            ("nothing was run", unmade(GOOD), Reason.RUN_MISSING),
            ("it was never healthy", serving(GOOD, unhealthy(), unhealthy(NETWORK)), Reason.RUN_MISSING),
            ("it does not come up with many models", DOES_NOT_COME_UP, Reason.RUN_MISSING),
            ("there was no model", serving(GOOD, exited(model_given=False)), Reason.NO_MODEL),
            ("it brings its own model", NO_MODEL, Reason.NO_MODEL),
        )
    ),
]
