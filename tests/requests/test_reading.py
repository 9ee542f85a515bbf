from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.utils import ArgumentGenerator
from hypothesis import given
from hypothesis import strategies as st

from smlocal import requests
from smlocal.errors import InvalidRequest, NotSupported, UsageError
from smlocal.requests.reading import load_request, parse_request
from smlocal.requests.shapes import OPERATIONS

RequestWith = Callable[[str, dict[str, Any]], dict[str, Any]]
JOB = "CreateTrainingJob"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request_from_a_file_is_what_the_file_holds(
    operation: str, tmp_path: Path, request_with: RequestWith
) -> None:
    request = request_with(operation, {})
    path = tmp_path / "request.json"
    path.write_text(json.dumps(request, indent=2), encoding="utf-8")
    for source in (path, str(path), f"file://{path}", Path(f"file://{path}"), path.read_text(encoding="utf-8")):
        assert requests.read_request(operation, source) == request


def test_a_byte_order_mark_is_no_part_of_the_json(tmp_path: Path, request_with: RequestWith) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(request_with(JOB, {})), encoding="utf-8-sig")
    assert load_request(JOB, str(path)) == request_with(JOB, {})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "request.json is not JSON: Expecting value at line 1, column 1"),
        ('{\n  "TrainingJobName": "a",\n}', "is not JSON: Illegal trailing comma|Expecting property name"),
        ('{"A": "b" "C": 1}', "request.json is not JSON: Expecting ',' delimiter at line 1, column 11"),
        ("[]", "request.json holds a list, and the request of CreateTrainingJob is a JSON object"),
        ('"s3://b"', "request.json holds a string, and"),
        ("7", "request.json holds a number, and"),
        ("null", "request.json holds null, and"),
        ("true", "request.json holds true or false, and"),
        ('{"Tags": [], "Tags": []}', "request.json cannot be used: an object of it has the key 'Tags' more than once"),
        ('{"A": {"eta": "1", "eta": "2", "b": ""}}', "has the key 'eta' more than once"),
        ('{"A": NaN}', "request.json cannot be used: NaN is not a number of JSON"),
        ('{"A": -Infinity}', "request.json cannot be used: -Infinity is not a number of JSON"),
        ('{"A": 1e999}', "request.json cannot be used: 1e999 is larger than any number here"),
        ("[" * 100_000, "request.json cannot be used: it is nested too deeply"),
        ('{"A": ' + "9" * 5000 + "}", "request.json cannot be used: Exceeds the limit"),
    ],
)
def test_bad_json_is_one_sentence_with_its_place(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=sentence):
        load_request(JOB, str(path))


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.json cannot be read: No such file or directory"):
        load_request(JOB, str(tmp_path / "absent.json"))
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        load_request(JOB, str(tmp_path))
    with pytest.raises(UsageError, match="cannot be read: embedded null byte"):
        load_request(JOB, "a\0b")
    (tmp_path / "latin.json").write_bytes(b'{"A": "\xe9"}')
    with pytest.raises(UsageError, match=r"latin\.json is not UTF-8 text: invalid continuation byte at byte 7"):
        load_request(JOB, str(tmp_path / "latin.json"))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_generated_skeleton_is_asked_to_be_filled_in(operation: str) -> None:
    model = ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")
    skeleton = json.dumps(ArgumentGenerator().generate_skeleton(model.operation_model(operation).input_shape))
    with pytest.raises(UsageError) as caught:
        requests.read_request(operation, skeleton)
    assert str(caught.value).startswith("the JSON given still holds placeholders of a generated skeleton: fill in ")
    assert str(caught.value).endswith(" more, and take out what you do not need")


def test_a_half_filled_skeleton_names_what_is_left(request_with: RequestWith) -> None:
    changes = {"HyperParameters": {"KeyName": ""}, "InputDataConfig[0].ContentType": ""}
    with pytest.raises(UsageError) as caught:
        parse_request(JOB, json.dumps(request_with(JOB, changes)), "job.json")
    assert str(caught.value) == (
        "job.json still holds placeholders of a generated skeleton: fill in HyperParameters.KeyName, "
        "InputDataConfig[0].ContentType, and take out what you do not need"
    )


def test_an_empty_value_is_a_value(request_with: RequestWith) -> None:
    request = request_with(JOB, {"HyperParameters": {"note": ""}, "Environment": {"EMPTY": ""}})
    assert requests.read_request(JOB, json.dumps(request)) == request


def test_what_is_read_was_checked(request_with: RequestWith) -> None:
    with pytest.raises(InvalidRequest, match="Value null at 'roleArn'"):
        requests.read_request(JOB, json.dumps(request_with(JOB, {"RoleArn": ...})))
    with pytest.raises(InvalidRequest, match="must be unique"):
        channel = request_with(JOB, {})["InputDataConfig"][0]
        requests.read_request(JOB, json.dumps(request_with(JOB, {"InputDataConfig": [channel, channel]})))
    with pytest.raises(NotSupported, match="InstanceCount 2"):
        requests.read_request(JOB, json.dumps(request_with(JOB, {"ResourceConfig.InstanceCount": 2})))


@given(st.one_of(st.text(), st.text(alphabet='{}[]",:0 aT\\\n')))
def test_any_text_is_a_request_or_one_sentence(text: str) -> None:
    try:
        request = parse_request(JOB, text, "the text")
    except UsageError as error:
        assert str(error).startswith("the text ")
    else:
        assert isinstance(request, dict)
