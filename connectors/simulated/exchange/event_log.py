"""Where the parts of the venue write down what happens."""

from __future__ import annotations

from typing import Final

from connectors.simulated.exchange.records import VenueEvents

FIRST_DEAL_ID: Final = 16_000_000_000


class EventLog:
    """The events since they were last taken, and the counters that run over the whole venue."""

    __slots__ = ("deal_id", "events", "sequence")

    def __init__(self) -> None:
        self.events = VenueEvents()
        self.sequence = 0
        self.deal_id = FIRST_DEAL_ID

    def take(self) -> VenueEvents:
        """What has been written since the last call."""
        events, self.events = self.events, VenueEvents()
        return events
