from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smlocal import requests
from smlocal.errors import NotSupported
from smlocal.requests import notes, refuse_unsupported, table_rows
from smlocal.requests.decision import Decision
from smlocal.requests.shapes import RequestShapes, Shape, request_shapes
from smlocal.requests.support import TABLE

RequestWith = Callable[[str, dict[str, Any]], dict[str, Any]]
JOB, MODEL, TRANSFORM = "CreateTrainingJob", "CreateModel", "CreateTransformJob"
NEWER = "it is newer than this version of smlocal: leave it out, or look for a newer smlocal"
ROOT = Path(__file__).parents[2]
OPERATIONS = tuple(TABLE)
EVERY = [(operation, decision) for operation in OPERATIONS for decision in TABLE[operation]]


def _named(standing: str) -> list[Any]:
    return [
        pytest.param(operation, decision, id=f"{operation}-{decision.path}")
        for operation, decision in EVERY
        if decision.standing == standing
    ]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_member_of_the_installed_model_is_decided_exactly_once(operation: str) -> None:
    decided = Counter(decision.path for decision in TABLE[operation])
    model = {path for path, _ in request_shapes(operation).member_paths()}
    module = "smlocal/requests/*_members.py"
    undecided, gone = sorted(model - set(decided)), sorted(set(decided) - model)
    assert not undecided, (
        f"botocore has new members: decide in {module} whether each is honoured or refused: {undecided}"
    )
    assert not gone, f"the installed botocore has no such members: update it, or take them out of {module}: {gone}"
    assert [path for path, count in decided.items() if count > 1] == []


def test_every_decision_has_its_sentence() -> None:
    for operation, decision in EVERY:
        assert decision.says, (operation, decision.path)
        assert bool(decision.proof) == (decision.standing != "refused"), (operation, decision.path)
        assert bool(decision.otherwise) == (decision.values is not None), (operation, decision.path)


def test_every_honoured_member_names_a_test_that_exists() -> None:
    """Create the test, or name another one in the member's table."""
    existing = {
        f"{path.relative_to(ROOT).as_posix()}::{node.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert sorted({decision.proof for _, decision in EVERY if decision.proof} - existing) == []


def _shape_at(shapes: RequestShapes, wanted: str) -> Shape:
    return next(shape for path, shape in shapes.member_paths() if path == wanted)


def _sample(shapes: RequestShapes, shape: Shape) -> Any:
    """A value that asks for something."""
    if shape.kind == "structure":
        name, target = next(iter(shape.members.items()))
        return {name: _sample(shapes, shapes.shapes[target])}
    if shape.member is not None:
        return [_sample(shapes, shapes.shapes[shape.member])]
    if shape.key is not None:
        return {"key": "value"}
    return {"boolean": True, "string": shape.enum[0] if shape.enum else "text"}.get(shape.kind, 7)


def _highest_refused(operation: str, path: str) -> Decision:
    standing = {decision.path: decision for decision in TABLE[operation]}
    steps = path.split(".")
    above = [".".join(steps[:count]).removesuffix("[]") for count in range(1, len(steps) + 1)]
    return next(standing[one] for one in above if one in standing and standing[one].standing == "refused")


@pytest.mark.parametrize(("operation", "decision"), _named("refused"))
def test_a_refused_member_is_refused_by_name(operation: str, decision: Decision, request_with: RequestWith) -> None:
    shapes = request_shapes(operation)
    place = decision.path.replace("[]", "[0]")
    request = request_with(operation, {place: _sample(shapes, _shape_at(shapes, decision.path))})
    highest = _highest_refused(operation, decision.path)
    with pytest.raises(NotSupported) as caught:
        refuse_unsupported(operation, request)
    assert str(caught.value) == f"smlocal does not support {highest.path.replace('[]', '[0]')}: {highest.says}"


@pytest.mark.parametrize(("operation", "decision"), _named("honoured"))
def test_every_value_of_a_choice_is_honoured_or_refused_by_name(
    operation: str, decision: Decision, request_with: RequestWith
) -> None:
    shape = _shape_at(request_shapes(operation), decision.path)
    place = decision.path.replace("[]", "[0]")
    if shape.name.endswith("InstanceType"):  # smlocal.instances knows them all, and tests/test_instances.py holds it
        return
    assert not shape.enum or decision.values is not None, "name the values that are honoured"
    for value in shape.enum:
        request = request_with(operation, {place: value})
        if value in (decision.values or ()):
            refuse_unsupported(operation, request)
        else:
            with pytest.raises(NotSupported) as caught:
                refuse_unsupported(operation, request)
            assert str(caught.value) == f'smlocal does not support {place} "{value}": {decision.otherwise}'


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_ordinary_request_is_not_refused(operation: str, request_with: RequestWith) -> None:
    refuse_unsupported(operation, request_with(operation, {}))


@pytest.mark.parametrize(
    ("operation", "changes", "sentence"),
    [
        (
            JOB,
            {"ResourceConfig.InstanceCount": 2},
            "ResourceConfig.InstanceCount 2: smlocal runs a job on one instance: use 1",
        ),
        (
            JOB,
            {"InputDataConfig[0].InputMode": "FastFile"},
            'InputDataConfig[0].InputMode "FastFile": smlocal copies channels before the start and streams none:'
            ' use "File"',
        ),
        (
            TRANSFORM,
            {"DataProcessing": {"InputFilter": "$[1:]"}},
            'DataProcessing.InputFilter "$[1:]": smlocal filters and joins no records: do it before and after the job,'
            " and leave DataProcessing out",
        ),
        (
            JOB,
            {"QuantumConfig": {"Qubits": 3}},
            f"QuantumConfig: {NEWER}",
        ),
        (
            JOB,
            {"ResourceConfig.Qubits": 3},
            f"ResourceConfig.Qubits: {NEWER}",
        ),
    ],
)
def test_a_refusal_says_what_to_do_instead(
    operation: str, changes: dict[str, Any], sentence: str, request_with: RequestWith
) -> None:
    with pytest.raises(NotSupported) as caught:
        refuse_unsupported(operation, request_with(operation, changes))
    assert str(caught.value) == f"smlocal does not support {sentence}"


def test_all_refused_members_are_named_each_once(request_with: RequestWith) -> None:
    vpc = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    with pytest.raises(NotSupported) as caught:
        refuse_unsupported(JOB, request_with(JOB, {"VpcConfig": vpc, "ResourceConfig.InstanceCount": 2}))
    text = str(caught.value)
    assert text.startswith("smlocal does not support 2 members of this CreateTrainingJob request: ResourceConfig.Inst")
    assert text.count("; VpcConfig: ") == 1
    assert "Subnets" not in text


@pytest.mark.parametrize("empty", [{}, [], None])
def test_a_refused_member_that_asks_nothing_is_let_through(empty: Any, request_with: RequestWith) -> None:
    refuse_unsupported(JOB, request_with(JOB, {"DebugRuleConfigurations": empty, "VpcConfig": empty}))


def test_the_keys_of_a_map_are_the_users_own(request_with: RequestWith) -> None:
    changes = {"HyperParameters": {"VpcConfig": "1"}, "Environment": {"Qubits": "1"}}
    refuse_unsupported(JOB, request_with(JOB, changes))


def test_a_job_that_is_not_to_be_profiled_is_accepted(request_with: RequestWith) -> None:
    requests.check(JOB, request_with(JOB, {"ProfilerConfig": {"DisableProfiler": True}}))
    refuse_unsupported(JOB, request_with(JOB, {"ProfilerConfig": {"DisableProfiler": True}}))
    with pytest.raises(NotSupported, match=r"ProfilerConfig\.DisableProfiler false: smlocal profiles no jobs"):
        refuse_unsupported(JOB, request_with(JOB, {"ProfilerConfig": {"DisableProfiler": False}}))


def test_a_job_that_is_not_to_be_entered_is_accepted(request_with: RequestWith) -> None:
    refuse_unsupported(JOB, request_with(JOB, {"RemoteDebugConfig": {"EnableRemoteDebug": False}}))
    with pytest.raises(NotSupported, match=r"RemoteDebugConfig\.EnableRemoteDebug true: .* docker exec"):
        refuse_unsupported(JOB, request_with(JOB, {"RemoteDebugConfig": {"EnableRemoteDebug": True}}))


@pytest.mark.parametrize(("operation", "decision"), _named("recorded"))
def test_a_recorded_member_is_accepted_and_noted(operation: str, decision: Decision, request_with: RequestWith) -> None:
    shapes = request_shapes(operation)
    place = decision.path.replace("[]", "[0]")
    request = request_with(operation, {place: _sample(shapes, _shape_at(shapes, decision.path))})
    refuse_unsupported(operation, request)
    told = [note.partition(" has no effect on this machine: ") for note in notes(operation, request)]
    assert any(place.startswith(member) and why == decision.says for member, _, why in told)


def test_the_rows_of_the_table_are_all_its_decisions() -> None:
    rows = table_rows()
    assert [(row.operation, row.path) for row in rows] == [(operation, one.path) for operation, one in EVERY]
    mode = next(row for row in rows if row.path == "AlgorithmSpecification.TrainingInputMode")
    assert (mode.standing, mode.values) == ("honoured", '"File"')


@pytest.mark.parametrize(
    ("operation", "place"),
    [
        (JOB, "OutputDataConfig.S3OutputPath"),
        (JOB, "CheckpointConfig.S3Uri"),
        (JOB, "InputDataConfig[0].DataSource.S3DataSource.S3Uri"),
        (MODEL, "PrimaryContainer.ModelDataUrl"),
        (TRANSFORM, "TransformInput.DataSource.S3DataSource.S3Uri"),
        (TRANSFORM, "TransformOutput.S3OutputPath"),
    ],
)
def test_an_https_address_that_aws_takes_is_refused_by_name(
    operation: str, place: str, request_with: RequestWith
) -> None:
    address = "https://my-bucket.s3.amazonaws.com/out"
    request = request_with(operation, {place: address})
    requests.check(operation, request)
    with pytest.raises(NotSupported) as caught:
        refuse_unsupported(operation, request)
    assert str(caught.value) == f'smlocal does not support {place} "{address}": write the address as s3://bucket/key'
