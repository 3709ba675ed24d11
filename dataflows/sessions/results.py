"""The end of a backtest: statistics from the stored rows, the result hash, and the report on it."""

from __future__ import annotations

import contextlib
import dataclasses

import msgspec

from connectors.questdb.database import Database
from connectors.questdb.sessions import SessionStore
from connectors.questdb.writer import TableWriter, rows_to_columns
from dataflows.report import AccountTerms, ReportData, load_result, report_data
from dataflows.sessions.accounts import accounts_of
from dataflows.sessions.plan import BacktestPlan
from dataflows.sessions.progress import SessionProgress
from operators.session import SessionRecord
from operators.statistics import SessionResult, session_result


def finish_results(database: Database, record: SessionRecord) -> str:
    """Compute and store the statistics of every account of the session; returns the result hash."""
    report = load_report(database, record)
    rows = [session_result(account.statistics, record.session_id, account.name) for account in report.accounts]
    if report.wanted_to is not None:
        # stopped and resumed, a session replaces its rows: their time must not depend on where it was stopped
        rows = [dataclasses.replace(row, timestamp=report.wanted_to) for row in rows]
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
        wanted_to=plan.to_ts,
    )


def stored_returns(database: Database) -> dict[tuple[str, str], float | None]:
    """Total return in percent of every account of every backtest that has ended, by (session, account)."""
    database.wait_applied(SessionResult.TABLE)
    rows = database.query(
        f"SELECT session_id, account, total_return_pct FROM {SessionResult.TABLE} "  # noqa: S608 - a name of our own
        "LATEST ON timestamp PARTITION BY session_id, account"
    )
    return {(session_id, account): total for session_id, account, total in rows}
