"""The local front of one model, against a scripted container, raw sockets and botocore."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from smlocal import owner
from smlocal.engine.scripted import Answer, Request, Script, ScriptedEngine
from smlocal.errors import UsageError
from smlocal.hosting import Model, ModelServer
from smlocal.http_client import HttpClient
from smlocal.launch import Launcher
from smlocal.serving import Front
from smlocal.settings import Limits, Settings

LIMIT = 256 * 1024
LIMITS = Limits(ping_timeout=0.3, ping_interval=5, invocation_timeout=0.5, invocation_body_bytes=LIMIT)
SETTINGS = replace(Settings(), limits=LIMITS)
Handler = Callable[[Request], Answer]


class Served:
    """A model behind its front, and plain requests to it."""

    def __init__(self, handler: Handler, stack: ExitStack) -> None:
        engine = ScriptedEngine()
        self.answer = handler
        self.seen: list[Request] = []
        engine.add_image("model", Script(handler=self._handle))
        client = stack.enter_context(HttpClient())
        launcher = Launcher(engine, owner.this_process(), "relay")
        self.server = ModelServer(launcher, client, SETTINGS, Model("demo", "model"))
        stack.enter_context(self.server)
        self.front = stack.enter_context(Front(client, self.server, LIMITS))

    def _handle(self, request: Request) -> Answer:
        if request.path == "/ping":
            return Answer(200)
        self.seen.append(request)
        return self.answer(request)

    def send(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.front.url).netloc, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()


@pytest.fixture
def served() -> Iterator[Served]:
    with ExitStack() as stack:
        yield Served(lambda request: Answer(200, request.body, {"Content-Type": "text/csv"}), stack)


@pytest.fixture
def runtime(served: Served) -> Iterator[object]:
    client = boto3.client(
        "sagemaker-runtime",
        region_name="us-east-1",
        endpoint_url=served.front.url,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    yield client
    client.close()


@pytest.mark.parametrize("path", ["/invocations", "/endpoints/demo/invocations"])
def test_both_paths_pass_bytes_through(served: Served, path: str) -> None:
    body = bytes(range(256)) * 1024
    status, headers, received = served.send("POST", path, body, {"Content-Type": "text/csv", "Accept": "x/y"})
    assert (status, received) == (200, body)
    assert headers["content-type"] == "text/csv"
    assert headers["x-amzn-invoked-production-variant"] == "AllTraffic"
    assert len(headers["x-amzn-requestid"]) == 36
    assert served.seen[0].header("Accept") == "x/y"


def test_a_chunked_body_arrives_whole(served: Served) -> None:
    connection = http.client.HTTPConnection(urlsplit(served.front.url).netloc, timeout=10)
    connection.request("POST", "/invocations", iter([b"1,", b"2\n"]), {"Content-Type": "text/csv"}, encode_chunked=True)
    assert connection.getresponse().read() == b"1,2\n"
    connection.close()


def test_an_answer_has_only_the_headers_that_the_runtime_gives(served: Served) -> None:
    served.answer = lambda request: Answer(200, b"ok", {"X-Other": "1", "Set-Cookie": "a=b"})
    _, headers, body = served.send("POST", "/invocations", b"x")
    assert body == b"ok"
    assert set(headers) == {"content-length", "date", "x-amzn-requestid", "x-amzn-invoked-production-variant"}


@pytest.mark.parametrize(
    ("sent", "received"),
    [("tr\u00e9s".encode(), "tr\u00e9s".encode()), (b"\xff-plain", b"?-plain"), (b'a=1; b="2"', b'a=1; b="2"')],
)
def test_custom_attributes_come_back_as_they_are(served: Served, sent: bytes, received: bytes) -> None:
    served.answer = lambda request: Answer(
        200, b"", {"X-Amzn-SageMaker-Custom-Attributes": sent.decode("latin-1"), "Content-Type": "a/b"}
    )
    _, headers, _ = served.send("POST", "/invocations", b"x")
    assert headers["x-amzn-sagemaker-custom-attributes"].encode("latin-1") == received


def test_boto3_invokes_the_endpoint(served: Served, runtime: object) -> None:
    answer = runtime.invoke_endpoint(EndpointName="demo", Body=b"1,2\n", ContentType="text/csv", Accept="text/csv")
    assert answer["Body"].read() == b"1,2\n"
    assert answer["ContentType"] == "text/csv"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert not [name for name, _ in served.seen[0].headers if name.lower().startswith(("authorization", "x-amz-"))]


def test_boto3_reads_a_model_error(served: Served, runtime: object) -> None:
    served.answer = lambda request: Answer(415, b'{"error":"no such type"}')
    with pytest.raises(ClientError) as raised:
        runtime.invoke_endpoint(EndpointName="demo", Body=b"")
    answer = raised.value.response
    assert answer["Error"]["Code"] == "ModelError"
    assert answer["Error"]["Message"] == (
        'Received client error (415) from primary with message "{"error":"no such type"}". See'
        " https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1"
        "#logEventViewer:group=/aws/sagemaker/Endpoints/demo in account 000000000000 for more information."
    )
    assert answer["OriginalStatusCode"] == 415
    assert answer["OriginalMessage"] == '{"error":"no such type"}'
    assert answer["LogStreamArn"] == "arn:aws:logs:us-east-1:000000000000:log-group:/aws/sagemaker/Endpoints/demo"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424


def test_boto3_reads_the_size_limit(served: Served, runtime: object) -> None:
    """Source: aws/amazon-sagemaker-examples issue 245."""
    with pytest.raises(ClientError) as raised:
        runtime.invoke_endpoint(EndpointName="demo", Body=bytes(LIMIT + 1))
    assert str(raised.value) == (
        "An error occurred (413) when calling the InvokeEndpoint operation:"
        f" HTTP content length exceeded {LIMIT + 4096} bytes."
    )
    assert served.seen == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"EndpointName": "other"}, "Endpoint other of account 000000000000 not found."),
        (
            {"EndpointName": "demo", "TargetModel": "a.tar.gz"},
            "Endpoint demo is not a multi-model endpoint and does not support target model header.",
        ),
    ],
)
def test_boto3_reads_a_validation_error(runtime: object, arguments: dict[str, str], text: str) -> None:
    with pytest.raises(ClientError) as raised:
        runtime.invoke_endpoint(Body=b"", **arguments)
    assert raised.value.response["Error"] == {"Code": "ValidationError", "Message": text}
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize("path", ["async-invocations", "invocations-response-stream"])
def test_other_operations_are_refused_by_name(served: Served, path: str) -> None:
    status, _, body = served.send("POST", f"/endpoints/demo/{path}")
    assert status == 400
    assert "does not support InvokeEndpoint" in json.loads(body)["Message"]


def test_whoever_calls_by_hand_finds_the_containers_own_status(served: Served) -> None:
    served.answer = lambda request: Answer(503, b"busy")
    status, headers, body = served.send("POST", "/invocations", b"x")
    assert (status, headers["x-smlocal-original-status"]) == (424, "503")
    assert headers["x-amzn-errortype"] == "ModelError"
    assert json.loads(body)["OriginalMessage"] == "busy"


@pytest.mark.parametrize("chunked", [False, True])
def test_an_endless_body_is_refused_while_it_is_sent(served: Served, chunked: bool) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(served.front.url).port or 0), 10) as connection:
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 10000000000"
        connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n\r\n")
        if chunked:
            connection.sendall(b"80000\r\n" + bytes(0x80000) + b"\r\n")
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert served.seen == []


def test_a_ping_is_the_containers(served: Served) -> None:
    assert served.send("GET", "/ping")[0] == 200
    served.server.stop()
    status, _, body = served.send("GET", "/ping")
    assert status == 503
    assert body == b"the model container did not answer GET /ping in time\n"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/invocations", 405), ("POST", "/x", 404)])
def test_what_is_not_the_runtimes_is_not_answered(served: Served, method: str, path: str, status: int) -> None:
    assert served.send(method, path)[0] == status


def test_a_taken_port_is_said(served: Served) -> None:
    port = urlsplit(served.front.url).port or 0
    with HttpClient() as client, pytest.raises(UsageError, match=rf"port {port} on 127.0.0.1 cannot be had"):
        Front(client, served.server, LIMITS, port=port).open()


def test_a_closed_front_does_not_listen_and_closes_twice(served: Served) -> None:
    served.front.close()
    served.front.close()
    with pytest.raises(ConnectionRefusedError):
        served.send("GET", "/ping")
    served.front.open()
    assert served.send("GET", "/ping")[0] == 200


def test_a_stopped_model_is_unavailable(served: Served) -> None:
    served.server.stop()
    status, headers, _ = served.send("POST", "/invocations", b"x")
    assert (status, headers["x-amzn-errortype"]) == (503, "ServiceUnavailable")
