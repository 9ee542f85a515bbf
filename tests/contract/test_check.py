"""A verdict names causes, leaves out what was not wanted, and holds when no error was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from smlocal.contract import RULES, Finding, Outcome, Reason, Rule, Selection, Severity, Verdict, judge
from smlocal.contract.finding import Judgement, broken, kept, without
from smlocal.contract.precedence import FOLLOWS, Link
from smlocal.contract.rule import rule
from smlocal.errors import UsageError
from smlocal.evidence import Conditions, Examination, Exchange, FileSeen, ServingTrial
from tests.contract.rows import ROWS, SICK_AT_REST, SLOW_AT_REST, WRITES, Row, denied
from tests.contract.rows_multi_model import ELSEWHERE
from tests.contract.rows_training import NO_INPUT
from tests.contract.samples import (
    BIG,
    BROKEN_BODY,
    BROKEN_DATA,
    EASY,
    FULL,
    GOOD,
    HARD,
    INVOKE_MODEL,
    LISTED_FIRST,
    LOAD,
    MODEL,
    MULTI_MODEL,
    NETWORK,
    NO_MANIFESTS,
    ONE_CALLER,
    OTHER_END,
    READ_ONLY,
    RECORDS,
    RESUMED,
    SAMPLE,
    SLOW_PING,
    TIMED_OUT,
    TOOLKIT,
    about,
    also,
    answered,
    as_multi_model,
    asked,
    asking,
    busy_pings,
    entrypoint,
    exchange,
    exited,
    failed,
    halted,
    holding,
    image,
    killed,
    labelled,
    lines,
    not_started,
    off_path,
    ping,
    refused,
    requests,
    served,
    serving,
    trained,
    training,
    transformed,
    transforming,
    unanswered,
    unhealthy,
    with_program,
    without_program,
)

# precedence, with rules made for it

BROKEN, KEPT = broken("seen"), kept("seen")
MISSING, NO_MODEL = without(Reason.RUN_MISSING), without(Reason.NO_MODEL)
DOES_NOT_SERVE, INCONCLUSIVE = without(Reason.DOES_NOT_SERVE), without(Reason.INCONCLUSIVE)


def saying(identifier: str, judgement: Judgement, severity: Severity = Severity.ERROR) -> Rule:
    """A rule that always says the same."""
    return Rule(identifier, "name", severity, "title", "why", "fix", ("source",), lambda seen: judgement)


def verdict(said: dict[str, Judgement], *links: Link, selection: Selection | None = None) -> Verdict:
    rules = [saying(identifier, judgement) for identifier, judgement in said.items()]
    return judge(GOOD, rules, selection, links)


def follows(found: Verdict) -> dict[str, str]:
    return {finding.rule: finding.follows for finding in found.findings if finding.follows}


SHOWN = Link("SM101", seen_as=("SM201",))
HIDDEN = Link("SM101", hides=("SM201",))


@pytest.mark.parametrize(
    ("cause", "consequence", "link", "explained"),
    [
        (BROKEN, BROKEN, SHOWN, True),
        (BROKEN, MISSING, HIDDEN, True),
        (BROKEN, NO_MODEL, Link("SM101", leaves_no_model=True), True),
        (BROKEN, KEPT, SHOWN, False),
        (BROKEN, KEPT, HIDDEN, False),
        (BROKEN, DOES_NOT_SERVE, HIDDEN, False),
        (BROKEN, INCONCLUSIVE, HIDDEN, False),
        (BROKEN, BROKEN, HIDDEN, False),
        (BROKEN, MISSING, SHOWN, False),
        (BROKEN, NO_MODEL, HIDDEN, False),
        (KEPT, BROKEN, SHOWN, False),
        (MISSING, BROKEN, SHOWN, False),
        (broken("seen", explains=("SM2",)), BROKEN, SHOWN, True),
        (broken("seen", explains=("SM3",)), BROKEN, SHOWN, False),
        (broken("seen", explains=()), BROKEN, SHOWN, False),
    ],
)
def test_a_cause_explains_what_follows_from_it_and_nothing_else(
    cause: Judgement, consequence: Judgement, link: Link, explained: bool
) -> None:
    found = verdict({"SM101": cause, "SM201": consequence}, link)
    assert follows(found) == ({"SM201": "SM101"} if explained else {})


def test_what_is_explained_is_not_judged_and_says_where_to_look() -> None:
    found = verdict({"SM101": BROKEN, "SM201": broken("seen", sagemaker="text", fix="fix")}, SHOWN).findings[1]
    assert (found.outcome, found.reason) == (Outcome.NOT_JUDGED, Reason.FOLLOWS)
    assert (found.seen, found.sagemaker, found.fix) == ((), "", "")
    assert found.why_not == "it follows from another finding: see SM101"


def test_the_end_of_a_chain_names_its_beginning() -> None:
    links = [Link("SM101", ("SM201",)), Link("SM201", ("SM202",), ("SM203",), leaves_no_model=True)]
    said = {"SM101": BROKEN, "SM201": BROKEN, "SM202": BROKEN, "SM203": MISSING, "SM301": NO_MODEL}
    assert follows(verdict(said, *links)) == dict.fromkeys(("SM201", "SM202", "SM203", "SM301"), "SM101")


def test_the_first_cause_is_named() -> None:
    said = {"SM101": BROKEN, "SM102": BROKEN, "SM201": BROKEN}
    assert follows(verdict(said, SHOWN, Link("SM102", ("SM201",)))) == {"SM201": "SM101"}


def test_a_cause_that_is_not_selected_still_explains() -> None:
    found = verdict({"SM101": BROKEN, "SM201": BROKEN}, SHOWN, selection=Selection(select=("SM2",)))
    assert [(finding.rule, finding.follows) for finding in found.findings] == [("SM201", "SM101")]


def test_a_cause_that_is_not_among_the_rules_explains_nothing() -> None:
    assert follows(verdict({"SM201": BROKEN}, SHOWN)) == {}


# the table

IDS = [rule.id for rule in RULES]


def test_the_table_names_only_known_rules() -> None:
    named = {name for link in FOLLOWS for name in (link.cause, *link.consequences)}
    assert named <= set(IDS)


def test_nothing_follows_from_itself() -> None:
    assert [link for link in FOLLOWS if link.cause in link.consequences] == []


@pytest.mark.parametrize("kind", ["seen_as", "hides"])
def test_what_follows_from_a_consequence_comes_after_it_or_follows_from_the_cause_itself(kind: str) -> None:
    places = {link.cause: place for place, link in enumerate(FOLLOWS)}
    late = [
        (link.cause, name)
        for link in FOLLOWS
        for name in getattr(link, kind)
        if name in places and places[name] <= places[link.cause]
        if not set(getattr(FOLLOWS[places[name]], kind)) <= {*getattr(link, kind)} - {link.cause}
    ]
    assert late == []
    assert len(places) == len(FOLLOWS)


# whole verdicts

ALL_TRAIN = [name for name in IDS if name.startswith("SM2") or name == "SM111"]
ALL_SERVE = [name for name in IDS if name.startswith(("SM115", "SM3", "SM4", "SM5"))]
NOT_WITHOUT_A_WORD = [name for name in ALL_TRAIN if name != "SM205"]
BATCH = [name for name in IDS if name.startswith("SM4")]
MANY = [name for name in IDS if name.startswith("SM5")]
LIVES = ["SM318", "SM319", "SM320", "SM321"]
NEVER_UP = [
    "SM305",
    "SM307",
    "SM308",
    "SM309",
    "SM310",
    "SM311",
    "SM312",
    "SM315",
    "SM316",
    "SM317",
    "SM115",
    *LIVES,
    *BATCH,
    *MANY,
]
AFTER_PASSING = [name for name in ALL_TRAIN if name not in ("SM201", "SM203", "SM205")]
NO_MODEL_SERVED = serving(GOOD, exited(model_given=False), exited(NETWORK, model_given=False)).serving


OF_ONE_MODEL = labelled(GOOD, "accept-bind-to-port")
ODD = Conditions(broken_data=True, toolkit_variables=True)
LINKED = (*MODEL, FileSeen("latest", "symlink", 0, 0o777, "model.joblib"))
PIPED = (*MODEL, FileSeen("pipe", "other", 0, 0o644))
LOADS_ONE = (about(LISTED_FIRST, names=()), about(LOAD, "a1"), about(LOAD, "b2", 507))
AFTER_DESCRIBING: dict[str, tuple[Exchange, ...]] = dict.fromkeys(
    ("unknown", "unload", "listed_after", "invoke_unloaded", "load_again", "too_big", "invoke_after"), ()
)
DYING = served(stop_seconds=None, exited_by_itself=True)


def without_batch(seen: Examination) -> Examination:
    """The examination of an image whose answers were worth no run as a batch transform, and none without its model."""
    left_out = ("batch", "empty model")
    return replace(seen, serving={name: trial for name, trial in seen.serving.items() if name not in left_out})


def of_many(*exchanges: Exchange) -> Examination:
    """The examination whose run as a multi-model endpoint was asked no more than this."""
    return as_multi_model(GOOD, answered(served(MULTI_MODEL), *exchanges))


def of_batch(*exchanges: Exchange) -> ServingTrial:
    """A run as a batch transform that was asked no more than this."""
    return replace(transformed(), exchanges=exchanges)


def untrained(seen: Examination) -> Examination:
    """The examination whose image serves nothing for want of a model."""
    return Examination(seen.asked, seen.image, seen.training, NO_MODEL_SERVED)


CASES: list[tuple[str, Examination, list[str], dict[str, Sequence[str]]]] = [
    ("a good image", GOOD, [], {}),
    (
        "an ARM image of which nothing runs",
        serving(
            training(image(GOOD, architecture="arm64"), hard=failed(HARD, None, 255), easy=failed(EASY, None, 255)),
            exited(code=255),
            exited(NETWORK, code=255),
        ),
        ["SM101"],
        {
            "SM101": [*NOT_WITHOUT_A_WORD, "SM301", "SM302", "SM303", "SM304", "SM306", "SM314", *NEVER_UP],
        },
    ),
    (
        "an ARM image that this machine runs",
        training(image(GOOD, architecture="arm64"), hard=trained(model_files=())),
        ["SM101", "SM202"],
        {},
    ),
    (
        "no train and so no model",
        untrained(without_program(GOOD, "train")),
        ["SM103"],
        {"SM103": ALL_TRAIN + ALL_SERVE},
    ),
    ("no train, and a server without a model", without_program(GOOD, "train"), ["SM103"], {"SM103": ALL_TRAIN}),
    ("no serve", without_program(GOOD, "serve"), ["SM104"], {"SM104": ALL_SERVE}),
    (
        "serve is not executable, and training leaves nothing",
        serving(training(with_program(GOOD, "serve", executable=False), hard=trained(model_files=())), refused()),
        ["SM105", "SM202"],
        {"SM105": ["SM301", "SM302", "SM303", "SM304", "SM306", "SM313", "SM314", *NEVER_UP]},
    ),
    (
        "train is not executable, and ping is missing",
        serving(
            training(with_program(GOOD, "train", executable=False), hard=not_started()),
            unhealthy(pings=(ping(404),)),
            unhealthy(NETWORK, pings=(ping(404),)),
        ),
        ["SM105", "SM303"],
        {"SM105": ALL_TRAIN, "SM303": ["SM302", "SM314", *NEVER_UP]},
    ),
    (
        "an init that finds no train",
        training(off_path(entrypoint(GOOD, "tini", "--"), "train"), hard=failed(HARD, None, 127)),
        ["SM108"],
        {"SM108": NOT_WITHOUT_A_WORD},
    ),
    (
        "a shell that keeps the signal",
        serving(entrypoint(GOOD, "sh", "-c", "serve"), served(killed_after_grace=True, stop_seconds=30.0)),
        ["SM107"],
        {"SM107": ["SM312"]},
    ),
    (
        "a shell that keeps the signal from training, so that nothing is saved",
        also(entrypoint(GOOD, "sh", "-c", "train"), stopped=killed()),
        ["SM107"],
        {"SM107": ["SM207", "SM208"]},
    ),
    ("training goes on until it is killed", also(GOOD, stopped=killed()), ["SM207"], {"SM207": ["SM208"]}),
    (
        "training fails, and nothing is there to serve",
        untrained(training(GOOD, hard=failed(), easy=failed(EASY))),
        ["SM201"],
        {"SM201": [*AFTER_PASSING, *ALL_SERVE]},
    ),
    (
        "training asks a question, and nothing is there to serve",
        untrained(training(GOOD, hard=failed(last_lines=(NO_INPUT,)), easy=failed(EASY, last_lines=(NO_INPUT,)))),
        ["SM215"],
        {"SM215": ["SM201", *[name for name in AFTER_PASSING if name != "SM215"], *ALL_SERVE]},
    ),
    (
        "training is denied its model as another user, and nothing is there to serve",
        untrained(denied("model")),
        ["SM110"],
        {"SM110": ["SM201", *AFTER_PASSING, *ALL_SERVE]},
    ),
    (
        "training fails as another user, for a reason of its own",
        denied("model", "ValueError: no such column"),
        ["SM110", "SM201"],
        {"SM201": AFTER_PASSING},
    ),
    (
        "no model, and so no server",
        untrained(training(GOOD, hard=trained(model_files=()))),
        ["SM202"],
        {"SM202": ALL_SERVE},
    ),
    (
        "a link in the model, which no server can get",
        serving(training(GOOD, hard=trained(model_files=LINKED)), unhealthy(pings=()), unhealthy(NETWORK, pings=())),
        ["SM212"],
        {"SM212": ["SM302", "SM303", "SM304", "SM306", "SM314", *NEVER_UP]},
    ),
    (
        "a link in the model, and another one is served in vain",
        serving(asked(training(GOOD, hard=trained(model_files=LINKED)), model_given=True), exited(), exited(NETWORK)),
        ["SM212", "SM301"],
        {"SM301": ["SM302", "SM303", "SM304", "SM306", "SM314", *NEVER_UP]},
    ),
    (
        "a pipe in the model, of which nobody says what becomes",
        serving(training(GOOD, hard=trained(model_files=PIPED)), exited(), exited(NETWORK)),
        ["SM212", "SM301"],
        {"SM301": ["SM302", "SM303", "SM304", "SM306", "SM314", *NEVER_UP]},
    ),
    (
        "training needs the toolkit's variables",
        training(
            GOOD,
            hard=failed(),
            easy=trained(EASY),
            toolkit=trained(TOOLKIT),
            broken_data=failed(ODD),
            stopped=halted(),
            resumed=halted(RESUMED, told="going on"),
        ),
        ["SM211"],
        {"SM211": ["SM201"]},
    ),
    (
        "the model is where only the toolkit's variables would have it elsewhere",
        also(GOOD, hard=trained(model_files=()), toolkit=trained(TOOLKIT)),
        ["SM211"],
        {"SM211": ["SM202"]},
    ),
    (
        "training needs the toolkit's variables, and leaves nothing then",
        training(
            GOOD,
            hard=failed(),
            easy=trained(EASY, model_files=()),
            toolkit=trained(TOOLKIT, model_files=()),
            broken_data=failed(ODD),
            stopped=halted(),
            resumed=halted(RESUMED, told="going on"),
        ),
        ["SM202", "SM211"],
        {"SM211": ["SM201"]},
    ),
    (
        "training trips over manifests, which the platform always writes",
        training(
            GOOD,
            hard=failed(),
            easy=trained(EASY),
            no_manifests=trained(NO_MANIFESTS),
            broken_data=failed(ODD),
            stopped=halted(),
            resumed=halted(RESUMED, told="going on"),
        ),
        ["SM213"],
        {"SM213": ["SM201"]},
    ),
    (
        "training needs the network and fails without a word",
        training(GOOD, hard=failed(HARD, None), easy=trained(EASY), network=trained(NETWORK)),
        ["SM203", "SM209"],
        {},
    ),
    (
        "broken data passes",
        also(GOOD, broken_data=trained(BROKEN_DATA)),
        ["SM204"],
        {"SM204": ["SM203", "SM205"]},
    ),
    (
        "the server ends while it starts",
        serving(GOOD, exited(), exited(NETWORK)),
        ["SM301"],
        {"SM301": ["SM302", "SM303", "SM304", "SM306", "SM314", *NEVER_UP]},
    ),
    (
        "the server writes to its model and ends of it",
        serving(GOOD, exited(last_lines=(READ_ONLY,)), exited(NETWORK, last_lines=(READ_ONLY,))),
        ["SM313"],
        {"SM313": ["SM301", "SM302", "SM303", "SM304", "SM306", "SM314", *NEVER_UP]},
    ),
    (
        "the server listens on loopback",
        serving(GOOD, *(unhealthy(how, listening=("127.0.0.1:8080",)) for how in (HARD, NETWORK))),
        ["SM306"],
        {"SM306": ["SM302", "SM303", "SM304", "SM314", *NEVER_UP]},
    ),
    (
        "pings are too slow",
        serving(GOOD, *(unhealthy(how, pings=(SLOW_PING,)) for how in (HARD, NETWORK))),
        ["SM304"],
        {"SM304": ["SM302", "SM303", "SM314", *NEVER_UP]},
    ),
    (
        "pings are dropped without an answer",
        serving(GOOD, *(unhealthy(how, listening=("0.0.0.0:8080",)) for how in (HARD, NETWORK))),
        ["SM302"],
        {"SM302": ["SM303", "SM304", "SM314", *NEVER_UP]},
    ),
    (
        "pings are too slow after the first, also while the server is busy",
        asking(GOOD, at_rest=SLOW_AT_REST, busy=busy_pings((1.05, 4.05)), alive=False),
        ["SM304"],
        {"SM304": ["SM305"]},
    ),
    (
        "pings get 500 after the first invocation, also while the server is busy",
        asking(GOOD, at_rest=SICK_AT_REST, busy=busy_pings((1.05, 1.07), status=500), alive=False),
        ["SM303"],
        {"SM303": ["SM305"]},
    ),
    (
        "pings get 500 after the first invocation, which fails",
        without_batch(
            asking(OF_ONE_MODEL, samples=(exchange(SAMPLE, 400),), at_rest=SICK_AT_REST, serial=(), crowd=())
        ),
        ["SM303", "SM307"],
        {"SM307": ["SM115", "SM318", "SM320", *BATCH]},
    ),
    (
        "the server writes to its model, and says nothing of that",
        WRITES,
        ["SM313"],
        {"SM313": ["SM301", "SM302", "SM303", "SM304", "SM306", "SM314", *NEVER_UP]},
    ),
    ("the server needs the network", serving(GOOD, exited(), served(NETWORK)), ["SM314"], {}),
    (
        "a sample takes too long",
        without_batch(
            asking(OF_ONE_MODEL, samples=(unanswered(SAMPLE, TIMED_OUT, seconds=60.0),), serial=(), crowd=())
        ),
        ["SM308"],
        {"SM308": ["SM115", "SM307", "SM318", "SM320", *BATCH]},
    ),
    (
        "a sample fails",
        without_batch(asking(OF_ONE_MODEL, samples=(exchange(SAMPLE, 400),), serial=(), crowd=())),
        ["SM307"],
        {"SM307": ["SM115", "SM318", "SM320", *BATCH]},
    ),
    (
        "records fail, though the sample does not",
        replace(GOOD, serving={**GOOD.serving, "batch": of_batch(lines(RECORDS, None, status=500))}),
        ["SM402"],
        {"SM402": ["SM403", "SM404", "SM405", "SM406", "SM407", "SM408"]},
    ),
    (
        "a record without its newline hangs",
        replace(GOOD, serving={**GOOD.serving, "batch": of_batch(lines(RECORDS), unanswered(OTHER_END, TIMED_OUT))}),
        ["SM403"],
        {"SM403": ["SM404", "SM405", "SM406", "SM407", "SM408"]},
    ),
    (
        "a final newline counts, and a full request is refused",
        transforming(GOOD, other_end=(lines(OTHER_END, 3),), full=(lines(FULL, None, status=413),), at_once=()),
        ["SM403", "SM404"],
        {"SM404": ["SM407"]},
    ),
    (
        "nothing of 6 MiB is taken",
        transforming(asking(GOOD, big=(exchange(BIG, 413),)), full=(lines(FULL, None, status=413),), at_once=()),
        ["SM311"],
        {"SM311": ["SM404", "SM407"]},
    ),
    (
        "a body of 6 MiB is no sample, and fails a job",
        transforming(asking(GOOD, big=(exchange(BIG, 400),)), full=(lines(FULL, None, status=400),), at_once=()),
        ["SM311", "SM404"],
        {"SM404": ["SM407"]},
    ),
    (
        "a sample takes too long, and another one fails",
        asking(
            GOOD,
            samples=(unanswered(SAMPLE, TIMED_OUT, seconds=60.0), exchange(SAMPLE, 400)),
            serial=(),
            crowd=(),
        ),
        ["SM307", "SM308"],
        {},
    ),
    (
        "it is healthy before it can work",
        asking(GOOD, samples=(exchange(SAMPLE, 500),)),
        ["SM317"],
        {"SM317": ["SM307"]},
    ),
    (
        "it is healthy before it can work, and another sample is never answered",
        asking(
            GOOD,
            samples=(exchange(SAMPLE, 500), exchange(SAMPLE, 400)),
            serial=(exchange(ONE_CALLER, sample=0), exchange(ONE_CALLER, 400, sample=1)),
            crowd=(),
        ),
        ["SM307", "SM317"],
        {},
    ),
    (
        "it is healthy before it can work, and works wrongly then",
        asking(GOOD, samples=(exchange(SAMPLE, 500, expected=b"1\n"),)),
        ["SM307", "SM317"],
        {},
    ),
    (
        "it complains of its model and comes up, and a sample fails",
        replace(
            without_batch(asking(OF_ONE_MODEL, samples=(exchange(SAMPLE, 400),), serial=(), crowd=())),
            serving={
                "hard": answered(
                    served(last_lines=(READ_ONLY,)),
                    *requests(samples=(exchange(SAMPLE, 400),), serial=(), crowd=()),
                )
            },
        ),
        ["SM307", "SM313"],
        {"SM307": ["SM115", "SM318", "SM320", *BATCH]},
    ),
    (
        "it complains of its model, and comes up with network",
        serving(GOOD, exited(last_lines=(READ_ONLY,)), served(NETWORK, last_lines=(READ_ONLY,))),
        ["SM313", "SM314"],
        {},
    ),
    (
        "a broken body ends the server",
        serving(GOOD, answered(DYING, *requests(broken_body=(unanswered(BROKEN_BODY),)), alive=False)),
        ["SM310"],
        {"SM310": ["SM312"]},
    ),
    (
        "a label for many models, and none of their routes",
        of_many(about(LISTED_FIRST, status=404), about(LOAD, "a1", 404)),
        ["SM115"],
        {"SM115": MANY},
    ),
    (
        "a label for many models, with which it does not come up",
        as_multi_model(GOOD, exited(MULTI_MODEL)),
        ["SM115"],
        {"SM115": MANY},
    ),
    ("a label for another port, on which it does not come up", ELSEWHERE, ["SM115"], {}),
    (
        "a label for another port, and the second model cannot be loaded",
        replace(
            ELSEWHERE,
            serving={**ELSEWHERE.serving, "multi-model": of_many(*LOADS_ONE).serving["multi-model"]},
        ),
        ["SM115", "SM501"],
        {"SM501": [name for name in MANY if name not in ("SM501", "SM502")]},
    ),
    (
        "an invocation of a model hangs",
        holding(GOOD, **AFTER_DESCRIBING, invoke=(about(INVOKE_MODEL, "a1", None),)),
        ["SM504"],
        {"SM504": ["SM505", "SM507", "SM508"]},
    ),
]


@pytest.mark.parametrize(("claim", "seen", "expected", "explained"), CASES, ids=[case[0] for case in CASES])
def test_a_verdict_holds_causes_apart_from_what_follows_from_them(
    claim: str, seen: Examination, expected: list[str], explained: dict[str, Sequence[str]]
) -> None:
    found = judge(seen, RULES)
    assert [finding.rule for finding in found.findings if finding.outcome is Outcome.BROKEN] == expected
    assert follows(found) == {name: cause for cause, names in explained.items() for name in names}


def severity_of(rule: Rule, judgement: Judgement) -> Severity:
    return judgement.severity or rule.severity


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.rule} {row.claim}")
def test_a_warning_explains_no_error_so_that_no_failure_passes(row: Row) -> None:
    judged = {item.id: (item, item.judge(row.seen)) for item in RULES}
    for finding in judge(row.seen, RULES).findings:
        if finding.follows and judged[finding.rule][1].outcome is Outcome.BROKEN:
            severities = [severity_of(*judged[name]) for name in (finding.rule, finding.follows)]
            assert severities != [Severity.ERROR, Severity.WARNING], finding


@pytest.mark.parametrize(
    ("said", "severity", "holds", "holds_strictly"),
    [
        (KEPT, Severity.ERROR, True, True),
        (BROKEN, Severity.ERROR, False, False),
        (BROKEN, Severity.WARNING, True, False),
        (broken("seen", severity=Severity.WARNING), Severity.ERROR, True, False),
        (broken("seen", severity=Severity.ERROR), Severity.WARNING, False, False),
        (MISSING, Severity.ERROR, True, True),
        (DOES_NOT_SERVE, Severity.ERROR, True, True),
    ],
)
def test_a_verdict_holds_without_errors_and_strictly_without_warnings(
    said: Judgement, severity: Severity, holds: bool, holds_strictly: bool
) -> None:
    found = judge(GOOD, [saying("SM101", said, severity)])
    assert (found.holds(), found.holds(strict=True)) == (holds, holds_strictly)


def test_only_what_is_kept_counts_as_kept() -> None:
    found = verdict({"SM101": KEPT, "SM102": BROKEN, "SM103": MISSING, "SM104": DOES_NOT_SERVE, "SM105": KEPT})
    counts = {outcome: found.count(outcome) for outcome in Outcome}
    assert counts == {
        Outcome.KEPT: 2,
        Outcome.BROKEN: 1,
        Outcome.NOT_JUDGED: 1,
        Outcome.NOT_APPLICABLE: 1,
    }


@pytest.mark.parametrize(
    ("said", "fix"),
    [(BROKEN, "fix"), (broken("seen", fix="another"), "another"), (KEPT, ""), (MISSING, "")],
)
def test_a_broken_rule_says_how_to_mend_it_and_no_other_does(said: Judgement, fix: str) -> None:
    finding: Finding = verdict({"SM101": said}).findings[0]
    assert finding.fix == fix


# selection


@pytest.mark.parametrize(
    ("select", "ignore", "wanted"),
    [
        ([], [], ["SM103", "SM301", "SM305"]),
        (["SM3"], [], ["SM301", "SM305"]),
        (["SM103,SM305"], [], ["SM103", "SM305"]),
        (["SM103", " sm305 "], [], ["SM103", "SM305"]),
        ([], ["SM3"], ["SM103"]),
        (["SM3"], ["SM305"], ["SM301"]),
        (["SM305"], ["SM3"], ["SM305"]),
        (["SM"], ["SM3"], ["SM103"]),
        (["SM305"], ["SM305"], []),
        ([""], [","], ["SM103", "SM301", "SM305"]),
    ],
)
def test_the_longest_beginning_wins(select: list[str], ignore: list[str], wanted: list[str]) -> None:
    rules = [saying(name, KEPT) for name in ("SM103", "SM301", "SM305")]
    found = judge(GOOD, rules, Selection.of(select, ignore, rules))
    assert [finding.rule for finding in found.findings] == wanted


@pytest.mark.parametrize(("select", "ignore"), [(["SM9"], []), ([], ["SM999"]), (["SM3,XY"], []), (["305"], [])])
def test_what_no_rule_begins_with_is_refused(select: list[str], ignore: list[str]) -> None:
    with pytest.raises(UsageError, match=r"no rule's id begins with '(SM9|SM999|XY|305)'"):
        Selection.of(select, ignore, RULES)


# rules and their pages


def documented(page: str | None) -> Callable[[Examination], Judgement]:
    def some_fault(seen: Examination) -> Judgement:
        return KEPT

    some_fault.__doc__ = page
    return some_fault


PAGE = """A title.

    Why: It
    matters.

    Fix: Mend it.
    """


def test_a_rule_is_made_of_a_function_and_its_docstring() -> None:
    made = rule("SM101", Severity.ERROR, "a source")(documented(PAGE))
    assert (made.name, made.title, made.why, made.fix) == ("some-fault", "A title", "It matters.", "Mend it.")


@pytest.mark.parametrize(
    ("identifier", "sources", "page", "words"),
    [
        ("SM1", ["a source"], PAGE, "no rule id"),
        ("SM601", ["a source"], PAGE, "no rule id"),
        ("SM1011", ["a source"], PAGE, "no rule id"),
        ("SM101", [], PAGE, "names no source"),
        ("SM101", [""], PAGE, "names no source"),
        ("SM101", ["a source"], None, "needs a title"),
        ("SM101", ["a source"], "A title.", "needs a title"),
        ("SM101", ["a source"], "A title.\n\nWhy: It matters.", "needs a title"),
        ("SM101", ["a source"], "A title.\n\nFix: Mend it.", "needs a title"),
        ("SM101", ["a source"], "A title.\n\nWhy:\n\nFix: Mend it.", "needs a title"),
        ("SM101", ["a source"], "A title.\n\nWhy: It.\n\nFix: Mend.\n\nMore.", "needs a title"),
        ("SM101", ["a source"], "A title.\n\nWhy: It.\n\nWhy: Again.\n\nFix: Mend.", "needs a title"),
    ],
)
def test_a_rule_without_id_source_or_page_is_refused(
    identifier: str, sources: list[str], page: str | None, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        rule(identifier, Severity.ERROR, *sources)(documented(page))


def test_ids_are_unique_and_in_order() -> None:
    assert sorted(set(IDS)) == IDS


@pytest.mark.parametrize("item", RULES, ids=lambda item: item.id)
def test_a_title_fits_one_line_of_a_report(item: Rule) -> None:
    assert 0 < len(item.title) <= 80
    assert "\n" not in item.title


@pytest.mark.parametrize(
    "item", [item for item in RULES if item.severity is Severity.WARNING], ids=lambda item: item.id
)
def test_the_page_of_a_warning_says_why_it_is_none_the_worse(item: Rule) -> None:
    assert "warning" in item.why
