"""What moto answers through the gateway, to real clients; and what of moto is never seen."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from smlocal.aws.errors import AwsError
from smlocal.aws.moto import MotoService
from smlocal.aws.own import OwnAnswers
from smlocal.aws.wire import Call, Reply, Scope
from smlocal.http_client import Headers
from tests.aws.fronts import Echo, Front, fronted, head, pieces_of

ACCOUNT, ROLE = "111122223333", "smlocal"
TRUST = '{"Version": "2012-10-17", "Statement": []}'


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    moto = MotoService(ACCOUNT, "us-east-1", ROLE)
    own = OwnAnswers(ACCOUNT, "us-east-1", ROLE, moto, lambda: datetime.now(timezone.utc))
    with fronted(moto, {"sts": own.sts, "iam": own.iam, "ecr": own.ecr}) as found:
        yield found
    moto.close()


def test_roles_are_kept_under_the_account_of_the_settings(front: Front) -> None:
    iam = front.client("iam")
    made = iam.create_role(RoleName="mine", AssumeRolePolicyDocument=TRUST)["Role"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/mine"
    assert iam.get_role(RoleName="mine")["Role"]["AssumeRolePolicyDocument"]["Version"] == "2012-10-17"
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="nobodys")


def test_who_calls_is_the_execution_role_which_exists(front: Front) -> None:
    identity = front.client("sts").get_caller_identity()
    assert identity["Account"] == ACCOUNT
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/SageMaker"
    role = front.client("iam").get_role(RoleName=identity["Arn"].split("/")[1])["Role"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "sagemaker.amazonaws.com"}


def test_who_assumed_a_role_is_that_role(front: Front) -> None:
    front.client("iam").create_role(RoleName="other", AssumeRolePolicyDocument=TRUST)
    assumed = front.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/other", RoleSessionName="me")
    keys = assumed["Credentials"]
    from smlocal.aws_clients import Credentials

    credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    assert front.client("sts", credentials).get_caller_identity()["Arn"].endswith(":assumed-role/other/me")
    unknown = Credentials("ASIAAAAAAAAAAAAAAAAA", "x")
    assert f"/{ROLE}/" in front.client("sts", unknown).get_caller_identity()["Arn"]


def test_everything_is_allowed_for_everyone(front: Front) -> None:
    paginator = front.client("iam").get_paginator("simulate_principal_policy")
    pages = paginator.paginate(
        PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/{ROLE}",
        ActionNames=["s3:GetObject", "sagemaker:CreateModel"],
        ResourceArns=["arn:aws:s3:::a&b", "*"],
    )
    results = [result for page in pages for result in page["EvaluationResults"]]
    assert {(r["EvalActionName"], r["EvalResourceName"]) for r in results} == {
        (action, resource)
        for action in ("s3:GetObject", "sagemaker:CreateModel")
        for resource in ("arn:aws:s3:::a&b", "*")
    }
    assert {result["EvalDecision"] for result in results} == {"allowed"}


def test_a_repository_and_a_token_that_has_not_expired(front: Front) -> None:
    ecr = front.client("ecr")
    made = ecr.create_repository(repositoryName="mine")["repository"]
    assert made["repositoryUri"] == f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/mine"
    assert ecr.describe_repositories()["repositories"][0]["repositoryName"] == "mine"
    [token] = ecr.get_authorization_token()["authorizationData"]
    left = token["expiresAt"] - datetime.now(timezone.utc)
    assert timedelta(hours=11) < left <= timedelta(hours=12)
    assert token["proxyEndpoint"] == f"https://{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"


def test_log_events_come_back_as_they_were_put(front: Front) -> None:
    logs = front.client("logs")
    logs.create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
    logs.create_log_stream(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName="j/algo-1")
    stream = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamName": "j/algo-1"}
    now = int(time.time() * 1000)
    logs.put_log_events(**stream, logEvents=[{"timestamp": now, "message": "é #011 \u2028"}])
    [event] = logs.get_log_events(**stream)["events"]
    assert (event["timestamp"], event["message"]) == (now, "é #011 \u2028")


def test_metrics_come_back_as_they_were_put(front: Front) -> None:
    cloudwatch = front.client("cloudwatch")
    now = datetime.now(timezone.utc)
    cloudwatch.put_metric_data(Namespace="n", MetricData=[{"MetricName": "loss", "Value": 0.5, "Timestamp": now}])
    [point] = cloudwatch.get_metric_statistics(
        Namespace="n",
        MetricName="loss",
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=60,
        Statistics=["Average"],
    )["Datapoints"]
    assert point["Average"] == 0.5


@pytest.mark.parametrize(
    ("service", "operation", "request_", "name"),
    [
        ("logs", "list_anomalies", {}, "ListAnomalies"),
        ("cloudwatch", "list_metric_streams", {}, "ListMetricStreams"),
        ("ec2", "describe_fast_launch_images", {}, "DescribeFastLaunchImages"),
        ("iam", "get_context_keys_for_custom_policy", {"PolicyInputList": ["{}"]}, "GetContextKeysForCustomPolicy"),
        ("ecr", "describe_pull_through_cache_rules", {}, "DescribePullThroughCacheRules"),
    ],
)
def test_what_moto_lacks_is_refused_by_name_and_never_as_a_page(
    front: Front, service: str, operation: str, request_: dict[str, Any], name: str
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(front.client(service), operation)(**request_)
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert name in caught.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    "target",
    ["/moto-api/reset", "/%6doto-api/reset", "//moto-api/reset", "/moto-api", "/moto-api/seed?a=1",
     "/latest/meta-data/", "/favicon.ico", "/%2Fmoto-api/reset", "/moto-api/data.json"],
)  # fmt: skip
@pytest.mark.parametrize("service", ["sts", "logs", "s3", "moto_api", "iam"])
def test_motos_control_paths_are_not_reachable(front: Front, target: str, service: str) -> None:
    front.client("iam").list_roles()
    answer = front.say(head("POST", target, "Content-Length: 0", "Connection: close", service=service))
    assert int(answer.split()[1]) >= 400
    assert b"<html" not in answer.lower()
    front.client("iam").get_role(RoleName=ROLE)


@pytest.mark.parametrize("service", ["dynamodb", "sqs", "lambda", "moto_api", "instance_metadata", "nonsense"])
def test_services_that_are_not_on_the_list_are_refused(front: Front, service: str) -> None:
    answer = front.say(head("POST", "/", "Content-Length: 0", "Connection: close", service=service))
    assert answer.startswith(b"HTTP/1.1 501")
    assert f"smlocal does not serve {service}".encode() in answer


def test_nobody_chooses_the_account_by_a_header(front: Front) -> None:
    body = b"Action=ListRoles&Version=2010-05-08"
    answer = front.say(
        head("POST", "/", "X-Moto-Account-Id: 999999999999", f"Content-Length: {len(body)}", "Connection: close",
             "Content-Type: application/x-www-form-urlencoded", service="iam") + body
    )  # fmt: skip
    assert f"arn:aws:iam::{ACCOUNT}:role/{ROLE}".encode() in answer


def test_many_callers_at_once_lose_nothing(front: Front) -> None:
    front.client("logs").create_log_group(logGroupName="many")

    def put(number: int) -> None:
        logs = front.client("logs")
        stream = {"logGroupName": "many", "logStreamName": str(number)}
        logs.create_log_stream(**stream)
        for turn in range(5):
            logs.put_log_events(**stream, logEvents=[{"timestamp": int(time.time() * 1000), "message": str(turn)}])
        logs.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(8)))
    for number in range(8):
        events = front.client("logs").get_log_events(logGroupName="many", logStreamName=str(number), startFromHead=True)
        assert [event["message"] for event in events["events"]] == list("01234")


class Application:
    """A WSGI application that stands for moto; it keeps the environments that it was called with."""

    def __init__(self, status: str = "200 OK", headers: list[tuple[str, str]] | None = None, body: bytes = b"") -> None:
        self.environments: list[dict[str, Any]] = []
        self._answer = (status, headers or [("Content-Type", "text/html; charset=utf-8")], body)
        self.failure: Exception | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.environments.append(environ)
        if self.failure is not None and len(self.environments) > 1:
            raise self.failure
        status, headers, body = self._answer
        start_response(status, headers)
        return io.BytesIO(body)


def ask(application: Application, target: str = "/", *headers: tuple[str, str], service: str = "logs") -> Reply:
    async def once() -> Reply:
        moto = MotoService(ACCOUNT, "eu-west-1", ROLE, lambda: application)
        try:
            scope = Scope("k", "20260101", "us-east-1", service)
            return await moto(Call("PUT", target, Headers(headers), pieces_of(b"bo", b"dy"), scope, request_id="i"))
        finally:
            moto.close()

    return asyncio.run(once())


def test_moto_gets_the_raw_target_the_names_and_our_account_and_region() -> None:
    application = Application()
    ask(
        application,
        "/b/a%2Fb?x=%3F",
        ("x-amz-meta-my_key", "v"),
        ("X-A", "1"),
        ("x-a", "2"),
        ("Authorization", "theirs"),
    )
    environ = application.environments[-1]
    assert (environ["RAW_URI"], environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/b/a%2Fb?x=%3F", "/b/a/b", "x=%3F")
    assert environ["moto.preserved_header_names"] == {"HTTP_X_AMZ_META_MY_KEY": "x-amz-meta-my_key"}
    assert environ["HTTP_X_A"] == "1,2"
    assert environ["HTTP_X_MOTO_ACCOUNT_ID"] == ACCOUNT
    assert "/eu-west-1/logs/aws4_request" in environ["HTTP_AUTHORIZATION"]
    assert environ["wsgi.input"].read() == b"body"


def test_the_role_is_made_once_before_anything_else() -> None:
    application = Application()
    ask(application)
    assert b"CreateRole" in application.environments[0]["wsgi.input"].read()
    assert len(application.environments) == 2


@pytest.mark.parametrize(
    ("failure", "code"), [(NotImplementedError("x"), "NotImplemented"), (KeyError("x"), "InternalFailure")]
)
def test_motos_failures_are_awss(failure: Exception, code: str) -> None:
    application = Application()
    application.failure = failure
    with pytest.raises(AwsError) as caught:
        ask(application, "/", ("X-Amz-Target", "Logs_20140328.ListAnomalies"))
    assert caught.value.code == code
    assert "ListAnomalies" in caught.value.message


def test_motos_pages_and_leaves_for_other_origins_are_not_passed_on() -> None:
    page = Application("500 INTERNAL SERVER ERROR", body=b"<!doctype html><html>Traceback</html>")
    with pytest.raises(AwsError, match="knows the operation"):
        ask(page)
    allowed = [("Access-Control-Allow-Origin", "*"), ("Content-Type", "text/html"), ("Server", "Werkzeug")]
    reply = ask(Application(headers=allowed, body=b"{}"), "/", ("X-Amz-Target", "Logs_20140328.X"))
    assert dict(reply.headers) == {"Content-Type": "application/x-amz-json-1.1"}
    xml = ask(Application("404 NOT FOUND", body=b"<?xml version='1.0'?><ErrorResponse/>"), service="iam")
    assert xml.status == 404


def test_moto_is_not_imported_before_its_first_call() -> None:
    import subprocess
    import sys

    program = (
        "import sys; from smlocal.wiring import Program; from smlocal.settings import Settings\n"
        "with Program(Settings()) as program: program.gateway()\n"
        "assert not {'moto', 'flask', 'botocore'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_own_answers_of_unknown_operations_go_to_the_others() -> None:
    echo = Echo()
    own = OwnAnswers(ACCOUNT, "us-east-1", ROLE, echo, lambda: datetime.now(timezone.utc))

    async def once() -> None:
        for service in (own.sts, own.iam, own.ecr):
            await service(Call("POST", "/", Headers(()), pieces_of(b"Action=", b"Other"), None))

    asyncio.run(once())
    assert echo.bodies == [b"Action=Other"] * 3
