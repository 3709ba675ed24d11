"""What a feed is to receive, and what it brings along from before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.mexc.inbox import MOST_ROWS
from connectors.mexc.observation import OpenGap
from connectors.mexc.records import Deal
from connectors.mexc.rest import RestSettings
from connectors.mexc.stream import StreamSettings
from operators.errors import TapeflowError


class FeedFailed(TapeflowError):
    """The feed cannot start, or something has ended it."""

    retryable = True


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """What to receive and how often to look. Intervals are wall time.

    `book_interval_us` is the least exchange time between two stored books of a symbol; `full_depth` takes whole best
    levels from the exchange instead of maintaining books from changes; `clock_rate` is how many times as fast as ours
    the exchange's clock runs (1 but for simulated ones).
    """

    session_id: str
    exchange: str
    rest_url: str
    websocket_url: str
    symbols: tuple[str, ...]
    levels: int = 10
    book_interval_us: int = 100_000
    full_depth: bool = False
    clock_rate: float = 1.0
    clock_seconds: float = 20.0
    evidence_seconds: float = 10.0
    audit_seconds: float = 1.0
    """One symbol's trades are compared with the exchange's last ones every so often."""
    listing_seconds: float = 600.0
    reference_seconds: float = 5.0
    health_seconds: float = 60.0
    queue_rows: int = MOST_ROWS
    """Trades and books that may wait for the dataflow; what does not fit is dropped, and a gap."""
    stream: StreamSettings = field(default_factory=StreamSettings)
    rest: RestSettings = field(default_factory=RestSettings)


@dataclass(frozen=True, slots=True)
class Interrupted:
    """What a session that goes on knows from before.

    `gaps` are the streams that were observed then, as gaps that last since. By symbol: `trades` are its newest ones,
    oldest first, with their quantities in base coins, of those after `known_from_us`; `trades_from_us` is since when
    these are all that was observed, and `trade_gaps` are the gaps of its trades that are over, from and to. `holes` are
    gaps that are over and that nobody has recorded. `removed` are the symbols whose end is on the tape. All are
    exchange times in µs.
    """

    gaps: Sequence[OpenGap] = ()
    trades: Mapping[str, Sequence[Deal]] = field(default_factory=dict)
    known_from_us: int = 0
    trades_from_us: Mapping[str, int] = field(default_factory=dict)
    trade_gaps: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)
    holes: Sequence[OpenGap] = ()
    removed: Collection[str] = ()
