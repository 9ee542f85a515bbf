"""URIs of images in private registries of Amazon ECR: what they say of account, region, partition and kind of host.

Sources: the user guide, ecr-requests (`<account>.dkr.ecr.<region>.amazonaws.com`, and `dkr-ecr.<region>.on.aws` for
IPv4 and IPv6) and the general reference, ecr (`dkr.ecr-fips`, `dkr-ecr-fips`); the suffixes of the other partitions
from botocore's `endpoints.json`, that of China's dual-stack hosts as Amazon's own ECR credential helper has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from smlocal.errors import UsageError

_DUAL_STACK = {"on.aws": "aws", "on.amazonwebservices.com.cn": "aws-cn"}
_SUFFIXES = {
    "amazonaws.com": "aws",
    "amazonaws.com.cn": "aws-cn",
    "amazonaws.eu": "aws-eusc",
    "c2s.ic.gov": "aws-iso",
    "sc2s.sgov.gov": "aws-iso-b",
    "cloud.adc-e.uk": "aws-iso-e",
    "csp.hci.ic.gov": "aws-iso-f",
    **_DUAL_STACK,
}
_REPOSITORY = r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
_HOST = re.compile(
    r"(?P<account>\d{12})\.dkr(?P<joint>[.-])ecr(?P<fips>-fips)?\.(?P<region>[a-z0-9-]+)\."
    rf"(?P<suffix>{'|'.join(re.escape(suffix) for suffix in _SUFFIXES)})"
)
_URI = re.compile(
    rf"(?P<host>{_HOST.pattern})/(?P<repository>{_REPOSITORY})"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class EcrUri:
    """An image, or a repository, in somebody's private registry."""

    host: str
    account: str
    region: str
    partition: str  # "aws", "aws-cn", "aws-us-gov", ...
    fips: bool
    dual_stack: bool
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """Registry and repository, as a reference begins."""
        return f"{self.host}/{self.repository}"

    @property
    def arn(self) -> str:
        """Of the repository."""
        return f"arn:{self.partition}:ecr:{self.region}:{self.account}:repository/{self.repository}"


def ecr_of(uri: str) -> EcrUri | None:
    """The parts of an ECR URI; None when it is none."""
    found = _URI.fullmatch(uri)
    if found is None or not _agrees(found):
        return None
    region = found["region"]
    return EcrUri(
        host=found["host"],
        account=found["account"],
        region=region,
        partition="aws-us-gov" if region.startswith("us-gov-") else _SUFFIXES[found["suffix"]],
        fips=bool(found["fips"]),
        dual_stack=found["suffix"] in _DUAL_STACK,
        repository=found["repository"],
        tag=found["tag"],
        digest=found["digest"],
    )


def account_of(host: str) -> str:
    """The account whose registry a host or an address of it is; "" when it is no host of ECR's."""
    found = _HOST.search(host)
    return found["account"] if found else ""


def refuse_misspelt(uri: str) -> None:
    """Raises UsageError for what was meant to be an ECR URI and is none: it would be taken for another registry's."""
    host = uri.partition("/")[0]
    if ecr_of(uri) is None and re.search(r"\.dkr[.-]ecr|\.(?:amazonaws\.com(?:\.cn)?|on\.aws)$", host):
        raise UsageError(
            f"'{uri}' is not an ECR URI; a good one looks like"
            " 123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/model:1.0"
        )


def _agrees(found: re.Match[str]) -> bool:
    """Dual-stack hosts have a joint of their own, and regions of China a suffix of their own."""
    dashed, region = found["joint"] == "-", found["region"]
    china = _SUFFIXES[found["suffix"]] == "aws-cn"
    return dashed == (found["suffix"] in _DUAL_STACK) and china == region.startswith("cn-")
