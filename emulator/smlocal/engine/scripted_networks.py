"""Networks of the scripted engine, and the addresses that containers have on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from smlocal.engine.interface import Owned
from smlocal.engine.scripted_container import ScriptedContainer
from smlocal.errors import EngineError, NotFoundInEngine


@dataclass(frozen=True)
class _Network:
    id: str
    labels: Mapping[str, str]
    isolated: bool
    subnet: int


class Networks:
    """Names and the networks that they name; `bridge` is always there. Whoever uses it holds the engine's lock."""

    def __init__(self, identifier: Callable[[], str], number: Callable[[], int]) -> None:
        self._identifier = identifier
        self._number = number  # another one at each call, for addresses
        self._named = {"bridge": _Network(identifier(), {}, False, 17)}

    def create(self, name: str, labels: Mapping[str, str], isolated: bool) -> None:
        if name in self._named:
            raise EngineError(f"creating network {name}: network with name {name} already exists")
        self._named[name] = _Network(self._identifier(), dict(labels), isolated, 18 + len(self._named))

    def join(self, container: ScriptedContainer, network: str) -> None:
        """Raises NotFoundInEngine."""
        name = self._name(network)
        if name is None:
            raise NotFoundInEngine(f"network {network} not found")
        third, fourth = divmod(self._number(), 250)
        container.networks[name] = f"172.{self._named[name].subnet}.{third}.{fourth + 2}"

    def remove(self, network: str, containers: Iterable[ScriptedContainer]) -> None:
        """Remove one that none of the running `containers` is on; one that is not there is no error."""
        name = self._name(network)
        if name is None:
            return
        if any(name in item.networks and item.running for item in containers):
            raise EngineError(f"removing network {network}: network {name} has active endpoints")
        del self._named[name]

    def owned(self) -> list[Owned]:
        return [Owned("network", network.id, name, network.labels) for name, network in self._named.items()]

    def _name(self, network: str) -> str | None:
        """The name of the network that bears this name or id."""
        return next((name for name, found in self._named.items() if network in (name, found.id)), None)
