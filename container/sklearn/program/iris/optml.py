"""Where SageMaker puts what a container reads, and where it looks for what the container wrote.

Source: AWS developer guide, your-algorithms-training-algo-running-container and your-algorithms-inference-code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FAILURE_CHARACTERS = 1024
MODEL_FILE = "model.joblib"


class JobError(Exception):
    """The job cannot go on for a reason that its user can mend; the text is one sentence for them."""


class OptML:
    """The `/opt/ml` tree, or a copy of it elsewhere for tests."""

    def __init__(self, root: Path = Path("/opt/ml")) -> None:
        self.root = root
        self.model = root / "model"
        self.model_file = self.model / MODEL_FILE
        self.failure_file = root / "output" / "failure"

    def config(self, name: str) -> dict[str, Any]:
        """The JSON object in `input/config/<name>.json`; an absent file is an empty one."""
        path = self.root / "input" / "config" / f"{name}.json"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise JobError(f"{path} cannot be read as JSON: {error}") from error
        if not isinstance(content, dict):
            raise JobError(f"{path} must hold a JSON object.")
        return content

    def channel(self, name: str) -> Path | None:
        """The folder of a channel, or None when the job has no such channel."""
        folder = self.root / "input" / "data" / name
        return folder if folder.is_dir() else None

    def write_failure(self, text: str) -> None:
        """Leave the sentence that SageMaker shows as FailureReason; it reads the first 1024 characters."""
        self.failure_file.parent.mkdir(parents=True, exist_ok=True)
        clean = text.encode("utf-8", "replace").decode("utf-8")[:FAILURE_CHARACTERS]
        self.failure_file.write_text(clean, encoding="utf-8")
