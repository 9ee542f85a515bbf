"""ml.* instance types: their vCPU, memory and accelerators, and what of them this engine's host can give.

Source: Amazon EC2 instance type pages and the SageMaker pricing page, read 2026-11; the names are those of
botocore's enums TrainingInstanceType, ProductionVariantInstanceType and TransformInstanceType, and a test holds
that every one of them is known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from smlocal.errors import InvalidRequest, NotSupported

GIBIBYTE = 1024**3

_TYPE = re.compile(r"ml\.([a-z0-9]+(?:-[a-z0-9]+)?)\.(medium|large|xlarge|[0-9]+xlarge)")

# GiB of memory for each vCPU
_RATIO = {
    **dict.fromkeys(("c4",), 1.875),
    **dict.fromkeys(("c5", "c5d", "c6g", "c6gd", "c6gn", "c6i", "c6in", "c7g", "c7i", "c7i-flex"), 2.0),
    **dict.fromkeys(("c8g", "c8i", "c8i-flex"), 2.0),
    **dict.fromkeys(("c5n",), 2.625),
    **dict.fromkeys(("m4", "m5", "m5d", "m6g", "m6gd", "m6i", "m7i", "m7i-flex", "m8g", "m8i", "m8i-flex"), 4.0),
    **dict.fromkeys(("r5", "r5d", "r6g", "r6gd", "r6i", "r7gd", "r7i", "r8g", "r8i", "r8i-flex"), 8.0),
    **dict.fromkeys(("t2", "t3"), 4.0),
    **dict.fromkeys(("g4dn", "g5", "g6", "g7"), 4.0),
    **dict.fromkeys(("g6e", "g7e"), 8.0),
    **dict.fromkeys(("inf1",), 2.0),
    **dict.fromkeys(("inf2", "trn1", "trn1n"), 4.0),
}
_MEMORY = {  # GiB, where the ratio does not hold
    "ml.c4.8xlarge": 60.0,
    "ml.t2.medium": 4.0,
    "ml.t3.medium": 4.0,
    "ml.g7e.12xlarge": 512.0,
    "ml.g7e.24xlarge": 1024.0,
    "ml.g7e.48xlarge": 2048.0,
    "ml.p2.xlarge": 61.0,
    "ml.p2.8xlarge": 488.0,
    "ml.p2.16xlarge": 732.0,
    "ml.p3.2xlarge": 61.0,
    "ml.p3.8xlarge": 244.0,
    "ml.p3.16xlarge": 488.0,
    "ml.p3dn.24xlarge": 768.0,
    "ml.p4d.24xlarge": 1152.0,
    "ml.p4de.24xlarge": 1152.0,
    "ml.p5.4xlarge": 256.0,
    "ml.p5.48xlarge": 2048.0,
    "ml.p5e.48xlarge": 2048.0,
    "ml.p5en.48xlarge": 2048.0,
    "ml.p6-b200.48xlarge": 2048.0,
    "ml.p6-b300.48xlarge": 4096.0,
    "ml.p6e-gb200.36xlarge": 960.0,
    "ml.dl1.24xlarge": 768.0,
    "ml.trn2.48xlarge": 2048.0,
}
_CPUS = {"ml.c4.8xlarge": 36, "ml.t2.medium": 2, "ml.t3.medium": 2}
_GPU_FAMILY = re.compile(r"(g\d|p\d)")
_NEURON_FAMILY = re.compile(r"(inf|trn|dl)\d")
_ARM_FAMILY = re.compile(r"[a-z]\d+g(d|n)?|p6e-gb200")


@dataclass(frozen=True)
class Instance:
    """An instance type as AWS sells it."""

    name: str
    cpus: int
    memory_bytes: int
    accelerator: Literal["none", "gpu", "neuron"]
    architecture: Literal["amd64", "arm64"]


@dataclass(frozen=True)
class Granted:
    """What a container gets of an instance on this host; `notes` say where that is less."""

    instance: Instance
    cpus: float
    memory_bytes: int
    gpus: bool
    notes: tuple[str, ...]


def instance(name: str) -> Instance:
    """The type of that name. Raises InvalidRequest when there is none."""
    match = _TYPE.fullmatch(name)
    if match is None:
        raise InvalidRequest(f"'{name}' is not an instance type; they look like 'ml.m5.large'")
    family, size = match.groups()
    cpus = _CPUS.get(name) or _cpus(size)
    memory = _MEMORY.get(name) or (_RATIO[family] * cpus if family in _RATIO else None)
    if memory is None:
        raise NotSupported(f"smlocal does not know the instance type '{name}': choose another, such as 'ml.m5.large'")
    return Instance(name, cpus, int(memory * GIBIBYTE), _accelerator(family), _architecture(family))


def _cpus(size: str) -> int:
    if size == "medium":
        return 1
    if size == "large":
        return 2
    return 4 * int(size.removesuffix("xlarge") or 1)


def _accelerator(family: str) -> Literal["none", "gpu", "neuron"]:
    if _NEURON_FAMILY.match(family):
        return "neuron"
    return "gpu" if _GPU_FAMILY.match(family) else "none"


def _architecture(family: str) -> Literal["amd64", "arm64"]:
    return "arm64" if _ARM_FAMILY.fullmatch(family) and not _GPU_FAMILY.fullmatch(family) else "amd64"


def grant(wanted: Instance, *, cpus: int, memory_bytes: int, has_gpu: bool) -> Granted:
    """The part of `wanted` that a host with so many CPUs, bytes and GPUs can give.

    vCPU and memory are clamped to the host and a note says so. Raises NotSupported for an accelerator that the host
    does not have: a program that finds none would fail for a reason that AWS would not have.
    """
    if wanted.accelerator == "neuron":
        raise NotSupported(f"{wanted.name} has AWS accelerators that only AWS has: choose a CPU or GPU instance type")
    if wanted.accelerator == "gpu" and not has_gpu:
        raise NotSupported(
            f"{wanted.name} has a GPU and the container engine here has none: choose a CPU instance type such as"
            " ml.m5.large, or install the NVIDIA container toolkit"
        )
    notes = []
    if wanted.cpus > cpus:
        notes.append(f"{wanted.name} has {wanted.cpus} vCPU, the engine's host {cpus}: the container gets {cpus}")
    if wanted.memory_bytes > memory_bytes:
        notes.append(
            f"{wanted.name} has {wanted.memory_bytes / GIBIBYTE:g} GiB of memory, the engine's host"
            f" {memory_bytes / GIBIBYTE:.1f}: the container gets {memory_bytes / GIBIBYTE:.1f}"
        )
    return Granted(
        wanted,
        min(wanted.cpus, cpus),
        min(wanted.memory_bytes, memory_bytes),
        wanted.accelerator == "gpu",
        tuple(notes),
    )
