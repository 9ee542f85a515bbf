"""The JUnit report against the schema of Jenkins's xunit plugin, whose form other servers read too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from smlocal.contract import Outcome
from smlocal.report import as_junit
from tests.report.reports import REPORTS, finding, report

SCHEMA = xmlschema.XMLSchema(Path(__file__).resolve().parents[2] / "fixtures" / "schemas" / "junit-10.xsd")


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text.encode())


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_keeps_to_the_schema(name: str) -> None:
    SCHEMA.validate(parsed(as_junit(REPORTS[name])))


@pytest.mark.parametrize("seconds", [0.0, 0.0004, 999.9996, 12_345.678])
def test_every_duration_is_one_of_the_schema(seconds: float) -> None:
    SCHEMA.validate(parsed(as_junit(replace(REPORTS["one of each outcome"], seconds=seconds))))


SPOILED = [
    ("a count is missing", ' failures="1"', ""),
    ("a case without a name", ' name="SM305 ping', ' title="SM305 ping'),
    ("an element of its own", "skipped", "omitted"),
    ("a duration in words", 'time="9.432"', 'time="9 s"'),
]


@pytest.mark.parametrize(("name", "old", "new"), SPOILED, ids=[name for name, *_ in SPOILED])
def test_the_schema_refuses(name: str, old: str, new: str) -> None:
    text = as_junit(REPORTS["one of each outcome"])
    assert old in text
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        SCHEMA.validate(parsed(text.replace(old, new)))


@pytest.mark.parametrize("name", REPORTS)
def test_the_counts_are_those_of_the_cases(name: str) -> None:
    root = parsed(as_junit(REPORTS[name]))
    (suite,) = root
    counts = {"tests": len(suite), "failures": len(suite.findall("*/failure")), "errors": 0}
    for element in (root, suite):
        assert {key: int(element.attrib[key]) for key in counts} == counts
    assert int(suite.attrib["skipped"]) == len(suite.findall("*/skipped"))
    assert len(suite) == len(REPORTS[name].verdict.findings)
    assert REPORTS[name].passed is (counts["failures"] == 0)


@pytest.mark.parametrize("name", REPORTS)
def test_each_case_has_one_name_and_at_most_one_outcome(name: str) -> None:
    (suite,) = parsed(as_junit(REPORTS[name]))
    names = [(case.attrib["classname"], case.attrib["name"]) for case in suite]
    assert len(set(names)) == len(names)
    assert all(len(case) <= 1 for case in suite)
    assert all(item.attrib["message"] for item in suite.findall("*/skipped"))
    assert all(item.attrib["message"] and item.text for item in suite.findall("*/failure"))


def test_a_warning_is_told_and_fails_nothing_unless_warnings_count() -> None:
    lenient, strict = (parsed(as_junit(REPORTS[name])) for name in ("warnings only", "warnings that count"))
    said = lenient.find("*/*[@name='SM110 user-is-not-root']/system-out")
    assert said is not None and said.text is not None and said.text.startswith("warning: USER is not root\nwhat was")
    failure = strict.find("*/*[@name='SM110 user-is-not-root']/failure")
    assert failure is not None and failure.attrib == {"message": "USER is not root", "type": "warning"}


def test_what_was_not_judged_says_why_and_what_was_seen() -> None:
    root = parsed(as_junit(REPORTS["one of each outcome"]))
    messages = {case.attrib["name"][:5]: case[0].attrib["message"] for case in root.findall("*/*[skipped]")}
    assert messages == {
        "SM107": "not applicable: the image gives no occasion for it",
        "SM201": "not judged: it follows from another finding: see SM103",
        "SM307": "not judged: what was seen does not decide it; the sample itself fails",
    }


@given(st.text(alphabet=st.characters(), max_size=30))
def test_whatever_a_container_writes_is_xml(text: str) -> None:
    hostile = finding("SM305", Outcome.BROKEN, seen=(text,), sagemaker=text)
    (failure,) = parsed(as_junit(report(hostile, image=f"x{text}"))).findall("*/*/failure")
    assert failure.text is not None and failure.text.isprintable() is ("\n" not in failure.text)


def test_control_characters_are_escaped_visibly() -> None:
    (failure,) = parsed(as_junit(report(finding("SM305", Outcome.BROKEN, seen=("\x1b[31m\x00",))))).findall(
        "*/*/failure"
    )
    assert failure.text is not None and failure.text.startswith("\\x1b[31m\\x00\n")
