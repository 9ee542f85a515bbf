"""The protobuf wire format, as far as SageMaker's Record message needs it: varints, lengths and packed numbers.

Source: protobuf encoding guide; message layout in the AWS developer guide, cdf-training (record.proto).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


def encode_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode_varint(buffer: bytes, at: int) -> tuple[int, int]:
    """The value at an offset and the offset behind it; raises ValueError when the buffer ends too early."""
    value = shift = 0
    while True:
        if at >= len(buffer) or shift > 63:
            raise ValueError("a protobuf varint is cut off")
        byte = buffer[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def encode_bytes(field: int, content: bytes) -> bytes:
    """One length-delimited field."""
    return encode_varint(field << 3 | LENGTH) + encode_varint(len(content)) + content


def fields(buffer: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (field number, wire type, content) of a message; varints come re-encoded as they stood."""
    at = 0
    while at < len(buffer):
        key, at = decode_varint(buffer, at)
        number, wire = key >> 3, key & 7
        start = at
        if wire == VARINT:
            _, at = decode_varint(buffer, at)
        elif wire == LENGTH:
            length, start = decode_varint(buffer, at)
            at = start + length
        elif wire in (FIXED64, FIXED32):
            at += 8 if wire == FIXED64 else 4
        else:
            raise ValueError(f"protobuf wire type {wire} is not known")
        if at > len(buffer):
            raise ValueError("a protobuf field is cut off")
        yield number, wire, buffer[start:at]


def packed_varints(content: bytes) -> list[int]:
    values, at = [], 0
    while at < len(content):
        value, at = decode_varint(content, at)
        values.append(value)
    return values


def packed_numbers(content: bytes, code: str) -> list[float]:
    """Little-endian numbers of one struct code (`f` or `d`); raises ValueError when bytes are left over."""
    size = struct.calcsize(code)
    if len(content) % size:
        raise ValueError("packed protobuf numbers are cut off")
    return list(struct.unpack(f"<{len(content) // size}{code}", content))
