"""Requests that AWS and smlocal both take, and a way to change one member of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.request_samples import changed


@pytest.fixture(scope="session")
def request_with() -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    return changed
