"""What is publicly known of AWS's own image registries: the accounts, and the XGBoost images among them.

Source: `image_uri_config` of the SageMaker Python SDK 2.257.7 and of sagemaker-core 2.27.0, copied into
`aws_registries.json` (all accounts; regions and versions for XGBoost).
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smlocal.registry.ecr_uri import ecr_of

# The SDK writes `-cpu-py3` up to 1.0-1; the registries hold the long and the short form of later ones, and of Graviton.
_XGBOOST_TAG = re.compile(r"(?P<version>\d+\.\d+-\d+)(?:-(?:cpu|gpu)-py3|-arm64)?")


@dataclass(frozen=True)
class EcrReference:
    """An image in Amazon ECR, anybody's."""

    account: str
    region: str
    repository: str
    tag: str | None
    digest: str | None

    @property
    def local_name(self) -> str:
        """What the image is called where it was built: the repository and the tag, without the registry."""
        return f"{self.repository}:{self.tag or 'latest'}"


@dataclass(frozen=True)
class XgboostRepository:
    """A repository of AWS's XGBoost images, the same in every region but for the account."""

    versions: frozenset[str]
    accounts: Mapping[str, str]  # region -> account


@dataclass(frozen=True)
class AwsRegistries:
    """The table."""

    accounts: frozenset[str]
    xgboost: Mapping[str, XgboostRepository]  # repository -> what it holds


@functools.cache
def aws_registries() -> AwsRegistries:
    """The table that travels with the package."""
    text = Path(__file__).with_name("aws_registries.json").read_text(encoding="utf-8")
    table = json.loads(text)
    xgboost = {
        name: XgboostRepository(frozenset(item["versions"]), item["accounts"])
        for name, item in table["xgboost"].items()
    }
    return AwsRegistries(frozenset(table["accounts"]), xgboost)


def parse_ecr(reference: str) -> EcrReference | None:
    """The parts of an ECR URI; None when it is none."""
    found = ecr_of(reference)
    if found is None:
        return None
    return EcrReference(found.account, found.region, found.repository, found.tag, found.digest)


def xgboost_version(tag: str) -> str:
    """The version that a tag of AWS's XGBoost image names: `1.7-1` for `1.7-1-cpu-py3`; the tag itself for `1`."""
    match = _XGBOOST_TAG.fullmatch(tag)
    return match["version"] if match else tag
