"""Models of one container as an account has them. They are never changed.

Sources: API, CreateModel and DescribeModel; the texts for names are those that users of CreateModel saw, and the codes
those of aws/amazon-sagemaker-operator-for-k8s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smlocal import requests
from smlocal.account.images import Images
from smlocal.account.ledger import Members
from smlocal.account.listing import Listing, page
from smlocal.account.office import Office, Shelf, told
from smlocal.account.tags import first_tags
from smlocal.errors import InvalidRequest
from smlocal.hosting import Model, ModelHost

_LISTING = Listing("Models", "Model", ("ModelName", "ModelArn", "CreationTime"))


class Models:
    """CreateModel and its companions."""

    def __init__(self, office: Office, images: Images, host: ModelHost) -> None:
        self.shelf = Shelf(office, "model")
        self._office = office
        self._images = images
        self._host = host

    def create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises InvalidRequest (also for an image or for data that there is not), NotSupported."""
        requests.check("CreateModel", request)
        requests.refuse_unsupported("CreateModel", request)
        name = request["ModelName"]
        self._refuse_taken(name)
        tags = first_tags(request)
        image = request["PrimaryContainer"]["Image"]
        reference = self._images.resolve(image)
        self._host.model(request, reference)
        self._images.check(image, reference)
        arn = self.shelf.arn(name)
        members = {
            "EnableNetworkIsolation": False,
            **{key: value for key, value in request.items() if key != "Tags"},
            "PrimaryContainer": {"Mode": "SingleModel", **request["PrimaryContainer"]},
            "ModelArn": arn,
            "CreationTime": self._office.now(),
            "_Tags": tags,
            "_Request": request,
            "_Reference": reference,
        }
        with self._office.lock:
            self._refuse_taken(name)
            self.shelf.add(name, members)
        return {"ModelArn": arn}

    def _refuse_taken(self, name: str) -> None:
        if self.shelf.is_taken(name):
            raise InvalidRequest(f'Cannot create already existing model "{self.shelf.arn(name)}".')

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return told(self._found(request["ModelName"]))

    def listed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return page(_LISTING, self.shelf.all().values(), request)

    def delete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Also of a model that is served: the endpoint goes on with it (API: DeleteModel)."""
        with self._office.lock:
            self._found(request["ModelName"])
            self.shelf.remove(request["ModelName"])
        return {}

    def _found(self, name: str) -> Members:
        members = self.shelf.get(name)
        if members is None:
            raise InvalidRequest(f'Could not find model "{self.shelf.arn(name)}".')
        return members

    def kept(self, name: str) -> dict[str, Any]:
        """What whoever uses a model keeps of it: it may be deleted meanwhile. Raises InvalidRequest."""
        members = self._found(name)
        return {"Request": members["_Request"], "Reference": members["_Reference"]}

    def loaded(self, kept: Mapping[str, Any]) -> Model:
        """Raises InvalidRequest when its data is gone."""
        return self._host.model(kept["Request"], kept["Reference"])
