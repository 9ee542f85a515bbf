"""All rules as one page: `python -m smlocal.report.rules_page > docs/rules.md`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from smlocal.contract import RULES, Rule

_PHASES = {
    "1": "The image, without running it",
    "2": "Training",
    "3": "Hosting",
    "4": "Batch transform",
    "5": "Multi-model endpoints",
}
_CODE = re.compile(r"(`[^`]+`)")
_SPECIAL = re.compile(r"([\\*_<>\[\]])")


def rules_page() -> str:
    """The page, in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# The rules of `smlocal check`"
    yield ""
    yield "Written by `python -m smlocal.report.rules_page > docs/rules.md` from the rules' own pages: change it there."
    yield "`smlocal explain SM305` prints one of them. An error is what SageMaker fails on; a warning is a harm that is"
    yield "conditional, or that the sources do not settle."
    for digit, phase in _PHASES.items():
        rules = [rule for rule in RULES if rule.id[2] == digit]
        if rules:
            yield from ("", f"## {phase}", "", "| rule | severity | what is wrong |", "|---|---|---|")
            yield from (
                f"| [{rule.id}](#{rule.id.lower()}) | {rule.severity.value} | {_text(rule.title)} |" for rule in rules
            )
            for rule in rules:
                yield from _page(rule)


def _page(rule: Rule) -> Iterator[str]:
    yield from ("", f"### {rule.id}", "")
    yield from (f"**{_text(rule.title)}.** `{rule.name}`, {rule.severity.value}", "")
    yield from (f"Why: {_text(rule.why)}", "", f"Fix: {_text(rule.fix)}", "")
    yield f"Source: {_text('; '.join(rule.sources))}"


def _text(text: str) -> str:
    """What stands between backticks is code; elsewhere nothing is Markdown's own."""
    return "".join(part if part.startswith("`") else _SPECIAL.sub(r"\\\1", part) for part in _CODE.split(text))


if __name__ == "__main__":
    sys.stdout.write(rules_page())
