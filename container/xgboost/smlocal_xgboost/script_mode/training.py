"""Training with the customer's own program: `python -m <module> --name value ...` in /opt/ml/code.

Whatever code the program ends with, the job's is 1, and the failure file names the command but not what it said.

Source: sagemaker-containers 2.8.6, observed with aws/sagemaker-xgboost-container 1.7-1 and 3.0-5.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from smlocal_xgboost.errors import ScriptError, UserError
from smlocal_xgboost.optml import OptMl
from smlocal_xgboost.script_mode import source
from smlocal_xgboost.script_mode.environment import Job, variables

logger = logging.getLogger(__name__)


def run(tree: OptMl, given: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    """Run the customer's program to its end; raises ScriptError when it fails."""
    job = Job.of(given, environ, tree)
    resources = tree.read_config("resourceconfig")
    if len(resources.get("hosts") or []) > 1:
        raise UserError("Distributed training is not supported by this local stand-in: set InstanceCount to 1")
    region = job.framework.get("sagemaker_region")
    fetching = {**environ, "AWS_REGION": str(region)} if region and not environ.get("AWS_REGION") else environ
    source.provide(job.location, tree.code, job.program, fetching)
    _execute(job, tree, {**environ, **variables(job, tree, tree.read_config("inputdataconfig"), resources)})
    logger.info("Reporting training SUCCESS")
    tree.output.mkdir(parents=True, exist_ok=True)
    (tree.output / "success").touch()


def _execute(job: Job, tree: OptMl, environ: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", job.module, *job.arguments]
    logger.info("Invoking user script with the following command:\n%s", " ".join(command))
    search = os.pathsep.join([str(tree.code), *(path for path in [environ.get("PYTHONPATH")] if path)])
    for folder in (tree.model, tree.output_data):
        folder.mkdir(parents=True, exist_ok=True)
    ended = subprocess.run(command, cwd=tree.code, env={**environ, "PYTHONPATH": search}, check=False)
    if ended.returncode:
        raise ScriptError(f'Command "{" ".join(command)}"')
