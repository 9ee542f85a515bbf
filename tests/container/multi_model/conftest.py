"""The program of container/multi_model, importable, and models for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CONTAINER = Path(__file__).resolve().parents[3] / "container" / "multi_model"
sys.path.insert(0, str(CONTAINER / "program"))

NEAR_AND_FAR = {"labels": ["near", "far"], "centroids": [[0, 0], [10, 10]]}


@pytest.fixture
def model_folder(tmp_path: Path) -> Callable[..., Path]:
    """Write a model, by default one of two classes; `padding` makes its folder bigger by so many bytes."""

    def write(name: str = "model", content: Any = NEAR_AND_FAR, padding: int = 0) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "centroids.json").write_text(content if isinstance(content, str) else json.dumps(content))
        (folder / "padding").write_bytes(bytes(padding))
        return folder

    return write
