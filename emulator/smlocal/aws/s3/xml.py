"""S3's XML: written by hand, since keys may hold characters that no XML library writes; read with expat."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from xml.etree import ElementTree

from smlocal.aws.s3.errors import S3Error

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_SPECIAL = re.compile('[&<>"\x00-\x1f\x7f\ufffe\uffff]')
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def text(value: str) -> str:
    """Escaped; control characters as references, as AWS sends them when no `encoding-type` was asked for."""
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", value)


def readable(value: str) -> str:
    """For echoing a key to whoever knows it: what no XML document can hold is shown as U+FFFD, so that the rest of the
    answer can be read."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", value)


def tag(name: str, value: str | int | bool | None) -> str:
    """An element with a text in it; nothing at all for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        value = "true" if value else "false"
    return f"<{name}>{text(str(value))}</{name}>"


def group(name: str, *children: str) -> str:
    """An element with elements in it."""
    return f"<{name}>{''.join(children)}</{name}>"


def document(name: str, *children: str, namespace: bool = True) -> bytes:
    """A whole answer."""
    start = f'<{name} xmlns="{_NAMESPACE}">' if namespace else f"<{name}>"
    return DECLARATION + f"{start}{''.join(children)}</{name}>".encode("utf-8", "replace")


def iso(seconds: float) -> str:
    """`2026-01-02T03:04:05.000Z`; S3's times are whole seconds."""
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def parsed(data: bytes, root: str) -> ElementTree.Element:
    """A request's document, names without their namespace. Raises S3Error MalformedXML, also for a document type, with
    which small requests could become big ones."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise S3Error("MalformedXML")
    try:
        found = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise S3Error("MalformedXML") from error
    for element in found.iter():
        element.tag = element.tag.rpartition("}")[2]
    if found.tag != root:
        raise S3Error("MalformedXML")
    return found


def quoted(etag: str) -> str:
    """As ETags stand in headers and documents."""
    return f'"{etag}"'
