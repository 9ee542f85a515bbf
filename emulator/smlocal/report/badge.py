"""A saved report as a badge: an SVG drawn here, or the JSON that shields.io draws one from.

The verdict is told in words as well as by colour, and what was not judged is counted: a badge must not look better
than its report. Nothing in it depends on the day or on the machine. Source of the JSON: https://shields.io/badges/endpoint-badge.
"""

from __future__ import annotations

import json
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from smlocal.contract import Outcome
from smlocal.report.elements import element
from smlocal.report.saved import SavedReport

_LABEL = "smlocal"
_HEIGHT = 20
_PADDING = 7
_BASELINE = 14
# White on each of them has a contrast of at least 4.5, as WCAG 2.2, 1.4.3, wants it.
_GREY, _GREEN, _RED = "#555555", "#2e7d32", "#c62828"
_SHIELDS = {_GREEN: "brightgreen", _RED: "red", _GREY: "lightgrey"}
# Hundredths of pixels of a letter at 11 px, about as DejaVu Sans and Verdana have them; `textLength` does the rest.
_FONT = "Verdana,'DejaVu Sans',Geneva,sans-serif"
_NARROW = dict.fromkeys("ijl", 305) | dict.fromkeys("ft ,.:", 420) | {"r": 470, "m": 1070, "w": 900}
_USUAL = 680


def badge_message(report: SavedReport) -> str:
    """ "failed: 61 kept, 2 broken, 3 not judged, scaled limits"; a report in which nothing was judged says so."""
    counts = {outcome: sum(finding.outcome is outcome for finding in report.findings) for outcome in Outcome}
    if not _judged(report):
        return "nothing judged"
    allowed = sum(finding.outcome is Outcome.BROKEN and bool(finding.allowed) for finding in report.findings)
    broken = counts[Outcome.BROKEN] - allowed
    warnings = f"{broken} warning{'s' * (broken != 1)}"  # all that a report which passed may have broken
    parts = [f"{counts[Outcome.KEPT]} kept", warnings if broken and report.passed else f"{broken} broken"]
    if allowed:
        parts.append(f"{allowed} allowed")
    if counts[Outcome.NOT_JUDGED]:
        parts.append(f"{counts[Outcome.NOT_JUDGED]} not judged")
    if report.scaled_limits:
        parts.append("scaled limits")
    return f"{'passed' if report.passed else 'failed'}: {', '.join(parts)}"


def badge_as_shields(report: SavedReport) -> str:
    """The answer of an endpoint of shields.io, which has no room for a version or kind of ours."""
    members = {
        "schemaVersion": 1,
        "label": _LABEL,
        "message": badge_message(report),
        "color": _SHIELDS[_colour(report)],
    }
    return json.dumps(members, indent=2) + "\n"


def badge_as_svg(report: SavedReport) -> str:
    """The picture: 20 pixels high, as wide as its words."""
    message = badge_message(report)
    left, right = (_width(text) + 2 * _PADDING for text in (_LABEL, message))
    size = {"width": str(left + right), "height": str(_HEIGHT), "viewBox": f"0 0 {left + right} {_HEIGHT}"}
    said = f"{_LABEL}: {message}"
    root = element(
        "svg",
        {"xmlns": "http://www.w3.org/2000/svg", **size, "role": "img", "aria-label": said},
        element("title", None, f"{said} ({report.image}, smlocal {report.smlocal})"),
        element("clipPath", {"id": "r"}, element("rect", {**_box(0, left + right), "rx": "3"})),
        element(
            "g",
            {"clip-path": "url(#r)"},
            element("rect", {**_box(0, left), "fill": _GREY}),
            element("rect", {**_box(left, right), "fill": _colour(report)}),
        ),
        element(
            "g", {"fill": "#ffffff", "font-family": _FONT, "font-size": "11"}, _text(0, _LABEL), _text(left, message)
        ),
    )
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _judged(report: SavedReport) -> bool:
    return any(finding.outcome in (Outcome.KEPT, Outcome.BROKEN) for finding in report.findings)


def _colour(report: SavedReport) -> str:
    if not _judged(report):
        return _GREY
    return _GREEN if report.passed else _RED


def _box(x: int, width: int) -> dict[str, str]:
    return {"x": str(x), "width": str(width), "height": str(_HEIGHT)}


def _text(x: int, text: str) -> Element:
    place = {"x": str(x + _PADDING), "y": str(_BASELINE), "textLength": str(_width(text))}
    return element("text", {**place, "lengthAdjust": "spacingAndGlyphs"}, text)


def _width(text: str) -> int:
    """Whole pixels."""
    return -(-sum(_NARROW.get(letter, _USUAL) for letter in text) // 100)
