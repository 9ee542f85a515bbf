"""What the environment says, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


class SettingError(ValueError):
    """A variable has a value that cannot be used; the text is one sentence."""


@dataclass(frozen=True)
class Settings:
    """`multi_model` and `port` are the platform's (AWS developer guide, build-multi-model-build-container and
    inference-pipeline-real-time); the others are this image's own."""

    multi_model: bool
    port: int
    threads: int
    most_bytes: int  # of the files of all loaded models
    most_models: int
    page: int  # models on one page of a list

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Raises SettingError."""
        return cls(
            multi_model=environment.get("SAGEMAKER_MULTI_MODEL") == "true",
            port=_number(environment, "SAGEMAKER_BIND_TO_PORT", 8080),
            threads=_number(environment, "MODEL_SERVER_THREADS", 16),
            most_bytes=_number(environment, "MODELS_MEMORY_MB", 256) * MEBIBYTE,
            most_models=_number(environment, "MODELS_AT_MOST", 1000),
            page=_number(environment, "MODELS_PAGE", 100),
        )


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise SettingError(f"{name} is {text!r}; it must be a whole number of at least 1.")
    return int(text)
