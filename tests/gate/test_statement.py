"""The statement: in-toto's form, our predicate, read back; and what is no statement."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import jsonschema
import pytest

from smlocal.contract import Outcome, Severity
from smlocal.gate.statement import (
    PREDICATE_TYPE,
    NoStatement,
    read_statement,
    schema,
    statement_of,
)
from tests.report.reports import REPORTS

DIGEST = f"sha256:{64 * 'd'}"
NAME = "registry.example/team/model"
VALIDATOR = jsonschema.Draft202012Validator(schema())
WRITTEN = [name for name in REPORTS if name != "nothing selected"]


def document(name: str = "one of each outcome") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(statement_of(REPORTS[name], NAME, DIGEST))
    return found


def test_the_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("name", WRITTEN)
def test_every_statement_keeps_to_the_schema(name: str) -> None:
    VALIDATOR.validate(document(name))


def test_the_schema_describes_every_member_that_is_written() -> None:
    whole, members = document("what is broken and may be"), schema()["properties"]
    predicate = members["predicate"]["properties"]
    assert set(whole) == set(members) and set(whole["predicate"]) == set(predicate)
    assert set(whole["predicate"]["image"]) == set(predicate["image"]["properties"])
    assert set(whole["predicate"]["rules"][0]) == set(predicate["rules"]["items"]["properties"])
    assert set(whole["predicate"]["allowances"][0]) == set(predicate["allowances"]["items"]["properties"])


def test_the_subject_is_the_image_and_the_predicate_every_rule() -> None:
    whole = document("what is broken and may be")
    assert whole["_type"] == "https://in-toto.io/Statement/v1"
    assert whole["subject"] == [{"name": NAME, "digest": {"sha256": 64 * "d"}}]
    assert whole["predicateType"] == PREDICATE_TYPE
    said = {item["id"]: (item["outcome"], item["allowed"]) for item in whole["predicate"]["rules"]}
    assert said["SM101"] == ("kept", None) and said["SM110"] == ("broken", "the base image is not ours")
    assert whole["predicate"]["examinedAt"] == "2026-01-02T03:04:05Z"


def test_nothing_that_a_container_wrote_is_in_it() -> None:
    assert "Traceback" not in json.dumps(document()) and "9.80 s" not in json.dumps(document())


def test_the_same_verdict_is_the_same_bytes() -> None:
    report = REPORTS["one of each outcome"]
    assert statement_of(report, NAME, DIGEST) == statement_of(report, NAME, DIGEST)


def test_a_statement_is_read_back() -> None:
    content = statement_of(REPORTS["what is broken and may be"], NAME, DIGEST)
    found = read_statement(content, "x")
    assert (found.content, found.subject, found.image_id) == (content, DIGEST, "sha256:1e59")
    assert found.examined_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert (found.broken(Severity.ERROR), found.broken(Severity.WARNING)) == ((), ())
    assert [item.rule for item in found.rules if item.allowed] == ["SM110", "SM305"]
    assert found.count(Outcome.KEPT) == 1


SPOILED: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("another statement", lambda found: found.update(_type="https://in-toto.io/Statement/v0.1"), "x is no in-toto"),
    (
        "another predicate",
        lambda found: found.update(predicateType="https://slsa.dev/provenance/v1"),
        "x states 'https",
    ),
    ("a newer one", lambda found: found.update(predicateType="urn:smlocal:verdict:v2"), "and this smlocal reads"),
    ("no subject", lambda found: found.update(subject=[]), "'subject' names 0 artifacts"),
    ("two subjects", lambda found: found["subject"].append(found["subject"][0]), "'subject' names 2 artifacts"),
    ("another digest", lambda found: found["subject"][0].update(digest={"sha512": "a"}), "sha256' is missing"),
    ("a short digest", lambda found: found["subject"][0]["digest"].update(sha256="a"), "does not look like one"),
    ("no predicate", lambda found: found.pop("predicate"), "'predicate' is missing"),
    ("a rule twice", lambda found: found["predicate"]["rules"].append(found["predicate"]["rules"][0]), "twice"),
    ("another outcome", lambda found: found["predicate"]["rules"][0].update(outcome="fine"), "is 'fine'"),
    ("no time", lambda found: found["predicate"].update(examinedAt="soon"), "Invalid isoformat"),
    ("no zone", lambda found: found["predicate"].update(examinedAt="2026-01-02T03:04:05"), "has no time zone"),
]


@pytest.mark.parametrize(("name", "spoil", "sentence"), SPOILED, ids=[row[0] for row in SPOILED])
def test_what_is_no_statement_of_ours_says_why(
    name: str, spoil: Callable[[dict[str, Any]], object], sentence: str
) -> None:
    found = document()
    spoil(found)
    with pytest.raises(NoStatement) as refused:
        read_statement(json.dumps(found).encode(), "x")
    assert sentence in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"\xff", b"[" * 100_000], ids=repr)
def test_what_is_no_document_is_none(content: bytes) -> None:
    with pytest.raises(NoStatement, match=r"^x is no "):
        read_statement(content, "x")
