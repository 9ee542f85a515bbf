"""Endpoints: their states, who answers, updates without a gap and rolled back, and what outlives smlocal."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from smlocal.engine.scripted import Answer, Request, Run, Script
from smlocal.errors import EngineError, InvalidRequest, NotSupported
from tests.account.bench import ARN, Bench, document, echo, says, until, variant
from tests.account.conftest import Killed

PING = (
    "The primary container for production variant AllTraffic did not pass the ping health check."
    " Please check CloudWatch logs for this endpoint."
)


def slow(bench: Bench, image: str = "slow") -> threading.Event:
    """An image whose containers are healthy once the event is set."""
    ready = threading.Event()

    def answer(request: Request) -> Answer:
        if request.path == "/ping":
            return Answer(200 if ready.is_set() else 503)
        return Answer(200, image.encode())

    bench.engine.add_image(image, Script(handler=answer))
    return ready


def test_an_endpoint_is_created_and_comes_into_service(bench: Bench) -> None:
    ready = slow(bench)
    bench.model(image="slow")
    bench.config()
    assert bench.deploy("My-Endpoint") == {"EndpointArn": f"{ARN}:endpoint/my-endpoint"}
    creating = bench.endpoint("My-Endpoint")
    assert creating["EndpointStatus"] == "Creating"
    assert "ProductionVariants" not in creating
    (pending,) = creating["PendingDeploymentSummary"]["ProductionVariants"]
    assert (pending["DesiredInstanceCount"], pending["InstanceType"]) == (1, "ml.m5.large")
    assert "CurrentWeight" not in pending
    ready.set()
    assert bench.settled("My-Endpoint")["EndpointStatus"] == "InService"


def test_an_endpoint_in_service_is_described_as_aws_describes_it(bench: Bench) -> None:
    found = bench.deployed()
    (shown,) = found.pop("ProductionVariants")
    (image,) = shown.pop("DeployedImages")
    assert shown == {
        "VariantName": "AllTraffic",
        "CurrentWeight": 1.0,
        "DesiredWeight": 1.0,
        "CurrentInstanceCount": 1,
        "DesiredInstanceCount": 1,
    }
    assert image["SpecifiedImage"] == "echo"
    assert image["ResolvedImage"].startswith("echo@sha256:")
    assert found.pop("LastModifiedTime") > found.pop("CreationTime")
    assert found == {
        "EndpointName": "endpoint",
        "EndpointArn": f"{ARN}:endpoint/endpoint",
        "EndpointConfigName": "config",
        "EndpointStatus": "InService",
    }


def test_an_invocation_is_answered_and_the_variant_told(bench: Bench) -> None:
    bench.deployed()
    invocation = bench.invoke(b"1,2\n")
    assert (invocation.status, invocation.body) == (200, b"1,2\n")
    assert invocation.headers["x-amzn-invoked-production-variant"] == "AllTraffic"


def test_a_broken_container_fails_the_endpoint_and_its_log_says_why(bench: Bench) -> None:
    found = bench.deployed(image="sick")
    assert (found["EndpointStatus"], found["FailureReason"]) == ("Failed", PING)
    assert found.keys().isdisjoint({"ProductionVariants", "PendingDeploymentSummary"})
    (line,) = bench.logs.streams["/aws/sagemaker/Endpoints/endpoint", "smlocal"]
    assert "The container exited with code 7" in line
    assert bench.launcher.mine() == []


def test_one_container_of_several_that_does_not_come_up_ends_the_others(bench: Bench) -> None:
    count = itertools.count()

    def program(run: Run) -> int:
        return Script(handler=echo)(run) if next(count) != 1 else 7

    bench.engine.add_image("half", program)
    found = bench.deployed(variant(InitialInstanceCount=3), image="half")
    assert (found["EndpointStatus"], found["FailureReason"]) == ("Failed", PING)
    until(bench.launcher.mine, lambda left: left == [])


def test_an_image_that_went_fails_the_endpoint_in_the_platforms_words(bench: Bench) -> None:
    bench.model()
    bench.config("config", variant("green"))
    bench.engine.remove_image("echo")
    bench.deploy()
    assert bench.settled()["FailureReason"] == (
        "Please make sure all images included in the model for the production variant green exist,"
        " and that the execution role used to create the model has permissions to access them."
    )


def test_model_data_that_went_fails_the_endpoint(bench: Bench) -> None:
    bench.model()
    bench.config()
    bench.store.delete("bucket", "model.tar.gz")
    bench.deploy()
    assert bench.settled()["FailureReason"] == "Could not find model data at s3://bucket/model.tar.gz."


def test_an_engine_that_fails_is_the_platforms_fault(bench: Bench) -> None:
    bench.model()
    bench.config()
    bench.engine.fail("create_container", EngineError("the engine is out of order"))
    bench.deploy()
    assert bench.settled()["FailureReason"] == (
        "Request to service failed. If failure persists after retry, contact customer support."
        " (the engine is out of order)"
    )


# who answers


def test_variants_share_by_weight_and_a_target_goes_before(bench: Bench) -> None:
    """Of 3 to 1, a share of 0.75 within five standard deviations."""
    bench.engine.add_image("blue", says("blue"))
    bench.engine.add_image("green", says("green"))
    bench.model("blue", "blue")
    bench.model("green", "green")
    bench.config(
        "config",
        variant("B", ModelName="blue", InitialVariantWeight=3.0),
        variant("G", ModelName="green", InitialVariantWeight=1.0),
    )
    bench.deploy()
    bench.settled()
    told = Counter(bench.invoke().headers["x-amzn-invoked-production-variant"] for _ in range(150))
    assert set(told) == {"B", "G"}
    assert abs(told["B"] / 150 - 0.75) < 5 * (0.75 * 0.25 / 150) ** 0.5
    assert {bench.invoke(target="G").body for _ in range(20)} == {b"green"}
    assert {bench.invoke(target="B").body for _ in range(20)} == {b"blue"}
    refused = bench.invoke(target="R")
    assert (refused.status, document(refused)) == (
        400,
        {"Message": "Endpoint endpoint has no production variant R; it has B, G."},
    )


def test_requests_are_spread_over_the_instances_of_a_variant(bench: Bench) -> None:
    seen: list[str] = []

    def program(run: Run) -> int:
        def answer(request: Request) -> Answer:
            return Answer(200, b"" if request.path == "/ping" else run.spec.name.encode())

        seen.append(run.spec.name)
        return Script(handler=answer)(run)

    bench.engine.add_image("named", program)
    bench.deployed(variant(InitialInstanceCount=3), image="named")
    assert len(seen) == 3
    answers = Counter(bench.invoke().body.decode() for _ in range(30))
    assert answers == dict.fromkeys(seen, 10)
    assert bench.endpoint()["ProductionVariants"][0]["CurrentInstanceCount"] == 3


def test_an_instance_that_ended_gets_no_more_requests_while_another_stands(bench: Bench) -> None:
    started = mortal(bench, InitialInstanceCount=2)
    started[0].deliver("SIGTERM")
    until(lambda: [bench.invoke().status for _ in range(4)], lambda found: set(found) == {200})


def mortal(bench: Bench, **variant_: Any) -> list[Run]:
    """An endpoint whose containers end when they are told; gives all that ever ran."""
    started: list[Run] = []

    def program(run: Run) -> int:
        started.append(run)
        return Script(handler=echo)(run)

    bench.engine.add_image("mortal", program)
    bench.deployed(variant(**variant_), image="mortal")
    return started


def test_a_container_that_ends_by_itself_is_replaced_and_the_endpoint_stays_in_service(bench: Bench) -> None:
    started = mortal(bench)
    started[0].deliver("SIGTERM")
    until(lambda: len(started), lambda count: count == 2)
    until(lambda: bench.invoke(b"again").body, lambda body: body == b"again")
    until(bench.servers, lambda count: count == 1)
    assert bench.endpoint()["EndpointStatus"] == "InService"


def test_a_container_that_is_unhealthy_is_replaced(bench: Bench) -> None:
    started: list[Run] = []

    def program(run: Run) -> int:
        started.append(run)
        sick = len(started) == 1

        def answer(request: Request) -> Answer:
            ill = sick and asked and request.path == "/ping"
            if request.path == "/invocations":
                asked.append(request)
            return Answer(500 if ill else 200, request.body)

        return Script(handler=answer)(run)

    asked: list[Request] = []
    bench.engine.add_image("sickens", program)
    bench.deployed(image="sickens")
    bench.invoke()
    until(lambda: len(started), lambda count: count == 2)
    until(bench.servers, lambda count: count == 1)
    assert bench.invoke(b"well").body == b"well"


def test_a_container_whose_replacement_does_not_come_up_is_tried_again_and_ends_with_its_endpoint(
    bench: Bench,
) -> None:
    started = mortal(bench, InitialInstanceCount=2)
    bench.engine.add_image("mortal", Script(exit_code=7))
    started[0].deliver("SIGTERM")
    until(lambda: bench.logs.streams.get(("/aws/sagemaker/Endpoints/endpoint", "smlocal"), []), lambda lines: lines[1:])
    assert {bench.invoke(b"x").body for _ in range(5)} == {b"x"}
    assert bench.endpoint()["EndpointStatus"] == "InService"
    bench.account.delete_endpoint({"EndpointName": "endpoint"})
    bench.gone(bench.endpoint)
    until(bench.launcher.mine, lambda left: left == [])


def test_each_instance_has_a_log_stream_of_its_own(bench: Bench) -> None:
    bench.engine.add_image("speaks", Script(output=["up\n"], handler=echo))
    bench.deployed(variant("green", InitialInstanceCount=2), image="speaks")
    until(lambda: len(bench.logs.streams), lambda count: count == 2)
    for group, stream in bench.logs.streams:
        name, _, instance = stream.partition("/")
        assert (group, name, instance[:2], len(instance)) == ("/aws/sagemaker/Endpoints/endpoint", "green", "i-", 19)
        assert bench.logs.streams[group, stream] == ["up"]


def test_an_endpoint_that_does_not_serve_says_so(bench: Bench) -> None:
    ready = slow(bench)
    assert document(bench.invoke(name="nobody")) == {"Message": "Endpoint nobody of account 000000000000 not found."}
    bench.model(image="slow")
    bench.config()
    bench.deploy()
    assert "is still being created" in document(bench.invoke())["Message"]
    ready.set()
    bench.settled()
    bench.model("bad", "sick")
    bench.config("bad", variant(ModelName="bad"))
    bench.deploy("bad", "bad")
    bench.settled("bad")
    invocation = bench.invoke(name="bad")
    assert (invocation.status, invocation.headers["x-amzn-errortype"]) == (400, "ValidationError")
    assert document(invocation)["Message"].endswith("is not in service: its status is Failed.")


def test_several_endpoints_stand_at_once(bench: Bench) -> None:
    bench.model()
    bench.config()
    names = [f"endpoint-{number}" for number in range(4)]
    for name in names:
        bench.deploy(name)
    for name in names:
        bench.settled(name)
        assert bench.invoke(name.encode(), name).body == name.encode()


# updates


def second(bench: Bench, image: str, **changes: Any) -> None:
    """Another model and configuration, called "second"."""
    bench.model("second", image)
    bench.config("second", variant(ModelName="second", **changes))


def update(bench: Bench, **changes: Any) -> dict[str, Any]:
    return bench.account.update_endpoint({"EndpointName": "endpoint", "EndpointConfigName": "second", **changes})


def test_an_update_has_no_gap_and_leaves_nothing_of_the_old_containers(bench: Bench) -> None:
    bench.engine.add_image("one", says("one"))
    bench.deployed(image="one")
    ready = slow(bench, "two")
    second(bench, "two")
    assert update(bench) == {"EndpointArn": f"{ARN}:endpoint/endpoint"}
    updating = bench.endpoint()
    assert (updating["EndpointStatus"], updating["EndpointConfigName"]) == ("Updating", "config")
    assert updating["PendingDeploymentSummary"]["EndpointConfigName"] == "second"
    answers: list[tuple[int, bytes]] = []
    done = threading.Event()

    def hammer() -> None:
        while not done.is_set():
            invocation = bench.invoke()
            answers.append((invocation.status, invocation.body))

    clients = [threading.Thread(target=hammer) for _ in range(3)]
    for client in clients:
        client.start()
    until(lambda: len(answers), lambda count: count > 20)
    ready.set()
    found = bench.settled()
    until(lambda: answers[-1], lambda last: last == (200, b"two"))
    done.set()
    for client in clients:
        client.join()
    assert set(answers) == {(200, b"one"), (200, b"two")}
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "second")
    assert "PendingDeploymentSummary" not in found
    until(bench.servers, lambda count: count == 1)


def test_answers_under_way_are_waited_for_before_an_old_container_goes(bench: Bench) -> None:
    going, asked = threading.Event(), threading.Event()

    def answer(request: Request) -> Answer:
        if request.path == "/invocations":
            asked.set()
            going.wait(5)
        return Answer(200, b"old")

    bench.engine.add_image("old", Script(handler=answer))
    bench.deployed(image="old")
    got: list[bytes] = []
    client = threading.Thread(target=lambda: got.append(bench.invoke().body))
    client.start()
    assert asked.wait(5)
    second(bench, "echo")
    update(bench)
    until(bench.endpoint, lambda found: found["EndpointConfigName"] == "second")
    threading.Event().wait(0.7)  # longer than a container has after SIGTERM
    assert bench.servers() == 2
    going.set()
    client.join()
    assert got == [b"old"]


def test_a_failed_update_is_rolled_back_and_the_old_containers_serve_on(bench: Bench) -> None:
    bench.deployed()
    second(bench, "sick")
    update(bench)
    found = bench.settled()
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "config")
    assert found["FailureReason"] == PING
    assert "PendingDeploymentSummary" not in found
    assert bench.invoke(b"still here").body == b"still here"
    assert bench.servers() == 1
    events = (bench.folder / "accounts/000000000000/us-east-1/log.jsonl").read_text().splitlines()
    whats = [line.split('"what":"')[1].split('"')[0] for line in events if '"endpoint/endpoint"' in line]
    assert whats == ["created", "InService", "Updating", "RollingBack", "InService"]


def test_a_good_update_takes_the_old_failure_back(bench: Bench) -> None:
    bench.deployed()
    second(bench, "sick")
    update(bench)
    assert "FailureReason" in bench.settled()
    bench.config("third", variant(InitialInstanceCount=2))
    update(bench, EndpointConfigName="third")
    assert "FailureReason" not in bench.settled()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (1, 1.0)),
        ({"RetainAllVariantProperties": True}, (2, 5.0)),
        (
            {
                "RetainAllVariantProperties": True,
                "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
            },
            (2, 1.0),
        ),
    ],
)
def test_an_update_keeps_weights_and_counts_when_asked(
    options: dict[str, Any], expected: tuple[int, float], bench: Bench
) -> None:
    bench.deployed(variant(InitialInstanceCount=2, InitialVariantWeight=5.0))
    second(bench, "echo")
    update(bench, **options)
    (shown,) = bench.settled()["ProductionVariants"]
    assert (shown["CurrentInstanceCount"], shown["CurrentWeight"]) == expected


def test_weights_and_counts_change_and_what_stands_stays(bench: Bench) -> None:
    names: list[str] = []

    def program(run: Run) -> int:
        names.append(run.spec.name)
        return Script(handler=echo)(run)

    bench.engine.add_image("counted", program)
    bench.deployed(variant("A"), variant("B"), image="counted")
    wishes = [
        {"VariantName": "A", "DesiredInstanceCount": 3},
        {"VariantName": "B", "DesiredWeight": 0.0},
    ]
    request = {"EndpointName": "endpoint", "DesiredWeightsAndCapacities": wishes}
    assert bench.account.update_endpoint_weights_and_capacities(request) == {"EndpointArn": f"{ARN}:endpoint/endpoint"}
    shown = bench.settled()["ProductionVariants"]
    assert [(item["CurrentInstanceCount"], item["CurrentWeight"]) for item in shown] == [(3, 1.0), (1, 0.0)]
    assert len(names) == 4
    assert {bench.invoke().headers["x-amzn-invoked-production-variant"] for _ in range(50)} == {"A"}
    wishes[0]["DesiredInstanceCount"] = 1
    bench.account.update_endpoint_weights_and_capacities(request)
    bench.settled()
    until(bench.servers, lambda count: count == 2)
    assert len(names) == 4
    assert bench.invoke().status == 200


def test_more_containers_that_do_not_come_up_are_rolled_back(bench: Bench) -> None:
    bench.deployed()
    bench.engine.add_image("echo", Script(exit_code=7))
    wishes = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}]
    bench.account.update_endpoint_weights_and_capacities(
        {"EndpointName": "endpoint", "DesiredWeightsAndCapacities": wishes}
    )
    found = bench.settled()
    (shown,) = found["ProductionVariants"]
    assert (found["EndpointStatus"], found["FailureReason"], shown["DesiredInstanceCount"]) == ("InService", PING, 1)
    assert bench.invoke(b"x").body == b"x"
    assert bench.servers() == 1


# delete


def test_a_deleted_endpoint_is_deleting_and_then_gone_and_its_name_free(bench: Bench) -> None:
    bench.deployed()
    assert bench.account.delete_endpoint({"EndpointName": "endpoint"}) == {}
    bench.gone(bench.endpoint)
    assert bench.launcher.mine() == []
    assert document(bench.invoke())["Message"] == "Endpoint endpoint of account 000000000000 not found."
    bench.deploy()
    assert bench.settled()["EndpointStatus"] == "InService"


def test_a_failed_endpoint_can_be_deleted_and_nothing_else(bench: Bench) -> None:
    bench.deployed(image="sick")
    second(bench, "echo")
    with pytest.raises(InvalidRequest) as refused:
        update(bench)
    assert str(refused.value) == f'Cannot update endpoint "{ARN}:endpoint/endpoint" in status Failed: delete it.'
    bench.account.delete_endpoint({"EndpointName": "endpoint"})
    bench.gone(bench.endpoint)


IN_PROGRESS: dict[str, Callable[[Bench], Any]] = {
    "delete": lambda bench: bench.account.delete_endpoint({"EndpointName": "endpoint"}),
    "update": update,
    "weights": lambda bench: bench.account.update_endpoint_weights_and_capacities(
        {"EndpointName": "endpoint", "DesiredWeightsAndCapacities": [{"VariantName": "AllTraffic"}]}
    ),
}


@pytest.mark.parametrize("case", IN_PROGRESS)
def test_what_is_under_way_is_not_disturbed(case: str, bench: Bench) -> None:
    ready = slow(bench)
    bench.model(image="slow")
    bench.config()
    second(bench, "slow")
    bench.deploy()
    with pytest.raises(InvalidRequest) as refused:
        IN_PROGRESS[case](bench)
    assert str(refused.value) == f'Cannot update in-progress endpoint "{ARN}:endpoint/endpoint".'
    ready.set()
    bench.settled()
    ready.clear()
    update(bench)
    with pytest.raises(InvalidRequest, match="in-progress"):
        IN_PROGRESS[case](bench)
    ready.set()
    bench.settled()


def test_what_an_endpoint_is_made_of_may_be_deleted_meanwhile(bench: Bench) -> None:
    bench.deployed()
    bench.account.delete_endpoint_config({"EndpointConfigName": "config"})
    bench.account.delete_model({"ModelName": "model"})
    assert bench.invoke(b"x").body == b"x"
    wishes = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}]
    bench.account.update_endpoint_weights_and_capacities(
        {"EndpointName": "endpoint", "DesiredWeightsAndCapacities": wishes}
    )
    assert bench.settled()["ProductionVariants"][0]["CurrentInstanceCount"] == 2


# what is refused


def test_what_there_is_not_and_what_there_is_already_is_refused_in_aws_words(bench: Bench) -> None:
    missing = f'Could not find endpoint "{ARN}:endpoint/nobody".'
    for call in ("describe_endpoint", "delete_endpoint"):
        with pytest.raises(InvalidRequest) as refused:
            getattr(bench.account, call)({"EndpointName": "nobody"})
        assert str(refused.value) == missing
    for call, rest in (
        ("update_endpoint", {"EndpointConfigName": "config"}),
        ("update_endpoint_weights_and_capacities", {"DesiredWeightsAndCapacities": []}),
    ):
        with pytest.raises(InvalidRequest) as refused:
            getattr(bench.account, call)({"EndpointName": "nobody", **rest})
        assert str(refused.value) == missing
    with pytest.raises(InvalidRequest) as refused:
        bench.deploy(config="nobody")
    assert str(refused.value) == f'Could not find endpoint configuration "{ARN}:endpoint-config/nobody".'
    bench.deployed()
    for name in ("endpoint", "Endpoint"):
        with pytest.raises(InvalidRequest) as refused:
            bench.deploy(name)
        assert str(refused.value) == f'Cannot create already existing endpoint "{ARN}:endpoint/endpoint".'
    with pytest.raises(InvalidRequest, match="has no variant B; it has AllTraffic"):
        bench.account.update_endpoint_weights_and_capacities(
            {"EndpointName": "endpoint", "DesiredWeightsAndCapacities": [{"VariantName": "B", "DesiredWeight": 1.0}]}
        )


def test_what_smlocal_lacks_is_refused_by_name(bench: Bench) -> None:
    bench.deployed()
    second(bench, "echo")
    policy = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "CANARY"}}}
    with pytest.raises(NotSupported, match="DeploymentConfig"):
        update(bench, DeploymentConfig=policy)
    with pytest.raises(NotSupported, match="DeploymentConfig"):
        bench.deploy("other", DeploymentConfig=policy)
    wish = {"VariantName": "AllTraffic", "ServerlessUpdateConfig": {"MaxConcurrency": 2}}
    with pytest.raises(NotSupported, match="ServerlessUpdateConfig"):
        bench.account.update_endpoint_weights_and_capacities(
            {"EndpointName": "endpoint", "DesiredWeightsAndCapacities": [wish]}
        )


# the log


def test_an_endpoint_in_service_is_brought_up_again_by_the_next_process(bench: Bench, killed: Killed) -> None:
    bench.deployed(variant(InitialInstanceCount=2))
    bench.account.delete_model({"ModelName": "model"})
    later = killed(bench)
    assert later.endpoint()["EndpointStatus"] in ("SystemUpdating", "InService")
    found = later.settled()
    assert found["CreationTime"] == bench.endpoint()["CreationTime"]
    assert later.invoke(b"x").body == b"x"
    assert later.servers() == 2


def test_while_an_endpoint_is_brought_up_again_clients_are_told_to_try_again(
    bench: Bench, new_bench: Callable[..., Bench], killed: Killed
) -> None:
    bench.deployed()
    later = bench.killed(bench.folder.parent / "later")
    ready = slow(later, "echo")
    later.account.resume()
    invocation = later.invoke()
    assert (invocation.status, invocation.headers["x-amzn-errortype"]) == (503, "ServiceUnavailable")
    ready.set()
    later.settled()
    later.close()


def test_an_update_that_was_killed_is_rolled_back_and_says_so(bench: Bench, killed: Killed) -> None:
    bench.deployed()
    ready = slow(bench)
    second(bench, "slow")
    update(bench)
    later = killed(bench)
    found = later.settled()
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "config")
    assert found["FailureReason"] == "The update was broken off: smlocal was ended meanwhile."
    ready.set()
    bench.settled()


def test_an_endpoint_that_was_being_created_is_created_and_a_failed_one_stays(bench: Bench, killed: Killed) -> None:
    bench.model("bad", "sick")
    bench.config("bad", variant(ModelName="bad"))
    bench.deploy("failed", "bad")
    bench.settled("failed")
    ready = slow(bench)
    bench.model(image="slow")
    bench.config()
    bench.deploy("creating")
    later = bench.killed(bench.folder.parent / "later")
    later.engine.add_image("slow", says("hello"))
    later.account.resume()
    assert later.settled("creating").get("FailureReason") is None
    assert later.endpoint("creating")["EndpointStatus"] == "InService"
    assert later.endpoint("failed") == bench.endpoint("failed")
    later.close()
    ready.set()


def test_a_clean_end_removes_all_containers_and_the_endpoint_comes_back(bench: Bench) -> None:
    bench.deployed()
    bench.account.close()
    assert bench.launcher.mine() == []
    bench.account = bench.open()
    bench.account.resume()
    bench.settled()
    assert bench.invoke(b"x").body == b"x"


def test_a_clean_end_breaks_off_what_is_under_way(bench: Bench) -> None:
    slow(bench)
    bench.model(image="slow")
    bench.config()
    bench.deploy()
    bench.account.close()
    assert bench.launcher.mine() == []
