"""SM2xx: what the image does when it is run with `train`."""

from __future__ import annotations

import codecs
from dataclasses import replace

from smlocal.contract.finding import Judgement, Reason, Severity, broken, kept, without
from smlocal.contract.rule import rule
from smlocal.evidence import Examination, TrainingTrial

_OUTPUT = "AWS developer guide, your-algorithms-training-algo-output"
_SIGNAL = "AWS developer guide, your-algorithms-training-signal-success-failure"
_RUNNING = "AWS developer guide, your-algorithms-training-algo-running-container"
_ISOLATION = "AWS developer guide, mkt-algo-model-internet-free"
UPLOADED = ("file", "symlink", "hardlink")
_TIME_LIMIT = "MaxRuntimeExceeded"
_LONGEST = 1024  # characters of FailureReason
_READ = 8192  # bytes of the failure file that are evidence; a longer one is cut there


def no_training(examination: Examination) -> Judgement | None:
    """Why nothing can be said of training at all."""
    if not examination.asked.training:
        return without(Reason.DOES_NOT_TRAIN)
    if not examination.asked.channels:
        return without(Reason.NO_TRAINING_DATA)
    return None if examination.training else without(Reason.RUN_MISSING)


def on_good_data(examination: Examination) -> list[TrainingTrial]:
    """The runs on good data that nobody stopped half-way."""
    runs = examination.training.values()
    return [trial for trial in runs if not (trial.conditions.broken_data or trial.conditions.stopped)]


def good_run(examination: Examination) -> TrainingTrial | None:
    """The hardest run on good data that passed."""
    return min((trial for trial in on_good_data(examination) if trial.good), key=_lifted, default=None)


def _lifted(trial: TrainingTrial) -> int:
    """How many of the hard conditions did not hold; what the platform never gives counts most."""
    conditions = trial.conditions
    easier = conditions.network + (not conditions.extra_channel) + conditions.shared_memory
    return 4 * (conditions.toolkit_variables + (not conditions.manifests)) + easier


def _failed(examination: Examination) -> list[TrainingTrial]:
    """The runs that failed by their program's own doing: who is killed for want of memory can say nothing."""
    failed = [trial for trial in examination.training.values() if trial.status == "Failed"]
    return [trial for trial in failed if trial.run.exit_code and not trial.run.out_of_memory]


def _ended_by_us(trial: TrainingTrial) -> bool:
    """Whether its end says nothing of its program: it was stopped, never begun, or killed for want of memory. A run
    beside it may have been the cause."""
    return bool(trial.run.stop_requested) or trial.run.exit_code is None or trial.run.out_of_memory


def uploaded(trial: TrainingTrial) -> list[str]:
    """What a run left in /opt/ml/model that makes a model: folders alone are none."""
    return [item.path for item in trial.run.model_files if item.kind in UPLOADED]


def ending(trial: TrainingTrial) -> tuple[str, ...]:
    """What was seen of a failed run: how it ended and its last lines."""
    return (f"{trial.conditions}: {how(trial)}", *(f"| {line}" for line in trial.run.last_lines[-5:]))


def how(trial: TrainingTrial) -> str:
    run = trial.run
    if run.stop_requested:
        return f"{run.stop_requested} after {trial.seconds:.1f} s"
    if run.exit_code is not None:
        return f"exit code {run.exit_code}{', out of memory' if run.out_of_memory else ''}"
    return f"not started: {run.start_error}" if run.start_error else trial.reason or trial.status


def lifted_by_one(
    examination: Examination, condition: str, lifted: bool, severity: Severity | None = None
) -> Judgement:
    """Whether a run failed under a condition, and the same run without that one condition passed."""
    missing = no_training(examination)
    if missing is not None:
        return missing
    trials = on_good_data(examination)
    good = [trial for trial in trials if trial.good]
    for trial in good:
        if getattr(trial.conditions, condition) != lifted:
            return kept(f"{trial.conditions}: {trial.status}")
    for passed in good:
        hard = replace(passed.conditions, **{condition: not lifted})
        for failed in (trial for trial in trials if trial.conditions == hard):
            seen = (*ending(failed), f"{passed.conditions}: {passed.status}")
            return broken(*seen, sagemaker=failed.reason, severity=severity)
    return without(Reason.INCONCLUSIVE if good else Reason.RUN_MISSING)


@rule("SM201", Severity.ERROR, _RUNNING)
def fails_on_good_data(examination: Examination) -> Judgement:
    """Training fails on good data.

    Why: The job ends as Failed with the exit code, and nothing is deployed. It is a warning when the program was only
    stopped at the configured time limit, and when it passed with several things at once that a job may have or lack
    (network, no channel that it does not know, more shared memory), of which none alone was enough.

    Fix: Read the last lines of its output; run `smlocal train` with the same channel to see them all.
    """
    missing = no_training(examination)
    if missing is not None:
        return missing
    good, trials = good_run(examination), on_good_data(examination)
    if not trials:
        return without(Reason.RUN_MISSING)
    if good is not None and good.conditions.manifests and _lifted(good) <= 1:
        return kept(f"{good.conditions}: {good.status} in {good.seconds:.1f} s")
    last = [trial for trial in trials if not trial.good][-1:] or trials[-1:]
    seen = [*ending(last[0]), *([f"{good.conditions}: {good.status}"] if good is not None else [])]
    any_job = examination.training.get("any job")
    hopeless = any_job is not None and not any_job.good  # what helped is nothing that a job can have
    conditional = (good is not None and not hopeless) or last[0].run.stop_requested == _TIME_LIMIT
    severity = Severity.WARNING if conditional else None
    return broken(*seen, sagemaker=last[0].reason or last[0].status, severity=severity)


@rule("SM202", Severity.ERROR, _OUTPUT, "aws/sagemaker-python-sdk issue 3455")
def empty_model_directory(examination: Examination) -> Judgement:
    """Training succeeds and leaves nothing in /opt/ml/model.

    Why: The job is Completed, but there is no model.tar.gz; CreateModel fails later, when the training has been paid
    for.

    Fix: Write the model to /opt/ml/model, and exit with another code than 0 when there is none.
    """
    missing = no_training(examination)
    if missing is not None:
        return missing
    good = good_run(examination)
    if good is None:
        return without(Reason.RUN_MISSING)
    files = uploaded(good)
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
    missing = no_training(examination)
    if missing is not None:
        return missing
    failed = _failed(examination)
    if not failed:
        return _nothing_failed(examination)
    silent = [trial for trial in failed if not (trial.run.failure_file or b"").strip()]
    if not silent:
        return kept(f"{failed[-1].conditions}: {' '.join(failed[-1].reason.split())[:100]}")
    return broken(*ending(silent[-1]), sagemaker=silent[-1].reason)


def _nothing_failed(examination: Examination) -> Judgement:
    """Why nothing can be said of how the program fails."""
    return without(Reason.RUN_MISSING if examination.asked.broken_data else Reason.NO_BROKEN_DATA)


@rule("SM204", Severity.ERROR, _SIGNAL, "aws/amazon-sagemaker-examples issue 1237")
def broken_data_passes(examination: Examination) -> Judgement:
    """Training on broken data ends with exit code 0.

    Why: SageMaker knows nothing but the exit code: the job is Completed, and a useless model goes on its way.

    Fix: Let errors end the program with another code than 0; do not swallow them.
    """
    missing = no_training(examination)
    if missing is not None:
        return missing
    if not examination.asked.broken_data:
        return without(Reason.NO_BROKEN_DATA)
    trial = next((trial for trial in examination.training.values() if trial.conditions.broken_data), None)
    if trial is None:
        return without(Reason.RUN_MISSING)
    if _ended_by_us(trial):
        return without(Reason.INCONCLUSIVE, how(trial))
    if trial.run.exit_code != 0:
        return kept(f"exit code {trial.run.exit_code}")
    return broken("exit code 0 on the data that [check.training] calls broken", sagemaker="Completed")


@rule("SM205", Severity.WARNING, _SIGNAL, "API: FailureReason")
def failure_text_is_unusable(examination: Examination) -> Judgement:
    """The failure text is longer than 1,024 characters, or not UTF-8.

    Why: FailureReason holds 1,024 characters. What comes after is cut off, and that is often the line that says why;
    bytes that are no UTF-8 cannot be shown. Where AWS cuts is not documented, hence a warning.

    Fix: Write the reason first, in one or two sentences, and leave the traceback to the log.
    """
    missing = no_training(examination)
    if missing is not None:
        return missing
    failed = _failed(examination)
    texts = [text for trial in failed if (text := trial.run.failure_file or b"").strip()]
    if not failed:
        return _nothing_failed(examination)
    if not texts:
        return without(Reason.NO_SUCH_CASE, "no failure file was written")
    for text in texts:
        try:
            length = _characters(text)
        except UnicodeDecodeError:
            return broken("the failure file is not UTF-8", sagemaker="AlgorithmError: and a text with replacements")
        if length > _LONGEST:
            return broken(
                f"the failure file has more than {_LONGEST} characters ({length} were read)",
                sagemaker=f"AlgorithmError: and its first {_LONGEST} characters",
            )
    return kept(f"{max(len(text) for text in texts)} bytes of UTF-8")


def _characters(text: bytes) -> int:
    """How many characters; one that was cut in two where reading ended is no fault of the file."""
    return len(codecs.getincrementaldecoder("utf-8")().decode(text, final=len(text) < _READ))


@rule("SM206", Severity.ERROR, "aws/sagemaker-python-sdk issue 3487", "API: HyperParameters")
def one_encoding_of_hyperparameters_only(examination: Examination) -> Judgement:
    """The program understands hyperparameters in one of the two encodings only.

    Why: Every value is a string. The SageMaker SDK since 2.110 writes each as JSON (`"\\"adam\\""`), the CLI and Step
    Functions write it as it is (`"adam"`). A program that knows only one works for one kind of caller.

    Fix: Read a value with `json.loads`, and keep the raw string when that fails; then convert it to the type you
    need."""
    missing = no_training(examination)
    if missing is not None:
        return missing
    if not examination.asked.encodings_differ:
        return without(Reason.NO_DIFFERENCE)
    trials = on_good_data(examination)
    good = [trial for trial in trials if trial.good]
    if len({trial.conditions.json_hyperparameters for trial in good}) > 1:
        return kept("plain strings and JSON both work")
    for passed in good:
        is_json = passed.conditions.json_hyperparameters
        other = replace(passed.conditions, json_hyperparameters=not is_json)
        for failed in (trial for trial in trials if trial.conditions == other):
            if _ended_by_us(failed):
                return without(Reason.INCONCLUSIVE, f"{failed.conditions}: {how(failed)}")
            kind = "plain" if is_json else "JSON-encoded"
            return broken(f"{kind} hyperparameters fail", *ending(failed), sagemaker=failed.reason)
    return without(Reason.INCONCLUSIVE if good else Reason.RUN_MISSING)


@rule("SM209", Severity.WARNING, _ISOLATION)
def needs_the_network(examination: Examination) -> Judgement:
    """Training needs the network.

    Why: With EnableNetworkIsolation, and in a VPC without a way out, nothing can be downloaded. It is an error when
    the configuration says that jobs run isolated, and a warning otherwise.

    Fix: Bake into the image what it downloads, or give it as a channel.
    """
    severity = Severity.ERROR if examination.asked.isolated else None
    return lifted_by_one(examination, "network", True, severity)


@rule("SM213", Severity.ERROR, "captured from jobs of the platform, 2020 and 2022: input/data/train-manifest")
def trips_over_manifests(examination: Examination) -> Judgement:
    """The program trips over the `<channel>-manifest` files beside the channels.

    Why: In File mode the platform writes a file with the list of the objects beside the folder of each channel:
    /opt/ml/input/data/train-manifest. No guide tells of it. A program that takes everything in /opt/ml/input/data for
    the folder of a channel fails on the platform, and nowhere else.

    Fix: Read the folder of the channel by its name, or what inputdataconfig.json names; leave out what is no folder.
    """
    return lifted_by_one(examination, "manifests", False)


@rule("SM214", Severity.WARNING, _RUNNING)
def trips_over_an_extra_channel(examination: Examination) -> Judgement:
    """The program trips over a channel that it does not know.

    Why: A job may have channels that an algorithm has no use for, and every channel lies beside the others below
    /opt/ml/input/data. A program that reads all of it takes them for its own. It is a warning because a job without
    such a channel works.

    Fix: Read the folder of the channel by its name.
    """
    return lifted_by_one(examination, "extra_channel", False)
