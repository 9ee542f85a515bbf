"""Rows of the rules about training that came later; `rows.py` joins them to the others."""

from __future__ import annotations

from dataclasses import replace

from smlocal.contract import Reason
from smlocal.evidence import Examination, FileSeen, TrainingTrial
from tests.contract.row import ERROR, KEPT, WARNING, Row
from tests.contract.samples import (
    ANY_JOB,
    BROKEN_DATA,
    DATA_ALONE,
    EASY,
    GOOD,
    MODEL,
    NETWORK,
    NO_EXTRA,
    NO_MANIFESTS,
    RESUMED,
    SHARED_MEMORY,
    STOPPED,
    UNBUFFERED,
    also,
    asked,
    broken_off,
    failed,
    halted,
    image,
    killed,
    overran,
    speaking,
    trained,
    training,
    unmade,
)

SERVES_ONLY = asked(GOOD, training=False)
NO_DATA = asked(unmade(GOOD, serving=False), channels=())
NOTHING_MADE = unmade(GOOD)
FAILS = training(GOOD, hard=failed(), easy=failed(EASY))

FOLDER = FileSeen("cache", "directory", 0, 0o755)
SECOND_NAME = FileSeen("copy", "hardlink", 0, 0o644, "model.joblib")
LINK = FileSeen("latest", "symlink", 0, 0o777, "model.joblib")
ABSOLUTE = FileSeen("weights", "symlink", 0, 0o777, "/root/.cache/weights")
PIPE = FileSeen("pipe", "other", 0, 0o644)


def leaving(*files: FileSeen) -> TrainingTrial:
    """A run that passed and left these in /opt/ml/model."""
    return trained(model_files=files)


MODEL_ROWS = [
    Row("SM212", "a file", GOOD, KEPT),
    Row("SM212", "a file in a folder", training(GOOD, hard=leaving(FOLDER, *MODEL)), KEPT),
    Row("SM212", "a second name of a file", training(GOOD, hard=leaving(*MODEL, SECOND_NAME)), KEPT),
    Row("SM212", "a link to a file beside it", training(GOOD, hard=leaving(*MODEL, LINK)), ERROR),
    Row("SM212", "a link to an absolute path", training(GOOD, hard=leaving(ABSOLUTE)), ERROR),
    Row("SM212", "many links", training(GOOD, hard=leaving(*[LINK] * 9)), ERROR),
    Row("SM212", "a pipe", training(GOOD, hard=leaving(*MODEL, PIPE)), WARNING),
    Row("SM212", "a pipe and a link", training(GOOD, hard=leaving(PIPE, LINK)), ERROR),
    Row(
        "SM212",
        "a link, and a model of the user's is served",
        asked(training(GOOD, hard=leaving(LINK)), model_given=True),
        ERROR,
    ),
    Row("SM212", "nothing", training(GOOD, hard=leaving()), Reason.NO_SUCH_CASE),
    Row("SM212", "it never passes", FAILS, Reason.RUN_MISSING),
]

NO_LONG_RUN = asked(GOOD, long_run=False)
NOT_STOPPED = training(GOOD, hard=trained())
ONLY_RESUMED = training(GOOD, hard=trained(), resumed=halted(RESUMED))
NO_CHECKPOINT = also(GOOD, stopped=halted(checkpoints=()))
KILLED = also(GOOD, stopped=killed())

STOP_ROWS = [
    Row("SM207", "it ends after SIGTERM", GOOD, KEPT),
    Row("SM207", "it ends after SIGTERM with 143", also(GOOD, stopped=halted(exit_code=143)), KEPT),
    Row("SM207", "it ends at its time limit", also(GOOD, stopped=halted(stop_requested="MaxRuntimeExceeded")), KEPT),
    Row("SM207", "it ends and saves nothing", also(GOOD, stopped=killed(killed_after_grace=False)), KEPT),
    Row("SM207", "it is killed", KILLED, WARNING),
    Row("SM207", "it is killed, and had saved something", also(GOOD, stopped=killed(model_files=MODEL)), WARNING),
    Row("SM207", "only the run that goes on is killed", also(GOOD, resumed=killed(RESUMED)), KEPT),
    Row("SM208", "it leaves a model and a checkpoint", GOOD, KEPT),
    Row("SM208", "it leaves a model", NO_CHECKPOINT, KEPT),
    Row("SM208", "it leaves a checkpoint", also(GOOD, stopped=halted(model_files=())), KEPT),
    Row("SM208", "it leaves nothing", also(GOOD, stopped=halted(model_files=(), checkpoints=())), WARNING),
    Row("SM208", "it leaves a folder", also(GOOD, stopped=halted(model_files=(FOLDER,), checkpoints=())), WARNING),
    Row("SM208", "it is killed and leaves nothing", KILLED, WARNING),
    Row("SM218", "it tells that it goes on", GOOD, KEPT),
    Row("SM218", "it tells nothing of going on", also(GOOD, resumed=halted(RESUMED)), WARNING),
    Row("SM218", "it tells of going on at any time", also(GOOD, stopped=halted(told="going on")), Reason.INCONCLUSIVE),
    Row("SM218", "it leaves no checkpoint", NO_CHECKPOINT, Reason.INCONCLUSIVE),
    Row("SM218", "how it tells is not configured", asked(GOOD, resumes=False), Reason.NO_RESUMING),
    Row("SM218", "it is not started again", training(GOOD, stopped=halted()), Reason.RUN_MISSING),
    *(
        Row(rule, claim, seen, reason)
        for rule in ("SM207", "SM208", "SM218")
        for claim, seen, reason in (
            ("nothing makes it long", NO_LONG_RUN, Reason.NO_LONG_RUN),
            ("it was not stopped", NOT_STOPPED, Reason.RUN_MISSING),
            ("only the run that goes on was made", ONLY_RESUMED, Reason.RUN_MISSING),
            ("it passed before it was to stop", also(GOOD, stopped=trained(STOPPED)), Reason.INCONCLUSIVE),
            ("it failed before it was to stop", also(GOOD, stopped=failed(STOPPED)), Reason.INCONCLUSIVE),
            ("it took too much of the machine", also(GOOD, stopped=broken_off(STOPPED)), Reason.INCONCLUSIVE),
        )
    ),
]

TWO = asked(GOOD, metrics=("accuracy", "loss"))
METRIC_ROWS = [
    Row("SM219", "it is found", GOOD, KEPT),
    Row("SM219", "it is not found", training(GOOD, hard=replace(trained(), metrics=())), WARNING),
    Row("SM219", "one of two is not found", TWO, WARNING),
    Row("SM219", "it is not found on broken data", also(GOOD, broken_data=failed(BROKEN_DATA)), KEPT),
    Row("SM219", "there are no definitions", asked(GOOD, metrics=()), Reason.NO_METRICS),
    Row("SM219", "it never passes", FAILS, Reason.RUN_MISSING),
]

NO_INPUT = "EOFError: EOF when reading a line"
BASH = "bash: cannot set terminal process group (-1): Inappropriate ioctl for device"
OVERCOMMIT = "/proc/sys/vm/overcommit_memory"
NO_TTY = "/dev/tty: No such device or address"
NO_SIZE = "OSError: [Errno 25] Inappropriate ioctl for device"
NOT_PERMITTED = "PermissionError: [Errno 1] Operation not permitted"
DENIED = "PermissionError: [Errno 13] Permission denied: '/opt/ml/model'"


def saying(*lines: str) -> Examination:
    """The examination whose training fails with these last lines, whatever is lifted."""
    return training(GOOD, hard=failed(last_lines=lines), easy=failed(EASY, last_lines=lines))


ASKING_ON = replace(overran(), run=replace(overran().run, last_lines=(NO_INPUT,)))  # again and again
MEMORY_NEEDED = training(GOOD, hard=failed(), easy=trained(EASY), shared_memory=trained(SHARED_MEMORY))
NETWORK_NEEDED = training(GOOD, hard=failed(), easy=trained(EASY), network=trained(NETWORK))
BOTH_NEEDED = training(GOOD, hard=failed(), easy=trained(EASY), shared_memory=failed(SHARED_MEMORY))

NEED_ROWS = [
    Row("SM216", "64 MiB are enough", GOOD, KEPT),
    Row("SM216", "it passes with more shared memory alone", MEMORY_NEEDED, WARNING),
    Row("SM216", "it passes with network alone", NETWORK_NEEDED, KEPT),
    Row("SM216", "it passes with everything lifted", BOTH_NEEDED, Reason.INCONCLUSIVE),
    Row("SM216", "it never passes", FAILS, Reason.RUN_MISSING),
    Row("SM201", "it passes with more shared memory", MEMORY_NEEDED, KEPT),
    Row("SM209", "it passes with more shared memory", MEMORY_NEEDED, KEPT),
    Row("SM211", "it passes with more shared memory", MEMORY_NEEDED, KEPT),
    Row("SM214", "it passes with more shared memory", MEMORY_NEEDED, KEPT),
    Row("SM215", "it passes", GOOD, KEPT),
    Row("SM215", "it asks a question", saying("Traceback", NO_INPUT), ERROR),
    Row("SM215", "it asks for the size of its terminal", saying(NO_SIZE), ERROR),
    Row("SM215", "it opens its terminal", saying(f"cannot open {NO_TTY}"), ERROR),
    Row(
        "SM215", "Python opens its terminal", saying("OSError: [Errno 6] No such device or address: '/dev/tty'"), ERROR
    ),
    Row("SM215", "another device is not there", saying("/dev/video0: No such device or address"), Reason.RUN_MISSING),
    Row("SM215", "it says what it wants", saying("the input device is not a TTY"), ERROR),
    Row("SM215", "it asks a question, and passes", training(GOOD, hard=trained(last_lines=(NO_INPUT,))), KEPT),
    Row(
        "SM215",
        "it passes with network",
        also(saying(NO_INPUT), easy=trained(EASY)),
        KEPT,
    ),
    Row("SM215", "bash complains, and something else fails", saying(BASH, "KeyError: 'petal'"), Reason.RUN_MISSING),
    Row("SM215", "it is stopped at the time limit", training(GOOD, hard=ASKING_ON), Reason.RUN_MISSING),
    Row("SM215", "something else fails", saying(NOT_PERMITTED), Reason.RUN_MISSING),
    Row("SM217", "it passes", GOOD, KEPT),
    Row("SM217", "it mounts", saying("mount: /mnt: must be superuser to use mount."), ERROR),
    Row("SM217", "it needs FUSE", saying("fuse: device not found, try 'modprobe fuse' first"), ERROR),
    Row("SM217", "it needs a capability", saying("Traceback", NOT_PERMITTED), ERROR),
    Row("SM217", "it is not permitted, and passes", training(GOOD, hard=trained(last_lines=(NOT_PERMITTED,))), KEPT),
    Row("SM217", "it sets a kernel parameter", saying(f"cannot create {OVERCOMMIT}: Read-only file system"), ERROR),
    Row("SM217", "so it does in Python", saying(f"OSError: [Errno 30] Read-only file system: '{OVERCOMMIT}'"), ERROR),
    Row("SM217", "another file system is read-only", saying("/opt/sys/x: Read-only file system"), Reason.RUN_MISSING),
    Row("SM217", "a file is not its own", saying(DENIED), Reason.RUN_MISSING),
    Row("SM217", "something else fails", saying(NO_INPUT), Reason.RUN_MISSING),
]

AT_ITS_END = speaking(1.85, 1.86)  # of 1.9 s
KEPT_BACK = training(GOOD, hard=AT_ITS_END, unbuffered=speaking(0.3, 1.86, conditions=UNBUFFERED))
MANIFESTS_TRIP = training(GOOD, hard=failed(), easy=trained(EASY), no_manifests=trained(NO_MANIFESTS))
BOTH_TRIP = training(GOOD, hard=failed(), easy=trained(EASY), no_manifests=failed(NO_MANIFESTS))
EITHER_TRIPS = training(
    GOOD,
    hard=failed(),
    easy=trained(EASY),
    no_extra_channel=failed(NO_EXTRA),
    no_manifests=failed(NO_MANIFESTS),
    data_alone=trained(DATA_ALONE),
)
GIBIBYTE = 1024**3


def writing(size: int | None) -> Examination:
    """The examination whose training wrote so much where nothing belongs."""
    return training(GOOD, hard=replace(trained(), written_elsewhere=size))


PASSES_IN_NO_JOB = training(GOOD, hard=failed(), easy=trained(EASY), any_job=failed(ANY_JOB))
PASSES_IN_SOME_JOB = training(GOOD, hard=failed(), easy=trained(EASY), any_job=trained(ANY_JOB))

OUTPUT_ROWS = [
    Row("SM201", "it passes with what no job has, and with all that a job may have it fails", PASSES_IN_NO_JOB, ERROR),
    Row("SM201", "it passes with all that a job may have", PASSES_IN_SOME_JOB, WARNING),
    Row("SM111", "its lines come while it runs", GOOD, KEPT),
    Row("SM111", "they come at its end, and sooner when unbuffered", KEPT_BACK, WARNING),
    Row(
        "SM111",
        "so they do, and the image has the setting",
        image(KEPT_BACK, environment={"PYTHONUNBUFFERED": "1"}),
        KEPT,
    ),
    Row("SM111", "the setting is empty", image(KEPT_BACK, environment={"PYTHONUNBUFFERED": ""}), WARNING),
    Row(
        "SM111",
        "they come at its end in any case",
        training(GOOD, hard=speaking(4.8, ended=4.9), unbuffered=speaking(4.85, conditions=UNBUFFERED, ended=4.9)),
        KEPT,
    ),
    Row(
        "SM111",
        "they come at its end in any case, which is soon",
        training(GOOD, hard=AT_ITS_END, unbuffered=speaking(1.8, conditions=UNBUFFERED)),
        Reason.INCONCLUSIVE,
    ),
    Row("SM111", "they come at its end, and that is soon", training(GOOD, hard=AT_ITS_END), Reason.INCONCLUSIVE),
    Row(
        "SM111",
        "unbuffered it fails",
        training(GOOD, hard=AT_ITS_END, unbuffered=failed(UNBUFFERED)),
        Reason.INCONCLUSIVE,
    ),
    Row(
        "SM111",
        "unbuffered it says nothing",
        training(GOOD, hard=AT_ITS_END, unbuffered=speaking(conditions=UNBUFFERED)),
        Reason.INCONCLUSIVE,
    ),
    Row("SM111", "a line comes after its exit was seen", training(GOOD, hard=speaking(0.3, 1.95)), KEPT),
    Row(
        "SM111",
        "unbuffered it was slower, beside other runs, and said it as late",
        training(
            GOOD,
            hard=speaking(8.2, ended=10.2),
            unbuffered=speaking(11.4, conditions=UNBUFFERED, ended=14.2),
        ),
        KEPT,
    ),
    Row("SM111", "it says nothing", training(GOOD, hard=speaking()), Reason.NO_SUCH_CASE),
    Row("SM111", "its end was not seen", training(GOOD, hard=speaking(0.3, ended=None)), Reason.RUN_MISSING),
    Row("SM111", "it never passes", FAILS, Reason.RUN_MISSING),
    Row("SM210", "it writes little elsewhere", GOOD, KEPT),
    Row("SM210", "1 GiB", writing(GIBIBYTE), KEPT),
    Row("SM210", "more than 1 GiB", writing(GIBIBYTE + 1), WARNING),
    Row(
        "SM210",
        "more than 1 GiB, and it fails",
        also(FAILS, hard=replace(failed(), written_elsewhere=2 * GIBIBYTE)),
        WARNING,
    ),
    Row("SM210", "the engine does not say", writing(None), Reason.RUN_MISSING),
    Row("SM213", "it passes with manifests", GOOD, KEPT),
    Row("SM213", "it passes without the manifests alone", MANIFESTS_TRIP, ERROR),
    Row("SM201", "it passes without the manifests, which the platform always writes", MANIFESTS_TRIP, WARNING),
    Row("SM213", "it passes with network", NETWORK_NEEDED, KEPT),
    Row("SM213", "it passes with everything lifted", BOTH_TRIP, Reason.INCONCLUSIVE),
    Row("SM213", "an extra channel makes it fail, too", EITHER_TRIPS, ERROR),
    Row("SM213", "it never passes", FAILS, Reason.RUN_MISSING),
    Row("SM214", "manifests make it fail, too", EITHER_TRIPS, WARNING),
    Row("SM201", "either of what lies beside the data makes it fail", EITHER_TRIPS, WARNING),
    Row("SM209", "either of what lies beside the data makes it fail", EITHER_TRIPS, KEPT),
    Row("SM214", "it passes without the manifests", MANIFESTS_TRIP, KEPT),
]

ROWS = [
    *MODEL_ROWS,
    *OUTPUT_ROWS,
    *NEED_ROWS,
    *STOP_ROWS,
    *METRIC_ROWS,
    *(
        Row(rule, claim, seen, reason)
        for rule in ("SM111", "SM207", "SM208", "SM210", "SM212", "SM213", "SM215", "SM216", "SM217", "SM218", "SM219")
        for claim, seen, reason in (
            ("it only serves", SERVES_ONLY, Reason.DOES_NOT_TRAIN),
            ("there is no data", NO_DATA, Reason.NO_TRAINING_DATA),
            ("nothing was run", NOTHING_MADE, Reason.RUN_MISSING),
        )
    ),
]
