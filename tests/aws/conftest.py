from __future__ import annotations

import pytest

from tests.aws.wire_fixtures import Elsewhere, ScriptedAccount


@pytest.fixture
def account() -> ScriptedAccount:
    return ScriptedAccount()


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()
