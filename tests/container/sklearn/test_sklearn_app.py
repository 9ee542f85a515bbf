"""The bring-your-own container's web application, without a server around it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import joblib
import pytest
from flask.testing import FlaskClient
from iris.app import create_app
from iris.inference import Predictor
from iris.model import save
from iris.optml import OptML
from sklearn.linear_model import Perceptron
from sklearn.tree import DecisionTreeClassifier

ROW = b"1,1,1,1\n"
Client = Callable[..., FlaskClient]


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """A client of an application whose model tells small from large in four columns."""

    def make(classifier: object | None = None, default_accept: str | None = None) -> FlaskClient:
        optml = OptML(tmp_path)
        fitted = (classifier or DecisionTreeClassifier()).fit([[0.0] * 4, [9.0] * 4], ["small", "large"])
        save(fitted, optml.model_file)
        return create_app(Predictor(optml, default_accept)).test_client()

    return make


@pytest.mark.parametrize(
    ("accepted", "content_type", "body"),
    [
        (None, "text/csv; charset=utf-8", b"small\nlarge\n"),
        ("text/csv", "text/csv; charset=utf-8", b"small\nlarge\n"),
        (
            "application/json",
            "application/json",
            b'{"predictions":[{"predicted_label":"small","score":[0.0,1.0]},{"predicted_label":"large","score":[1.0,0.0]}]}',
        ),
        (
            "application/jsonlines",
            "application/jsonlines",
            b'{"predicted_label":"small","score":[0.0,1.0]}\n{"predicted_label":"large","score":[1.0,0.0]}\n',
        ),
    ],
)
def test_predictions_come_in_the_accepted_type(
    client: Client, accepted: str | None, content_type: str, body: bytes
) -> None:
    headers = {"Accept": accepted} if accepted else {}
    answer = client().post("/invocations", data=b"1,1,1,1\n8,8,8,8", content_type="text/csv", headers=headers)
    assert (answer.status_code, answer.content_type, answer.data) == (200, content_type, body)


@pytest.mark.parametrize(
    ("body", "content_type", "accepted", "status", "text"),
    [
        (ROW, None, None, 415, "The Content-Type header is missing; this container reads text/csv, "),
        (ROW, "image/png", None, 415, "Content type 'image/png' is not known; this container reads text/csv, "),
        (ROW, "text/csv", "image/png", 406, "Nothing in Accept 'image/png' can be written; this container writes "),
        (b"a,b", "text/csv", None, 400, "Line 1, field 1: 'a' is not a number."),
        (b"", "text/csv", None, 400, "The body holds no records."),
        (b"1,2\n", "text/csv", None, 400, "Each record needs 4 features; these have 2."),
        (b"1,2,3,1e300\n", "text/csv", None, 400, "The model refuses the records: "),
        (b"{", "application/json", None, 400, "The body is not JSON"),
    ],
)
def test_a_request_that_cannot_be_served_is_told_why(
    client: Client, body: bytes, content_type: str | None, accepted: str | None, status: int, text: str
) -> None:
    headers = {"Accept": accepted} if accepted else {}
    answer = client().post("/invocations", data=body, content_type=content_type, headers=headers)
    assert answer.status_code == status
    assert answer.text.startswith(text)
    assert answer.content_type == "text/plain; charset=utf-8"


def test_the_default_accept_of_the_platforms_toolkits_is_honoured(client: Client) -> None:
    served = client(default_accept="application/json")
    for headers in ({}, {"Accept": "*/*"}):
        answer = served.post("/invocations", data=ROW, content_type="text/csv", headers=headers)
        assert json.loads(answer.data)["predictions"][0]["predicted_label"] == "small"
    answer = served.post("/invocations", data=ROW, content_type="text/csv", headers={"Accept": "text/csv"})
    assert answer.data == b"small\n"


def test_a_classifier_without_scores_answers_labels(client: Client) -> None:
    answer = client(Perceptron()).post(
        "/invocations", data=ROW, content_type="text/csv", headers={"Accept": "application/json"}
    )
    assert set(json.loads(answer.data)["predictions"][0]) == {"predicted_label"}


def test_ping_is_well_with_a_model(client: Client) -> None:
    served = client()
    assert served.get("/ping").status_code == 200
    assert served.post("/ping").status_code == 200


@pytest.mark.parametrize("content", [None, b"not a pickle", joblib.hash("x").encode()])
def test_without_a_usable_model_nothing_is_well(
    tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    optml = OptML(tmp_path)
    if content is not None:
        optml.model.mkdir()
        optml.model_file.write_bytes(content)
    served = create_app(Predictor(optml)).test_client()
    assert served.get("/ping").status_code == 503
    assert served.post("/invocations", data=ROW, content_type="text/csv").status_code == 503
    expected = "cannot be loaded" if content else "There is no model at"
    assert expected in capsys.readouterr().err
    assert expected in served.get("/ping").text


def test_a_file_that_is_no_classifier_is_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    optml = OptML(tmp_path)
    optml.model.mkdir()
    joblib.dump({"a": 1}, optml.model_file)
    assert not Predictor(optml).healthy
    assert "is a dict, not a classifier" in capsys.readouterr().err


def test_other_paths_and_methods_are_refused_in_a_sentence(client: Client) -> None:
    served = client()
    assert served.get("/nothing").text == "Not Found: GET /nothing.\n"
    refused = served.get("/invocations")
    assert (refused.status_code, refused.text) == (405, "Method Not Allowed: GET /invocations.\n")
