"""What is served: an image, the data of a model, an environment; and how its container is launched.

Sources: AWS developer guide, your-algorithms-inference-code; API: ContainerDefinition; what the guide leaves open was
observed on endpoints and is said where it is used.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from smlocal import optml, requests
from smlocal.instances import Granted
from smlocal.launch import Kind, Launch, Volume
from smlocal.settings import Settings
from smlocal.tree import Entry

PORT = 8080
# As seen on endpoints with one container in 2026; documented for several containers only.
SAFE_PORT_RANGE = "23000-23999"
HOSTNAME = "model.aws.local"  # observed


@dataclass(frozen=True)
class Model:
    """A model to be served.

    `contents` gives what /opt/ml/model holds, as entries relative to it, each time it is called (see
    `smlocal.hosting.model_data`). None: nothing is mounted there, so that weights which the image brings stay visible.
    """

    name: str  # of the endpoint or transform job
    image: str  # a reference that the engine holds
    contents: Callable[[], Iterator[Entry]] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    data_url: str = ""  # where the contents came from, for messages
    isolated: bool = False  # EnableNetworkIsolation
    multi_model: bool = False  # its contents are those of /opt/ml/models, the models of a multi-model endpoint
    writable: bool = False  # what it holds can be changed, as nowhere on the platform
    port: int = PORT  # that the container is to listen on
    request: Mapping[str, Any] = field(default_factory=dict)  # CreateModel's, if the model was made from one

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence for each member of its request that has no effect on this machine."""
        return tuple(requests.notes("CreateModel", self.request))


def launch_of(
    model: Model,
    settings: Settings,
    *,
    kind: Kind,
    instance: Granted | None = None,
    endpoint: str | None = None,
    keep: bool = False,
) -> Launch:
    """The container for a model: `serve` as the only argument, the image's ENTRYPOINT kept, the model read-only."""
    path = optml.MODELS if model.multi_model else optml.MODEL
    volumes = () if model.contents is None else (Volume(path, model.contents, read_only=not model.writable),)
    return Launch(
        kind=kind,
        name=model.name,
        image=model.image,
        arguments=("serve",),
        environment=environment(model, settings, endpoint=endpoint),
        volumes=volumes,
        instance=instance,
        isolated=model.isolated,
        port=model.port,
        hostname=HOSTNAME,
        keep=keep,
    )


def environment(model: Model, settings: Settings, *, endpoint: str | None = None) -> dict[str, str]:
    """The platform's variables, over them the model's.

    Credentials are dummies, and like the region they are not given under network isolation. Source: developer guide,
    inference-pipeline-real-time (the ports); build-multi-model-build-container; mkt-algo-model-internet-free
    (isolation).
    """
    variables = {"SAGEMAKER_BIND_TO_PORT": str(model.port), "SAGEMAKER_SAFE_PORT_RANGE": SAFE_PORT_RANGE}
    if model.multi_model:
        variables["SAGEMAKER_MULTI_MODEL"] = "true"
    if not model.isolated:
        identity = str(uuid.uuid5(uuid.NAMESPACE_URL, model.name))
        variables |= {"AWS_REGION": settings.region, "AWS_DEFAULT_REGION": settings.region}
        variables |= optml.credentials(identity, endpoint)
    return {**variables, **model.environment}
