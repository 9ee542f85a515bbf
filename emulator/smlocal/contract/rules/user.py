"""SM110: as whom the programs of the image run."""

from __future__ import annotations

import re

from smlocal.contract.finding import Judgement, Severity, broken, kept
from smlocal.contract.rule import rule
from smlocal.contract.rules.training import good_run, on_good_data
from smlocal.evidence import Examination

# EACCES in Python's words and in those of shells and tools; root, to whom all of it belongs, never gets it there
_REFUSED = re.compile(r"Permission denied.*/opt/ml\b|/opt/ml\b.*Permission denied")


@rule(
    "SM110",
    Severity.WARNING,
    "AWS developer guide, your-algorithms-training-algo-dockerfile",
    "aws/sagemaker-python-sdk issue 4764",
)
def user_is_not_root(examination: Examination) -> Judgement:
    """USER is not root.

    Why: What SageMaker mounts below /opt/ml belongs to root with mode 0755: another user cannot write a model, nor,
    as captured in 2022, read the configuration. It is a warning because a server that only reads may run, and an error
    when training failed here and said that it was denied something there.

    Fix: Leave USER out of the Dockerfile, or set it back to root.
    """
    user = examination.image.user.partition(":")[0]
    if user in ("", "0", "root"):
        return kept("USER is root")
    denied = _denied(examination)
    return broken(
        f"USER is {examination.image.user}",
        *([f"| {denied}"] if denied else []),
        sagemaker="PermissionError: [Errno 13] Permission denied: '/opt/ml/model/...' in the log",
        severity=Severity.ERROR if denied else None,
        explains=("SM2",) if denied else (),
    )


def _denied(examination: Examination) -> str:
    """The line in which a training that never passed said what it was denied; "" when it said no such thing."""
    if good_run(examination) is not None:
        return ""
    failed = (trial for trial in on_good_data(examination) if trial.status == "Failed")
    lines = (line for trial in failed for line in trial.run.last_lines)
    return next((line for line in lines if _REFUSED.search(line)), "")
