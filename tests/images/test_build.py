"""smlocal's images are built once for each content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smlocal.errors import EngineError, NotSupported, UsageError
from smlocal.images.build import CONTENT_LABEL, ORIGIN_LABEL, ImageBuilder
from smlocal.images.build_settings import BuildSettings

SETTINGS = BuildSettings({"build-settings/ca.crt": b"certificates"}, {"HTTPS_PROXY": "http://proxy.example"})
PUBLIC = "python:3.11-slim"


def debian(customize: Path, architecture: str, archive: Path, on_line: Callable[[str], None]) -> None:
    archive.write_bytes(b"a tree")


def quiet(line: str) -> None:
    pass


def builder(engine: Any, containers: Path, version: str = "1.2.3") -> ImageBuilder:
    return ImageBuilder(engine, containers, SETTINGS, version, bootstrap=debian, clock=iter(range(1000)).__next__)


def test_all_images_are_built_base_first_and_tagged_latest_and_with_the_version(engine: Any, containers: Path) -> None:
    engine.pullable[PUBLIC] = lambda: iter(["pulling"])
    built = builder(engine, containers).build(on_line=quiet)
    assert [(image.name, image.built) for image in built] == [("base", True), ("sklearn", True), ("xgboost", True)]
    for name in ("base", "sklearn", "xgboost"):
        assert {f"smlocal/{name}:latest", f"smlocal/{name}:1.2.3"} <= set(engine.held)
    assert [build.context.name for build in engine.builds] == ["base", "sklearn", "xgboost"]
    assert engine.builds[0].labels[ORIGIN_LABEL] == PUBLIC
    for build in engine.builds[1:]:
        assert build.arguments == {"BASE": "smlocal/base:latest", "HTTPS_PROXY": "http://proxy.example"}
        assert build.extra_files == SETTINGS.files
        assert build.platform is None
    assert all(image.seconds == 1 for image in built)


def test_without_a_registry_the_base_is_debians_and_the_reason_is_said(engine: Any, containers: Path) -> None:
    lines: list[str] = []
    builder(engine, containers).build(["base"], on_line=lines.append)
    assert any("no such host" in line and "Debian packages" in line for line in lines)
    assert [reference for _, reference, _ in engine.imported] == ["smlocal/base:latest"]
    status = builder(engine, containers).list()[0]
    assert (status.present, status.current, status.origin) == (True, True, "Debian packages")


def test_a_second_build_does_nothing(engine: Any, containers: Path) -> None:
    builder(engine, containers).build(on_line=quiet)
    count = len(engine.builds)
    again = builder(engine, containers).build(on_line=quiet)
    assert [image.built for image in again] == [False] * 3
    assert (len(engine.builds), len(engine.imported)) == (count, 1)


def test_another_version_with_the_same_content_is_only_tagged(engine: Any, containers: Path) -> None:
    builder(engine, containers).build(on_line=quiet)
    again = builder(engine, containers, "1.2.4").build(on_line=quiet)
    assert [image.built for image in again] == [False] * 3
    assert engine.held["smlocal/sklearn:1.2.4"].id == engine.held["smlocal/sklearn:1.2.3"].id


def change_text(containers: Path) -> None:
    (containers / "sklearn" / "Dockerfile").write_text("FROM x\n", encoding="utf-8")


def change_mode(containers: Path) -> None:
    (containers / "sklearn" / "Dockerfile").chmod(0o755)


def add_file(containers: Path) -> None:
    (containers / "sklearn" / "new").write_text("", encoding="utf-8")


def change_base(containers: Path) -> None:
    (containers / "base" / "customize.sh").write_text("#!/bin/sh\ntrue\n", encoding="utf-8")


def add_unread_files(containers: Path) -> None:
    for name in ("__pycache__/a.pyc", ".gitignore", "build-settings/ca.crt", ".cache/x"):
        path = containers / "sklearn" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x", encoding="utf-8")


CHANGES = [
    (change_text, [False, True, False]),
    (change_mode, [False, True, False]),
    (add_file, [False, True, False]),
    (change_base, [True, True, True]),
    (add_unread_files, [False, False, False]),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES)
def test_what_changed_and_what_stands_on_it_is_built_again(
    engine: Any, containers: Path, change: Callable[[Path], None], expected: list[bool]
) -> None:
    builder(engine, containers).build(on_line=quiet)
    change(containers)
    assert [not status.current for status in builder(engine, containers).list()] == (
        expected if not expected[0] else [True, False, False]  # the base's new id is known only once it is built
    )
    assert [image.built for image in builder(engine, containers).build(on_line=quiet)] == expected


def test_rebuild_builds_what_was_named(engine: Any, containers: Path) -> None:
    builder(engine, containers).build(on_line=quiet)
    again = builder(engine, containers).build(["sklearn"], rebuild=True, on_line=quiet)
    assert [(image.name, image.built) for image in again] == [("base", False), ("sklearn", True)]


def test_another_platform_is_asked_of_the_engine(engine: Any, containers: Path) -> None:
    engine.pullable[PUBLIC] = lambda: iter(["pulling"])
    builder(engine, containers).build(["base"], platform="linux/arm64", on_line=quiet)
    assert engine.pulled == [(PUBLIC, "linux/arm64")]
    assert [build.platform for build in engine.builds] == ["linux/arm64"]


def test_an_image_of_another_platform_is_up_to_date_when_its_files_are(engine: Any, containers: Path) -> None:
    engine.pullable[PUBLIC] = lambda: iter(["pulling"])
    builder(engine, containers).build(platform="linux/arm64", on_line=quiet)
    listed = builder(engine, containers).list()
    assert [(status.current, status.architecture) for status in listed] == [(True, "arm64")] * 3
    change_text(containers)
    assert [status.current for status in builder(engine, containers).list()] == [True, False, True]


def test_names_and_platforms_that_there_are_not_are_refused(engine: Any, containers: Path) -> None:
    with pytest.raises(UsageError, match="there is no image 'pytorch'; there are: base, sklearn, xgboost"):
        builder(engine, containers).build(["pytorch"], on_line=quiet)
    with pytest.raises(NotSupported, match="'linux/s390x'"):
        builder(engine, containers).build(platform="linux/s390x", on_line=quiet)
    assert engine.builds == []


def test_a_failed_build_is_the_engines_error_and_no_image_is_left(engine: Any, containers: Path) -> None:
    engine.hold(PUBLIC)
    engine.build_error = EngineError("building smlocal/base:latest failed: no space")
    with pytest.raises(EngineError, match="no space"):
        builder(engine, containers).build(on_line=quiet)
    assert [status.present for status in builder(engine, containers).list()] == [False] * 3


def test_an_image_of_the_same_name_from_elsewhere_is_not_taken_for_ours(engine: Any, containers: Path) -> None:
    engine.hold("smlocal/base:latest", labels={CONTENT_LABEL: "other"})
    assert not builder(engine, containers).list()[0].current
    assert builder(engine, containers).build(["base"], on_line=quiet)[0].built
