"""The pytest plugin: `--smlocal-image IMAGE` makes a test of every clause of the contract, and fixtures run jobs and
endpoints in tests of one's own.

pytest loads it into every run, so it imports nothing but pytest and small things of ours until something of it is used.
It asserts nothing itself: PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from smlocal.pytest_plugin import hooks, session
from smlocal.pytest_plugin.fixtures import (
    endpoint,
    smlocal_account,
    smlocal_bench,
    smlocal_ecr_endpoint_url,
    smlocal_engine,
    smlocal_image,
    smlocal_instance_type,
    smlocal_limits,
    smlocal_plain_http_registries,
    smlocal_pull,
    smlocal_region,
    smlocal_registry_endpoint_url,
    smlocal_s3_endpoint_url,
    smlocal_settings,
    smlocal_state_folder,
    smlocal_state_limit_bytes,
    smlocal_store,
    smlocal_strict,
    training_job,
    transform_job,
)
from smlocal.pytest_plugin.options import (
    CHECK,
    MARKERS,
    ContractWarning,
    add_options,
    images_of,
    read_check,
)
from smlocal.pytest_plugin.telling import pytest_runtest_makereport

__all__ = [
    "ContractWarning",
    "endpoint",
    "pytest_runtest_makereport",
    "smlocal_account",
    "smlocal_bench",
    "smlocal_ecr_endpoint_url",
    "smlocal_engine",
    "smlocal_image",
    "smlocal_instance_type",
    "smlocal_limits",
    "smlocal_pull",
    "smlocal_region",
    "smlocal_registry_endpoint_url",
    "smlocal_s3_endpoint_url",
    "smlocal_settings",
    "smlocal_state_folder",
    "smlocal_plain_http_registries",
    "smlocal_state_limit_bytes",
    "smlocal_store",
    "smlocal_strict",
    "training_job",
    "transform_job",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hooks)


def pytest_configure(config: pytest.Config) -> None:
    """Read what is to be checked: a mistake in it is told before anything runs."""
    for name, words in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {words}")
    if images_of(config):
        config.stash[CHECK] = read_check(config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    check = config.stash.get(CHECK, None)
    if check is None:
        return []
    told = f"smlocal: checks {', '.join(images_of(config))}"
    if check.configured:
        return [f"{told} as {check.origin} has it"]
    return [f"{told}; no [check] table is configured: training and sample requests cannot be tried"]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The contract of each image stands beside the tests that the session finds."""
    report = yield
    if isinstance(collector, pytest.Session) and report.passed and CHECK in collector.config.stash:
        from smlocal.pytest_plugin.clauses import Contract

        report.result = [*report.result, *(Contract.of(collector, image) for image in images_of(collector.config))]
    return report


@pytest.hookimpl(trylast=True)
def pytest_smlocal_examine(config: pytest.Config, image: str) -> Any:
    from smlocal.pytest_plugin.examining import examine

    return examine(image, config.stash[CHECK])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Every worker of pytest-xdist is told the folder in which they meet."""
    node.workerinput[session.WORKERS_FOLDER] = str(session.shared_folder(node.config))


def pytest_unconfigure(config: pytest.Config) -> None:
    folder = session.folder_to_remove(config)
    if folder is not None:
        _forget_images(folder)
        session.remove(folder)


def _forget_images(folder: Path) -> None:
    """The names of images that workers built: none of them could know that it was the last to use one."""
    from smlocal.errors import SmlocalError
    from smlocal.pytest_plugin.building import forget_images, has_images

    if has_images(folder):
        from smlocal.settings import load_settings
        from smlocal.wiring import Program

        with contextlib.suppress(SmlocalError), Program(load_settings()) as program:  # an engine that is gone by now
            forget_images(program.engine, folder)
