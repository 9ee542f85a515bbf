"""One model: the centre of each class; a record belongs to the class whose centre is nearest to it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

FILE = "centroids.json"


class BrokenModel(Exception):
    """A folder holds no model; the text is one sentence."""


class BadRecord(ValueError):
    """A record cannot be read; the text is one sentence."""


@dataclass(frozen=True)
class Model:
    """Labels, and a centre for each."""

    labels: tuple[str, ...]
    centres: tuple[tuple[float, ...], ...]

    @classmethod
    def load(cls, folder: Path) -> Model:
        """The model in a folder: `{"labels": ["a", ...], "centroids": [[1.0, ...], ...]}`. Raises BrokenModel."""
        try:
            told = json.loads((folder / FILE).read_text())
            labels = tuple(str(label) for label in told["labels"])
            centres = tuple(tuple(float(number) for number in centre) for centre in told["centroids"])
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BrokenModel(f"{folder / FILE} is no model: {error}.") from error
        if not labels or len(labels) != len(centres) or len({len(centre) for centre in centres}) != 1:
            raise BrokenModel(f"{folder / FILE} is no model: it needs a centre for each label, all of one length.")
        return cls(labels, centres)

    def predict(self, lines: Iterable[str]) -> Iterator[str]:
        """The label of each record of CSV; blank lines are none. Raises BadRecord."""
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield self.labels[self._nearest(self._features(line, number))]

    def _features(self, line: str, number: int) -> list[float]:
        try:
            features = [float(field) for field in line.split(",")]
        except ValueError:
            raise BadRecord(f"Line {number} holds something that is no number.") from None
        wanted = len(self.centres[0])
        if len(features) != wanted:
            raise BadRecord(f"Line {number} has {len(features)} numbers; the model takes {wanted}.")
        return features

    def _nearest(self, features: list[float]) -> int:
        distances = [math.dist(features, centre) for centre in self.centres]
        return distances.index(min(distances))
