"""SM219: whether what the program prints is what its metric definitions look for."""

from __future__ import annotations

from smlocal.contract.finding import Judgement, Reason, Severity, broken, kept, without
from smlocal.contract.rule import rule
from smlocal.contract.rules.training import good_run, no_training
from smlocal.evidence import Examination

_METRICS = "AWS developer guide, automatic-model-tuning-define-metrics-variables"


@rule("SM219", Severity.WARNING, _METRICS, "aws/amazon-sagemaker-examples issues 463, 1207, 1920")
def metric_definitions_match_nothing(examination: Examination) -> Judgement:
    """A metric definition matches no line of the program's output.

    Why: The metric is not there then, neither on the console nor in DescribeTrainingJob, and a tuning job that has it
    as its objective finds no best training job. It is a warning because the training job itself is Completed.

    Fix: Print each metric on a line of its own, and try the regex on the log: it is searched in one line at a time,
    where a tab is `#011`, and its first group must be a number.
    """
    missing = no_training(examination)
    if missing is not None:
        return missing
    if not examination.asked.metrics:
        return without(Reason.NO_METRICS)
    good = good_run(examination)
    if good is None:
        return without(Reason.RUN_MISSING)
    unseen = [name for name in examination.asked.metrics if name not in good.metrics]
    if not unseen:
        return kept(f"found: {', '.join(good.metrics)}")
    lines = (f"| {line}" for line in good.run.last_lines[-5:])
    return broken(f"not found: {', '.join(unseen)}", *lines, sagemaker="Completed, without these metrics")
