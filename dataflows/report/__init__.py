"""The report of a finished session: loaded, computed, told to people or to machines."""

from dataflows.report.data import AccountSummary, AccountTerms, ReportData, ResultTables, report_data
from dataflows.report.loading import load_result
from dataflows.report.machine import report_json
from dataflows.report.rendering import render_report

__all__ = [
    "AccountSummary",
    "AccountTerms",
    "ReportData",
    "ResultTables",
    "load_result",
    "render_report",
    "report_data",
    "report_json",
]
