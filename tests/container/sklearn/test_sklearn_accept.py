"""Content negotiation of the bring-your-own container."""

from __future__ import annotations

import pytest
from iris import accept
from iris.formats import CSV, JSON, JSON_LINES, MEDIA_TYPES


@pytest.mark.parametrize(
    ("header", "default", "chosen"),
    [
        (None, JSON, JSON),
        ("", CSV, CSV),
        ("*/*", JSON_LINES, JSON_LINES),
        ("text/csv", JSON, CSV),
        ("TEXT/CSV; charset=utf-8", JSON, CSV),
        ("application/json", CSV, JSON),
        ("application/jsonlines", CSV, JSON_LINES),
        ("application/*", CSV, JSON),
        ("application/*", JSON_LINES, JSON_LINES),
        ("text/*", JSON, CSV),
        ("image/png, */*;q=0.1", CSV, CSV),
        ("text/csv;q=0.5, application/json", CSV, JSON),
        ("text/csv;q=0.5, application/json;q=0.4", JSON, CSV),
        ("text/csv;q=0, */*", CSV, JSON),
        ("application/*;q=0.2, application/jsonlines;q=0.9", CSV, JSON_LINES),
        ("*/*, text/csv;q=0.1", CSV, JSON),
        ("text/csv;q=nonsense", JSON, CSV),
        ("image/png", CSV, None),
        ("text/csv;q=0", CSV, None),
        ("text/html, application/xhtml+xml", CSV, None),
        ("*/*;q=0", CSV, None),
        ("json", CSV, None),
    ],
)
def test_the_caller_gets_what_it_likes_best(header: str | None, default: str, chosen: str | None) -> None:
    assert accept.choose(header, MEDIA_TYPES, default) == chosen


@pytest.mark.parametrize(
    ("header", "bare"), [(None, ""), ("", ""), ("Text/CSV", "text/csv"), ("text/csv; header=present", "text/csv")]
)
def test_a_media_type_is_read_without_its_parameters(header: str | None, bare: str) -> None:
    assert accept.media_type(header) == bare
