"""ECR: tokens, repositories, tags, and a sentence with its command for each thing that is refused."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from smlocal.aws_clients import EcrApi, EcrRefused
from smlocal.errors import NotInRegistry, RegistryDenied, RegistryError, RegistryUnreachable, TagIsTaken
from smlocal.registry.credentials import Credentials, FindCredentials
from smlocal.registry.ecr import EcrRepository
from smlocal.registry.ecr_uri import EcrUri, ecr_of
from smlocal.registry.interface import DOCKER_CONFIG, DOCKER_MANIFEST, Descriptor, Manifest, Repository, digest_of
from smlocal.registry.scripted import ScriptedRepository
from tests.registry.ecr_server import RefusingEcr, refusing_ecr

OWN = "123456789012"  # moto's own account
OTHER = "999999999999"
REGION = "eu-west-1"
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc)
USER = f"arn:aws:iam::{OWN}:user/builders/ann"
ROLE = f"arn:aws:sts::{OWN}:assumed-role/ci-role/session-1"
CONFIG = {"mediaType": DOCKER_CONFIG, "digest": digest_of(b"{}"), "size": 2}
MANIFEST = Manifest(DOCKER_MANIFEST, json.dumps({"schemaVersion": 2, "config": CONFIG, "layers": []}).encode())


def uri(repository: str = "team/model", account: str = OWN) -> EcrUri:
    found = ecr_of(f"{account}.dkr.ecr.{REGION}.amazonaws.com/{repository}:1")
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the test's own, whatever this machine has."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-test")


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def refusing() -> Iterator[RefusingEcr]:
    with refusing_ecr() as server:
        yield server


class Opened:
    """The registry behind, and each time that it was opened with what credentials."""

    def __init__(self) -> None:
        self.registry = ScriptedRepository("registry")
        self.registry.push_blob(Descriptor(DOCKER_CONFIG, digest_of(b"{}"), 2), lambda: io.BytesIO(b"{}"))
        self.with_: list[Credentials | None] = []

    def __call__(self, find: FindCredentials) -> Repository:
        self.with_.append(find())
        return self.registry


def repository(endpoint: str, opened: Opened | None = None, at: EcrUri | None = None, **more: Any) -> EcrRepository:
    return EcrRepository(at or uri(), EcrApi(REGION, endpoint), opened or Opened(), more.get("now", lambda: NOW))


def good_token(server: RefusingEcr, expires: datetime = NOW + timedelta(hours=12), account: str = OWN) -> None:
    server.give(
        "GetAuthorizationToken",
        authorizationData=[
            {
                "authorizationToken": base64.b64encode(b"AWS:the:password").decode(),
                "expiresAt": expires.timestamp(),
                "proxyEndpoint": f"https://{account}.dkr.ecr.{REGION}.amazonaws.com",
            }
        ],
    )


def test_nothing_is_asked_before_the_first_call(refusing: RefusingEcr) -> None:
    opened = Opened()
    made = repository(refusing.url, opened)
    assert (made.name, refusing.asked, opened.with_) == (f"{OWN}.dkr.ecr.{REGION}.amazonaws.com/team/model", [], [])


def test_a_repository_that_is_missing_is_made_only_when_told(moto: str) -> None:
    client = boto3.client("ecr", region_name=REGION, endpoint_url=moto)
    with pytest.raises(NotInRegistry) as refused:
        repository(moto, at=uri("new/one")).prepare(create=False)
    assert str(refused.value) == (
        f"there is no repository new/one in region {REGION} of account {OWN}: push with --create, or create it with"
        f" `aws ecr create-repository --repository-name new/one --region {REGION}`"
    )
    for _ in range(2):
        repository(moto, at=uri("new/one")).prepare(create=True)
    repository(moto, at=uri("new/one")).prepare(create=False)
    (found,) = client.describe_repositories(repositoryNames=["new/one"])["repositories"]
    assert (found["imageTagMutability"], found["imageScanningConfiguration"]) == ("MUTABLE", {"scanOnPush": False})


def test_the_token_is_split_into_name_and_password_and_never_shown(refusing: RefusingEcr) -> None:
    good_token(refusing)
    opened = Opened()
    assert not repository(refusing.url, opened).has_blob("sha256:1")
    (given,) = opened.with_
    assert given == Credentials("AWS", "the:password")
    assert "password" not in repr(given).replace("password=", "") and "AWS:" not in repr(
        EcrApi(REGION, refusing.url).token()
    )


def test_a_token_is_used_until_it_expires(refusing: RefusingEcr) -> None:
    good_token(refusing, NOW + timedelta(hours=1))
    clock = [NOW]
    made = repository(refusing.url, now=lambda: clock[0])
    made.has_blob("sha256:1")
    clock[0] += timedelta(minutes=49)
    made.has_blob("sha256:1")
    assert len(refusing.asked) == 1
    clock[0] += timedelta(minutes=2)
    good_token(refusing, NOW + timedelta(hours=2))
    made.has_blob("sha256:1")
    made.has_blob("sha256:1")
    assert len(refusing.asked) == 2


EXPIRED = RegistryDenied("x refused (DENIED: Your authorization token has expired. Reauthenticate and try again.)")


def test_a_token_that_expires_on_the_way_is_renewed_once(refusing: RefusingEcr) -> None:
    good_token(refusing)
    opened = Opened()
    made = repository(refusing.url, opened)
    opened.registry.fail("has_blob", EXPIRED)
    assert not made.has_blob("sha256:1")
    assert [name for name, *_ in refusing.asked] == 2 * ["GetAuthorizationToken"] and len(opened.with_) == 2
    opened.registry.fail("has_blob", EXPIRED, 2)
    with pytest.raises(RegistryDenied, match="does not accept the token that ECR gave for account"):
        made.has_blob("sha256:1")


def test_a_token_that_is_none_is_an_error_without_it(refusing: RefusingEcr) -> None:
    data = {"authorizationToken": "§§secret", "expiresAt": (NOW + timedelta(hours=1)).timestamp(), "proxyEndpoint": "x"}
    refusing.give("GetAuthorizationToken", authorizationData=[data])
    with pytest.raises(RegistryError, match="gave a token that is none") as refused:
        repository(refusing.url).has_blob("sha256:1")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("answer", [{}, {"authorizationData": []}, {"authorizationData": [{}]}], ids=str)
def test_an_incomplete_answer_is_an_error(refusing: RefusingEcr, answer: dict[str, Any]) -> None:
    refusing.give("GetAuthorizationToken", **answer)
    with pytest.raises(RegistryError, match="ECR refused GetAuthorizationToken: IncompleteAnswer"):
        repository(refusing.url).has_blob("sha256:1")


def allowed(action: str, principal: str) -> str:
    return f"User: {principal} is not authorized to perform: {action}"


DENIED: list[tuple[str, str, str, list[str]]] = [
    (
        "a user",
        "GetAuthorizationToken",
        allowed("ecr:GetAuthorizationToken", USER) + " on resource: * because no identity-based policy allows the"
        " ecr:GetAuthorizationToken action",
        [
            f"{USER} may not ecr:GetAuthorizationToken on {OWN}.dkr.ecr.",
            '`aws iam put-user-policy --user-name ann --policy-name smlocal-push --policy-document \'{"Version"',
            f"arn:aws:ecr:{REGION}:{OWN}:repository/team/model",
        ],
    ),
    (
        "a role",
        "GetAuthorizationToken",
        allowed("ecr:GetAuthorizationToken", ROLE) + " on resource: *",
        [f"{ROLE} may not ", "`aws iam put-role-policy --role-name ci-role --policy-name smlocal-push"],
    ),
    (
        "an explicit deny",
        "GetAuthorizationToken",
        allowed("ecr:GetAuthorizationToken", ROLE)
        + " on resource: * with an explicit deny in a service control policy",
        ["a policy denies ecr:GetAuthorizationToken", "no other can grant it: ask whoever keeps the policies"],
    ),
    (
        "no words",
        "GetAuthorizationToken",
        "",
        ["your AWS identity may not ecr:GetAuthorizationToken", "attach this policy"],
    ),
]


@pytest.mark.parametrize(("name", "operation", "message", "sentences"), DENIED, ids=[row[0] for row in DENIED])
def test_a_missing_permission_names_the_action_and_the_command(
    refusing: RefusingEcr, name: str, operation: str, message: str, sentences: list[str]
) -> None:
    refusing.refuse(operation, "AccessDeniedException", message)
    with pytest.raises(RegistryDenied) as refused:
        repository(refusing.url).prepare(create=False)
    assert all(sentence in str(refused.value) for sentence in sentences), str(refused.value)


def test_the_policy_in_the_command_is_one(refusing: RefusingEcr) -> None:
    refusing.refuse("GetAuthorizationToken", "AccessDeniedException", DENIED[0][2])
    with pytest.raises(RegistryDenied) as refused:
        repository(refusing.url).prepare(create=False)
    policy = json.loads(str(refused.value).partition("--policy-document '")[2].partition("'")[0])
    granted = [item["Action"] for item in policy["Statement"]]
    actions = [action for item in granted for action in ([item] if isinstance(item, str) else item)]
    assert policy["Version"] == "2012-10-17" and {"ecr:PutImage", "ecr:GetAuthorizationToken"} <= set(actions)


def test_who_may_push_but_not_look_is_not_held_up(refusing: RefusingEcr) -> None:
    good_token(refusing)
    refusing.refuse("DescribeRepositories", "AccessDeniedException", allowed("ecr:DescribeRepositories", ROLE))
    repository(refusing.url).prepare(create=False)
    refusing.refuse("CreateRepository", "RepositoryAlreadyExistsException", "it is there")
    repository(refusing.url).prepare(create=True)


def test_who_may_not_create_is_told_so(refusing: RefusingEcr) -> None:
    good_token(refusing)
    refusing.refuse("DescribeRepositories", "RepositoryNotFoundException", "The repository with name ...")
    refusing.refuse("CreateRepository", "AccessDeniedException", allowed("ecr:CreateRepository", ROLE))
    with pytest.raises(RegistryDenied, match=r"ci-role/session-1 may not ecr:CreateRepository on "):
        repository(refusing.url).prepare(create=True)


def test_another_account_is_named_with_both_ways_out(refusing: RefusingEcr) -> None:
    good_token(refusing)
    message = allowed("ecr:InitiateLayerUpload", ROLE) + (
        f" on resource: arn:aws:ecr:{REGION}:{OTHER}:repository/team/model because no resource-based policy allows"
    )
    opened = Opened()
    opened.registry.fail("put_manifest", RegistryDenied(f"pushing: refused (DENIED: {message})"))
    made = repository(refusing.url, opened, uri(account=OTHER))
    with pytest.raises(RegistryDenied) as refused:
        made.put_manifest(MANIFEST, "1")
    text = str(refused.value)
    assert f"may not ecr:InitiateLayerUpload in account {OTHER}, which the URI names" in text
    assert f"name account {OWN} if you meant your own" in text
    assert "aws ecr set-repository-policy --repository-name team/model" in text and f"arn:aws:iam::{OWN}:root" in text


def test_a_repository_that_another_account_lacks_says_whose_credentials_these_are(refusing: RefusingEcr) -> None:
    good_token(refusing)
    refusing.refuse("DescribeRepositories", "RepositoryNotFoundException", "The repository with name ...")
    with pytest.raises(NotInRegistry) as refused:
        repository(refusing.url, at=uri(account=OTHER)).prepare(create=False)
    text = str(refused.value)
    assert f"--registry-id {OTHER}" in text and text.endswith(f"your credentials are those of account {OWN}")


IN_ENVIRONMENT = "the credentials in the environment (AWS_ACCESS_KEY_ID, ...)"
REFUSED: list[tuple[str, type[RegistryError], str]] = [
    (
        "ExpiredTokenException",
        RegistryDenied,
        "in the environment (AWS_ACCESS_KEY_ID, ...) have expired; get new ones, and try them with `aws sts",
    ),
    (
        "UnrecognizedClientException",
        RegistryDenied,
        f"AWS does not accept {IN_ENVIRONMENT} in region {REGION}: `aws sts",
    ),
    ("InvalidSignatureException", RegistryDenied, f"AWS does not accept {IN_ENVIRONMENT}"),
    (
        "InvalidParameterException",
        RegistryError,
        "ECR refused GetAuthorizationToken: InvalidParameterException so it is",
    ),
]


@pytest.mark.parametrize(("code", "kind", "sentence"), REFUSED, ids=[row[0] for row in REFUSED])
def test_credentials_that_are_not_taken_say_what_to_do(
    refusing: RefusingEcr, code: str, kind: type[RegistryError], sentence: str
) -> None:
    refusing.refuse("GetAuthorizationToken", code, "so it is")
    with pytest.raises(kind) as refused:
        repository(refusing.url).prepare(create=False)
    assert sentence in str(refused.value) and type(refused.value) is kind


def test_without_credentials_it_says_how_to_get_some(monkeypatch: pytest.MonkeyPatch, refusing: RefusingEcr) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(
        RegistryDenied, match=r"no AWS credentials were found .* `aws configure` or `aws sso login` gives"
    ):
        repository(refusing.url).prepare(create=False)
    assert refusing.asked == []


def test_a_profile_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "none-such")
    with pytest.raises(EcrRefused, match="none-such") as refused:
        EcrApi(REGION)
    assert refused.value.code == "ProfileNotFound"


def test_a_session_of_sso_that_has_ended_names_the_login_of_its_profile(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, refusing: RefusingEcr
) -> None:
    (tmp_path / "config").write_text(
        "[profile work]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\nregion = eu-west-1\n"
        "[sso-session s]\nsso_region = eu-west-1\nsso_start_url = https://x.awsapps.com/start\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(RegistryDenied, match="the AWS session has ended; `aws sso login --profile work` begins a new"):
        repository(refusing.url).prepare(create=False)


def test_an_endpoint_that_does_not_answer_asks_whether_there_is_such_a_region() -> None:
    with pytest.raises(RegistryUnreachable, match=f"is there a region {REGION} "):
        repository("http://127.0.0.1:9").prepare(create=False)


ENDPOINTS = [
    ({}, f"https://api.ecr.{REGION}.amazonaws.com"),
    ({"dual_stack": True}, f"https://ecr.{REGION}.api.aws"),
    ({"fips": True}, f"https://ecr-fips.{REGION}.amazonaws.com"),
]


@pytest.mark.parametrize(("kind", "url"), ENDPOINTS, ids=[row[1] for row in ENDPOINTS])
def test_the_endpoint_is_that_of_the_uris_kind(kind: dict[str, bool], url: str) -> None:
    assert EcrApi(REGION, **kind).endpoint_url == url


def test_the_environment_names_another_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", "http://127.0.0.1:1")
    assert EcrApi(REGION).endpoint_url == "http://127.0.0.1:1"
    assert EcrApi(REGION, "http://127.0.0.1:2").endpoint_url == "http://127.0.0.1:2"


def immutable(moto: str, name: str, mutability: str) -> tuple[EcrRepository, Opened]:
    boto3.client("ecr", region_name=REGION, endpoint_url=moto).create_repository(
        repositoryName=name, imageTagMutability=mutability
    )
    opened = Opened()
    opened.registry.put_manifest(MANIFEST, "1")
    return repository(moto, opened, uri(name)), opened


def test_an_immutable_tag_that_names_another_image_is_told_before_anything_is_sent(moto: str) -> None:
    made, _ = immutable(moto, "fixed", "IMMUTABLE")
    with pytest.raises(TagIsTaken) as refused:
        made.refuse_taken("1", "sha256:another")
    assert "choose another tag, or let tags be moved with `aws ecr put-image-tag-mutability" in str(refused.value)
    made.refuse_taken("1", digest_of(b"{}"))
    made.refuse_taken("2", "sha256:another")


def test_a_tag_that_may_be_moved_is_not_held_up(moto: str) -> None:
    made, _ = immutable(moto, "loose", "MUTABLE")
    made.refuse_taken("1", "sha256:another")


UNKNOWN = NotInRegistry("x refused (NAME_UNKNOWN: The repository ...)")
NOT_ALLOWED = RegistryDenied("DENIED: " + allowed("ecr:PutImage", USER))
ANSWERS: list[tuple[str, RegistryError, type[RegistryError], str]] = [
    ("an immutable tag", TagIsTaken("x"), TagIsTaken, "the tag 7 is in use in "),
    ("a missing repository", UNKNOWN, NotInRegistry, "`aws ecr create-repository"),
    ("a missing manifest", NotInRegistry("no such manifest"), NotInRegistry, "no such manifest"),
    ("a denied action", NOT_ALLOWED, RegistryDenied, "may not ecr:PutImage"),
    ("a token that is not taken", RegistryDenied("UNAUTHORIZED"), RegistryDenied, "`aws ecr get-login-password --"),
    ("no answer", RegistryUnreachable("gone"), RegistryUnreachable, "gone"),
]


@pytest.mark.parametrize(("name", "error", "kind", "sentence"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_what_the_registry_refuses_is_told_in_the_same_words(
    refusing: RefusingEcr, name: str, error: RegistryError, kind: type[RegistryError], sentence: str
) -> None:
    good_token(refusing)
    opened = Opened()
    opened.registry.fail("put_manifest", error)
    with pytest.raises(kind) as refused:
        repository(refusing.url, opened).put_manifest(MANIFEST, "7")
    assert sentence in str(refused.value)


def image(moto: str, name: str, *tags: str) -> str:
    client = boto3.client("ecr", region_name=REGION, endpoint_url=moto)
    client.create_repository(repositoryName=name)
    manifest = json.dumps({"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "name": name})
    found = [client.put_image(repositoryName=name, imageManifest=manifest, imageTag=tag)["image"] for tag in tags]
    return found[0]["imageId"]["imageDigest"]


def test_a_manifest_is_removed_by_the_api(moto: str) -> None:
    digest = image(moto, "gone", "a", "b")
    made = repository(moto, at=uri("gone"))
    assert sorted(made.tags_of(digest)) == ["a", "b"]
    made.remove_manifest(digest)
    assert made.tags_of(digest) == ()
    with pytest.raises(NotInRegistry):
        made.remove_manifest(digest)


def test_a_tag_is_removed_unless_it_is_the_last(refusing: RefusingEcr) -> None:
    good_token(refusing)
    opened = Opened()
    opened.registry.put_manifest(MANIFEST, "a")
    made = repository(refusing.url, opened)
    refusing.give("DescribeImages", imageDetails=[{"imageTags": ["a", "b"]}])
    refusing.give("BatchDeleteImage", imageIds=[])
    made.remove_tag("a")
    assert refusing.asked[-1][1]["imageIds"] == [{"imageTag": "a"}]
    refusing.give("DescribeImages", imageDetails=[{"imageTags": ["a"]}])
    with pytest.raises(RegistryError, match="would remove the image with the tag a"):
        made.remove_tag("a")
    assert refusing.asked[-1][0] == "DescribeImages"


Operation = Callable[[EcrRepository], object]
OPERATIONS: list[Operation] = [
    lambda made: made.manifest("1"),
    lambda made: made.referrers("sha256:1"),
    lambda made: made.blob("sha256:1", 1),
]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_needs_a_token_first(refusing: RefusingEcr, operation: Operation) -> None:
    refusing.refuse("GetAuthorizationToken", "ServerException", "oops")
    with pytest.raises(RegistryError, match="ECR refused GetAuthorizationToken: ServerException oops"):
        operation(repository(refusing.url))
