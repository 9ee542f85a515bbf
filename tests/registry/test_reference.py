"""Names of images in registries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.errors import UsageError
from smlocal.registry.reference import RegistryReference, parse_reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("registry.example/model", RegistryReference("registry.example", "model")),
        ("registry.example:5000/team/model:1.0", RegistryReference("registry.example:5000", "team/model", "1.0")),
        (f"localhost/m@{DIGEST}", RegistryReference("localhost", "m", None, DIGEST)),
        (f"127.0.0.1:5000/a/b/c:T_1@{DIGEST}", RegistryReference("127.0.0.1:5000", "a/b/c", "T_1", DIGEST)),
        ("[::1]:5000/m", RegistryReference("[::1]:5000", "m")),
        ("Registry.Example/m", RegistryReference("registry.example", "m")),
        ("model:1.0", RegistryReference("docker.io", "library/model", "1.0")),
        ("team/model", RegistryReference("docker.io", "team/model")),
        ("index.docker.io/team/model", RegistryReference("docker.io", "team/model")),
        ("a__b/c---d/e.f", RegistryReference("docker.io", "a__b/c---d/e.f")),
    ],
)
def test_a_reference_is_read_as_docker_reads_it(text: str, meant: RegistryReference) -> None:
    assert parse_reference(text) == meant


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "no name of a repository"),
        ("registry.example/", "no name of a repository"),
        ("registry.example/Team/model", "no name of a repository"),
        ("registry.example/a//b", "no name of a repository"),
        ("registry.example/a/../b", "no name of a repository"),
        ("registry.example/a?x=1", "no name of a repository"),
        ("registry.example/m:", "no tag"),
        ("registry.example/m:-1", "no tag"),
        ("registry.example/m:" + "a" * 129, "no tag"),
        ("registry.example/m@", "no digest"),
        ("registry.example/m@sha256:abc", "no digest"),
        (f"registry.example/m@{DIGEST}\n", "no digest"),
        ("registry.example:99999/m", "no host"),
        ("user:secret@registry.example/m", "no digest"),
        ("https://registry.example/m", "no host"),
        ("registry..example/m", "no host"),
        ("registry.example/" + "a" * 240, "longer than 255"),
    ],
)
def test_what_is_no_reference_is_refused_with_the_part_that_is_wrong(text: str, wrong: str) -> None:
    with pytest.raises(UsageError, match=wrong):
        parse_reference(text)


COMPONENTS = st.from_regex(r"\A[a-z0-9]{1,9}([._-][a-z0-9]{1,9})?\Z")


@given(
    host=st.from_regex(r"\A[a-z0-9]{1,9}\.[a-z]{2,5}(:[1-9][0-9]{0,3})?\Z"),
    path=st.lists(COMPONENTS, min_size=1, max_size=4),
    tag=st.none() | st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,20}\Z"),
    digest=st.none() | st.from_regex(r"\Asha256:[0-9a-f]{64}\Z"),
)
def test_what_a_reference_says_is_what_it_is_written_from(
    host: str, path: list[str], tag: str | None, digest: str | None
) -> None:
    reference = RegistryReference(host, "/".join(path), tag, digest)
    assert parse_reference(str(reference)) == reference


@given(st.text(alphabet="aB0./:@-_[]\n ", max_size=40))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    try:
        reference = parse_reference(text)
    except UsageError:
        return
    assert parse_reference(str(reference)) == reference
