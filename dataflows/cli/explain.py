"""`tapeflow explain`: why a session's strategies did not trade, and how near they came."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dataflows.cli.output import DB_HELP, console, messages, print_json

if TYPE_CHECKING:
    from dataflows.explaining import Explained, Explanation
    from operators.strategy.approach import ConditionApproach, SectionApproach
    from operators.strategy.compiled import Condition

NEAREST: Final = 10
"""Symbols that are shown of each strategy, the nearest first, where none is chosen."""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(explain)


def explain(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="A session that ran strategies.")],
    symbol: Annotated[str | None, typer.Option("--symbol", help="Only this symbol.")] = None,
    strategy: Annotated[str | None, typer.Option("--strategy", help="Only this strategy, by its name.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="Only this account.")] = None,
    db: Annotated[str | None, typer.Option("--db", help=DB_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Why no signal, why no entry: what became of signals, how near each section came, and which change of one
    threshold alone would have let it fire.

    Indicators and conditions are computed again from the tape, symbol by symbol. Of a session that runs: so far.

    Example: tapeflow explain backtest_20261122_153000_ab12cd34 --symbol BTC_USDT
    """
    from dataflows.cli.project import open_project
    from dataflows.explaining import explain_session

    def on_symbol(name: str, number: int, count: int) -> None:
        if console.is_terminal and not as_json:
            messages.print(f"[dim]{name}, {number} of {count}[/dim]")

    found = explain_session(
        open_project(db, session), session, account=account, strategy=strategy, symbol=symbol, on_symbol=on_symbol
    )
    if as_json:
        print_json("finished", **explanation_json(found))
    else:
        _show(found, limit=None if symbol else NEAREST)


def funnel(explained: list[Explained]) -> dict[str, int]:
    """How many signals there were and what became of them: `signals`, `entered`, and every trigger that cancelled,
    refused or closed as `cancelled:…`, `refused:…`, `closed:…`."""
    counts: Counter[str] = Counter(signals=0, entered=0)
    for one in explained:
        for (before, after, trigger), times in one.moves.items():
            if trigger.startswith("refused:"):
                counts[trigger] += times
            elif before == "MONITORING" and after == "SIGNAL_DETECTED":
                counts["signals"] += times
            elif after == "SIGNAL_CANCELLED":
                counts[f"cancelled:{trigger}"] += times
            elif after == "POSITION_ACTIVE" and before == "ENTRY_PENDING":
                counts["entered"] += times
            elif before == "POSITION_ACTIVE" and after == "CLOSE_PENDING":
                counts[f"closed:{trigger}"] += times
    return dict(counts)


def explanation_json(found: Explanation) -> dict[str, Any]:
    """The explanation for machines; times in µs."""
    return {
        "session_id": found.session.session_id,
        "status": str(found.session.status),
        "until": found.until,
        "funnel": funnel(list(found.strategies)),
        "nearest": [
            {
                "account": one.account,
                "strategy": one.strategy,
                "symbol": one.symbol,
                "section": section.section,
                "condition": each.condition.path,
                "indicator": each.condition.indicator_id,
                "op": each.condition.op,
                "threshold": _threshold(each.condition),
                "best_value": each.best_value,
                "best_at": each.best_at,
                "true_seconds": each.true_seconds,
                "false_seconds": each.false_seconds,
                "pending_seconds": each.pending_seconds,
                "warmup_seconds": each.warmup_seconds,
                "missing_seconds": each.missing_seconds,
                "no_stream_seconds": each.no_stream_seconds,
            }
            for one in found.strategies
            for section in one.sections
            for each in section.conditions
        ],
        "sections": [
            {
                "account": one.account,
                "strategy": one.strategy,
                "symbol": one.symbol,
                "section": section.section,
                "looked_seconds": section.looked_seconds,
                "fired": section.fired,
                "max_true": section.max_true,
                "max_true_at": section.max_true_at,
                "lacking": [condition.path for condition in section.lacking],
                "changes": [
                    {
                        "condition": change.condition.path,
                        "threshold": [change.low, change.high]
                        if change.condition.op in ("between", "outside")
                        else change.low,
                        "at": change.at,
                    }
                    for change in section.changes
                ],
            }
            for one in found.strategies
            for section in one.sections
        ],
    }


def _threshold(condition: Condition) -> Any:
    ranged = condition.op in ("between", "outside")
    return [condition.low, condition.high] if ranged else condition.low


def _show(found: Explanation, limit: int | None) -> None:
    from dataflows.report.formats import moment

    status = str(found.session.status)
    so_far = "" if status == "STOPPED" else f", {status}: explained as far as it came"
    console.print(f"[bold]{found.session.session_id}[/bold] until {moment(found.until)} UTC{so_far}", soft_wrap=True)
    groups: dict[tuple[str, str], list[Explained]] = {}
    for one in found.strategies:
        groups.setdefault((one.account, one.strategy), []).append(one)
    for (account, strategy), members in groups.items():
        console.print(f"\n[bold]{strategy}[/bold], account {account}", soft_wrap=True)
        counts = funnel(members)
        words = [f"{name.replace('_', ' ').replace(':', ' by ')} {times}" for name, times in counts.items()]
        console.print(f"  {', '.join(words)}", soft_wrap=True)
        silent = sorted((one for one in members if _unfired(one) is not None), key=nearness)
        for one in silent[:limit]:
            _show_one(one)
        if limit is not None and len(silent) > limit:
            console.print(f"  and {len(silent) - limit} more symbols, further away; --symbol shows one of them")


def _unfired(one: Explained) -> SectionApproach | None:
    """The section that the strategy was waiting for and that never fired: S1, or else Z1."""
    for section in one.sections:
        if section.section in ("s1_signal", "z1_entry") and not section.fired and section.max_true_at is not None:
            return section
    return None


def nearness(one: Explained) -> tuple[float, float, str]:
    """Sorts what needs the smallest change first, then what lacked the fewest conditions."""
    section = _unfired(one)
    if section is None:
        return (math.inf, math.inf, one.symbol)
    change = section.changes[0].relative if section.changes else math.inf
    return (change, float(len(section.lacking)), one.symbol)


def _show_one(one: Explained) -> None:
    from dataflows.report.formats import clock, duration, moment

    section = _unfired(one)
    if section is None:
        return
    what = {"s1_signal": "no signal", "z1_entry": "signals, but no entry"}[section.section]
    number = len(section.conditions)
    console.print(f"\n  [bold]{one.symbol}[/bold]: {what}", soft_wrap=True)
    console.print(
        f"    looked at for {duration(section.looked_seconds)}; at most {section.max_true} of {number} "
        f"condition{'s' if number != 1 else ''} true at once, {moment(section.max_true_at or 0)}; "
        f"missing: {', '.join(_name(condition) for condition in section.lacking)}",
        soft_wrap=True,
    )
    for each in section.conditions:
        _show_condition(each)
    if section.changes:
        change = section.changes[0]
        bounds = (
            f"{[change.low, change.high]}"
            if change.condition.op in ("between", "outside")
            else f"{change.condition.op} {change.low!r}"
        )
        console.print(
            f"    would have fired at {clock(change.at)} with {_name(change.condition)} {bounds}",
            markup=False,
            soft_wrap=True,
        )
    elif any(each.condition.on_position for each in section.conditions):
        console.print("    what a change would do depends on the signal's age: not computed")
    else:
        console.print(f"    no change of a single threshold is enough: {len(section.lacking)} would have to change")


def _show_condition(each: ConditionApproach) -> None:
    from dataflows.report.formats import clock, duration

    condition = each.condition
    threshold = f"{condition.low:g}"
    if condition.op in ("between", "outside"):
        threshold = f"[{condition.low:g}, {condition.high:g}]"
    held = f" for {condition.for_us / 1e6:g} s" if condition.for_us else ""
    if condition.on_position:
        nearest = "known to the account only"
    elif each.best_at is None:
        nearest = "never had a value"
    else:
        nearest = f"nearest {each.best_value:.6g} at {clock(each.best_at)}"
    spent = [
        f"{name} {duration(seconds)}"
        for name, seconds in (
            ("true", each.true_seconds),
            ("false", each.false_seconds),
            ("warm-up", each.warmup_seconds),
            ("no value", each.missing_seconds),
            ("no stream", each.no_stream_seconds),
        )
        if seconds
    ]
    line = f"    {_name(condition)} {condition.op} {threshold}{held}: {nearest}; {', '.join(spent)}"
    console.print(line, markup=False, soft_wrap=True)


def _name(condition: Condition) -> str:
    return condition.label or condition.indicator_id
