"""The composition root: the only module that constructs adapters. Everyone else receives what it uses."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smlocal import __version__, owner
from smlocal.images.references import ResolvedImage, resolve_image
from smlocal.settings import Settings

if TYPE_CHECKING:
    from smlocal.account import Account, LogSink, MetricSink
    from smlocal.aws.credentials import CredentialRegistry
    from smlocal.aws.gateway import Gateway
    from smlocal.aws.moto import MotoService
    from smlocal.aws.s3 import ObjectService
    from smlocal.aws.verification import Verifier
    from smlocal.aws.wire import Service
    from smlocal.doctor.examination import Doctor
    from smlocal.engine.interface import Engine
    from smlocal.examination import Examiner
    from smlocal.gate.publish import Progress, Publisher
    from smlocal.hosting import ModelHost
    from smlocal.http_client import HttpClient
    from smlocal.images.build import ImageBuilder
    from smlocal.journal import Journal
    from smlocal.launch import Launcher
    from smlocal.registry.ecr import EcrRepository
    from smlocal.registry.ecr_uri import EcrUri
    from smlocal.registry.interface import Repository
    from smlocal.registry.reference import RegistryReference
    from smlocal.registry.retries import Patience, Waiting
    from smlocal.storage.interface import ObjectStore
    from smlocal.storage.mounted import Mount
    from smlocal.training import TrainingRunner
    from smlocal.transform.runner import TransformRunner

RELAY_IMAGE = "smlocal/base:latest"
EXECUTION_ROLE = "smlocal"  # the role that is there from the first; containers are said to run with it


def _now() -> datetime:
    return datetime.now(timezone.utc)


class Program:
    """smlocal put together for one command or library user. Made lazily: what is not used is not imported.

    `mounts` are the folders and files of the user's disk that stand as buckets, see `storage.mounted`. An `engine` that
    is given stays the giver's to close.
    """

    def __init__(
        self, settings: Settings, mounts: Mapping[str, Mount] | None = None, *, engine: Engine | None = None
    ) -> None:
        self.settings = settings
        self._given_engine = engine
        self.mounts = dict(mounts or {})
        self.log_sink: LogSink | None = None
        self.metric_sink: MetricSink | None = None
        self._closers: list[Callable[[], None]] = []

    @cached_property
    def engine(self) -> Engine:
        if self._given_engine is not None:
            return self._given_engine
        from smlocal.engine.docker import DockerEngine

        return DockerEngine()

    @cached_property
    def http(self) -> HttpClient:
        from smlocal.http_client import HttpClient

        return HttpClient()

    @cached_property
    def outbound_http(self) -> HttpClient:
        """For what is not on this machine: through the environment's proxy, with its certificates."""
        from smlocal.http_client import HttpClient
        from smlocal.outbound import Outbound

        return HttpClient(Outbound(os.environ))

    def repository(self, reference: RegistryReference) -> Repository:
        """The repository that an image reference names, with the credentials that `docker login` has kept."""
        from smlocal.registry.credentials import DockerCredentials
        from smlocal.registry.distribution import DistributionRepository

        without_tls = {host.strip().lower() for host in self.settings.plain_http_registries.split(",")}
        return DistributionRepository(
            reference,
            self.outbound_http,
            DockerCredentials(reference.registry, os.environ, Path.home()),
            plain_http=reference.registry in without_tls,
            patience=self._patience,
        )

    def ecr_repository(self, uri: EcrUri) -> EcrRepository:
        """The repository of an ECR URI, with the AWS credentials that boto3 finds. Nothing is sent yet. Raises
        RegistryDenied for credentials that cannot be looked for."""
        from smlocal.registry.distribution import DistributionRepository
        from smlocal.registry.ecr import EcrRepository, connected
        from smlocal.registry.reference import parse_reference

        place = urlsplit(self.settings.registry_endpoint_url or f"https://{uri.host}")
        reference = parse_reference(f"{place.netloc}/{uri.repository}")
        return EcrRepository(
            uri,
            connected(uri, self.settings.ecr_endpoint_url, os.environ.get("AWS_PROFILE", "default")),
            lambda credentials: DistributionRepository(
                reference,
                self.outbound_http,
                credentials,
                plain_http=place.scheme == "http",
                patience=self._patience,
                chunk_bytes=None,
            ),
            lambda: datetime.now(timezone.utc),
        )

    def publisher(self, repository: Repository, progress: Progress, stop: threading.Event) -> Publisher:
        """Publishes images of the engine to one repository."""
        from smlocal.gate.publish import Publisher
        from smlocal.images.export import ImageExporter
        from smlocal.images.layer_cache import LayerCache

        state = self.settings.state
        exporter = ImageExporter(self.engine, state / "spool", LayerCache(state / "layers"))
        return Publisher(self.engine, exporter, repository, progress, stop, waiting=self._waiting)

    @cached_property
    def _waiting(self) -> Waiting:
        from smlocal.registry.retries import Waiting

        return Waiting()

    @property
    def _patience(self) -> Patience:
        from smlocal.registry.retries import Patience

        return Patience(sleep=self._waiting.sleep, meanwhile=self._waiting.go_on)

    @cached_property
    def store(self) -> ObjectStore:
        from smlocal.storage.mounted import MountedStore

        base = self._base_store()
        return MountedStore(base, self.mounts) if self.mounts else base

    def _base_store(self) -> ObjectStore:
        if self.settings.s3_endpoint_url is not None:
            from smlocal.storage.s3 import S3Store

            return S3Store(self.settings.s3_endpoint_url, self.settings.region)
        from smlocal.storage.directory import DirectoryStore

        return DirectoryStore(self.settings.state / "s3")

    @cached_property
    def objects(self) -> ObjectService:
        """The store as S3 on the wire."""
        from smlocal.aws.s3 import ObjectService
        from smlocal.storage.uploads import Uploads

        uploads = Uploads(self.settings.state / "uploads")
        service = ObjectService(self.store, uploads, region=self.settings.region, account=self.settings.account)
        self._closers.append(service.close)
        return service

    @cached_property
    def journal(self) -> Journal:
        from smlocal.journal import Journal

        return Journal(self.settings.state, self.settings.state_limit_bytes, owner.this_process())

    @cached_property
    def launcher(self) -> Launcher:
        """The launcher of this process; what dead owners left is reaped before it is first used."""
        from smlocal.launch import Launcher

        launcher = Launcher(self.engine, owner.this_process(), RELAY_IMAGE)
        launcher.reap()
        return launcher

    @cached_property
    def training(self) -> TrainingRunner:
        from smlocal.training import TrainingRunner

        return TrainingRunner(
            self.launcher,
            self.store,
            self.journal,
            self.settings,
            container_endpoint=self.container_endpoint,
            delete_checkpoints=self._may_delete,
        )

    @cached_property
    def hosting(self) -> ModelHost:
        from smlocal.hosting import ModelHost

        return ModelHost(self.launcher, self.http, self.store, self.settings, endpoint=self.container_endpoint)

    @cached_property
    def transform(self) -> TransformRunner:
        from smlocal.transform.runner import TransformRunner

        return TransformRunner(
            self.launcher,
            self.http,
            self.store,
            self.journal,
            self.settings,
            container_endpoint=self.container_endpoint,
        )

    @cached_property
    def account(self) -> Account:
        """The account of this state folder, with what stood in it when it was last open; it ends with this program.
        What runs tells `log_sink` and `metric_sink`, which are set before this is first used."""
        from smlocal.account import Account

        found = Account(
            self.engine,
            self.training,
            self.transform,
            self.hosting,
            self.settings,
            self.resolve,
            logs=self.log_sink,
            metrics=self.metric_sink,
        )
        self._closers.append(found.close)
        found.resume()
        return found

    def take_up_account(self) -> None:
        """Let what stood in the account when it was last open stand again, before the first call asks for it. Raises
        EngineUnavailable, and UsageError when another process has the account."""
        if (self.settings.state / "accounts").is_dir():
            _ = self.account

    @cached_property
    def examiner(self) -> Examiner:
        """Examines images; its runs write to this program's state, which should be one of the examination's own."""
        from smlocal.examination import Examiner

        return Examiner(
            engine=self.engine,
            launcher=self.launcher,
            training=self.training,
            hosting=self.hosting,
            http=self.http,
            store=self.store,
            settings=self.settings,
            repository=self.repository,
        )

    @cached_property
    def image_builder(self) -> ImageBuilder:
        return self._image_builder(self.engine)

    def _image_builder(self, engine: Engine) -> ImageBuilder:
        from smlocal.images.build import ImageBuilder
        from smlocal.images.build_settings import machine_build_settings
        from smlocal.shipped import shipped_folder

        return ImageBuilder(engine, shipped_folder("container"), machine_build_settings(os.environ), __version__)

    @cached_property
    def doctor(self) -> Doctor:
        from smlocal.doctor.examination import Doctor
        from smlocal.engine.docker import DockerEngine
        from smlocal.provision import ThisMachine

        return Doctor(
            connect=DockerEngine,
            images=lambda engine: self._image_builder(engine).list(),
            settings=self.settings,
            machine=ThisMachine(),
            environment=os.environ,
            version=__version__,
            labels=owner.this_process().labels(),
        )

    @cached_property
    def aws_credentials(self) -> CredentialRegistry:
        """Who may call the gateway where signatures are verified."""
        from smlocal.aws.credentials import CredentialRegistry

        return CredentialRegistry()

    @cached_property
    def aws_verifier(self) -> Verifier:
        from smlocal.aws.verification import Verifier

        return Verifier(self.aws_credentials, _now)

    @cached_property
    def moto(self) -> MotoService:
        from smlocal.aws.moto import MotoService

        return MotoService(self.settings.account, self.settings.region, EXECUTION_ROLE)

    def gateway(
        self,
        *,
        verify_all: bool = False,
        delegate: str | None = None,
        own_names: Collection[str] = (),
        log: Callable[[str], None] | None = None,
    ) -> Gateway:
        """The gateway of this program: our services, and moto or the endpoint `delegate` for the others.

        Raises UsageError for a malformed address.
        """
        from smlocal.aws.gateway import Gateway

        return Gateway(
            self._aws_services(delegate),
            self.moto if delegate is None else self._delegate(delegate),
            lambda: self.aws_verifier,
            region=self.settings.region,
            verify_all=verify_all,
            own_names=own_names,
            log=log,
            on_fault=log,
        )

    def _aws_services(self, delegate: str | None) -> dict[str, Service]:
        """The services that are ours, by name; one that is not there yet is refused by name."""
        from smlocal.aws.late import Late
        from smlocal.aws.own import OwnAnswers

        late = Late(lambda: self._sagemaker_services(delegate))
        services: dict[str, Service] = {name: late.service(name) for name in ("sagemaker", "runtime.sagemaker")}
        services["s3"] = self._s3_service(delegate)
        if delegate is None:
            self._tell_moto()
            own = OwnAnswers(self.settings.account, self.settings.region, EXECUTION_ROLE, self.moto, _now)
            services |= {"sts": own.sts, "iam": own.iam, "ecr": own.ecr}
        return services

    def _tell_moto(self) -> None:
        """Let CloudWatch hear of what runs, unless somebody else is to."""
        from smlocal.aws.cloudwatch import CloudWatch

        sink = CloudWatch(self.moto, self.http.run, self.settings.region)
        self.log_sink = self.log_sink or sink
        self.metric_sink = self.metric_sink or sink
        self._closers.insert(0, sink.close)  # after the account, whose last lines it gets

    def _sagemaker_services(self, delegate: str | None) -> dict[str, Service]:
        """SageMaker and its runtime before the account. Raises EngineUnavailable, and UsageError when another process
        has the account."""
        from smlocal.aws.runtime import Runtime
        from smlocal.aws.sagemaker import SageMaker

        elsewhere = self.moto if delegate is None else self._delegate(delegate)
        return {
            "sagemaker": SageMaker(self.account, elsewhere),
            "runtime.sagemaker": Runtime(self.account, self.settings.limits.invocation_body_bytes),
        }

    def _s3_service(self, delegate: str | None) -> Service:
        """The user's own S3 endpoint, when he has one, else our objects; what buckets have besides is elsewhere."""
        url = self.settings.s3_endpoint_url
        if url is None:
            from smlocal.aws.s3 import with_configuration

            elsewhere = self.moto if delegate is None else self._delegate(delegate)
            return with_configuration(self.objects, elsewhere, self.store.bucket_exists, self.settings.region)
        from smlocal.aws.resigned import Resigned
        from smlocal.aws_clients import credentials_of

        credentials = credentials_of(os.environ)
        return Resigned(url, self.settings.region, credentials, self._delegate(url), _now)

    def _delegate(self, url: str) -> Service:
        from smlocal.aws.delegate import Delegate

        return Delegate(self.http, url)

    def resolve(self, image: str) -> ResolvedImage:
        """The local image that stands for `image`. Raises UsageError, NotSupported."""
        from smlocal.images.availability import engine_has

        return resolve_image(image, lambda reference: engine_has(self.engine, reference))

    def _may_delete(self, bucket: str) -> bool:
        """Checkpoints that a program deleted are deleted in buckets, not in a folder of the user's disk."""
        mount = self.mounts.get(bucket)
        return mount is None or mount.deletable

    @cached_property
    def container_endpoint(self) -> str | None:
        """The S3 endpoint as a container on the default bridge reaches it: one on this machine through a relay."""
        url = self.settings.s3_endpoint_url
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            return url
        from smlocal.host_relay import HostRelay

        me = owner.this_process()
        name = f"smlocal-s3-{secrets.token_hex(6)}-relay"
        relay = HostRelay(self.engine, RELAY_IMAGE, name, {**me.labels(), owner.KIND: "relay"})
        self._closers.append(relay.close)
        host, port = relay.open(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
        return f"{parts.scheme}://{host}:{port}"

    def close(self) -> None:
        while self._closers:
            self._closers.pop()()
        for name in ("moto", "http", "outbound_http", "engine"):
            found = self.__dict__.get(name)
            if found is not None and found is not self._given_engine:
                found.close()

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
