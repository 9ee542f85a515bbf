from __future__ import annotations

import subprocess
import sys

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from smlocal.errors import CannotRun
from smlocal.requests.shapes import answer_shapes, request_shapes
from smlocal.requests.support import TABLE as OPERATIONS


@pytest.fixture(scope="module")
def models() -> dict[str, ServiceModel]:
    loader = Loader()
    control, runtime = (
        ServiceModel(loader.load_service_model(name, "service-2"), name) for name in ("sagemaker", "sagemaker-runtime")
    )
    return {operation: runtime if operation == "InvokeEndpoint" else control for operation in OPERATIONS}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_shapes_are_those_that_botocore_loads(operation: str, models: dict[str, ServiceModel]) -> None:
    model = models[operation]
    ours = request_shapes(operation)
    answer = answer_shapes(operation)
    assert ours.root == model.operation_model(operation).input_shape.name
    assert (answer and answer.root) == (getattr(model.operation_model(operation).output_shape, "name", None))
    for shape in (*ours.shapes.values(), *(answer.shapes.values() if answer else ())):
        theirs = model.shape_for(shape.name)
        assert shape.kind == theirs.type_name
        assert list(shape.members) == list(getattr(theirs, "members", {}))
        assert list(shape.required) == list(getattr(theirs, "required_members", []))
        assert list(shape.enum) == list(getattr(theirs, "enum", []))
        metadata = theirs.metadata
        assert (shape.pattern, shape.minimum, shape.maximum) == tuple(map(metadata.get, ("pattern", "min", "max")))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_kind_of_value_that_a_request_can_hold_is_one_that_is_checked(operation: str) -> None:
    checked = {
        "structure",
        "list",
        "map",
        "string",
        "integer",
        "long",
        "boolean",
        "float",
        "double",
        "timestamp",
        "blob",
    }
    assert {shape.kind for shape in request_shapes(operation).shapes.values()} <= checked


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_operation_that_runs_has_a_member_that_is_one_of_several(
    operation: str, models: dict[str, ServiceModel]
) -> None:
    """Nothing checks that exactly one member of a union is there: extend smlocal.requests.service_model when a newer
    botocore has one here."""
    for name in request_shapes(operation).shapes:
        assert not getattr(models[operation].shape_for(name), "is_tagged_union", False), name


def test_members_are_found_at_every_depth() -> None:
    paths = [path for path, _ in request_shapes("CreateTrainingJob").member_paths()]
    assert paths[0] == "TrainingJobName"
    assert "InputDataConfig[].DataSource.S3DataSource.S3DataType" in paths
    assert len(paths) == len(set(paths))


def test_an_operation_that_sagemaker_does_not_have_is_one_sentence() -> None:
    with pytest.raises(CannotRun, match="the installed botocore has no SageMaker operation CreateTeapot"):
        request_shapes("CreateTeapot")


def test_checking_a_request_imports_no_botocore() -> None:
    """Importing it takes three times as long as all of a check."""
    program = (
        "import sys; from smlocal import requests;"
        "from smlocal.requests.shapes import request_shapes; request_shapes('CreateTrainingJob');"
        "sys.exit(any(name.split('.')[0] in ('botocore', 'boto3') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_importing_the_requests_reads_no_model() -> None:
    program = (
        "import sys; import smlocal.requests;"
        "from smlocal.requests.shapes import request_shapes;"
        "sys.exit(request_shapes.cache_info().currsize)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
