"""`tapeflow compare`: two backtests side by side."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dataflows.cli.output import DB_HELP, console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from dataflows.comparing import Comparison, FirstDifference
    from dataflows.report.data import AccountSummary
    from operators.results import Fill, StateTransition

_SHOWN: Final = (
    ("total_return_pct", "total return, %"),
    ("max_drawdown_pct", "max drawdown, %"),
    ("sharpe", "Sharpe"),
    ("sortino", "Sortino"),
    ("trades", "trades"),
    ("win_rate", "won, share"),
    ("profit_factor", "profit factor"),
    ("expectancy", "a trade"),
    ("net_pnl", "net P&L"),
    ("fees", "fees"),
    ("funding", "funding"),
    ("turnover", "turnover"),
    ("average_holding_seconds", "held, s"),
)
_LONGEST: Final = 60
MOST_CAUSES: Final = 5


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(compare)


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A backtest.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    db: Annotated[str | None, typer.Option("--db", help=DB_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Two backtests side by side: settings that differ, statistics, and the first decision in which they differ, with
    its cause.

    Where each has one account, and where each has one strategy, these are compared whatever their names are.

    Example: tapeflow compare backtest_20261122_153000_ab12cd34 backtest_20261122_154500_ef56ab78
    """
    from dataflows.cli.project import open_project
    from dataflows.comparing import compare_sessions

    found = compare_sessions(open_project(db, a), a, b)
    if as_json:
        print_json("finished", **comparison_json(found))
    else:
        _show(found)


def comparison_json(found: Comparison) -> dict[str, Any]:
    """The comparison for machines; times in µs. A key that is missing says that a session does not have the setting."""
    from dataflows.cli.strategy_tables import difference_fields
    from dataflows.report.machine import report_json

    first = found.first
    return {
        "a": report_json(found.a.report),
        "b": report_json(found.b.report),
        "identical": found.identical,
        "settings": difference_fields(found.settings),
        "first_difference": None
        if first is None
        else {
            "at": first.at,
            "a": None if first.a is None else dataclasses.asdict(first.a),
            "b": None if first.b is None else dataclasses.asdict(first.b),
            "causes": list(first.causes),
        },
    }


def _show(found: Comparison) -> None:
    from dataflows.report.formats import count

    names = (found.a.report.session.session_id, found.b.report.session.session_id)
    console.print(f"A = {names[0]}\nB = {names[1]}", soft_wrap=True)
    console.print("\n[bold]Settings[/bold]")
    if not found.settings:
        console.print("  the same tape, period, accounts and strategies")
    else:
        table = _table("where", "A", "B")
        for place in found.settings:
            table.add_row(place.path, _value(place.before), _value(place.after))
        console.print(table)
    console.print("\n[bold]Statistics[/bold]")
    ours, theirs = found.a.report.accounts, found.b.report.accounts
    for one, other in zip(ours, theirs, strict=False):
        if len(ours) > 1 or one.name != other.name:
            console.print(f"  account {one.name}" + (f" and {other.name}" if one.name != other.name else ""))
        console.print(_statistics(one, other))
    if left := abs(len(ours) - len(theirs)):
        console.print(f"  {count(left, 'more account')} in {'A' if len(ours) > len(theirs) else 'B'}")
    console.print("\n[bold]First difference[/bold]")
    if found.first is None:
        console.print("  none: they decided and filled the same")
    else:
        _show_first(found.first)


def _statistics(one: AccountSummary, other: AccountSummary) -> Table:
    from dataflows.report.machine import statistics_json

    table = _table("", "A", "B", "B − A", right=True)
    a, b = statistics_json(one.statistics), statistics_json(other.statistics)
    for key, name in _SHOWN:
        change = None if a[key] is None or b[key] is None else b[key] - a[key]
        table.add_row(name, _figure(a[key]), _figure(b[key]), _figure(change, signed=True))
    return table


def _show_first(first: FirstDifference) -> None:
    from dataflows.report.formats import clock, moment

    console.print(f"  {moment(first.at, '%Y-%m-%d')} {clock(first.at)} UTC")
    for side, row in (("A", first.a), ("B", first.b)):
        console.print(f"  {side}: {_told(row)}", markup=False, soft_wrap=True)
    for cause in first.causes[:MOST_CAUSES]:
        console.print(f"  why: {cause}", markup=False, soft_wrap=True)
    if len(first.causes) > MOST_CAUSES:
        console.print(f"  and {len(first.causes) - MOST_CAUSES} more settings that differ")
    if not first.causes:
        console.print("  why: not told by what is stored")


def _told(row: StateTransition | Fill | None) -> str:
    from dataflows.report import words
    from dataflows.report.formats import price
    from operators.results import StateTransition

    if row is None:
        return "nothing then"
    if isinstance(row, StateTransition):
        moved = f"{words.state(row.from_state)} → {words.state(row.to_state)}: {words.trigger(row.trigger)}"
        return f"{row.symbol} {row.strategy}, {'stays, ' if row.refused else ''}{moved}"
    return f"{row.symbol} fill of {row.quantity:g} at {price(row.price)}, fee {price(row.fee)}"


def _table(*columns: str, right: bool = False) -> Table:
    from rich.table import Table

    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2))
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if right and place else "left", overflow="fold")
    return table


def _figure(value: float | None, *, signed: bool = False) -> str:
    from dataflows.report.formats import NOTHING, number

    if value is None:
        return NOTHING
    return number(value, 0 if isinstance(value, int) else 2, signed=signed)


def _value(value: Any) -> str:
    from operators.strategy.difference import ABSENT

    if value is ABSENT:
        return "–"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
