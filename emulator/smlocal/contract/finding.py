"""What a rule says of an image: one of four outcomes, with what was seen, what SageMaker would do, and the fix."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(str, Enum):
    """Only `kept` counts as kept."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_APPLICABLE = "not applicable"
    NOT_JUDGED = "not judged"


class Severity(str, Enum):
    """`error`: SageMaker fails. `warning`: the harm is conditional, or our sources do not settle what it does."""

    ERROR = "error"
    WARNING = "warning"


class Reason(str, Enum):
    """Why a rule is not applicable or not judged; the list is closed."""

    # not applicable
    DOES_NOT_TRAIN = "the image is not asked to train"
    DOES_NOT_SERVE = "the image is not asked to serve"
    NO_DIFFERENCE = "no configured hyperparameter is written differently in the two encodings"
    NOT_ASYNCHRONOUS = "the image is not asked to serve asynchronous inference"
    ONE_MODEL = "the image bears no label for multi-model endpoints"
    NO_SUCH_CASE = "the image gives no occasion for it"
    # not judged
    NO_TRAINING_DATA = "no training data is configured"
    NO_BROKEN_DATA = "no data on which training must fail is configured"
    NO_LONG_RUN = "what makes training long is not configured"
    NO_RESUMING = "by which line a training tells that it goes on from a checkpoint is not configured"
    NO_METRICS = "no metric definitions are configured"
    NO_SAMPLE = "no sample request is configured"
    NO_RECORDS = "no sample request is made of lines, which a batch transform could split"
    NO_SOAK = "how many requests are to show whether memory grows is not configured"
    NO_BIG_MODEL = "no model that is too big is configured"
    NO_MODEL = "there is no model to serve"
    RUN_MISSING = "the run that would tell was not made"
    FOLLOWS = "it follows from another finding"
    INCONCLUSIVE = "what was seen does not decide it"


# the key of the configuration that gives occasion to judge
KEYS = {
    Reason.NOT_ASYNCHRONOUS: "check.serving.asynchronous",
    Reason.NO_TRAINING_DATA: "check.training.channels",
    Reason.NO_BROKEN_DATA: "check.training.broken",
    Reason.NO_LONG_RUN: "check.training.long",
    Reason.NO_RESUMING: "check.training.long.resumes",
    Reason.NO_METRICS: "check.training.metrics",
    Reason.NO_SAMPLE: "check.serving.samples",
    Reason.NO_SOAK: "check.serving.soak",
    Reason.NO_BIG_MODEL: "check.multi_model.too_big",
}
NOT_APPLICABLE = frozenset(
    {
        Reason.DOES_NOT_TRAIN,
        Reason.DOES_NOT_SERVE,
        Reason.NO_DIFFERENCE,
        Reason.NOT_ASYNCHRONOUS,
        Reason.ONE_MODEL,
        Reason.NO_SUCH_CASE,
    }
)


@dataclass(frozen=True)
class Judgement:
    """What a rule's function returns; see `kept`, `broken`, `without`."""

    outcome: Outcome
    seen: tuple[str, ...] = ()
    sagemaker: str = ""  # what SageMaker would do: status and exact text
    fix: str = ""  # "" means the fix of the rule's page
    severity: Severity | None = None  # None: the rule's
    reason: Reason | None = None
    explains: tuple[str, ...] = ("SM",)  # beginnings of the ids to which a broken clause may be the cause


def kept(*seen: str) -> Judgement:
    """The clause is kept; `seen` says what shows it."""
    return Judgement(Outcome.KEPT, seen)


def broken(
    *seen: str,
    sagemaker: str = "",
    fix: str = "",
    severity: Severity | None = None,
    explains: tuple[str, ...] = ("SM",),
) -> Judgement:
    """The clause is broken. `explains` narrows what may follow: a `train` that cannot start harms no `serve`."""
    return Judgement(Outcome.BROKEN, seen, sagemaker, fix, severity, explains=explains)


def without(reason: Reason, *seen: str) -> Judgement:
    """It is not applicable, or could not be judged, as the reason has it."""
    outcome = Outcome.NOT_APPLICABLE if reason in NOT_APPLICABLE else Outcome.NOT_JUDGED
    return Judgement(outcome, seen, reason=reason)


@dataclass(frozen=True)
class Finding:
    """One rule's verdict on one image."""

    rule: str  # "SM305"
    name: str  # "ping-waits-for-a-running-invocation"
    title: str
    outcome: Outcome
    severity: Severity
    seen: tuple[str, ...] = ()
    sagemaker: str = ""
    fix: str = ""
    reason: Reason | None = None
    follows: str = ""  # the rule whose finding explains it
    allowed: str = ""  # the reason for which it may be broken

    @property
    def key(self) -> str:
        """The key of the configuration with which it could be judged; "" when there is none."""
        return KEYS.get(self.reason, "") if self.reason is not None and not self.follows else ""

    @property
    def why_not(self) -> str:
        """Why it was not judged, in words: "it follows from another finding: see SM104"."""
        if self.reason is None:
            return ""
        return f"{self.reason.value}: see {self.follows}" if self.follows else self.reason.value
