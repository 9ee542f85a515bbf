"""The server of many models, call by call. Source: AWS developer guide, mms-container-apis."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from centroids.app import application
from centroids.model import BrokenModel, Model
from centroids.settings import SettingError, Settings
from flask.testing import FlaskClient

Write = Callable[..., Path]
MANY = {"SAGEMAKER_MULTI_MODEL": "true"}
CSV = {"Content-Type": "text/csv"}
MEBIBYTE = 1024 * 1024


def client(environment: Mapping[str, str] = MANY, folder: Path = Path("/nonexistent")) -> FlaskClient:
    return application(Settings.read(environment), folder).test_client()


def load(asked: FlaskClient, name: str, url: Path) -> int:
    return asked.post("/models", json={"model_name": name, "url": str(url)}).status_code


def names(asked: FlaskClient) -> list[str]:
    found = asked.get("/models").json
    assert found is not None
    return [item["modelName"] for item in found["models"]]


def test_it_is_healthy_and_lists_nothing_before_any_model() -> None:
    asked = client()
    assert asked.get("/ping").status_code == 200
    assert asked.get("/models").json == {"models": []}


def test_a_model_is_loaded_listed_described_invoked_and_unloaded(model_folder: Write) -> None:
    asked, url = client(), model_folder()
    assert load(asked, "a1", url) == 200
    told = {"modelName": "a1", "modelUrl": str(url)}
    assert asked.get("/models").json == {"models": [told]}
    assert asked.get("/models/a1").json == told
    answer = asked.post("/models/a1/invoke", data="1,1\n\n9,9\r\n", headers=CSV)
    assert (answer.status_code, answer.text, answer.mimetype) == (200, "near\nfar\n", "text/csv")
    assert asked.delete("/models/a1").status_code == 200
    assert names(asked) == []


def test_each_model_answers_for_itself(model_folder: Write) -> None:
    asked = client()
    load(asked, "a1", model_folder("one"))
    load(asked, "b2", model_folder("two", {"labels": [7], "centroids": [[1, 2, 3]]}))
    assert asked.post("/models/b2/invoke", data="0,0,0", headers=CSV).text == "7\n"
    assert asked.post("/models/a1/invoke", data="0,0", headers=CSV).text == "near\n"


def test_a_model_is_loaded_once(model_folder: Write) -> None:
    asked, url = client(), model_folder()
    assert [load(asked, "a1", url), load(asked, "a1", url), load(asked, "b2", url)] == [200, 409, 200]


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", ""), ("POST", "/invoke")])
def test_an_unknown_model_is_404(method: str, path: str) -> None:
    assert client().open(f"/models/none{path}", method=method, data="1,1", headers=CSV).status_code == 404


def test_a_model_that_was_unloaded_is_unknown_and_can_be_loaded_again(model_folder: Write) -> None:
    asked, url = client(), model_folder()
    load(asked, "a1", url)
    asked.delete("/models/a1")
    assert asked.post("/models/a1/invoke", data="1,1", headers=CSV).status_code == 404
    assert load(asked, "a1", url) == 200


def test_a_model_without_room_is_507_and_the_others_stay(model_folder: Write) -> None:
    asked = client({**MANY, "MODELS_MEMORY_MB": "1"})
    half = model_folder("half", padding=MEBIBYTE // 2)
    assert [load(asked, "a1", half), load(asked, "b2", half)] == [200, 507]
    assert asked.post("/models/a1/invoke", data="1,1", headers=CSV).status_code == 200
    asked.delete("/models/a1")
    assert load(asked, "b2", half) == 200


def test_one_model_too_many_is_507(model_folder: Write) -> None:
    asked, url = client({**MANY, "MODELS_AT_MOST": "2"}), model_folder()
    assert [load(asked, name, url) for name in ("a1", "b2", "c3")] == [200, 200, 507]


def test_want_of_memory_while_loading_is_507(model_folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path) -> Model:
        raise MemoryError

    monkeypatch.setattr(Model, "load", full)
    assert load(client(), "a1", model_folder()) == 507


def test_room_is_not_given_twice_to_models_that_come_at_once(
    model_folder: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = Model.load

    def slow(folder: Path) -> Model:
        time.sleep(0.02)
        return quick(folder)

    monkeypatch.setattr(Model, "load", slow)
    asked, url = application(Settings.read({**MANY, "MODELS_AT_MOST": "3"}), Path("/nonexistent")), model_folder()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda name: load(asked.test_client(), f"m{name}", url), range(8)))
    assert sorted(statuses) == [200] * 3 + [507] * 5


def test_a_long_list_comes_in_pages(model_folder: Write) -> None:
    asked, url = client({**MANY, "MODELS_PAGE": "2"}), model_folder()
    for name in ("a1", "b2", "c3"):
        load(asked, name, url)
    first = asked.get("/models").json
    assert first is not None and [item["modelName"] for item in first["models"]] == ["a1", "b2"]
    second = asked.get("/models", query_string={"next_page_token": first["nextPageToken"]}).json
    assert second is not None and [item["modelName"] for item in second["models"]] == ["c3"]
    assert "nextPageToken" not in second
    assert asked.get("/models?next_page_token=x").status_code == 400


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"model_name": "a"}', '{"model_name": 1, "url": "/x"}', "{"])
def test_what_names_no_model_is_400(body: str) -> None:
    assert client().post("/models", data=body, headers={"Content-Type": "application/json"}).status_code == 400


BROKEN: list[Any] = [
    "",
    "[]",
    {"labels": ["a"]},
    {"labels": ["a"], "centroids": []},
    {"labels": [], "centroids": []},
    {"labels": ["a", "b"], "centroids": [[1], [1, 2]]},
    {"labels": ["a"], "centroids": [["x"]]},
]


@pytest.mark.parametrize("content", BROKEN, ids=str)
def test_a_folder_that_is_no_model_is_400(content: Any, model_folder: Write) -> None:
    asked = client()
    assert load(asked, "a1", model_folder(content=content)) == 400
    assert names(asked) == []


def test_a_folder_that_is_not_there_is_400() -> None:
    assert load(client(), "a1", Path("/nonexistent")) == 400


REQUESTS = [
    (b"1,1", {"Content-Type": "text/csv; charset=utf-8", "Accept": "text/*"}, 200),
    (b"1,1", {"Content-Type": "text/csv", "Accept": "application/json"}, 406),
    (b"1,1", {"Content-Type": "application/json"}, 415),
    (b"1,1", {}, 415),
    (b"1,x", CSV, 400),
    (b"1,1\n1", CSV, 400),
    (b"\xff", CSV, 400),
]


@pytest.mark.parametrize(("body", "headers", "status"), REQUESTS)
def test_one_model_is_served_where_no_many_are_asked_for(
    body: bytes, headers: dict[str, str], status: int, model_folder: Write
) -> None:
    asked = client({}, model_folder())
    assert asked.post("/invocations", data=body, headers=headers).status_code == status
    assert asked.get("/models").status_code == 404


def test_one_model_that_is_broken_does_not_start() -> None:
    with pytest.raises(BrokenModel, match=r"/nonexistent/centroids.json is no model"):
        client({})


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "²"])
@pytest.mark.parametrize("name", ["MODELS_AT_MOST", "MODELS_MEMORY_MB", "MODELS_PAGE", "SAGEMAKER_BIND_TO_PORT"])
def test_a_setting_that_is_no_number_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        Settings.read({name: value})
