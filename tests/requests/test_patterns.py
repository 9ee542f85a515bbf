from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.requests.patterns import Unreadable, matches
from smlocal.requests.shapes import request_shapes
from smlocal.requests.support import TABLE as OPERATIONS

NAME = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
TAG = r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)"


def test_every_pattern_of_the_requests_that_run_can_be_read() -> None:
    """One that cannot would be left unchecked: extend smlocal.requests.patterns when a newer botocore adds one."""
    for operation in OPERATIONS:
        for shape in request_shapes(operation).shapes.values():
            if shape.pattern is not None:
                matches(shape.pattern, "a value")


@given(st.one_of(st.text(alphabet="aZ09-_.\n", max_size=70), st.text(max_size=70), st.from_regex(NAME, fullmatch=True)))
def test_a_name_is_accepted_exactly_when_its_whole_matches(name: str) -> None:
    assert matches(NAME, name) == (re.fullmatch(NAME, name) is not None)


@given(st.one_of(st.text(max_size=20), st.text(alphabet="a1é٣Ⅷ _.:/=+-@#\t\n\u2028\u00a0\ue000", max_size=20)))
def test_a_tag_is_made_of_letters_separators_and_numbers_of_any_script(text: str) -> None:
    allowed = all(unicodedata.category(c)[0] in "LZN" or c in "_.:/=+-@" for c in text)
    assert matches(TAG, text) == allowed


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        (".*", "one line", True),
        (".*", "two\nlines", False),
        (".*", "a carriage\rreturn", False),
        (".*", "a line\u2028separator", False),
        (".*", "next\x85line", False),
        (r"[\S\s]*", "two\nlines", True),
        (r"[.]", "x", False),
        (r"\.", ".", True),
        (r"\d{12}", "123456789012", True),
        (r"\d", "٣", False),
        (r"\w", "é", False),
        ("a", "a\n", False),
        ("^a$", "a", True),
        ("a|ab", "ab", True),
        (r"[\p{Alnum}\-]+", "a-1", True),
        (r"[\p{Alnum}\-]+", "é", False),
        (r"\p{L}+", "añb", True),
        (r"\p{L}", "1", False),
        (r"[^\p{L}]", "1", True),
        (r"\p{Lu}", "Ä", True),
        (r"\p{Lu}", "ä", False),
        (r"\p{N}", "", False),
        (r"[\]a]+", "]a", True),
        (r"a\z", "a", True),
        (r"\A\S[\p{Print}]*\z", "an id", True),
        (r"\A\S[\p{Print}]*\z", " an id", False),
        (r"\A\S[\p{Print}]*\z", "a\tb", False),
        (r"\p{ASCII}*", "a\x7f", True),
        (r"\p{ASCII}*", "é", False),
        (r"/(?!.*\.\.)[a-zA-Z0-9/_.\-]+", "/a/../b", False),
    ],
)
def test_a_pattern_means_what_it_means_in_java(pattern: str, value: str, expected: bool) -> None:
    assert matches(pattern, value) is expected


@pytest.mark.parametrize("pattern", [r"\h", r"\p{IsGreek}", "[a[b]]", "[a&&b]", r"\Qa\E", "(", r"\p{javaLowerCase}"])
def test_what_python_cannot_express_is_not_guessed(pattern: str) -> None:
    with pytest.raises(Unreadable):
        matches(pattern, "a")
