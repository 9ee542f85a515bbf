"""One host's part of distributed training, for training scripts: here there is one host only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from smlocal_xgboost.errors import UserError


def wait_hostname_resolution(sm_hosts: Sequence[str]) -> None:
    """Nothing to wait for on one host; raises UserError for more."""
    _refuse_many(sm_hosts)


def rabit_run(
    exec_fun: Callable[..., Any],
    args: Mapping[str, Any],
    include_in_training: bool,
    hosts: Sequence[str],
    current_host: str,
    first_port: int | None = None,
    second_port: int | None = None,
    max_connect_attempts: int | None = None,
    connect_retry_timeout: int = 10,
    update_rabit_args: bool = False,
) -> None:
    """Run the script's training function as the only, and so the master, host; raises UserError for several."""
    _refuse_many(hosts)
    if include_in_training:
        exec_fun(**{**args, "is_master": True} if update_rabit_args else dict(args))


def _refuse_many(hosts: Sequence[str]) -> None:
    if len(hosts) > 1:
        raise UserError(
            f"Distributed training with {len(hosts)} hosts is not supported by this local stand-in: "
            "set InstanceCount to 1"
        )
