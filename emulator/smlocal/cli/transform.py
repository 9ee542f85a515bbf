"""`smlocal transform`: one batch transform job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from smlocal.cli.interrupts import stop_on_interrupt
from smlocal.cli.state import Common, common_of
from smlocal.cli.train import default_bucket, ensure_bucket, resolved, say_where, shown

if TYPE_CHECKING:
    from smlocal.cli.sources import Places
    from smlocal.cli.terminal import Terminal
    from smlocal.transform.job import TransformResult
    from smlocal.wiring import Program


def transform(
    context: typer.Context,
    image: Annotated[str, typer.Argument(help="The image: a local name, or an ECR URI.")],
    input_: Annotated[str, typer.Option("--input", metavar="DIR_OR_FILE_OR_S3", help="What to transform.")],
    output: Annotated[str | None, typer.Option(metavar="DIR|S3", help="Where the .out files go.")] = None,
    model: Annotated[str | None, typer.Option(metavar="M", help="model.tar.gz, a folder, or s3://.")] = None,
    content_type: Annotated[str | None, typer.Option(metavar="T", help="The type of the input.")] = None,
    accept: Annotated[str | None, typer.Option(metavar="T", help="The type of the answers.")] = None,
    split_type: Annotated[str | None, typer.Option(metavar="Line|None")] = None,
    strategy: Annotated[str | None, typer.Option(metavar="MultiRecord|SingleRecord")] = None,
    max_payload: Annotated[int | None, typer.Option(metavar="MB", help="Of one request.")] = None,
    concurrency: Annotated[int | None, typer.Option(metavar="N", help="Requests at a time.")] = None,
    assemble_with: Annotated[str | None, typer.Option(metavar="Line|None")] = None,
    env: Annotated[list[str] | None, typer.Option(metavar="K=V", help="One environment variable.")] = None,
    instance_type: Annotated[str, typer.Option(help="Sets vCPU and memory.")] = "ml.m5.large",
    job_name: Annotated[str | None, typer.Option(help="Default: made from the image and the time.")] = None,
    network_isolation: Annotated[bool, typer.Option("--network-isolation", help="No network at all.")] = False,
    pull: Annotated[str, typer.Option(metavar="never|missing|always", help="When to pull the image.")] = "missing",
) -> None:
    """Run every record of the input through IMAGE, as a SageMaker batch transform job."""
    from smlocal.cli.model_words import create_model
    from smlocal.cli.sources import Places, generated_name

    common = common_of(context)
    places = Places()
    described = create_model(places, image, model, (), isolated=network_isolation)
    name = job_name or generated_name(image)
    source = {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": places.source(input_, "--input")}},
        "ContentType": content_type,
        "SplitType": split_type,
    }
    bucket = default_bucket(common.settings().region)
    target = places.target(output, "--output") if output else f"s3://{bucket}/{name}"
    request = {
        "TransformJobName": name,
        "ModelName": described["ModelName"],
        "TransformInput": source,
        "TransformOutput": {"S3OutputPath": target, "Accept": accept, "AssembleWith": assemble_with},
        "TransformResources": {"InstanceType": instance_type, "InstanceCount": 1},
        "BatchStrategy": strategy,
        "MaxPayloadInMB": max_payload,
        "MaxConcurrentTransforms": concurrency,
        "Environment": _pairs(env),
    }
    _run(common, places, described, _without_none(request), image, pull)


def _pairs(env: list[str] | None) -> dict[str, str] | None:
    from smlocal.cli.sources import pairs

    return pairs(env, "--env") if env else None


def _without_none(document: dict[str, Any]) -> dict[str, Any]:
    """What was not said is not in the request, so that the platform's own defaults hold."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in document.items()
        if value is not None
    }


def _run(
    common: Common, places: Places, described: dict[str, Any], request: dict[str, Any], image: str, pull: str
) -> None:
    from smlocal.transform.job import Observer

    terminal = common.terminal()
    with common.program(places.mounts) as program:
        say_where(terminal, program)
        reference = resolved(program, terminal, image, pull)
        terminal.say(f"transform job {request['TransformJobName']}")
        ensure_bucket(program, request["TransformOutput"]["S3OutputPath"])
        observer = Observer(
            on_status=terminal.say,
            on_data_log=lambda line: terminal.say(f"data-log: {line}"),
            on_line=terminal.detail,
            on_note=lambda note: terminal.say(f"note: {note}"),
            on_objects=lambda done, total: terminal.say(f"{done} of {total} objects"),
        )
        model = program.hosting.model(described, reference)
        with stop_on_interrupt(terminal.say, "the transform job") as stop:
            result = program.transform.run(
                request,
                model,
                observer=observer,
                stop=stop.event,
                hurry=stop.hurry,
                isolated=described["EnableNetworkIsolation"],
            )
        _render(terminal, program, result, request)
        if stop.interrupted:
            raise typer.Exit(130)
        if result.status == "Failed":
            raise typer.Exit(1)


def _render(terminal: Terminal, program: Program, result: TransformResult, request: dict[str, Any]) -> None:
    if terminal.json:
        terminal.document("transform-job", result.description)
        return
    if "FailureReason" in result.description:
        terminal.answer(f"FailureReason: {result.description['FailureReason']}")
    if result.explanation:
        terminal.answer(result.explanation)
    if result.status == "Completed":
        terminal.answer(f"output: {shown(program, request['TransformOutput']['S3OutputPath'])}")
    terminal.answer(result.status)
