"""The one door to boto3: clients for endpoints that the user named, and its exceptions turned into ours.

Nothing here finds an endpoint or credentials by itself (no profile, no configuration file, no metadata service) but
`EcrApi`: whoever names an ECR URI to a command has told it to talk to AWS. boto3 is imported when the first client is
made, since it takes longer to import than most commands take.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smlocal.errors import BucketNotEmpty, NoSuchBucket, NoSuchObject, ObjectChanged, StorageError, UsageError

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef
    from mypy_boto3_s3.client import S3Client

# where botocore looks for each variable: key in its file, environment variable, default, conversion
_NO_FILES = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MISSING_KEY = ("NoSuchKey", "NotFound", "404")
_MISSING_BUCKET = ("NoSuchBucket",)
_CHANGED = ("PreconditionFailed", "412")


@dataclass(frozen=True)
class Credentials:
    """What requests are signed with."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


DUMMY = Credentials("smlocal", "smlocal-has-no-secret")


def credentials_of(environment: Mapping[str, str]) -> Credentials:
    """Those of the AWS_* variables, or dummy ones that a local store takes as well as any."""
    identity, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if not identity or not secret:
        return DUMMY
    return Credentials(identity, secret, environment.get("AWS_SESSION_TOKEN") or None)


def s3_client(endpoint_url: str, region: str, credentials: Credentials) -> S3Client:
    """A client of the S3 service at `endpoint_url`, and of no other. Raises UsageError for a malformed address."""
    parts = urlsplit(endpoint_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f'"{endpoint_url}" is not the address of an S3 endpoint: it must look like http://host:9000')
    import boto3
    import botocore.config
    import botocore.session

    session = botocore.session.Session(session_vars=_NO_FILES)
    config = botocore.config.Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        proxies={} if parts.hostname in _LOOPBACK else None,  # None: the proxies of the environment
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 3},
        request_checksum_calculation="when_required",  # many S3 servers do not know the newer checksums
        response_checksum_validation="when_required",
    )
    return boto3.Session(botocore_session=session).client(
        "s3",
        region_name=region,
        endpoint_url=endpoint_url,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.session_token,
        config=config,
    )


@contextlib.contextmanager
def told(endpoint_url: str, bucket: str, key: str = "") -> Iterator[None]:
    """boto3's exceptions become StorageError or what is more exactly so, with the endpoint in their text."""
    import boto3.exceptions
    import botocore.exceptions
    import urllib3.exceptions

    address = f"s3://{bucket}/{key}" if key else f"s3://{bucket}"
    try:
        yield
    except botocore.exceptions.ClientError as error:
        told_error = error.response.get("Error", {})
        code, message = told_error.get("Code", "unknown"), told_error.get("Message", "")
        if code in _MISSING_BUCKET or (not key and code in _MISSING_KEY):
            raise NoSuchBucket(f"there is no bucket {bucket} at {endpoint_url}") from error
        if code in _MISSING_KEY:
            raise NoSuchObject(f"there is no object {address} at {endpoint_url}") from error
        if code in _CHANGED:
            raise ObjectChanged(f"{address} at {endpoint_url} is not as it was expected to be") from error
        if code == "BucketNotEmpty":
            raise BucketNotEmpty(f"the bucket {bucket} at {endpoint_url} is not empty") from error
        raise StorageError(f"{endpoint_url} refused {error.operation_name} of {address}: {code} {message}") from error
    except (
        botocore.exceptions.BotoCoreError,
        botocore.exceptions.HTTPClientError,
        boto3.exceptions.Boto3Error,
        urllib3.exceptions.HTTPError,
    ) as error:
        raise StorageError(f"{address} at {endpoint_url}: {error}") from error


class EcrRefused(Exception):
    """ECR, or boto3 on the way there, gave no good answer. `code` is AWS's, or the name of boto3's exception; `str()`
    is AWS's message."""

    def __init__(self, code: str, message: str, operation: str) -> None:
        super().__init__(message)
        self.code = code
        self.operation = operation  # "CreateRepository"


@dataclass(frozen=True)
class EcrToken:
    """What a registry is entered with. Never written, never shown."""

    text: str = field(repr=False)  # base64 of "AWS:<password>"
    expires_at: datetime
    endpoint: str  # of the caller's own registry: https://<account>.dkr.ecr.<region>.amazonaws.com


class EcrApi:
    """Amazon ECR's API in one region, with the credentials that boto3 finds: environment, profiles, SSO, roles.

    Every method raises EcrRefused. Nothing is sent before the first of them is called.
    """

    def __init__(self, region: str, endpoint_url: str | None = None, *, fips: bool = False, dual_stack: bool = False):
        """Without `endpoint_url`, AWS's own, or the one that AWS_ENDPOINT_URL_ECR or a profile names."""
        import boto3
        import botocore.config

        loopback = endpoint_url is not None and urlsplit(endpoint_url).hostname in _LOOPBACK
        config = botocore.config.Config(
            proxies={} if loopback else None,  # None: the proxies of the environment
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "total_max_attempts": 3},
            use_fips_endpoint=fips,
            use_dualstack_endpoint=dual_stack,
        )
        with _ecr_told("finding credentials"):
            self._session = boto3.Session()
            self._client: ECRClient = self._session.client(
                "ecr", region_name=region, endpoint_url=endpoint_url, config=config
            )

    @property
    def endpoint_url(self) -> str:
        return str(self._client.meta.endpoint_url)

    @property
    def profile(self) -> str:
        """That the credentials are looked for in."""
        return str(self._session.profile_name)

    @property
    def found_in(self) -> str:
        """Where the credentials were found, as botocore names it: "env", "shared-credentials-file", "sso", ..., "" when
        there are none."""
        with contextlib.suppress(EcrRefused), _ecr_told("finding credentials"):
            found = self._session.get_credentials()
            return str(found.method) if found is not None else ""
        return ""

    def token(self) -> EcrToken:
        with _ecr_told("GetAuthorizationToken"):
            data = self._client.get_authorization_token()["authorizationData"][0]
            return EcrToken(data["authorizationToken"], data["expiresAt"], data["proxyEndpoint"])

    def mutability(self, account: str, repository: str) -> str:
        """Whether its tags are "MUTABLE", "IMMUTABLE", ..."""
        with _ecr_told("DescribeRepositories"):
            found = self._client.describe_repositories(registryId=account, repositoryNames=[repository])
            return str(found["repositories"][0].get("imageTagMutability", ""))

    def create(self, account: str, repository: str) -> None:
        """With AWS's own defaults, or those of the account's creation template."""
        with _ecr_told("CreateRepository"):
            self._client.create_repository(registryId=account, repositoryName=repository)

    def tags(self, account: str, repository: str, digest: str) -> tuple[str, ...]:
        """Those of an image."""
        with _ecr_told("DescribeImages"):
            found = self._client.describe_images(
                registryId=account, repositoryName=repository, imageIds=[{"imageDigest": digest}]
            )
            return tuple(tag for item in found["imageDetails"] for tag in item.get("imageTags", ()))

    def delete(self, account: str, repository: str, *, digest: str = "", tag: str = "") -> None:
        """An image with all its tags, or one tag (and the image, if it was its last)."""
        identifier: ImageIdentifierTypeDef = {"imageDigest": digest} if digest else {"imageTag": tag}
        with _ecr_told("BatchDeleteImage"):
            answer = self._client.batch_delete_image(
                registryId=account, repositoryName=repository, imageIds=[identifier]
            )
        for failure in answer.get("failures", ()):
            raise EcrRefused(
                str(failure.get("failureCode", "")), str(failure.get("failureReason", "")), "BatchDeleteImage"
            )


@contextlib.contextmanager
def _ecr_told(operation: str) -> Iterator[None]:
    """boto3's exceptions become EcrRefused."""
    import boto3.exceptions
    import botocore.exceptions
    import urllib3.exceptions

    try:
        yield
    except botocore.exceptions.ClientError as error:
        told_error = error.response.get("Error", {})
        code, message = told_error.get("Code", ""), told_error.get("Message", "")
        raise EcrRefused(code, message, error.operation_name) from error
    except (
        botocore.exceptions.BotoCoreError,
        botocore.exceptions.HTTPClientError,
        boto3.exceptions.Boto3Error,
        urllib3.exceptions.HTTPError,
        ValueError,  # an endpoint that is no address
    ) as error:
        raise EcrRefused(type(error).__name__, str(error), operation) from error
    except (KeyError, IndexError, TypeError) as error:
        raise EcrRefused("IncompleteAnswer", "its answer lacks what it must have", operation) from error
