"""SM111 and SM210: when a training program's output comes, and where it writes what is not output."""

from __future__ import annotations

from smlocal.contract.finding import Judgement, Reason, Severity, broken, kept, without
from smlocal.contract.rule import rule
from smlocal.contract.rules.training import good_run, no_training, on_good_data
from smlocal.evidence import Examination, TrainingTrial

_MEBIBYTE = 1024 * 1024
_SETTING = "PYTHONUNBUFFERED"
_TELLING = 0.25  # seconds by which it must come sooner when nothing is kept back
_LONG_ENOUGH = 2.0  # seconds of training that has nothing to say before its end, and not only too little time for it
_TOO_SOON = "training was over too soon to tell: give it more to do"
_LARGE = 1024 * _MEBIBYTE


@rule(
    "SM111",
    Severity.WARNING,
    "aws/sagemaker-training-toolkit issue 6",
    "aws/amazon-sagemaker-examples issue 1237",
    "Python reference, PYTHONUNBUFFERED",
)
def output_only_at_exit(examination: Examination) -> Judgement:
    """Nothing of the output is seen before training ends.

    Why: Standard output is a pipe, and Python and the C library hold back what is printed to one until some kilobytes
    have come together. CloudWatch shows nothing while the job runs, metrics come all at once, and what a killed program
    has not yet handed over is lost. It is a warning because the job is Completed.

    Fix: `ENV PYTHONUNBUFFERED=1` in the Dockerfile; `stdbuf -oL` or a flush after each line for other programs.
    """
    missing = no_training(examination)
    if missing is not None:
        return missing
    good = good_run(examination)
    if good is None or good.program_seconds is None:
        return without(Reason.RUN_MISSING)
    if examination.image.environment.get(_SETTING):
        return kept(f"{_SETTING} is set in the image")
    early = good.first_line
    if early is None:
        return without(Reason.NO_SUCH_CASE, "it writes nothing")
    if not good.speaks_at_its_end:
        return kept(f"the first line came {early:.1f} s before the exit")
    other = examination.training.get("unbuffered")
    sooner = other.first_line if other is not None and other.good else None
    if sooner is None:
        return without(Reason.INCONCLUSIVE, _TOO_SOON)
    if sooner - early * _slower(good, other) < _TELLING:
        if good.program_seconds < _LONG_ENOUGH:
            return without(Reason.INCONCLUSIVE, _TOO_SOON)
        return kept("it has nothing to say before its end, with PYTHONUNBUFFERED=1 neither")
    return broken(
        f"{good.conditions}: the first of {len(good.line_times)} lines came {early:.1f} s before the exit",
        f"with {_SETTING}=1: {sooner:.1f} s before the exit",
    )


def _slower(good: TrainingTrial, other: TrainingTrial | None) -> float:
    """How many times as long the other run took, beside which others were made."""
    took, longer = good.program_seconds, other.program_seconds if other is not None else None
    return max(1.0, longer / took) if took and longer else 1.0


@rule("SM210", Severity.WARNING, "AWS developer guide, model-train-storage", "awslabs/graphstorm issues 309, 354")
def large_writes_outside_of_opt_ml(examination: Examination) -> Judgement:
    """Training writes more than 1 GiB outside of /opt/ml and /tmp.

    Why: The job's volume, of the size that VolumeSizeInGB says, is at /opt/ml and /tmp. Everything else is a small disk
    of the instance: a cache that fills it ends the job with `No space left on device`, and no request makes it larger.
    It is a warning because how large it is differs by instance type and is not published.

    Fix: Let caches and other temporary files go to /tmp (`ENV HF_HOME=/tmp/hf`, `TMPDIR`, `XDG_CACHE_HOME`).
    """
    missing = no_training(examination)
    if missing is not None:
        return missing
    for trial in on_good_data(examination):
        if (trial.written_elsewhere or 0) > _LARGE:
            return broken(
                _written(trial), sagemaker="OSError: [Errno 28] No space left on device, when that disk is full"
            )
    good = good_run(examination)
    if good is None or good.written_elsewhere is None:
        return without(Reason.RUN_MISSING)
    return kept(_written(good))


def _written(trial: TrainingTrial) -> str:
    size = (trial.written_elsewhere or 0) / _MEBIBYTE
    return f"{trial.conditions}: {size:.0f} MiB were written outside of /opt/ml and /tmp"
