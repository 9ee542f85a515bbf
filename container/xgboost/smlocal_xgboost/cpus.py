"""How many CPUs the container has: the machine's, less what affinity and the cgroup's quota leave of them.

On SageMaker a container has all vCPUs of its instance; locally the same number comes as a quota.

Source: kernel documentation of cgroup v1 (cpu.cfs_quota_us) and v2 (cpu.max).
"""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def available(cgroup: Path = CGROUP) -> int:
    """At least 1."""
    seen = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroup)
    return max(1, min(seen, math.ceil(quota))) if quota else seen


def _quota(cgroup: Path) -> float | None:
    """CPUs that the cgroup may use; None without a limit."""
    for name, period in (("cpu.max", None), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            words = (cgroup / name).read_text().split()
            words += (cgroup / period).read_text().split() if period else []
            limit, span = int(words[0]), int(words[1])
        except (OSError, ValueError, IndexError):
            continue
        return limit / span if limit > 0 and span > 0 else None
    return None
