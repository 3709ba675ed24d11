"""Sessions in tables: the list, the facts of one, the story of its life."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from dataflows import recording
from dataflows.report import words
from dataflows.report.formats import duration, percent
from dataflows.report.tables import gain, pairs
from dataflows.sessions.describe import (
    AccountLine,
    Returns,
    account_lines,
    as_columns,
    instant,
    period,
    share_replayed,
    short_count,
    span,
)
from dataflows.sessions.present import PresentSession
from operators.session import SessionRecord, Status

_WIDE: Final = 110
"""Columns of a terminal from which on the list has room for everything."""
_SHOWN_ACCOUNTS: Final = 4
_SHOWN_SYMBOLS: Final = 20
_COLOURS: Final = {Status.FAILED: "red", Status.STOPPED: "green"}
_SETTINGS: Final = {
    "strategies_of": "strategies of",
    "speed": "tape time per wall time",
    "slice_rows": "rows per slice",
    "page_rows": "rows per page",
    "evaluation_interval_us": "seconds between grid instants",
    "workers": "processes",
    "threads": "threads in each",
    "recovery": "recovery",
    "epoch_seconds": "seconds between snapshots",
    "format": "format",
    "time_unit": "time unit",
    "contract_size": "contract size",
    "sort": "sorted",
    "rejected": "rows rejected",
    "duplicates": "duplicates left out",
    "stepped_back": "rows out of order",
    "market_version": "version of the generator",
}
"""Settings of a session that people may want to know, and what they are called."""


def session_fields(present: PresentSession, returns: Returns) -> dict[str, Any]:
    """A session for machines: its columns, what a backtest came to, whether its processes are there (null where it is
    over or was started elsewhere), and rows that wait for the database."""
    record = present.record
    accounts = [
        {"account": line.account, "strategies": line.strategies, "return_pct": line.return_pct}
        for line in account_lines(record, returns)
    ]
    return {
        **as_columns(record),
        "accounts": accounts,
        "replayed_share": share_replayed(record),
        "alive": present.alive,
        "journal_rows": present.journal_rows,
    }


def sessions_table(sessions: Iterable[PresentSession], returns: Returns, width: int) -> Table:
    """One line per session, and one per account of a backtest with its strategies and its return."""
    wide = width >= _WIDE
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2 if wide else 1, 0, 0))
    for column in ("session", "status", "started", *(("tape from",) if wide else ())):
        table.add_column(column, no_wrap=True)
    for column in ("length", *(("symbols",) if wide else ()), "trades", *(("books",) if wide else ()), "return"):
        table.add_column(column, justify="right", no_wrap=True)
    for present in sessions:
        record = present.record
        lines = account_lines(record, returns)
        alone = lines[0] if len(lines) == 1 else None
        length = None if record.tape_from is None or record.tape_to is None else record.tape_to - record.tape_from
        table.add_row(
            record.session_id,
            _status(present),
            instant(record.start_time)[5:16],
            *([period(record)[0][:16]] if wide else []),
            "" if length is None else duration(length / 1e6).replace(" ", ""),
            *([str(len(record.symbols))] if wide else []),
            short_count(record.prices_count),
            *([short_count(record.orderbook_count)] if wide else []),
            _return(alone) if alone else "",
        )
        blanks = [""] * (7 if wide else 4)
        # beneath its status, so that a part of a tape is not taken for all of it
        early = Text(_early(record), "yellow")
        for line in lines[:_SHOWN_ACCOUNTS]:
            name = "" if alone else f"{line.account}: "
            about = Text(f"  {name}{', '.join(map(words.strategy, line.strategies))}", "dim")
            # as wide as an id: the names must not push the columns aside
            about.truncate(len(record.session_id), overflow="ellipsis")
            table.add_row(about, early, *blanks[1:], "" if alone else _return(line))
            early = Text()
        if len(lines) > _SHOWN_ACCOUNTS:
            table.add_row(Text(f"  and {len(lines) - _SHOWN_ACCOUNTS} more accounts", "dim"), *blanks, "")
    return table


def _status(present: PresentSession) -> Text:
    if present.alive is False:
        return Text("gone", "red")
    return Text(str(present.record.status), _COLOURS.get(present.record.status, "yellow"))


def _early(record: SessionRecord) -> str:
    """How far a backtest came that was stopped before the end of its tape, or failed; empty for all others."""
    share = share_replayed(record)
    ended = record.status in (Status.STOPPED, Status.FAILED)
    return f"at {percent(100 * share, 0)}" if ended and share < 1.0 else ""


def _return(line: AccountLine) -> Text:
    return gain("" if line.return_pct is None else percent(line.return_pct, signed=True), line.return_pct)


def facts_table(present: PresentSession, recorded_rows: int = 0) -> Table:
    """What a session is, with names that people use; `recorded_rows` indicator values were stored."""
    record = present.record
    recorded = record.tape_from is not None and record.tape_to is not None and record.tape_from < record.tape_to
    took = (
        f" ({duration((record.end_time - record.start_time) / 1e6)} after the start)"
        if record.end_time is not None and record.start_time is not None
        else ""
    )
    lost = present.alive is False
    rows = [
        ("session", f"{record.session_id}"),
        ("mode", record.mode),
        ("status", f"{record.status} {_early(record)}".strip() + (", but its processes are gone" if lost else "")),
        ("error", record.error),
        ("started", f"{instant(record.start_time)} UTC" if record.start_time is not None else ""),
        ("ended", f"{instant(record.end_time)} UTC{took}" if record.end_time is not None else ""),
        ("tape of", record.source_session_id),
        ("period", span(record.tape_from or 0, record.tape_to or 0) if recorded else ""),
        ("symbols", _some(record.symbols)),
        ("streams", ", ".join(record.data_types)),
        ("trades", f"{record.prices_count:,}"),
        ("books", f"{record.orderbook_count:,}"),
        ("gaps", f"{record.gaps:,}" if record.gaps else ""),
        ("errors", f"{record.errors_count:,}" if record.errors_count else ""),
        *_strategies(record),
        *_indicators(record, recorded_rows),
        ("accounts", f"document {record.accounts_hash}" if record.accounts_hash else ""),
        ("result hash", record.result_hash),
        ("settings", "; ".join(_settings(json.loads(record.config)))),
        ("program", f"tapeflow {record.program_version}" if record.program_version else ""),
    ]
    return pairs((label, value) for label, value in rows if value)


def _some(symbols: Sequence[str]) -> str:
    more = f", … ({len(symbols)})" if len(symbols) > _SHOWN_SYMBOLS else ""
    return ", ".join(symbols[:_SHOWN_SYMBOLS]) + more


def _strategies(record: SessionRecord) -> list[tuple[str, str]]:
    hashes = json.loads(record.strategy_hashes or "{}")
    return [("strategy", f"{words.strategy(name)}, document {digest}") for name, digest in hashes.items()]


def _indicators(record: SessionRecord, recorded_rows: int) -> list[tuple[str, str]]:
    """What a backtest computes, what the variants of its strategies stood for, and what it stores of it."""
    config = json.loads(record.config)
    used = config.get("indicators") or []
    recorded = recording.in_words(config.get("recorded") or [], config.get("record_every_us"))
    more = sorted(set(config.get("recorded") or []) - set(used))
    return [
        ("indicators", "\n".join(used)),
        ("variants", "\n".join(f"{name} = {meaning}" for name, meaning in (config.get("variants") or {}).items())),
        ("recorded", f"{recorded}: {recorded_rows:,} rows" if recorded else ""),
        ("", "\n".join(["recorded as well:", *more]) if more else ""),
    ]


def _settings(config: dict[str, Any]) -> Iterable[str]:
    for name, label in _SETTINGS.items():
        value = config.get(name)
        if value is None:
            continue
        if isinstance(value, bool):
            value = "on" if value else "off"
        elif name.endswith("_us"):
            value = f"{value / 1e6:g}"
        elif isinstance(value, int | float):
            value = f"{value:,g}" if isinstance(value, float) else f"{value:,}"
        yield f"{label} {value}"


def life_table(versions: Iterable[SessionRecord]) -> Table:
    """Every change of status with its time, cause and reason."""
    rows = list(versions)
    failed = any(version.error for version in rows)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("changed at (UTC)", "status", "cause", *(("error",) if failed else ())):
        table.add_column(column, no_wrap=column in ("changed at (UTC)", "status"))
    for version in rows:
        error = [Text(version.error or "")] if failed else []
        table.add_row(instant(version.changed_at), str(version.status), Text(version.cause or ""), *error)
    return table
