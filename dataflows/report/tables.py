"""The tables of a report. Each function returns something rich can print; nothing here knows the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

from rich.table import Table
from rich.text import Text

from dataflows.report import words
from dataflows.report.formats import (
    PRICE_DIGITS,
    Money,
    duration,
    measure,
    moment,
    number,
    percent,
    price,
)
from operators.results import Position
from operators.statistics import Statistics, Trade, TradeGroup

_WIDE: Final = 100
_DAY: Final = 86_400 * 1_000_000

Justify = Literal["left", "right"]


def gain(text: str, value: float | None) -> Text:
    """An amount in green or red; the sign says the same."""
    return Text(text, "green" if value and value > 0 else "red" if value and value < 0 else "")


def pairs(rows: Iterable[tuple[str, str | Text]]) -> Table:
    """Names and what belongs to them, in two columns."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, value if isinstance(value, Text) else Text(value))
    return table


def groups_table(title: str, groups: Sequence[TradeGroup], money: Money, top: int, reasons: bool = False) -> Table:
    """Trades by what they share, those that moved the account most first."""
    shown = sorted(groups, key=lambda group: (-abs(group.summary.net_pnl), group.name))[:top]
    rest = len(groups) - len(shown)
    table = _table(
        (title if not rest else f"{title} (top {top} of {len(groups)})", "left"),
        ("trades", "right"),
        ("won", "right"),
        ("net P&L", "right"),
        ("a trade", "right"),
        ("profit factor", "right"),
        ("held", "right"),
    )
    for group in shown:
        summary = group.summary
        table.add_row(
            Text(words.trigger(group.name) if reasons else group.name),
            f"{summary.trades:,}",
            percent(summary.win_rate * 100 if summary.win_rate is not None else None, 0),
            gain(money.signed(summary.net_pnl), summary.net_pnl),
            money.signed(summary.expectancy),
            number(summary.profit_factor),
            duration(summary.average_holding_seconds),
        )
    return table


def trades_table(trades: Sequence[Trade], found: Statistics, money: Money, most: int, width: int) -> Table:
    """The first trades, one line each; a narrow terminal gets shorter times, sides, prices and symbols."""
    wide = width >= _WIDE
    one_day = found.tape_from // _DAY == (found.tape_to - 1) // _DAY
    pattern = ("" if one_day else "%m-%d ") + ("%H:%M:%S" if wide else "%H:%M")
    digits = PRICE_DIGITS if wide else 5
    table = _table(
        ("opened", "left"),
        ("symbol", "left"),
        ("side" if wide else "L/S", "left"),
        ("entry", "right"),
        ("exit", "right"),
        (f"net {money.currency}", "right"),
        *((("move", "right"),) if wide else ()),
        ("why closed", "left"),
        ("held", "right"),
        gap=2 if wide else 1,
    )
    for trade in trades[:most]:
        table.add_row(
            moment(trade.opened_at, pattern),
            Text(trade.symbol if wide else trade.symbol.removesuffix(f"_{money.currency}")),
            Text(trade.side if wide else trade.side[:1]),
            price(trade.entry, digits),
            price(trade.exit, digits),
            gain(money.signed(trade.net_pnl), trade.net_pnl),
            *([percent(trade.move_pct, signed=True)] if wide else []),
            Text(words.trigger(trade.exit_reason)),
            duration(trade.holding_seconds),
        )
    return table


def open_positions_table(positions: Sequence[Position], money: Money) -> Table:
    """Positions that were open when the tape ended."""
    table = _table(
        ("opened", "left"), ("symbol", "left"), ("side", "left"), ("quantity", "right"), ("entry", "right"),
        ("realised", "right"), ("fees", "right"),
    )  # fmt: skip
    for position in positions:
        table.add_row(
            moment(position.timestamp),
            Text(position.symbol),
            Text(position.side),
            measure(position.quantity),
            price(position.average_entry),
            money.signed(position.realized_pnl),
            money.plain(position.fees),
        )
    return table


def comparison_table(
    accounts: Sequence[tuple[str, Statistics, Money]], most: int, key: Callable[[Statistics], float], width: int
) -> Table:
    """Several accounts side by side, best first."""
    table = _table(
        ("account", "left"), ("final equity", "right"), ("return", "right"), ("drawdown", "right"),
        ("Sharpe", "right"), ("trades", "right"), ("won", "right"), ("profit factor", "right"),
        gap=2 if width >= _WIDE else 1,
    )  # fmt: skip
    for name, found, money in sorted(accounts, key=lambda entry: -key(entry[1]))[:most]:
        summary = found.summary
        table.add_row(
            Text(name),
            money.named(found.final_equity),
            gain(percent(found.total_return_pct, signed=True), found.total_return_pct),
            percent(found.max_drawdown_pct),
            number(found.sharpe),
            f"{summary.trades:,}",
            percent(summary.win_rate * 100 if summary.win_rate is not None else None, 0),
            number(summary.profit_factor),
        )
    return table


def _table(*columns: tuple[str, Justify], gap: int = 2) -> Table:
    """Columns of one line each; where a terminal is too narrow, names (left columns but the first) are folded."""
    table = Table(box=None, padding=(0, gap), header_style="dim", pad_edge=False, collapse_padding=True)
    for index, (name, justify) in enumerate(columns):
        names = justify == "left" and index > 0
        table.add_column(Text(name), justify=justify, no_wrap=not names, overflow="fold" if names else "ellipsis")
    return table
