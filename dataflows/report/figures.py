"""The statistics of an account as a table of two sides."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from dataflows.report.formats import Money, count, duration, number, percent
from dataflows.report.tables import gain
from operators.statistics import Statistics
from operators.statistics.returns import CAGR_FROM


def statistics_table(found: Statistics, money: Money) -> Table:
    """Returns and risk on the left, trades and costs on the right; what is not known says why."""
    left, right = _risk_rows(found), _trade_rows(found, money)
    table = Table.grid(padding=(0, 2))
    for style in ("dim", "", "dim", ""):
        table.add_column(style=style, overflow="fold")
    for line in range(max(len(left), len(right))):
        cells: list[str | Text] = []
        for side in (left, right):
            name, value = side[line] if line < len(side) else ("", "")
            cells.extend((name, value))
        table.add_row(*cells)
    return table


def _risk_rows(found: Statistics) -> list[tuple[str, str | Text]]:
    drawdown = found.drawdown
    few = "–  too few returns" if found.returns < 2 else "–  no variation"
    no_loss = few if found.returns < 2 else "–  no losing period"
    no_calmar = "–  under 30 days" if found.cagr_pct is None else "–  no drawdown"
    rows: list[tuple[str, str | Text]] = [
        ("total return", gain(percent(found.total_return_pct, signed=True), found.total_return_pct)),
        ("CAGR", percent(found.cagr_pct, signed=True) if found.cagr_pct is not None else "–  under 30 days"),
        ("max drawdown", percent(drawdown.depth_pct if drawdown else None)),
    ]
    if drawdown and drawdown.depth_pct > 0:
        ended = "" if drawdown.recovered_at is not None else " and on"
        rows.append(("  it lasted", f"{duration(drawdown.seconds)}{ended}"))
    return [
        *rows,
        ("Sharpe", number(found.sharpe) if found.sharpe is not None else few),
        ("Sortino", number(found.sortino) if found.sortino is not None else no_loss),
        ("Calmar", number(found.calmar) if found.calmar is not None else no_calmar),
        ("in the market", f"{duration(found.exposure_seconds)}, {percent(found.exposure_pct, 1)}"),
    ]


def sampling_line(found: Statistics) -> str:
    """What Sharpe and Sortino were made of: a ratio of a few hours is no promise for a year."""
    name, root = ("daily", 365) if found.basis == "day" else ("hourly", 8760)
    line = f"Sharpe and Sortino from {count(found.returns, f'{name} return')}, × √{root}"
    span = found.tape_to - found.tape_from
    return line if span >= CAGR_FROM else f"{line}: too few to go by"


def _trade_rows(found: Statistics, money: Money) -> list[tuple[str, str | Text]]:
    summary, slippage = found.summary, found.slippage
    slipped = "–  not known"
    if slippage:
        known = "" if slippage.share > 0.9995 else f", {percent(slippage.share * 100, 0)} known"
        slipped = f"{money.signed(slippage.paid)}{known}"
    rows: list[tuple[str, str | Text]] = [
        ("trades", f"{summary.trades:,}, {summary.wins:,} won, {summary.losses:,} lost" if summary.trades else "none")
    ]
    if summary.trades:
        rows += [
            ("net P&L", gain(money.signed(summary.net_pnl), summary.net_pnl)),
            ("win rate", percent(summary.win_rate * 100 if summary.win_rate is not None else None, 1)),
            ("profit factor", number(summary.profit_factor) if summary.losses else "–  no losses"),
            ("expectancy", f"{money.signed(summary.expectancy)} a trade"),
            ("avg win / loss", f"{money.signed(summary.average_win)} / {money.signed(summary.average_loss)}"),
            ("max win / loss", f"{money.signed(summary.largest_win)} / {money.signed(summary.largest_loss)}"),
            ("avg MAE / MFE", f"{money.signed(summary.average_mae)} / {money.signed(summary.average_mfe)}"),
            ("avg holding", duration(summary.average_holding_seconds)),
        ]
    if found.fills:
        rows += [
            ("fees", money.plain(found.fees)),
            ("funding paid", money.plain(found.funding)),
            ("slippage paid", slipped),
            ("turnover", money.plain(found.turnover)),
        ]
    return rows
