"""`--smlocal-image`: every clause an item, and what becomes of each outcome."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from smlocal.contract import RULES, Finding, Outcome, Severity, judge
from smlocal.report.text import finding_as_text
from tests.pytest_plugin.conftest import Session
from tests.pytest_plugin.scripted import EXAMINATIONS

pytestmark = pytest.mark.usefixtures("scripted")
Notes = Callable[[], list[str]]


def findings(image: str) -> dict[str, Finding]:
    return {finding.rule: finding for finding in judge(EXAMINATIONS[image], RULES).findings}


def counts(image: str, strict: bool = False) -> dict[str, int]:
    """What pytest should count."""
    found = findings(image).values()
    broken = [finding for finding in found if finding.outcome is Outcome.BROKEN]
    failed = [finding for finding in broken if strict or finding.severity is Severity.ERROR]
    kept = sum(finding.outcome is Outcome.KEPT for finding in found)
    passed = kept + len(broken) - len(failed)
    numbers = {"passed": passed, "failed": len(failed), "skipped": len(found) - passed - len(failed)}
    numbers["warnings"] = len(broken) - len(failed)
    return {name: number for name, number in numbers.items() if number}


def items(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if "::SM" in line and not line.startswith(("FAILED", "ERROR"))]


def test_every_rule_is_an_item_of_its_own(scripted: Session, notes: Notes) -> None:
    result = scripted("--smlocal-image", "good", "--collect-only", "-q")
    assert items(result) == [f"smlocal/good::{rule.id}-{rule.name}" for rule in RULES]
    assert notes() == []


def test_without_the_option_there_is_no_item(scripted: Session, pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other(): pass")
    assert scripted().parseoutcomes() == {"passed": 1}


@pytest.mark.slow
def test_the_clauses_stand_beside_the_projects_own_tests(scripted: Session, pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other(): pass")
    expected = counts("good")
    assert scripted("--smlocal-image", "good").parseoutcomes() == {**expected, "passed": expected["passed"] + 1}


def test_the_option_may_be_given_again(scripted: Session, notes: Notes) -> None:
    result = scripted("--smlocal-image", "good", "--smlocal-image=shop/good:2", "--smlocal-image=good", "-k", "SM305")
    assert result.parseoutcomes() == {"passed": 2, "deselected": 2 * (len(RULES) - 1)}
    assert notes() == ["examine good", "examine shop/good:2"]


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        (("-k", "SM305"), "SM305"),
        (("-k", "ping-waits-for-a-running-invocation"), "SM305"),
        (("-m", "smlocal_hosting and smlocal"), "SM3"),
        (("-m", "smlocal_image or smlocal_training"), ("SM1", "SM2")),
    ],
    ids=["an id", "a name", "a phase", "two phases"],
)
def test_items_are_chosen_by_id_by_name_and_by_phase(
    scripted: Session, pytester: pytest.Pytester, words: tuple[str, ...], begins: str | tuple[str, ...]
) -> None:
    pytester.makepyfile("def test_other(): pass")
    result = scripted("--smlocal-image", "good", "--collect-only", "-q", "--strict-markers", *words)
    wanted = [rule for rule in RULES if rule.id.startswith(begins)]
    assert items(result) == [f"smlocal/good::{rule.id}-{rule.name}" for rule in wanted]
    assert not any("test_other" in line for line in result.outlines)


def test_markers_are_explained(scripted: Session) -> None:
    shown = scripted("--markers").stdout.str()
    assert "@pytest.mark.smlocal: a clause of SageMaker's container contract" in shown
    for phase in ("image", "training", "hosting", "batch", "multi_model"):
        assert f"@pytest.mark.smlocal_{phase}: a clause about " in shown


def test_the_configuration_selects_rules(scripted: Session, pytester: pytest.Pytester) -> None:
    (pytester.path / "smlocal.toml").write_text("[check]\nselect = ['SM1']\nignore = ['SM105']\n")
    result = scripted("--smlocal-image", "good", "--collect-only", "-q")
    wanted = [rule for rule in RULES if rule.id.startswith("SM1") and rule.id != "SM105"]
    assert items(result) == [f"smlocal/good::{rule.id}-{rule.name}" for rule in wanted]


def test_a_broken_error_fails_with_its_finding_and_no_traceback(scripted: Session) -> None:
    result = scripted("--smlocal-image", "without-serve")
    assert result.parseoutcomes() == counts("without-serve")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    finding = findings("without-serve")["SM104"]
    assert finding.fix and finding.seen and finding.sagemaker
    shown = result.stdout.str()
    assert f" {finding.rule} {finding.title} (without-serve) _" in shown
    assert finding_as_text(finding) in shown
    assert "Traceback" not in shown and "clauses.py" not in shown.partition("short test summary")[0]
    assert f"FAILED smlocal/without-serve::SM104-{finding.name}" in shown


def test_what_is_not_judged_is_skipped_with_its_reason(scripted: Session) -> None:
    shown = scripted("--smlocal-image", "without-serve", "-rs").stdout.str()
    skipped = [finding for finding in findings("without-serve").values() if finding.why_not]
    reasons = {"; ".join([f"{finding.outcome.value}: {finding.why_not}", *finding.seen]) for finding in skipped}
    told = re.findall(r"^SKIPPED \[(\d+)\] \S+: (.*)$", shown, re.MULTILINE)
    assert {reason for _, reason in told} == reasons
    assert "not judged: it follows from another finding: see SM104" in reasons
    assert "not applicable: the image gives no occasion for it" in reasons
    assert sum(int(number) for number, _ in told) == len(skipped)


def test_a_broken_warning_is_a_warning_of_pytest(scripted: Session) -> None:
    result = scripted("--smlocal-image", "not-root")
    assert counts("not-root")["warnings"] == 1
    assert result.parseoutcomes() == counts("not-root")
    assert result.ret == pytest.ExitCode.OK
    shown = result.stdout.str()
    finding = findings("not-root")["SM110"]
    assert "smlocal/not-root:1: ContractWarning: WARNING SM110 " in shown
    assert " ".join(finding.fix.split()) in " ".join(shown.split())


@pytest.mark.parametrize(
    ("words", "configuration"),
    [
        (("--smlocal-strict",), ""),
        ((), "strict = true\n"),
        (("-W", "error::smlocal.pytest_plugin.ContractWarning"), ""),
        (("-W", "error"), ""),
    ],
    ids=["--smlocal-strict", "smlocal.toml", "-W its class", "-W"],
)
def test_a_warning_can_be_made_to_fail(
    scripted: Session, pytester: pytest.Pytester, words: tuple[str, ...], configuration: str
) -> None:
    (pytester.path / "smlocal.toml").write_text(configuration)
    result = scripted("--smlocal-image", "not-root", *words)
    assert result.parseoutcomes() == counts("not-root", strict=True)
    shown = result.stdout.str()
    assert finding_as_text(findings("not-root")["SM110"]) in shown
    assert "clauses.py" not in shown.partition("short test summary")[0]


def test_a_broken_clause_that_is_allowed_is_expected_to_fail(scripted: Session, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("smlocal.toml").write_text("[check.allow]\nSM110 = 'until spring'\n")
    result = scripted("--smlocal-image", "not-root", "-k", "SM110", "-rx")
    assert result.parseoutcomes() == {"deselected": len(RULES) - 1, "xfailed": 1}
    result.stdout.fnmatch_lines(["*allowed: until spring*"])


def test_junit_has_a_case_for_each_rule(scripted: Session, pytester: pytest.Pytester) -> None:
    scripted("--smlocal-image", "without-serve", "--junit-xml", "report.xml")
    suite = ElementTree.parse(pytester.path / "report.xml").getroot()[0]
    cases = {case.attrib["name"]: case for case in suite}
    assert list(cases) == [f"{rule.id}-{rule.name}" for rule in RULES]
    assert {case.attrib["classname"] for case in suite} == {"smlocal.without-serve"}
    found = findings("without-serve")
    for name, case in cases.items():
        finding = found[name[:5]]
        kind = {Outcome.KEPT: [], Outcome.BROKEN: ["failure"]}.get(finding.outcome, ["skipped"])
        assert [child.tag for child in case if child.tag != "properties"] == kind
        told = {item.attrib["name"]: item.attrib["value"] for item in case.iter("property")}
        assert told == {"outcome": finding.outcome.value, "severity": finding.severity.value}
    failure = cases[f"SM104-{found['SM104'].name}"].find("failure")
    assert failure is not None and failure.text == finding_as_text(found["SM104"])


def test_an_image_is_examined_once_by_all_workers(scripted: Session, notes: Notes) -> None:
    result = scripted("--smlocal-image", "without-serve", "-n", "2")
    assert {**result.parseoutcomes(), "warnings": 0} == {**counts("without-serve"), "warnings": 0}
    assert notes() == ["examine without-serve"]
    assert finding_as_text(findings("without-serve")["SM104"]) in result.stdout.str()


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_an_image_that_cannot_be_examined_is_an_error_of_each_item_and_tried_once(
    scripted: Session, notes: Notes, words: tuple[str, ...]
) -> None:
    result = scripted("--smlocal-image", "none", "-k", "SM3", *words)
    number = sum(rule.id.startswith("SM3") for rule in RULES)
    assert result.parseoutcomes()["errors"] == number
    assert notes() == ["examine none"]
    shown = result.stdout.str()
    assert shown.count("\nthere is no image none\n") == number
    assert "Traceback" not in shown and "examining.py" not in shown


def test_a_check_that_could_judge_nothing_is_no_success(scripted: Session, pytester: pytest.Pytester) -> None:
    (pytester.path / "smlocal.toml").write_text("[check]\nselect = ['SM2']\n")
    result = scripted("--smlocal-image", "no-training")
    assert result.parseoutcomes() == {"errors": sum(rule.id.startswith("SM2") for rule in RULES)}
    assert "nothing could be judged: configure data and requests in a [check] table" in result.stdout.str()


@pytest.mark.parametrize(
    ("configuration", "words", "sentence"),
    [
        ("[check]\ncolour = 1\n", (), "'check.colour' in "),
        ("[check]\nselect = ['SM9']\n", (), "no rule's id begins with 'SM9'"),
        ("", ("--smlocal-config", "none.toml"), "there is no configuration file none.toml"),
    ],
    ids=["unknown key", "unknown rule", "no file"],
)
def test_a_mistake_in_the_configuration_is_told_before_anything_runs(
    scripted: Session,
    pytester: pytest.Pytester,
    notes: Notes,
    configuration: str,
    words: tuple[str, ...],
    sentence: str,
) -> None:
    (pytester.path / "smlocal.toml").write_text(configuration)
    result = scripted("--smlocal-image", "good", *words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = [line for line in result.errlines if line.startswith("ERROR: ")]
    assert len(told) == 1 and told[0].startswith("ERROR: smlocal: ") and sentence in told[0], result.errlines
    assert notes() == []


def test_without_a_configuration_the_header_says_what_cannot_be_tried(scripted: Session) -> None:
    told = "smlocal: checks good; no [check] table is configured: training and sample requests cannot be tried"
    assert told in scripted("--smlocal-image", "good").outlines


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("smlocal.toml", "[check]\nserve = true\n", ()),
        ("pyproject.toml", "[tool.smlocal.check]\nserve = true\n", ()),
        ("other.toml", "[check]\nserve = true\n", ("--smlocal-config", "other.toml")),
    ],
    ids=["smlocal.toml", "pyproject.toml", "--smlocal-config"],
)
def test_the_header_names_the_configuration(
    scripted: Session, pytester: pytest.Pytester, name: str, text: str, words: tuple[str, ...]
) -> None:
    (pytester.path / name).write_text(text)
    (told,) = (line for line in scripted("--smlocal-image", "good", *words).outlines if line.startswith("smlocal: "))
    assert name in told and "no [check] table" not in told


@pytest.mark.slow
def test_a_time_limit_for_tests_does_not_end_the_examination(scripted: Session, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import time
        from tests.pytest_plugin.scripted import EXAMINATIONS

        def pytest_smlocal_examine(image):
            time.sleep(1)
            return EXAMINATIONS[image]
        """
    )
    result = scripted("--smlocal-image", "good", "--timeout", "0.5")
    assert result.parseoutcomes() == counts("good")


@pytest.mark.slow
def test_what_a_container_says_cannot_write_to_the_terminal(scripted: Session) -> None:
    shown = scripted("--smlocal-image", "hostile").stdout.str()
    assert "[2J" in shown and "\x1b" not in shown
