"""What was decided about one member of a request, and the words that the tables are written in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Standing = Literal["honoured", "recorded", "refused"]


@dataclass(frozen=True)
class Decision:
    """What smlocal does with one member.

    honoured    it has AWS's effect; `says` is the effect, `proof` the test that shows it
    recorded    it is kept in the job's record and told back, and has no effect here; `says` is why that misleads
                nobody, `proof` the test that the record holds it
    refused     a request that uses it is refused by name; `says` is what to do instead

    Paths are those of the service model: "InputDataConfig[].DataSource.S3DataSource.S3Uri".
    """

    path: str
    standing: Standing
    says: str
    proof: str = ""
    values: tuple[Any, ...] | None = None  # the values that are honoured; None: all that AWS allows
    otherwise: str = ""  # what to do instead of another value

    def allows(self, value: Any) -> bool:
        return self.values is None or value in self.values


Decisions = tuple[Decision, ...]


def honoured(
    path: str, says: str, proof: str, *, values: Iterable[Any] | None = None, otherwise: str = ""
) -> Decisions:
    """One member that has its effect; with `values`, only these do."""
    return (Decision(path, "honoured", says, proof, None if values is None else tuple(values), otherwise),)


def recorded(path: str, says: str, proof: str, *, below: Iterable[str] = ()) -> Decisions:
    """A member that is kept and has no effect here, and the same for what is `below` it."""
    return tuple(Decision(here, "recorded", says, proof) for here in _tree(path, below))


def refused(path: str, says: str, *, below: Iterable[str] = ()) -> Decisions:
    """A member that is refused by name, and what is `below` it."""
    return tuple(Decision(here, "refused", says) for here in _tree(path, below))


def beneath(path: str, names: str) -> tuple[str, ...]:
    """beneath("VpcConfig", "SecurityGroupIds Subnets") are two paths."""
    return tuple(f"{path}{'' if name.startswith('[') else '.'}{name}" for name in names.split())


def _tree(path: str, below: Iterable[str]) -> Iterable[str]:
    yield path
    for names in below:
        yield from beneath(path, names)
