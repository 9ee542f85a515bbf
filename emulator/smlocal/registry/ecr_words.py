"""What Amazon ECR refuses, in sentences that name the `aws` command which mends it.

Sources: the codes in botocore's service model of ECR and in the API reference's common errors; AWS's texts of denied
requests as users saw them (aws-actions/amazon-ecr-login issue 232, aws/aws-cli issue 5592), of an expired token
(CircleCI-Public/aws-ecr-orb issue 265), of immutable tags (moby/buildkit issue 3776) and missing repositories
(aws-actions/amazon-ecr-login issue 4); what a push needs to be allowed: the user guide, image-push-iam.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass

from smlocal.aws_clients import EcrRefused
from smlocal.errors import NotInRegistry, RegistryDenied, RegistryError, RegistryUnreachable, TagIsTaken
from smlocal.registry.ecr_uri import EcrUri

_PUSH_ACTIONS = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
_DENIED = re.compile(
    r"User: (?P<who>\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)(?: on resource: (?P<on>\S+))?"
)
_ARN = re.compile(r"arn:[\w-]+:(?:iam|sts)::(?P<account>\d{12}):(?P<kind>user|assumed-role)/(?P<rest>[\w+=,.@/-]+)")
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_SSO = ("SSOTokenLoadError", "UnauthorizedSSOTokenError", "TokenRetrievalError", "SSOError", "LoginRefreshRequired")
_UNKNOWN = ("UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch")
_MISSING = ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "NoAuthTokenError")
_ON_THE_WAY = (
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ConnectionClosedError",
    "SSLError",
)
_EXPIRED_TOKEN = "authorization token has expired"


@dataclass(frozen=True)
class Caller:
    """Whose credentials are used, as far as it is known."""

    profile: str = "default"
    found_in: str = ""
    account: str = ""

    @property
    def option(self) -> str:
        """What `aws` commands need to use the same credentials."""
        return "" if self.profile == "default" else f" --profile {shlex.quote(self.profile)}"


def words_for(error: EcrRefused, uri: EcrUri, caller: Caller, endpoint: str) -> RegistryError:
    """Why the API refused, and what mends it."""
    code = error.code
    if "AccessDenied" in code or _DENIED.search(str(error)):
        return denied(str(error), f"ecr:{error.operation}", uri, caller)
    if code == "RepositoryNotFoundException":
        return missing(uri, caller)
    if code in ("ImageNotFoundException", "ImageNotFound"):
        return NotInRegistry(f"{uri.name} has no such image ({error})")
    if code in _ON_THE_WAY:
        return RegistryUnreachable(
            f"{endpoint or 'ECR'} does not answer: is there a region {uri.region} (`aws ec2 describe-regions"
            f"{caller.option} --query Regions[].RegionName` lists them), and a way to it? ({error})"
        )
    why = _credentials_trouble(error, uri, caller)
    return RegistryDenied(why) if why else RegistryError(f"ECR refused {error.operation}: {code} {error}".rstrip())


def _credentials_trouble(error: EcrRefused, uri: EcrUri, caller: Caller) -> str:
    """What is wrong with the credentials, and what mends it; "" when it is not them."""
    code, option = error.code, caller.option
    who = f"`aws sts get-caller-identity{option}`"
    if code in _MISSING:
        return (
            "no AWS credentials were found (in the environment, profiles, SSO, or a role of this machine); `aws"
            f" configure{option}` or `aws sso login{option}` gives some"
        )
    if code == "ProfileNotFound":
        return f"{error}; AWS_PROFILE names one of those that `aws configure list-profiles` lists"
    if code in _SSO or (code in _EXPIRED and caller.found_in == "sso"):
        return f"the AWS session has ended; `aws sso login{option}` begins a new one ({error})"
    if code in _EXPIRED:
        return f"the AWS credentials{_place(caller)} have expired; get new ones, and try them with {who} ({error})"
    if code in _UNKNOWN:
        return (
            f"AWS does not accept the credentials{_place(caller)} in region {uri.region}: {who} says whether they are"
            f" good anywhere, `aws account list-regions{option} --region-opt-status-contains ENABLED"
            f" ENABLED_BY_DEFAULT` which regions the account has ({error})"
        )
    return ""


def missing(uri: EcrUri, caller: Caller) -> NotInRegistry:
    """There is no such repository in the account and region of the URI."""
    return NotInRegistry(
        f"there is no repository {uri.repository} in region {uri.region} of account {uri.account}: push with --create,"
        f" or create it with `aws ecr create-repository --repository-name {uri.repository} --region {uri.region}"
        f"{_registry(uri, caller)}{caller.option}`{_other_account(uri, caller)}"
    )


def taken(tag: str, uri: EcrUri, caller: Caller) -> TagIsTaken:
    """The tag is in use, and the repository lets no tag be moved."""
    return TagIsTaken(
        f"the tag {tag} is in use in {uri.name}, whose tags are immutable: choose another tag, or let tags be moved"
        f" with `aws ecr put-image-tag-mutability --repository-name {uri.repository} --region {uri.region}"
        f"{_registry(uri, caller)} --image-tag-mutability MUTABLE{caller.option}`"
    )


def denied(text: str, action: str, uri: EcrUri, caller: Caller) -> RegistryDenied:
    """A request for which permission is missing; `action` is what was asked for when AWS's text does not say."""
    found = _DENIED.search(text)
    who, action = (found["who"], found["action"]) if found else ("", action)
    principal = _ARN.match(who)
    account = principal["account"] if principal else caller.account
    if "explicit deny" in text:
        return RegistryDenied(
            f"a policy denies {action} on {uri.name} to {who or 'you'}, and no other can grant it: ask whoever keeps"
            f" the policies of account {account or uri.account} ({_brief(text)})"
        )
    if account and account != uri.account and action != "ecr:GetAuthorizationToken":
        return RegistryDenied(
            f"{who or f'account {account}'} may not {action} in account {uri.account}, which the URI names: name"
            f" account {account} if you meant your own, use credentials of {uri.account} (AWS_PROFILE), or have"
            f" somebody there run `{_repository_policy(uri, account)}`"
        )
    return RegistryDenied(f"{who or 'your AWS identity'} may not {action} on {uri.name}; {_grant(principal, uri)}")


def of_registry(error: RegistryError, uri: EcrUri, caller: Caller, tag: str | None) -> RegistryError:
    """What the registry itself refused (`error`), in the same words as the API's refusals."""
    text = str(error)
    if isinstance(error, TagIsTaken):
        return taken(tag or "", uri, caller)
    if isinstance(error, NotInRegistry) and "NAME_UNKNOWN" in text:
        return missing(uri, caller)
    if isinstance(error, RegistryDenied) and _DENIED.search(text):
        return denied(text, "ecr:PutImage", uri, caller)
    if isinstance(error, RegistryDenied):
        return RegistryDenied(
            f"{uri.host} does not accept the token that ECR gave for account {caller.account or 'of yours'}: `aws ecr"
            f" get-login-password --region {uri.region}{caller.option}` must work, and the URI's account and region"
            f" must be yours{_other_account(uri, caller)} ({_brief(text)})"
        )
    return error


def is_expired(error: RegistryError) -> bool:
    """Whether the registry says that the token has expired."""
    return isinstance(error, RegistryDenied) and _EXPIRED_TOKEN in str(error).lower()


def _place(caller: Caller) -> str:
    return {"": "", "env": " in the environment (AWS_ACCESS_KEY_ID, ...)"}.get(
        caller.found_in, f" (profile {caller.profile}, {caller.found_in})"
    )


def _registry(uri: EcrUri, caller: Caller) -> str:
    return "" if caller.account == uri.account else f" --registry-id {uri.account}"


def _other_account(uri: EcrUri, caller: Caller) -> str:
    if not caller.account or caller.account == uri.account:
        return ""
    return f" - but your credentials are those of account {caller.account}"


def _grant(principal: re.Match[str] | None, uri: EcrUri) -> str:
    """The command that allows a user or role to push."""
    policy = _policy(uri)
    if principal is None:
        return f"attach this policy to it: {policy}"
    rest, kind = principal["rest"], "user" if principal["kind"] == "user" else "role"
    name = rest.rpartition("/")[2] if kind == "user" else rest.partition("/")[0]
    command = f"aws iam put-{kind}-policy --{kind}-name {name} --policy-name smlocal-push --policy-document"
    return f"`{command} '{policy}'` allows it"


def _policy(uri: EcrUri) -> str:
    statements = [
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Effect": "Allow", "Action": [*_PUSH_ACTIONS, "ecr:DescribeRepositories"], "Resource": uri.arn},
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def _repository_policy(uri: EcrUri, account: str) -> str:
    principal = {"AWS": f"arn:{uri.partition}:iam::{account}:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": list(_PUSH_ACTIONS)}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
    command = f"aws ecr set-repository-policy --repository-name {uri.repository} --region {uri.region}"
    return f"{command} --policy-text '{policy}'"


def _brief(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:299]}…"
