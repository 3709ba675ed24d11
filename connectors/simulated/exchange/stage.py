"""What all streams of the simulated exchange work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.simulated.exchange.delivery import Delivery
from connectors.simulated.exchange.faults import Faults
from connectors.simulated.exchange.odd_pushes import OddPushes
from connectors.simulated.exchange.topics import Topics
from connectors.simulated.exchange.venue import Venue


@dataclass(slots=True)
class Stage:
    """`shift` is how far the exchange's clocks are off now, ms: it is added to every time on the wire that is not a
    schedule. `clock_ms` is exchange time at this very moment, a little ahead of the market's."""

    venue: Venue
    faults: Faults
    clock_ms: Callable[[], int]
    topics: Topics = field(default_factory=Topics)
    shift: int = 0
    shifts: list[tuple[int, int]] = field(default_factory=list)
    """Since when (exchange time) the clocks were off by how much, oldest first."""
    delivery: Delivery = field(init=False)
    odd: OddPushes = field(init=False)

    def __post_init__(self) -> None:
        self.delivery = Delivery(self.faults)
        self.odd = OddPushes(self.faults)

    def set_shift(self, shift: int) -> None:
        """From now on the clocks are off by so much."""
        if shift != self.shift:
            self.shift = shift
            self.shifts.append((self.venue.now_ms, shift))

    def told(self, ms: int) -> int:
        """What the clocks showed when something happened: its time does not change when they are set later."""
        for since, shift in reversed(self.shifts):
            if since < ms:
                return ms + shift
        return ms

    @property
    def now(self) -> int:
        """Up to where the market has been played, exchange time in ms."""
        return self.venue.now_ms

    @property
    def stamp(self) -> int:
        """What the exchange's clocks show: the `ts` of everything that is sent."""
        return self.venue.now_ms + self.shift

    @property
    def clock(self) -> int:
        """What the exchange's clocks show at this very moment: the answer to a ping."""
        return max(self.clock_ms(), self.venue.now_ms) + self.shift
