"""A machine in memory, for tests of what is set up on one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class StagedMachine:
    """A machine that does what it is told to have done; it remembers what it ran."""

    root: bool = True
    like: frozenset[str] = frozenset({"ubuntu", "debian"})
    programs: set[str] = field(default_factory=lambda: {"apt-get"})
    systemd: bool = False
    cgroups: bool = True
    exit_codes: list[int] = field(default_factory=list)
    dies: bool = False
    on_start: Callable[[], None] = lambda: None
    ran: list[tuple[str, ...]] = field(default_factory=list)
    time: float = 0.0

    def is_root(self) -> bool:
        return self.root

    def distributions(self) -> frozenset[str]:
        return self.like

    def has(self, program: str) -> bool:
        return program in self.programs

    def has_systemd(self) -> bool:
        return self.systemd

    def has_cgroups(self) -> bool:
        return self.cgroups

    def run(self, argv: Sequence[str]) -> tuple[int, str]:
        self.ran.append(tuple(argv))
        code = self.exit_codes.pop(0) if self.exit_codes else 0
        if code == 0 and argv[:2] == ("apt-get", "install"):
            self.programs |= {"dockerd" if name == "docker.io" else name for name in argv if not name.startswith("-")}
        if argv[0] == "systemctl":
            self.on_start()
        return code, "E: no such package"

    def start(self, argv: Sequence[str], log: Path) -> Callable[[], bool]:
        self.ran.append(tuple(argv))
        self.on_start()
        return lambda: not self.dies

    def last_lines(self, log: Path) -> str:
        return "failed to start daemon"

    def wait(self, seconds: float) -> None:
        self.time += seconds

    def now(self) -> float:
        return self.time
