"""Where the files lie that travel with smlocal beside its code: the images' folders, the labs, the demo's data.

In an installed wheel they are in `smlocal/share`; in a checkout, at the root of the repository.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from smlocal.errors import CannotRun

Shipped = Literal["container", "labs", "fixtures"]


def shipped_folder(name: Shipped, package: Path | None = None) -> Path:
    """The folder `name`. `package` is the folder of the package (default: this one's).

    Raises CannotRun when the installation is incomplete.
    """
    package = Path(__file__).resolve().parent if package is None else package
    for root in (package / "share", package.parent.parent):
        if (root / name).is_dir():
            return root / name
    raise CannotRun(f"the folder '{name}' is missing from this installation of smlocal; install it again")


def iris_csv() -> Path:
    """Fisher's Iris data, 150 records, label first, no header."""
    return shipped_folder("fixtures") / "iris.csv"
