"""What drives the simulated exchange: the orders and quotes of everybody but its users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from connectors.simulated.pumps import Pump
from operators.contracts import ContractSpecification


class TakerOrder(NamedTuple):
    """An order that takes: `side` +1 buys, −1 sells `quantity` base coins. `symbol` is the index of the listing.

    Without a `price` it is a market order that meets whatever the book holds. With one it is known from a recording
    to have printed there in full: the makers see to it that this price is the best and large enough.
    """

    ms: int
    symbol: int
    side: int
    quantity: float
    price: float | None = None


class Quote(NamedTuple):
    """Where the makers want best bid and ask to be, and how many base coins they show there; further levels are
    theirs to choose."""

    ms: int
    symbol: int
    bid: float
    ask: float
    bid_quantity: float
    ask_quantity: float


class Levels(NamedTuple):
    """A whole book as the makers want it: prices and base coins, best first."""

    ms: int
    symbol: int
    bid_prices: Sequence[float]
    bid_quantities: Sequence[float]
    ask_prices: Sequence[float]
    ask_quantities: Sequence[float]


FlowEvent = TakerOrder | Quote | Levels


@dataclass(frozen=True, slots=True)
class Listing:
    """A symbol as it is listed: its contract and what it is like at rest.

    `price` is about where it starts, `spread` relative, `turnover` the usual value of a second's trades in quote (the
    open interest at the start is made up from it).
    """

    symbol: str
    contract: ContractSpecification
    price: float
    spread: float
    turnover: float


class MarketFlow(Protocol):
    """Orders and quotes in the order of time. A flow is read once."""

    @property
    def start_ms(self) -> int:
        """The market's first instant, UTC."""
        ...

    @property
    def end_ms(self) -> int | None:
        """The last instant with an event; None: there is no end."""
        ...

    @property
    def listings(self) -> tuple[Listing, ...]: ...

    @property
    def pumps(self) -> tuple[Pump, ...]:
        """The pumps that are known to come or to have been, by onset, at the times of this market (µs UTC)."""
        ...

    def opening(self) -> Sequence[FlowEvent]:
        """The first quotes of every symbol, at `start_ms`."""
        ...

    def events(self, to_ms: int) -> Sequence[FlowEvent]:
        """All events after those given before, up to `to_ms` (inclusive), in the order of time."""
        ...

    def close(self) -> None:
        """Give back what the flow holds; it is not read any more."""
        ...
