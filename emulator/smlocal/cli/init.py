"""`smlocal init`: a first `[check]` table, by looking at the image and asking what it does not show."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smlocal.cli.state import Common, common_of
from smlocal.errors import CannotRun, UsageError

if TYPE_CHECKING:
    from smlocal.evidence import ImageEvidence
    from smlocal.examination import Source
    from smlocal.examination.proposal import Proposal

_Words = list[str] | None


def init(
    context: typer.Context,
    image: Annotated[str, typer.Argument(help="The image: a local name, or an ECR URI.")],
    config: Annotated[Path, typer.Option(metavar="FILE", help="Where to add the [check] table.")] = Path(
        "smlocal.toml"
    ),
    channel: Annotated[_Words, typer.Option(metavar="NAME=PATH", help="Good data of a channel.")] = None,
    broken: Annotated[_Words, typer.Option(metavar="NAME=PATH", help="Data that training must refuse.")] = None,
    parameter: Annotated[_Words, typer.Option("-p", metavar="K=V", help="One hyperparameter.")] = None,
    model: Annotated[Path | None, typer.Option(metavar="FILE", help="A model.tar.gz to serve.")] = None,
    sample: Annotated[Path | None, typer.Option(metavar="FILE", help="The body of a good request.")] = None,
    content_type: Annotated[str | None, typer.Option(metavar="TYPE", help="Its content type.")] = None,
    pull: Annotated[str, typer.Option(metavar="never|missing|always", help="When to pull the image.")] = "missing",
) -> None:
    """Add a first [check] table for IMAGE to the configuration.

    What the image shows is written down; what it does not show is asked for on a terminal, unless it was said with an
    option; what is not known then stands there as a comment.
    """
    from smlocal.examination.proposal import Proposal, added_to

    common = common_of(context)
    text = _existing(config)
    added_to(text, Proposal(), config)  # a file that cannot be added to is told before anything is asked
    said = Proposal(
        channels=_sources(channel, "--channel"),
        broken=_sources(broken, "--broken"),
        hyperparameters=_parameters(parameter or ()),
        model=model,
        sample=None if sample is None else _sample(sample, content_type),
    ).on(_look(common, image, pull))
    if not said.train and not said.serve:
        common.terminal().say("note: the image has neither `train` nor `serve`: SM103 and SM104 will say so")
    written = added_to(text, _asked(said) if sys.stdin.isatty() else said, config)
    try:
        config.write_text(written, encoding="utf-8")
    except OSError as error:
        raise CannotRun(f"{config} cannot be written: {error.strerror}") from error
    common.terminal().answer(f"wrote {config}: complete it, and then run `{_check_command(image, config)}`")


def _check_command(image: str, config: Path) -> str:
    return f"smlocal check {image}" + ("" if str(config) == "smlocal.toml" else f" --config {config}")


def _existing(config: Path) -> str:
    if not config.exists():
        if not config.parent.is_dir():
            raise UsageError(f"--config '{config}': there is no folder {config.parent}")
        return ""
    try:
        return config.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--config '{config}' cannot be read: {error}") from error


def _look(common: Common, image: str, pull: str) -> ImageEvidence:
    from smlocal.cli.image_choice import chosen, pull_policy
    from smlocal.images.availability import CANNOT_PULL_TRAINING_IMAGE
    from smlocal.wiring import Program

    terminal, policy = common.terminal(), pull_policy(pull)
    with contextlib.ExitStack() as held:
        program = held.enter_context(Program(common.settings()))
        reference = chosen(program, terminal, image, policy, CANNOT_PULL_TRAINING_IMAGE)
        held.enter_context(terminal.working(f"looking at {image}"))
        return program.examiner.look(reference)


def _sources(words: Sequence[str] | None, option: str) -> dict[str, Source]:
    from smlocal.cli.sources import pairs
    from smlocal.examination.proposal import source_of

    return {name: source_of(Path(path)) for name, path in pairs(words or (), option).items()}


def _sample(path: Path, content_type: str | None) -> Source:
    from smlocal.examination.proposal import source_of

    found = source_of(path, content_type)
    if found.content_type is None:
        raise UsageError(f"--sample '{path}': its name does not tell its content type; say it with --content-type")
    return found


def _parameters(words: Sequence[str]) -> dict[str, Any]:
    """`K=V` words; a value that is JSON (a number, a list) is written as such."""
    from smlocal.cli.sources import pairs

    return {name: _value(text) for name, text in pairs(words, "-p").items()}


def _value(text: str) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return text if found is None else found


def _asked(said: Proposal) -> Proposal:
    """What is missing, from whoever sits at the terminal; an empty answer leaves it out."""
    from dataclasses import replace

    return replace(said, **dict(_answers(said)))


def _answers(said: Proposal) -> Iterator[tuple[str, Any]]:
    if said.train:
        yield from _training_answers(said)
    if said.serve:
        yield from _serving_answers(said)


def _training_answers(said: Proposal) -> Iterator[tuple[str, Any]]:
    channels = dict(said.channels)
    if not channels and (data := _path("Training data for the channel 'train' (a file or folder)")):
        channels = _sources([f"train={data}"], "--channel")
        yield "channels", channels
    name = next(iter(channels), "")
    if name and not said.broken and (data := _path(f"Broken data for '{name}', which training must refuse")):
        yield "broken", _sources([f"{name}={data}"], "--broken")
    if not said.hyperparameters:
        yield "hyperparameters", _parameters(_question("Hyperparameters, such as epochs=1 rate=0.1").split())


def _serving_answers(said: Proposal) -> Iterator[tuple[str, Any]]:
    if not said.train and not said.model and (archive := _path("A model.tar.gz, unless the image has its own")):
        yield "model", Path(archive)
    if said.sample is None and (body := _path("A file with the body of a good request")):
        yield "sample", _typed(Path(body))


def _typed(path: Path) -> Source:
    from smlocal.examination.proposal import source_of

    found = source_of(path)
    return found if found.content_type else source_of(path, _question("Its content type", "application/octet-stream"))


def _path(text: str) -> str:
    """The path of something that is there, asked for until it is; "" for an empty answer."""
    while (answer := _question(text)) and not Path(answer).expanduser().exists():
        typer.echo(f"there is no {answer}; write a path, or nothing", err=True)
    return answer


def _question(text: str, default: str = "") -> str:
    return str(typer.prompt(text, default=default, show_default=bool(default), err=True)).strip()
