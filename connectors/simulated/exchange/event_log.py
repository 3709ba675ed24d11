"""Where the parts of the venue write down what happens."""

from __future__ import annotations

from typing import Final

from connectors.simulated.exchange.records import VenueEvents

FIRST_DEAL_ID: Final = 16_000_000_000
_IDS_PER_MS: Final = 100


class EventLog:
    """The events since they were last taken, and the counters that run over the whole venue.

    An exchange that begins later (`start_ms`) begins with greater ids: one that is started again gives none twice.
    """

    __slots__ = ("deal_id", "events", "sequence")

    def __init__(self, start_ms: int = 0) -> None:
        self.events = VenueEvents()
        self.sequence = 0
        self.deal_id = FIRST_DEAL_ID + start_ms * _IDS_PER_MS

    def take(self) -> VenueEvents:
        """What has been written since the last call."""
        events, self.events = self.events, VenueEvents()
        return events
