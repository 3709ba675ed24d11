"""`tapeflow demo`: the main job in a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli.output import DB_HELP, console, messages

if TYPE_CHECKING:
    from connectors.questdb.database import Database
    from dataflows.sessions.plan import CollectPlan

SYMBOLS = "AEVO_USDT,AIOT_USDT,FARTBOY_USDT,HOME_USDT,SPARK_USDT,XAI_USDT"
_SPEED = 60.0
_LEAD_SECONDS = 720
_DURATIONS = {"simulated": "40m", "mexc": "2m"}


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("demo")(demo)


def demo(
    exchange: Annotated[
        str, typer.Option(help="simulated: a market with pumps, its clock 60 times as fast; mexc: the real one.")
    ] = "simulated",
    duration: Annotated[
        str | None, typer.Option(help="How long to record, in market time.", show_default="40m simulated, 2m mexc")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another simulated market.")] = 7,
    db: Annotated[str | None, typer.Option("--db", help=DB_HELP)] = None,
) -> None:
    """Start the database and an exchange, record it, backtest the shipped strategies on that, print the report.

    Example: tapeflow demo --seed 11
    """
    from connectors.questdb.server import open_database
    from dataflows.cli.project import announce_project, has_project
    from dataflows.collecting import CollectRequest, parse_duration, prepare_collection
    from dataflows.exchanges import REAL, SIMULATED
    from dataflows.settings import database_configuration, home
    from operators.errors import UsageError

    # whatever is wrong with the options is said before anything is started
    if exchange not in (SIMULATED, REAL):
        raise UsageError(f"--exchange is {exchange!r}; allowed: {SIMULATED}, {REAL}")
    real = exchange == REAL
    request = CollectRequest(
        exchange=exchange,
        symbols=("@thin_coins",) if real else (SYMBOLS,),
        duration_us=parse_duration(duration or _DURATIONS[exchange]),
        clock_rate=1.0 if real else _SPEED,
        simulated=() if real else ("--seed", str(seed), "--lead", str(_LEAD_SECONDS)),
    )
    configuration = database_configuration(db)
    if not has_project(db):
        announce_project()
    with messages.status("1/4 starting the database …"):
        database = open_database(home(), configuration)
    kept = "" if configuration else f", kept in {home()}"
    console.print(f"[bold]1/4[/bold] database: QuestDB at {database.address}{kept}", soft_wrap=True)
    plan, notes = prepare_collection(home(), configuration, request)
    for note in notes:
        messages.print(f"  [yellow]note:[/yellow] {note}", soft_wrap=True)
    _record(plan)
    _show_quality(database, plan.session_id)
    backtest = _backtest(database, configuration, plan)
    _where_next(database, plan, backtest)


def _record(plan: CollectPlan) -> None:
    from pathlib import Path

    from dataflows.cli.following import failed
    from dataflows.cli.live_view import watch
    from dataflows.report.formats import count
    from dataflows.sessions.folder import SessionFolder
    from dataflows.sessions.launcher import launch
    from operators.session import Status

    folder = SessionFolder.of(Path(plan.home), plan.session_id)
    folder.write_plan(plan)
    pace = f", its clock {plan.clock_rate:g} times as fast as ours" if plan.clock_rate != 1.0 else ""
    what = f"{count(len(plan.symbols), 'symbol')} of {plan.exchange}"
    console.print(f"[bold]2/4[/bold] recording {what} over a socket{pace} …", soft_wrap=True)
    final = watch(folder, launch(folder), plan)
    if final.status != Status.STOPPED:
        raise failed(folder, plan, final)
    recorded = f"{count(final.trades, 'trade')}, {count(final.books, 'book')} in {final.seconds:.0f} s"
    console.print(f"    {plan.session_id}: {recorded}", soft_wrap=True)


def _show_quality(database: Database, session_id: str) -> None:
    from dataflows.quality import session_quality
    from dataflows.report.formats import count

    found = session_quality(database, session_id)
    gaps = sum(symbol.quality.gaps for symbol in found.symbols)
    score = "–" if found.score is None else f"{found.score:.1f} of 100"
    facts = f"{score}, {count(gaps, 'gap')}, {count(found.disconnects, 'disconnect')}"
    console.print(f"[bold]3/4[/bold] quality: {facts}", soft_wrap=True)


def _backtest(database: Database, configuration: str | None, plan: CollectPlan) -> str:
    from pathlib import Path

    from dataflows.cli.running import run_backtest
    from dataflows.preparing import BacktestRequest, prepare_backtest
    from dataflows.sessions.folder import SessionFolder
    from operators.desk.account import default_account

    home = Path(plan.home)
    # two accounts over the same tape: one follows a pump, the other waits for its peak
    accounts = tuple(
        default_account(name, 10_000.0, "USDT", (strategy,))
        for name, strategy in (("follower", "pump_follow_long"), ("fader", "peak_fade_short"))
    )
    backtest, _ = prepare_backtest(database, home, configuration, BacktestRequest(plan.session_id, accounts=accounts))
    folder = SessionFolder.of(home, backtest.session_id)
    folder.write_plan(backtest)
    console.print(f"[bold]4/4[/bold] backtest: {backtest.session_id}\n")
    run_backtest(database, folder, as_json=False)
    return backtest.session_id


def _where_next(database: Database, plan: CollectPlan, backtest: str) -> None:
    console.print("\n[bold]Where to look next[/bold]")
    for command, purpose in (
        (f"tapeflow sessions quality {plan.session_id}", "how complete the recording is, per symbol"),
        (f"tapeflow sessions show {backtest}", "the backtest and this report again"),
        ("tapeflow strategies show pump_follow_long", "the rules that made these trades"),
        (f"tapeflow explain {backtest}", "what became of signals, and how near the others came"),
        (f"tapeflow backtest {plan.session_id} -s flash_pump_long", "another strategy on the same recording"),
        ("tapeflow collect --duration 2h", "record thin coins of the real exchange"),
        (
            f"http://{database.address}",
            f"the database's own console, user {database.user}; password: tapeflow db status",
        ),
        ("tapeflow db stop", "stop the database"),
    ):
        # a command of its own line can be copied whatever the width
        console.print(f"  {command}\n      [dim]{purpose}[/dim]")
