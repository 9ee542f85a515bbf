"""Every recorded invocation of AWS's container, answered by our application in this process."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from smlocal_xgboost.formats import recordio
from smlocal_xgboost.serving.app import create_app
from smlocal_xgboost.serving.settings import Settings
from xgboost_golden import (
    GOLDEN,
    RECORDIO_REPEATS,
    SERVING_DIFFERENCES,
    SHIPPED,
    numbered_serving_cases,
    record_labels,
    serving_ids,
    train_model,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

CASES = GOLDEN["serving"]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the /opt/ml folder with the model of an objective, trained once as the recording says."""
    base = tmp_path_factory.mktemp("models")

    def of(objective: str) -> Path:
        folder = base / objective.replace(":", "-")
        if not folder.exists():
            train_model(folder, objective)
        return folder

    return of


@pytest.mark.parametrize(("number", "case"), numbered_serving_cases(), ids=serving_ids())
def test_an_invocation_is_answered_as_on_aws(
    number: int, case: dict[str, Any], model_folder: Callable[[str], Path]
) -> None:
    environ = {**case["env"], "SAGEMAKER_BASE_DIR": str(model_folder(case["model"]))}
    client = create_app(Settings.of(environ))[0].test_client()
    headers = {"Accept": case["accept"]} if case["accept"] else {}

    answer = client.post("/invocations", data=case["request"], content_type=case["content_type"], headers=headers)

    assert answer.status_code == case["status"]
    assert answer.headers["Content-Type"] == case["response_content_type"]
    recorded = case["response"]
    if "base64" in recorded:
        assert_same_records(answer.data, base64.b64decode(recorded["base64"]), case["version"] == SHIPPED)
    elif "text_prefix" in recorded:
        wanted = recorded["text_prefix"].replace("(4 vs. 9)", "(4 vs. 10)") if number in SERVING_DIFFERENCES else None
        assert without_place(answer.text).startswith(without_place(wanted or recorded["text_prefix"]))
    elif case["status"] != 200:
        assert without_library_wording(answer.text) == without_library_wording(recorded["text"])
    elif case["accept"] == "application/json" and case["env"].get("SAGEMAKER_INFERENCE_OUTPUT"):
        assert_same_fields(json.loads(answer.text), json.loads(recorded["text"]), case["version"] == SHIPPED)
    else:
        assert_same_text(answer.text, recorded["text"], case["version"] == SHIPPED)


_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


def without_place(text: str) -> str:
    """xgboost's message without the time and the place in its sources; its releases space it differently."""
    return re.sub(r"\s+", "", re.sub(r"\[[\dHMS:]+\] \S+ ", "#", text))


def without_library_wording(text: str) -> str:
    """Python and numpy word a number that is none, and ragged rows, differently from release to release."""
    text = re.sub(r"np\.str_\(('[^']*')\)", r"\1", text)
    return text.split(" The requested array has an inhomogeneous shape")[0]


def assert_same_text(ours: str, theirs: str, numbers: bool) -> None:
    """The same characters; the figures only to 1e-6, and only where both come from the same xgboost."""
    assert mask(ours) == mask(theirs)
    if numbers:
        assert [float(one) for one in _NUMBER.findall(ours)] == pytest.approx(
            [float(one) for one in _NUMBER.findall(theirs)], abs=1e-6
        )


def mask(text: str) -> str:
    """The text with figures masked, and the order of unknown keys (random on AWS) made one."""
    lines = []
    for line in _NUMBER.sub("#", text).split("\n"):
        if '": NaN' in line:
            lines.append(re.sub(r'("[a-z_]+": NaN(, )?)+', lambda found: ordered(found[0]), line))
        else:
            lines.append(line)
    return "\n".join(lines)


def ordered(keys: str) -> str:
    return ", ".join(sorted(key for key in keys.split(", ") if key))


def assert_same_fields(ours: Any, theirs: Any, numbers: bool) -> None:
    for mine, recorded in zip(ours["predictions"], theirs["predictions"], strict=True):
        assert_same_row(mine, recorded, numbers)
        valid = [key for key, value in recorded.items() if value == value]
        assert list(mine)[: len(valid)] == valid


def assert_same_row(mine: dict[str, Any], recorded: dict[str, Any], numbers: bool) -> None:
    assert set(mine) == set(recorded)
    for key, value in recorded.items():
        assert type(mine[key]) is type(value)
        if isinstance(value, list):
            assert len(mine[key]) == len(value)
        if numbers:
            assert mine[key] == pytest.approx(value, abs=1e-6, nan_ok=True)


def assert_same_records(ours: bytes, theirs: bytes, numbers: bool) -> None:
    """One record per row. Upstream's records repeat those before them, so a map of each is compared."""
    mine, recorded = (list(map(record_labels, recordio.frames(content))) for content in (ours, theirs))
    assert len(mine) == len(recorded)
    for row, expected in zip(mine, recorded, strict=True):
        assert set(row) == set(expected)
        for key, values in expected.items():
            assert len(row[key]) == len(values)
            assert [math.isnan(one) for one in row[key]] == [math.isnan(one) for one in values]
            if numbers:
                assert row[key] == pytest.approx(values, abs=1e-6, nan_ok=True)


RECORDIO_CASES = [case for case in CASES if "base64" in case["response"]]


@pytest.mark.parametrize("case", RECORDIO_CASES, ids=[f"{one['version']} {one['model']}" for one in RECORDIO_CASES])
def test_a_record_does_not_repeat_those_before_it(case: dict[str, Any], model_folder: Callable[[str], Path]) -> None:
    """Deliberately different: see SERVING_DIFFERENCES."""
    environ = {**case["env"], "SAGEMAKER_BASE_DIR": str(model_folder(case["model"]))}
    client = create_app(Settings.of(environ))[0].test_client()
    headers = {"Accept": case["accept"]}
    body = client.post("/invocations", data=case["request"], content_type="text/csv", headers=headers).data

    sizes = [len(payload) for payload in recordio.frames(body)]
    upstream = [len(payload) for payload in recordio.frames(base64.b64decode(case["response"]["base64"]))]
    assert sizes == [upstream[0]] * 3, RECORDIO_REPEATS
    assert upstream == [upstream[0], 2 * upstream[0], 3 * upstream[0]]


def test_no_recorded_invocation_is_left_out() -> None:
    assert len(CASES) == 258
