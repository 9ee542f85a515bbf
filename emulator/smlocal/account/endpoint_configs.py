"""Endpoint configurations: what an endpoint is to be made of. They are never changed.

Sources: API, CreateEndpointConfig; the texts for names are those that users saw, and the codes those of
aws/amazon-sagemaker-operator-for-k8s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from smlocal.account.ledger import Members
from smlocal.account.listing import Listing, page
from smlocal.account.models import Models
from smlocal.account.office import Office, Shelf, told
from smlocal.account.tags import first_tags
from smlocal.errors import InvalidRequest, NotSupported
from smlocal.instances import Granted

_LISTING = Listing(
    "EndpointConfigs", "EndpointConfig", ("EndpointConfigName", "EndpointConfigArn", "CreationTime")
)  # fmt: skip
_MEMBERS = ("EndpointConfigName", "ProductionVariants", "Tags", "KmsKeyId", "ExecutionRoleArn")
# VolumeSizeInGB, the download's time and KmsKeyId are kept: a container has all the space and time that there is
_VARIANT = (
    "VariantName", "ModelName", "InitialInstanceCount", "InstanceType", "InitialVariantWeight", "VolumeSizeInGB",
    "ModelDataDownloadTimeoutInSeconds", "ContainerStartupHealthCheckTimeoutInSeconds", "RoutingConfig",
)  # fmt: skip


class EndpointConfigs:
    """CreateEndpointConfig and its companions. `grant` says what the machine gives an instance type."""

    def __init__(self, office: Office, models: Models, grant: Callable[[str], Granted]) -> None:
        self.shelf = Shelf(office, "endpoint-config")
        self._office = office
        self._models = models
        self._grant = grant

    def create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises InvalidRequest, NotSupported."""
        refuse_beyond(request, _MEMBERS, "")
        for index, variant in enumerate(request["ProductionVariants"]):
            refuse_beyond(variant, _VARIANT, f"ProductionVariants[{index}].")
        name = request["EndpointConfigName"]
        self._refuse_taken(name)
        tags = first_tags(request)
        self._check_variants(request["ProductionVariants"])
        arn = self.shelf.arn(name)
        members = {
            **{key: value for key, value in request.items() if key != "Tags"},
            "ProductionVariants": [{"InitialVariantWeight": 1.0, **item} for item in request["ProductionVariants"]],
            "EndpointConfigArn": arn,
            "CreationTime": self._office.now(),
            "_Tags": tags,
        }
        with self._office.lock:
            self._refuse_taken(name)
            self.shelf.add(name, members)
        return {"EndpointConfigArn": arn}

    def _check_variants(self, variants: list[Mapping[str, Any]]) -> None:
        """All texts but that of the model are ours."""
        repeated = [name for name, count in Counter(item["VariantName"] for item in variants).items() if count > 1]
        if repeated:
            raise InvalidRequest(f"Variant names must be unique, and these are repeated: {', '.join(sorted(repeated))}")
        for variant in variants:
            missing = [
                name for name in ("ModelName", "InstanceType", "InitialInstanceCount") if variant.get(name) in (None, 0)
            ]
            if missing:
                raise InvalidRequest(f"The variant {variant['VariantName']} must have {' and '.join(missing)}.")
            self._models.kept(variant["ModelName"])
            self._grant(variant["InstanceType"])
        if not sum(variant.get("InitialVariantWeight", 1.0) for variant in variants):
            raise InvalidRequest("The weights of all variants are 0 together: no request could reach one.")

    def _refuse_taken(self, name: str) -> None:
        if self.shelf.is_taken(name):
            raise InvalidRequest(f'Cannot create already existing endpoint configuration "{self.shelf.arn(name)}".')

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return told(self.found(request["EndpointConfigName"]))

    def listed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return page(_LISTING, self.shelf.all().values(), request)

    def delete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Also of one that is in use: AWS asks not to and does not refuse it (API: DeleteEndpointConfig); the endpoint
        goes on as it is."""
        with self._office.lock:
            self.found(request["EndpointConfigName"])
            self.shelf.remove(request["EndpointConfigName"])
        return {}

    def found(self, name: str) -> Members:
        """Raises InvalidRequest."""
        members = self.shelf.get(name)
        if members is None:
            raise InvalidRequest(f'Could not find endpoint configuration "{self.shelf.arn(name)}".')
        return members

    def variants(self, name: str) -> list[dict[str, Any]]:
        """What an endpoint of that configuration is made of, whatever becomes of configuration and models later.

        Raises InvalidRequest for a configuration or a model that there is not."""
        with self._office.lock:
            return [
                {
                    "VariantName": item["VariantName"],
                    "InstanceType": item["InstanceType"],
                    "Weight": item["InitialVariantWeight"],
                    "Count": item["InitialInstanceCount"],
                    "StartWindow": item.get("ContainerStartupHealthCheckTimeoutInSeconds"),
                    "Model": self._models.kept(item["ModelName"]),
                }
                for item in self.found(name)["ProductionVariants"]
            ]


def refuse_beyond(structure: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    """Refuse what is asked for by members that have no effect here. Raises NotSupported, which names them."""
    asked = [f"{place}{name}" for name, value in structure.items() if name not in known and value]
    if asked:
        raise NotSupported(f"smlocal does not support {', '.join(asked)} of endpoints: leave it out")
