"""`smlocal verify`: whether the verdict beside a published image is good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smlocal.cli.state import common_of
from smlocal.errors import UsageError

if TYPE_CHECKING:
    from smlocal.cli.destinations import Named
    from smlocal.cli.terminal import Terminal
    from smlocal.gate.statement import RuleSaid, Statement
    from smlocal.gate.verification import Demands
    from smlocal.registry.interface import Repository
    from smlocal.wiring import Program

_STYLES = {"GOOD": "bold green", "NOT GOOD": "bold red"}


@dataclass(frozen=True)
class Verified:
    """What was found: the digest that the name has now, the statement and where it was, and what is wrong."""

    digest: str
    statement: Statement | None
    where: str
    problems: list[str]


def verify(
    context: typer.Context,
    image: Annotated[str, typer.Argument(help="An image in a registry, with its tag or digest.")],
    statement: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The statement, instead of what is beside the image.")
    ] = None,
    max_age: Annotated[
        str | None, typer.Option(metavar="30d", help="How old the examination may be, in d, h or m.")
    ] = None,
    require: Annotated[
        list[str] | None, typer.Option(metavar="SM3,...", help="Rules that must be kept, where they apply.")
    ] = None,
    ecr_endpoint_url: Annotated[str | None, typer.Option(help="ECR's API, instead of AWS's own.")] = None,
    registry_endpoint_url: Annotated[
        str | None, typer.Option(help="ECR's registry, instead of the URI's host.")
    ] = None,
) -> None:
    """Say whether IMAGE, as its tag names it now, bears a verdict that holds; with --strict, one without warnings.

    What `smlocal push --attach` put beside it is found by the image's digest. It bears no signature, and so proves
    nothing about who wrote it: let cosign sign and verify it (docs/gate.md). Exit code 1: it is not good.
    """
    from smlocal.cli.destinations import named
    from smlocal.gate.verification import Demands
    from smlocal.wiring import Program

    common = common_of(context)
    terminal, name = common.terminal(), named(image)
    if name.tag is None and name.digest is None:
        raise UsageError(f"'{image}' names neither tag nor digest; write one, such as {image}:1.0")
    demands = Demands.of(common.settings().strict, max_age, require or [])
    content = _read(statement) if statement is not None else None
    settings = common.settings_with(ecr_endpoint_url=ecr_endpoint_url, registry_endpoint_url=registry_endpoint_url)
    with Program(settings) as program:
        found = _verified(program, terminal, name, content, str(statement), demands)
    if terminal.json:
        terminal.document("verify", _document(name, found))
    else:
        terminal.marked("\n".join(_lines(name, found)), _STYLES)
    if found.problems:
        raise typer.Exit(1)


def _read(path: Path) -> bytes:
    from smlocal.gate.statement import LONGEST

    try:
        with path.open("rb") as file:
            content = file.read(LONGEST + 1)
    except OSError as error:
        raise UsageError(f"--statement '{path}' cannot be read: {error.strerror}") from error
    if len(content) > LONGEST:
        raise UsageError(f"--statement '{path}' is longer than any statement of smlocal's ({LONGEST:,} bytes)")
    return content


def _verified(
    program: Program, terminal: Terminal, name: Named, content: bytes | None, source: str, demands: Demands
) -> Verified:
    from smlocal.gate.attachment import find_statement
    from smlocal.gate.statement import NoStatement, read_statement
    from smlocal.gate.verification import problems

    repository = None
    if name.tag is not None or content is None:
        repository = _opened(program, terminal, name)
    digest, moved = _digest(repository, name)
    try:
        if content is not None:
            statement, where = read_statement(content, source), source
        else:
            assert repository is not None
            statement, where = find_statement(repository, digest)
    except NoStatement as error:
        return Verified(digest, None, "", [*moved, str(error)])
    now = datetime.now(timezone.utc)
    return Verified(digest, statement, where, [*moved, *problems(statement, digest, demands, now)])


def _opened(program: Program, terminal: Terminal, name: Named) -> Repository:
    from smlocal.cli.destinations import opened

    place = opened(program, name)
    terminal.say(f"talking to {place.talks_to}")
    return place.repository


def _digest(repository: Repository | None, name: Named) -> tuple[str, list[str]]:
    """The digest that the name means now; a tag beside a digest must name that very one."""
    now = repository.manifest(name.tag).digest if repository is not None and name.tag is not None else None
    wanted = name.digest or now
    assert wanted is not None
    return wanted, [f"the tag {name.tag} names {now} now"] if now not in (None, wanted) else []


def _document(name: Named, found: Verified) -> dict[str, Any]:
    statement = found.statement
    return {
        "good": not found.problems,
        "problems": found.problems,
        "image": name.text,
        "digest": found.digest,
        "signed": False,
        "found_in": found.where or None,
        "examined_at": statement.examined_at.isoformat() if statement is not None else None,
        "smlocal": statement.smlocal if statement is not None else None,
        "image_id": statement.image_id if statement is not None else None,
        "configuration": statement.configuration if statement is not None else None,
        "scaled_limits": list(statement.scaled_limits) if statement is not None else None,
        "rules": [_rule(item) for item in (statement.rules if statement is not None else ())],
    }


def _rule(said: RuleSaid) -> dict[str, Any]:
    return {
        "rule": said.rule,
        "outcome": said.outcome.value,
        "severity": said.severity.value,
        "allowed": said.allowed or None,
    }


def _lines(name: Named, found: Verified) -> Iterator[str]:
    from smlocal.cli.terminal import headed
    from smlocal.contract import Outcome
    from smlocal.report.text import counted

    yield f"digest  {found.digest}"
    if found.statement is not None:
        yield from _about(found.statement, found.where)
    for problem in found.problems:
        yield from headed("wrong", problem)
    # whoever reads this line alone must not take for kept what could not be tried
    untried = found.statement.count(Outcome.NOT_JUDGED) if found.statement is not None else 0
    unjudged = f", {counted(untried, 'rule')} not judged" if untried else ""
    yield f"NOT GOOD {name.text}" if found.problems else f"GOOD {name.text}: the verdict holds{unjudged}"


def _about(statement: Statement, where: str) -> Iterator[str]:
    from smlocal.cli.terminal import headed
    from smlocal.contract import RULES, Outcome, Severity
    from smlocal.gate.verification import UNSIGNED, in_words
    from smlocal.report.escaping import one_line
    from smlocal.report.text import counted

    titles = {rule.id: rule.title for rule in RULES}

    age = datetime.now(timezone.utc) - statement.examined_at
    when = f"{statement.examined_at.astimezone():%Y-%m-%d %H:%M}"
    yield f"found   {where}"
    yield f"        {UNSIGNED}"
    yield f"by      smlocal {one_line(statement.smlocal)}, which examined it {in_words(age)} ago ({when})"
    errors, warnings = (statement.broken(severity) for severity in (Severity.ERROR, Severity.WARNING))
    counts = f"{statement.count(Outcome.KEPT)} kept, {statement.count(Outcome.NOT_JUDGED)} not judged"
    yield f"verdict {counted(len(errors), 'error')}, {counted(len(warnings), 'warning')}, {counts}"
    for severity, broken in ((Severity.ERROR, errors), (Severity.WARNING, warnings)):
        for item in broken:
            yield from headed(severity.value, f"{item.rule} {titles.get(item.rule, '')}")
    allowed = [item for item in statement.rules if item.outcome is Outcome.BROKEN and item.allowed]
    for item in allowed:
        yield from headed("allowed", f"{item.rule}: {one_line(item.allowed)}")
    if statement.scaled_limits:
        yield f"limits  not SageMaker's: {one_line(', '.join(statement.scaled_limits))}"
