"""SM1xx: the image, without running it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from smlocal.contract.finding import Judgement, Reason, Severity, broken, kept, without
from smlocal.contract.rule import rule
from smlocal.evidence import Examination, Program, ServingTrial, TrainingTrial

_DOCKERFILE = "AWS developer guide, your-algorithms-training-algo-dockerfile"
_SERVING = "AWS developer guide, your-algorithms-inference-code"
# inits that execute what follows their options; s6's /init and systemd do not
_INITS = ("tini", "tini-static", "dumb-init", "catatonit", "docker-init")
_SHELLS = ("sh", "bash", "ash", "dash", "zsh")
# a shell's text that becomes the program and hands on the word
_HANDS_ON = re.compile(r"\bexec\b.*\$(?:[@*01]|\{[@*01])")
_PHASES = {"train": ("SM2",), "serve": ("SM3", "SM4", "SM5", "SM115")}  # what a program that cannot start explains
_TRAIN_NOT_STARTED = (
    "ClientError: Artifact upload failed:API error (400): OCI runtime create failed: starting container process caused:"
    ' exec: "{program}": {why}: unknown'
)
_SERVE_NOT_STARTED = (
    "CannotStartContainerError. Please ensure the model container for variant AllTraffic starts correctly when invoked"
    " with 'docker run <image> serve'"
)
_UNHEALTHY = "The primary container for production variant AllTraffic did not pass the ping health check."


def _asked(examination: Examination) -> list[Program]:
    """The programs that the image is to have."""
    asked = examination.asked
    words = [word for word, wanted in (("train", asked.training), ("serve", asked.serving)) if wanted]
    return [examination.image.programs[word] for word in words]


def _not_started(program: Program, why: str) -> str:
    """What SageMaker says of a program that the container runtime refuses."""
    if program.word == "serve":
        return _SERVE_NOT_STARTED
    return _TRAIN_NOT_STARTED.format(program=program.argv[0], why=why)


def _not_found(program: Program) -> str:
    """Of one that is not there. A name without a slash is looked up on PATH, where only executables count."""
    name = program.argv[0]
    why = f"stat {name}: no such file or directory" if "/" in name else "executable file not found in $PATH"
    return _not_started(program, why)


def _ended(word: str, code: int) -> str:
    """What SageMaker says of a container that starts and ends at once."""
    return f"AlgorithmError: , exit code: {code}" if word == "train" else _UNHEALTHY


def _runs(examination: Examination, word: str) -> Iterable[TrainingTrial | ServingTrial]:
    return (examination.training if word == "train" else examination.serving).values()


def _line(program: Program) -> str:
    return f"'{' '.join(program.argv)}'"


@rule("SM101", Severity.ERROR, _DOCKERFILE, "AWS developer guide, realtime-endpoints-graviton")
def architecture_is_not_the_targets(examination: Examination) -> Judgement:
    """The image is built for another processor than the instance has.

    Why: SageMaker starts the image as it is. On a processor that it was not built for the kernel refuses the very
    first program, and all that is to be seen is "exec format error" in the log. It happens to images built on Apple
    silicon.

    Fix: Build with `docker build --platform linux/amd64` (linux/arm64 for Graviton instances).
    """
    found, wanted = examination.image.architecture, examination.asked.architecture
    if found == wanted:
        return kept(f"the image is for {found}")
    return broken(
        f"the image is for {found}, and the instances are {wanted}",
        sagemaker="AlgorithmError: , exit code: 1, with `exec format error` in the log; endpoints fail their ping",
        fix=f"Build the image with `docker build --platform linux/{wanted}`.",
        explains=_what_did_not_run(examination),
    )


def _what_did_not_run(examination: Examination) -> tuple[str, ...]:
    """The phases in which nothing ran: this machine may run what the instances would not, and its faults are real."""
    trained = any(trial.good for trial in examination.training.values())
    served = any(trial.healthy for trial in examination.serving.values())
    phases = (("train", trained), ("serve", served))
    return tuple(phase for word, ran in phases if not ran for phase in _PHASES[word])


def _resolved(examination: Examination, word: str) -> Judgement:
    program = examination.image.programs[word]
    if program.kind != "missing":
        return kept(f"{_line(program)} runs {program.path}")
    text = _not_found(program)
    if examination.image.entrypoint:
        return broken(f"ENTRYPOINT's program '{program.argv[0]}' is not in the image", sagemaker=text)
    return broken(f"there is no ENTRYPOINT, and no '{word}' on PATH", sagemaker=text)


@rule("SM103", Severity.ERROR, _DOCKERFILE, "aws/amazon-sagemaker-examples issues 739, 744, 3650")
def train_cannot_be_resolved(examination: Examination) -> Judgement:
    """`train` cannot be found.

    Why: SageMaker runs `docker run IMAGE train`. Without an ENTRYPOINT the word is looked up on the image's PATH; a
    file in WORKDIR is not on it, and `train.py` is another word.

    Fix: Put an executable called `train` into a folder on PATH (`ENV PATH="/opt/program:$PATH"`, `chmod +x train`),
    or give the image an ENTRYPOINT in exec form that takes the word."""
    if not examination.asked.training:
        return without(Reason.DOES_NOT_TRAIN)
    return _resolved(examination, "train")


@rule("SM104", Severity.ERROR, _SERVING, "aws/amazon-sagemaker-examples issue 628")
def serve_cannot_be_resolved(examination: Examination) -> Judgement:
    """`serve` cannot be found.

    Why: SageMaker runs `docker run IMAGE serve` for endpoints and batch transforms. Without an ENTRYPOINT the word is
    looked up on the image's PATH.

    Fix: Put an executable called `serve` into a folder on PATH, or give the image an ENTRYPOINT in exec form that
    takes the word."""
    if not examination.asked.serving:
        return without(Reason.DOES_NOT_SERVE)
    return _resolved(examination, "serve")


def _each(
    examination: Examination,
    fault: Callable[[Program], str],
    good: Callable[[Program], str],
    text: Callable[[Program], str],
) -> Judgement:
    """Judge every program that was found. With an ENTRYPOINT both words have the same, which is told once."""
    found = [program for program in _asked(examination) if program.kind != "missing"]
    if not found:
        return without(Reason.NO_SUCH_CASE, "there is no program to look at")
    faulty = {program.word: (words, text(program)) for program in found if (words := fault(program))}
    if not faulty:
        return kept(*dict.fromkeys(good(program) for program in found))
    return broken(
        *dict.fromkeys(words for words, _ in faulty.values()),
        sagemaker="; ".join(dict.fromkeys(told for _, told in faulty.values())),
        explains=tuple(phase for word in faulty for phase in _PHASES[word]),
    )


@rule("SM105", Severity.ERROR, _DOCKERFILE, "aws/amazon-sagemaker-examples issue 739")
def program_is_not_executable(examination: Examination) -> Judgement:
    """`train` or `serve` is a file without the permission to be executed.

    Why: The container runtime refuses it with "permission denied" before a line of it has run. COPY keeps the mode
    that a file has on the machine that builds; Windows knows no such mode.

    Fix: `RUN chmod +x` the file in the Dockerfile, or `git update-index --chmod=+x` it.
    """

    def fault(program: Program) -> str:
        if not program.executable:
            return f"{program.path} has no permission to be executed"
        # not for this USER, or not in that folder
        refused = [trial.run.start_error for trial in _runs(examination, program.word)]
        return next((words for words in refused if "permission denied" in words), "")

    return _each(
        examination,
        fault,
        lambda program: f"{program.path} is executable",
        lambda program: _not_started(program, "permission denied") if "/" in program.argv[0] else _not_found(program),
    )


@rule("SM106", Severity.ERROR, "execve(2)")
def interpreter_is_missing(examination: Examination) -> Judgement:
    """The first line of `train` or `serve` names no interpreter that is in the image.

    Why: A script is started by the interpreter that its `#!` line names. With Windows line ends that name ends in a
    carriage return and nothing is found; without the line there is nothing to start it with. The log is nearly empty.

    Fix: Begin the script with `#!/usr/bin/env python3` (or what it is written in), and save it with LF line ends.
    """

    def fault(program: Program) -> str:
        if program.crlf:
            return f"the #! line of {program.path} ends in a carriage return (CRLF line ends)"
        if program.kind == "text":
            return f"{program.path} is neither a binary nor a script with a #! line"
        if program.interpreter_found:
            return ""
        return f"{program.path} asks for {program.interpreter or 'nothing after its #!'}, which is not there"

    def text(program: Program) -> str:
        if program.kind == "script" and program.interpreter and "/" not in program.interpreter:
            return _ended(program.word, 127)  # `env` is started, and is what fails
        return _ended(program.word, 1) if program.word == "train" else _SERVE_NOT_STARTED

    return _each(examination, fault, lambda program: f"{program.path}: {program.interpreter or 'a binary'}", text)


@rule("SM107", Severity.WARNING, _DOCKERFILE, _SERVING)
def entrypoint_in_shell_form(examination: Examination) -> Judgement:
    """ENTRYPOINT is in shell form.

    Why: Docker then runs `/bin/sh -c "..."`: the shell is process 1, the word `train` or `serve` never reaches the
    program, and a shell hands no SIGTERM on, so that a stopped job saves nothing. It is a warning because a program
    that needs neither the word nor the signal runs all the same.

    Fix: Write ENTRYPOINT as a JSON list: `ENTRYPOINT ["python3", "/opt/program/run.py"]`.
    """
    entry = examination.image.entrypoint
    if not entry:
        return without(Reason.NO_SUCH_CASE)
    command = _shell_command(entry)
    if command is None or _HANDS_ON.search(command):
        return kept(f"ENTRYPOINT is {list(entry)}")
    return broken(f"ENTRYPOINT is {list(entry)}")


def _shell_command(entry: tuple[str, ...]) -> str | None:
    """The text that a shell is given to run (`sh -c TEXT`, `bash -o pipefail -ec TEXT`); None for anything else."""
    words = iter(entry)
    if next(words).rpartition("/")[2] not in _SHELLS:
        return None
    for word in words:
        if word.startswith("--") or not word.startswith(("-", "+")):
            return None
        if "c" in word:
            return next(words, None)
        if word.endswith("o"):
            next(words, None)  # the name of the option
    return None


@rule("SM108", Severity.ERROR, _DOCKERFILE, "aws/sagemaker-python-sdk issues 4113, 4678")
def init_that_starts_the_word(examination: Examination) -> Judgement:
    """An init is the ENTRYPOINT, and will execute a word that is not on PATH.

    Why: With `ENTRYPOINT ["tini", "--"]` the word `train` becomes the program that tini starts: `[FATAL tini (7)]
    exec train failed: No such file or directory`. A script that ends in `exec "$@"` does the same.

    Fix: Put the program into ENTRYPOINT behind the init (`["tini", "--", "python3", "run.py"]`), or an executable of
    that name on PATH.
    """
    entry = examination.image.entrypoint
    words = [item.word for item in _asked(examination)]
    told = [word for word in words if _was_not_found(examination, word)]
    if not entry or not (told or _starts_the_word(entry)):
        return without(Reason.NO_SUCH_CASE)
    missing = [word for word in words if not examination.image.word_on_path[word]]
    if not missing:
        return kept(f"ENTRYPOINT {list(entry)} starts words that are on PATH")
    word = missing[0]
    return broken(
        f"ENTRYPOINT is {list(entry)}, and no executable '{word}' is on PATH",
        sagemaker=f"{_ended(word, 127)}; in the log: exec {word} failed: No such file or directory",
        explains=tuple(phase for word in missing for phase in _PHASES[word]),
    )


def _was_not_found(examination: Examination, word: str) -> bool:
    """Whether a script, or an init of another name, was heard to execute the word in vain."""
    in_vain = re.compile(rf"exec:? {word}:? (?:not found|failed: No such file)")
    return any(in_vain.search(line) for trial in _runs(examination, word) for line in trial.run.last_lines)


def _starts_the_word(entry: tuple[str, ...]) -> bool:
    """Whether ENTRYPOINT is an init with its options and nothing to start."""
    if not entry or entry[0].rpartition("/")[2] not in _INITS:
        return False
    if "--" in entry:
        return entry[-1] == "--"
    return all(word.startswith("-") for word in entry[1:])


@rule("SM109", Severity.WARNING, _DOCKERFILE)
def files_that_mounts_hide(examination: Examination) -> Judgement:
    """The image has files below /opt/ml/input, /opt/ml/model or /opt/ml/output.

    Why: SageMaker mounts its own directories there, and what the image has at these places is not seen by the
    program. It is a warning because a model that is baked in stays visible on an endpoint that is given no model
    data.

    Fix: Keep code and data of the image elsewhere, such as /opt/program.
    """
    baked = examination.image.baked
    if not baked:
        return kept("nothing is there")
    more = f" and {len(baked) - 3} more" if len(baked) > 3 else ""
    return broken(f"{', '.join(baked[:3])}{more}")


@rule("SM112", Severity.ERROR, "AWS general reference, aws-access-keys-best-practices")
def credentials_inside(examination: Examination) -> Judgement:
    """Something in the image looks like a credential.

    Why: Whoever may pull an image can read everything in it, its history included: what ENV, ARG and RUN were given
    stays there. SageMaker gives a job credentials of its role; it needs none of yours. Known patterns are looked for in
    the environment, the labels, the history and the usual files of root's; what a later layer deletes is still in the
    image, and is not looked for, since that takes reading all of it.

    Fix: Take it out of the Dockerfile and of every layer (rebuild without it; use `--secret` while building), and
    revoke it."""
    seen = [f"{secret.where}: {secret.kind}" for secret in examination.image.secrets]
    return broken(*seen) if seen else kept("no known pattern was found")


@rule("SM114", Severity.ERROR, "AWS developer guide, your-algorithms-training-algo-dockerfile (GPU)")
def nvidia_driver_inside(examination: Examination) -> Judgement:
    """An NVIDIA driver is in the image.

    Why: The driver belongs to the instance and is mounted into the container; another one in the image hides it, and
    the GPU is not found. The compatibility package and stubs do no harm and are not meant.

    Fix: Start from a CUDA runtime image, and install no package of the driver (nvidia-driver-*, libnvidia-compute-*).
    """
    files = examination.image.driver_files
    if not files:
        return kept("no driver's file was found")
    return broken(", ".join(files[:3]), sagemaker="Found no NVIDIA driver on your system, in the log")
