"""`smlocal train`: one training job from words or from a CreateTrainingJob request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from smlocal.cli.interrupts import stop_on_interrupt
from smlocal.cli.state import Common, common_of
from smlocal.errors import UsageError

if TYPE_CHECKING:
    from smlocal.cli.sources import Places
    from smlocal.cli.terminal import Terminal
    from smlocal.training import TrainingResult
    from smlocal.wiring import Program

ROLE = "arn:aws:iam::000000000000:role/smlocal"
_VOLUME_GIGABYTES = 30  # the SageMaker SDK's default
_MAX_RUNTIME = 86400  # API: StoppingCondition


def train(
    context: typer.Context,
    image: Annotated[str | None, typer.Argument(help="The image: a local name, or an ECR URI.")] = None,
    channel: Annotated[
        list[str] | None, typer.Option(metavar="NAME=SRC[,content-type=T]", help="Input: folder, file or s3://.")
    ] = None,
    hyperparameters: Annotated[Path | None, typer.Option(help="A JSON file with hyperparameters.")] = None,
    parameter: Annotated[list[str] | None, typer.Option("-p", metavar="K=V", help="One hyperparameter.")] = None,
    instance_type: Annotated[str, typer.Option(help="Sets vCPU and memory.")] = "ml.m5.large",
    env: Annotated[list[str] | None, typer.Option(metavar="K=V", help="One environment variable.")] = None,
    max_runtime: Annotated[int | None, typer.Option(metavar="SECONDS", help="Stop the job after that.")] = None,
    network_isolation: Annotated[bool, typer.Option("--network-isolation", help="No network at all.")] = False,
    checkpoints: Annotated[str | None, typer.Option(metavar="DIR", help="Restored from and kept in.")] = None,
    output: Annotated[str | None, typer.Option(metavar="DIR|S3", help="Where model.tar.gz goes.")] = None,
    job_name: Annotated[str | None, typer.Option(help="Default: made from the image and the time.")] = None,
    pull: Annotated[str, typer.Option(metavar="never|missing|always", help="When to pull the image.")] = "missing",
    keep: Annotated[bool, typer.Option("--keep", help="Leave the container to look at.")] = False,
    cli_input_json: Annotated[
        str | None, typer.Option(metavar="FILE", help="A request, as for aws sagemaker create-training-job.")
    ] = None,
) -> None:
    """Run IMAGE as a SageMaker training job."""
    from smlocal.cli.sources import Places

    common = common_of(context)
    places = Places()
    if cli_input_json is not None:
        if image is not None or channel or parameter or hyperparameters:
            raise UsageError("--cli-input-json holds the whole request: give it alone")
        request = _from_file(cli_input_json)
    elif image is None:
        raise UsageError("which image? Give IMAGE, or a whole request with --cli-input-json FILE")
    else:
        request = _from_words(
            places, image, channel, hyperparameters, parameter, instance_type, env, max_runtime, network_isolation,
            checkpoints, output, job_name, common.settings().region,
        )  # fmt: skip
    _run(common, places, request, pull, keep)


def _from_file(path: str) -> dict[str, Any]:
    from smlocal.requests import read_request

    return read_request("CreateTrainingJob", path)


def _from_words(
    places: Places,
    image: str,
    channel: list[str] | None,
    hyperparameters: Path | None,
    parameter: list[str] | None,
    instance_type: str,
    env: list[str] | None,
    max_runtime: int | None,
    network_isolation: bool,
    checkpoints: str | None,
    output: str | None,
    job_name: str | None,
    region: str,
) -> dict[str, Any]:
    from smlocal.cli import sources

    target = places.target(output, "--output") if output else f"s3://{default_bucket(region)}"
    request: dict[str, Any] = {
        "TrainingJobName": job_name or sources.generated_name(image),
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "HyperParameters": sources.hyperparameters(hyperparameters, parameter or ()),
        "InputDataConfig": [sources.channel(text, places) for text in channel or ()],
        "OutputDataConfig": {"S3OutputPath": target},
        "ResourceConfig": {
            "InstanceType": instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": _VOLUME_GIGABYTES,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": _MAX_RUNTIME if max_runtime is None else max_runtime},
        "EnableNetworkIsolation": network_isolation,
    }
    if not request["InputDataConfig"]:
        del request["InputDataConfig"]
    if env:
        request["Environment"] = sources.pairs(env, "--env")
    if checkpoints is not None:
        request["CheckpointConfig"] = {"S3Uri": places.target(checkpoints, "--checkpoints")}
    return request


def default_bucket(region: str) -> str:
    """The bucket that the SageMaker SDK would use for this account and region."""
    return f"sagemaker-{region}-000000000000"


def _run(common: Common, places: Places, request: dict[str, Any], pull: str, keep: bool) -> None:
    from smlocal.training import Observer

    terminal = common.terminal()
    with common.program(places.mounts) as program:
        say_where(terminal, program)
        image = resolved(program, terminal, request["AlgorithmSpecification"].get("TrainingImage", ""), pull)
        observer = Observer(
            on_status=lambda status, message: terminal.say(f"{status} - {message}"),
            on_line=terminal.log_line,
            on_note=lambda note: terminal.say(f"note: {note}"),
        )
        name = request["TrainingJobName"]
        terminal.say(f"training job {name}")
        ensure_bucket(program, request["OutputDataConfig"]["S3OutputPath"])
        with stop_on_interrupt(terminal.say, "the training job") as stop:
            result = program.training.run(
                request, image, observer=observer, stop=stop.event, hurry=stop.hurry, keep=keep
            )
        _render(terminal, program, result)
        if stop.interrupted:
            raise typer.Exit(130)
        if result.status == "Failed":
            raise typer.Exit(1)


def say_where(terminal: Terminal, program: Program) -> None:
    """Say where s3:// addresses lead, for nothing here ever talks to AWS."""
    where = program.settings.s3_endpoint_url or program.settings.state / "s3"
    terminal.say(f"s3:// addresses lead to {where}, not to AWS")


def ensure_bucket(program: Program, address: str) -> None:
    """The bucket of an output exists: in our own store it is made, as `default_bucket()` of the SDK makes it."""
    if program.settings.s3_endpoint_url is None:
        program.store.ensure_bucket(address.removeprefix("s3://").partition("/")[0])


def resolved(program: Program, terminal: Terminal, image: str, pull: str) -> str:
    """The local image for what the user named, in the engine. Raises UsageError, NotSupported, ImageNotFound."""
    from smlocal.images.availability import PullPolicy, architecture_problem, ensure_image

    if pull not in get_args(PullPolicy):
        raise UsageError(f"--pull '{pull}': it is one of never, missing, always")
    policy = cast("PullPolicy", pull)
    found = program.resolve(image)
    if found.note:
        terminal.say(f"note: {found.note}")
    facts = ensure_image(program.engine, found.reference, policy, terminal.detail)
    problem = architecture_problem(facts, program.engine.facts())
    if problem:
        terminal.say(f"warning: {problem}")
    return found.reference


def _render(terminal: Terminal, program: Program, result: TrainingResult) -> None:
    description = result.description
    if terminal.json:
        terminal.document("training-job", description)
        return
    for metric in description.get("FinalMetricDataList", ()):
        terminal.answer(f"metric {metric['MetricName']} = {metric['Value']:g}")
    if result.evidence.model_files:
        terminal.answer(f"model: {shown(program, description['ModelArtifacts']['S3ModelArtifacts'])}")
    elif result.status == "Completed":
        terminal.answer("no model: /opt/ml/model was empty, and there is no model.tar.gz to deploy")
    if "FailureReason" in description:
        terminal.answer(f"FailureReason: {description['FailureReason']}")
    terminal.answer(f"{description['TrainingJobStatus']} ({description['SecondaryStatus']})")


def shown(program: Program, address: str) -> str:
    """An address as the user knows it: a path when it lies in a folder that was given."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    mount = program.mounts.get(bucket)
    if mount is None:
        return address
    return str(mount.path / key.removeprefix(mount.prefix))
