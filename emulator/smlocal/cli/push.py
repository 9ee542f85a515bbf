"""`smlocal push`: check, then publish, and only what was checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smlocal.cli.reports import REPORTS, answer, report_files, unwritable, write
from smlocal.cli.state import common_of
from smlocal.errors import CannotRun, UsageError

if TYPE_CHECKING:
    from smlocal.cli.destinations import Named, Opened
    from smlocal.cli.terminal import Terminal
    from smlocal.cli.verdicts import Wanted
    from smlocal.gate.publish import Published
    from smlocal.report import Report
    from smlocal.wiring import Program

_WIDTH = 80
_STYLES = {"PUSHED": "bold green", "NOT PUSHED": "bold red", "DRY RUN": "bold"}


@dataclass(frozen=True)
class Stating:
    """What becomes of the statement."""

    attach: bool
    file: Path | None


def push(
    context: typer.Context,
    image: Annotated[str, typer.Argument(help="The image: a local name, or an ECR URI.")],
    uri: Annotated[
        str, typer.Argument(metavar="ECR_URI", help="Where to: an ECR URI, or another registry's, with a tag.")
    ],
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML with a [check] table; default: smlocal.toml here.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="SM110=REASON", help="A rule that may be broken; repeatable.")
    ] = None,
    require_fresh: Annotated[
        bool, typer.Option("--require-fresh", help="Examine the image also when its verdict is kept.")
    ] = False,
    create: Annotated[bool, typer.Option("--create", help="Make the repository when it is missing.")] = False,
    attach: Annotated[
        bool, typer.Option("--attach", help="Put the verdict beside the image, for `smlocal verify`.")
    ] = False,
    statement: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the verdict as an in-toto statement.")
    ] = None,
    output: Annotated[
        list[str] | None, typer.Option(metavar="FORMAT=FILE", help=f"Write a report too: {', '.join(REPORTS)}.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, and send nothing.")] = False,
    pull: Annotated[str, typer.Option(metavar="never|missing|always", help="When to pull the image.")] = "missing",
    ecr_endpoint_url: Annotated[str | None, typer.Option(help="ECR's API, instead of AWS's own.")] = None,
    registry_endpoint_url: Annotated[
        str | None, typer.Option(help="ECR's registry, instead of the URI's host.")
    ] = None,
) -> None:
    """Check IMAGE as `smlocal check` does, and publish it when its verdict holds; what was checked, and nothing else.

    Every rule counts, whatever the configuration selects; with --strict (a common option) warnings forbid it, too. An
    image that was examined before, with the same configuration, is not examined again. The tag must be named. AWS is
    talked to only after the verdict, with the credentials that the `aws` command would use.

    Exit code 1: the verdict forbids it, and nothing was sent.
    """
    from smlocal.cli.destinations import with_a_tag
    from smlocal.cli.image_choice import pull_policy
    from smlocal.cli.verdicts import reports_on

    common = common_of(context)
    terminal, name, policy = common.terminal(), with_a_tag(uri), pull_policy(pull)
    if create and name.ecr is None:
        raise UsageError(f"--create: {uri} is not in ECR; most other registries make a repository with its first image")
    settings = common.settings_with(ecr_endpoint_url=ecr_endpoint_url, registry_endpoint_url=registry_endpoint_url)
    files, stating = report_files(output or ()), Stating(attach, _statement_file(statement))
    wanted = _every_rule(terminal, config, allow or ())
    (report,) = reports_on(common, [image], wanted, policy, fresh=require_fresh)
    unwritten = write(report, files)
    if not report.passed or dry_run:
        _not_pushed(terminal, report, name)
    else:
        from smlocal.wiring import Program

        with Program(settings) as program:
            _publish(program, terminal, report, name, stating, create=create)
    if unwritten:
        raise CannotRun(unwritten)
    if not report.passed:
        raise typer.Exit(1)


def _statement_file(path: Path | None) -> Path | None:
    problem = unwritable(path) if path is not None else ""
    if problem:
        raise UsageError(f"--statement '{path}': {problem}")
    return path


def _every_rule(terminal: Terminal, config: Path | None, allow: list[str] | tuple[()]) -> Wanted:
    """What the configuration says, but for the rules: a gate that looks away is none."""
    from smlocal.cli.verdicts import configured
    from smlocal.contract import Selection

    wanted = configured(terminal, config, allow=allow)
    if wanted.selection != Selection():
        terminal.say("note: push judges every rule; select and ignore of the configuration do not count here")
    return replace(wanted, selection=Selection())


def _not_pushed(terminal: Terminal, report: Report, name: Named) -> None:
    """The verdict forbids it, or it was a dry run."""
    if terminal.json:
        terminal.document("push", _document(report, name, None, ""))
        return
    answer(terminal, report)
    word = "DRY RUN" if report.passed else "NOT PUSHED"
    terminal.marked(f"nothing was sent, neither to AWS nor to a registry\n{word} {name.text}", _STYLES)


def _publish(
    program: Program, terminal: Terminal, report: Report, name: Named, stating: Stating, *, create: bool
) -> None:
    from smlocal.cli.destinations import opened

    place = opened(program, name)
    terminal.say(f"talking to {place.talks_to}")
    published = _published(program, terminal, report, name, place, create)
    try:
        attached = _stated(place, report, published, stating)
    except KeyboardInterrupt:
        terminal.say(
            f"{published.reference} is pushed, but its statement may be missing: push again, with the same words"
        )
        raise
    except CannotRun as error:
        raise CannotRun(
            f"{published.reference} is pushed, but its statement is not where it should be: {error}"
        ) from error
    if terminal.json:
        terminal.document("push", _document(report, name, published, attached))
    else:
        terminal.marked("\n".join(_lines(report, name, published, attached, stating)), _STYLES)


def _published(
    program: Program, terminal: Terminal, report: Report, name: Named, place: Opened, create: bool
) -> Published:
    from smlocal.cli.interrupts import INTERRUPTED, stop_on_interrupt
    from smlocal.cli.push_progress import PushProgress
    from smlocal.gate.publish import PublishingStopped

    image_id, tag = report.examination.image.id, name.tag or ""
    try:
        if place.ecr is not None:  # Ctrl-C may end it at once, also where AWS does not answer
            place.ecr.prepare(create=create)
            place.ecr.refuse_taken(tag, image_id)
    except KeyboardInterrupt:
        terminal.say("interrupted: nothing was published")
        raise
    with PushProgress(terminal) as shown, stop_on_interrupt(terminal.say, "the push") as asked:
        publisher = program.publisher(place.repository, shown.progress(), asked.event)
        try:
            # by its id: whatever its name has come to mean, this is what was examined
            return publisher.publish(image_id, image_id, tag)
        except PublishingStopped as error:
            shown.close()
            terminal.say(str(error))
            raise typer.Exit(INTERRUPTED) from error


def _stated(place: Opened, report: Report, published: Published, stating: Stating) -> str:
    """Write and attach the statement; gives the digest of what was attached, "" when nothing was."""
    from smlocal.gate.attachment import attach_statement
    from smlocal.gate.statement import statement_of

    content = statement_of(report, published.repository, published.digest)
    if stating.file is not None:
        try:
            stating.file.write_bytes(content)
        except OSError as error:
            raise CannotRun(f"{stating.file} cannot be written: {error.strerror}") from error
    if not stating.attach:
        return ""
    return attach_statement(place.repository, content, place.repository.manifest(published.digest))


def _document(report: Report, name: Named, published: Published | None, attached: str) -> dict[str, Any]:
    from smlocal.report import as_document

    return {
        "pushed": published is not None,
        "destination": name.text,
        "published": _as_json(published) if published is not None else None,
        "attached": attached or None,
        "report": as_document(report),
    }


def _as_json(published: Published) -> dict[str, Any]:
    return {
        "reference": published.reference,
        "repository": published.repository,
        "tag": published.tag,
        "digest": published.digest,
        "image_id": published.image_id,
        "size_bytes": published.size_bytes,
        "sent_bytes": published.sent_bytes,
        "layers": [{"digest": item.digest, "size_bytes": item.size, "sent": item.sent} for item in published.layers],
    }


def _lines(report: Report, name: Named, published: Published, attached: str, stating: Stating) -> Iterator[str]:
    """The result, each line with its head of eight columns."""
    from smlocal.cli.push_progress import size_in_words
    from smlocal.cli.terminal import headed
    from smlocal.contract import Severity
    from smlocal.report.text import counted

    yield f"image   {report.image}"
    yield f"        {published.image_id}"
    yield f"verdict {_verdict(report)}"
    for item in report.verdict.broken(Severity.WARNING):
        yield from headed("warning", f"{item.rule} {item.title}")
    for item in report.verdict.allowed:
        yield from headed("allowed", f"{item.rule}: {item.allowed}")
        hidden = sum(finding.follows == item.rule for finding in report.verdict.findings)
        if hidden:
            yield f"        {counted(hidden, 'rule')} could not be judged because of it"
    yield from (f"allowed {item.rule}, which is not broken" for item in report.verdict.needless)
    limits = report.examination.asked.scaled_limits
    if limits:
        yield f"limits  not SageMaker's: {', '.join(limits)}"
    sent = sum(item.sent for item in published.layers)
    seconds = sum(published.seconds.values())
    told = f"{sent} of {len(published.layers)} layers sent ({size_in_words(published.sent_bytes)})"
    yield f"sent    {f'{told} in {seconds:.0f} s' if published.sent_bytes else 'nothing: all of it was there'}"
    yield f"size    {size_in_words(published.size_bytes)}, compressed"
    if stating.file is not None:
        yield f"stated  in {stating.file}, unsigned"
    if attached:
        yield f"beside  {attached}"
        yield "        is the statement, unsigned; `smlocal verify` finds it"
    yield f"digest  {published.digest}"
    yield f"PUSHED {name.text}"


def _verdict(report: Report) -> str:
    from smlocal.contract import Outcome, Severity
    from smlocal.report.text import counted

    verdict, when = report.verdict, report.examined_at
    warnings, unjudged = len(verdict.broken(Severity.WARNING)), verdict.count(Outcome.NOT_JUDGED)
    counts = [
        "no error",
        counted(warnings, "warning") if warnings else "",
        f"{len(verdict.allowed)} allowed" if verdict.allowed else "",
        f"{unjudged} not judged" if unjudged else "",
        f"examined {when.astimezone():%Y-%m-%d %H:%M}" if when is not None else "",
    ]
    return ", ".join(part for part in counts if part)
