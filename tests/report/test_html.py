"""The HTML report, read by a parser: whole, self-contained, nothing of a container's output in it but as text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.contract import RULES, Outcome, Verdict
from smlocal.evidence import Asked, Examination, Exchange, Ping, ServingTrial, TrainingTrial, Transition
from smlocal.report import Report, as_html
from smlocal.report.escaping import one_line
from tests.report.reports import IMAGE, NEVER_HEALTHY, REPORTS, SERVED, TRAINED, finding, report

VOID = {"meta"}
FETCHING = {"src", "srcset", "action", "background", "data", "poster", "xlink:href"}
ACTIVE = {"script", "iframe", "object", "embed", "link", "img", "image", "form", "base", "use", "foreignobject"}


@dataclass
class Node:
    name: str
    attributes: dict[str, str]
    children: list[Node] = field(default_factory=list)
    own: str = ""

    @property
    def text(self) -> str:
        return self.own + "".join(child.text for child in self.children)

    def all(self, name: str) -> list[Node]:
        inner = [found for child in self.children for found in child.all(name)]
        return ([self] if self.name == name else []) + inner

    def marked(self, *classes: str) -> list[Node]:
        inner = [found for child in self.children for found in child.marked(*classes)]
        return ([self] if set(classes) <= set(self.attributes.get("class", "").split()) else []) + inner


class Reader(HTMLParser):
    """Builds a tree, and fails on an end tag that does not fit."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names)
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].own += data


def read(text: str) -> Node:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == [reader.root]
    return reader.root


def shape(node: Node) -> list[object]:
    """The elements and the names of their attributes, without any text."""
    return [node.name, sorted(node.attributes), [shape(child) for child in node.children]]


def of_runs(*, training: TrainingTrial | None = None, serving: ServingTrial | None = None) -> Node:
    trained = {"hard": training} if training else {}
    served = {"hard": serving} if serving else {}
    examination = Examination(Asked(), IMAGE, trained, served)
    return read(as_html(Report("i", examination, Verdict((finding("SM101"),)), 1.0, "0.1.0")))


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_whole_and_asks_for_nothing(name: str) -> None:
    page = read(as_html(REPORTS[name]))
    (html,) = page.all("html")
    assert [child.name for child in html.children] == ["head", "body"]
    nodes = [page]
    for node in nodes:
        nodes += node.children
        assert node.name not in ACTIVE
        assert not FETCHING & set(node.attributes)
        assert not [key for key in node.attributes if key.startswith("on")]
        assert node.attributes.get("href", "#").startswith("#")
    (style,) = page.all("style")
    assert "prefers-color-scheme: dark" in style.own
    assert not re.search(r"url\(|@import|//", style.own)


@pytest.mark.parametrize("name", REPORTS)
def test_the_verdict_comes_first_with_its_counts(name: str) -> None:
    body = read(as_html(REPORTS[name])).all("body")[0]
    shown, verdict = REPORTS[name], REPORTS[name].verdict
    assert body.children[0].all("h1")[0].text.startswith("PASSED" if shown.passed else "FAILED")
    counts = {item.own: int(item.all("b")[0].text) for item in body.marked("counts")[0].all("li")}
    outcomes = {"kept": Outcome.KEPT, "not judged": Outcome.NOT_JUDGED, "not applicable": Outcome.NOT_APPLICABLE}
    assert {word: counts[word] for word in outcomes} == {w: verdict.count(outcome) for w, outcome in outcomes.items()}
    assert counts["errors"] + counts["warnings"] + counts.get("allowed", 0) == verdict.count(Outcome.BROKEN)


@pytest.mark.parametrize("outcome", Outcome)
def test_every_rule_is_there_whatever_became_of_it(outcome: Outcome) -> None:
    page = read(as_html(report(*(finding(rule.id, outcome) for rule in RULES))))
    places = [node.attributes["id"] for name in ("tr", "article") for node in page.all(name) if "id" in node.attributes]
    assert sorted(places) == [rule.id for rule in RULES]
    assert page.text.count("what was seen") == len(RULES)


def test_what_is_broken_tells_what_was_seen_the_exact_text_why_and_the_fix() -> None:
    page = read(as_html(REPORTS["one of each outcome"]))
    article = next(node for node in page.all("article") if node.attributes.get("id") == "SM305")
    said = dict(zip((node.text for node in article.all("dt")), (node.text for node in article.all("dd")), strict=True))
    rule = next(rule for rule in RULES if rule.id == "SM305")
    assert said == {
        "seen": "GET /ping: 200 in 9.80 s\n| Traceback",
        "SageMaker": "424 ModelError",
        "why": rule.why.replace("`", ""),
        "fix": rule.fix.replace("`", ""),
    }
    links = [node.attributes["href"] for node in page.marked("overview")[0].all("a")]
    assert links == ["#SM305", "#SM110"]


hostile = st.text(alphabet=st.characters(), max_size=20) | st.text(alphabet="<>&\"'`/= !-]sctyle\n", max_size=30)


@given(hostile)
def test_hostile_text_changes_nothing_of_the_page_but_its_text(text: str) -> None:
    def page(word: str) -> Node:
        broken = finding("SM305", Outcome.BROKEN, seen=(word,), sagemaker=word)
        kept = finding("SM101", seen=(word,))
        unjudged = finding("SM307", Outcome.NOT_JUDGED, seen=(word,))
        sick = replace(NEVER_HEALTHY, reason=word, run=replace(NEVER_HEALTHY.run, start_pings=(ping(word),)))
        asked = replace(SERVED, exchanges=(Exchange(word, word, 0.0, 0.1, None, fault=word),))
        examination = Examination(Asked(scaled_limits=(word,)), IMAGE, {}, {"a": sick, "b": asked})
        return read(as_html(Report(word, examination, Verdict((kept, broken, unjudged)), 1.0, word)))

    def ping(word: str) -> Ping:
        return Ping(0.0, 0.1, None, fault=word)

    word = f"x{text}"
    found = page(word)
    assert shape(found) == shape(page("plain"))
    assert one_line(word) in {node.text.strip() for node in found.all("code")}


def test_markup_of_a_container_is_shown_as_it_wrote_it() -> None:
    text = "</style></pre><script>alert(1)</script><!-- &lt;"
    page = as_html(report(finding("SM305", Outcome.BROKEN, seen=(text,))))
    assert "<script" not in page and "<!--" not in page
    assert text in [node.text for node in read(page).all("pre")]


BUSY = replace(
    SERVED,
    run=replace(SERVED.run, start_pings=(Ping(0.1, 0.0, None, "refused"), Ping(1.0, 0.5, 200)), stopped_after=9.0),
    exchanges=(
        Exchange("sample 1", "POST /invocations text/csv, 17 bytes", 0.5, 0.25, 200),
        Exchange("unknown type", "POST /invocations x/y, 1 bytes", 1.0, 0.1, 415),
        Exchange("broken body", "POST /invocations text/csv, 9 bytes", 1.5, 0.1, 500),
        Exchange("big", "POST /invocations text/csv, 6 bytes", 2.0, 3.0, None, fault="cut off"),
        Exchange("ping while busy", "GET /ping", 2.1, 2.5, 200),
    ),
)


def test_a_serving_run_has_a_mark_for_each_ping_and_exchange_the_stop_and_the_end() -> None:
    (drawn,) = of_runs(serving=BUSY).all("svg")
    pings = [node.attributes["class"].split()[1] for node in drawn.marked("ping")]
    exchanges = [node.attributes["class"].split()[1] for node in drawn.marked("exchange")]
    assert (pings, exchanges) == (["bad", "good", "slow"], ["good", "plain", "bad", "bad"])
    events = [node.text for node in drawn.marked("event")]
    assert events == ["the container starts", "the first healthy ping", "SIGTERM", "exit code 0, 0.50 s later"]
    notes = [node.text for node in drawn.marked("note")]
    assert "415 in 0.100 s" in notes and "cut off in 3.000 s" in notes and "1 healthy, 1 slow, 1 unhealthy" in notes


def test_a_bar_stands_where_the_axis_says() -> None:
    """An exchange counts from the first healthy ping, the axis from the start of the container."""
    (drawn,) = of_runs(serving=BUSY).all("svg")
    ticks = [node for node in drawn.marked("tick") if re.fullmatch(r"[\d.]+", node.text)]
    assert drawn.marked("tick")[-1].text == "seconds since the start"
    (low, x_low), *_, (high, x_high) = [(float(node.text), float(node.attributes["x"])) for node in ticks]
    bar = drawn.marked("exchange")[3]
    left, width = float(bar.attributes["x"]), float(bar.attributes["width"])
    seconds = [(x - x_low) / (x_high - x_low) * (high - low) for x in (left, left + width)]
    assert seconds == pytest.approx([3.5, 6.5], abs=0.02)
    assert low == 0 and high >= 9.5


def test_a_chart_has_its_text_alternative() -> None:
    page = of_runs(serving=BUSY)
    (drawn,) = page.all("svg")
    named = drawn.attributes["aria-labelledby"].split()
    texts = {node.attributes["id"]: node.text for node in drawn.children if "id" in node.attributes}
    assert drawn.attributes["role"] == "img" and list(texts) == named and all(texts.values())
    (table,) = page.all("figure")[0].all("table")
    cells = [[cell.text for cell in row.all("td")] for row in table.all("tbody")[0].all("tr")]
    assert len(cells) == 3 + 4 + 4
    assert ["big", "3.500 s", "6.500 s"] in [row[:3] for row in cells]


def phases(*spans: tuple[str, float, float]) -> tuple[Transition, ...]:
    origin = datetime(2026, 1, 1, tzinfo=timezone.utc)
    at = [(name, origin + timedelta(seconds=began), origin + timedelta(seconds=ended)) for name, began, ended in spans]
    return tuple(Transition(name, began, ended, ("m",)) for name, began, ended in at)


def test_a_training_run_has_its_phases_its_output_the_stop_signal_and_the_end() -> None:
    spans = phases(("Starting", 0, 1), ("Training", 1, 3), ("Stopping", 3, 5), ("Stopped", 5, 5))
    run = replace(TRAINED.run, transitions=spans, exit_code=137, killed_after_grace=True)
    page = of_runs(training=replace(TRAINED, status="Stopped", seconds=5.0, run=run, line_times=(1.5, 2.0)))
    (drawn,) = page.all("svg")
    assert [node.text for node in drawn.marked("label")] == ["Starting", "Training", "stop signal", "output", "end"]
    assert [node.attributes["class"] for node in drawn.marked("phase")] == ["phase plain", "phase plain", "phase slow"]
    assert len(drawn.marked("lines")) == 2
    notes = [node.text for node in drawn.marked("note")]
    assert notes[2:] == ["2.00 s, then killed", "2 lines", "Stopped, exit code 137"]


def test_thousands_of_lines_are_no_thousands_of_marks() -> None:
    times = tuple(number / 1000 for number in range(10_000))
    (drawn,) = of_runs(training=replace(TRAINED, seconds=10.0, line_times=times)).all("svg")
    assert 100 < len(drawn.marked("lines")) <= 501
    assert "10000 lines" in [node.text for node in drawn.marked("note")]


def test_a_server_that_ended_by_itself_is_said_to() -> None:
    run = replace(NEVER_HEALTHY.run, exited_by_itself=True, exit_code=3, stop_seconds=None, start_pings=())
    (drawn,) = of_runs(serving=replace(NEVER_HEALTHY, run=run)).all("svg")
    assert drawn.marked("event", "bad")[0].text == "it ended by itself, exit code 3"
