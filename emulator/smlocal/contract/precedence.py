"""What follows from what: a cause that was found explains its consequences, which are then not judged.

Causes stand in the order in which they are looked at, and what follows from a consequence comes after it: a finding at
the end of a chain names the cause at its beginning. A consequence that is kept all the same stays kept. Two rules may
explain each other in two ways: SM211 broken is what SM201 sees; SM201 broken leaves SM211 without a run. A cause may
come after its consequence when all that follows from that follows from itself: SM302, which SM303 and SM304 explain
when pings are answered, explains them when none is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_TRAINS = (
    "SM111",
    "SM201",
    "SM202",
    "SM203",
    "SM204",
    "SM205",
    "SM206",
    "SM207",
    "SM208",
    "SM209",
    "SM210",
    "SM211",
    "SM212",
    "SM213",
    "SM214",
    "SM215",
    "SM216",
    "SM217",
    "SM218",
    "SM219",
)
_BATCH = ("SM401", "SM402", "SM403", "SM404", "SM405", "SM406", "SM407", "SM408")
_LIVES = ("SM318", "SM319", "SM320", "SM321")
_MULTI_MODEL = ("SM501", "SM502", "SM503", "SM504", "SM505", "SM506", "SM507", "SM508")
_SERVES = (
    "SM115",
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
    "SM315",
    "SM316",
    "SM317",
    *_LIVES,
    *_BATCH,
    *_MULTI_MODEL,
)
_AFTER_ANSWERING = ("SM115", "SM318", "SM320", *_BATCH)
_ASKED_IN_TURN = ("SM402", "SM403", "SM408", "SM405", "SM406", "SM404", "SM407")
_ASKED_OF_MODELS = ("SM502", "SM501", "SM506", "SM503", "SM504", "SM507", "SM505", "SM508")
_FAILS = ("SM201", "SM203")  # what is seen of a `train` that never began
_AFTER_PASSING = (
    "SM111",
    "SM202",
    "SM204",
    "SM206",
    "SM207",
    "SM208",
    "SM209",
    "SM210",
    "SM211",
    "SM212",
    "SM213",
    "SM214",
    "SM215",
    "SM216",
    "SM217",
    "SM218",
    "SM219",
)
_DOES_NOT_COME_UP = ("SM301", "SM302", "SM303", "SM304")
_AFTER_COMING_UP = (
    "SM115",
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
    *_LIVES,
    *_BATCH,
    *_MULTI_MODEL,
)


@dataclass(frozen=True)
class Link:
    """What one cause explains, unless its judgement narrows that."""

    cause: str
    seen_as: tuple[str, ...] = ()  # the same fault seen again: broken, these are no findings of their own
    hides: tuple[str, ...] = ()  # these cannot be judged without the run that it spoils
    leaves_no_model: bool = False  # what cannot be judged for want of a model is explained, too
    only_broken: bool = False  # what it follows from does not explain its consequences: without a run it harms nothing

    @property
    def consequences(self) -> frozenset[str]:
        return frozenset((*self.seen_as, *self.hides))


_NEVER_BEGINS = ((*_FAILS, *_DOES_NOT_COME_UP), (*_TRAINS, *_SERVES))

FOLLOWS: Sequence[Link] = (
    Link("SM101", *_NEVER_BEGINS),
    Link("SM103", hides=_TRAINS),
    Link("SM104", hides=_SERVES),
    Link("SM108", *_NEVER_BEGINS),
    Link("SM105", *_NEVER_BEGINS),
    Link("SM106", *_NEVER_BEGINS),
    Link("SM107", ("SM207", "SM312")),
    Link("SM110", _FAILS),
    Link("SM211", ("SM201", "SM202")),
    Link("SM213", ("SM201",)),
    Link("SM215", ("SM201",)),
    Link("SM217", ("SM201",)),
    Link("SM201", hides=_AFTER_PASSING, leaves_no_model=True),
    Link("SM202", leaves_no_model=True),
    Link("SM207", ("SM208",)),
    Link("SM212", _DOES_NOT_COME_UP, _SERVES, only_broken=True),
    Link("SM204", hides=("SM203", "SM205")),
    Link("SM313", ("SM301", "SM302", "SM303"), ("SM303", "SM304", "SM306", "SM314", *_AFTER_COMING_UP)),
    Link("SM301", ("SM302", "SM303", "SM304", "SM306"), ("SM303", "SM304", "SM306", "SM314", *_AFTER_COMING_UP)),
    Link("SM306", ("SM302", "SM304"), ("SM303", "SM304", "SM314", *_AFTER_COMING_UP)),
    Link("SM304", ("SM302", "SM305"), ("SM303", "SM314", *_AFTER_COMING_UP)),
    Link("SM303", ("SM302", "SM305"), ("SM314", *_AFTER_COMING_UP)),
    Link("SM302", hides=("SM303", "SM304", "SM314", *_AFTER_COMING_UP)),
    Link("SM308", ("SM307",), _AFTER_ANSWERING),
    Link("SM317", ("SM307",)),
    Link("SM307", hides=_AFTER_ANSWERING),
    Link("SM310", hides=("SM312",)),
    Link("SM311", ("SM404",), ("SM407",)),
    # What a batch container is asked, in this order, until something is not answered.
    *(Link(cause, hides=_ASKED_IN_TURN[at:]) for at, cause in enumerate(_ASKED_IN_TURN[:-1], start=1)),
    Link("SM115", _MULTI_MODEL, _MULTI_MODEL, only_broken=True),
    # What the container of a multi-model endpoint is asked.
    *(Link(cause, hides=_ASKED_OF_MODELS[at:]) for at, cause in enumerate(_ASKED_OF_MODELS[:-1], start=1)),
)
