"""A timeline drawn as SVG: a row for each thing, an axis in seconds, and all of it once more as a table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from xml.etree.ElementTree import Element

from smlocal.report.elements import element
from smlocal.report.escaping import one_line
from smlocal.report.timeline import Row, Span, Timeline

_WIDTH = 900
_LEFT = 210  # columns of labels
_RIGHT = 190  # room for a note behind the last bar
_ROW = 22
_BAR = 12
_TOP = 6
_AXIS = 34
_THINNEST = 3.0  # a bar that can be seen
_LABEL = 28  # letters
_NOTE = 44
_STEPS = (1, 2, 5)
_TICKS = 8


def chart(timeline: Timeline, identifier: str) -> Element:
    """The figure. `identifier` is the page's own, for what names it."""
    scale = _Scale(timeline.seconds)
    height = _TOP + _ROW * len(timeline.rows) + _AXIS
    drawn = element(
        "svg",
        {
            "viewBox": f"0 0 {_WIDTH} {height}",
            "role": "img",
            "aria-labelledby": f"{identifier}-title {identifier}-desc",
        },
        element("title", {"id": f"{identifier}-title"}, f"Timeline of {timeline.title}"),
        element("desc", {"id": f"{identifier}-desc"}, _described(timeline)),
        *_axis(scale, height),
        *(part for number, row in enumerate(timeline.rows) for part in _row(row, number, scale)),
    )
    return element(
        "figure", None, drawn, *([element("p", None, timeline.remark)] if timeline.remark else []), _table(timeline)
    )


class _Scale:
    """Seconds as columns."""

    def __init__(self, seconds: float) -> None:
        self.step = _step(seconds / _TICKS)
        self.seconds = max(self.step, math.ceil(seconds / self.step) * self.step)

    def x(self, at: float) -> float:
        return _LEFT + at / self.seconds * (_WIDTH - _LEFT - _RIGHT)

    def ticks(self) -> list[float]:
        return [number * self.step for number in range(round(self.seconds / self.step) + 1)]


def _step(least: float) -> float:
    """The next round number: 1, 2 or 5 times a power of ten."""
    if least <= 0.001:
        return 0.001
    power = 10.0 ** math.floor(math.log10(least))
    return float(next((power * step for step in _STEPS if power * step >= least), power * 10))


def _axis(scale: _Scale, height: int) -> Iterator[Element]:
    bottom = height - _AXIS
    for at in scale.ticks():
        x = f"{scale.x(at):.1f}"
        yield element("line", {"class": "grid", "x1": x, "x2": x, "y1": "0", "y2": str(bottom)})
        yield element("text", {"class": "tick", "x": x, "y": str(bottom + 14), "text-anchor": "middle"}, f"{at:.10g}")
    middle = f"{(_LEFT + _WIDTH - _RIGHT) / 2:.1f}"
    name = "seconds since the start"
    yield element("text", {"class": "tick", "x": middle, "y": str(bottom + 29), "text-anchor": "middle"}, name)


def _row(row: Row, number: int, scale: _Scale) -> Iterator[Element]:
    top = _TOP + _ROW * number
    baseline = str(top + _BAR)
    yield element(
        "text", {"class": "label", "x": str(_LEFT - 12), "y": baseline, "text-anchor": "end"}, _cut(row.label, _LABEL)
    )
    for span in row.spans:
        yield _mark(span, top, scale)
    end = max((_end(span, scale) for span in row.spans), default=float(_LEFT))
    if row.note:
        yield element("text", {"class": "note", "x": f"{end + 6:.1f}", "y": baseline}, _cut(row.note, _note_room(end)))


def _note_room(end: float) -> int:
    """Letters that fit between the end of a bar and that of the chart."""
    return min(_NOTE, int((_WIDTH - end - 6) / 6.2))


def _end(span: Span, scale: _Scale) -> float:
    return max(scale.x(span.ended), scale.x(span.began) + _THINNEST) + (_BAR / 2 if span.what == "event" else 0)


def _mark(span: Span, top: int, scale: _Scale) -> Element:
    """A bar; a diamond for a moment; what failed is told by its shape, too: a bar that is taller and hollow."""
    title = element("title", None, span.text)
    style = {"class": f"{span.what} {span.kind}"}
    x, half = scale.x(span.began), _BAR / 2
    if span.what == "event":
        points = f"{x:.1f},{top} {x + half:.1f},{top + half} {x:.1f},{top + _BAR} {x - half:.1f},{top + half}"
        return element("polygon", {**style, "points": points}, title)
    width = f"{max(scale.x(span.ended) - x, _THINNEST if span.what != 'lines' else 1.0):.1f}"
    grown = 2 if span.kind == "bad" else 0
    place = {"x": f"{x:.1f}", "y": str(top - grown), "width": width, "height": str(_BAR + 2 * grown)}
    return element("rect", {**style, **place}, title)


def _cut(text: str, most: int) -> str:
    line = one_line(text)
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _described(timeline: Timeline) -> str:
    rows = "; ".join(f"{row.label}: {row.note or row.spans[0].text}" for row in timeline.rows)
    return f"{timeline.seconds:.2f} seconds. {rows}."


def _table(timeline: Timeline) -> Element:
    head = element("tr", None, *(element("th", {"scope": "col"}, name) for name in ("what", "from", "to", "became")))
    lines = (_line(row.label, span) for row in timeline.rows for span in _told(row))
    table = element("table", None, element("thead", None, head), element("tbody", None, *lines))
    return element("details", None, element("summary", None, "The same as a table"), table)


def _told(row: Row) -> tuple[Span, ...]:
    """Its spans; thousands of lines of output are one."""
    first, last = row.spans[0], row.spans[-1]
    return (replace(first, ended=last.ended, text=row.note),) if first.what == "lines" else row.spans


def _line(label: str, span: Span) -> Element:
    times = (element("td", {"class": "number"}, f"{at:.3f} s") for at in (span.began, span.ended))
    return element("tr", None, element("td", None, label), *times, element("td", None, span.text))
