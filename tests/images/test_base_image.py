"""Where the base image comes from."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from smlocal.errors import CannotRun, EngineUnavailable, NotSupported
from smlocal.images.base_image import import_debian_base, mmdebstrap, obtain_public_image, public_image

PUBLIC = "python:3.11-slim"


def quiet(line: str) -> None:
    pass


def test_the_public_image_is_the_one_that_the_dockerfile_names(containers: Path) -> None:
    assert public_image(containers / "base") == PUBLIC
    (containers / "base" / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    with pytest.raises(CannotRun, match="names no public image"):
        public_image(containers / "base")


def test_a_public_image_that_the_engine_holds_is_not_pulled(engine: Any) -> None:
    engine.hold(PUBLIC)
    assert obtain_public_image(engine, PUBLIC, "linux/amd64", quiet) is None
    assert engine.pulled == []


def test_a_public_image_is_pulled_for_the_platform(engine: Any) -> None:
    engine.pullable[PUBLIC] = lambda: iter(["a", "b"])
    lines: list[str] = []
    assert obtain_public_image(engine, PUBLIC, "linux/amd64", lines.append) is None
    assert engine.pulled == [(PUBLIC, "linux/amd64")]
    assert lines == ["a", "b"]


def test_a_refusal_gives_its_reason(engine: Any) -> None:
    assert "no such host" in (obtain_public_image(engine, PUBLIC, "linux/amd64", quiet) or "")


def test_an_engine_that_is_gone_is_no_refusal(engine: Any) -> None:
    engine.pull_error = EngineUnavailable("gone")
    with pytest.raises(EngineUnavailable, match="gone"):
        obtain_public_image(engine, PUBLIC, "linux/amd64", quiet)


def test_a_registry_that_says_nothing_is_given_up_and_not_heard_later(engine: Any) -> None:
    speak, spoken = threading.Event(), threading.Event()

    def silent() -> Iterator[str]:
        speak.wait(30)
        spoken.set()
        yield "too late"

    engine.pullable[PUBLIC] = silent
    lines: list[str] = []
    reason = obtain_public_image(engine, PUBLIC, "linux/amd64", lines.append, seconds=0.05)
    assert reason is not None and "no answer from the registry" in reason
    speak.set()
    assert spoken.wait(30)
    assert lines == []


def test_debians_tree_becomes_the_image_with_its_settings_and_labels(engine: Any, containers: Path) -> None:
    asked: list[tuple[Path, str]] = []

    def bootstrap(customize: Path, architecture: str, archive: Path, on_line: Callable[[str], None]) -> None:
        asked.append((customize, architecture))
        archive.write_bytes(b"a tree")

    folder = containers / "base"
    import_debian_base(engine, folder, "x/base:latest", "linux/amd64", ["LABEL a=b"], bootstrap, quiet)
    assert asked == [(folder / "customize.sh", "amd64")]
    ((data, reference, changes),) = engine.imported
    assert (data, reference) == (b"a tree", "x/base:latest")
    assert changes[-1] == "LABEL a=b"
    assert any(change.startswith("ENV PATH=/usr/local/bin:") for change in changes)


def test_without_a_registry_no_other_architecture_can_be_had(engine: Any, containers: Path) -> None:
    with pytest.raises(NotSupported, match=r"linux/amd64.*not for linux/arm64"):
        import_debian_base(engine, containers / "base", "x", "linux/arm64", [], mmdebstrap, quiet)


def program(folder: Path, text: str) -> None:
    path = folder / "mmdebstrap"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def test_without_mmdebstrap_the_sentence_says_how_to_get_it(
    tmp_path: Path, containers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(CannotRun, match="apt-get install --yes mmdebstrap debian-archive-keyring"):
        mmdebstrap(containers / "base" / "customize.sh", "amd64", tmp_path / "base.tar", quiet)


def test_mmdebstrap_is_told_what_to_make(tmp_path: Path, containers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, 'printf "%s\\n" "$@"')
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    lines: list[str] = []
    mmdebstrap(containers / "base" / "customize.sh", "amd64", tmp_path / "base.tar", lines.append)
    assert "--architectures=amd64" in lines
    assert f'--customize-hook=sh {containers}/base/customize.sh "$1"' in lines
    assert lines[lines.index("bookworm") + 1] == str(tmp_path / "base.tar")


def test_a_failure_of_mmdebstrap_gives_its_last_lines(
    tmp_path: Path, containers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "echo W: mirror is old; echo E: no mirror >&2; exit 25")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(CannotRun, match=r"(?s)could not make the base image:\nW: mirror is old\nE: no mirror"):
        mmdebstrap(containers / "base" / "customize.sh", "amd64", tmp_path / "base.tar", quiet)
