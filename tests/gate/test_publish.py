"""Publishing on the scripted engine and a scripted repository: what gets there, and what a fault at any call leaves."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

import pytest

from smlocal.engine.scripted import Script, ScriptedEngine, ScriptedImage
from smlocal.errors import (
    EngineError,
    ImageNotFound,
    NotPublished,
    NotSupported,
    RegistryDenied,
    RegistryError,
    RegistryUnreachable,
    TagIsTaken,
)
from smlocal.examination import Stopped
from smlocal.gate.publish import STEPS, Progress, PublishingStopped
from smlocal.registry.interface import DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, Descriptor, Manifest, digest_of
from smlocal.registry.retries import Waiting
from smlocal.registry.scripted import ScriptedRepository
from smlocal.tree import tar_stream, text_file
from tests.gate.conftest import IMAGE, LAYERS, Bench
from tests.gate.faults import Faulty

OTHER = Manifest(DOCKER_MANIFEST, b'{"another":"image"}')
"""What the tag names before."""


def test_what_is_published_is_the_checked_image_under_a_single_platform_docker_manifest(bench: Bench) -> None:
    published = bench.publisher().publish(IMAGE, bench.id, "1.0")

    repository = bench.repository
    assert repository.tags == {"1.0": published.digest}
    manifest = repository.manifests[published.digest]
    document = json.loads(manifest.content)
    assert (manifest.media_type, document["mediaType"], document["schemaVersion"]) == (DOCKER_MANIFEST,) * 2 + (2,)
    assert document["config"]["mediaType"] == DOCKER_CONFIG
    assert document["config"]["digest"] == published.config_digest == published.image_id == bench.id
    assert {layer["mediaType"] for layer in document["layers"]} == {DOCKER_LAYER}
    assert tuple(gzip.decompress(repository.blobs[layer["digest"]]) for layer in document["layers"]) == LAYERS
    assert [layer.diff_id for layer in published.layers] == [digest_of(layer) for layer in LAYERS]
    assert all(layer.sent for layer in published.layers)
    assert published.sent_bytes == published.size_bytes == sum(map(len, repository.blobs.values()))
    assert tuple(published.seconds) == STEPS
    assert published.reference == f"{repository.name}@{published.digest}"
    assert list(bench.spool.iterdir()) == []


def test_a_second_push_sends_no_blob_and_saves_nothing(bench: Bench) -> None:
    first = bench.publisher().publish(IMAGE, bench.id, "1.0")
    bench.engine.fail("save", EngineError("nothing is to be saved"))
    bench.repository.calls.clear()

    second = bench.publisher().publish(IMAGE, bench.id, "1.0")

    assert (second.digest, second.sent_bytes) == (first.digest, 0)
    assert not any(layer.sent for layer in second.layers)
    assert {method for method, _ in bench.repository.calls} == {"has_blob", "manifest"}


def test_another_tag_of_the_same_image_puts_only_the_tag(bench: Bench) -> None:
    digest = bench.publisher().publish(IMAGE, bench.id, "1.0").digest
    bench.publisher().publish(IMAGE, bench.id, "2.0")
    assert bench.repository.tags == {"1.0": digest, "2.0": digest}
    assert [about for method, about in bench.repository.calls if method == "put_manifest"] == [digest, "1.0", "2.0"]


def test_an_image_that_shares_layers_sends_the_others_alone(bench: Bench) -> None:
    bench.publisher().publish(IMAGE, bench.id, "1.0")
    bench.engine.add_image("team/model:2", ScriptedImage(Script(), layers=(*LAYERS[:3], LAYERS[0][:512] + LAYERS[3])))
    published = bench.publisher().publish("team/model:2", bench.engine.image("team/model:2").id, "2.0")
    assert [layer.sent for layer in published.layers] == [False, False, False, True]


def test_a_layer_that_comes_twice_in_an_image_is_sent_once(bench: Bench) -> None:
    bench.engine.add_image(IMAGE, ScriptedImage(Script(), layers=(LAYERS[0], LAYERS[1], LAYERS[0])))
    published = bench.publisher().publish(IMAGE, bench.id, "1.0")
    sent = [about for method, about in bench.repository.calls if method == "push_blob"]
    assert len(sent) == len(set(sent)) == 3
    assert [layer.diff_id for layer in published.layers] == [digest_of(LAYERS[number]) for number in (0, 1, 0)]


def test_progress_tells_each_step_and_all_bytes(bench: Bench) -> None:
    steps: list[str] = []
    read: list[int] = []
    sent: dict[str, int] = {}
    progress = Progress(steps.append, read.append, lambda blob, total: sent.update({blob.digest: total}))
    published = bench.publisher(progress=progress).publish(IMAGE, bench.id, "1.0")
    assert tuple(steps) == STEPS
    assert read == sorted(read)
    assert read[-1] >= sum(map(len, LAYERS))
    assert sum(sent.values()) == published.size_bytes


def test_an_immutable_tag_that_is_taken_is_said_and_nothing_is_left(bench: Bench) -> None:
    bench.repository.immutable = True
    _name(bench.repository, "1.0", OTHER)
    with pytest.raises(NotPublished, match=rf"\(tag\).*immutable.*names {OTHER.digest}") as raised:
        bench.publisher().publish(IMAGE, bench.id, "1.0")
    assert isinstance(raised.value.__cause__, TagIsTaken)
    assert bench.repository.manifests == {OTHER.digest: OTHER}


def test_an_immutable_tag_of_this_very_image_is_no_failure(bench: Bench) -> None:
    bench.repository.immutable = True
    first = bench.publisher().publish(IMAGE, bench.id, "1.0")
    assert bench.publisher().publish(IMAGE, bench.id, "1.0").digest == first.digest


def test_an_image_that_was_built_anew_meanwhile_is_not_published(bench: Bench) -> None:
    checked = bench.id

    def build(step: str) -> None:
        if step == "compare":
            bench.engine.add_image(IMAGE, ScriptedImage(Script(), layers=LAYERS[:1]))

    with pytest.raises(NotPublished, match=r"names sha256:.* now, and .* was checked: check it again"):
        bench.publisher(progress=Progress(on_step=build)).publish(IMAGE, checked, "1.0")
    assert (bench.repository.tags, bench.repository.manifests) == ({}, {})


def test_an_image_whose_name_is_gone_is_not_published(bench: Bench) -> None:
    checked = bench.id

    def rename(step: str) -> None:
        if step == "compare":
            bench.engine.tag(IMAGE, "other:1")
            bench.engine.remove_image(IMAGE)

    with pytest.raises(NotPublished, match=r"\(compare\)"):
        bench.publisher(progress=Progress(on_step=rename)).publish(IMAGE, checked, "1.0")
    assert bench.repository.manifests == {}


def test_an_image_that_is_not_there_is_not_published(bench: Bench) -> None:
    with pytest.raises(NotPublished, match=r"\(export\)") as raised:
        bench.publisher().publish(IMAGE, f"sha256:{'0' * 64}", "1.0")
    assert isinstance(raised.value.__cause__, ImageNotFound)


def test_a_registry_that_gives_another_manifest_than_it_was_given_gets_no_tag(bench: Bench) -> None:
    class Liar(ScriptedRepository):
        def manifest(self, reference: str) -> Manifest:
            found = super().manifest(reference)
            return Manifest(found.media_type, found.content + b" ")

    liar = Liar()
    with pytest.raises(NotPublished, match=r"\(read back\).*gives another manifest"):
        bench.publisher(liar).publish(IMAGE, bench.id, "1.0")
    assert (liar.tags, liar.manifests) == ({}, {})


def test_a_registry_that_loses_a_blob_gets_no_tag(bench: Bench) -> None:
    def lose(number: int, method: str) -> None:
        if method == "put_manifest":
            bench.repository.blobs.popitem()

    with pytest.raises(NotPublished, match=r"\(read back\).*does not have it: push again"):
        bench.publisher(Faulty(bench.repository, after=lose)).publish(IMAGE, bench.id, "1.0")
    assert (bench.repository.tags, bench.repository.manifests) == ({}, {})


def test_a_registry_that_wants_a_tag_gets_a_temporary_one_that_is_gone_afterwards(bench: Bench) -> None:
    repository = Faulty(bench.repository, before=refuse_without_tag(bench))
    published = bench.publisher(repository).publish(IMAGE, bench.id, "1.0")
    assert bench.repository.tags == {"1.0": published.digest}
    temporary = [about for method, about in bench.repository.calls if method == "remove_tag"]
    assert len(temporary) == 1
    assert temporary[0].startswith("smlocal-")


def test_where_the_temporary_tag_cannot_be_removed_nothing_is_published(bench: Bench) -> None:
    bench.repository.removes_tags = False
    repository = Faulty(bench.repository, before=refuse_without_tag(bench))
    with pytest.raises(NotPublished, match=r"the temporary tag smlocal-[0-9a-f]{16} cannot be removed"):
        bench.publisher(repository).publish(IMAGE, bench.id, "1.0")
    assert (bench.repository.tags, bench.repository.manifests) == ({}, {})


def refuse_without_tag(bench: Bench) -> Callable[[int, str], None]:
    refused = []

    def refuse(number: int, method: str) -> None:
        if method == "put_manifest" and not refused:
            refused.append(number)
            raise RegistryError("a tag is needed")

    return refuse


def test_a_stop_before_the_first_step_sends_nothing(bench: Bench) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(PublishingStopped, match=r"stopped \(export\)\. The tag 1\.0 was not touched"):
        bench.publisher(stop=stop).publish(IMAGE, bench.id, "1.0")
    assert bench.repository.calls == []


def test_a_stop_does_not_wait_for_an_engine_that_is_silent(bench: Bench) -> None:
    silence, stop = threading.Event(), threading.Event()

    class Silent(ScriptedEngine):
        def save(self, reference: str) -> Iterator[bytes]:
            stop.set()
            silence.wait(60)
            yield from super().save(reference)

    bench.engine = Silent()
    bench.engine.add_image(IMAGE, ScriptedImage(Script(), layers=LAYERS))
    began = time.monotonic()
    with pytest.raises(PublishingStopped):
        bench.publisher(stop=stop).publish(IMAGE, bench.id, "1.0")
    assert time.monotonic() - began < 10
    silence.set()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("before", [None, OTHER])
def test_a_stop_at_any_step_leaves_the_tag_as_it_was_and_no_manifest(
    bench: Bench, step: str, before: Manifest | None
) -> None:
    if before is not None:
        _name(bench.repository, "1.0", before)
    stop = threading.Event()

    def ask(begun: str) -> None:
        if begun == step:
            stop.set()

    progress = Progress(on_step=ask)
    if step == "confirm":  # the last look at the request comes before it
        bench.publisher(stop=stop, progress=progress).publish(IMAGE, bench.id, "1.0")
        return
    with pytest.raises(PublishingStopped, match=r"The tag 1\.0 "):
        bench.publisher(stop=stop, progress=progress).publish(IMAGE, bench.id, "1.0")
    assert _state(bench.repository) == _state_of("1.0", before)


def test_a_manifest_that_was_there_before_is_never_removed(bench: Bench) -> None:
    digest = bench.publisher().publish(IMAGE, bench.id, "old").digest
    bench.repository.fail("put_manifest", RegistryDenied("no"))
    with pytest.raises(NotPublished):
        bench.publisher().publish(IMAGE, bench.id, "new")
    assert _state(bench.repository) == ({"old": digest}, {digest})


def test_a_manifest_that_another_push_named_meanwhile_is_not_removed(bench: Bench) -> None:
    def name(step: str) -> None:
        if step == "compare":
            (manifest,) = bench.repository.manifests.values()
            bench.repository.put_manifest(manifest, "theirs")
            bench.engine.fail("image", EngineError("the engine broke off"))

    with pytest.raises(NotPublished, match="stays, for theirs names it"):
        bench.publisher(progress=Progress(on_step=name)).publish(IMAGE, bench.id, "1.0")
    assert list(bench.repository.tags) == ["theirs"]


def test_a_tag_that_cannot_be_taken_back_alone_is_left_rather_than_the_manifest_of_another_tag(bench: Bench) -> None:
    bench.repository.removes_tags = False
    digest = bench.publisher().publish(IMAGE, bench.id, "old").digest
    stop = threading.Event()

    def ask(number: int, method: str) -> None:
        if method == "put_manifest":
            stop.set()

    with pytest.raises(PublishingStopped, match=f"The tag new may name {digest} now"):
        bench.publisher(Faulty(bench.repository, after=ask), stop=stop).publish(IMAGE, bench.id, "new")
    assert bench.repository.tags == {"old": digest, "new": digest}


def test_an_upload_that_fails_ends_those_beside_it(bench: Bench) -> None:
    begun, ended = threading.Barrier(2), threading.Event()
    bench.engine.add_image(IMAGE, ScriptedImage(Script(), layers=LAYERS[:1]))

    class Slow(ScriptedRepository):
        def push_blob(
            self, blob: Descriptor, read: Callable[[], BinaryIO], on_sent: Callable[[int], None] = lambda total: None
        ) -> None:
            begun.wait(10)
            if blob.digest == bench.id:
                raise RegistryDenied("not allowed")
            for _ in range(1000):
                time.sleep(0.01)
                try:
                    on_sent(0)
                except Stopped:
                    ended.set()
                    raise
            raise AssertionError("it went on")

    with pytest.raises(NotPublished, match="not allowed"):
        bench.publisher(Slow()).publish(IMAGE, bench.id, "1.0")
    assert ended.is_set()


def test_a_tag_that_another_push_moved_meanwhile_is_left_to_it(bench: Bench) -> None:
    def move(step: str) -> None:
        if step == "confirm":
            _name(bench.repository, "1.0", OTHER)

    with pytest.raises(NotPublished, match=r"another push came between.*names .* now"):
        bench.publisher(progress=Progress(on_step=move)).publish(IMAGE, bench.id, "1.0")
    assert _state(bench.repository) == ({"1.0": OTHER.digest}, {OTHER.digest})


def test_a_registry_that_removes_nothing_is_left_with_a_manifest_that_has_no_name(bench: Bench) -> None:
    bench.repository.removes = False

    def die(number: int, method: str) -> None:
        if method == "put_manifest":
            bench.engine.fail("image", EngineError("the engine broke off"))

    with pytest.raises(NotPublished, match="may be there without a name, and cannot be removed"):
        bench.publisher(Faulty(bench.repository, after=die)).publish(IMAGE, bench.id, "1.0")
    assert bench.repository.tags == {}


def test_an_image_that_no_docker_manifest_can_hold_is_a_usage_error(bench: Bench) -> None:
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    bench.engine.add_image(
        IMAGE,
        ScriptedImage(
            Script(),
            archive=b"".join(tar_stream([text_file("config.json", config.decode())])),
            image_id=digest_of(config),
        ),
    )
    with pytest.raises(NotSupported, match="has no layers"):
        bench.publisher().publish(IMAGE, bench.id, "1.0")


# a fault at every single call

ERRORS: list[Callable[[], BaseException]] = [
    lambda: RegistryUnreachable("no answer"),
    lambda: RegistryDenied("not allowed"),
    lambda: RegistryError("500 Internal Server Error"),
    KeyboardInterrupt,
]
_MOST_CALLS = 60  # more than a push makes, so that the walk below ends by itself


def _name(repository: ScriptedRepository, tag: str, manifest: Manifest) -> None:
    repository.manifests[manifest.digest] = manifest
    repository.tags[tag] = manifest.digest


def _state(repository: ScriptedRepository) -> tuple[dict[str, str], set[str]]:
    return dict(repository.tags), set(repository.manifests)


def _state_of(tag: str, manifest: Manifest | None) -> tuple[dict[str, str], set[str]]:
    return ({}, set()) if manifest is None else ({tag: manifest.digest}, {manifest.digest})


@pytest.mark.parametrize("before", [None, OTHER], ids=["no tag", "a tag that names another image"])
@pytest.mark.parametrize("effect", ["nothing done", "done, and the answer lost"])
@pytest.mark.parametrize("error", ERRORS, ids=["unreachable", "denied", "refused", "interrupt"])
def test_one_fault_at_any_call_leaves_all_of_it_or_nothing(
    bench: Bench, error: Callable[[], BaseException], effect: str, before: Manifest | None
) -> None:
    """After it the registry works again: nothing is half there, whichever call it was."""
    whole = bench.publisher(ScriptedRepository(), "none").publish(IMAGE, bench.id, "1.0").digest
    failed = set()
    for number in range(_MOST_CALLS):
        repository = ScriptedRepository()
        if before is not None:
            _name(repository, "1.0", before)

        def fault(call: int, method: str, at: int = number) -> None:
            if call == at:
                raise error()

        faulty = Faulty(repository, **{"before" if effect == "nothing done" else "after": fault})
        try:
            published = bench.publisher(faulty, f"cache{number}").publish(IMAGE, bench.id, "1.0")
        except (NotPublished, KeyboardInterrupt):
            failed.add(number)
            assert _state(repository) == _state_of("1.0", before), (number, faulty.calls)
        else:
            assert published.digest == whole
            assert repository.tags == {"1.0": whole}
        assert list(bench.spool.iterdir()) == []
        if number >= len(faulty.calls):
            break
    else:
        raise AssertionError("a push makes more calls than are tried")
    assert len(failed) > 10


@pytest.mark.parametrize("before", [None, OTHER], ids=["no tag", "a tag that names another image"])
def test_a_registry_that_dies_at_any_call_has_no_half_under_the_tag(bench: Bench, before: Manifest | None) -> None:
    """Nothing can be removed any more: what is left has no name, or is the whole image that was compared."""
    whole = bench.publisher(ScriptedRepository(), "none").publish(IMAGE, bench.id, "1.0").digest
    for number in range(_MOST_CALLS):
        repository = ScriptedRepository()
        if before is not None:
            _name(repository, "1.0", before)

        def die(call: int, method: str, at: int = number) -> None:
            if call >= at:
                raise RegistryUnreachable("it is dead")

        faulty = Faulty(repository, after=die)
        try:
            bench.publisher(faulty, f"cache{number}").publish(IMAGE, bench.id, "1.0")
        except NotPublished as error:
            named = repository.tags.get("1.0")
            assert repository.tags.keys() <= {"1.0"}
            if named == whole:
                assert "may name" in error.standing
                assert set(repository.blobs) >= {bench.id}
            else:
                assert named == (None if before is None else before.digest)
        if number >= len(faulty.calls):
            break
    else:
        raise AssertionError("a push makes more calls than are tried")


def test_two_pushes_at_once_of_the_same_and_of_different_tags(bench: Bench) -> None:
    results: dict[int, object] = {}

    def push(number: int) -> None:
        try:
            results[number] = bench.publisher(cache=f"cache{number}").publish(IMAGE, bench.id, f"tag{number // 2}")
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=push, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [getattr(result, "tag", result) for _, result in sorted(results.items())] == [
        f"tag{number // 2}" for number in range(6)
    ]
    assert len(bench.repository.manifests) == 1
    assert len(bench.repository.tags) == 3
    assert list(bench.spool.iterdir()) == []


def test_a_wait_for_the_registry_is_broken_off_when_it_is_asked_to_stop(bench: Bench) -> None:
    """429 with a long Retry-After, or a server that says nothing: `Waiting` is what the wire asks meanwhile."""
    stop, waiting = threading.Event(), Waiting()

    class Slow(ScriptedRepository):
        def manifest(self, reference: str) -> Manifest:
            if not stop.is_set():
                threading.Timer(0.3, stop.set).start()
                waiting.sleep(60)
            waiting.sleep(0.3)  # clearing up waits as long as it needs
            return super().manifest(reference)

    began = time.monotonic()
    with pytest.raises(PublishingStopped, match=r"stopped \(manifest\)\. The tag 1\.0 was not touched\."):
        bench.publisher(Slow(), stop=stop, waiting=waiting).publish(IMAGE, bench.id, "1.0")
    assert time.monotonic() - began < 20
