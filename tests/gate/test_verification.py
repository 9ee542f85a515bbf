"""A statement beside its image, found again, and what makes it good."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from smlocal import __version__
from smlocal.contract import RULES, Outcome, judge
from smlocal.errors import RegistryUnreachable, UsageError
from smlocal.gate.attachment import attach_statement, find_statement
from smlocal.gate.statement import IN_TOTO, NoStatement, Statement, read_statement, statement_of
from smlocal.gate.verification import Demands, in_words, problems
from smlocal.registry.interface import DOCKER_CONFIG, DOCKER_MANIFEST, OCI_MANIFEST, Descriptor, Manifest, digest_of
from smlocal.registry.scripted import ScriptedRepository
from smlocal.report import Report
from tests.contract import samples
from tests.report.reports import EXAMINED, REPORTS, finding, report

CONFIG = b"{}"
ENTRY = {"mediaType": DOCKER_CONFIG, "digest": digest_of(CONFIG), "size": 2}
IMAGE = Manifest(DOCKER_MANIFEST, json.dumps({"schemaVersion": 2, "config": ENTRY, "layers": []}).encode())
GOOD = REPORTS["everything kept"]
NOW = EXAMINED + timedelta(days=3)


def registry(lists: bool = True) -> ScriptedRepository:
    found = ScriptedRepository(lists_referrers=lists)
    found.push_blob(Descriptor(DOCKER_CONFIG, digest_of(CONFIG), 2), lambda: io.BytesIO(CONFIG))
    found.put_manifest(IMAGE, "1")
    return found


def stated(of: Report, digest: str = IMAGE.digest) -> bytes:
    return statement_of(of, "registry.example/team/model", digest)


def read(of: Report, digest: str = IMAGE.digest) -> Statement:
    return read_statement(stated(of, digest), "x")


@pytest.mark.parametrize("lists", [True, False], ids=["referrers API", "fallback tag"])
def test_what_is_attached_is_found_by_the_digest(lists: bool) -> None:
    place = registry(lists)
    where = attach_statement(place, stated(GOOD), IMAGE)
    found, digest = find_statement(place, IMAGE.digest)
    assert (found.content, digest) == (stated(GOOD), where)
    manifest = json.loads(place.manifests[where].content)
    assert (manifest["artifactType"], manifest["subject"]["digest"]) == (IN_TOTO, IMAGE.digest)
    assert manifest["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"


@pytest.mark.parametrize("lists", [True, False])
def test_the_same_statement_is_attached_once(lists: bool) -> None:
    place = registry(lists)
    attach_statement(place, stated(GOOD), IMAGE)
    before = (dict(place.manifests), dict(place.tags))
    attach_statement(place, stated(GOOD), IMAGE)
    assert (place.manifests, place.tags) == before


def test_the_newest_is_found_among_others() -> None:
    place = registry()
    for days in (1, 3, 2):
        attach_statement(place, stated(replace(GOOD, examined_at=EXAMINED + timedelta(days=days))), IMAGE)
    other = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": ENTRY,
        "layers": [],
        "subject": {"digest": IMAGE.digest},
    }
    place.attach(Manifest(OCI_MANIFEST, json.dumps(other).encode()), IMAGE.digest)
    assert find_statement(place, IMAGE.digest)[0].examined_at == EXAMINED + timedelta(days=3)


def test_a_statement_about_another_image_is_none() -> None:
    place = registry()
    attach_statement(place, stated(GOOD, f"sha256:{64 * 'e'}"), IMAGE)
    with pytest.raises(NoStatement, match=r"no verdict of smlocal's is attached .* is about sha256:eee"):
        find_statement(place, IMAGE.digest)


def test_what_cannot_be_read_is_told() -> None:
    place = registry()
    attach_statement(place, b"[]", IMAGE)
    with pytest.raises(NoStatement, match=r"\(the statement sha256:\w+ is no in-toto statement"):
        find_statement(place, IMAGE.digest)


def test_nothing_attached_says_how_to_attach() -> None:
    with pytest.raises(NoStatement, match="push it with --attach"):
        find_statement(registry(), IMAGE.digest)


def test_a_registry_that_does_not_answer_is_no_missing_statement() -> None:
    place = registry()
    place.away = True
    with pytest.raises(RegistryUnreachable):
        find_statement(place, IMAGE.digest)


ERROR = report(finding("SM101"), finding("SM305", Outcome.BROKEN))
WARNING = REPORTS["warnings only"]
ALLOWED = REPORTS["what is broken and may be"]
UNJUDGED = report(finding("SM101"), finding("SM305", Outcome.NOT_JUDGED))
NOT_APPLICABLE = report(finding("SM101"), finding("SM107", Outcome.NOT_APPLICABLE))
ROWS: list[tuple[str, Report, Demands, str]] = [
    ("good", GOOD, Demands(True, timedelta(days=4), ("SM",)), ""),
    ("an error", ERROR, Demands(), "it has errors: SM305"),
    ("a warning", WARNING, Demands(), ""),
    ("a warning that counts", WARNING, Demands(strict=True), "it has warnings: SM110"),
    ("what is allowed", ALLOWED, Demands(strict=True), ""),
    ("nothing judged", report(finding("SM305", Outcome.NOT_JUDGED)), Demands(), "nothing was judged"),
    ("no rule at all", report(), Demands(), "nothing was judged"),
    ("too old", GOOD, Demands(max_age=timedelta(days=2)), "its examination is 3 days old, and --max-age allows 2 days"),
    ("from the future", replace(GOOD, examined_at=NOW + timedelta(hours=1)), Demands(), "lies in the future"),
    ("a clock that is a little ahead", replace(GOOD, examined_at=NOW + timedelta(minutes=1)), Demands(), ""),
    ("required and kept", UNJUDGED, Demands(required=("SM101",)), ""),
    ("required and not judged", UNJUDGED, Demands(required=("SM305",)), "--require SM305: SM305 is not judged"),
    ("required and not applicable", NOT_APPLICABLE, Demands(required=("SM107",)), ""),
    ("required and not there", UNJUDGED, Demands(required=("SM302",)), "--require SM302: SM302 is not in it"),
    ("required and allowed", ALLOWED, Demands(required=("SM110",)), "--require SM110: SM110 is broken, and allowed"),
]


@pytest.mark.parametrize(("name", "of", "demands", "sentence"), ROWS, ids=[row[0] for row in ROWS])
def test_a_statement_is_good_or_says_why_not(name: str, of: Report, demands: Demands, sentence: str) -> None:
    found = problems(read(of), IMAGE.digest, demands, NOW)
    assert (len(found) == 1 and sentence in found[0]) if sentence else found == []


def test_what_a_statement_says_of_itself_counts_nothing() -> None:
    document = json.loads(stated(ERROR))
    document["predicate"]["passed"] = True
    statement = read_statement(json.dumps(document).encode(), "x")
    assert problems(statement, IMAGE.digest, Demands(), NOW) == ["it has errors: SM305"]


def test_a_statement_about_another_image_is_not_good() -> None:
    (problem,) = problems(read(GOOD, f"sha256:{64 * 'e'}"), IMAGE.digest, Demands(), NOW)
    assert problem.startswith("it is about sha256:eee") and IMAGE.digest in problem


WRONG: list[Callable[[], Demands]] = [
    lambda: Demands.of(False, "soon", []),
    lambda: Demands.of(False, "3w", []),
    lambda: Demands.of(False, None, ["SM9"]),
]


@pytest.mark.parametrize("make", WRONG)
def test_demands_that_mean_nothing_are_refused(make: Callable[[], Demands]) -> None:
    with pytest.raises(UsageError):
        make()


def test_demands_are_read_from_words() -> None:
    wanted = Demands(True, timedelta(minutes=90), ("SM3", "SM101"), __version__)
    assert Demands.of(True, "90m", ["sm3,SM101"]) == wanted
    assert Demands.of(False, "2d", []).max_age == timedelta(hours=48)


AGES = [(0, "0 minutes"), (60, "1 minute"), (7199, "119 minutes"), (7200, "2 hours"), (200_000, "2 days")]


@pytest.mark.parametrize(("seconds", "words"), AGES)
def test_ages_are_told_in_words(seconds: int, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(stated(GOOD))
    change(document)
    return json.dumps(document).encode()


def test_a_statement_that_says_it_did_not_pass_is_not_good() -> None:
    statement = read_statement(changed(lambda document: document["predicate"].update(passed=False)), "x")
    assert problems(statement, IMAGE.digest, Demands(), NOW) == ["it says of itself that it did not pass"]


def test_a_statement_of_this_version_names_every_rule() -> None:
    wanted = Demands(version=__version__)
    whole = replace(GOOD, verdict=judge(samples.GOOD, RULES), version=__version__)
    assert problems(read(whole), IMAGE.digest, wanted, NOW) == []
    findings = tuple(item for item in whole.verdict.findings if item.rule not in ("SM301", "SM305"))
    part = replace(whole, verdict=replace(whole.verdict, findings=findings))
    left_out = f"it leaves out rules of smlocal {__version__}: SM301, SM305"
    assert problems(read(part), IMAGE.digest, wanted, NOW) == [left_out]
    assert problems(read(replace(part, version="0.0.1")), IMAGE.digest, wanted, NOW) == []


TIMES = ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00Z"]


@pytest.mark.parametrize("time", TIMES)
def test_a_time_that_other_time_zones_do_not_have_is_none(time: str) -> None:
    with pytest.raises(NoStatement, match="is no time at which anything was examined"):
        read_statement(changed(lambda document: document["predicate"].update(examinedAt=time)), "x")


HOSTILE: list[Callable[[dict[str, Any]], object]] = [
    lambda document: document.update(predicateType="\x1b[2J\ud800" + 1_000_000 * "y"),
    lambda document: document["predicate"]["rules"][0].update(outcome="\x1b[2J\n" + 1_000_000 * "y"),
    lambda document: document["subject"][0]["digest"].update(sha256="\x1b]0;x\x07"),
]


@pytest.mark.parametrize("change", HOSTILE)
def test_what_is_wrong_is_one_printable_line(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(NoStatement) as wrong:
        read_statement(changed(change), "x")
    assert str(wrong.value).isprintable() and len(str(wrong.value)) <= 400


def attached(place: ScriptedRepository, layers: list[dict[str, Any]]) -> None:
    subject = {"digest": IMAGE.digest}
    document = {"schemaVersion": 2, "config": ENTRY, "layers": layers, "subject": subject, "n": len(place.manifests)}
    place.attach(Manifest(OCI_MANIFEST, json.dumps(document).encode()), IMAGE.digest)


def test_a_verdict_among_so_many_that_a_newer_one_could_be_overlooked_is_not_found() -> None:
    place = registry()
    attach_statement(place, stated(GOOD), IMAGE)
    for _ in range(200):
        attached(place, [])
    with pytest.raises(
        NoStatement, match=r"201 things are attached to .* name the verdict's own file with --statement"
    ):
        find_statement(place, IMAGE.digest)


def test_a_manifest_of_endless_statements_is_left() -> None:
    place = registry()
    attach_statement(place, stated(GOOD), IMAGE)
    layer = {"mediaType": IN_TOTO, "digest": digest_of(stated(GOOD)), "size": len(stated(GOOD))}
    attached(place, 50_000 * [layer])
    with pytest.raises(NoStatement, match="more than 200 statements are attached"):
        find_statement(place, IMAGE.digest)


def test_what_is_listed_under_no_digest_is_not_asked_for() -> None:
    place = registry()
    attach_statement(place, stated(GOOD), IMAGE)
    elsewhere = "../../other/manifests/1"
    place.blobs[elsewhere] = b"secret"
    attached(place, [{"mediaType": IN_TOTO, "digest": elsewhere, "size": 1}])
    place.calls.clear()
    assert find_statement(place, IMAGE.digest)[0].content == stated(GOOD)
    assert [call for call in place.calls if elsewhere in str(call)] == []
