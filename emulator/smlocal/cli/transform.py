"""`smlocal transform`: one batch transform job."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smlocal.cli.interrupts import INTERRUPTED, stop_on_interrupt
from smlocal.cli.state import Common, common_of

if TYPE_CHECKING:
    from smlocal.cli.places import Places
    from smlocal.cli.terminal import Terminal
    from smlocal.images.availability import PullPolicy
    from smlocal.transform.job import Observer, TransformResult
    from smlocal.wiring import Program


_LONG = 10.0  # seconds without news


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
    from smlocal.cli.image_choice import pull_policy
    from smlocal.cli.model_words import create_model
    from smlocal.cli.places import Places
    from smlocal.cli.transform_words import TransformWords

    common = common_of(context)
    settings = common.settings()
    places = Places()
    policy = pull_policy(pull)
    described = create_model(places, image, model, (), settings, isolated=network_isolation)
    words = TransformWords(
        input_, output, content_type, accept, split_type, strategy, max_payload, concurrency, assemble_with, env,
        instance_type, job_name,
    )  # fmt: skip
    _run(common, places, described, words.request(image, described["ModelName"], places, settings), policy)


def _run(
    common: Common, places: Places, described: dict[str, Any], request: dict[str, Any], policy: PullPolicy
) -> None:
    from smlocal import requests
    from smlocal.cli.image_choice import chosen
    from smlocal.cli.places import ensure_buckets, say_where
    from smlocal.cli.transform_words import model_to_transform
    from smlocal.hosting.failures import BATCH_TEXTS

    terminal = common.terminal()
    for operation, document in (("CreateModel", described), ("CreateTransformJob", request)):
        requests.check(operation, document)
        requests.refuse_unsupported(operation, document)
    with common.program(places.mounts, writing=True) as program:
        say_where(terminal, program)
        reference = chosen(program, terminal, described["PrimaryContainer"]["Image"], policy, BATCH_TEXTS.no_image)
        ensure_buckets(program, request)
        terminal.say(f"transform job {request['TransformJobName']}")
        model = model_to_transform(terminal, program, described, reference)
        with stop_on_interrupt(terminal.say, "the transform job") as stop, _patience(terminal, request) as begun:
            result = program.transform.run(
                request,
                model,
                observer=_observer(terminal, program, begun),
                stop=stop.event,
                hurry=stop.hurry,
            )
        _render(terminal, program, result, request)
        if stop.interrupted:
            raise typer.Exit(INTERRUPTED)
        if result.status == "Failed":
            raise typer.Exit(1)


@contextmanager
def _patience(terminal: Terminal, request: dict[str, Any]) -> Iterator[Callable[[], None]]:
    """Says where to look when nothing has begun for long; gives what to call when it has."""
    name = request["TransformJobName"]
    text = f"still waiting for the container's first healthy ping; what it says: smlocal logs {name}"
    timer = threading.Timer(_LONG, terminal.say, [text])
    timer.daemon = True
    timer.start()
    try:
        yield timer.cancel
    finally:
        timer.cancel()


def _observer(terminal: Terminal, program: Program, begun: Callable[[], None]) -> Observer:
    from smlocal.cli.places import told
    from smlocal.transform.job import Observer

    def on_objects(done: int, total: int) -> None:
        begun()
        terminal.say(f"{done} of {total} objects")

    return Observer(
        on_status=terminal.say,
        on_data_log=lambda line: terminal.say(f"data-log: {told(program, line)}"),
        on_line=terminal.detail,
        on_note=lambda note: terminal.say(f"note: {note}"),
        on_objects=on_objects,
    )


def _render(terminal: Terminal, program: Program, result: TransformResult, request: dict[str, Any]) -> None:
    from smlocal.cli.places import shown, told

    hosted = result.evidence.hosting
    if result.status == "Failed" and not terminal.shows_details and hosted is not None:
        terminal.last_lines(hosted.last_lines)
    if terminal.json:
        terminal.document("transform-job", result.description)
        return
    reason = result.description.get("FailureReason", "")
    if reason:
        terminal.answer(f"FailureReason: {reason}")
    explanation = result.explanation.removeprefix(reason).strip()
    if explanation:
        terminal.answer(told(program, explanation))
    if result.status == "Completed":
        terminal.answer(f"output: {shown(program, request['TransformOutput']['S3OutputPath'])}")
    terminal.answer(result.status)
