"""The badge: what it says, that it is one well-formed picture, and that it is the same everywhere."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.contract import Finding, Outcome
from smlocal.report import SavedReport, badge_as_shields, badge_as_svg
from tests.report.reports import ALL_KEPT, ONE_OF_EACH, WARNINGS_ONLY, finding
from tests.report.saved import saved

SVG = "{http://www.w3.org/2000/svg}"
SCALED = replace(saved(*ALL_KEPT), scaled_limits=("ping_timeout=0.5",))
ALLOWED = saved(*(replace(item, allowed="a reason") for item in WARNINGS_ONLY if item.outcome is Outcome.BROKEN))
ROWS = [
    (saved(*ALL_KEPT), f"passed: {len(ALL_KEPT)} kept, 0 broken", "brightgreen"),
    (saved(*ONE_OF_EACH), "failed: 1 kept, 2 broken, 2 not judged", "red"),
    (saved(*WARNINGS_ONLY), "passed: 1 kept, 1 warning", "brightgreen"),
    (replace(saved(*WARNINGS_ONLY), passed=False), "failed: 1 kept, 1 broken", "red"),
    (ALLOWED, "passed: 0 kept, 0 broken, 1 allowed", "brightgreen"),
    (SCALED, f"passed: {len(ALL_KEPT)} kept, 0 broken, scaled limits", "brightgreen"),
    (saved(finding("SM201", Outcome.NOT_JUDGED)), "nothing judged", "lightgrey"),
    (saved(), "nothing judged", "lightgrey"),
]
hostile = st.text(alphabet=st.characters(), max_size=20) | st.text(alphabet="<>&\"']]>-\n", max_size=20)


def parsed(report: SavedReport) -> ElementTree.Element:
    return ElementTree.fromstring(badge_as_svg(report))


@pytest.mark.parametrize(("report", "message", "colour"), ROWS, ids=[row[1] for row in ROWS])
def test_a_badge_counts_what_its_report_says(report: SavedReport, message: str, colour: str) -> None:
    assert json.loads(badge_as_shields(report)) == {
        "schemaVersion": 1, "label": "smlocal", "message": message, "color": colour,
    }  # fmt: skip
    root = parsed(report)
    assert [text.text for text in root.iter(f"{SVG}text")] == ["smlocal", message]


def test_who_sees_no_colours_or_no_picture_is_told_the_same() -> None:
    root = parsed(saved(*ONE_OF_EACH))
    said = "smlocal: failed: 1 kept, 2 broken, 2 not judged"
    assert (root.tag, root.attrib["role"], root.attrib["aria-label"]) == (f"{SVG}svg", "img", said)
    assert root[0].tag == f"{SVG}title" and root[0].text == f"{said} (shop/model:1, smlocal 0.1.0)"


@pytest.mark.parametrize("report", [row[0] for row in ROWS], ids=[row[1] for row in ROWS])
def test_white_words_stand_out_from_what_is_behind_them(report: SavedReport) -> None:
    fills = [rect.attrib["fill"] for rect in parsed(report).iter(f"{SVG}rect") if "fill" in rect.attrib]
    assert len(fills) == 2 and all(contrast_with_white(fill) >= 4.5 for fill in fills)


def contrast_with_white(colour: str) -> float:
    """WCAG 2.2, relative luminance and contrast ratio."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def test_words_lie_inside_of_their_halves() -> None:
    root = parsed(saved(*ONE_OF_EACH))
    left, right = (rect for rect in root.iter(f"{SVG}rect") if "fill" in rect.attrib)
    for half, text in zip((left, right), root.iter(f"{SVG}text"), strict=True):
        begin, end = (int(half.attrib["x"]) + edge for edge in (0, int(half.attrib["width"])))
        assert begin < int(text.attrib["x"]) and int(text.attrib["x"]) + int(text.attrib["textLength"]) < end
    assert int(root.attrib["width"]) == int(left.attrib["width"]) + int(right.attrib["width"])


def test_nothing_of_a_badge_is_fetched_or_run() -> None:
    drawn = badge_as_svg(saved(*ONE_OF_EACH)).replace("http://www.w3.org/2000/svg", "")
    assert "://" not in drawn and "href" not in drawn and "<script" not in drawn and "<style" not in drawn


@given(hostile)
def test_a_hostile_name_is_text_and_nothing_else(name: str) -> None:
    root = parsed(replace(saved(*ONE_OF_EACH), image=f"a{name}b", smlocal=name))
    assert [part.tag for part in root] == [f"{SVG}{tag}" for tag in ("title", "clipPath", "g", "g")]


@given(st.lists(st.sampled_from(ALL_KEPT), max_size=3, unique=True))
def test_the_same_report_gives_the_same_bytes(findings: list[Finding]) -> None:
    first, second = (badge_as_svg(saved(*findings)) for _ in range(2))
    assert first == second and first.encode("ascii")
