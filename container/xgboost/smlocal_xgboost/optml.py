"""The /opt/ml tree as this container sees it, and the three JSON files that describe a training job.

Source: AWS developer guide, your-algorithms-training-algo-running-container. The base folder can be moved
with SAGEMAKER_BASE_DIR, as in sagemaker-containers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT_BASE = "/opt/ml"


@dataclass(frozen=True)
class OptMl:
    """Paths below one base folder."""

    base: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> OptMl:
        return cls(Path(environ.get("SAGEMAKER_BASE_DIR") or DEFAULT_BASE))

    @property
    def config(self) -> Path:
        return self.base / "input" / "config"

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def code(self) -> Path:
        return self.base / "code"

    @property
    def output(self) -> Path:
        return self.base / "output"

    @property
    def output_data(self) -> Path:
        return self.output / "data"

    def channel(self, name: str) -> Path:
        return self.base / "input" / "data" / name

    def read_config(self, name: str) -> dict[str, Any]:
        """Read `<name>.json` of the job; raises FileNotFoundError or ValueError as the file deserves."""
        with (self.config / f"{name}.json").open(encoding="utf-8") as handle:
            content: dict[str, Any] = json.load(handle)
        return content

    def read_optional_config(self, name: str) -> dict[str, Any]:
        """The same for a file that the platform writes only when the job asks for it."""
        return self.read_config(name) if (self.config / f"{name}.json").is_file() else {}
