"""The functions of a serving script: the customer's own, or the defaults of AWS's image.

`model_fn` is compulsory; `input_fn`, `predict_fn` and `output_fn` have defaults, and `transform_fn` stands in for
the three and may not be together with any of them.

Source: AWS SageMaker Python SDK, using_xgboost; sagemaker-containers 2.8.6, observed with 1.7-1 and 3.0-5.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb

from smlocal_xgboost import content_types
from smlocal_xgboost.errors import UserError
from smlocal_xgboost.formats import csv_text, libsvm_text, recordio

Answer = Any
TEXT_TYPES = ("application/json", "text/csv")


@dataclass(frozen=True)
class Hooks:
    """What a request goes through; `transform` takes (model, body, content type, accept)."""

    load: Callable[[str], Any]
    transform: Callable[[Any, Any, str, str], Answer]


def import_script(code: Path, module: str) -> Any:
    """Import the customer's module; whatever it raises is the customer's."""
    sys.path.insert(0, str(code))
    return importlib.import_module(module)


def hooks_of(script: Any) -> Hooks:
    """The hooks that a module defines; raises UserError when they do not fit together."""
    load = getattr(script, "model_fn", None)
    if load is None:
        raise UserError("The script has no model_fn(model_dir): it cannot serve a model")
    whole = getattr(script, "transform_fn", None)
    parts = {name: getattr(script, name, None) for name in ("input_fn", "predict_fn", "output_fn")}
    if whole is None:
        return Hooks(load, _chain(**parts))
    given = [name for name, part in parts.items() if part]
    if given:
        raise UserError(f"Cannot use transform_fn implementation in conjunction with {', '.join(given)}")
    return Hooks(load, whole)


def _chain(input_fn: Any, predict_fn: Any, output_fn: Any) -> Callable[[Any, Any, str, str], Answer]:
    read, predict, write = input_fn or default_input, predict_fn or default_predict, output_fn or default_output

    def transform(model: Any, body: Any, content_type: str, accept: str) -> Answer:
        return write(predict(read(body, content_type), model), accept)

    return transform


def default_input(body: Any, content_type: str) -> xgb.DMatrix:
    """CSV, libsvm or RecordIO-protobuf as a matrix; a final newline in CSV is an error here, as in AWS's image."""
    data_format = content_types.format_of(content_type)
    if data_format == content_types.RECORDIO:
        return recordio.read_body(body)
    text = body if isinstance(body, str) else body.decode("utf-8")
    if data_format == content_types.CSV:
        return csv_text.read_body(text)
    if data_format == content_types.LIBSVM:
        return libsvm_text.read_body(text)
    raise UserError(f"Content type {content_type} is not supported without an input_fn")


def default_predict(data: Any, model: Any) -> Any:
    return model.predict(data, validate_features=False) if isinstance(model, xgb.Booster) else model.predict(data)


def default_output(prediction: Any, accept: str) -> bytes:
    """A bare JSON list, CSV with the digits of float32, or numpy's own format."""
    values = np.asarray(prediction)
    if accept == "application/json":
        return json.dumps(values.tolist()).encode()
    if accept == "text/csv":
        rows = values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
        return "".join(",".join(map(str, row)) + "\n" for row in rows).encode()
    if accept == "application/x-npy":
        buffer = io.BytesIO()
        np.save(buffer, values)
        return buffer.getvalue()
    raise UserError(f"Accept type {accept} is not supported without an output_fn")
