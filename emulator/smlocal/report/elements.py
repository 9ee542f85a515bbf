"""Elements of a page: text becomes part of it through ElementTree's serializer alone, so that none is left unescaped.

A template engine would be one dependency more, and escapes only what its template does not forget.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from smlocal.report.escaping import lines_of, one_line

Child = Element | str

_CODE = re.compile(r"`([^`]+)`")


def element(name: str, attributes: Mapping[str, str] | None = None, *children: Child) -> Element:
    """An element; each child is an element, or any text as one visible line."""
    found = Element(name, {key: one_line(value) for key, value in (attributes or {}).items()})
    for child in children:
        if isinstance(child, str):
            _add(found, _line(child))
        else:
            found.append(child)
    return found


def block(text: str) -> Element:
    """Text whose lines and spaces stay as they are."""
    found = Element("pre")
    found.text = "\n".join(lines_of(text))
    return found


def prose(name: str, text: str, attributes: Mapping[str, str] | None = None) -> Element:
    """A sentence of ours: what stands between backticks is code."""
    parts = _CODE.split(text)
    return element(
        name, attributes, *(element("code", None, part) if number % 2 else part for number, part in enumerate(parts))
    )


def serialized(root: Element) -> str:
    """The element as HTML."""
    return ElementTree.tostring(root, encoding="unicode", method="html")


def _line(text: str) -> str:
    """One visible line that keeps a space at its ends."""
    return f"{' ' * text[:1].isspace()}{one_line(text)}{' ' * (text.strip() != '' and text[-1:].isspace())}"


def _add(parent: Element, text: str) -> None:
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text
