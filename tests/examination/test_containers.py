"""Each container in `fixtures` breaks its rule, and two break each error rule; the verdict is in `expected.json`."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smlocal.contract import RULES, Severity
from tests.examination.conftest import Examine, differences, plan_in, verdict_on

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
FIRST, SECOND = (
    sorted(path for path in (FIXTURES / name).iterdir() if path.is_dir())
    for name in ("containers", "second_containers")
)
FOLDERS = [*FIRST, *SECOND]
ARM = "arm64"

Build = Callable[[Path], str]


def test_every_rule_has_a_folder_and_every_folder_a_rule() -> None:
    assert [folder.name for folder in FIRST] == [f"{rule.id}-{rule.name}" for rule in RULES]


def test_every_error_rule_has_a_second_folder_and_so_has_what_is_one_under_isolation() -> None:
    wanted = [rule for rule in RULES if rule.severity is Severity.ERROR or rule.id == "SM314"]
    assert [folder.name for folder in SECOND] == [f"{rule.id}-{rule.name}" for rule in wanted]


def _named(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


@pytest.mark.parametrize("folder", FOLDERS, ids=_named)
def test_the_expected_verdict_breaks_the_rule_that_the_folder_is_named_for(folder: Path) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    assert expected[folder.name.partition("-")[0]].startswith("broken")
    assert list(expected) == [rule.id for rule in RULES]


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=_named)
def test_the_verdict_on_a_container_is_the_expected_one(folder: Path, build: Build, examine: Examine) -> None:
    examination = examine(build(folder), plan_in(folder / "smlocal.toml"))
    expected = json.loads((folder / "expected.json").read_text())
    found = differences(verdict_on(examination), expected)
    assert not found, found


@pytest.fixture
def build(build_image: Callable[..., str], docker_client: Any) -> Build:
    """Build a folder, for the platform that its Dockerfile names also where the engine's builder forgets it."""

    def make(folder: Path) -> str:
        tag = build_image(folder, f"smlocal-test/{folder.parent.name}:{folder.name.partition('-')[0].lower()}")
        image = docker_client.images.get(tag)
        if f"--platform=linux/{ARM}" in (folder / "Dockerfile").read_text() and image.attrs["Architecture"] != ARM:
            tag = f"{tag}-{ARM}"
            docker_client.images.load(_for_arm(b"".join(image.save()), tag))
        return tag

    return make


def _for_arm(saved: bytes, tag: str) -> bytes:
    """An image in the archive that `docker save` makes, as one for arm64 with another name."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(saved)) as source, tarfile.open(fileobj=stream, mode="w") as target:
        files = {member: source.extractfile(member) for member in source}
        contents = {member.name: data.read() for member, data in files.items() if data is not None}
        manifest = json.loads(contents["manifest.json"])
        config = manifest[0]["Config"]
        contents[config] = json.dumps({**json.loads(contents[config]), "architecture": ARM}).encode()
        contents["manifest.json"] = json.dumps([{**manifest[0], "RepoTags": [tag]}]).encode()
        contents.pop("repositories", None)
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            target.addfile(member, io.BytesIO(data))
    return stream.getvalue()
