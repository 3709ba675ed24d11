"""`tapeflow exchange`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli.output import console, messages, print_json

if TYPE_CHECKING:
    from connectors.simulated.exchange.fault_orders import FaultOrder
    from connectors.simulated.exchange.server import ExchangeServer

exchange = typer.Typer(name="exchange", no_args_is_help=True, help="A simulated MEXC, with faults on request.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(exchange)


@exchange.callback()
def commands() -> None:
    """A simulated MEXC, with faults on request."""


@exchange.command("serve")
def serve(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port on this machine; 0 takes a free one.")] = 0,
    symbols: Annotated[int, typer.Option(min=1, max=2_000, help="Number of made-up symbols.")] = 20,
    names: Annotated[
        str | None, typer.Option(help="The symbols' names, separated by commas; …_USD are inverse contracts.")
    ] = None,
    tape: Annotated[
        list[Path] | None, typer.Option(help="A file of recorded trades to play instead; may be given several times.")
    ] = None,
    speed: Annotated[float, typer.Option(help="How many times as fast as real time the market runs.")] = 1.0,
    tempo: Annotated[float, typer.Option(help="How many times as much happens per second of market time.")] = 1.0,
    lead: Annotated[
        float | None, typer.Option(help="Seconds of market time until the first pump; without it, when it comes.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="When the market begins, such as 2026-01-31T12:00; without it, now.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Where all randomness comes from.")] = 7,
    fault: Annotated[
        list[str] | None, typer.Option(help="A fault from the start on: NAME or NAME=KEY:VALUE,KEY:VALUE.")
    ] = None,
    fault_at: Annotated[
        list[str] | None, typer.Option(help="A fault later on: '30s:NAME=KEY:VALUE for 10s' (wall time).")
    ] = None,
    faults: Annotated[Path | None, typer.Option(help=r"A TOML file of faults: tables \[\[fault]].")] = None,
    list_faults: Annotated[bool, typer.Option("--list-faults", help="Show all faults and end.")] = False,
    control: Annotated[bool, typer.Option("--control", help="Let programs of this machine set faults.")] = False,
    limits: Annotated[bool, typer.Option(help="Whether REST requests are limited.")] = True,
    log: Annotated[Path | None, typer.Option(help="A folder for the log of what really happened.")] = None,
    record_frames: Annotated[Path | None, typer.Option(help="A file for everything that is sent.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line, for machines.")] = False,
) -> None:
    """Run a simulated MEXC on this machine until Ctrl-C.

    It speaks the protocol of MEXC's perpetual futures (public part): whatever collects from MEXC collects from it.

    Example: tapeflow exchange serve --port 8080 --symbols 50 --lead 60
    """
    if list_faults:
        _list_faults(as_json=as_json)
        return
    import asyncio

    from connectors.simulated.exchange.server import ServerSettings
    from connectors.simulated.exchange.serving import MarketRequest, open_exchange
    from dataflows.cli.times import parse_instant

    settings = ServerSettings(
        port=port,
        limited=limits,
        control=control,
        schedule=_schedule(fault or [], fault_at or [], faults),
        truth=log,
        frames=record_frames,
    )
    request = MarketRequest(
        symbols=symbols,
        names=tuple(name.strip() for name in names.split(",")) if names else (),
        tapes=tuple(tape or ()),
        seed=seed,
        speed=speed,
        tempo=tempo,
        lead_seconds=lead,
        start_ms=None if start is None else parse_instant("--start", start) // 1000,
        server=settings,
    )
    server = open_exchange(request)
    _check_symbols(settings.schedule, server)
    _spare_the_collector()
    asyncio.run(_serve(server, as_json=as_json))
    if as_json:
        print_json("finished")
    else:
        messages.print("The exchange has closed.")


def _schedule(now: list[str], later: list[str], file: Path | None) -> tuple[FaultOrder, ...]:
    from connectors.simulated.exchange.fault_orders import parse_fault, parse_scheduled, read_schedule

    orders = [parse_fault(text) for text in now] + [parse_scheduled(text) for text in later]
    return (*orders, *(read_schedule(file) if file is not None else ()))


def _check_symbols(schedule: tuple[FaultOrder, ...], server: ExchangeServer) -> None:
    """A fault of a symbol that is not there would do nothing, and nobody would know why."""
    import difflib

    from connectors.simulated.exchange.fault_kinds import InvalidFault

    listed = server.stage.venue.symbols
    for order in schedule:
        for symbol in order.values.get("symbols", ()):
            if symbol not in listed:
                near = difflib.get_close_matches(symbol.upper(), listed, n=3) or list(listed)[:3]
                raise InvalidFault(f"fault {order.name}: there is no symbol {symbol!r}; near: {', '.join(near)}")


def _spare_the_collector() -> None:
    """Let Python look for garbage rarely: a market of a thousand symbols is millions of objects without any cycle, and
    to look through all of them takes 0.15 s, in which nothing is sent."""
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _serve(server: ExchangeServer, *, as_json: bool) -> None:
    """Run until a signal comes or the market fails."""
    import asyncio
    import signal

    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    # loop.add_signal_handler does not exist everywhere; the market's turns wake the loop often enough
    names = ("SIGINT", "SIGTERM", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    earlier = {number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set)) for number in numbers}
    try:
        await server.start()
        _say_ready(server, as_json=as_json)
        waiting = [asyncio.ensure_future(server.wait()), asyncio.ensure_future(stop.wait())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        server.check()
    finally:
        await server.close()
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _say_ready(server: ExchangeServer, *, as_json: bool) -> None:
    count = len(server.stage.venue.symbols)
    if as_json:
        print_json(
            "ready",
            websocket=server.websocket_url,
            rest=server.rest_url,
            control=server.control_url,
            symbols=count,
            speed=server.clock.speed,
        )
        return
    console.print(f"websocket  {server.websocket_url}", highlight=False, soft_wrap=True)
    console.print(f"rest       {server.rest_url}", highlight=False, soft_wrap=True)
    if server.control_url is not None:
        console.print(f"control    {server.control_url}", highlight=False, soft_wrap=True)
    speed = server.clock.speed
    pace = f", {speed:g} times as fast as real time" if speed != 1.0 else ""
    messages.print(f"{count} symbol{'s' if count != 1 else ''}{pace}. Ctrl-C ends it.", soft_wrap=True)
    option = f" --speed {speed:g}" if speed != 1.0 else ""
    messages.print(f"Record it: tapeflow collect --exchange {server.rest_url} --all{option}", soft_wrap=True)


def _list_faults(*, as_json: bool) -> None:
    from rich.table import Table

    from connectors.simulated.exchange.fault_table import KINDS

    if as_json:
        for kind in KINDS.values():
            parameters = {each.name: each.default for each in kind.parameters}
            print_json("fault", name=kind.name, meaning=kind.meaning, happening=kind.happening, parameters=parameters)
        print_json("finished", faults=len(KINDS))
        return
    table = Table("fault", "what happens", "parameters", box=None, pad_edge=False)
    for kind in KINDS.values():
        lines = [f"{each.name}: {each.meaning} ({each.default_text})" for each in kind.parameters]
        table.add_row(kind.name, kind.meaning, "\n".join(lines))
    console.print(table)
