"""What a training script is told: its arguments and its SM_* variables.

Source: sagemaker-containers 2.8.6, observed with aws/sagemaker-xgboost-container 1.7-1 and 3.0-5.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from smlocal_xgboost import cpus
from smlocal_xgboost.optml import OptMl

PREFIX = "sagemaker_"


@dataclass(frozen=True)
class Job:
    """A script-mode job: its hyperparameters decoded and parted into the script's and the platform's."""

    program: str
    location: str
    hyperparameters: Mapping[str, Any]
    framework: Mapping[str, Any]

    @classmethod
    def of(cls, given: Mapping[str, Any], environ: Mapping[str, str], tree: OptMl) -> Job:
        decoded = {name: decode(text) for name, text in given.items()}
        framework = {name: value for name, value in decoded.items() if name.startswith(PREFIX)}
        program = environ.get("SAGEMAKER_PROGRAM") or framework["sagemaker_program"]
        location = environ.get("SAGEMAKER_SUBMIT_DIRECTORY") or framework.get("sagemaker_submit_directory")
        own = {name: value for name, value in decoded.items() if name not in framework}
        return cls(str(program), str(location or tree.code), own, framework)

    @property
    def module(self) -> str:
        """The module that `python -m` runs."""
        return ".".join(PurePosixPath(self.program).with_suffix("").parts)

    @property
    def arguments(self) -> list[str]:
        """`--name value` for each hyperparameter, in order of names; one letter takes one dash."""
        words = []
        for name, value in sorted(self.hyperparameters.items()):
            words += [f"-{name}" if len(name) == 1 else f"--{name}", "" if value is None else str(value)]
        return words


def decode(text: Any) -> Any:
    """A hyperparameter's value: JSON if it reads as JSON, else the text itself."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text


def variables(job: Job, tree: OptMl, inputs: Mapping[str, Any], resources: Mapping[str, Any]) -> dict[str, str]:
    """The SM_* variables of a training script."""
    values: dict[str, Any] = {
        "hosts": resources.get("hosts", []),
        "current_host": resources.get("current_host", ""),
        "network_interface_name": resources.get("network_interface_name", "eth0"),
        "hps": job.hyperparameters,
        "user_entry_point": job.program,
        "framework_params": job.framework,
        "resource_config": resources,
        "input_data_config": inputs,
        "output_data_dir": str(tree.output_data),
        "channels": sorted(inputs),
        "module_name": job.module,
        "module_dir": job.location,
        "framework_module": "sagemaker_xgboost_container.training:main",
        "input_dir": str(tree.base / "input"),
        "input_config_dir": str(tree.config),
        "output_dir": str(tree.output),
        "output_intermediate_dir": str(tree.output / "intermediate"),
        "num_cpus": cpus.available(),
        "num_gpus": 0,
        "model_dir": str(tree.model),
        "user_args": job.arguments,
        "log_level": job.framework.get("sagemaker_container_log_level", 20),
    }
    values["training_env"] = {
        **values,
        "hyperparameters": job.hyperparameters,
        "channel_input_dirs": {name: str(tree.channel(name)) for name in inputs},
        "job_name": job.framework.get("sagemaker_job_name"),
    }
    named = {f"SM_{name.upper()}": encode(value) for name, value in values.items()}
    named |= {f"SM_CHANNEL_{name.upper()}": str(tree.channel(name)) for name in inputs}
    named |= {f"SM_HP_{name.upper()}": encode(value) for name, value in job.hyperparameters.items()}
    return named


def encode(value: Any) -> str:
    """Text as it is, everything else as compact JSON with sorted keys."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
