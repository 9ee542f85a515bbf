"""What becomes of every operation and member: `python -m smlocal.aws.operations_page > docs/operations.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from smlocal.aws import not_run
from smlocal.aws.interface import OPERATIONS
from smlocal.report.escaping import markdown_code, markdown_prose, markdown_text
from smlocal.requests import table_rows
from smlocal.requests.shapes import every_operation
from smlocal.requests.support import Row

_STANDING = {"honoured": "runs", "recorded": "recorded", "refused": "refused"}
_RUNTIME = "InvokeEndpoint"
_FIRST = ("CreateTrainingJob", "CreateModel", "CreateTransformJob")
_API = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_"
_HEAD = """\
# The operations of SageMaker

Written by `python -m smlocal.aws.operations_page > docs/operations.md` from the tables in
`smlocal/requests/*_members.py` and `smlocal/aws/not_run.py`: change it there. `tests/requests/test_support.py` holds
the tables against the service model that botocore brings, in both directions, and that every test named here exists.

- **runs**: it has AWS's effect, and a test shows it.
- **recorded**: it is kept and told back where AWS tells it, and has no effect on one machine.
- **refused**: a request that has it is answered with a `ValidationException` that names it and says what to do instead.

Whatever the model itself forbids (required members, types, lengths, ranges, patterns, enumerations) is refused with
AWS's code and text; `tests/aws/test_sweep.py` breaks each of these constraints, one at a time.
"""


def operations_page() -> str:
    """The page, in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    yield "## Operations that run"
    for operation in (*OPERATIONS, _RUNTIME):
        yield from _operation(operation, [row for row in table_rows() if row.operation == operation])
    others = sorted(every_operation() - set(OPERATIONS))
    refused = {name: why for name in others if (why := not_run.reason(name)) is not None}
    lists = [name for name in refused if not_run.empty_list(name) is not None]
    yield from ("", "## Operations that are refused by name", "")
    yield "With the code `UnknownOperationException`; `InvokeEndpointAsync` and `InvokeEndpointWithResponseStream` with"
    yield "`ValidationError`."
    yield from ("", "| operation | what is said |", "|---|---|")
    yield from (f"| {name} | {markdown_prose(why)} |" for name, why in refused.items() if name not in lists)
    yield from ("", "## Lists of what does not run", "", "They are answered, and empty:", "")
    yield _names(lists)
    yield from ("", "## Operations that run nothing", "")
    yield "moto answers them, as far as it has them; what it lacks is refused by name:"
    yield from ("", _names([name for name in others if name not in refused]))


def _operation(operation: str, rows: list[Row]) -> Iterator[str]:
    date = "2026-11-24" if operation in _FIRST else "2026-11-29"
    page = f"{_API}{'runtime_' if operation == _RUNTIME else ''}{operation}.html"
    yield from ("", f"### {operation}", "", f"Decided {date}, after [AWS's page]({page}) and botocore's model.", "")
    yield from ("| member | | what it does, or what to do instead | shown by |", "|---|---|---|---|")
    for row in rows:
        says = markdown_prose(row.says)
        if row.values:
            says += f"; {markdown_code(row.values)} only: {markdown_prose(row.otherwise)}"
        proof = row.proof.rpartition("::")[2].removeprefix("test_").replace("_", " ")
        yield f"| {markdown_code(row.path)} | {_STANDING[row.standing]} | {says} | {markdown_text(proof)} |"


def _names(operations: list[str]) -> str:
    return ", ".join(operations) + "."


if __name__ == "__main__":
    sys.stdout.write(operations_page())
