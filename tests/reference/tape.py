"""A tape as plain lists, and what one evaluation of it sees. Slow on purpose: everything is looked up anew."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

NAN = math.nan
GRID_SEQ = math.inf
"""A grid instant comes after everything with its ts."""


class Trade(NamedTuple):
    ts: int
    seq: int
    price: float
    qty: float
    side: int


LEVELS = 3
"""How many levels of a book generated tapes store; recorded ones have more."""


class Book(NamedTuple):
    """Best quotes and their quantities, NaN where a side is empty, and what lies `deeper`, best first: (bid, quantity,
    ask, quantity), NaN where a side has fewer levels."""

    ts: int
    seq: int
    bid: float
    ask: float
    bid_qty: float = 1.0
    ask_qty: float = 1.0
    deeper: tuple[tuple[float, float, float, float], ...] = ()

    @property
    def levels(self) -> list[tuple[float, float, float, float]]:
        """(bid, quantity, ask, quantity) of all stored levels."""
        best = (
            self.bid,
            NAN if math.isnan(self.bid) else self.bid_qty,
            self.ask,
            NAN if math.isnan(self.ask) else self.ask_qty,
        )
        return [best, *self.deeper, *((NAN,) * 4 for _ in range(LEVELS - 1 - len(self.deeper)))]

    def side(self, which: str, levels: int) -> list[tuple[float, float]]:
        """The (price, quantity) that are there among the best `levels` of "bids" or "asks"."""
        at = 0 if which == "bids" else 2
        return [(row[at], row[at + 1]) for row in self.levels[:levels] if not math.isnan(row[at])]


class Event(NamedTuple):
    """kind is observed_on, observed_off (with a stream), book_invalid or symbol_removed."""

    ts: int
    seq: int
    kind: str
    stream: str = ""


@dataclass(frozen=True)
class Tape:
    trades: list[Trade]
    books: list[Book]
    events: list[Event]


class View:
    """What an evaluation at `ref`, after everything up to (ref, seq), sees. Windows are in microseconds ago."""

    def __init__(self, tape: Tape, ref: int, seq: float, max_events: int) -> None:
        self.ref = ref
        self._all = {
            "trades": [trade for trade in tape.trades if (trade.ts, trade.seq) <= (ref, seq)],
            "books": [book for book in tape.books if (book.ts, book.seq) <= (ref, seq)],
        }
        self._events = [event for event in tape.events if (event.ts, event.seq) <= (ref, seq)]
        self._max_events = max_events
        self._stretches: dict[str, list[tuple[int, int]]] = {}

    @property
    def all_trades(self) -> list[Trade]:
        """Those beyond the last `max_events` too."""
        return self._all["trades"]

    @property
    def trades(self) -> list[Trade]:
        return self._all["trades"][-self._max_events :]

    @property
    def books(self) -> list[Book]:
        return self._all["books"][-self._max_events :]

    def rows(self, stream: str) -> list:
        return self.trades if stream == "trades" else self.books

    def trades_in(self, t1: int, t2: int) -> list[Trade]:
        """The trades in (ref − t1, ref − t2]."""
        return [trade for trade in self.trades if self.ref - t1 < trade.ts <= self.ref - t2]

    def age(self, stream: str) -> float:
        """Microseconds since the last event; where none has come, since observation began; infinite without that."""
        if self._all[stream]:
            return self.ref - self._all[stream][-1].ts
        starts = [event.ts for event in self._events if event.kind == "observed_on" and event.stream == stream]
        return self.ref - starts[0] if starts else math.inf

    def reaches_too_far(self, stream: str, t1: int, *, in_force: bool) -> bool:
        """Whether the window needs events that are not among the last `max_events`."""
        hidden = self._all[stream][: -self._max_events]
        start = self.ref - t1
        if not hidden:
            return False
        if in_force:
            return not any(row.ts <= start for row in self.rows(stream))
        return any(row.ts > start for row in hidden)

    # --- observed time ------------------------------------------------------------------------------------------------

    def stretches(self, stream: str) -> list[tuple[int, int]]:
        """The observed stretches (from, to) up to now."""
        if stream not in self._stretches:
            self._stretches[stream] = self._find_stretches(stream)
        return self._stretches[stream]

    def _find_stretches(self, stream: str) -> list[tuple[int, int]]:
        moments = [(event.ts, event.seq, event) for event in self._events]
        if stream == "books":
            moments += [(book.ts, book.seq, None) for book in self._all["books"]]
        on, in_step = False, stream == "trades"
        since: int | None = None
        found: list[tuple[int, int]] = []
        for ts, _, event in sorted(moments, key=lambda moment: moment[:2]):
            if event is None:
                in_step = True
            elif event.kind == "book_invalid":
                in_step = stream == "trades"
            elif event.kind == "observed_on" and event.stream == stream:
                on = True
            elif event.kind == "observed_off" and event.stream == stream:
                on = False
                in_step = stream == "trades"
            if on and in_step and since is None:
                since = ts
            if not (on and in_step) and since is not None:
                found.append((since, ts))
                since = None
        if since is not None:
            found.append((since, self.ref + 1))  # still going on
        return found

    def at(self, ref: int) -> View:
        """What a grid instant at an earlier time saw."""
        return View(Tape(self._all["trades"], self._all["books"], self._events), ref, GRID_SEQ, self._max_events)

    def ever_observed(self, stream: str) -> bool:
        return self.observed_now(stream) or any(until > since for since, until in self.stretches(stream))

    def observed_now(self, stream: str) -> bool:
        stretches = self.stretches(stream)
        return bool(stretches) and stretches[-1][1] > self.ref

    def observed(self, stream: str, start: int, end: int) -> int:
        """Observed microseconds between two times."""
        return sum(max(0, min(end, until, self.ref) - max(start, since)) for since, until in self.stretches(stream))

    def pieces(self, stream: str, values: list[float], t1: int, t2: int) -> list[tuple[float, int]]:
        """(value, observed µs in force within the window) of each event's value."""
        rows = self.rows(stream)
        start, end = self.ref - t1, self.ref - t2
        found = []
        for index, (row, value) in enumerate(zip(rows, values, strict=True)):
            until = rows[index + 1].ts if index + 1 < len(rows) else self.ref
            since, until = max(row.ts, start), min(until, end)
            if until > since and not math.isnan(value):
                found.append((value, self.observed(stream, since, until)))
        return [(value, held) for value, held in found if held > 0]
