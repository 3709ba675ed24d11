"""The report of a finished backtest in a terminal of 80 columns or more."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.text import Text

from dataflows.report import figures, signals, tables, words
from dataflows.report.data import AccountSummary, ReportData, replayed_share
from dataflows.report.formats import Money, count, duration, moment, money, number, percent
from dataflows.report.sparkline import deepest, resample, sparkline
from operators.session import SessionRecord
from operators.statistics import Statistics
from operators.statistics.drawdown import drawdown_pct
from operators.statistics.returns import EquityCurve, equity_curve

FIRST_TRADES: Final = 10
TOP_SYMBOLS: Final = 10
TOP_HOURS: Final = 8
DETAILED_ACCOUNTS: Final = 3
COMPARED_ACCOUNTS: Final = 20
_WIDEST_CURVE: Final = 100
_EXAMPLE: Final = """\
  SELECT exit_reason, count(), sum(realized_pnl - fees - funding) AS net_pnl
  FROM positions WHERE session_id = '{}';"""


def render_report(console: Console, data: ReportData) -> None:
    """Print what a session did, where it is stored and what to do next."""
    _header(console, data)
    if data.source is not None and _is_made_up(data.source):
        note = "A made-up market with made-up pumps: its win rates and returns mean nothing."
        _print(console, Text(note, "yellow"))
    if len(data.accounts) > 1:
        _comparison(console, data)
    for account in data.accounts[:DETAILED_ACCOUNTS]:
        _account(console, account, data.stopped_early, alone=len(data.accounts) == 1)
    left = len(data.accounts) - DETAILED_ACCOUNTS
    if left > 0:
        console.print(f"\n  {count(left, 'more account')} in the table session_results", style="dim")
    _footer(console, data)


def _is_made_up(tape: SessionRecord) -> bool:
    """Whether nobody ever traded at these prices: generated, or recorded from the simulated exchange."""
    return tape.mode == "generate" or (tape.mode == "collect" and '"exchange":"simulated"' in tape.config)


def _header(console: Console, data: ReportData) -> None:
    session = data.session
    start, end = session.tape_from or 0, session.tape_to or 0
    seconds = (end - start) / 1_000_000
    source = session.source_session_id or "–"
    if data.source:
        source += f" ({data.source.mode})"
    rows: list[tuple[str, str | Text]] = [
        ("tape", source),
        # the period is (from, to]
        ("period", f"{moment(min(start + 1, end))} to {moment(end)} UTC, {duration(seconds)}"),
        ("market", _symbols(session.symbols)),
        ("replayed", f"{count(data.trades, 'trade')}, {count(data.books, 'book')}"),
    ]
    for account in data.accounts[:DETAILED_ACCOUNTS]:
        equity = money(account.quote, account.statistics.initial_equity)
        strategies = ", ".join(map(words.strategy, account.strategies)) or "no strategy"
        rows.append(("account", f"{account.name}, {equity.named(account.statistics.initial_equity)}: {strategies}"))
    console.print(Text.assemble((session.mode.capitalize(), "bold"), f" {session.session_id}"))
    if data.stopped_early:
        share = percent(100 * replayed_share(session, data.wanted_to), 1)
        _print(console, Text(f"Stopped at {moment(end)} UTC, {share} of the tape: not a whole result", "bold yellow"))
    _print(console, tables.pairs(rows))


def _symbols(symbols: tuple[str, ...], most: int = 4) -> str:
    if len(symbols) <= most:
        return ", ".join(symbols) or "no symbol"
    return f"{len(symbols):,} symbols ({', '.join(symbols[:most])} …)"


def _comparison(console: Console, data: ReportData) -> None:
    entries = [(account.name, account.statistics, _money(account)) for account in data.accounts]
    shown = min(len(entries), COMPARED_ACCOUNTS)
    title = "Accounts" if shown == len(entries) else f"Accounts (best {shown} of {len(entries)} by return)"
    _heading(console, title)
    _print(console, tables.comparison_table(entries, COMPARED_ACCOUNTS, _total_return, console.width))


def _total_return(found: Statistics) -> float:
    return found.total_return_pct if found.total_return_pct is not None else -math.inf


def _account(console: Console, account: AccountSummary, stopped_early: bool, alone: bool) -> None:
    found, amounts = account.statistics, _money(account)
    prefix = "" if alone else f"{account.name}: "
    _curve(console, account, amounts, prefix)
    _heading(console, f"{prefix}Statistics in {account.quote}")
    _print(console, figures.statistics_table(found, amounts))
    if found.sharpe is not None or found.sortino is not None:
        _print(console, Text(figures.sampling_line(found), "dim"))
    _signals(console, found, prefix, stopped_early)
    if found.trades:
        _trades(console, account, amounts, prefix)
    if found.open_positions:
        _heading(console, f"{prefix}Still open {'when it was stopped' if stopped_early else 'at the end of the tape'}")
        _print(console, tables.open_positions_table(found.open_positions, amounts))
        note = (
            f"valued at the last price: unrealised {amounts.signed(found.unrealized)} {account.quote}, "
            "part of the equity, not of the trades"
        )
        _print(console, Text(note, "dim"))


def _curve(console: Console, account: AccountSummary, amounts: Money, prefix: str) -> None:
    found = account.statistics
    curve = _equity_curve(account)
    if len(curve) < 2:
        return
    _heading(console, f"{prefix}Equity")
    width = max(20, min(console.width - 4, _WIDEST_CURVE))
    span = (found.tape_from, found.tape_to)
    console.print(f"  {sparkline(resample(curve.ts, curve.equity, *span, width))}", style="cyan")
    if found.max_drawdown_pct:
        fall = deepest(curve.ts, np.nan_to_num(drawdown_pct(curve.equity)), *span, width)
        console.print(f"  {sparkline(fall, low=0.0)}", style="red")
    lowest, highest = float(np.min(curve.equity)), float(np.max(curve.equity))
    line = Text.assemble(
        f"  {amounts.plain(found.initial_equity)} → {amounts.named(found.final_equity)} ",
        tables.gain(f"({percent(found.total_return_pct, signed=True)})", found.total_return_pct),
        (f", lowest {amounts.plain(lowest)}, highest {amounts.plain(highest)}", "dim"),
    )
    console.print(line)
    if found.max_drawdown_pct:
        scale = f"  red: the fall below the peak so far; a full block █ is {percent(found.max_drawdown_pct)}"
        console.print(scale, style="dim")


def _equity_curve(account: AccountSummary) -> EquityCurve:
    samples, found = account.tables.equity, account.statistics
    return equity_curve(
        np.array([sample.timestamp for sample in samples], np.int64),
        np.array([sample.equity for sample in samples], np.float64),
        found.initial_equity,
        found.tape_from,
        found.tape_to,
    )


def _signals(console: Console, found: Statistics, prefix: str, stopped_early: bool) -> None:
    _heading(console, f"{prefix}Signals")
    if not found.funnel.signals and not found.funnel.refused_signals:
        where = "before it was stopped" if stopped_early else "on this tape"
        console.print(f"  no signal: S1 of no strategy became true {where}")
        return
    _print(console, signals.funnel_table(found.funnel))
    if found.funnel.reasons:
        _print(console, Text(f"not entered: {signals.reasons_line(found.funnel)}", "dim"))


def _trades(console: Console, account: AccountSummary, amounts: Money, prefix: str) -> None:
    found = account.statistics
    console.print()
    _print(console, tables.groups_table("by exit reason", found.by_exit_reason, amounts, 20, reasons=True))
    if len(found.by_symbol) > 1:
        console.print()
        _print(console, tables.groups_table("by symbol", found.by_symbol, amounts, TOP_SYMBOLS))
    if len(found.by_strategy) > 1:
        console.print()
        _print(console, tables.groups_table("by strategy", found.by_strategy, amounts, 20))
    if len(found.by_hour) > 1:
        console.print()
        _print(console, tables.groups_table("by hour, UTC", found.by_hour, amounts, TOP_HOURS))
    shown = min(len(found.trades), FIRST_TRADES)
    _heading(console, f"{prefix}{_which(shown, len(found.trades))}, times UTC")
    _print(console, tables.trades_table(found.trades, found, amounts, FIRST_TRADES, console.width))
    first = found.trades[0]
    _heading(console, f"{prefix}The first trade step by step: {first.symbol} {first.side} by {first.strategy}")
    _print(console, signals.story_table(first, account.tables.transitions, console.width - 2))


def _which(shown: int, trades: int) -> str:
    if shown == trades:
        return "The trade" if trades == 1 else f"All {trades} trades"
    return f"First {shown} of {trades} trades"


def _footer(console: Console, data: ReportData) -> None:
    session_id = data.session.session_id
    rows: list[tuple[str, str | Text]] = []
    if data.seconds is not None:
        speed = f"{number(data.trades_per_second, 0)} trades/s" if data.trades else "no trades on this tape"
        rows.append(("time spent", f"{duration(data.seconds)} with start-up, {speed}"))
    if data.time_spent:
        rows.append(("of which", ", ".join(f"{stage} {duration(spent)}" for stage, spent in data.time_spent.items())))
    rows.append(("result hash", data.result_hash))
    rows.append(("stored in", f"QuestDB{f' at {data.database}' if data.database else ''}, session {session_id}"))
    if data.stopped_early:
        rows.append(("go on", f"tapeflow resume {session_id}"))
    rows.append(("look closer", f"tapeflow sessions show {session_id}"))
    if not any(account.statistics.funnel.signals for account in data.accounts):
        rows.append(("why no signal", f"tapeflow explain {session_id}"))
    _heading(console, "Stored")
    _print(console, tables.pairs(rows))
    if any(account.statistics.summary.trades for account in data.accounts):
        console.print()
        console.print(Text(_EXAMPLE.format(session_id), "dim"))


def _print(console: Console, what: RenderableType) -> None:
    console.print(Padding(what, (0, 0, 0, 2)))


def _heading(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, "bold"))


def _money(account: AccountSummary) -> Money:
    found = account.statistics
    return money(account.quote, found.initial_equity, (trade.net_pnl for trade in found.trades))
