"""What a conftest or another plugin can do in smlocal's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from smlocal.evidence import Examination


@pytest.hookspec(firstresult=True)
def pytest_smlocal_examine(config: pytest.Config, image: str) -> Examination | None:
    """Make the runs that it takes to know `image`, once in a session; the first answer that is not None is judged.

    By default it is examined on the engine that DOCKER_HOST or the Docker context names, as `smlocal check` does.
    """
