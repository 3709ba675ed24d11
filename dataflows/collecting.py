"""Start checks of a collection: everything that is wrong is said at once, before anything is started."""

from __future__ import annotations

import asyncio
import difflib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import aiohttp

from connectors.mexc.clock import ExchangeClock
from connectors.mexc.contracts import ContractDetail
from connectors.mexc.errors import ExchangeError
from connectors.mexc.records import TickerRow
from connectors.mexc.rest import MexcRest
from connectors.processes import free_port
from connectors.questdb.server import NEEDED_BYTES, free_bytes
from dataflows.exchanges import REAL, SIMULATED, ExchangeAddress, clock_problem, exchange_address, unanswered
from dataflows.preparing import StartRefused
from dataflows.sessions.plan import CollectPlan
from dataflows.symbol_lists import DEFAULT_LIST, expand
from operators.errors import UsageError
from operators.session import session_id

CONTINUOUS: Final = "continuous"
MOST_MERGED_BOOKS: Final = 150
"""More books than this are taken as whole best levels: seeding each from a snapshot would take too long."""
MOST_LEVELS: Final = 50
WHOLE_BOOK_LEVELS: Final = 20
"""What the exchange sends of a book that is taken whole."""
_NAMED: Final = 5
"""Symbols that a note names before it only counts the others."""
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class CollectRequest:
    """What a user asks for. One of `symbols` (names and @lists), `top` and `every` chooses the symbols; none of them
    means the default list. `simulated` are further options of a simulated exchange that the session runs itself."""

    exchange: str = "mexc"
    symbols: tuple[str, ...] = ()
    top: int | None = None
    every: bool = False
    duration_us: int | None = None
    books: str = "auto"
    levels: int = 10
    book_interval_ms: int = 100
    clock_rate: float = 1.0
    simulated: tuple[str, ...] = ()


def parse_duration(text: str) -> int | None:
    """`30s`, `5m`, `2h`, `1d` in µs; `continuous` is None.

    >>> parse_duration("1.5h")
    5400000000
    """
    if text == CONTINUOUS:
        return None
    found = _DURATION.fullmatch(text)
    if found is None or float(found[1]) <= 0:
        raise UsageError(
            f"--duration is {text!r}; allowed: a number with s, m, h or d such as 30s or 2h, or {CONTINUOUS}"
        )
    return round(float(found[1]) * _SECONDS[found[2]] * 1_000_000)


def prepare_collection(
    home: Path, configuration: str | None, request: CollectRequest
) -> tuple[CollectPlan, tuple[str, ...]]:
    """Check everything and make the plan; with it come sentences about what is left out. Raises `StartRefused` with
    all problems, or an `ExchangeError` where nothing is wrong but that the exchange does not answer."""
    problems: list[str] = []
    notes: list[str] = []
    if sum((bool(request.symbols), request.top is not None, request.every)) > 1:
        problems.append("--symbols, --top and --all exclude one another")
    if request.top is not None and request.top < 1:
        problems.append(f"--top is {request.top}; allowed: 1 or more")
    if not 1 <= request.levels <= MOST_LEVELS:
        problems.append(f"--levels is {request.levels}; allowed: 1 to {MOST_LEVELS}")
    if request.books not in ("auto", "merged", "full"):
        problems.append(f"--books is {request.books!r}; allowed: auto, merged, full")
    if request.book_interval_ms < 0:
        problems.append(f"--book-interval is {request.book_interval_ms} ms; allowed: 0 or more")
    if not 0 < request.clock_rate <= 1_000:
        problems.append(f"--speed is {request.clock_rate:g}; allowed: more than 0, at most 1000")
    elif request.exchange == REAL and request.clock_rate != 1.0:
        problems.append(f"--speed is {request.clock_rate:g}; the clock of {REAL} runs as fast as ours: leave it away")
    free = free_bytes(home)
    if free < NEEDED_BYTES:
        problems.append(f"{free // 2**20} MiB are free in {home}; needed: {NEEDED_BYTES // 2**20} MiB")
    if request.exchange == SIMULATED:
        # it will list whatever is asked for
        port = free_port()
        address = exchange_address(f"http://127.0.0.1:{port}")
        symbols = expand(request.symbols or (f"@{DEFAULT_LIST}",), home)[: request.top]
    else:
        address = exchange_address(request.exchange)
        symbols = _listed_symbols(address, home, request, problems, notes)
        if not symbols and not problems:
            problems.append("no symbol is left to collect")
    depth_mode = _depth_mode(request.books, len(symbols))
    if depth_mode == "full" and WHOLE_BOOK_LEVELS < request.levels <= MOST_LEVELS:
        why = "--books full" if request.books == "full" else f"more than {MOST_MERGED_BOOKS} symbols"
        problems.append(
            f"--levels is {request.levels}; books that are taken whole ({why}) have {WHOLE_BOOK_LEVELS}: "
            f"--levels {WHOLE_BOOK_LEVELS}, or --books merged"
        )
    if problems:
        raise StartRefused(problems)
    plan = CollectPlan(
        session_id=session_id("collect", datetime.now(UTC), secrets.token_hex(4)),
        home=str(home),
        database=configuration,
        exchange=address.name,
        rest_url=address.rest_url,
        websocket_url=address.websocket_url,
        symbols=symbols,
        duration_us=request.duration_us,
        clock_rate=request.clock_rate,
        book_levels=request.levels,
        book_interval_ms=request.book_interval_ms,
        depth_mode=depth_mode,
        simulated=_simulated(request, symbols, address) if request.exchange == SIMULATED else (),
    )
    return plan, tuple(notes)


def _simulated(request: CollectRequest, symbols: Sequence[str], address: ExchangeAddress) -> tuple[str, ...]:
    """The options of the simulated exchange that the session's supervisor is to run."""
    port = address.rest_url.rpartition(":")[2]
    return (
        *("--port", port, "--names", ",".join(symbols), "--speed", f"{request.clock_rate:g}"),
        *request.simulated,
    )


def _depth_mode(books: str, symbols: int) -> Literal["merged", "full"]:
    if books == "auto":
        return "merged" if symbols <= MOST_MERGED_BOOKS else "full"
    return "full" if books == "full" else "merged"


def _listed_symbols(
    address: ExchangeAddress, home: Path, request: CollectRequest, problems: list[str], notes: list[str]
) -> tuple[str, ...]:
    try:
        details, tickers, wrong_clock = asyncio.run(_read_listing(address, request.clock_rate))
    except ExchangeError as error:
        if not problems:
            raise unanswered(address, error) from error
        problems.append(str(unanswered(address, error)))
        return ()
    if wrong_clock is not None and not problems:
        problems.append(wrong_clock)
    states = {detail.symbol: detail.state_name for detail in details}
    tradable = {symbol for symbol, state in states.items() if symbol.endswith("_USDT") and state == "trading"}
    if request.every:
        return tuple(sorted(tradable))
    if request.top is not None:
        turnover = {row.symbol: row.turnover24 or 0.0 for row in tickers if row.symbol in tradable}
        return tuple(sorted(turnover, key=lambda symbol: (-turnover[symbol], symbol))[: request.top])
    named = {word.strip() for words in request.symbols for word in words.upper().split(",")}
    kept, unlisted = [], []
    for symbol in expand(request.symbols or (f"@{DEFAULT_LIST}",), home):
        if states.get(symbol) == "trading":
            kept.append(symbol)
            continue
        # a list may name coins that have gone meanwhile; a symbol by name is meant
        if symbol not in named:
            unlisted.append(symbol)
        elif symbol in states:
            problems.append(f"{symbol} cannot be traded now: the exchange says {states[symbol]}")
        else:
            near = difflib.get_close_matches(symbol, states, n=3)
            problems.append(f"the exchange lists no {symbol}" + (f"; near: {', '.join(near)}" if near else ""))
    if unlisted:
        more = f" and {len(unlisted) - _NAMED} more" if len(unlisted) > _NAMED else ""
        sentence = f"of the lists the exchange does not trade {', '.join(unlisted[:_NAMED])}{more}"
        if kept or problems:
            notes.append(sentence)
        else:
            problems.append(f"{sentence}; --symbols, --top or --all choose others")
    return tuple(kept)


async def _read_listing(
    address: ExchangeAddress, clock_rate: float
) -> tuple[list[ContractDetail], list[TickerRow], str | None]:
    """Contracts, tickers, and what is wrong with the pace of the clock (of the real exchange's nothing can be)."""
    async with aiohttp.ClientSession() as session:
        rest = MexcRest(session, address.rest_url, clock=ExchangeClock())
        listing = await rest.contracts(), await rest.tickers()
        return *listing, (None if address.name == REAL else await clock_problem(rest, clock_rate))
