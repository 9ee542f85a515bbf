"""An installed wheel, in an empty virtual environment and an empty folder, has all that smlocal needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from smlocal import __version__

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ROOT = Path(__file__).parent.parent
NEEDED = [
    "smlocal/py.typed",
    "smlocal/images/aws_registries.json",
    "smlocal/report/check.schema.json",
    "smlocal/report/compare.schema.json",
    "smlocal/share/container/base/Dockerfile",
    "smlocal/share/container/base/customize.sh",
    "smlocal/share/container/sklearn/Dockerfile",
    "smlocal/share/container/sklearn/build-settings/README.md",
    "smlocal/share/container/xgboost/Dockerfile",
    "smlocal/share/container/xgboost/build-settings/README.md",
    "smlocal/share/fixtures/iris.csv",
    "smlocal/share/labs/README.md",
]
FORBIDDEN = ("__pycache__", "build-settings/pip.conf", "build-settings/ca.crt", "tests/", ".pyc")


def run(*argv: str | Path, folder: Path, codes: tuple[int, ...] = (0,)) -> str:
    """Run a command without this test's own environment of Python; its output, or a failure that shows it."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE", "COV_"))
    }
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode in codes, f"{argv} gave {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, folder=folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def smlocal(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a virtual environment that holds the wheel and what it requires."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, with_pip=True)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", wheel, folder=folder)
    return folder / "bin" / "smlocal"


def test_the_wheel_holds_the_images_the_labs_and_the_data_and_nothing_of_this_machine(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in NEEDED if name not in names] == []
    assert [name for name in names if any(part in name for part in FORBIDDEN)] == []


def test_the_installed_command_knows_its_version_in_an_empty_folder(smlocal: Path, tmp_path: Path) -> None:
    assert run(smlocal, "--version", folder=tmp_path).strip() == f"smlocal {__version__}"


def test_what_travels_in_the_wheel_is_found_there(smlocal: Path, tmp_path: Path) -> None:
    code = "from smlocal.shipped import *; print(shipped_folder('container'), iris_csv().stat().st_size)"
    folder, size = run(smlocal.parent / "python", "-c", code, folder=tmp_path).split()
    assert folder.startswith(str(smlocal.parent.parent))
    assert int(size) == (ROOT / "fixtures" / "iris.csv").stat().st_size


def test_the_wheels_images_are_those_of_the_repository(smlocal: Path, tmp_path: Path) -> None:
    """The content of an image does not depend on where its files lie, so that nothing is built a second time."""
    run(smlocal, "images", "build", folder=tmp_path)
    rows = json.loads(run(smlocal, "--format", "json", "images", "list", folder=tmp_path))["images"]
    assert [(row["name"], row["present"], row["current"]) for row in rows] == [
        ("base", True, True),
        ("sklearn", True, True),
        ("xgboost", True, True),
    ]


def test_the_installed_command_examines_the_machine(smlocal: Path, tmp_path: Path) -> None:
    """What it finds is the machine's business; that it finds the wheel's images up to date, the wheel's."""
    run(smlocal, "images", "build", folder=tmp_path)
    report = json.loads(run(smlocal, "doctor", "--format", "json", folder=tmp_path, codes=(0, 3)))
    levels = {row["name"]: row["level"] for row in report["checks"]}
    assert levels["engine"] == "ok"
    assert {levels[f"image-{name}"] for name in ("base", "sklearn", "xgboost")} == {"ok"}


def test_the_installed_command_trains_a_model(smlocal: Path, tmp_path: Path) -> None:
    run(smlocal, "images", "build", "sklearn", folder=tmp_path)
    said = run(
        smlocal, "train", "smlocal/sklearn", "--channel", f"train={ROOT / 'fixtures/iris.csv'},content-type=text/csv",
        "-p", "n_estimators=5", "--output", "out", "--job-name", "first", "--state", "state", folder=tmp_path,
    )  # fmt: skip
    assert said.endswith("\nCompleted\n")
    assert tarfile.is_tarfile(tmp_path / "out/first/output/model.tar.gz")


def test_the_installed_command_runs_the_labs(smlocal: Path, tmp_path: Path) -> None:
    found = json.loads(run(smlocal, "demo", "--format", "json", "--state", "state", folder=tmp_path))
    assert (found["problems"], found["rows"]) == ([], 150)


def test_pytest_finds_the_installed_plugin(smlocal: Path, tmp_path: Path) -> None:
    run(smlocal.parent / "python", "-m", "pip", "install", "--quiet", "pytest", folder=tmp_path)
    run(smlocal, "images", "build", "sklearn", folder=tmp_path)
    (tmp_path / "smlocal.toml").write_text("[check]\ntrain = false\nserve = false\n")
    said = run(smlocal.parent / "pytest", "--smlocal-image", "smlocal/sklearn", "-k", "SM110", folder=tmp_path)
    assert " 1 passed, " in said
