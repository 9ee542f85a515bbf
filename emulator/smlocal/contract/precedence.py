"""What follows from what: a cause that was found explains its consequences, which are then not judged.

Causes stand in the order in which they are looked at, and what follows from a consequence comes after it: a finding at
the end of a chain names the cause at its beginning. A consequence that is kept all the same stays kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_TRAINS = ("SM201", "SM202", "SM203", "SM204", "SM205", "SM206", "SM209", "SM211", "SM214")
_SERVES = (
    "SM301",
    "SM302",
    "SM303",
    "SM304",
    "SM305",
    "SM306",
    "SM307",
    "SM308",
    "SM309",
    "SM310",
    "SM311",
    "SM312",
    "SM313",
    "SM314",
    "SM316",
)
_FAILS = ("SM201", "SM203")  # what is seen of a `train` that never began
_DOES_NOT_COME_UP = ("SM301", "SM302", "SM303", "SM304")
_AFTER_COMING_UP = ("SM305", "SM307", "SM308", "SM309", "SM310", "SM311", "SM312", "SM316")


@dataclass(frozen=True)
class Link:
    """What one cause explains."""

    cause: str
    seen_as: tuple[str, ...] = ()  # the same fault seen again: broken, these are no findings of their own
    hides: tuple[str, ...] = ()  # these cannot be judged without the run that it spoils
    program: str = ""  # "train" or "serve": it explains these only when it was found of that program
    leaves_no_model: bool = False  # what cannot be judged for want of a model is explained, too

    @property
    def consequences(self) -> frozenset[str]:
        return frozenset((*self.seen_as, *self.hides))


def _never_begins(cause: str) -> tuple[Link, Link]:
    """A fault of the image with which `train`, or `serve`, never begins."""
    return (
        Link(cause, _FAILS, _TRAINS, program="train"),
        Link(cause, _DOES_NOT_COME_UP, _SERVES, program="serve"),
    )


FOLLOWS: Sequence[Link] = (
    Link("SM101", (*_FAILS, *_DOES_NOT_COME_UP), (*_TRAINS, *_SERVES)),
    Link("SM103", hides=_TRAINS),
    Link("SM104", hides=_SERVES),
    *_never_begins("SM108"),
    *_never_begins("SM105"),
    *_never_begins("SM106"),
    Link("SM107", ("SM312",)),
    Link("SM211", ("SM201", "SM203")),
    Link("SM209", ("SM203",)),
    Link("SM214", ("SM203",)),
    Link("SM206", ("SM203",)),
    Link("SM201", hides=("SM202", "SM204", "SM206", "SM209", "SM211", "SM214"), leaves_no_model=True),
    Link("SM202", leaves_no_model=True),
    Link("SM204", hides=("SM203", "SM205")),
    Link("SM313", ("SM301", "SM302", "SM303"), ("SM304", "SM306", "SM314", *_AFTER_COMING_UP)),
    Link("SM301", ("SM302", "SM303", "SM304", "SM306"), ("SM313", "SM314", *_AFTER_COMING_UP)),
    Link("SM306", ("SM302", "SM304"), ("SM303", "SM314", *_AFTER_COMING_UP)),
    Link("SM304", ("SM302",), ("SM303", "SM306", "SM314", *_AFTER_COMING_UP)),
    Link("SM303", ("SM302",), ("SM304", "SM306", "SM314", *_AFTER_COMING_UP)),
    Link("SM302", hides=("SM314", *_AFTER_COMING_UP)),
    Link("SM308", ("SM307",)),
    Link("SM310", hides=("SM312",)),
)
