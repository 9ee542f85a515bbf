"""ECR URIs of every partition and kind of host, and what is none."""

from __future__ import annotations

import pytest

from smlocal.errors import UsageError
from smlocal.images.aws_registries import parse_ecr
from smlocal.registry.ecr_uri import account_of, ecr_of, refuse_misspelt

ACCOUNT = "123456789012"
HOSTS = [
    (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1", "aws", False, False),
    (f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1", "aws", True, False),
    (f"{ACCOUNT}.dkr-ecr.us-east-1.on.aws", "us-east-1", "aws", False, True),
    (f"{ACCOUNT}.dkr-ecr-fips.us-east-1.on.aws", "us-east-1", "aws", True, True),
    (f"{ACCOUNT}.dkr.ecr.us-gov-west-1.amazonaws.com", "us-gov-west-1", "aws-us-gov", False, False),
    (f"{ACCOUNT}.dkr-ecr-fips.us-gov-east-1.on.aws", "us-gov-east-1", "aws-us-gov", True, True),
    (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", "aws-cn", False, False),
    (f"{ACCOUNT}.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn", "cn-northwest-1", "aws-cn", False, True),
    (f"{ACCOUNT}.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", "aws-eusc", False, False),
    (f"{ACCOUNT}.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", "aws-iso", False, False),
]


@pytest.mark.parametrize(("host", "region", "partition", "fips", "dual_stack"), HOSTS, ids=[row[0] for row in HOSTS])
def test_a_host_says_its_account_region_partition_and_kind(
    host: str, region: str, partition: str, fips: bool, dual_stack: bool
) -> None:
    found = ecr_of(f"{host}/team/model:1.0")
    assert found is not None
    assert (found.account, found.region, found.partition) == (ACCOUNT, region, partition)
    assert (found.fips, found.dual_stack) == (fips, dual_stack)
    assert (found.repository, found.tag, found.digest, found.name) == ("team/model", "1.0", None, f"{host}/team/model")
    assert found.arn == f"arn:{partition}:ecr:{region}:{ACCOUNT}:repository/team/model"
    assert account_of(f"https://{host}") == ACCOUNT
    assert parse_ecr(f"{host}/team/model:1.0") is not None


HOST = HOSTS[0][0]
DIGEST = "sha256:" + 64 * "a"
PARTS = [
    (f"{HOST}/m", None, None),
    (f"{HOST}/m:v1", "v1", None),
    (f"{HOST}/m@{DIGEST}", None, DIGEST),
    (f"{HOST}/m:v1@{DIGEST}", "v1", DIGEST),
]


@pytest.mark.parametrize(("uri", "tag", "digest"), PARTS, ids=[row[0] for row in PARTS])
def test_tag_and_digest_may_be_there(uri: str, tag: str | None, digest: str | None) -> None:
    found = ecr_of(uri)
    assert found is not None and (found.tag, found.digest) == (tag, digest)


MISSPELT = [
    f"{HOST}",
    f"{HOST}/",
    f"{HOST}/M:1",
    f"{HOST}/m:",
    f"{HOST}/m@sha256:1",
    "12345.dkr.ecr.eu-west-1.amazonaws.com/m:1",
    f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com.cn/m:1",
    f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com/m:1",
    f"{ACCOUNT}.dkr-ecr.eu-west-1.amazonaws.com/m:1",
    f"{ACCOUNT}.dkr.ecr.eu-west-1.on.aws/m:1",
    f"{ACCOUNT}.drk.ecr.eu-west-1.amazonaws.com/m:1",
    f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.co/m:1",
]


@pytest.mark.parametrize("uri", MISSPELT)
def test_what_is_meant_to_be_one_and_is_none_is_refused(uri: str) -> None:
    assert ecr_of(uri) is None
    with pytest.raises(UsageError, match="is not an ECR URI; a good one looks like 123456789012"):
        refuse_misspelt(uri)


@pytest.mark.parametrize("uri", ["registry.example/m:1", "127.0.0.1:5000/m:1", "m:1", f"{HOST}.example/m:1"])
def test_other_registries_are_none(uri: str) -> None:
    assert ecr_of(uri) is None and account_of(uri.partition("/")[0]) in ("", ACCOUNT)


def test_other_registries_are_not_taken_for_misspelt_ones() -> None:
    refuse_misspelt("registry.example/m:1")
    refuse_misspelt(f"{HOST}/m:1")
