"""SM207, SM208, SM218: what becomes of a training that is stopped half-way."""

from __future__ import annotations

from smlocal.contract.finding import Judgement, Reason, Severity, broken, kept, without
from smlocal.contract.rule import rule
from smlocal.contract.rules.training import UPLOADED, ending, how, no_training
from smlocal.evidence import Examination, TrainingTrial

_STOP = "AWS developer guide, your-algorithms-training-algo-dockerfile"
_CHECKPOINTS = "AWS developer guide, model-checkpoints"
_SPOT = "AWS developer guide, model-managed-spot-training"
_SHOWN = 3


def _not_stopped(examination: Examination, trial: TrainingTrial | None) -> Judgement | None:
    """Why nothing can be said of how training is stopped."""
    missing = no_training(examination)
    if missing is not None:
        return missing
    if not examination.asked.long_run:
        return without(Reason.NO_LONG_RUN)
    if trial is None:
        return without(Reason.RUN_MISSING)
    if not trial.run.stop_requested or trial.reason:
        return without(Reason.INCONCLUSIVE, f"it was not running any more when it was to stop: {how(trial)}")
    return None


def _stopped(examination: Examination) -> TrainingTrial | None:
    """The run that was stopped half-way."""
    return next((trial for trial in examination.training.values() if _is_first(trial)), None)


def _is_first(trial: TrainingTrial) -> bool:
    return trial.conditions.stopped and not trial.conditions.resumed


def _saved(trial: TrainingTrial) -> list[str]:
    """What a stopped run left: files in /opt/ml/model, and checkpoints that were brought to S3."""
    files = [f"/opt/ml/model/{item.path}" for item in trial.run.model_files if item.kind in UPLOADED]
    return [*files, *(f"the checkpoint {name}" for name in trial.checkpoints)]


@rule("SM207", Severity.WARNING, _STOP, "aws/sagemaker-training-toolkit issues 125, 173")
def ignores_sigterm_while_training(examination: Examination) -> Judgement:
    """Training does not end within 120 seconds of SIGTERM.

    Why: Whoever stops a job, the end of its time and a spot interruption all send SIGTERM, and SIGKILL 120 seconds
    later. A program that is the container's first process is not ended by SIGTERM unless it handles it, and a shell or
    a wrapper in front of it hands nothing on. It is a warning because the job is Stopped in either case; what is lost
    are those two minutes, which are paid for, and whatever was to be saved in them.

    Fix: Write ENTRYPOINT in exec form, `exec` the program from shell scripts, and handle SIGTERM: save, then exit.
    """
    trial = _stopped(examination)
    missing = _not_stopped(examination, trial)
    if missing is not None or trial is None:
        return missing or without(Reason.RUN_MISSING)
    if trial.run.killed_after_grace:
        return broken("SIGTERM was ignored: it was killed", *ending(trial)[1:], sagemaker="Stopped, after SIGKILL")
    return kept(f"it ended by itself, with exit code {trial.run.exit_code}")


@rule("SM208", Severity.WARNING, _STOP, "API: StoppingCondition", "aws/amazon-sagemaker-examples issue 588")
def nothing_saved_on_stop(examination: Examination) -> Judgement:
    """A training that is stopped half-way leaves neither a model nor a checkpoint.

    Why: What is in /opt/ml/model when the program has ended is uploaded, also of a stopped job, and so are its
    checkpoints. When nothing is there, all the time that was paid for is lost. It is a warning because training can be
    done again, and because one that is stopped later may have saved something by then.

    Fix: On SIGTERM write the model as it is to /opt/ml/model, or write checkpoints to /opt/ml/checkpoints meanwhile.
    """
    trial = _stopped(examination)
    missing = _not_stopped(examination, trial)
    if missing is not None or trial is None:
        return missing or without(Reason.RUN_MISSING)
    saved = _saved(trial)
    if saved:
        return kept(f"it left {', '.join(saved[:_SHOWN])}")
    return broken(*ending(trial), sagemaker="Stopped, without model.tar.gz")


@rule("SM218", Severity.WARNING, _CHECKPOINTS, _SPOT)
def does_not_read_its_checkpoints(examination: Examination) -> Judgement:
    """A training that was interrupted begins anew although there are checkpoints.

    Why: After a spot interruption, or when a cluster was repaired, the container is started again, with the checkpoints
    that it had written in /opt/ml/checkpoints. A program that does not read them begins from scratch each time, and may
    never get to its end. It is a warning because nothing fails: it takes longer, and costs more.

    Fix: At the start look into /opt/ml/checkpoints, go on from the newest checkpoint (files that end in
    .sagemaker-uploading or .sagemaker-uploaded are none), and print that you do.
    """
    first = _stopped(examination)
    missing = _not_stopped(examination, first)
    if missing is not None or first is None:
        return missing or without(Reason.RUN_MISSING)
    if not examination.asked.resumes:
        return without(Reason.NO_RESUMING)
    if first.told:
        return without(Reason.INCONCLUSIVE, f"it tells of going on also when there is no checkpoint: {first.told}")
    if not first.checkpoints:
        return without(Reason.INCONCLUSIVE, "it left nothing in /opt/ml/checkpoints when it was stopped")
    resumed = next((trial for trial in examination.training.values() if trial.conditions.resumed), None)
    if resumed is None:
        return without(Reason.RUN_MISSING)
    if resumed.told:
        return kept(f"| {resumed.told}")
    found = f"it had {', '.join(first.checkpoints[:_SHOWN])} and did not tell of going on"
    return broken(found, *ending(resumed), sagemaker="Interrupted, and then trained from the beginning")
