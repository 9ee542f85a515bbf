"""The rules of the container contract, and the verdict on an image. Rules touch nothing but evidence."""

from smlocal.contract.allowance import Allowance, allowances
from smlocal.contract.check import Verdict, judge
from smlocal.contract.comparison import Change, Comparison, Pair, compare
from smlocal.contract.finding import Finding, Outcome, Reason, Severity
from smlocal.contract.rule import Rule
from smlocal.contract.rules import RULES
from smlocal.contract.selection import Selection

__all__ = [
    "RULES",
    "Allowance",
    "Change",
    "Comparison",
    "Finding",
    "Outcome",
    "Pair",
    "Reason",
    "Rule",
    "Selection",
    "Severity",
    "Verdict",
    "allowances",
    "compare",
    "judge",
]
