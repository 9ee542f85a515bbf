"""The fixtures: jobs and endpoints for tests, and every setting that they run with.

A setting is changed by a fixture of the same name in a conftest, a module or a class:

    @pytest.fixture
    def smlocal_region():
        return "eu-west-1"
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from smlocal.pytest_plugin import session
from smlocal.pytest_plugin.options import settings_of
from smlocal.pytest_plugin.telling import HEARD, Heard, doctor_says

if TYPE_CHECKING:
    from smlocal.engine.interface import Engine
    from smlocal.images.availability import PullPolicy
    from smlocal.pytest_plugin.building import ImageFactory
    from smlocal.pytest_plugin.runs import Bench, Endpoints, TrainingJobs, TransformJobs
    from smlocal.settings import Limits, Settings
    from smlocal.storage.interface import ObjectStore


def _scope(fixture_name: str, config: pytest.Config) -> Any:
    return config.getoption("--smlocal-scope")


# settings


@pytest.fixture(scope=_scope)
def smlocal_state_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where objects, records and logs lie: a folder of this test's own."""
    return tmp_path_factory.mktemp("smlocal-state")


@pytest.fixture(scope=_scope)
def smlocal_region(pytestconfig: pytest.Config) -> str:
    """The region that containers see."""
    return settings_of(pytestconfig).region


@pytest.fixture(scope=_scope)
def smlocal_account(pytestconfig: pytest.Config) -> str:
    """The account that containers see: twelve digits."""
    return settings_of(pytestconfig).account


@pytest.fixture(scope=_scope)
def smlocal_s3_endpoint_url(pytestconfig: pytest.Config) -> str | None:
    """Where s3:// addresses lead; None: to a folder of the state folder."""
    return settings_of(pytestconfig).s3_endpoint_url


@pytest.fixture(scope=_scope)
def smlocal_strict(pytestconfig: pytest.Config) -> bool:
    """Whether /opt/ml/input/config has mode 0644."""
    return settings_of(pytestconfig).strict


@pytest.fixture(scope=_scope)
def smlocal_state_limit_bytes(pytestconfig: pytest.Config) -> int:
    """How large the records of runs may grow."""
    return settings_of(pytestconfig).state_limit_bytes


@pytest.fixture(scope=_scope)
def smlocal_limits(pytestconfig: pytest.Config) -> Limits:
    """SageMaker's limits; `dataclasses.replace` gives others, so that a test of a failure need not wait for minutes."""
    return settings_of(pytestconfig).limits


@pytest.fixture(scope=_scope)
def smlocal_plain_http_registries(pytestconfig: pytest.Config) -> str:
    """Registries of images that are spoken to without TLS, with commas between."""
    return settings_of(pytestconfig).plain_http_registries


@pytest.fixture(scope=_scope)
def smlocal_ecr_endpoint_url(pytestconfig: pytest.Config) -> str | None:
    """ECR's API, where it is not AWS's own; no fixture talks to it."""
    return settings_of(pytestconfig).ecr_endpoint_url


@pytest.fixture(scope=_scope)
def smlocal_registry_endpoint_url(pytestconfig: pytest.Config) -> str | None:
    """ECR's registry, where it is not the host of an image's URI; no fixture talks to it."""
    return settings_of(pytestconfig).registry_endpoint_url


@pytest.fixture(scope=_scope)
def smlocal_settings(
    smlocal_state_folder: Path,
    smlocal_region: str,
    smlocal_account: str,
    smlocal_s3_endpoint_url: str | None,
    smlocal_strict: bool,
    smlocal_state_limit_bytes: int,
    smlocal_plain_http_registries: str,
    smlocal_ecr_endpoint_url: str | None,
    smlocal_registry_endpoint_url: str | None,
    smlocal_limits: Limits,
) -> Settings:
    """All settings together."""
    from smlocal.settings import Settings

    return Settings(
        state=smlocal_state_folder,
        region=smlocal_region,
        account=smlocal_account,
        s3_endpoint_url=smlocal_s3_endpoint_url,
        strict=smlocal_strict,
        state_limit_bytes=smlocal_state_limit_bytes,
        plain_http_registries=smlocal_plain_http_registries,
        ecr_endpoint_url=smlocal_ecr_endpoint_url,
        registry_endpoint_url=smlocal_registry_endpoint_url,
        limits=smlocal_limits,
    )


@pytest.fixture(scope=_scope)
def smlocal_instance_type() -> str:
    """The instance type of jobs and endpoints for which none is given."""
    return "ml.m5.large"


@pytest.fixture(scope=_scope)
def smlocal_pull() -> PullPolicy:
    """When an image is pulled: "never", "missing" or "always"."""
    return "missing"


# what they run on


@pytest.fixture(scope="session")
def smlocal_engine(pytestconfig: pytest.Config) -> Iterator[Engine]:
    """The container engine that everything runs on; the test fails with what the doctor says when there is none."""
    from smlocal.errors import EngineUnavailable
    from smlocal.wiring import Program

    settings = settings_of(pytestconfig)
    with Program(settings) as program:
        try:
            program.engine.facts()
        except EngineUnavailable as error:
            raise pytest.fail.Exception(doctor_says(settings, error), pytrace=False) from None
        yield program.engine


@pytest.fixture(scope="session")
def smlocal_image(pytestconfig: pytest.Config, smlocal_engine: Engine) -> Iterator[ImageFactory]:
    """Builds a folder with a Dockerfile, once in the whole session: `smlocal_image("container")` is the image."""
    from smlocal.pytest_plugin.building import ImageFactory, forget_images

    folder = session.shared_folder(pytestconfig)
    yield ImageFactory(smlocal_engine, folder)
    if not session.is_worker(pytestconfig):  # other workers may still use what this one built
        forget_images(smlocal_engine, folder)


@pytest.fixture(scope=_scope)
def smlocal_bench(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    smlocal_engine: Engine,
    smlocal_settings: Settings,
    smlocal_instance_type: str,
    smlocal_pull: PullPolicy,
) -> Bench:
    """What jobs and endpoints have in common; `with smlocal_bench.program() as program` is smlocal's library."""
    from smlocal.pytest_plugin.runs import Bench

    heard = request.node.stash[HEARD] = Heard()
    folder = tmp_path_factory.mktemp("smlocal-output")
    return Bench(smlocal_engine, smlocal_settings, folder, heard, smlocal_instance_type, smlocal_pull)


@pytest.fixture(scope=_scope)
def smlocal_store(smlocal_bench: Bench) -> Iterator[ObjectStore]:
    """Where the s3:// addresses of requests lead."""
    with smlocal_bench.program() as program:
        yield program.store


# jobs and endpoints


@pytest.fixture(scope=_scope)
def training_job(smlocal_bench: Bench) -> TrainingJobs:
    """Runs training jobs: `training_job("my-image", channels={"train": "data"}).status`."""
    from smlocal.pytest_plugin.runs import TrainingJobs

    return TrainingJobs(smlocal_bench)


@pytest.fixture(scope=_scope)
def endpoint(smlocal_bench: Bench) -> Iterator[Endpoints]:
    """Starts endpoints, and stops them at the end: `endpoint("my-image", model="model").invoke(b"1,2").body`."""
    from smlocal.pytest_plugin.runs import Endpoints

    with Endpoints(smlocal_bench) as endpoints:
        yield endpoints


@pytest.fixture(scope=_scope)
def transform_job(smlocal_bench: Bench) -> TransformJobs:
    """Runs transform jobs: `transform_job("my-image", "rows.csv", model="model").read("rows.csv.out")`."""
    from smlocal.pytest_plugin.runs import TransformJobs

    return TransformJobs(smlocal_bench)
