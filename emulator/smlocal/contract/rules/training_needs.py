"""SM211, SM215 to SM217: what a training asks for that no container of the platform has.

A terminal and privileges are judged by what the program says when it fails, and not by a run that has them: nobody
answers at a terminal here, and an image that is looked at with privileges could harm this machine.
"""

from __future__ import annotations

import re
from dataclasses import replace

from smlocal.contract.finding import Judgement, Reason, Severity, broken, kept, without
from smlocal.contract.rule import rule
from smlocal.contract.rules.training import good_run, how, lifted_by_one, no_training, on_good_data, uploaded
from smlocal.evidence import Examination

# Python's input(), isatty checks in words, ioctls on what is no terminal, ENXIO of the terminal itself
_NO_TERMINAL = re.compile(
    r"EOF when reading a line|\bnot a (tty|terminal)\b|Inappropriate ioctl for device"
    r"|/dev/tty\b.*No such device or address|No such device or address.*/dev/tty\b",
    re.I,
)
# bash says so whenever it has no terminal, and goes on. Source: logs of training jobs in amazon-sagemaker-examples.
_HARMLESS = re.compile(r"cannot set terminal process group")
# EPERM; FUSE; mount; Docker in Docker; kernel parameters
_NO_PRIVILEGES = re.compile(
    r"Operation not permitted|fuse: device not found|/dev/fuse|must be superuser|Cannot connect to the Docker daemon"
    r"|(?<!\w)/(?:proc|sys)/\S+ ?:.*read-only file system|read-only file system.*(?<!\w)/(?:proc|sys)/",
    re.I,
)


def _told(examination: Examination, words: re.Pattern[str]) -> Judgement:
    """Whether training fails under all conditions, and its last lines say for want of what."""
    missing = no_training(examination)
    if missing is not None:
        return missing
    good = good_run(examination)
    if good is not None:
        return kept(f"{good.conditions}: {good.status}")
    for trial in on_good_data(examination):
        lines = trial.run.last_lines if trial.status == "Failed" else ()
        told = [line for line in lines if words.search(line) and not _HARMLESS.search(line)]
        if told:
            return broken(f"{trial.conditions}: {how(trial)}", f"| {told[-1]}", sagemaker=trial.reason)
    return without(Reason.RUN_MISSING)


@rule("SM211", Severity.ERROR, "aws/sagemaker-training-toolkit issue 107")
def needs_toolkit_variables(examination: Examination) -> Judgement:
    """The program needs SM_* variables, which the platform does not set.

    Why: SM_MODEL_DIR, SM_CHANNEL_TRAIN and the like come from the sagemaker-training toolkit inside of AWS's own
    images. An image without it gets none: KeyError: 'SM_MODEL_DIR'; or, where a folder of its author's stands in for
    them, a model that is written elsewhere and lost.

    Fix: Use the fixed paths (/opt/ml/model, /opt/ml/input/data/<channel>) as defaults, or install the toolkit.
    """
    return _model_lost(examination) or replace(
        lifted_by_one(examination, "toolkit_variables", True), explains=("SM201",)
    )


def _model_lost(examination: Examination) -> Judgement | None:
    """Whether a run left its model nowhere, and the same run with the toolkit's variables left one."""
    good = [trial for trial in on_good_data(examination) if trial.good]
    for found in (trial for trial in good if trial.conditions.toolkit_variables and uploaded(trial)):
        hard = replace(found.conditions, toolkit_variables=False)
        for lost in (trial for trial in good if trial.conditions == hard and not uploaded(trial)):
            return broken(
                f"{lost.conditions}: {lost.status}, and /opt/ml/model is empty",
                f"{found.conditions}: /opt/ml/model holds {', '.join(uploaded(found)[:3])}",
                sagemaker=lost.status,
                explains=("SM202",),
            )
    return None


@rule("SM215", Severity.ERROR, "aws/sagemaker-python-sdk, local/image.py (tty: True in local mode only)")
def needs_a_terminal(examination: Examination) -> Judgement:
    """Training needs a terminal, or something on its standard input.

    Why: A training container has neither: what asks a question reads the end of its input at once (`EOFError: EOF when
    reading a line`), and what asks for the size of a terminal is told that there is none. The SDK's local mode has
    a terminal, and hides that.

    Fix: Take answers from hyperparameters or the environment; ask `sys.stdin.isatty()` before using a terminal.
    """
    return _told(examination, _NO_TERMINAL)


@rule(
    "SM216",
    Severity.WARNING,
    "aws/sagemaker-python-sdk issues 937, 3331, 5592",
    "aws/sagemaker-pytorch-training-toolkit issue 117",
)
def needs_shared_memory(examination: Examination) -> Judgement:
    """Training needs more than 64 MiB of /dev/shm.

    Why: Workers that load data hand it over in shared memory; when /dev/shm is full they are killed (`DataLoader worker
    is killed by signal: Bus error`). No request can make it larger. It is a warning because how large it is on the
    platform is not published: users have met both; 64 MiB is what Docker gives.

    Fix: Use fewer workers, or let them hand over files (`torch.multiprocessing.set_sharing_strategy("file_system")`).
    """
    return lifted_by_one(examination, "shared_memory", True)


@rule(
    "SM217",
    Severity.ERROR,
    "AWS developer guide, amazon-sagemaker-toolkits",
    "aws/sagemaker-containers issue 243",
    "aws/sagemaker-training-toolkit issue 21",
)
def needs_privileges(examination: Examination) -> Judgement:
    """Training needs privileges that no container of the platform has.

    Why: Containers run without added capabilities and devices, and nothing in a request changes that: mounting, FUSE
    (s3fs), Docker in Docker and the like end with `Operation not permitted`.

    Fix: Take data as channels (File, FastFile) or with boto3 instead of mounting it, and do without what needs
    capabilities. Where USER is not root, run as root first: some of it is allowed to root (SM110).
    """
    return _told(examination, _NO_PRIVILEGES)
