"""Which rules are wanted: by id, or by the beginning of ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from smlocal.contract.rule import Rule
from smlocal.errors import UsageError


@dataclass(frozen=True)
class Selection:
    """`select` and `ignore` hold ids or their beginnings ("SM3", "SM402"); nothing selected means everything."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @staticmethod
    def of(select: Iterable[str], ignore: Iterable[str], rules: Sequence[Rule]) -> Selection:
        """From words such as "SM3,SM402". Raises UsageError for what no rule's id begins with."""
        found = Selection(_words(select), _words(ignore))
        for word in (*found.select, *found.ignore):
            if not any(rule.id.startswith(word) for rule in rules):
                raise UsageError(f"no rule's id begins with '{word}'; `smlocal rules` lists them")
        return found

    def has(self, rule: str) -> bool:
        """Whether a rule is wanted. The longer beginning wins, `--ignore SM3 --select SM305` leaves SM305; of the same
        beginning in both, what is ignored is not wanted."""
        wanted = _longest(rule, self.select) if self.select else 0
        return wanted > _longest(rule, self.ignore)


def _words(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(word.strip().upper() for text in texts for word in text.split(",") if word.strip())


def _longest(rule: str, words: Iterable[str]) -> int:
    return max((len(word) for word in words if rule.startswith(word)), default=-1)
