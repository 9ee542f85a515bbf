"""What a report is about: an image, the runs that were made of it, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from smlocal.contract import Verdict
from smlocal.evidence import Examination


def name_of(image: str) -> str:
    """The image without its tag and digest, which differ from build to build: "shop:5000/model"."""
    head, slash, tail = image.partition("@")[0].rpartition("/")
    return f"{head}{slash}{tail.partition(':')[0]}"


@dataclass(frozen=True)
class Report:
    """One examination with its verdict."""

    image: str  # as it was named
    examination: Examination
    verdict: Verdict
    seconds: float
    version: str  # of smlocal
    strict: bool = False  # warnings count as errors
    examined_at: datetime | None = None  # when the runs had ended; None: that is not known
    configuration: str = ""  # digest of what the runs were made with; "": it is not known
    file: str = "Dockerfile"  # of the repository, by its path there: what pages of code show findings at

    @property
    def passed(self) -> bool:
        return self.verdict.holds(self.strict)

    def runs(self) -> list[str]:
        """The runs that were made, in words."""
        found = [
            f"train {trial.conditions}: {trial.status} in {trial.seconds:.1f} s"
            for trial in self.examination.training.values()
        ]
        for served in self.examination.serving.values():
            healthy = served.run.seconds_to_healthy
            how = f"healthy after {healthy:.1f} s" if healthy is not None else "not healthy"
            found.append(f"serve {served.conditions}: {how}, {len(served.exchanges)} requests")
        return found
