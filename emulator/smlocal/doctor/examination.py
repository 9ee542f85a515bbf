"""Look at everything that a run will need, once, and say what is missing."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from smlocal.doctor.engine_checks import INSTALL_DOCKER, disk_row, engine_rows, image_rows
from smlocal.doctor.report import DoctorReport, Row
from smlocal.engine.interface import Engine
from smlocal.errors import EngineError, EngineUnavailable
from smlocal.images.build import ImageStatus
from smlocal.images.build_settings import package_index
from smlocal.provision import (
    BOOTSTRAP_PACKAGES,
    Machine,
    can_install,
    named_engine,
    provide_bootstrap,
    provide_engine,
    without_engine,
)
from smlocal.reachability import unreachable
from smlocal.settings import Settings

_PROXY = "export HTTPS_PROXY=http://your-proxy:3128"
_DEFAULT_CONTEXT = "docker context use default"


@dataclass(frozen=True)
class Doctor:
    """What the doctor needs to look with.

    `connect` gives a new engine or raises EngineUnavailable; `images` lists smlocal's images in an engine; `probe` says
    of named addresses why they do not answer; `labels` mark what the doctor makes as ours.
    """

    connect: Callable[[], Engine]
    images: Callable[[Engine], list[ImageStatus]]
    settings: Settings
    machine: Machine
    environment: Mapping[str, str]
    version: str
    labels: Mapping[str, str]
    probe: Callable[[Mapping[str, str]], Mapping[str, str | None]] = unreachable

    def examine(self) -> DoctorReport:
        """Look at everything; nothing is changed."""
        return DoctorReport(self.version, tuple(self._rows()))

    def repair(self, on_line: Callable[[str], None]) -> DoctorReport:
        """Set up what can be set up here (an engine, mmdebstrap), then examine.

        Raises EngineUnavailable or CannotRun with what to do when something must be done by hand.
        """
        provide_engine(self._engine_missing, self.machine, self.environment, on_line)
        report = self.examine()
        if report.row("base-source").level == "problem":
            provide_bootstrap(self.machine, on_line)
            report = self.examine()
        return report

    def _engine_missing(self) -> str | None:
        try:
            engine = self.connect()
        except EngineUnavailable as error:
            return str(error)
        try:
            engine.facts()
        except EngineUnavailable as error:
            return str(error)
        finally:
            engine.close()
        return None

    def _rows(self) -> Iterator[Row]:
        registry, has_base = "", False
        try:
            engine = self.connect()
        except EngineUnavailable as error:
            yield self.no_engine(error)
        else:
            try:
                rows, has_base, registry = self._engine_rows(engine)
                yield from rows
            finally:
                engine.close()
        index = package_index(self.environment)
        silent = self.probe({"registry": registry, "index": index} if registry else {"index": index})
        silence = silent.get("registry")
        yield self._registry(registry, silence)
        yield self._index(silent["index"])
        yield self._base_source(silence, has_base)
        yield self._state_disk()
        yield from self._limits()

    def _engine_rows(self, engine: Engine) -> tuple[list[Row], bool, str]:
        """Its rows, whether it has our base image, and the registry that it pulls from."""
        try:
            images = self.images(engine)
            rows = [*engine_rows(engine, self.labels), *image_rows(images)]
            return rows, images[0].present, engine.facts().registry
        except EngineUnavailable as error:
            return [self.no_engine(error)], False, ""
        except EngineError as error:
            return [self._unwilling(error)], False, ""

    def _unwilling(self, error: EngineError) -> Row:
        """An engine that answers, and does nothing."""
        named = named_engine(self.environment)
        if named:
            return Row("engine", "problem", f"{named} names an engine that refuses to work: {error}", self._unnamed())
        text = f"the engine refuses to work: {error}; its own log says why"
        if self.machine.has_systemd():
            return Row("engine", "problem", text, "sudo systemctl restart docker")
        return Row("engine", "problem", f"{text}: restart it as it was started, no command here knows how")

    def _unnamed(self) -> str:
        """The command that leads from an engine that was named back to this machine's own."""
        return "unset DOCKER_HOST DOCKER_CONTEXT" if _named_by_variable(self.environment) else _DEFAULT_CONTEXT

    def no_engine(self, error: EngineUnavailable) -> Row:
        """What to say, and to do, when no engine answers."""
        named = named_engine(self.environment)
        if named:
            return Row("engine", "problem", f"{named} names an engine that does not answer: {error}", self._unnamed())
        if can_install(self.machine):
            return Row("engine", "problem", f"no container engine answers: {error}", "smlocal doctor --fix")
        debian = "debian" in self.machine.distributions()
        fix = "sudo apt-get install --yes docker.io" if debian else INSTALL_DOCKER
        return Row("engine", "problem", f"{without_engine(self.machine)} ({error})", fix)

    def _registry(self, address: str, silence: str | None) -> Row:
        if not address:
            return Row("image-registry", "ok", "the engine does not say where it pulls from: pulling will tell")
        if silence is None:
            return Row("image-registry", "ok", f"{address} answers")
        text = (
            f"{address} does not answer ({silence}): only images that the engine holds can be run;"
            " behind a proxy, the engine's own service needs to be told of it too"
        )
        return Row("image-registry", "warning", text, _PROXY)

    def _index(self, silence: str | None) -> Row:
        address = package_index(self.environment)
        if silence is None:
            return Row("package-index", "ok", f"{address} answers")
        text = f"{address} does not answer ({silence}): images with Python packages cannot be built"
        return Row("package-index", "warning", text, "pip config set global.index-url https://your-index/simple")

    def _base_source(self, registry_silence: str | None, has_base: bool) -> Row:
        if has_base:
            return Row("base-source", "ok", "not needed: the base image is there")
        if registry_silence is None:
            return Row("base-source", "ok", "the public slim Python image")
        if self.machine.has("mmdebstrap"):
            return Row("base-source", "ok", "Debian packages (mmdebstrap)")
        text = "neither a registry nor mmdebstrap to make the base image from"
        if can_install(self.machine):
            return Row("base-source", "problem", text, "smlocal doctor --fix")
        if "debian" in self.machine.distributions():
            packages = " ".join(BOOTSTRAP_PACKAGES)
            return Row("base-source", "problem", text, f"sudo apt-get install --yes {packages}")
        return Row("base-source", "problem", text, _PROXY)

    def _state_disk(self) -> Row:
        state = self.settings.state
        row = disk_row("state-disk", state, f"smlocal prune --records --state {shlex.quote(str(state))}")
        if row.level == "ok":
            return row
        return replace(row, text=f"{row.text}; what lies in {state / 's3'} is yours to delete, no command does")

    def _limits(self) -> Iterator[Row]:
        scaled = self.settings.scaled
        if scaled:
            names = {f"SMLOCAL_LIMITS_{limit.partition('=')[0]}".upper() for limit in scaled}
            variables = [name for name in self.environment if name.upper() in names]
            fix = f"unset {' '.join(variables)}" if variables else f"${{EDITOR:-vi}} {_settings_file()}"
            yield Row("limits", "warning", f"not SageMaker's own: {', '.join(scaled)}", fix)


def _named_by_variable(environment: Mapping[str, str]) -> bool:
    return any(environment.get(name) for name in ("DOCKER_HOST", "DOCKER_CONTEXT"))


def _settings_file() -> str:
    """The file in which limits stand that no variable has set."""
    return "smlocal.toml" if Path("smlocal.toml").is_file() else "pyproject.toml"
