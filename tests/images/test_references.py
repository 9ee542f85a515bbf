"""Which local image a reference means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.errors import NotSupported, UsageError
from smlocal.images.aws_registries import aws_registries, parse_ecr, xgboost_version
from smlocal.images.references import XGBOOST_STAND_IN, ResolvedImage, resolve_image

DIGEST = "sha256:" + "0" * 64
OWN = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def suffix(region: str) -> str:
    """As the SDK makes the host of a registry. Source: SageMaker Python SDK 2.257.7, observed."""
    suffixes = {
        "cn-": "amazonaws.com.cn",
        "us-isob-": "sc2s.sgov.gov",
        "us-isof-": "csp.hci.ic.gov",
        "us-iso-": "c2s.ic.gov",
    }
    return next((value for start, value in suffixes.items() if region.startswith(start)), "amazonaws.com")


def nothing(reference: str) -> bool:
    return False


def tags_of(version: str) -> list[str]:
    return (
        [version]
        if version in ("1", "latest")
        else [version, f"{version}-cpu-py3", f"{version}-gpu-py3", f"{version}-arm64"]
    )


EVERY_URI = [
    (f"{account}.dkr.ecr.{region}.{suffix(region)}/{name}:{tag}", version)
    for name, repository in aws_registries().xgboost.items()
    for region, account in repository.accounts.items()
    for version in repository.versions
    for tag in tags_of(version)
]


def test_every_xgboost_uri_of_the_sdk_resolves_to_the_stand_in() -> None:
    # Source: image_uri_config/xgboost.json of the SDK: 37 regions x 10 versions x 4 spellings, and the older 33 x 2.
    assert len(EVERY_URI) == 37 * 10 * 4 + 33 * 2
    for uri, version in EVERY_URI:
        resolved = resolve_image(uri, nothing)
        assert (resolved.requested, resolved.reference, resolved.xgboost_version) == (uri, XGBOOST_STAND_IN, version)
        assert resolved.note


KNOWN_URIS = [
    "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
    "683313688378.dkr.ecr-fips.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
    "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:0.90-2-cpu-py3",
    "811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1",
    "451049120500.dkr.ecr.cn-northwest-1.amazonaws.com.cn/sagemaker-xgboost:1.5-1",
]


@pytest.mark.parametrize("uri", KNOWN_URIS)
def test_uris_seen_in_the_wild_resolve_to_the_stand_in(uri: str) -> None:
    assert resolve_image(uri, nothing).reference == XGBOOST_STAND_IN


REFUSED = [
    (
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
        "a stand-in for XGBoost only",
    ),
    ("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.0-cpu-py310", "a stand-in for XGBoost only"),
    ("382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1", "a stand-in for XGBoost only"),
    ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.1-1", "no version '1.1-1'.*0.90-1, .*3.2-0"),
    ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:latest", "no version 'latest'"),
    ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost", "names no version"),
    (f"683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost@{DIGEST}", "names no version"),
    (
        "683313688378.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1",
        "in eu-west-1 it is account 141502667606's",
    ),
    ("683313688378.dkr.ecr.mars-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", "offers it in no region mars-east-1"),
]


@pytest.mark.parametrize(("uri", "sentence"), REFUSED)
def test_an_unknown_image_of_awss_is_refused_by_name(uri: str, sentence: str) -> None:
    with pytest.raises(NotSupported, match=sentence) as caught:
        resolve_image(uri, nothing)
    assert uri in str(caught.value)


@pytest.mark.parametrize("uri", [KNOWN_URIS[0], REFUSED[0][0], f"{OWN}/mine:1"])
def test_what_the_engine_holds_under_that_very_name_is_used_as_it_is(uri: str) -> None:
    assert resolve_image(uri, {uri}.__contains__) == ResolvedImage(uri, uri)


@pytest.mark.parametrize(
    ("uri", "local"),
    [
        (f"{OWN}/mine:1", "mine:1"),
        (f"{OWN}/mine", "mine:latest"),
        (f"{OWN}/team/mine:1", "team/mine:1"),
        (f"{OWN}/sagemaker-xgboost:1.7-1", "sagemaker-xgboost:1.7-1"),
    ],
)
def test_an_ecr_uri_of_ones_own_falls_back_on_its_local_namesake(uri: str, local: str) -> None:
    resolved = resolve_image(uri, {local}.__contains__)
    assert resolved.reference == local
    assert resolved.note is not None and local in resolved.note
    assert resolve_image(uri, nothing) == ResolvedImage(uri, uri)


def test_a_digest_never_falls_back_on_a_name() -> None:
    uri = f"{OWN}/mine@{DIGEST}"
    assert resolve_image(uri, lambda reference: reference == "mine:latest").reference == uri


@pytest.mark.parametrize(
    "name", ["mine", "mine:1.0", "team/mine", "localhost:5000/mine:1", "registry.example/a/b@" + DIGEST, "a_b__c-d.e"]
)
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert resolve_image(name, nothing) == ResolvedImage(name, name)


@pytest.mark.parametrize(
    "name", ["", "Mine", "my image", "mine:", ":1", "mine:a b", "-x", "mine@sha256:12", "a//b", "x\n"]
)
def test_what_is_no_reference_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not an image reference"):
        resolve_image(name, nothing)


@given(st.text())
def test_any_text_resolves_or_is_refused(text: str) -> None:
    try:
        resolved = resolve_image(text, nothing)
    except UsageError:
        return
    assert resolved.reference in (text, XGBOOST_STAND_IN)


REPOSITORIES = st.from_regex(r"\A[a-z0-9]+([._/-][a-z0-9]+)*\Z")


@given(st.from_regex(r"\A[0-9]{12}\Z"), REPOSITORIES, st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,20}\Z"))
def test_the_parts_of_an_ecr_uri_are_those_that_it_was_made_of(account: str, repository: str, tag: str) -> None:
    ecr = parse_ecr(f"{account}.dkr.ecr.eu-west-1.amazonaws.com/{repository}:{tag}")
    assert ecr is not None
    assert (ecr.account, ecr.region, ecr.repository, ecr.tag, ecr.digest) == (
        account,
        "eu-west-1",
        repository,
        tag,
        None,
    )


def test_the_version_in_a_tag_has_no_suffix() -> None:
    assert [xgboost_version(tag) for tag in tags_of("1.7-1")] == ["1.7-1"] * 4
    assert xgboost_version("1.7-1-tpu") == "1.7-1-tpu"
