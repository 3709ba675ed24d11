"""A market in which, on request, more or less happens than the flow behind it says."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.simulated.exchange.faults import Faults
from connectors.simulated.exchange.flow import FlowEvent, Listing, MarketFlow, TakerOrder
from connectors.simulated.pumps import Pump


class PacedFlow:
    """The flow, thinned out where `quiet_market` is on, its orders in many pieces where `busy_market` is. Because the
    market itself is quieter or busier, books, deals, replies and the log of the truth all agree."""

    def __init__(self, flow: MarketFlow, faults: Faults) -> None:
        self._flow = flow
        self._faults = faults
        self._next_ms: dict[int, int] = {}
        self._symbols = tuple(listing.symbol for listing in flow.listings)

    @property
    def start_ms(self) -> int:
        return self._flow.start_ms

    @property
    def end_ms(self) -> int | None:
        return self._flow.end_ms

    @property
    def listings(self) -> tuple[Listing, ...]:
        return self._flow.listings

    @property
    def pumps(self) -> tuple[Pump, ...]:
        return self._flow.pumps

    def opening(self) -> Sequence[FlowEvent]:
        return self._flow.opening()

    def events(self, to_ms: int) -> Sequence[FlowEvent]:
        events = self._flow.events(to_ms)
        if not self._faults.any_of(("quiet_market", "busy_market")):
            return events
        return [each for event in events for each in self._paced(event)]

    def close(self) -> None:
        self._flow.close()

    def _paced(self, event: FlowEvent) -> Sequence[FlowEvent]:
        symbol = self._symbols[event.symbol]
        quiet = self._faults.of("quiet_market", symbol)
        if quiet is not None:
            if event.ms < self._next_ms.get(event.symbol, 0):
                return ()
            self._next_ms[event.symbol] = event.ms + round(quiet.number("seconds") * 1000.0)
        busy = self._faults.of("busy_market", symbol)
        if busy is None or not isinstance(event, TakerOrder):
            return (event,)
        times = busy.count("times")
        return [event._replace(quantity=event.quantity / times)] * times
