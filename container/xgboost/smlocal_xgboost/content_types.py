"""The content types of training channels and of invocations, and the data format that each names.

Source: aws/sagemaker-xgboost-container, observed in 1.7-1, 3.0-5 and 3.2-0.
"""

from __future__ import annotations

from email.message import Message

from smlocal_xgboost.errors import UserError

CSV = "csv"
LIBSVM = "libsvm"
PARQUET = "parquet"
RECORDIO = "recordio-protobuf"

FORMATS = {
    "csv": CSV,
    "libsvm": LIBSVM,
    "parquet": PARQUET,
    "recordio-protobuf": RECORDIO,
    "text/csv": CSV,
    "text/libsvm": LIBSVM,
    "text/x-libsvm": LIBSVM,
    "application/x-parquet": PARQUET,
    "application/x-recordio-protobuf": RECORDIO,
}


def parse_header(value: str) -> tuple[str, dict[str, str]]:
    """Split a content type into its lower-cased media type and its parameters."""
    media_type = value.split(";", 1)[0].strip().lower()
    message = Message()
    message["content-type"] = value
    parameters = message.get_params(failobj=[], unquote=True)[1:]
    return media_type, {name.lower(): text for name, text in parameters}


def format_of(content_type: str | None) -> str:
    """The data format that a content type names; absent means libsvm. Raises UserError for any other type."""
    if content_type is None:
        return LIBSVM
    media_type, parameters = parse_header(content_type)
    if media_type not in FORMATS:
        raise UserError(f"{content_type} is not an accepted ContentType: {', '.join(FORMATS)}.")
    chosen = FORMATS[media_type]
    if chosen == CSV and parameters.get("label_size", "1") != "1":
        raise UserError(
            f"{content_type} is not an accepted csv ContentType. Optional parameter label_size must be equal to 1"
        )
    return chosen
