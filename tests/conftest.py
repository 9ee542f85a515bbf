"""The engines that tests run on, each for a whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from smlocal.engine.docker import DockerEngine
from smlocal.engine.interface import Engine
from smlocal.errors import ImageNotFound
from tests.engine.adapters import IMAGE, LOCAL, PODMAN, SCRIPTED, Adapter, scripted_engine, second
from tests.engine.podman_service import podman_service
from tests.engine.processes import copy_image
from tests.engine.second_daemon import VOLUMES_BYTES, second_daemon
from tests.engine.stage import Stage

# How long an example takes says how busy the machine is.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

pytest_plugins = ["pytester"]  # pytest takes this in its uppermost conftest only; tests/pytest_plugin uses it


@pytest.fixture(scope="session")
def local_engine() -> Iterator[Engine]:
    """The engine that DOCKER_HOST or the Docker context names, with the suite's image."""
    engine = DockerEngine()
    try:
        engine.image(IMAGE)
    except ImageNotFound:
        pytest.fail(f"the engine has no image {IMAGE}: run `make ready` or `smlocal images build`")
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def second_engine(local_engine: Engine) -> Iterator[Engine]:
    """A second Docker daemon, which stands for an engine on another machine."""
    with second_daemon() as address:
        copy_image(IMAGE, None, address)
        engine = DockerEngine(address)
        yield engine
        engine.close()


@pytest.fixture(scope="session")
def podman_engine(local_engine: Engine) -> Iterator[Engine]:
    """Podman behind its Docker API."""
    with podman_service() as address:
        copy_image(IMAGE, None, address)
        engine = DockerEngine(address)
        yield engine
        engine.close()


@pytest.fixture
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """The engine that the test's parameter names: `@pytest.mark.parametrize("adapter", ALL, indirect=True)`."""
    name = str(request.param)
    if name == "scripted":
        return Adapter(name, scripted_engine(), SCRIPTED)
    engine: Engine = request.getfixturevalue(
        {"docker-local": "local_engine", "docker-second": "second_engine", "podman": "podman_engine"}[name]
    )
    differences = {"docker-local": LOCAL, "docker-second": second(VOLUMES_BYTES), "podman": PODMAN}[name]
    return Adapter(name, engine, differences)


@pytest.fixture
def stage(adapter: Adapter) -> Iterator[Stage]:
    """A clean place in the test's engine; whatever bears its labels is removed afterwards."""
    place = Stage(adapter)
    yield place
    place.clear()
    assert adapter.engine.owned(place.labels) == []
