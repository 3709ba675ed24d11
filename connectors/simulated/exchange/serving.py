"""From what a user asks for to an exchange that can be started."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from connectors.simulated.exchange.clock import VenueClock
from connectors.simulated.exchange.errors import InvalidFlow
from connectors.simulated.exchange.faults import Faults
from connectors.simulated.exchange.flow import MarketFlow
from connectors.simulated.exchange.generated_flow import GeneratedFlow
from connectors.simulated.exchange.paced_flow import PacedFlow
from connectors.simulated.exchange.recorded_flow import RecordedFlow
from connectors.simulated.exchange.recorded_tapes import read_tapes
from connectors.simulated.exchange.server import ExchangeServer, ServerSettings
from connectors.simulated.exchange.venue import Venue
from connectors.simulated.parameters import MarketParameters, pump_room

DEFAULT_SYMBOLS: Final = 20
TRADES_PER_SECOND: Final = 3.0
"""Of a symbol, on average over symbols and time, at tempo 1."""
TAPE_HOURS: Final = 6.0
PUMPS_PER_SYMBOL: Final = 6


@dataclass(frozen=True, slots=True)
class MarketRequest:
    """What market to run. With `tapes` (files of recorded trades) it is theirs, over and over; otherwise it is made
    up from `seed`, with so many `symbols` or those in `names`. `lead_seconds` after the start its first pump begins
    (None: when it comes). `tempo` makes more (or less) happen per second of market time, `speed` makes market time
    itself run faster. It begins at `start_ms` (None: now)."""

    symbols: int = DEFAULT_SYMBOLS
    names: tuple[str, ...] = ()
    tapes: tuple[Path, ...] = ()
    seed: int = 7
    speed: float = 1.0
    tempo: float = 1.0
    lead_seconds: float | None = None
    start_ms: int | None = None
    server: ServerSettings = field(default_factory=ServerSettings)


def open_exchange(request: MarketRequest) -> ExchangeServer:
    """The exchange, not yet started: it takes a moment for a thousand symbols. Its clock runs from now on. Raises
    `InvalidFlow`, `InvalidMarket`, `InvalidSpeed`, and what the readers of the tapes raise."""
    faults = Faults(request.seed)
    start_ms = round(time.time() * 1000.0) if request.start_ms is None else request.start_ms
    # a wrong speed is said before the market is made
    VenueClock(start_ms, request.speed)
    venue = Venue(PacedFlow(_flow(request, start_ms), faults), seed=request.seed)
    return ExchangeServer(venue, VenueClock(start_ms, request.speed), request.server, faults)


def _flow(request: MarketRequest, start_ms: int) -> MarketFlow:
    if request.tapes:
        return _recorded(request, start_ms)
    count = len(request.names) or request.symbols
    parameters = MarketParameters(
        symbols=count,
        trades=round(count * TRADES_PER_SECOND * TAPE_HOURS * 3_600.0),
        hours=TAPE_HOURS,
        pumps=count * min(PUMPS_PER_SYMBOL, pump_room(TAPE_HOURS)),
        seed=request.seed,
    )
    return GeneratedFlow(
        parameters,
        start_ms=start_ms,
        names=request.names or None,
        lead_seconds=request.lead_seconds,
        tempo=request.tempo,
    )


def _recorded(request: MarketRequest, start_ms: int) -> MarketFlow:
    if request.lead_seconds is not None:
        raise InvalidFlow("lead_seconds is the time until the first pump, and nobody knows when a recorded one begins")
    if len(request.names) > 1:
        raise InvalidFlow(f"names: found {len(request.names)}, allowed with tapes is one, for the rows of all of them")
    tapes = read_tapes(request.tapes, request.names[0] if request.names else None)
    return RecordedFlow(tapes, start_ms=start_ms, tempo=request.tempo)
