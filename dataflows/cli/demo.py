"""`tapeflow demo`: the main job in a minute."""

from __future__ import annotations

from typing import Annotated

import typer

from dataflows.cli.output import console, messages


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("demo")(demo)


def demo(
    seed: Annotated[int, typer.Option(help="Another seed is another market.")] = 7,
    db: Annotated[str | None, typer.Option("--db", help="An external database's configuration string.")] = None,
) -> None:
    """Start the database, generate a market with pumps, backtest the shipped strategies on it, print the report.

    Example: tapeflow demo --seed 11
    """
    from connectors.questdb.server import open_database
    from connectors.simulated.parameters import MarketParameters
    from dataflows.cli.running import run_backtest
    from dataflows.generating import generate
    from dataflows.preparing import BacktestRequest, prepare_backtest
    from dataflows.sessions.plan import SessionFolder
    from dataflows.settings import database_configuration, home
    from operators.desk.account import default_account

    configuration = database_configuration(db)
    with messages.status("1/3 starting the database …"):
        database = open_database(home(), configuration)
    console.print(f"[bold]1/3[/bold] database: QuestDB at {database.address}, kept in {home()}")
    parameters = MarketParameters(symbols=6, trades=300_000, hours=6.0, pumps=12, books=True, seed=seed)
    with messages.status("2/3 generating a market with pumps …"):
        market = generate(database, parameters)
    how = "found from an earlier run" if market.found else f"generated in {market.seconds:.1f} s"
    console.print(
        f"[bold]2/3[/bold] market: {market.session_id}, {parameters.symbols} symbols, {market.trades:,} trades, "
        f"{market.books:,} books, {len(market.pumps)} pumps; {how}"
    )
    # two accounts over the same tape: one follows a pump, the other waits for its peak
    accounts = tuple(
        default_account(name, 10_000.0, "USDT", (strategy,))
        for name, strategy in (("follower", "pump_follow_long"), ("fader", "peak_fade_short"))
    )
    request = BacktestRequest(market.session_id, accounts=accounts)
    plan, _ = prepare_backtest(database, home(), configuration, request)
    folder = SessionFolder.of(home(), plan.session_id)
    folder.write_plan(plan)
    console.print(f"[bold]3/3[/bold] backtest: {plan.session_id}\n")
    run_backtest(database, folder, as_json=False)
    console.print(
        "\n[bold]Where to look next[/bold]\n"
        f"  tapeflow sessions show {plan.session_id}   the session and this report again\n"
        "  tapeflow sessions list                     everything that was recorded and run\n"
        "  tapeflow strategies show pump_follow_long  the rules that made these trades\n"
        f"  tapeflow backtest {market.session_id} -s flash_pump_long\n"
        f"  http://{database.address}                  the database's own console (user {database.user}, password in\n"
        "                                             the file that `tapeflow db status` names)\n"
        "  tapeflow db stop                           stop the database",
        soft_wrap=True,
    )
