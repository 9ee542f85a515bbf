"""SM2xx: what the image does when it is run with `train`."""

from __future__ import annotations

from smlocal.contract.finding import Judgement, Reason, Severity, broken, kept, without
from smlocal.contract.rule import rule
from smlocal.evidence import Examination, TrainingTrial

_OUTPUT = "AWS developer guide, your-algorithms-training-algo-output"
_SIGNAL = "AWS developer guide, your-algorithms-training-signal-success-failure"
_RUNNING = "AWS developer guide, your-algorithms-training-algo-running-container"
_ISOLATION = "AWS developer guide, mkt-algo-model-internet-free"
_LONGEST = 1024  # characters of FailureReason


def _no_training(examination: Examination) -> Judgement | None:
    """Why nothing can be said of training at all."""
    if not examination.asked.training:
        return without(Reason.DOES_NOT_TRAIN)
    if not examination.asked.channels:
        return without(Reason.NO_TRAINING_DATA)
    return None if examination.training else without(Reason.RUN_MISSING)


def _good(examination: Examination) -> TrainingTrial | None:
    """The hardest run on good data that passed."""
    return next((trial for trial in examination.training.values() if _on_good_data(trial) and trial.good), None)


def _on_good_data(trial: TrainingTrial) -> bool:
    return not trial.conditions.broken_data


def _failed(examination: Examination) -> list[TrainingTrial]:
    """The runs that failed by their program's own doing."""
    return [trial for trial in examination.training.values() if not trial.good and trial.run.exit_code is not None]


def _ending(trial: TrainingTrial) -> tuple[str, ...]:
    """What was seen of a failed run: how it ended and its last lines."""
    run = trial.run
    how = f"exit code {run.exit_code}" if run.exit_code is not None else f"not started: {run.start_error}"
    return (f"{trial.conditions}: {how}", *(f"| {line}" for line in run.last_lines[-5:]))


def _cause(examination: Examination, name: str, fix: str, severity: Severity | None = None) -> Judgement:
    """Whether the hardest run failed, and the one in which a single condition was lifted passed."""
    missing = _no_training(examination)
    if missing is not None:
        return missing
    hard, lifted = examination.training["hard"], examination.training.get(name)
    if hard.good:
        return kept(f"{hard.conditions}: {hard.status}")
    if lifted is None or not lifted.good:
        return without(Reason.INCONCLUSIVE if _good(examination) else Reason.RUN_MISSING)
    seen = (*_ending(hard), f"{lifted.conditions}: {lifted.status}")
    return broken(*seen, sagemaker=hard.reason, fix=fix, severity=severity)


@rule("SM201", Severity.ERROR, _RUNNING)
def fails_on_good_data(examination: Examination) -> Judgement:
    """Training fails on good data.

    Why: The job ends as Failed with the exit code, and nothing is deployed.

    Fix: Read the last lines of its output; run `smlocal train` with the same channel to see them all.
    """
    missing = _no_training(examination)
    if missing is not None:
        return missing
    good = _good(examination)
    if good is not None:
        return kept(f"{good.conditions}: {good.status} in {good.seconds:.1f} s")
    last = [trial for trial in examination.training.values() if _on_good_data(trial)][-1]
    return broken(*_ending(last), sagemaker=last.reason)


@rule("SM202", Severity.ERROR, _OUTPUT, "aws/sagemaker-python-sdk issue 3455")
def empty_model_directory(examination: Examination) -> Judgement:
    """Training succeeds and leaves nothing in /opt/ml/model.

    Why: The job is Completed, but there is no model.tar.gz; CreateModel fails later, when the training has been paid
    for.

    Fix: Write the model to /opt/ml/model, and exit with another code than 0 when there is none.
    """
    missing = _no_training(examination)
    if missing is not None:
        return missing
    good = _good(examination)
    if good is None:
        return without(Reason.RUN_MISSING)
    files = [item.path for item in good.run.model_files if item.kind != "directory"]
    if files:
        return kept(f"/opt/ml/model holds {', '.join(files[:3])}")
    return broken(
        "exit code 0, and /opt/ml/model is empty",
        sagemaker="Completed; CreateModel then says: Could not find model data at s3://.../output/model.tar.gz.",
    )


@rule("SM203", Severity.WARNING, _SIGNAL, "aws/sagemaker-python-sdk issues 357, 658, 1225")
def fails_without_failure_file(examination: Examination) -> Judgement:
    """Training fails without writing /opt/ml/output/failure.

    Why: FailureReason is then `AlgorithmError: , exit code: 1`, and whoever reads it must find the log to learn why.
    It is a warning because the job fails in either case.

    Fix: Catch exceptions at the top of the program, write a short text to /opt/ml/output/failure, and exit with a
    code other than 0."""
    missing = _no_training(examination)
    if missing is not None:
        return missing
    failed = _failed(examination)
    if not failed:
        return without(Reason.NO_BROKEN_DATA if not examination.asked.broken_data else Reason.INCONCLUSIVE)
    silent = [trial for trial in failed if not (trial.run.failure_file or b"").strip()]
    if not silent:
        return kept(f"{failed[-1].conditions}: {failed[-1].reason.splitlines()[0][:100]}")
    return broken(*_ending(silent[-1]), sagemaker=silent[-1].reason)


@rule("SM204", Severity.ERROR, _SIGNAL, "aws/amazon-sagemaker-examples issue 1237")
def broken_data_passes(examination: Examination) -> Judgement:
    """Training on broken data ends with exit code 0.

    Why: SageMaker knows nothing but the exit code: the job is Completed, and a useless model goes on its way.

    Fix: Let errors end the program with another code than 0; do not swallow them.
    """
    missing = _no_training(examination)
    if missing is not None:
        return missing
    if not examination.asked.broken_data:
        return without(Reason.NO_BROKEN_DATA)
    trial = examination.training.get("broken data")
    if trial is None:
        return without(Reason.RUN_MISSING)
    if not trial.good:
        return kept(f"exit code {trial.run.exit_code}")
    return broken("exit code 0 on the data that [check.training] calls broken", sagemaker="Completed")


@rule("SM205", Severity.WARNING, _SIGNAL, "API: FailureReason")
def failure_text_is_unusable(examination: Examination) -> Judgement:
    """The failure text is longer than 1,024 characters, or not UTF-8.

    Why: FailureReason holds 1,024 characters. What comes after is cut off, and that is often the line that says why;
    bytes that are no UTF-8 cannot be shown. Where AWS cuts is not documented, hence a warning.

    Fix: Write the reason first, in one or two sentences, and leave the traceback to the log.
    """
    missing = _no_training(examination)
    if missing is not None:
        return missing
    texts = [text for trial in _failed(examination) if (text := trial.run.failure_file or b"").strip()]
    if not texts:
        return without(Reason.NO_BROKEN_DATA if not examination.asked.broken_data else Reason.INCONCLUSIVE)
    for text in texts:
        try:
            length = len(text.decode())
        except UnicodeDecodeError:
            return broken("the failure file is not UTF-8", sagemaker="AlgorithmError: and a text with replacements")
        if length > _LONGEST:
            return broken(
                f"the failure file has more than {_LONGEST} characters ({length} were read)",
                sagemaker=f"AlgorithmError: and its first {_LONGEST} characters",
            )
    return kept(f"{max(len(text) for text in texts)} bytes of UTF-8")


@rule("SM206", Severity.ERROR, "aws/sagemaker-python-sdk issue 3487", "API: HyperParameters")
def one_encoding_of_hyperparameters_only(examination: Examination) -> Judgement:
    """The program understands hyperparameters in one of the two encodings only.

    Why: Every value is a string. The SageMaker SDK since 2.110 writes each as JSON (`"\\"adam\\""`), the CLI and Step
    Functions write it as it is (`"adam"`). A program that knows only one works for one kind of caller.

    Fix: Read a value with `json.loads`, and keep the raw string when that fails; then convert it to the type you
    need."""
    missing = _no_training(examination)
    if missing is not None:
        return missing
    if not examination.asked.encodings_differ:
        return without(Reason.NO_DIFFERENCE)
    runs = examination.training.values()
    plain = [trial for trial in runs if _on_good_data(trial) and not trial.conditions.json_hyperparameters]
    encoded = [trial for trial in runs if _on_good_data(trial) and trial.conditions.json_hyperparameters]
    if not encoded or not (_any_good(plain) or _any_good(encoded)):
        return without(Reason.RUN_MISSING)
    if _any_good(plain) and _any_good(encoded):
        return kept("plain strings and JSON both work")
    bad = encoded[-1] if _any_good(plain) else plain[-1]
    kind = "JSON-encoded" if _any_good(plain) else "plain"
    return broken(f"{kind} hyperparameters fail", *_ending(bad), sagemaker=bad.reason)


def _any_good(trials: list[TrainingTrial]) -> bool:
    return any(trial.good for trial in trials)


@rule("SM209", Severity.WARNING, _ISOLATION)
def needs_the_network(examination: Examination) -> Judgement:
    """Training needs the network.

    Why: With EnableNetworkIsolation, and in a VPC without a way out, nothing can be downloaded. It is an error when
    the configuration says that jobs run isolated, and a warning otherwise.

    Fix: Bake into the image what it downloads, or give it as a channel.
    """
    severity = Severity.ERROR if examination.asked.isolated else None
    return _cause(examination, "network", "", severity)


@rule("SM211", Severity.ERROR, "aws/sagemaker-training-toolkit issue 107")
def needs_toolkit_variables(examination: Examination) -> Judgement:
    """The program needs SM_* variables, which the platform does not set.

    Why: SM_MODEL_DIR, SM_CHANNEL_TRAIN and the like come from the sagemaker-training toolkit inside of AWS's own
    images. An image without it gets none: KeyError: 'SM_MODEL_DIR'.

    Fix: Use the fixed paths (/opt/ml/model, /opt/ml/input/data/<channel>) as defaults, or install the toolkit.
    """
    return _cause(examination, "toolkit", "")


@rule("SM214", Severity.WARNING, _RUNNING)
def trips_over_an_extra_channel(examination: Examination) -> Judgement:
    """The program trips over a channel that it does not know.

    Why: A job may have channels that an algorithm has no use for, and every channel lies beside the others below
    /opt/ml/input/data. A program that reads all of it takes them for its own. It is a warning because a job without
    such a channel works.

    Fix: Read the folder of the channel by its name.
    """
    return _cause(examination, "no extra channel", "")
