"""What an examination is given to work with: sample data and requests, from `[check]` of the configuration.

[check]
architecture = "amd64"            # of the instances that the image is for
instance_type = "ml.m5.large"
network_isolation = false         # whether its jobs and endpoints are to run isolated
train = true                      # whether the image is to train
serve = true                      # whether it is to serve
serverless = false                # whether its endpoints are to be serverless
oci_layout = "image.tar"          # what is pushed, when buildx wrote it: a tar or a folder of `--output type=oci`
published = "registry.example/team/model:1.0"   # or the image where it was pushed to already, whose manifest is read
select = ["SM3"]                  # only rules whose ids begin so, unless the command selects others
ignore = ["SM305"]                # no rule whose id begins so, unless the command ignores others

[check.allow]                     # rules that may be broken; each reason stands in every report
SM110 = "the base image is not ours"

[check.training]
channels = { train = "data/train.csv" }     # or { source = "...", content_type = "text/csv" }
broken = { train = "data/broken.csv" }      # data on which training must fail
hyperparameters = { n_estimators = 20 }
environment = { KEY = "value" }
max_runtime = 600                           # seconds
metrics = { accuracy = "accuracy=([0-9.]+)" }   # metric definitions: the regex of each

[check.training.long]             # what makes training long, so that it can be stopped half-way
hyperparameters = { n_estimators = 100000 }
stop_after = 10                   # seconds from the program's start
resumes = "going on from epoch"   # regex of the line by which it tells that it goes on from a checkpoint

[check.serving]
model = "model.tar.gz"            # an archive, instead of the model that was trained
environment = { KEY = "value" }
asynchronous = false              # whether its endpoints are to serve asynchronous inference
soak = 2000                       # requests that are to show whether its memory grows; without it, none are sent

[check.multi_model]               # of an image whose label says that it holds many models
too_big = "big.tar.gz"            # a model that it cannot hold beside three of the usual ones

[[check.serving.samples]]
body = "5.1,3.5,1.4,0.2\\n"        # or file = "rows.csv"
content_type = "text/csv"
accept = "text/csv"
expect = "0\\n"                    # or expect_file = "answer.csv"
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smlocal.evidence import PushedManifest
from smlocal.examination.interruption import Long
from smlocal.registry.reference import RegistryReference


@dataclass(frozen=True)
class Source:
    """A folder or file with the data of a channel."""

    path: Path
    content_type: str | None = None


@dataclass(frozen=True)
class Sample:
    """A request that the image must answer well."""

    body: bytes
    content_type: str
    accept: str | None = None
    expect: bytes | None = None


@dataclass(frozen=True)
class Plan:
    """Everything that was configured."""

    architecture: str = "amd64"
    instance_type: str = "ml.m5.large"
    network_isolation: bool = False
    train: bool = True
    serve: bool = True
    serverless: bool = False
    manifest: PushedManifest | None = None  # of the OCI layout that is pushed
    published: RegistryReference | None = None  # where it was pushed to
    channels: Mapping[str, Source] = field(default_factory=dict)
    broken: Mapping[str, Source] = field(default_factory=dict)
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    training_environment: Mapping[str, str] = field(default_factory=dict)
    max_runtime: int = 600
    metrics: Mapping[str, str] = field(default_factory=dict)  # name -> regex
    long: Long | None = None
    model: Path | None = None
    serving_environment: Mapping[str, str] = field(default_factory=dict)
    asynchronous: bool = False
    soak: int = 0  # requests; 0: none
    samples: tuple[Sample, ...] = ()
    too_big: Path | None = None
    select: tuple[str, ...] = ()  # beginnings of rules' ids; the runs are the same whatever they say
    ignore: tuple[str, ...] = ()
    allow: Mapping[str, str] = field(default_factory=dict)  # rule -> reason for which it may be broken

    @property
    def plain(self) -> dict[str, str]:
        """Hyperparameters as the CLI and Step Functions send them: strings as they are."""
        return {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in self.hyperparameters.items()
        }

    @property
    def encoded(self) -> dict[str, str]:
        """Hyperparameters as the SageMaker SDK sends them since 2.110: each value as JSON, strings in quotes."""
        return {name: json.dumps(value) for name, value in self.hyperparameters.items()}
