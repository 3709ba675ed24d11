"""`tapeflow explain`: why a session's strategies did not trade, and how near they came."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dataflows.cli.output import DB_HELP, console, messages, print_json

if TYPE_CHECKING:
    from dataflows.explaining import Explained, ExplainedSection, Explanation
    from operators.results import ClosestApproach
    from operators.statistics import Funnel
    from operators.strategy.compiled import Condition

NEAREST: Final = 10
"""Symbols that are shown of each strategy, the nearest first, where none is chosen."""
SHOWN_CONDITIONS: Final = 7
"""Conditions that are shown of a section where no symbol is chosen, those that were missing first."""

WAITING: Final = {
    "s1_signal": "no signal",
    "o1_cancel": "signals were not cancelled",
    "z1_entry": "signals, but no entry",
    "ze1_close": "no planned close",
    "e1_emergency": "no emergency close",
}


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

    What is said of a session that runs, or failed, ends with the last full hour of tape. With --symbol all its sections
    that never fired are shown.

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
        _show(found, whole=symbol is not None)


def explanation_json(found: Explanation) -> dict[str, Any]:
    """The explanation for machines; times in µs."""
    return {
        "session_id": found.session.session_id,
        "status": str(found.session.status),
        "until": found.until,
        "funnel": found.funnel.plain(),
        "funnels": [
            {"account": account, "strategy": strategy, **funnel.plain()}
            for (account, strategy), funnel in found.funnels.items()
        ],
        "nearest": [
            {**_stored(row), "threshold": condition.threshold, "label": condition.label}
            for one in found.strategies
            for section in one.sections
            for condition, row in section.conditions
        ],
        "sections": [
            {
                **_stored(section.group),
                "lacking": [condition.path for condition in section.lacking],
                "fired": section.fired,
                "changes": section.changes
                and [
                    {
                        "condition": change.condition.path,
                        "threshold": [change.low, change.high] if change.condition.ranged else change.low,
                        "at": change.at,
                    }
                    for change in section.changes
                ],
            }
            for one in found.strategies
            for section in one.sections
        ],
    }


def _stored(row: Any) -> dict[str, Any]:
    fields = dataclasses.asdict(row)
    for name in ("timestamp", "session_id", "threshold_high"):
        fields.pop(name, None)
    return fields


def _show(found: Explanation, *, whole: bool) -> None:
    from dataflows.report.formats import moment

    status = str(found.session.status)
    if found.until is None:
        console.print(f"[bold]{found.session.session_id}[/bold], {status}", soft_wrap=True)
        console.print("  How near conditions came is stored with every full hour of tape and at the end: nothing yet.")
    else:
        so_far = "" if status == "STOPPED" else f", {status}: explained as far as it came"
        console.print(
            f"[bold]{found.session.session_id}[/bold] until {moment(found.until)} UTC{so_far}", soft_wrap=True
        )
    for (account, strategy), funnel in found.funnels.items():
        console.print(f"\n[bold]{strategy}[/bold], account {account}", soft_wrap=True)
        for line in funnel_lines(funnel):
            console.print(f"  {line}", soft_wrap=True)
        members = [one for one in found.strategies if (one.account, one.strategy) == (account, strategy)]
        silent = sorted((one for one in members if _waited_for(one) is not None), key=nearness)
        for one in members if whole else silent[:NEAREST]:
            for section in one.sections if whole else [_waited_for(one)]:
                if section is not None and not section.fired:
                    _show_section(one.symbol, section, whole=whole)
        if not whole and len(silent) > NEAREST:
            console.print(f"\n  and {len(silent) - NEAREST} more symbols, further away; --symbol shows one of them")


def funnel_lines(funnel: Funnel) -> list[str]:
    """What became of the signals, step by step, in words; steps that nothing reached are left out."""
    from dataflows.report import words
    from dataflows.report.formats import count

    def counted(counts: tuple[tuple[str, int], ...]) -> str:
        return ", ".join(f"{words.trigger(name)} {times:,}" for name, times in counts)

    if not funnel.signals and not funnel.refused_signals:
        return ["S1 never fired"]
    fired = count(funnel.signals + funnel.refused_signals, "time")
    lines = [f"S1 fired {fired}: {count(funnel.signals, 'signal')}"]
    if funnel.refused_signals:
        lines[0] += f", {funnel.refused_signals:,} refused (no slot, or the symbol taken)"
    if funnel.signals:
        lines.append(
            f"of the signals {funnel.cancelled:,} cancelled, {funnel.refused_entries:,} refused at the entry, "
            f"{funnel.unfilled:,} not filled, {funnel.entered:,} entered"
        )
    if funnel.reasons:
        lines.append(f"reasons: {counted(funnel.reasons)}")
    if funnel.exits:
        lines.append(f"closed by: {counted(funnel.exits)}")
    return lines


def _waited_for(one: Explained) -> ExplainedSection | None:
    """The section that the strategy was waiting for and that never fired: S1, or else Z1."""
    for section in one.sections:
        if section.section in ("s1_signal", "z1_entry") and not section.fired:
            return section
    return None


def nearness(one: Explained) -> tuple[float, float, str]:
    """Sorts what needs the smallest change first, then what lacked the fewest conditions."""
    section = _waited_for(one)
    if section is None:
        return (math.inf, math.inf, one.symbol)
    change = section.changes[0].relative if section.changes else math.inf
    return (change, float(len(section.lacking)), one.symbol)


def _show_section(symbol: str, section: ExplainedSection, *, whole: bool) -> None:
    from rich.markup import escape

    from dataflows.report.formats import clock, duration

    group = section.group
    console.print(
        f"\n  [bold]{symbol}[/bold]: {WAITING[section.section]} in {duration(group.looked_seconds)}; at most "
        f"{group.max_true} of {group.conditions} condition{'s' if group.conditions != 1 else ''} true at once, "
        f"{clock(group.at)}; missing: {escape(', '.join(_name(condition) for condition in section.lacking)) or 'none'}",
        soft_wrap=True,
    )
    shown = list(section.conditions)
    if not whole and len(shown) > SHOWN_CONDITIONS:
        shown.sort(key=lambda pair: pair[0] not in section.lacking)
        shown = shown[:SHOWN_CONDITIONS]
    for condition, row in shown:
        _show_condition(condition, row)
    if len(shown) < len(section.conditions):
        console.print(f"    and {len(section.conditions) - len(shown)} more conditions; --symbol {symbol} shows them")
    if section.changes:
        change = section.changes[0]
        bounds = (
            f"{change.condition.op} {[change.low, change.high]}"
            if change.condition.ranged
            else f"{change.condition.op} {change.low!r}"
        )
        line = f"    would have fired at {clock(change.at)} with {_name(change.condition)} {bounds}"
        console.print(line, markup=False, soft_wrap=True)
    elif section.changes is None:
        console.print("    what another threshold would have done depends on the signal or position: not computed")
    else:
        console.print("    no change of a single threshold is enough")


def _show_condition(condition: Condition, row: ClosestApproach) -> None:
    from dataflows.report.formats import clock, duration, measure
    from operators.indicators.registry import CATALOGUE

    threshold = f"{condition.low:g}"
    if condition.ranged:
        threshold = f"[{condition.low:g}, {condition.high:g}]"
    held = f" for {condition.for_us / 1e6:g} s" if condition.for_us else ""
    nearest = "never had a value"
    if row.best_at is not None:
        unit = CATALOGUE[condition.kind].unit
        unit = "" if unit == "ratio" or ".." in unit else f" {unit}"
        nearest = f"nearest {measure(row.best_value)}{unit} at {clock(row.best_at)}"
    spent = [
        f"{name} {duration(seconds)}"
        for name, seconds in (
            ("true", row.true_seconds),
            ("false", row.false_seconds),
            ("warm-up", row.warmup_seconds),
            ("no value", row.missing_seconds),
            ("no stream", row.no_stream_seconds),
        )
        if seconds
    ]
    told = f"{nearest}; {', '.join(spent)}" if spent else nearest
    line = f"    {_name(condition)} {condition.op} {threshold}{held}: {told}"
    console.print(line, markup=False, soft_wrap=True)


def _name(condition: Condition) -> str:
    return condition.label or condition.indicator_id
