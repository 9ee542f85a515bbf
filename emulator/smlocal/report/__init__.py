"""A verdict for readers: people at a terminal or in a pull request, and machines."""

from smlocal.report.badge import badge_as_shields, badge_as_svg
from smlocal.report.code_quality import as_code_quality
from smlocal.report.comparison import ComparisonReport
from smlocal.report.comparison_json import comparison_as_document, comparison_schema
from smlocal.report.comparison_markdown import comparison_as_markdown
from smlocal.report.comparison_text import comparison_as_text
from smlocal.report.html import as_html
from smlocal.report.json_report import as_document, schema
from smlocal.report.junit import as_junit
from smlocal.report.markdown import as_markdown
from smlocal.report.report import Report
from smlocal.report.sarif import as_sarif
from smlocal.report.saved import SavedReport, saved_report
from smlocal.report.text import as_text

__all__ = [
    "ComparisonReport",
    "Report",
    "SavedReport",
    "as_code_quality",
    "as_document",
    "as_html",
    "as_junit",
    "as_markdown",
    "as_sarif",
    "as_text",
    "badge_as_shields",
    "badge_as_svg",
    "comparison_as_document",
    "comparison_as_markdown",
    "comparison_as_text",
    "comparison_schema",
    "saved_report",
    "schema",
]
