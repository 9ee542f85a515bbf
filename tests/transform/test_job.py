"""Whole jobs that end well, over real HTTP."""

from __future__ import annotations

import gzip
import json
import random
import threading
import time
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smlocal.errors import InvalidRequest


def test_an_object_comes_back_under_its_name_with_out(bench: Any) -> None:
    bench.put("in/a.csv", b"one\ntwo\n")
    result = bench.run()
    assert (result.status, bench.keys(), bench.get("out/a.csv.out")) == ("Completed", ["out/a.csv.out"], b"ONE\nTWO\n")
    assert bench.statuses == ["InProgress", "Completed"]
    assert bench.container.stops >= 1
    assert bench.progress == [(1, 1)]


def test_a_request_has_the_headers_of_the_platforms_client_and_no_other(bench: Any) -> None:
    bench.put("in/a.csv", b"one\n")
    bench.run(accept="application/json")
    asked, invoked = bench.container.seen
    client = {"Host": "169.254.255.131:8080", "User-Agent": "Go-http-client/1.1", "Accept-Encoding": "gzip"}
    assert (asked.method, asked.path, dict(asked.headers)) == ("GET", "/execution-parameters", client)
    assert (invoked.method, invoked.path, dict(invoked.headers)) == (
        "POST",
        "/invocations",
        {**client, "Accept": "application/json", "Content-Type": "text/csv", "Content-Length": "4"},
    )


def test_content_type_and_accept_are_left_out_when_they_were_not_asked_for(bench: Any) -> None:
    bench.put("in/a.csv", b"one\n")
    bench.run(content_type=None)
    names = {name for name, _ in bench.container.seen[-1].headers}
    assert names == {"Host", "User-Agent", "Accept-Encoding", "Content-Length"}


def test_an_answer_in_gzip_is_unpacked_as_the_platforms_client_does(bench: Any) -> None:
    packed = gzip.compress(b"x" * 3_000_000) + gzip.compress(b"end")
    bench.container.answer = lambda seen: (200, packed, {"Content-Encoding": "GZIP"})
    bench.put("in/a.csv", b"one\n")
    bench.run()
    assert bench.get("out/a.csv.out") == b"x" * 3_000_000 + b"end"


def test_an_answer_in_gzip_of_any_length_is_whole(bench: Any) -> None:
    """The unpacked bytes may still be on their way when the packed ones have all been read."""
    step = 256 * 1024

    def answer(seen: Any) -> Any:
        length = step + int(seen.body)
        packer = zlib.compressobj(9, wbits=31)
        return 200, packer.compress(b"x" * length) + packer.flush(), {"Content-Encoding": "gzip"}

    lengths = range(0, 520, 13)
    bench.container.answer = answer
    bench.put("in/a.csv", b"".join(b"%d\n" % length for length in lengths))
    bench.run(BatchStrategy="SingleRecord")
    assert bench.get("out/a.csv.out") == b"x" * sum(step + length for length in lengths)


@pytest.mark.parametrize(
    ("strategy", "bodies"),
    [("MultiRecord", [b"1\r\n\n3"]), ("SingleRecord", [b"1\r", b"3"]), (None, [b"1\r\n\n3"])],
)
def test_records_go_out_as_the_strategy_says(bench: Any, strategy: str | None, bodies: list[bytes]) -> None:
    bench.put("in/a.csv", b"1\r\n\n3")
    result = bench.run(**({"BatchStrategy": strategy} if strategy else {}))
    assert bench.container.bodies == bodies
    assert any("CR LF" in warning for warning in result.evidence.warnings)
    assert any("1 blank lines" in warning for warning in result.evidence.warnings) == (strategy == "SingleRecord")


def test_a_payload_is_filled_with_whole_lines_up_to_its_mebibytes(bench: Any) -> None:
    line = b"x" * 99 + b"\n"
    bench.put("in/a.csv", line * 25_000)
    result = bench.run(MaxPayloadInMB=1)
    assert [len(body) for body in bench.container.bodies] == [1_048_500, 1_048_500, 403_000]
    assert bench.get("out/a.csv.out") == line.upper() * 25_000
    (seen,) = result.evidence.objects
    assert (seen.records, seen.payloads, seen.size, seen.output_size) == (25_000, 3, 2_500_000, 2_500_000)
    assert (result.evidence.requests, result.evidence.bytes_sent) == (3, 2_500_000)


@pytest.mark.parametrize("split", [None, "Line"])
def test_without_a_limit_the_whole_object_goes_out_chunked(bench: Any, split: str | None) -> None:
    data = bytes(range(256)) * 4000
    bench.put("in/a.bin", data)
    bench.container.answer = lambda seen: (200, seen.body)
    bench.run(split=split, MaxPayloadInMB=0)
    assert bench.container.bodies == [data]
    headers = dict(bench.container.seen[-1].headers)
    assert (headers["Transfer-Encoding"], "Content-Length" in headers) == ("chunked", False)
    assert bench.get("out/a.bin.out") == data


def test_single_records_stay_single_without_a_limit(bench: Any) -> None:
    bench.put("in/a.csv", b"a\nb\n")
    result = bench.run(MaxPayloadInMB=0, BatchStrategy="SingleRecord", assemble="Line")
    assert (bench.container.bodies, bench.get("out/a.csv.out")) == ([b"a", b"b"], b"A\nB\n")
    assert result.evidence.bytes_sent == 2
    for seen in bench.container.seen[1:]:
        headers = dict(seen.headers)
        assert (headers["Transfer-Encoding"], "Content-Length" in headers) == ("chunked", False)


def test_an_object_that_is_not_split_is_sent_byte_for_byte(bench: Any) -> None:
    data = bytes(range(256)) + b"\r\n\n"
    bench.put("in/image.jpg", data)
    bench.container.answer = lambda seen: (200, seen.body)
    bench.run(split=None, content_type="application/x-image")
    assert (bench.container.bodies, bench.get("out/image.jpg.out")) == ([data], data)


def test_every_object_under_the_string_prefix_is_input_in_the_order_of_keys(bench: Any) -> None:
    for name in ("in/b", "in/a", "in/deep/c", "in_side/d", "in/folder/", "other/e"):
        bench.put(name, b"" if name.endswith("/") else name.encode())
    bench.run(source="s3://examples/in")
    assert bench.container.bodies == [b"in/a", b"in/b", b"in/deep/c", b"in_side/d"]
    assert bench.keys() == ["out/in/a.out", "out/in/b.out", "out/in/deep/c.out", "out/in_side/d.out"]


def test_an_output_under_the_input_is_no_input(bench: Any) -> None:
    bench.put("in/a", b"a")
    bench.run(target="s3://examples/in")
    assert (bench.container.bodies, bench.keys("in/")) == ([b"a"], ["in/a", "in/a.out"])


def test_an_empty_object_becomes_an_empty_output_and_is_told(bench: Any) -> None:
    bench.put("in/a.csv", b"")
    result = bench.run()
    assert (result.status, bench.container.bodies, bench.get("out/a.csv.out")) == ("Completed", [], b"")
    assert result.evidence.warnings == ("s3://examples/in/a.csv is empty: nothing was sent, its output is empty",)


@pytest.mark.parametrize(
    ("source", "bucket"), [("s3://examples/none/", "examples"), ("s3://no-such-bucket/in/", "no-such-bucket")]
)
def test_a_prefix_without_objects_is_refused_in_the_platforms_words(bench: Any, source: str, bucket: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        bench.run(source=source)
    assert str(caught.value) == (
        f'No S3 objects found under S3 URL "{source}" given in input data source. Please ensure that the bucket exists '
        "in the selected region (us-east-1), that objects exist under that S3 prefix, and that the role "
        f'"arn:aws:iam::000000000000:role/example" has "s3:ListBucket" permissions on bucket "{bucket}".'
    )


def test_an_output_bucket_that_does_not_exist_is_refused_before_anything_is_sent(bench: Any) -> None:
    bench.put("in/a", b"a")
    with pytest.raises(InvalidRequest, match="no-such-bucket"):
        bench.run(target="s3://no-such-bucket/out")


def test_the_parameters_of_the_container_are_used_and_written_to_the_data_log(bench: Any) -> None:
    bench.container.parameters = (
        200,
        json.dumps({"MaxConcurrentTransforms": 4, "BatchStrategy": "SINGLE_RECORD"}).encode(),
    )
    bench.put("in/a.csv", b"1\n2\n")
    result = bench.run()
    assert bench.data_log == [
        "2026-01-02T03:04:05.678:[sagemaker logs]: "
        "MaxConcurrentTransforms=4, MaxPayloadInMB=6, BatchStrategy=SINGLE_RECORD"
    ]
    assert sorted(bench.container.bodies) == [b"1", b"2"]
    assert (result.evidence.execution_parameters_status, result.evidence.max_concurrent_transforms) == (200, 4)


@pytest.mark.parametrize("status", [404, 500])
def test_without_parameters_of_the_container_the_defaults_are_used(bench: Any, status: int) -> None:
    bench.container.parameters = (status, b"no")
    bench.put("in/a.csv", b"1\n")
    result = bench.run()
    assert bench.data_log[0].endswith("MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD")
    assert len(result.evidence.warnings) == (status != 404)


@pytest.mark.parametrize(
    ("asked", "proposed", "used", "who"),
    [
        ({}, {"MaxConcurrentTransforms": 50}, 16, "50 that the container proposes"),
        ({"MaxPayloadInMB": 100}, {"MaxConcurrentTransforms": 4}, 1, "4 that the container proposes"),
        ({"MaxConcurrentTransforms": 20}, {}, 16, "20 that the request asks for"),
        ({"MaxConcurrentTransforms": 3}, {"MaxPayloadInMB": 50}, 2, "3 that the request asks for"),
    ],
)
def test_what_is_proposed_or_by_default_too_much_is_made_to_fit_and_said(
    bench: Any, asked: dict[str, int], proposed: dict[str, int], used: int, who: str
) -> None:
    """API reference, CreateTransformJob: the product of both is a rule for requests that give both."""
    bench.put("in/a", b"1\n" * 200)
    bench.container.parameters = (200, json.dumps(proposed).encode())
    result = bench.run(**asked)
    assert (result.status, result.evidence.max_concurrent_transforms) == ("Completed", used)
    assert f"MaxConcurrentTransforms={used}, " in bench.data_log[0]
    (note,) = result.evidence.warnings
    assert note.startswith(f"{used} requests are made at a time, not the {who}: with MaxPayloadInMB ")


@pytest.mark.parametrize(
    ("asked", "proposed", "used"),
    [
        ({"MaxPayloadInMB": 0}, {"MaxConcurrentTransforms": 200}, 200),
        ({"MaxConcurrentTransforms": 200}, {"MaxPayloadInMB": 0}, 200),
        ({}, {"MaxConcurrentTransforms": 16}, 16),
    ],
)
def test_what_fits_is_left_as_it_is(bench: Any, asked: dict[str, int], proposed: dict[str, int], used: int) -> None:
    bench.put("in/a", b"1\n")
    bench.container.parameters = (200, json.dumps(proposed).encode())
    result = bench.run(**asked)
    assert (result.evidence.max_concurrent_transforms, result.evidence.warnings) == (used, ())


def test_a_second_job_replaces_the_outputs_of_the_first(bench: Any) -> None:
    for name in ("a", "b"):
        bench.put(f"in/{name}", name.encode())
    bench.run()
    bench.container = type(bench.container)()
    bench.container.answer = lambda seen: (200, b"second " + seen.body)
    assert bench.run().status == "Completed"
    assert bench.outputs() == {"out/a.out": b"second a", "out/b.out": b"second b"}


def test_requests_are_in_flight_together_and_the_output_keeps_the_order_of_records(bench: Any) -> None:
    lines = [b"%d" % number for number in range(400)]
    pauses = random.Random(1)
    waiting = threading.Event()

    def answer(seen: Any) -> tuple[int, bytes]:
        waiting.wait(0.2 if seen.body == b"0" else pauses.random() / 100)
        return 200, seen.body

    bench.container.answer = answer
    for name in ("a", "b", "c"):
        bench.put(f"in/{name}", b"\n".join(lines))
    result = bench.run(MaxConcurrentTransforms=8, BatchStrategy="SingleRecord", assemble="Line")
    assert result.status == "Completed"
    assert bench.container.most_at_once == 8
    for name in ("a", "b", "c"):
        assert bench.get(f"out/{name}.out") == b"".join(line + b"\n" for line in lines)


def test_no_more_requests_are_begun_than_answers_may_wait(bench: Any) -> None:
    """The first answer is held back: the others may run ahead of it, but not without bound."""
    first = threading.Event()
    ahead = []

    def answer(seen: Any) -> tuple[int, bytes]:
        if seen.body == b"0":
            first.wait(1.0)
            ahead.append(len(bench.container.bodies))
        return 200, seen.body

    bench.container.answer = answer
    bench.put("in/a", b"\n".join(b"%d" % number for number in range(500)))
    assert bench.run(MaxConcurrentTransforms=4, BatchStrategy="SingleRecord").status == "Completed"
    assert ahead == [16]


def test_a_big_object_passes_in_little_memory(bench: Any) -> None:
    size = 128 * 2**20
    bench.put("in/a", b"0123456789abcde\n" * (size // 16))

    def answer(seen: Any) -> tuple[int, bytes]:
        body, seen.body = seen.body, b""
        return 200, body

    bench.container.answer = answer
    tracemalloc.start()
    result = bench.run(MaxPayloadInMB=1, MaxConcurrentTransforms=4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (result.evidence.requests, result.evidence.objects[0].output_size) == (128, size)
    assert peak < 48 * 2**20  # of the container, which is in this process, a good part


def test_one_request_at_a_time_is_the_default(bench: Any) -> None:
    for name in range(30):
        bench.put(f"in/{name:02}", b"x")
    bench.run()
    assert bench.container.most_at_once == 1


def test_connections_are_kept_alive(bench: Any) -> None:
    bench.put("in/a", b"x\n" * 300)
    begun = time.monotonic()
    bench.run(BatchStrategy="SingleRecord")
    assert time.monotonic() - begun < 10
    assert len(bench.container.bodies) == 300


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    objects=st.dictionaries(
        st.sampled_from(["a", "b", "c", "d/e"]),
        st.lists(st.sampled_from([b"one", b"2\r", b"", b"four" * 5, b"\xff"])).map(b"\n".join),
        min_size=1,
    ),
    single=st.booleans(),
    line=st.booleans(),
    concurrency=st.integers(1, 5),
)
def test_an_echo_gives_every_object_back(
    bench: Any, objects: dict[str, bytes], single: bool, line: bool, concurrency: int
) -> None:
    for key in [*bench.keys("in/"), *bench.keys()]:
        bench.store.delete("examples", key)
    bench.container = type(bench.container)()
    bench.container.answer = lambda seen: (200, seen.body)
    for name, data in objects.items():
        bench.put(f"in/{name}", data)
    bench.run(
        BatchStrategy="SingleRecord" if single else "MultiRecord",
        assemble="Line" if line else "None",
        MaxConcurrentTransforms=concurrency,
    )
    for name, data in objects.items():
        bodies = (
            [record for record in data.split(b"\n") if record not in (b"", b"\r")] if single else [data][: len(data)]
        )
        ended = [body + b"\n" if line and not body.endswith(b"\n") else body for body in bodies]
        assert bench.get(f"out/{name}.out") == b"".join(ended)


def test_the_description_is_the_request_with_what_became_of_it(bench: Any, request_of: Any) -> None:
    bench.put("in/a", b"x")
    description = bench.run(MaxPayloadInMB=6, Tags=[{"Key": "a", "Value": "b"}]).description
    asked = request_of(MaxPayloadInMB=6)
    assert {name: description[name] for name in asked} == asked
    assert "Tags" not in description
    assert "FailureReason" not in description
    assert description["TransformJobArn"] == "arn:aws:sagemaker:us-east-1:000000000000:transform-job/example-1"
    assert description["TransformStartTime"] <= description["TransformEndTime"]
