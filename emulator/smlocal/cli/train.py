"""`smlocal train`: one training job from words or from a CreateTrainingJob request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smlocal.cli.interrupts import INTERRUPTED, stop_on_interrupt
from smlocal.cli.state import Common, common_of
from smlocal.errors import UsageError

if TYPE_CHECKING:
    from smlocal.cli.places import Places
    from smlocal.cli.terminal import Terminal
    from smlocal.images.availability import PullPolicy
    from smlocal.training import TrainingResult
    from smlocal.wiring import Program


def train(
    context: typer.Context,
    image: Annotated[str | None, typer.Argument(help="The image: a local name, or an ECR URI.")] = None,
    channel: Annotated[
        list[str] | None, typer.Option(metavar="NAME=SRC[,content-type=T]", help="Input: folder, file or s3://.")
    ] = None,
    hyperparameters: Annotated[Path | None, typer.Option(help="A JSON file with hyperparameters.")] = None,
    parameter: Annotated[list[str] | None, typer.Option("-p", metavar="K=V", help="One hyperparameter.")] = None,
    instance_type: Annotated[str | None, typer.Option(help="Sets vCPU and memory; default: ml.m5.large.")] = None,
    env: Annotated[list[str] | None, typer.Option(metavar="K=V", help="One environment variable.")] = None,
    max_runtime: Annotated[int | None, typer.Option(metavar="SECONDS", help="Stop the job after that.")] = None,
    network_isolation: Annotated[bool, typer.Option("--network-isolation", help="No network at all.")] = False,
    checkpoints: Annotated[str | None, typer.Option(metavar="DIR|S3", help="Restored from and kept in.")] = None,
    output: Annotated[str | None, typer.Option(metavar="DIR|S3", help="Where model.tar.gz goes.")] = None,
    job_name: Annotated[str | None, typer.Option(help="Default: made from the image and the time.")] = None,
    pull: Annotated[str, typer.Option(metavar="never|missing|always", help="When to pull the image.")] = "missing",
    keep: Annotated[bool, typer.Option("--keep", help="Leave the container to look at.")] = False,
    cli_input_json: Annotated[
        str | None, typer.Option(metavar="FILE", help="A request, as for aws sagemaker create-training-job.")
    ] = None,
) -> None:
    """Run IMAGE as a SageMaker training job."""
    from smlocal.cli.image_choice import pull_policy
    from smlocal.cli.places import Places
    from smlocal.cli.training_words import TrainingWords

    common = common_of(context)
    places = Places()
    policy = pull_policy(pull)
    words = TrainingWords(
        image, channel, hyperparameters, parameter, instance_type, env, max_runtime, network_isolation, checkpoints,
        output, job_name,
    )  # fmt: skip
    if cli_input_json is not None:
        if words.given():
            raise UsageError(f"--cli-input-json holds the whole request: leave out {', '.join(words.given())}")
        request = _from_file(cli_input_json)
    elif image is None:
        raise UsageError("which image? Give IMAGE, or a whole request with --cli-input-json FILE")
    else:
        request = words.request(image, places, common.settings())
    _run(common, places, request, policy, keep)


def _from_file(path: str) -> dict[str, Any]:
    from smlocal.requests import read_request

    return read_request("CreateTrainingJob", path)


def _run(common: Common, places: Places, request: dict[str, Any], policy: PullPolicy, keep: bool) -> None:
    from smlocal import requests
    from smlocal.cli.image_choice import chosen
    from smlocal.cli.places import ensure_buckets, say_where
    from smlocal.cli.transfers import Transfers
    from smlocal.images.availability import CANNOT_PULL_TRAINING_IMAGE
    from smlocal.training import Observer

    image = request["AlgorithmSpecification"].get("TrainingImage", "")
    terminal = common.terminal()
    requests.check("CreateTrainingJob", request)
    requests.refuse_unsupported("CreateTrainingJob", request)
    with common.program(places.mounts, writing=True) as program:
        say_where(terminal, program)
        reference = chosen(program, terminal, image, policy, CANNOT_PULL_TRAINING_IMAGE)
        ensure_buckets(program, request)
        terminal.say(f"training job {request['TrainingJobName']}")
        with stop_on_interrupt(terminal.say, "the training job") as stop, Transfers(terminal) as transfers:
            observer = Observer(
                on_status=lambda status, message: transfers.then_say(f"{status} - {message}"),
                on_line=terminal.log_line,
                on_note=lambda note: transfers.then_say(f"note: {note}"),
                on_bytes=transfers.news,
            )
            result = program.training.run(
                request, reference, observer=observer, stop=stop.event, hurry=stop.hurry, keep=keep
            )
        _render(terminal, program, result)
        if stop.interrupted:
            raise typer.Exit(INTERRUPTED)
        if result.status == "Failed":
            raise typer.Exit(1)


def _render(terminal: Terminal, program: Program, result: TrainingResult) -> None:
    from smlocal.cli.places import shown

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
    status, secondary = description["TrainingJobStatus"], description["SecondaryStatus"]
    terminal.answer(status if secondary == status else f"{status} ({secondary})")
