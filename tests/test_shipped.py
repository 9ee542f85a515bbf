"""What travels beside the code is found in a wheel and in a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from smlocal.errors import CannotRun
from smlocal.shipped import iris_csv, shipped_folder


def test_an_installed_wheel_has_it_in_share_and_a_checkout_at_its_root(tmp_path: Path) -> None:
    package = tmp_path / "emulator" / "smlocal"
    (package / "share" / "labs").mkdir(parents=True)
    (tmp_path / "container").mkdir()
    (tmp_path / "labs").mkdir()
    assert shipped_folder("labs", package) == package / "share" / "labs"
    assert shipped_folder("container", package) == tmp_path / "container"
    with pytest.raises(CannotRun, match="the folder 'fixtures' is missing"):
        shipped_folder("fixtures", package)


def test_the_images_and_the_data_are_there() -> None:
    for name in ("base", "sklearn", "xgboost"):
        assert (shipped_folder("container") / name / "Dockerfile").is_file()
    assert len(iris_csv().read_text(encoding="utf-8").splitlines()) == 150
