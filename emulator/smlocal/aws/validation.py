"""What the wire checks of a request before the account sees it: the service model, then members that disagree, then
members that smlocal refuses by name.

The first two are AWS's own ValidationExceptions (their texts: `smlocal.requests.wording`). AWS passes over members that
its model does not know; here they are refused by name, since they are likely to be newer than this smlocal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smlocal.requests import meaning, refuse_unsupported
from smlocal.requests.service_model import check_constraints
from smlocal.requests.shapes import request_shapes


def check(operation: str, request: Mapping[str, Any]) -> None:
    """Whether a request whose values have the right types may go on. Raises InvalidRequest, NotSupported."""
    check_constraints(request_shapes(operation), request)
    meaning.check(operation, request)
    refuse_unsupported(operation, request)
