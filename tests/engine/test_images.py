"""What an engine says of itself and of images; building, tagging and removing them; an engine that is away."""

from __future__ import annotations

import hashlib
import json
import socket
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from smlocal.engine.docker import DockerEngine
from smlocal.engine.interface import ContainerSpec, Engine
from smlocal.engine.scripted import Script, ScriptedEngine
from smlocal.errors import EngineError, EngineUnavailable, ImageNotFound
from smlocal.streams import reader_of
from tests.engine.adapters import ALL, IMAGE, REAL
from tests.engine.programs import exits
from tests.engine.stage import Stage

on_every_engine = pytest.mark.parametrize("adapter", ALL, indirect=True)
on_real_engines = pytest.mark.parametrize("adapter", REAL, indirect=True)


@pytest.fixture
def reference(stage: Stage) -> Iterator[str]:
    """A reference for an image that the test makes; removed afterwards."""
    name = f"{stage.name('image')}:1"
    yield name
    for tag in {tag for facts in stage.engine.images(name.rpartition(":")[0]) for tag in facts.tags}:
        stage.engine.remove_image(tag)


@on_every_engine
def test_an_engine_says_what_it_is(stage: Stage) -> None:
    facts = stage.engine.facts()
    for name, value in stage.adapter.differences.facts.items():
        assert getattr(facts, name) == value
    assert all((facts.version, facts.api_version, facts.operating_system, facts.storage_driver, facts.root_directory))
    assert facts.architecture in ("amd64", "arm64")
    assert facts.cpus >= 1
    assert facts.memory_bytes > 2**28
    assert facts.host_id
    assert facts.address
    assert stage.engine.facts() == facts


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.xdist_group("second daemon")
def test_two_engines_of_one_machine_are_told_apart(local_engine: Engine, second_engine: Engine) -> None:
    assert local_engine.facts().host_id != second_engine.facts().host_id
    assert (local_engine.facts().shares_this_machine, second_engine.facts().shares_this_machine) == (True, False)


@on_every_engine
def test_an_image_says_what_it_is(stage: Stage) -> None:
    facts = stage.engine.image(IMAGE)
    assert facts.id.startswith("sha256:")
    assert IMAGE in facts.tags
    assert (facts.operating_system, facts.architecture) == ("linux", stage.engine.facts().architecture)
    assert facts.command == ("python3",)
    assert "PATH" in facts.environment
    assert facts.created.startswith("20")
    assert facts.manifest_type.startswith("application/vnd.") is stage.adapter.differences.keeps_manifests
    listed = {item.id: item for item in stage.engine.images("smlocal/base")}
    # other tests tag it meanwhile
    assert replace(facts, tags=()) == replace(listed[facts.id], tags=())
    assert IMAGE in listed[facts.id].tags
    assert stage.engine.images("smlocal-suite-none") == []


@on_every_engine
def test_a_second_tag_names_the_same_image_and_goes_alone(stage: Stage, reference: str) -> None:
    stage.engine.tag(IMAGE, reference)
    assert stage.engine.image(reference).id == stage.engine.image(IMAGE).id
    stage.engine.remove_image(reference)
    with pytest.raises(ImageNotFound):
        stage.engine.image(reference)
    assert IMAGE in stage.engine.image(IMAGE).tags


@on_every_engine
def test_an_image_that_does_not_exist_is_said_so(stage: Stage) -> None:
    for ask in (
        lambda: stage.engine.image("smlocal-suite-none:1"),
        lambda: stage.engine.history("smlocal-suite-none:1"),
        lambda: stage.engine.tag("smlocal-suite-none:1", "smlocal-suite-other:1"),
        lambda: list(stage.engine.save("smlocal-suite-none:1")),
        lambda: stage.engine.remove_image("smlocal-suite-none:1"),
    ):
        with pytest.raises(ImageNotFound, match="smlocal-suite-none"):
            ask()


@on_every_engine
def test_an_image_that_cannot_be_pulled_is_said_so(stage: Stage) -> None:
    with pytest.raises(ImageNotFound, match=r"registry\.invalid/none"):
        list(stage.engine.pull("registry.invalid/none:1"))


@on_every_engine
def test_a_saved_image_holds_the_configuration_that_is_its_id_and_the_layers_that_it_names(stage: Stage) -> None:
    facts = stage.engine.image(IMAGE)
    found: dict[str, bytes] = {}
    layers = set()
    with tarfile.open(fileobj=reader_of(stage.engine.save(facts.id)), mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is None:
                continue
            if member.size < 100_000 and member.name.endswith(".json"):
                found[member.name] = content.read()
            else:
                digest = hashlib.sha256()
                while data := content.read(2**20):
                    digest.update(data)
                layers.add(f"sha256:{digest.hexdigest()}")
    (entry,) = json.loads(found["manifest.json"])
    config = found[entry["Config"]]
    assert f"sha256:{hashlib.sha256(config).hexdigest()}" == facts.id
    assert json.loads(config)["rootfs"]["diff_ids"] == list(facts.layers)
    assert set(facts.layers) <= layers


@on_every_engine
def test_an_image_need_not_be_saved_to_its_end(stage: Stage) -> None:
    stream = stage.engine.save(IMAGE)
    assert next(stream)
    stream.close()
    assert stage.engine.image(IMAGE)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A build context with an ignored file, a target and an argument."""
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "Dockerfile").write_text(
        f"FROM {IMAGE} AS first\nARG WORD\nCOPY . /opt/program/\nRUN echo $WORD > /opt/word\n"
        'ENTRYPOINT ["cat"]\nFROM first AS second\nRUN echo never\n'
    )
    (folder / ".dockerignore").write_text("*.secret\n")
    (folder / "kept").write_text("kept\n")
    (folder / "left.secret").write_text("no\n")
    return folder


@on_real_engines
def test_an_image_is_built_of_a_folder_and_extra_files(stage: Stage, reference: str, context: Path) -> None:
    second = reference.replace(":1", ":2")
    lines = list(
        stage.engine.build(
            context,
            (reference, second),
            target="first",
            arguments={"WORD": "hello"},
            labels={"smlocal-suite": "built"},
            extra_files={"added/extra": b"extra\n"},
        )
    )

    assert any("COPY" in line for line in lines)
    facts = stage.engine.image(reference)
    assert {reference, second} <= set(facts.tags)
    assert (facts.labels["smlocal-suite"], facts.entrypoint) == ("built", ("cat",))
    history = stage.engine.history(reference)
    given = next(number for number, line in enumerate(history) if "WORD=hello" in line)
    assert any("ENTRYPOINT" in line for line in history[given:]), history
    files = ("/opt/program/kept", "/opt/program/added/extra", "/opt/word")
    assert stage.run(exits(0), image=reference, command=files).output() == b"kept\nextra\nhello\n"
    left = stage.run(exits(0), image=reference, command=("/opt/program/left.secret",))
    assert left.state.exit_code == 1


@on_real_engines
def test_a_build_that_fails_says_the_step_and_its_last_words(stage: Stage, reference: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\nRUN echo last words; exit 9\n")
    with pytest.raises(EngineError) as raised:
        list(stage.engine.build(tmp_path, (reference,)))
    assert all(words in str(raised.value) for words in (reference, "RUN echo last words", "\nlast words", "9"))


@on_every_engine
def test_an_image_is_made_of_a_root_file_system(stage: Stage, reference: str, tmp_path: Path) -> None:
    (tmp_path / "hello").write_bytes(b"hello")
    with tarfile.open(tmp_path / "root.tar", "w") as archive:
        archive.add(tmp_path / "hello", "opt/hello")

    identifier = stage.engine.import_image(tmp_path / "root.tar", reference, ("ENV A=b",))

    assert stage.engine.image(reference).id == identifier
    container = stage.engine.create_container(
        ContainerSpec(reference, stage.name("container"), stage.labels, command=("none",))
    )
    assert stage.file(container, "/opt/hello") == b"hello"


def test_an_engine_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable) as raised:
        DockerEngine(f"unix://{tmp_path}/none.sock")
    assert "does not answer" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_engine_that_hangs_up_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(EngineUnavailable, match="does not answer"):
        DockerEngine(f"tcp://127.0.0.1:{port}")


def test_a_scripted_engine_that_goes_away_is_the_same_sentence() -> None:
    engine = ScriptedEngine()
    engine.add_image("x", Script())
    engine.away = True
    with pytest.raises(EngineUnavailable, match="does not answer"):
        engine.image("x")
