"""The end of a backtest: statistics from the stored rows, the result hash, and the report on it."""

from __future__ import annotations

import contextlib

import msgspec

from connectors.questdb.database import Database
from connectors.questdb.sessions import SessionStore
from connectors.questdb.writer import TableWriter, rows_to_columns
from dataflows.report import AccountTerms, ReportData, load_result, report_data
from dataflows.sessions.plan import BacktestPlan, accounts_of
from dataflows.sessions.progress import SessionProgress
from operators.session import SessionRecord
from operators.statistics import SessionResult, session_result


def finish_results(database: Database, record: SessionRecord) -> str:
    """Compute and store the statistics of every account of the session; returns the result hash."""
    report = load_report(database, record)
    rows = [session_result(account.statistics, record.session_id, account.name) for account in report.accounts]
    with contextlib.closing(TableWriter(database, SessionResult.TABLE)) as writer:
        writer.write(rows_to_columns(rows))
        writer.flush()
    return report.result_hash


def load_report(database: Database, record: SessionRecord, progress: SessionProgress | None = None) -> ReportData:
    """The report of a backtest session from its stored rows; `progress` brings what only its run knows."""
    plan = msgspec.json.decode(record.config, type=BacktestPlan)
    terms = [
        AccountTerms(account.name, account.quote, account.equity, account.strategies) for account in accounts_of(plan)
    ]
    source = SessionStore(database).latest(plan.source_session_id)
    return report_data(
        record,
        terms,
        load_result(database, record.session_id),
        trades=progress.trades if progress else record.prices_count,
        books=progress.books if progress else record.orderbook_count,
        seconds=progress.seconds if progress else None,
        source=source,
        database=database.address,
    )
