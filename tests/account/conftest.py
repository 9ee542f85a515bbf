"""Accounts on the scripted engine; nothing of them may be left in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.account.bench import Bench
from tests.container.conftest import broken_image, build_image, docker_client, sklearn_image

__all__ = ["broken_image", "build_image", "docker_client", "sklearn_image"]


@pytest.fixture
def new_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Make an account in a folder of its own."""
    made: list[Bench] = []

    def make(**options: Any) -> Bench:
        made.append(Bench(tmp_path / f"state-{len(made)}", **options))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


Killed = Callable[[Bench], Bench]


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[Killed]:
    """The account as the next process finds it after this one was killed, taken up again."""
    made: list[Bench] = []

    def kill(bench: Bench) -> Bench:
        made.append(bench.killed(tmp_path / f"later-{len(made)}"))
        made[-1].account.resume()
        return made[-1]

    yield kill
    for bench in made:
        bench.close()


@pytest.fixture
def bench(new_bench: Callable[..., Bench]) -> Bench:
    return new_bench()
