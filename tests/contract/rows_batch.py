"""What the rules of batch transforms must say."""

from __future__ import annotations

from dataclasses import replace

from smlocal.contract import Reason
from smlocal.evidence import ExecutionParameters
from tests.contract.row import ERROR, KEPT, WARNING, Row
from tests.contract.samples import (
    ACCEPT,
    AT_ONCE,
    BATCH,
    BLANK_LINE,
    CRLF,
    FULL,
    GOOD,
    NETWORK,
    OTHER_END,
    PROPOSED,
    RECORDS,
    TIMED_OUT,
    asked,
    exited,
    lines,
    serving,
    transforming,
    unanswered,
    unhealthy,
    unmade,
)

IDS = [f"SM40{number}" for number in range(1, 9)]
NONE_PROPOSED = ExecutionParameters(404)
NO_JSON = ExecutionParameters(200, ("/execution-parameters answered something that is not JSON",))
SINGLE = replace(PROPOSED, strategy="SINGLE_RECORD")
ONE_BY_ONE = tuple(lines(RECORDS, 1, 1) for _ in range(4))
JSON = {"content_type": "application/json"}
SICK_AS_BATCH = replace(GOOD, serving={**GOOD.serving, "batch": exited(BATCH)})
REFUSED = lines(FULL, None, 1000, 413)
FAILS_AT_ONCE = (lines(AT_ONCE, 1000, 1000), lines(AT_ONCE, None, 1000, 503))

ROWS = [
    Row("SM401", "numbers and a strategy", GOOD, KEPT),
    Row("SM401", "404", transforming(GOOD, NONE_PROPOSED), KEPT),
    Row("SM401", "no JSON", transforming(GOOD, NO_JSON), WARNING),
    Row("SM401", "500", transforming(GOOD, ExecutionParameters(500, ("it answered 500",))), WARNING),
    Row("SM401", "it was not asked", transforming(GOOD, None), Reason.RUN_MISSING),
    Row("SM402", "four in, four out", GOOD, KEPT),
    Row("SM402", "four in, one out", transforming(GOOD, records=(lines(RECORDS, 1),)), ERROR),
    Row("SM402", "four in, five out", transforming(GOOD, records=(lines(RECORDS, 5),)), ERROR),
    Row("SM402", "four in, none out", transforming(GOOD, records=(lines(RECORDS, 0),)), ERROR),
    Row("SM402", "one by one", transforming(GOOD, SINGLE, records=ONE_BY_ONE), KEPT),
    Row("SM402", "one by one, and one without", transforming(GOOD, records=(*ONE_BY_ONE, lines(RECORDS, 0, 1))), ERROR),
    Row("SM402", "500", transforming(GOOD, records=(lines(RECORDS, None, status=500),)), ERROR),
    Row("SM402", "400", transforming(GOOD, records=(lines(RECORDS, None, status=400),)), ERROR),
    Row("SM402", "no answer", transforming(GOOD, records=(unanswered(RECORDS, TIMED_OUT),)), ERROR),
    Row("SM402", "JSON", transforming(GOOD, records=(lines(RECORDS, None, **JSON),)), Reason.INCONCLUSIVE),
    Row("SM403", "the same number without it", GOOD, KEPT),
    Row("SM403", "one less without it", transforming(GOOD, other_end=(lines(OTHER_END, 3),)), WARNING),
    Row("SM403", "400 without it", transforming(GOOD, other_end=(lines(OTHER_END, None, status=400),)), WARNING),
    Row("SM403", "no answer without it", transforming(GOOD, other_end=(unanswered(OTHER_END),)), WARNING),
    Row(
        "SM403",
        "always the same wrong number",
        transforming(GOOD, records=(lines(RECORDS, 1),), other_end=(lines(OTHER_END, 1),)),
        KEPT,
    ),
    Row(
        "SM403",
        "the same number of the last of single records",
        transforming(GOOD, SINGLE, records=ONE_BY_ONE, other_end=(lines(OTHER_END, 1, 1),)),
        KEPT,
    ),
    Row("SM403", "JSON", transforming(GOOD, other_end=(lines(OTHER_END, None, **JSON),)), Reason.INCONCLUSIVE),
    Row("SM404", "200", GOOD, KEPT),
    Row("SM404", "413", transforming(GOOD, full=(REFUSED,)), ERROR),
    Row("SM404", "no answer", transforming(GOOD, full=(unanswered(FULL, TIMED_OUT),)), ERROR),
    Row("SM404", "another number of records", transforming(GOOD, full=(lines(FULL, 1, 1000),)), KEPT),
    Row("SM404", "single records alone", transforming(GOOD, SINGLE, full=()), Reason.NO_SUCH_CASE),
    Row("SM405", "the same number", GOOD, KEPT),
    Row("SM405", "twice as many", transforming(GOOD, crlf=(lines(CRLF, 8),)), WARNING),
    Row("SM405", "500", transforming(GOOD, crlf=(lines(CRLF, None, status=500),)), WARNING),
    Row("SM405", "JSON", transforming(GOOD, crlf=(lines(CRLF, None, **JSON),)), Reason.INCONCLUSIVE),
    Row("SM406", "it is left out", GOOD, KEPT),
    Row("SM406", "400", transforming(GOOD, blank_line=(lines(BLANK_LINE, None, 5, 400),)), KEPT),
    Row("SM406", "it is predicted", transforming(GOOD, blank_line=(lines(BLANK_LINE, 5, 5),)), WARNING),
    Row("SM406", "it ends the records", transforming(GOOD, blank_line=(lines(BLANK_LINE, 1, 5),)), WARNING),
    Row("SM406", "500", transforming(GOOD, blank_line=(lines(BLANK_LINE, None, 5, 500),)), WARNING),
    Row("SM406", "no answer", transforming(GOOD, blank_line=(unanswered(BLANK_LINE),)), WARNING),
    Row("SM406", "single records alone", transforming(GOOD, SINGLE, blank_line=()), Reason.NO_SUCH_CASE),
    Row("SM407", "all at once", GOOD, KEPT),
    Row("SM407", "503 for one of two", transforming(GOOD, at_once=FAILS_AT_ONCE), ERROR),
    Row("SM407", "no answer for one", transforming(GOOD, at_once=(lines(AT_ONCE), unanswered(AT_ONCE))), ERROR),
    Row("SM407", "answers of two lengths", transforming(GOOD, at_once=(lines(AT_ONCE), lines(AT_ONCE, 3))), ERROR),
    Row("SM407", "JSON for both", transforming(GOOD, at_once=(lines(AT_ONCE, None), lines(AT_ONCE, None))), KEPT),
    Row("SM407", "nothing proposed", transforming(GOOD, NONE_PROPOSED, at_once=()), Reason.NO_SUCH_CASE),
    Row(
        "SM407", "a full request alone was refused", transforming(GOOD, full=(REFUSED,), at_once=()), Reason.RUN_MISSING
    ),
    Row("SM408", "what Accept names", GOOD, KEPT),
    Row("SM408", "with parameters", transforming(GOOD, accept=(lines(ACCEPT, content_type="Text/CSV; a=b"),)), KEPT),
    Row("SM408", "406", transforming(GOOD, accept=(lines(ACCEPT, None, status=406),)), KEPT),
    Row("SM408", "JSON where CSV was asked for", transforming(GOOD, accept=(lines(ACCEPT, None, **JSON),)), WARNING),
    Row("SM408", "500", transforming(GOOD, accept=(lines(ACCEPT, None, status=500),)), WARNING),
    Row(
        "SM408",
        "the second of two that are asked for",
        transforming(GOOD, accept=(lines(ACCEPT, accepts="text/csv, application/json;q=0.5", **JSON),)),
        KEPT,
    ),
    Row(
        "SM408",
        "anything is asked for",
        transforming(GOOD, accept=(lines(ACCEPT, accepts="*/*"),)),
        Reason.NO_SUCH_CASE,
    ),
    Row("SM408", "no type", transforming(GOOD, accept=(lines(ACCEPT, content_type=""),)), Reason.INCONCLUSIVE),
    *(
        Row(name, claim, seen, reason)
        for name in IDS
        for claim, seen, reason in (
            ("it only trains", asked(GOOD, serving=False), Reason.DOES_NOT_SERVE),
            ("nothing was run", unmade(GOOD), Reason.RUN_MISSING),
            ("it was never healthy", serving(GOOD, unhealthy(), unhealthy(NETWORK)), Reason.RUN_MISSING),
            ("there was no model", serving(GOOD, exited(model_given=False)), Reason.NO_MODEL),
            ("no samples", asked(GOOD, samples=0, records=False), Reason.NO_SAMPLE),
            ("no sample of lines", asked(GOOD, records=False), Reason.NO_RECORDS),
            ("it does not come up as a batch container", SICK_AS_BATCH, Reason.INCONCLUSIVE),
        )
    ),
]
