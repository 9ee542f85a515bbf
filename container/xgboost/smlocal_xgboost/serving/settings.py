"""What the environment says about serving, read once.

Source: aws/sagemaker-xgboost-container and sagemaker-containers 2.8.6, observed; SAGEMAKER_BATCH from the AWS
developer guide, your-algorithms-batch-code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from smlocal_xgboost import cpus
from smlocal_xgboost.errors import PlatformError
from smlocal_xgboost.optml import OptMl

MEBIBYTE = 1024 * 1024
DEFAULT_MAX_CONTENT = 6 * MEBIBYTE


@dataclass(frozen=True)
class Settings:
    """Sizes in bytes, times in seconds."""

    tree: OptMl
    port: int = 8080
    workers: int = 1
    timeout: int = 60
    max_content: int = DEFAULT_MAX_CONTENT
    default_accept: str = "text/csv"
    batch: bool = False
    ensemble: bool = True
    multi_model: bool = False
    output_keys: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Settings:
        """Read the environment; raises PlatformError for a number that is none."""
        keys = environ.get("SAGEMAKER_INFERENCE_OUTPUT", "").replace(" ", "").lower()
        multi_model = environ.get("SAGEMAKER_MULTI_MODEL") == "true"
        # The models of a multi-model server live in one process, which the threads share.
        workers = 1 if multi_model else _number(environ, "SAGEMAKER_MODEL_SERVER_WORKERS", cpus.available())
        return cls(
            tree=OptMl.of(environ),
            port=_number(environ, "SAGEMAKER_BIND_TO_PORT", 8080),
            workers=workers,
            timeout=_number(environ, "SAGEMAKER_MODEL_SERVER_TIMEOUT", 60),
            max_content=_number(environ, "MAX_CONTENT_LENGTH", DEFAULT_MAX_CONTENT),
            default_accept=environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or "text/csv",
            batch=bool(environ.get("SAGEMAKER_BATCH")),
            ensemble=environ.get("SAGEMAKER_INFERENCE_ENSEMBLE", "true") == "true",
            multi_model=multi_model,
            output_keys=tuple(keys.split(",")) if keys else (),
            environ=environ,
        )


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name)
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        raise PlatformError(f"Environment variable {name} is not a number: {text!r}") from None
