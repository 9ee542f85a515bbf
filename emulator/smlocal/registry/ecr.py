"""One repository of Amazon ECR: the distribution protocol with ECR's tokens, repositories and words around it."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import BinaryIO, TypeVar

from smlocal.aws_clients import EcrApi, EcrRefused, EcrToken
from smlocal.errors import NotInRegistry, RegistryError
from smlocal.registry import ecr_words
from smlocal.registry.credentials import Credentials, FindCredentials
from smlocal.registry.ecr_uri import EcrUri, account_of
from smlocal.registry.interface import Descriptor, Manifest, Repository

Result = TypeVar("Result")

_EARLY = timedelta(minutes=10)  # before a token expires, another one is asked for


class EcrRepository:
    """A repository as `Repository` has it; whatever is refused is told with the `aws` command that mends it.

    `open_registry` gives the repository that speaks the protocol, with what finds its credentials; `now` is the time
    with a zone. Nothing is sent before the first call.
    """

    def __init__(
        self,
        uri: EcrUri,
        api: EcrApi,
        open_registry: Callable[[FindCredentials], Repository],
        now: Callable[[], datetime],
    ) -> None:
        self.uri = uri
        self.name = uri.name
        self._api = api
        self._open_registry = open_registry
        self._now = now
        self._lock = threading.Lock()
        self._token: EcrToken | None = None
        self._opened: Repository | None = None

    @property
    def endpoint_url(self) -> str:
        """Of ECR's API."""
        return self._api.endpoint_url

    def prepare(self, *, create: bool) -> None:
        """Get a token, and see to it that the repository is there; with `create`, make it. Raises RegistryError.

        A principal that may push need not be allowed to look: then the registry itself will tell.
        """
        self._registry()
        try:
            self._api.mutability(self.uri.account, self.uri.repository)
        except EcrRefused as error:
            if error.code == "RepositoryNotFoundException" and create:
                self._create()
            elif "AccessDenied" not in error.code:
                raise self._words(error) from error
            elif create:
                self._create()

    def refuse_taken(self, tag: str, image_id: str) -> None:
        """Raises TagIsTaken when the tag names another image and the repository lets no tag be moved: that would
        otherwise be told only after all layers had been sent. The same image is known by its configuration's digest.
        """
        try:
            immutable = self._api.mutability(self.uri.account, self.uri.repository) == "IMMUTABLE"
        except EcrRefused:
            return
        if immutable and self._names_another(tag, image_id):
            raise ecr_words.taken(tag, self.uri, self._caller())

    def manifest(self, reference: str) -> Manifest:
        return self._try(lambda registry: registry.manifest(reference))

    def has_blob(self, digest: str) -> bool:
        return self._try(lambda registry: registry.has_blob(digest))

    def blob(self, digest: str, limit: int) -> bytes:
        return self._try(lambda registry: registry.blob(digest, limit))

    def push_blob(
        self, blob: Descriptor, read: Callable[[], BinaryIO], on_sent: Callable[[int], None] = lambda total: None
    ) -> None:
        self._try(lambda registry: registry.push_blob(blob, read, on_sent))

    def put_manifest(self, manifest: Manifest, tag: str | None = None) -> None:
        self._try(lambda registry: registry.put_manifest(manifest, tag), tag)

    def remove_manifest(self, digest: str) -> None:
        """By ECR's API: its registry removes nothing by itself."""
        with self._told():
            self._api.delete(self.uri.account, self.uri.repository, digest=digest)

    def tags_of(self, digest: str) -> tuple[str, ...]:
        try:
            with self._told():
                return self._api.tags(self.uri.account, self.uri.repository, digest)
        except NotInRegistry:
            return ()

    def remove_tag(self, tag: str) -> None:
        """An image goes with its last tag. Source: API reference, BatchDeleteImage."""
        if len(self.tags_of(self.manifest(tag).digest)) < 2:
            raise RegistryError(f"ECR would remove the image with the tag {tag} of {self.name}, its last one")
        with self._told():
            self._api.delete(self.uri.account, self.uri.repository, tag=tag)

    def referrers(self, digest: str) -> tuple[Descriptor, ...]:
        return self._try(lambda registry: registry.referrers(digest))

    def attach(self, manifest: Manifest, subject: str) -> None:
        self._try(lambda registry: registry.attach(manifest, subject))

    def _try(self, do: Callable[[Repository], Result], tag: str | None = None) -> Result:
        """Once more with a new token when the registry says that it has expired."""
        registry = self._registry()
        try:
            return do(registry)
        except RegistryError as error:
            if not ecr_words.is_expired(error):
                raise ecr_words.of_registry(error, self.uri, self._caller(), tag) from error
        self._renew(registry)
        try:
            return do(self._registry())
        except RegistryError as error:
            raise ecr_words.of_registry(error, self.uri, self._caller(), tag) from error

    def _registry(self) -> Repository:
        with self._lock:
            found = self._opened
            if found is not None and self._token is not None and self._now() < self._token.expires_at - _EARLY:
                return found
        return self._renew(found)

    def _renew(self, former: Repository | None) -> Repository:
        """A new token, unless another thread has got one in the place of what `former` has."""
        with self._lock:
            if self._opened is None or self._opened is former:
                with self._told():
                    self._token = self._api.token()
                self._opened = self._open_registry(partial(self._credentials, self._token))
            return self._opened

    def _credentials(self, token: EcrToken) -> Credentials:
        try:
            name, _, password = base64.b64decode(token.text, validate=True).decode().partition(":")
        except ValueError:  # no base64, no text
            raise RegistryError(f"{self._api.endpoint_url} gave a token that is none") from None
        return Credentials(name, password)

    def _create(self) -> None:
        with self._told(), _but("RepositoryAlreadyExistsException"):  # somebody was faster
            self._api.create(self.uri.account, self.uri.repository)

    def _names_another(self, tag: str, image_id: str) -> bool:
        try:
            document = json.loads(self.manifest(tag).content)
            return bool(document["config"]["digest"] != image_id)
        except NotInRegistry:
            return False
        except (ValueError, LookupError, TypeError, RecursionError):
            return True  # an index of several images, or none at all

    def _caller(self) -> ecr_words.Caller:
        account = account_of(self._token.endpoint) if self._token is not None else ""
        return ecr_words.Caller(self._api.profile, self._api.found_in, account)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except EcrRefused as error:
            raise self._words(error) from error

    def _words(self, error: EcrRefused) -> RegistryError:
        return ecr_words.words_for(error, self.uri, self._caller(), self._api.endpoint_url)


def connected(uri: EcrUri, endpoint_url: str | None, profile: str) -> EcrApi:
    """ECR's API for a URI; nothing is sent. Raises RegistryError, such as for a profile that is not there."""
    try:
        return EcrApi(uri.region, endpoint_url, fips=uri.fips, dual_stack=uri.dual_stack)
    except EcrRefused as error:
        raise ecr_words.words_for(error, uri, ecr_words.Caller(profile), endpoint_url or "") from error


@contextlib.contextmanager
def _but(code: str) -> Iterator[None]:
    """This refusal is none."""
    try:
        yield
    except EcrRefused as error:
        if error.code != code:
            raise
