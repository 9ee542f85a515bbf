"""A verdict for readers: people at a terminal or in a pull request, and machines."""

from smlocal.report.html import as_html
from smlocal.report.json_report import as_document, schema
from smlocal.report.junit import as_junit
from smlocal.report.markdown import as_markdown
from smlocal.report.report import Report
from smlocal.report.sarif import as_sarif
from smlocal.report.text import as_text

__all__ = ["Report", "as_document", "as_html", "as_junit", "as_markdown", "as_sarif", "as_text", "schema"]
