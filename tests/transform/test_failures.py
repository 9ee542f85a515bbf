"""Jobs that fail or are stopped, over real HTTP."""

from __future__ import annotations

import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import pytest

from smlocal.errors import EndpointFailed, StorageError
from smlocal.transform.split import RecordTooLarge

PREFIX = "2026-01-02T03:04:05.678:[sagemaker logs]: examples/in/bad: "
CLIENT = "ClientError: See job logs for more information"
ALGORITHM = "AlgorithmError: See job logs for more information"


def refuses_bad(status: int, body: bytes = b"first\nsecond") -> Any:
    return lambda seen: (status, body) if b"bad" in seen.body else (200, seen.body)


def three(bench: Any) -> None:
    for name in ("a", "bad", "c"):
        bench.put(f"in/{name}", f"{name}\n".encode())


@pytest.mark.parametrize(
    ("status", "first", "reason", "tries"),
    [
        (400, "ClientError: 400", CLIENT, 1),
        (413, "ClientError: 413", CLIENT, 1),
        (415, "ClientError: 415", CLIENT, 1),
        (500, "Bad HTTP status received from algorithm: 500", ALGORITHM, 4),
        (503, "Bad HTTP status received from algorithm: 503", ALGORITHM, 4),
        (302, "Bad HTTP status received from algorithm: 302", ALGORITHM, 1),
    ],
)
def test_a_refused_payload_fails_its_object_and_the_job_and_no_other_object(
    bench: Any, status: int, first: str, reason: str, tries: int
) -> None:
    three(bench)
    bench.container.answer = refuses_bad(status)
    result = bench.run()
    assert (result.status, result.description["FailureReason"]) == ("Failed", reason)
    assert bench.keys() == ["out/a.out", "out/c.out"]
    assert bench.data_log[1:] == [PREFIX + line for line in (first, "", "Message:", "first", "second")]
    assert bench.container.bodies.count(b"bad\n") == tries
    assert result.evidence.retries == tries - 1
    assert [(item.key, item.output_key) for item in result.evidence.objects] == [
        ("in/a", "out/a.out"),
        ("in/bad", None),
        ("in/c", "out/c.out"),
    ]
    assert str(status) in result.explanation
    assert "s3://examples/in/bad" in result.explanation


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_an_answer_that_never_comes_is_tried_again_as_often_as_asked(bench: Any, retries: int) -> None:
    three(bench)
    bench.container.answer = lambda seen: None if b"bad" in seen.body else (200, b"")
    result = bench.run(retries=retries)
    assert (result.status, result.description["FailureReason"]) == ("Failed", ALGORITHM)
    assert bench.data_log[1:] == [PREFIX + "Unable to get response from algorithm"]
    assert bench.container.bodies.count(b"bad\n") == 1 + retries
    assert bench.keys() == ["out/a.out", "out/c.out"]


@pytest.mark.parametrize("failure", [500, None])
def test_a_retry_that_succeeds_leaves_no_trace_in_the_output(bench: Any, failure: int | None) -> None:
    def answer(seen: Any) -> Any:
        return (200, seen.body) if seen.number >= 2 else failure and (failure, b"half an answer")

    bench.put("in/a", b"x")
    bench.container.answer = answer
    result = bench.run()
    assert (result.status, bench.get("out/a.out"), result.evidence.retries) == ("Completed", b"x", 2)


def test_a_streamed_object_is_sent_anew_at_a_retry(bench: Any) -> None:
    data = b"x" * 1_000_000
    bench.put("in/a", data)
    bench.container.answer = lambda seen: (200, b"good") if seen.number else (500, b"")
    assert bench.run(split=None, MaxPayloadInMB=0).status == "Completed"
    assert bench.container.bodies == [data, data]


def test_a_timeout_is_for_each_try(bench: Any) -> None:
    bench.put("in/bad", b"x")
    over = threading.Event()
    bench.container.answer = lambda seen: over.wait(5) and None
    begun = time.monotonic()
    result = bench.run(timeout=1, retries=1)
    over.set()
    assert 1.9 < time.monotonic() - begun < 4
    assert (result.status, len(bench.container.bodies)) == ("Failed", 2)
    assert "within 1 s" in result.explanation


def test_later_payloads_of_a_failed_object_are_not_sent(bench: Any) -> None:
    bench.put("in/bad", b"bad\n" + b"x\n" * 500)
    bench.put("in/good", b"y\n" * 20)
    bench.container.answer = refuses_bad(400)
    bench.run(BatchStrategy="SingleRecord", MaxConcurrentTransforms=2)
    assert len(bench.container.bodies) < 40
    assert bench.keys() == ["out/good.out"]


def test_answers_that_waited_for_a_failed_one_make_room_for_others(bench: Any) -> None:
    others, together = threading.Semaphore(0), threading.Barrier(2)

    def answer(seen: Any) -> Any:
        if seen.body == b"bad":
            for _ in range(7):
                others.acquire(timeout=5)
            return 400, b""
        if seen.body == b"good":
            together.wait(5)
        others.release()
        return 200, seen.body

    bench.put("in/bad", b"bad\n" + b"x\n" * 20)
    bench.put("in/good", b"good\n" * 20)
    bench.container.answer = answer
    bench.run(BatchStrategy="SingleRecord", MaxConcurrentTransforms=2)
    assert bench.get("out/good.out") == b"good" * 20


def test_answers_that_come_after_their_object_failed_make_room_for_others(bench: Any) -> None:
    late, pause = threading.Semaphore(0), threading.Event()

    def answer(seen: Any) -> Any:
        if seen.body == b"bad":
            late.acquire(timeout=5)
            return 400, b""
        if seen.body == b"late":
            late.release()
            pause.wait(0.06)
        return 200, b""

    for number in range(12):
        bench.put(f"in/bad{number:02}", b"bad\nlate\n")
    bench.put("in/good", b"x\n")
    bench.container.answer = answer
    bench.run(BatchStrategy="SingleRecord", MaxConcurrentTransforms=2)
    assert bench.keys() == ["out/good.out"]


@pytest.mark.parametrize("strategy", ["MultiRecord", "SingleRecord"])
def test_a_record_over_the_payload_fails_its_object(bench: Any, strategy: str) -> None:
    bench.put("in/bad", b"a\n" + b"x" * (2**20 + 1))
    bench.put("in/good", b"a\n")
    result = bench.run(MaxPayloadInMB=1, BatchStrategy=strategy)
    assert (result.status, result.description["FailureReason"], bench.keys()) == ("Failed", CLIENT, ["out/good.out"])
    assert "Too much data for max payload size: record 2 is longer than 1048576 bytes" in bench.data_log[1]


def test_an_object_over_the_payload_that_is_not_split_is_not_sent_at_all(bench: Any) -> None:
    bench.put("in/bad", b"x" * (2**20 + 1))
    result = bench.run(MaxPayloadInMB=1, split=None)
    assert (result.status, bench.container.bodies) == ("Failed", [])
    assert RecordTooLarge.__name__ not in result.explanation
    assert "not split" in result.explanation


def test_a_malformed_gzip_answer_is_no_answer(bench: Any) -> None:
    bench.put("in/bad", b"x")
    bench.container.answer = lambda seen: (200, b"\x1f\x8b\x08nonsense", {"Content-Encoding": "gzip"})
    result = bench.run(retries=1)
    assert (result.status, len(bench.container.bodies)) == ("Failed", 2)
    assert bench.data_log[1:] == [PREFIX + "Unable to get response from algorithm"]


@pytest.mark.parametrize(("limit", "concurrency"), [(0, 1000), (1, 100)])
def test_a_record_that_cannot_be_held_is_refused_in_words_of_its_own(bench: Any, limit: int, concurrency: int) -> None:
    bench.put("in/bad", b"a\n" + b"x" * (2**20 + 1))
    result = bench.run(MaxPayloadInMB=limit, BatchStrategy="SingleRecord", MaxConcurrentTransforms=concurrency)
    assert (result.status, result.description["FailureReason"]) == ("Failed", CLIENT)
    assert ("smlocal holds of one record" in result.explanation) == (limit == 0)
    assert ("raise MaxPayloadInMB" in result.explanation) == (limit == 1)


def test_a_container_that_never_is_healthy_fails_the_job_in_the_platforms_words(bench: Any) -> None:
    bench.put("in/a", b"x")
    bench.container.start_failure = EndpointFailed("AlgorithmError: the text", "It exited with code 3.", "Look.")
    result = bench.run()
    assert (result.status, result.description["FailureReason"]) == ("Failed", "AlgorithmError: the text")
    assert "exited with code 3" in result.explanation
    assert (bench.keys(), result.evidence.max_concurrent_transforms) == ([], None)


@pytest.mark.parametrize(("out_of_memory", "words"), [(False, "exited with code 137"), (True, "want of memory")])
def test_a_container_that_dies_ends_the_job_at_once(bench: Any, out_of_memory: bool, words: str) -> None:
    def answer(seen: Any) -> Any:
        if seen.number < 5:
            return 200, seen.body
        bench.container.exit(137, out_of_memory)
        return None

    for name in range(200):
        bench.put(f"in/{name:03}", b"x")
    bench.container.answer = answer
    begun = time.monotonic()
    result = bench.run(timeout=600)
    assert time.monotonic() - begun < 3
    assert (result.status, result.description["FailureReason"]) == ("Failed", ALGORITHM)
    assert words in result.explanation
    assert bench.keys() == [f"out/{name:03}.out" for name in range(5)]
    assert (len(bench.container.bodies), result.evidence.retries) == (6, 0)
    assert bench.data_log[1:] == [
        "2026-01-02T03:04:05.678:[sagemaker logs]: examples/in/005: Unable to get response from algorithm"
    ]


def test_an_exit_that_is_known_a_little_later_than_its_connections_broke_fails_no_more_objects(bench: Any) -> None:
    def answer(seen: Any) -> Any:
        if seen.number == 0:
            threading.Timer(1, bench.container.exit, [9]).start()

    for name in range(50):
        bench.put(f"in/{name:03}", b"x")
    bench.container.answer = answer
    result = bench.run(retries=0)
    assert "exited with code 9" in result.explanation
    assert len(bench.data_log) == 2


def test_a_container_that_dies_silently_while_a_request_hangs_ends_the_job_at_once(bench: Any) -> None:
    bench.put("in/a", b"x")
    over = threading.Event()

    def answer(seen: Any) -> Any:
        bench.container.exit(1)
        over.wait(10)
        return None

    bench.container.answer = answer
    begun = time.monotonic()
    assert bench.run().status == "Failed"
    assert time.monotonic() - begun < 3
    over.set()


def test_a_stopped_job_leaves_no_output_at_all(bench: Any) -> None:
    first, over = threading.Event(), threading.Event()

    def answer(seen: Any) -> Any:
        if seen.number >= 3:
            first.set()
            over.wait(10)
        return 200, seen.body

    for name in ("a", "b"):
        bench.put(f"in/{name}", b"1\n2\n3\n4\n" if name == "b" else b"1\n")
    bench.container.answer = answer
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(bench.run, BatchStrategy="SingleRecord")
        assert first.wait(5)
        bench.stop.set()
        result = running.result(10)
    over.set()
    assert (result.status, bench.statuses) == ("Stopped", ["InProgress", "Stopping", "Stopped"])
    assert bench.keys() == []
    assert "FailureReason" not in result.description
    assert bench.container.stops >= 1


def test_a_job_may_be_stopped_while_its_container_starts(bench: Any) -> None:
    bench.put("in/a", b"1\n")
    bench.container.healthy.clear()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(bench.run)
        bench.stop.set()
        assert running.result(10).status == "Stopped"
    assert bench.container.seen == []


def test_a_job_that_is_stopped_leaves_the_outputs_of_an_earlier_one(bench: Any) -> None:
    for name in ("a", "b", "c"):
        bench.put(f"in/{name}", b"1\n")
    bench.put("out/a.out", b"earlier")
    bench.put("out/c.out", b"earlier")
    last, over = threading.Event(), threading.Event()

    def answer(seen: Any) -> Any:
        if seen.number == 2:
            last.set()
            over.wait(10)
        return 200, seen.body

    bench.container.answer = answer
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(bench.run)
        assert last.wait(5)
        bench.stop.set()
        assert running.result(10).status == "Stopped"
    over.set()
    assert bench.outputs() == {"out/a.out": b"earlier", "out/c.out": b"earlier"}


def test_an_object_that_fails_leaves_the_output_of_an_earlier_job(bench: Any) -> None:
    three(bench)
    for name in ("a", "bad"):
        bench.put(f"out/{name}.out", b"earlier")
    bench.container.answer = refuses_bad(400)
    assert bench.run().status == "Failed"
    assert bench.outputs() == {
        "out/a.out": b"a\n",
        "out/bad.out": b"earlier",
        "out/c.out": b"c\n",
    }


class Sick:
    """A store that fails where it is told to; all else is the real one's."""

    def __init__(self, store: Any, fails: str) -> None:
        self._store = store
        self._fails = fails

    def __getattr__(self, name: str) -> Any:
        if name == self._fails:
            return self._fail
        return getattr(self._store, name)

    def _fail(self, *_: Any) -> Any:
        raise StorageError("the store is gone")


@pytest.mark.parametrize("split", [None, "Line"])
@pytest.mark.parametrize("limit", [0, 6])
@pytest.mark.parametrize("fails", ["open", "put"])
def test_a_store_that_fails_is_no_fault_of_the_job(bench: Any, fails: str, limit: int, split: str | None) -> None:
    for name in range(20):
        bench.put(f"in/{name}", b"x")
    bench.store = Sick(bench.store, fails)
    with pytest.raises(StorageError, match="the store is gone"):
        bench.run(split=split, MaxPayloadInMB=limit)
    assert bench.container.stops >= 1


class Slow(Sick):
    """A store whose outputs take their time."""

    def __init__(self, store: Any, begun: threading.Event, go_on: threading.Event) -> None:
        super().__init__(store, "")
        self._begun = begun
        self._go_on = go_on

    def put(self, bucket: str, key: str, source: BinaryIO) -> Any:
        self._begun.set()
        self._go_on.wait(10)
        return self._store.put(bucket, key, io.BytesIO(source.read()))


def test_an_output_on_its_way_to_the_store_when_the_job_is_stopped_does_not_stay(bench: Any) -> None:
    bench.put("in/a", b"1\n")
    begun, go_on = threading.Event(), threading.Event()
    real, bench.store = bench.store, Slow(bench.store, begun, go_on)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(bench.run)
        assert begun.wait(5)
        bench.stop.set()
        threading.Timer(0.4, go_on.set).start()
        assert running.result(10).status == "Stopped"
    assert go_on.is_set()
    assert list(real.list("examples", "out/")) == []


@pytest.mark.parametrize("hurry", [False, True])
def test_a_wish_to_hurry_reaches_the_container(bench: Any, hurry: bool) -> None:
    bench.put("in/a", b"x")
    bench.stop.set()
    if hurry:
        bench.hurry.set()
    assert bench.run().status == "Stopped"
    assert bench.container.hurried is hurry
