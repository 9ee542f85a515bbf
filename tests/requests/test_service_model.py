from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import validate_parameters
from hypothesis import given
from hypothesis import strategies as st

from smlocal.errors import InvalidRequest
from smlocal.requests.service_model import check
from smlocal.requests.shapes import OPERATIONS, request_shapes
from smlocal.requests.wording import LONGEST_ECHO

RequestWith = Callable[[str, dict[str, Any]], dict[str, Any]]
JOB = "CreateTrainingJob"
NAME_PATTERN = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
TEXT = (
    "[Member must have length less than or equal to {}, Member must have length greater than or equal to 0, "
    "Member must satisfy regular expression pattern: .*]"
)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_good_request_is_accepted(operation: str, request_with: RequestWith) -> None:
    check(operation, request_with(operation, {}))


def _fault(operation: str, request: dict[str, Any]) -> str:
    with pytest.raises(InvalidRequest) as caught:
        check(operation, request)
    return str(caught.value)


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        (
            "TrainingJobName",
            "health_care-2018",
            "Value 'health_care-2018' at 'trainingJobName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {NAME_PATTERN}",
        ),
        (
            "TrainingJobName",
            ...,
            "Value null at 'trainingJobName' failed to satisfy constraint: Member must not be null",
        ),
        (
            "InputDataConfig[0].InputMode",
            "fastfile",
            "Value 'fastfile' at 'inputDataConfig.1.member.inputMode' failed to satisfy constraint: "
            "Member must satisfy enum value set: [Pipe, File, FastFile]",
        ),
        (
            "InputDataConfig[0].DataSource.S3DataSource.S3Uri",
            "bucket/iris",
            "Value 'bucket/iris' at 'inputDataConfig.1.member.dataSource.s3DataSource.s3Uri' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: (https|s3)://([^/]+)/?(.*)",
        ),
        (
            "HyperParameters",
            {"classes": "x" * 2501},
            f"Value '{{classes={'x' * 2501}}}' at 'hyperParameters' failed to satisfy constraint: "
            f"Map value must satisfy constraint: {TEXT.format(2500)}",
        ),
        (
            "HyperParameters",
            {"k" * 257: "1"},
            f"Value '{{{'k' * 257}=1}}' at 'hyperParameters' failed to satisfy constraint: "
            f"Map keys must satisfy constraint: {TEXT.format(256)}",
        ),
        (
            "AlgorithmSpecification.ContainerArguments",
            ["a", "two\nlines"],
            "Value '[a, two\nlines]' at 'algorithmSpecification.containerArguments' failed to satisfy constraint: "
            f"Member must satisfy constraint: {TEXT.format(256)}",
        ),
        (
            "InputDataConfig",
            [],
            "Value '[]' at 'inputDataConfig' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
        ),
        (
            "StoppingCondition.MaxRuntimeInSeconds",
            0,
            "Value '0' at 'stoppingCondition.maxRuntimeInSeconds' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1",
        ),
        (
            "ResourceConfig.KeepAlivePeriodInSeconds",
            21601,
            "Value '21601' at 'resourceConfig.keepAlivePeriodInSeconds' failed to satisfy constraint: "
            "Member must have value less than or equal to 21600",
        ),
        (
            "ResourceConfig.VolumeSizeInGB",
            2**31,
            "Value '2147483648' at 'resourceConfig.volumeSizeInGB' failed to satisfy constraint: "
            "Member must have value less than or equal to 2147483647",
        ),
        (
            "OutputDataConfig.S3OutputPath",
            ...,
            "Value null at 'outputDataConfig.s3OutputPath' failed to satisfy constraint: Member must not be null",
        ),
    ],
)
def test_a_fault_is_worded_as_the_service_words_it(
    place: str, value: Any, fault: str, request_with: RequestWith
) -> None:
    assert _fault(JOB, request_with(JOB, {place: value})) == f"1 validation error detected: {fault}"


def test_more_than_a_hundred_hyperparameters_are_too_long_a_map(request_with: RequestWith) -> None:
    text = _fault(JOB, request_with(JOB, {"HyperParameters": {f"p{n}": "1" for n in range(101)}}))
    assert text.startswith("1 validation error detected: Value '{p0=1, p1=1, ")
    assert text.endswith(
        "at 'hyperParameters' failed to satisfy constraint: Member must have length less than or equal to 100"
    )


def test_several_faults_are_counted_and_joined(request_with: RequestWith) -> None:
    name = "step-show_" * 8
    text = _fault(JOB, request_with(JOB, {"TrainingJobName": name, "RoleArn": ...}))
    at = f"Value '{name}' at 'trainingJobName' failed to satisfy constraint: Member must"
    assert text == (
        f"3 validation errors detected: {at} satisfy regular expression pattern: {NAME_PATTERN}; "
        f"{at} have length less than or equal to 63; "
        "Value null at 'roleArn' failed to satisfy constraint: Member must not be null"
    )


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("HyperParameters.a", 1),
        ("TrainingJobName", None),
        ("TrainingJobName", 5),
        ("InputDataConfig", {"ChannelName": "train"}),
        ("InputDataConfig[0]", "s3://bucket/train"),
        ("ResourceConfig", []),
        ("ResourceConfig.InstanceCount", "1"),
        ("ResourceConfig.InstanceCount", 1.5),
        ("EnableNetworkIsolation", "true"),
        ("EnableNetworkIsolation", 1),
        ("HyperParameter", {"a": "1"}),
        ("ResourceConfig.InstanceTypes", "ml.m5.large"),
    ],
)
def test_types_and_names_are_worded_as_boto3_words_them(place: str, value: Any, request_with: RequestWith) -> None:
    request = request_with(JOB, {place: value})
    model = ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")
    with pytest.raises(ParamValidationError) as theirs:
        validate_parameters(request, model.operation_model(JOB).input_shape)
    assert _fault(JOB, request) == str(theirs.value).replace(":\n", ": ")


def test_true_is_not_a_number(request_with: RequestWith) -> None:
    assert "Invalid type for parameter ResourceConfig.InstanceCount, value: True" in _fault(
        JOB, request_with(JOB, {"ResourceConfig.InstanceCount": True})
    )


def test_a_value_of_any_length_is_refused_at_once_and_shown_in_part(request_with: RequestWith) -> None:
    """`[^/]+` and `.*` side by side need the square of the length when there is no match."""
    began = time.monotonic()
    text = _fault(JOB, request_with(JOB, {"OutputDataConfig.S3OutputPath": "s3://" + "a" * 100_000 + "/\n"}))
    assert time.monotonic() - began < 2
    assert len(text) < LONGEST_ECHO + 300
    assert text.endswith("Member must have length less than or equal to 1024")


def test_the_longest_value_that_is_matched_takes_no_time(request_with: RequestWith) -> None:
    began = time.monotonic()
    _fault(JOB, request_with(JOB, {"OutputDataConfig.S3OutputPath": "s3://" + "a" * 4000 + "/\n"}))
    assert time.monotonic() - began < 2


_NESTED = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=6,
)
_NAMES = [path for path, _ in request_shapes(JOB).member_paths() if "." not in path]


@given(st.dictionaries(st.sampled_from(_NAMES), _NESTED))
def test_any_json_is_accepted_or_refused_with_a_sentence(request: dict[str, Any]) -> None:
    try:
        check(JOB, request)
    except InvalidRequest as error:
        assert str(error)


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        ("TrainingJobName", "a\ud800", "parameter TrainingJobName, value: a\\ud800: "),
        ("HyperParameters", {"a": "\udcff"}, "parameter HyperParameters.a, value: \\udcff: "),
        ("HyperParameters", {"\udcff": "a"}, "parameter HyperParameters (key: \\udcff), value: \\udcff: "),
        ("Environment", {"A": "\ud800"}, "parameter Environment.A, value: \\ud800: "),
        ("InputDataConfig[0].ContentType", "\ud800", "parameter InputDataConfig[0].ContentType, value: \\ud800: "),
        ("\ud800", "a", 'Unknown parameter in input: "\\ud800", must be one of: '),
    ],
)
def test_what_utf_8_cannot_hold_is_refused_by_name(
    place: str, value: Any, named: str, request_with: RequestWith
) -> None:
    fault = _fault(JOB, request_with(JOB, {place: value}))
    assert named in fault
    assert fault.encode("utf-8"), "the sentence itself can be written anywhere"
