"""What registries write into headers is read, or found to be nothing; never an exception of ours."""

from __future__ import annotations

import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.errors import NotInRegistry, RegistryDenied, RegistryError, RegistryUnreachable, TagIsTaken
from smlocal.http_client import HttpClient
from smlocal.registry.challenge import Challenge, parse_challenges
from smlocal.registry.reference import parse_reference
from smlocal.registry.refusals import error_of, printable, read_refusal
from smlocal.registry.retries import Faults, Patience, retry_after
from smlocal.registry.upload import arrived
from smlocal.registry.wire import RegistryWire

TOKENS = st.from_regex(r"\A[A-Za-z][A-Za-z0-9_-]{0,8}\Z")
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20)


def test_challenges_are_read_from_one_header_or_several() -> None:
    bearer = 'Bearer realm="https://auth.example/token",service="a, \\"b\\"",scope="repository:a/b:pull,push"'
    meant = {"realm": "https://auth.example/token", "service": 'a, "b"', "scope": "repository:a/b:pull,push"}
    assert parse_challenges([f"Basic realm=x, {bearer}, Negotiate"]) == (
        Challenge("basic", {"realm": "x"}),
        Challenge("bearer", meant),
        Challenge("negotiate"),
    )
    assert parse_challenges(["BASIC", bearer]) == (Challenge("basic"), Challenge("bearer", meant))


@given(scheme=TOKENS, parameters=st.dictionaries(TOKENS.map(str.lower), VALUES, min_size=1, max_size=4))
def test_what_is_quoted_in_a_challenge_is_read_as_it_was_meant(scheme: str, parameters: dict[str, str]) -> None:
    quoted = ", ".join(
        '{}="{}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"')) for name, value in parameters.items()
    )
    assert parse_challenges([f"{scheme} {quoted}"]) == (Challenge(scheme.lower(), parameters),)


@given(st.lists(st.text(max_size=200), max_size=3))
def test_any_text_is_read_as_challenges_in_bounded_time(values: list[str]) -> None:
    parse_challenges(values)
    parse_challenges([", ".join(values) * 100, '"' * 5000, "a=" * 5000, "Bearer " + ' a="\\' * 2000])


@given(st.integers(1, 10**12))
def test_the_range_of_an_upload_says_how_much_has_arrived(size: int) -> None:
    assert arrived(f"0-{size}") == size + 1
    assert arrived(f"bytes=0-{size}") == size + 1
    assert arrived(f"1-{size}") is None


@given(st.text(max_size=30) | st.none())
def test_any_range_is_a_number_or_nothing(value: str | None) -> None:
    found = arrived(value)
    assert found is None or found >= 0


@given(st.integers(0, 10**6), st.integers(0, 2 * 10**9))
def test_retry_after_is_seconds_or_a_date(seconds: int, now: int) -> None:
    assert retry_after(str(seconds), now) == seconds
    assert retry_after(email.utils.formatdate(now + seconds, usegmt=True), now) == seconds
    assert retry_after(email.utils.formatdate(now - seconds, usegmt=True), now) == 0


@given(st.text(max_size=60) | st.none())
def test_any_retry_after_is_a_number_or_nothing(value: str | None) -> None:
    found = retry_after(value, 1e9)
    assert found is None or found >= 0


WIRE = RegistryWire(parse_reference("registry.example/team/model"), HttpClient(), lambda: None, Patience())
BASE = "https://registry.example/v2/team/model/blobs/uploads/"


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/v2/x?state=a%2Fb%3D&n=1", "https://registry.example/v2/x?state=a%2Fb%3D&n=1"),
        ("abc?x=1", BASE + "abc?x=1"),
        ("https://storage.example/a?X-Amz-Signature=1%2B", "https://storage.example/a?X-Amz-Signature=1%2B"),
        ("//storage.example/a", "https://storage.example/a"),
        ("/a b\r\nX: 1", "https://registry.example/a%20b%0D%0AX:%201"),
    ],
)
def test_a_location_is_resolved_as_it_was_written(location: str, url: str) -> None:
    assert WIRE.resolve(BASE, location) == url


@pytest.mark.parametrize(
    "location",
    [
        "http://registry.example/a",
        "http://127.0.0.1/a",
        "ftp://x/a",
        "https://u:p@x/a",
        "http://[::1",
        "data:,",
    ],
)
def test_a_location_that_nothing_may_be_sent_to_is_refused(location: str) -> None:
    with pytest.raises(RegistryError, match=r"registry\.example/team/model leads to"):
        WIRE.resolve(BASE, location)


@given(st.text(max_size=60))
def test_any_location_is_an_address_with_tls_or_refused(location: str) -> None:
    try:
        url = WIRE.resolve(BASE, location)
    except RegistryError:
        return
    assert url.startswith("https://")
    assert url.isascii()
    assert url.isprintable()


def refused(status: int, code: str = "", message: str = "") -> RegistryError:
    body = f'{{"errors": [{{"code": "{code}", "message": "{message}"}}]}}' if code else "<html>"
    refusal = read_refusal(status, "Reason", body.encode())
    return error_of(refusal, "writing", "registry.example/team/model", "registry.example")


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "says"),
    [
        (401, "UNAUTHORIZED", "authentication required", RegistryDenied, "docker login registry.example"),
        (403, "DENIED", "requested access is denied", RegistryDenied, "have it granted"),
        (
            403,
            "DENIED",
            "adding 2 GiB ... will exceed the configured upper limit of 1 GiB",
            RegistryError,
            "quota raised",
        ),
        (507, "", "", RegistryError, "quota raised"),
        (413, "", "", RegistryError, "limit raised"),
        (404, "NAME_UNKNOWN", "The repository does not exist", NotInRegistry, "create the repository"),
        (404, "MANIFEST_UNKNOWN", "manifest unknown", NotInRegistry, "has no such tag or digest: check its spelling"),
        (400, "TAG_INVALID", "cannot be overwritten because the tag is immutable.", TagIsTaken, "another tag"),
        (412, "PRECONDITION", "configured as immutable, cannot be updated", TagIsTaken, "another tag"),
        (400, "TAG_INVALID", "manifest tag did not match URI", RegistryError, "does not allow this tag"),
        (400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", RegistryError, "push again"),
        (405, "UNSUPPORTED", "The operation is unsupported.", RegistryError, "switched off"),
        (400, "SOMETHING", "new", RegistryError, "SOMETHING: new"),
        (418, "", "", RegistryError, "status 418 Reason"),
    ],
)
def test_a_refusal_has_the_registrys_words_and_what_mends_it(
    status: int, code: str, message: str, kind: type[RegistryError], says: str
) -> None:
    error = refused(status, code, message)
    assert type(error) is kind
    assert says in str(error)
    assert message in str(error)


@given(st.binary(max_size=200), st.text(max_size=600))
def test_whatever_a_registry_says_is_one_printable_line(body: bytes, text: str) -> None:
    assert printable(read_refusal(400, text, body).words).isprintable()
    assert len(printable(text)) <= 400


def test_waits_grow_keep_to_what_the_registry_asks_for_and_end() -> None:
    slept: list[float] = []
    patience = Patience(tries=6, first_wait=1, longest_wait=4, waiting=100, sleep=slept.append, dice=lambda: 1.0)
    faults = Faults(patience, "asking")
    for asked in (None, None, None, 30.0, 0.0):
        faults.wait("it broke", asked)
    assert slept == [1, 2, 4, 30, 4]
    with pytest.raises(RegistryUnreachable, match="asking failed 6 times, the last time because it broke"):
        faults.wait("it broke")
    with pytest.raises(RegistryUnreachable, match="failed once"):
        Faults(Patience(waiting=100, sleep=slept.append), "asking").wait("it broke", 110)
