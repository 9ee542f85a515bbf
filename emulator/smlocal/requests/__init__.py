"""Requests in AWS's shape: read from a file, checked as AWS checks them, refused by name where smlocal is not AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from smlocal.requests import meaning, reading, service_model
from smlocal.requests.support import notes, refuse_unsupported, table_rows

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check", "notes", "read_request", "refuse_unsupported", "table_rows"]


def check(operation: str, request: Mapping[str, Any]) -> None:
    """Whether AWS would take `request` for `operation`, as far as that can be known without looking at anything else.

    Raises InvalidRequest with AWS's text.
    """
    service_model.check(operation, request)
    meaning.check(operation, request)


def read_request(operation: str, source: Path | str) -> dict[str, Any]:
    """The request that a file holds (or a `file://` address, or a JSON text), ready to be run.

    Raises UsageError for what is no request at all, InvalidRequest for what AWS would refuse, NotSupported for what
    smlocal refuses by name.
    """
    request = reading.load_request(operation, str(source))
    check(operation, request)
    refuse_unsupported(operation, request)
    return request
