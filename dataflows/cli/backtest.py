"""`tapeflow backtest`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli.output import DB_HELP, messages, print_json
from dataflows.cli.times import parse_instant

if TYPE_CHECKING:
    from operators.desk.account import AccountSettings
    from operators.quality.score import Quality


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("backtest")(backtest)


def backtest(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="A recorded, imported or generated session.")],
    strategy: Annotated[
        list[str] | None,
        typer.Option("--strategy", "-s", help="A template, a strategy of the library or a file; may be repeated."),
    ] = None,
    accounts: Annotated[
        Path | None, typer.Option(help="Accounts document (TOML) instead of --strategy and --equity.")
    ] = None,
    equity: Annotated[
        float | None, typer.Option(help="Starting equity in quote currency; 10 000 where that is USDT, USDC or USD.")
    ] = None,
    strategies_of: Annotated[
        str | None,
        typer.Option(metavar="SESSION", help="Strategies, accounts, equity of an earlier backtest, as it stored them."),
    ] = None,
    symbol: Annotated[list[str] | None, typer.Option("--symbol", help="Only these symbols; may be repeated.")] = None,
    period: Annotated[
        tuple[str, str] | None,
        typer.Option(help="FROM TO in UTC; the tape before FROM warms up, nothing is decided in it."),
    ] = None,
    speed: Annotated[str, typer.Option(help="max, or tape time per wall time, e.g. 60.")] = "max",
    slice_rows: Annotated[int, typer.Option(help="Rows that flow at a time; no result depends on it.")] = 65_536,
    workers: Annotated[int, typer.Option(help="Processes; no result depends on it.")] = 1,
    threads: Annotated[
        int | None,
        typer.Option(help="Threads in each process, 1 to 64; no result depends on it.", show_default="by cores"),
    ] = None,
    recovery: Annotated[bool, typer.Option("--recovery", help="Snapshots, so that a crash costs seconds.")] = False,
    epoch_seconds: Annotated[float | None, typer.Option(help="Seconds between snapshots.")] = None,
    min_quality: Annotated[
        float | None, typer.Option(help="Refuse a tape with a symbol whose quality score (0 to 100) is below this.")
    ] = None,
    record_indicators: Annotated[
        str,
        typer.Option(
            metavar="none|used|all",
            help="Store the values of the indicators that the strategies use, or of all variants as well.",
        ),
    ] = "none",
    record_every: Annotated[
        str,
        typer.Option(
            metavar="grid|change|SECONDS",
            help="When: each second of tape time, whenever a value changes, or every so many seconds.",
        ),
    ] = "grid",
    db: Annotated[str | None, typer.Option("--db", help=DB_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line, for machines.")] = False,
) -> None:
    """Replay a session's tape through strategies and a simulated venue; store every decision; print a report.

    A strategy's name is a template's or one of the library (NAME@VERSION: an earlier version); what ends in .json or
    has a slash is a file.

    Example: tapeflow backtest import_20210112_210006_1a2b3c4d --strategy pump_follow_long --equity 1
    """
    from dataflows.cli.project import open_project
    from dataflows.cli.running import run_backtest
    from dataflows.preparing import BacktestRequest, prepare_backtest
    from dataflows.recording import in_words, most_rows
    from dataflows.report.formats import count
    from dataflows.sessions.folder import SessionFolder
    from dataflows.settings import database_configuration, home

    configuration = database_configuration(db)
    request = BacktestRequest(
        source_session_id=session,
        strategies=tuple(strategy or ()),
        accounts=() if accounts is None else _accounts(accounts),
        equity=equity,
        symbols=tuple(symbol or ()),
        period=None if period is None else (parse_instant("--period", period[0]), parse_instant("--period", period[1])),
        speed=_speed(speed),
        slice_rows=slice_rows,
        workers=workers,
        threads=threads,
        recovery=recovery,
        epoch_seconds=epoch_seconds,
        min_quality=min_quality,
        record_indicators=record_indicators,
        record_every=record_every,
        strategies_of=strategies_of,
    )
    database = open_project(db, session)
    plan, preflight = prepare_backtest(database, home(), configuration, request)
    if as_json:
        print_json(
            "started",
            session_id=plan.session_id,
            source_session_id=session,
            quality={symbol: found.score for symbol, found in preflight.quality.items()},
            notes=preflight.without_stream,
            recorded=plan.recorded,
            record_every_us=plan.record_every_us,
        )
    else:
        trades = sum(found.trades for found in preflight.symbols)
        books = sum(found.books for found in preflight.symbols)
        tape = f"{count(len(preflight.symbols), 'symbol')}, {count(trades, 'trade')}, {count(books, 'book')}"
        messages.print(f"{plan.session_id}: {tape} of {session}", soft_wrap=True)
        messages.print(f"  {_coverage(preflight.quality)}", soft_wrap=True)
        if plan.recorded:
            what, most = in_words(plan.recorded, plan.record_every_us), most_rows(plan)
            bound = "" if most is None else f", at most {most:,} rows"
            messages.print(f"  records {what}{bound}", soft_wrap=True)
        for sentence in preflight.without_stream:
            messages.print(f"  [yellow]note:[/yellow] {sentence}", soft_wrap=True)
    folder = SessionFolder.of(home(), plan.session_id)
    folder.write_plan(plan)
    run_backtest(database, folder, as_json=as_json)


def _coverage(qualities: dict[str, Quality]) -> str:
    """How completely the chosen tape was recorded, in a line."""
    from dataflows.report.formats import count

    scored = {symbol: found.score for symbol, found in qualities.items() if found.score is not None}
    if not scored:
        return "quality: nothing was recorded in this period"
    worst = min(scored, key=lambda symbol: (scored[symbol], symbol))
    gaps = sum(found.gaps for found in qualities.values())
    if not gaps and scored[worst] >= 99.995:
        return "quality: recorded without a gap"
    longest = max(found.longest_gap_us for found in qualities.values()) / 1_000_000
    mean = sum(scored.values()) / len(scored)
    waited = max(found.waited_us for found in qualities.values()) / 1_000_000
    return (
        f"quality: {mean:.2f} of 100 (worst {worst} {scored[worst]:.2f}); {count(gaps, 'gap')}"
        + (f", the longest {longest:,.1f} s" if gaps else "")
        + (f", up to {waited:,.1f} s before the first data" if waited else "")
    )


def _accounts(file: Path) -> tuple[AccountSettings, ...]:
    from operators.desk.account import AccountsError, parse_accounts
    from operators.errors import UsageError

    try:
        return parse_accounts(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the accounts document {file} cannot be read: {error}") from error
    except AccountsError as error:
        raise UsageError(f"{file}: {error}") from error


def _speed(text: str) -> float | None:
    from operators.errors import UsageError

    if text == "max":
        return None
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(f"--speed is {text!r}; allowed: max, or a factor > 0") from error
