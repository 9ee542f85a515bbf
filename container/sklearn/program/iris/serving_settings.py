"""What a serving container is told through its environment."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingError(ValueError):
    """A variable of the environment has a value that cannot be used; the text is one sentence."""


@dataclass(frozen=True)
class ServingSettings:
    """Settings of the server; times in seconds, the body limit in MiB (0: no limit)."""

    workers: int
    timeout: int
    body_limit: int
    port: int
    grace: int

    @classmethod
    def read(cls, environment: Mapping[str, str], processors: int) -> ServingSettings:
        """Settings from the environment's variables; raises SettingError.

        `SAGEMAKER_BIND_TO_PORT` is the platform's own (AWS developer guide, inference-pipeline-real-time).
        """
        return cls(
            workers=_number(environment, "MODEL_SERVER_WORKERS", processors, 1),
            timeout=_number(environment, "MODEL_SERVER_TIMEOUT", 60, 1),
            body_limit=_number(environment, "MODEL_SERVER_MAX_BODY_MB", 100, 0),
            port=_number(environment, "SAGEMAKER_BIND_TO_PORT", 8080, 1),
            # SageMaker kills the container 30 s after SIGTERM; running requests get most of them.
            grace=_number(environment, "MODEL_SERVER_GRACE", 20, 0),
        )


def _number(environment: Mapping[str, str], name: str, default: int, minimum: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return default
    try:
        number = int(text)
    except ValueError:
        number = minimum - 1
    if number < minimum:
        raise SettingError(f"{name} is {text!r}; it must be a whole number of at least {minimum}.")
    return number


def processors(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """How many CPUs this container may use: those of the machine, or fewer by its cgroup's quota (v2 or v1)."""
    available = len(os.sched_getaffinity(0))
    quota = _quota(cgroup)
    return max(1, min(available, math.ceil(quota))) if quota else available


def _quota(cgroup: Path) -> float | None:
    try:
        limit, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            limit = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    try:
        return int(limit) / int(period) if int(limit) > 0 else None
    except (ValueError, ZeroDivisionError):  # "max": no quota
        return None
