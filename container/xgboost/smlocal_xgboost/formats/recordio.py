"""RecordIO-protobuf: frames of a magic number, a length and a Record message, padded to four bytes.

A Record has `features["values"]` and `label["values"]`, each a dense or a sparse tensor of floats, doubles or
integers.

Source: AWS developer guide, cdf-training (record.proto); aws/sagemaker-xgboost-container, observed in 3.2-0
(input) and in all versions (output of selectable inference). Upstream's bug that record n repeats the records
before it is not copied.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xgboost as xgb
from scipy.sparse import csr_matrix

from smlocal_xgboost.errors import UserError
from smlocal_xgboost.formats import protobuf_wire as wire

MAGIC = 0xCED7230A
HEADER = struct.Struct("<II")

FEATURES, LABEL = 1, 2
MAP_KEY, MAP_VALUE = 1, 2
FLOAT32_TENSOR, FLOAT64_TENSOR, INT32_TENSOR = 2, 3, 7
TENSOR_VALUES, TENSOR_KEYS, TENSOR_SHAPE = 1, 2, 3


@dataclass(frozen=True)
class Tensor:
    """One tensor of a record; `keys` is empty for a dense one."""

    values: list[float]
    keys: list[int]
    shape: list[int]


def frames(buffer: bytes) -> Iterator[bytes]:
    """Yield the payload of each record; raises ValueError for a wrong magic number or a cut frame."""
    at = 0
    while at < len(buffer):
        if at + HEADER.size > len(buffer):
            raise ValueError("a RecordIO header is cut off")
        magic, length = HEADER.unpack_from(buffer, at)
        if magic != MAGIC:
            raise ValueError(f"a RecordIO header has magic number {magic:#x} instead of {MAGIC:#x}")
        at += HEADER.size
        if at + length > len(buffer):
            raise ValueError("a RecordIO record is cut off")
        yield buffer[at : at + length]
        at += length + -length % 4


def frame(payload: bytes) -> bytes:
    return HEADER.pack(MAGIC, len(payload)) + payload + b"\0" * (-len(payload) % 4)


def encode_labels(labels: Mapping[str, Iterable[float]]) -> bytes:
    """One framed record that carries each entry as a float32 tensor of its `label` map."""
    entries = []
    for name, values in labels.items():
        numbers = list(values)
        packed = struct.pack(f"<{len(numbers)}f", *numbers)
        tensor = wire.encode_bytes(FLOAT32_TENSOR, wire.encode_bytes(TENSOR_VALUES, packed))
        entry = wire.encode_bytes(MAP_KEY, name.encode()) + wire.encode_bytes(MAP_VALUE, tensor)
        entries.append(wire.encode_bytes(LABEL, entry))
    return frame(b"".join(entries))


def read_folder(folder: Path) -> xgb.DMatrix:
    """Read a flat folder of RecordIO files with labels."""
    try:
        buffer = b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
        records = [_maps(payload) for payload in frames(buffer)]
        labels = [float(record[LABEL]["values"].values[0]) for record in records]
        return _matrix([record[FEATURES]["values"] for record in records], labels)
    except (ValueError, KeyError, IndexError) as cause:
        raise UserError(f"Failed to load recordio-protobuf data with exception:\n{cause}") from cause


def read_body(buffer: bytes) -> xgb.DMatrix:
    """Read a request body; labels are ignored. Raises ValueError or KeyError."""
    return _matrix([_maps(payload)[FEATURES]["values"] for payload in frames(buffer)], None)


def _maps(payload: bytes) -> dict[int, dict[str, Tensor]]:
    record: dict[int, dict[str, Tensor]] = {FEATURES: {}, LABEL: {}}
    for number, _, content in wire.fields(payload):
        if number in record:
            entry = {key: value for key, _, value in wire.fields(content)}
            record[number][entry[MAP_KEY].decode()] = _tensor(entry[MAP_VALUE])
    return record


def _tensor(value: bytes) -> Tensor:
    for number, _, content in wire.fields(value):
        if number in (FLOAT32_TENSOR, FLOAT64_TENSOR, INT32_TENSOR):
            parts: dict[int, bytes] = {}
            for part, _, piece in wire.fields(content):
                parts[part] = parts.get(part, b"") + piece
            return Tensor(
                _numbers(number, parts.get(TENSOR_VALUES, b"")),
                wire.packed_varints(parts.get(TENSOR_KEYS, b"")),
                wire.packed_varints(parts.get(TENSOR_SHAPE, b"")),
            )
    raise ValueError("a record's value is neither a float nor an integer tensor")


def _numbers(kind: int, content: bytes) -> list[float]:
    if kind == INT32_TENSOR:
        return [float(value - (1 << 64) if value >> 63 else value) for value in wire.packed_varints(content)]
    return wire.packed_numbers(content, "f" if kind == FLOAT32_TENSOR else "d")


def _matrix(tensors: list[Tensor], labels: list[float] | None) -> xgb.DMatrix:
    if not tensors:
        raise ValueError("there are no records")
    if not any(tensor.keys for tensor in tensors):
        return xgb.DMatrix(np.array([tensor.values for tensor in tensors], dtype=np.float32), label=labels)
    rows = np.repeat(np.arange(len(tensors)), [len(tensor.keys) for tensor in tensors])
    columns = [key for tensor in tensors for key in tensor.keys]
    values = [value for tensor in tensors for value in tensor.values]
    width = max([*(tensor.shape[-1] for tensor in tensors if tensor.shape), *(key + 1 for key in columns)])
    shape = (len(tensors), width)
    return xgb.DMatrix(csr_matrix((values, (rows, columns)), shape=shape, dtype=np.float32), label=labels)
