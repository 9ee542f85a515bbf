"""How pytest comes by the plugin, and that it costs nothing until something of it is used."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from smlocal.pytest_plugin import fixtures
from tests.pytest_plugin.conftest import ROOT, Session

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HEAVY = ("docker", "boto3", "botocore", "moto", "aiohttp", "typer", "rich", "smlocal.contract", "smlocal.wiring")
LOADED = f"""
import json, sys
from pathlib import Path

def pytest_sessionfinish(session):
    found = [name for name in {HEAVY!r} if name in sys.modules]
    Path("loaded.json").write_text(json.dumps(found))
"""


@pytest.fixture
def loaded(pytester: pytest.Pytester) -> Callable[[], list[str]]:
    """Which heavy modules the session had in the end."""
    pytester.makeconftest(LOADED)

    def read() -> list[str]:
        found: list[str] = json.loads((pytester.path / "loaded.json").read_text())
        return found

    return read


def test_a_session_that_uses_nothing_imports_nothing_heavy(
    session: Session, pytester: pytest.Pytester, loaded: Callable[[], list[str]]
) -> None:
    pytester.makepyfile("def test_other(tmp_path): pass")
    assert session().parseoutcomes() == {"passed": 1}
    assert loaded() == []


def test_collecting_clauses_imports_no_library_that_runs_them(
    session: Session, loaded: Callable[[], list[str]]
) -> None:
    assert session("--smlocal-image", "image", "--collect-only").ret == pytest.ExitCode.OK
    assert loaded() == ["smlocal.contract"]


@pytest.mark.slow
def test_a_setting_needs_no_engine(
    session: Session, pytester: pytest.Pytester, loaded: Callable[[], list[str]]
) -> None:
    pytester.makepyfile("def test_it(smlocal_settings): assert smlocal_settings.region == 'us-east-1'")
    assert session().parseoutcomes() == {"passed": 1}
    assert loaded() == []


def declared() -> dict[str, str]:
    """The entry points by which an installed smlocal is found."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: dict[str, str] = project["entry-points"]["pytest11"]
    return found


def install(folder: Path) -> None:
    """What an installation leaves for pytest to find, where the session's modules come from."""
    metadata = folder / "smlocal_entry-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: smlocal-entry\nVersion: 0\n")
    lines = [f"{name} = {module}" for name, module in declared().items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines, ""]))


@pytest.mark.parametrize("way", ["installed", "installed and -p", "installed and a conftest", "a conftest", "-p"])
def test_every_way_to_load_it_is_one_plugin(session: Session, pytester: pytest.Pytester, way: str) -> None:
    pytester.plugins = ["smlocal.pytest_plugin"] if "-p" in way else []
    if "installed" in way:
        install(pytester.path)
    if "conftest" in way:
        pytester.makeconftest("pytest_plugins = ['smlocal.pytest_plugin']")
    pytester.makepyfile(
        """
        def test_it(pytestconfig, smlocal_region):
            found = [name for name, plugin in pytestconfig.pluginmanager.list_name_plugin()
                     if getattr(plugin, "__name__", "") == "smlocal.pytest_plugin"]
            assert found == ["smlocal.pytest_plugin"]
        """
    )
    assert session("-W", "error").parseoutcomes() == {"passed": 1}


@pytest.mark.slow
def test_it_can_be_turned_off(session: Session, pytester: pytest.Pytester) -> None:
    pytester.plugins = []
    install(pytester.path)
    result = session("-p", "no:smlocal.pytest_plugin", "--smlocal-image", "image")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "unrecognized arguments: --smlocal-image" in result.stderr.str()


@pytest.mark.slow
def test_pytest_is_needed_only_where_pytest_runs(pytester: pytest.Pytester) -> None:
    code = "import sys; sys.modules['pytest'] = None; import smlocal.wiring, smlocal.cli.app"
    result = pytester.run(sys.executable, "-c", code)
    assert (result.ret, result.errlines) == (0, [])


@pytest.mark.slow
def test_its_lines_are_measured_when_a_run_is_measured(
    session: Session, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pytest imports before any test counts in `coverage run -m pytest`, the way in which tox does it."""
    for name in [name for name in os.environ if name.startswith("COV")]:
        monkeypatch.delenv(name)  # of a run of ours that is measured itself
    pytester.makepyfile("def test_it(smlocal_region): pass")
    (pytester.path / "measured").write_text("[run]\nsource = smlocal\ndata_file = data\n")
    measured = [sys.executable, "-m", "coverage"]
    run = pytester.run(*measured, "run", "--rcfile=measured", "-m", "pytest", "-p", "smlocal.pytest_plugin")
    assert run.ret == pytest.ExitCode.OK
    assert pytester.run(*measured, "json", "--rcfile=measured", "-o", "report.json").ret == 0
    files = json.loads((pytester.path / "report.json").read_text())["files"]
    source = Path(fixtures.__file__)
    (executed,) = (found["executed_lines"] for name, found in files.items() if Path(name) == source)
    lines = source.read_text().splitlines()
    imported = lines.index("def smlocal_region(pytestconfig: pytest.Config) -> str:") + 1
    called = lines.index("    return settings_of(pytestconfig).region") + 1
    assert {imported, called} <= set(executed)
