"""Which form of answer a client asks for.

Source: aws/sagemaker-xgboost-container, observed in 1.7-1, 3.0-5 and 3.2-0.
"""

from __future__ import annotations

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
RECORDIO = "application/x-recordio-protobuf"

SUPPORTED = (JSON, JSON_LINES, RECORDIO, CSV)


class NotAcceptable(ValueError):
    """The client asks for a type that the algorithm does not write."""


def choose(header: str | None, default: str) -> str:
    """The media type to answer with; parameters and case do not matter."""
    asked = (header or "").split(";")[0].strip().lower()
    chosen = default.lower() if asked in ("", "*/*") else asked
    if chosen not in SUPPORTED:
        raise NotAcceptable(
            f"Accept type {chosen} is not supported. Please use supported accept types: {list(SUPPORTED)}."
        )
    return chosen
