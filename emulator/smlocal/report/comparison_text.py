"""A comparison for a terminal of 80 columns: what got worse and better first, what cannot be compared, times and size;
the verdict last, where the eye is when a command ends."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from smlocal.contract import Change, Outcome, Pair, Severity
from smlocal.contract.comparison import Compared
from smlocal.report.comparison import ComparisonReport, Difference
from smlocal.report.escaping import one_line, visible
from smlocal.report.measures import Duration
from smlocal.report.saved import SavedReport

_WIDTH = 80
_INDENT = 8
_MOST_SEEN = 3  # lines of what was seen
_MOST_NAMED = 6  # rules of one kind
_COLUMN = 12
_BYTES = 1_000_000


def comparison_as_text(report: ComparisonReport, *, every: bool = False) -> str:
    """The comparison; with `every`, also all that was seen, and all rules by name."""
    return "\n".join(_lines(report, every)) + "\n"


def _lines(report: ComparisonReport, every: bool) -> Iterator[str]:
    changed = changed_pairs(report)
    for pair in changed:
        yield from _changed(pair, every)
    yield from [""] if changed else []
    for paragraph in (_judged_in_one(report, every), _standing(report, every), _differences(report), _measured(report)):
        lines = list(paragraph)
        yield from [*lines, ""] if lines else []
    for name, side in (("old", report.old), ("new", report.new)):
        yield from _wrapped(f"{name}: {_named(side)}", "     ")
    yield from _wrapped(_verdict(report), "  ")


def changed_pairs(report: ComparisonReport) -> list[Pair]:
    """What got worse, errors first, then what got better."""
    worse = sorted(report.comparison.of(Change.WORSE), key=lambda pair: pair.latest.severity is not Severity.ERROR)
    return [*worse, *report.comparison.of(Change.BETTER)]


def _changed(pair: Pair, every: bool) -> Iterator[str]:
    yield from _wrapped(f"{pair.change.value.upper():7} {_of(pair)}", " " * _INDENT)
    if pair.change is Change.WORSE:
        seen = pair.latest.seen
        for line in seen if every else seen[:_MOST_SEEN]:
            yield from _seen(line)


def _of(pair: Pair) -> str:
    return f"{pair.rule} {states(pair)}: {pair.latest.title}"


def _seen(line: str) -> list[str]:
    indent = " " * _INDENT
    if line.startswith("| "):  # a line of the container's output: as it is, but for what a terminal would obey
        return [_cut(f"{indent}{visible(line)}")]
    return _wrapped(f"{indent}{one_line(line)}", indent)


def states(pair: Pair) -> str:
    """What became of it: "kept -> error", "kept -> warning, allowed"."""
    return " -> ".join(_state(side) for side in pair.sides)


def _state(side: Compared) -> str:
    if side.outcome is not Outcome.BROKEN:
        return str(side.outcome.value)
    return f"{side.severity.value}{', allowed' if side.allowed else ''}"


def _judged_in_one(report: ComparisonReport, every: bool) -> Iterator[str]:
    """What is broken in the one that could be judged, by itself; the others by what became of them."""
    pairs = report.comparison.of(Change.JUDGED_IN_ONE)
    if pairs:
        yield "judged in one only, which counts neither as better nor as worse:"
    alone = [pair for pair in pairs if _broken(pair)]
    for pair in alone:
        yield from _wrapped(f"  {_of(pair)} ({_why(pair)})", " " * _INDENT)
    yield from _grouped([pair for pair in pairs if pair not in alone], every)


def _broken(pair: Pair) -> bool:
    return any(side.outcome is Outcome.BROKEN for side in pair.sides)


def _why(pair: Pair) -> str:
    return one_line("; ".join(side.why_not for side in pair.sides if side.why_not))


def _grouped(pairs: Sequence[Pair], every: bool) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for pair in pairs:
        why = f" ({_why(pair)})" if _why(pair) else ""
        groups.setdefault(f"{states(pair)}{why}", []).append(pair.rule)
    for words, rules in groups.items():
        yield from _wrapped(f"  {words}: {_rules(rules, every)}", " " * _INDENT)


def _standing(report: ComparisonReport, every: bool) -> Iterator[str]:
    """What is broken as before, and what one report says nothing of."""
    same = [pair for pair in report.comparison.of(Change.SAME) if pair.latest.outcome is Outcome.BROKEN]
    if same:
        yield from _wrapped(f"broken as before: {_rules([_marked(pair) for pair in same], every)}", "  ")
    alone = report.comparison.of(Change.IN_ONE)
    for words, pairs in (
        ("rules that only the old report has", [pair for pair in alone if pair.new is None]),
        ("rules that only the new report has", [pair for pair in alone if pair.old is None]),
    ):
        broken, others = ([pair for pair in pairs if _broken(pair) is wanted] for wanted in (True, False))
        named = [*(_marked(pair) for pair in broken), *(pair.rule for pair in others)]
        if named:
            yield from _wrapped(f"{words}: {_rules(named, every, len(broken))}", "  ")


def _marked(pair: Pair) -> str:
    return f"{pair.rule} ({pair.latest.severity.value})"


def _rules(rules: Sequence[str], every: bool, at_least: int = 0) -> str:
    """The rules by name, when they are few enough to read; the first ones in any case."""
    if every or len(rules) <= _MOST_NAMED:
        return ", ".join(rules)
    named = rules[:at_least]
    return ", ".join([*named, f"{len(rules) - len(named)} {'more ' if named else ''}rules"])


def _differences(report: ComparisonReport) -> Iterator[str]:
    if report.differences:
        yield "the examinations differ:"
    for difference in report.differences:
        yield from _wrapped(f"  {_difference(difference)}", " " * _INDENT)


def _difference(difference: Difference) -> str:
    return f"{difference.what}: {_value(difference.old)} -> {_value(difference.new)}"


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "; ".join(str(item) for item in value) or "none"  # names of runs have commas
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _measured(report: ComparisonReport) -> Iterator[str]:
    found = report.durations
    size = _sizes(report.old.size_bytes, report.new.size_bytes)
    if found or size:
        yield _row("", "old", "new", "")
    for item in found:
        yield _row(item.name, _seconds(item.old), _seconds(item.new), _told(item, report.comparable))
    yield from size
    if found and not report.comparable:
        yield "times of examinations that differ so are not compared"
    elif found:
        yield from _wrapped(f"measured once; a difference is noise below {_noise(found)}", "  ")


def _row(name: str, old: str, new: str, told: str) -> str:
    return f"{name:{_COLUMN}}{old:>{_COLUMN}}{new:>{_COLUMN}}  {told}".rstrip()


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds:.2f} s"


def _short(seconds: float) -> str:
    return f"{seconds * 1000:g} ms" if seconds < 0.1 else f"{seconds:g} s"


def _told(item: Duration, comparable: bool) -> str:
    runs = f"mean of {item.runs} runs" if item.runs > 1 else ""
    told = ""
    if comparable and item.change:
        ratio = f"{item.ratio:.1f} times as long" if item.ratio is not None else ""
        told = f"{item.change}: {ratio}" if ratio else item.change
    return ", ".join(part for part in (told, runs) if part)


def _noise(items: Sequence[Duration]) -> str:
    groups: dict[str, list[str]] = {}
    for item in items:
        words = f"{_short(item.noise.seconds)} or {item.noise.ratio - 1:.0%}"
        groups.setdefault(words, []).append(item.name)
    return ", ".join(f"{words} ({', '.join(names)})" for words, names in groups.items())


def _sizes(old: int | None, new: int | None) -> list[str]:
    """The line about the images' sizes, which are exact: told in per cent from one on."""
    if old is None or new is None:
        return []
    grown = f"{abs(new - old) / old:.0%} {'larger' if new > old else 'smaller'}" if old else ""
    told = grown if abs(new - old) >= old / 100 else ""
    return [_row("image size", f"{old / _BYTES:.1f} MB", f"{new / _BYTES:.1f} MB", told)]


def _named(side: SavedReport) -> str:
    image = "" if side.source == side.image else f", a report on {side.image}"
    return f"{side.source}{image} ({'passed' if side.passed else 'failed'})"


def _verdict(report: ComparisonReport) -> str:
    word, counts = verdict_on(report)
    return f"{word} {report.new.source}: {counts}"


def verdict_on(report: ComparisonReport) -> tuple[str, str]:
    """The verdict's word and its counts: who reads these alone must not take for as good what could not be judged."""
    counts = {change: len(report.comparison.of(change)) for change in Change}
    unclear = counts[Change.JUDGED_IN_ONE] or counts[Change.IN_ONE] or not report.comparison.says_something
    as_before = "UNCLEAR" if unclear else "NO CHANGE"
    word = "WORSE" if counts[Change.WORSE] else "BETTER" if counts[Change.BETTER] else as_before
    parts = [f"{counts[Change.WORSE]} worse", f"{counts[Change.BETTER]} better"]
    if counts[Change.JUDGED_IN_ONE]:
        parts.append(f"{counts[Change.JUDGED_IN_ONE]} judged in one only")
    if counts[Change.IN_ONE]:
        parts.append(f"{counts[Change.IN_ONE]} in one report only")
    parts += [f"{item.change} {item.name}" for item in report.told()]
    harmless = "; new warnings fail nothing without --strict" if counts[Change.WORSE] and report.passed else ""
    return word, f"{', '.join(parts)}{harmless}"


def _wrapped(text: str, indent: str) -> list[str]:
    return [
        _cut(line)
        for line in textwrap.wrap(
            visible(text), _WIDTH, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True
        )
    ]


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"
