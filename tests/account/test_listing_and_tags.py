"""List calls: filters, order, pages whose tokens survive; and tags by ARN."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smlocal.account.listing import Listing, page
from smlocal.errors import InvalidRequest, ResourceLimitExceeded
from tests.account.bench import ARN, Bench

LISTING = Listing("Things", "Thing", ("ThingName", "ThingStatus", "CreationTime"))
START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def thing(number: int, status: str = "Good", seconds: float | None = None) -> dict[str, Any]:
    created = START + timedelta(seconds=number if seconds is None else seconds)
    return {"ThingName": f"thing-{number:02}", "ThingStatus": status, "CreationTime": created, "_Hidden": 1}


THINGS = [thing(number, "Good" if number % 3 else "Bad") for number in range(12)]


def names(request: dict[str, Any], things: list[dict[str, Any]] | None = None) -> list[int]:
    found = page(LISTING, THINGS if things is None else things, {"MaxResults": 100, **request})
    return [int(item["ThingName"][-2:]) for item in found["Things"]]


def test_a_summary_has_its_members_and_no_other() -> None:
    (found,) = page(LISTING, [thing(1)], {})["Things"]
    assert found == {"ThingName": "thing-01", "ThingStatus": "Good", "CreationTime": START + timedelta(seconds=1)}


def test_the_newest_come_first_unless_asked_and_ten_are_a_page() -> None:
    found = page(LISTING, THINGS, {})
    assert [item["ThingName"] for item in found["Things"]] == [f"thing-{number:02}" for number in range(11, 1, -1)]
    assert "NextToken" in found
    assert names({"SortOrder": "Ascending"}) == list(range(12))
    assert names({"SortBy": "Name", "SortOrder": "Ascending"}) == list(range(12))
    assert names({"SortBy": "Status", "SortOrder": "Ascending"})[:4] == [0, 3, 6, 9]


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({"NameContains": "1"}, [11, 10, 1]),
    ({"NameContains": "THING-0"}, list(range(9, -1, -1))),
    ({"StatusEquals": "Bad"}, [9, 6, 3, 0]),
    ({"CreationTimeAfter": START + timedelta(seconds=9)}, [11, 10, 9]),
    ({"CreationTimeBefore": START + timedelta(seconds=2)}, [1, 0]),
    ({"CreationTimeBefore": datetime(2026, 1, 1, 0, 0, 2)}, [1, 0]),
    ({"CreationTimeAfter": START + timedelta(seconds=3), "CreationTimeBefore": START + timedelta(seconds=5)}, [4, 3]),
    ({"NameContains": "nothing"}, []),
]


@pytest.mark.parametrize(("request_", "expected"), FILTERS)
def test_filters_narrow_what_is_listed(request_: dict[str, Any], expected: list[int]) -> None:
    assert names(request_) == expected


@settings(deadline=None)
@given(
    seconds=st.lists(st.integers(0, 3), min_size=1, max_size=20),
    size=st.integers(1, 5),
    order=st.sampled_from(["Ascending", "Descending"]),
    by=st.sampled_from(["CreationTime", "Name", "Status"]),
    data=st.data(),
)
def test_pages_give_each_thing_that_stays_once_whatever_comes_and_goes(
    seconds: list[int], size: int, order: str, by: str, data: st.DataObject
) -> None:
    """Also when many are alike in what is sorted by."""
    things = [thing(number, "Good" if second % 2 else "Bad", second) for number, second in enumerate(seconds)]
    staying = {item["ThingName"] for item in things}
    request: dict[str, Any] = {"MaxResults": size, "SortOrder": order, "SortBy": by}
    seen: list[str] = []
    number = len(things)
    while True:
        found = page(LISTING, things, request)
        seen += [item["ThingName"] for item in found["Things"]]
        if "NextToken" not in found:
            break
        assert len(found["Things"]) == size
        request = {**request, "NextToken": found["NextToken"]}
        if data.draw(st.booleans()) and number < 40:
            things = [*things, thing(number, "Good", data.draw(st.integers(0, 3)))]
            number += 1
        if len(things) > 1 and data.draw(st.booleans()):
            gone = things[data.draw(st.integers(0, len(things) - 1))]
            things = [item for item in things if item is not gone]
            staying.discard(gone["ThingName"])
    assert len(seen) == len(set(seen))
    assert staying <= set(seen)


@pytest.mark.parametrize("token", ["x", "bm90IGpzb24=", "WzEsMl0=", "é"])
def test_a_token_that_is_none_is_refused(token: str) -> None:
    with pytest.raises(InvalidRequest, match="NextToken"):
        page(LISTING, THINGS, {"NextToken": token})


@pytest.mark.parametrize("other", [{"SortBy": "Name"}, {"NameContains": "1"}, {"SortOrder": "Ascending"}])
def test_a_token_of_another_question_is_refused(other: dict[str, Any]) -> None:
    token = page(LISTING, THINGS, {"MaxResults": 2})["NextToken"]
    with pytest.raises(InvalidRequest, match="other filters"):
        page(LISTING, THINGS, {"NextToken": token, **other})
    assert len(page(LISTING, THINGS, {"MaxResults": 5, "NextToken": token})["Things"]) == 5


def test_training_jobs_are_listed_oldest_first_and_a_status_thins_their_pages(bench: Bench) -> None:
    """API ListTrainingJobs: the page is taken first and then filtered by its status."""
    for name, image in (("a", "trains"), ("b", "fails"), ("c", "trains")):
        bench.train(name, image)
        bench.trained(name)
    listed = bench.account.list_training_jobs
    assert [item["TrainingJobName"] for item in listed({})["TrainingJobSummaries"]] == ["a", "b", "c"]
    first = listed({"StatusEquals": "Failed", "MaxResults": 1})
    assert first["TrainingJobSummaries"] == []
    following = listed({"StatusEquals": "Failed", "MaxResults": 1, "NextToken": first["NextToken"]})
    assert [item["TrainingJobName"] for item in following["TrainingJobSummaries"]] == ["b"]
    assert listed({"WarmPoolStatusEquals": "InUse"}) == {"TrainingJobSummaries": []}
    found, described = listed({})["TrainingJobSummaries"][0], bench.job("a")
    assert found == {key: described[key] for key in found}
    assert set(found) == {
        "TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingEndTime", "LastModifiedTime",
        "TrainingJobStatus", "SecondaryStatus",
    }  # fmt: skip


def test_endpoints_are_listed_by_status_and_change(bench: Bench) -> None:
    bench.deployed()
    described = bench.endpoint()
    (found,) = bench.account.list_endpoints({"StatusEquals": "InService"})["Endpoints"]
    assert found == {key: described[key] for key in found}
    after = described["LastModifiedTime"] + timedelta(seconds=1)
    assert bench.account.list_endpoints({"LastModifiedTimeAfter": after}) == {"Endpoints": []}


# tags

MAKERS: dict[str, Callable[[Bench, list[dict[str, str]]], dict[str, str]]] = {
    "training-job": lambda bench, tags: bench.train("thing", Tags=tags),
    "transform-job": lambda bench, tags: bench.transform("thing", "other", Tags=tags),
    "model": lambda bench, tags: bench.model("thing", Tags=tags),
    "endpoint-config": lambda bench, tags: bench.config("thing", _variant(), Tags=tags),
    "endpoint": lambda bench, tags: bench.deploy("thing", "other", Tags=tags),
}


def _variant() -> dict[str, Any]:
    return {"VariantName": "A", "ModelName": "other", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


@pytest.mark.parametrize("kind", MAKERS)
def test_everything_that_has_an_arn_has_tags(kind: str, bench: Bench) -> None:
    bench.model("other")
    bench.config("other", _variant())
    (arn,) = MAKERS[kind](bench, [{"Key": "a", "Value": "1"}]).values()
    assert arn == f"{ARN}:{kind}/thing"
    account = bench.account
    assert account.list_tags({"ResourceArn": arn}) == {"Tags": [{"Key": "a", "Value": "1"}]}
    added = account.add_tags({"ResourceArn": arn, "Tags": [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}]})
    assert added == {"Tags": [{"Key": "a", "Value": "3"}, {"Key": "b", "Value": "2"}]}
    assert account.delete_tags({"ResourceArn": arn, "TagKeys": ["a", "unknown"]}) == {}
    assert account.list_tags({"ResourceArn": arn}) == {"Tags": [{"Key": "b", "Value": "2"}]}


def test_tags_of_what_there_is_not_are_refused(bench: Bench) -> None:
    arn = f"{ARN}:model/nobody"
    for call, rest in (("add_tags", {"Tags": []}), ("list_tags", {}), ("delete_tags", {"TagKeys": ["a"]})):
        with pytest.raises(InvalidRequest) as refused:
            getattr(bench.account, call)({"ResourceArn": arn, **rest})
        assert str(refused.value) == f'Could not find resource "{arn}".'


def test_a_deleted_things_tags_do_not_come_back_with_its_name(bench: Bench) -> None:
    bench.model(Tags=[{"Key": "a", "Value": "1"}])
    bench.account.delete_model({"ModelName": "model"})
    bench.model()
    assert bench.account.list_tags({"ResourceArn": f"{ARN}:model/model"}) == {"Tags": []}


def test_too_many_tags_are_refused_and_none_is_added(bench: Bench) -> None:
    bench.model(Tags=[{"Key": f"{number:02}", "Value": "x"} for number in range(49)])
    arn = f"{ARN}:model/model"
    with pytest.raises(ResourceLimitExceeded):
        bench.account.add_tags({"ResourceArn": arn, "Tags": [{"Key": key, "Value": "x"} for key in ("x", "y")]})
    found = bench.account.list_tags({"ResourceArn": arn, "MaxResults": 50})
    assert len(found["Tags"]) == 49
    assert "NextToken" not in found
