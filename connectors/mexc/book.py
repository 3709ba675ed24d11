"""A symbol's order book, kept from a snapshot and the changes after it, or from whole books that are pushed.

The exchange never pushes a snapshot. Changes carry the range of versions that they merge (`first` to `last`; sizes
are absolute, so one that begins before the book's version and ends after it is simply applied):

    last  <= version       nothing new
    first <= version + 1   the next change, or one that straddles
    first >  version + 1   something is missing: the book cannot be trusted until the next snapshot

A snapshot comes by another way, and may be hundreds of versions behind the changes, or older than the one before:
changes are held until one arrives that they join on to. A book that cannot be trusted is no book: it writes NaN.
"""

from __future__ import annotations

from array import array
from enum import Enum
from typing import Final

from connectors.mexc.book_side import BookSide, write_nothing
from connectors.mexc.held_changes import HeldChanges
from connectors.mexc.records import DepthDelta, DepthFull, Level

RESTARTED_MS: Final = 10_000
"""A version lower than one before it, but so much later, is of an exchange that counts anew."""
THIN: Final = 3
"""A book of which fewer than this many times the best levels are surely complete should get a new snapshot."""

_NOTHING: Final = float("-inf")


class BookChange(Enum):
    """What became of a change, or of a pushed whole book."""

    BUFFERED = "held until there is a snapshot"
    DROPPED = "nothing new"
    APPLIED = "the best levels are as before"
    TOP_CHANGED = "the best levels have changed"
    GAP = "a change is missing before it"
    CROSSED = "bids and asks have met"
    EXHAUSTED = "the best levels have run out of what the snapshot covered"


BROKEN: Final = frozenset({BookChange.GAP, BookChange.CROSSED, BookChange.EXHAUSTED})
"""After these the book is no book and a snapshot is needed."""


class Seed(Enum):
    """What became of a snapshot. All but ACCEPTED mean: ask again after a while."""

    ACCEPTED = "the book is whole"
    STALE = "older than what is known already"
    BEHIND = "older than the first change that is held"
    UNSOUND = "bids and asks meet in it, or the changes that are held do not fit it"
    EMPTY = "nothing in it: a delisted contract, or a book that nobody has filled yet"


class Level2Book:
    """The book of one symbol. `top` is how many of the best levels count in `TOP_CHANGED`.

    Not synced at first: `on_delta` holds changes until `on_snapshot` accepts a snapshot; afterwards it applies them.
    With whole books instead of changes, `on_full` replaces it each time.
    """

    def __init__(self, top: int = 10) -> None:
        self.synced = False
        self.version = -1
        """Of the last change or book; after `desync` of the last one before."""
        self.ms = 0
        """When that was, by the exchange's clock."""
        self.cause = "no snapshot yet"
        """Why it is not synced; "" while it is."""
        self._top = top
        self._bids = BookSide(1.0)
        self._asks = BookSide(-1.0)
        self._held = HeldChanges()
        self._seed_version = -1
        self._seed_ms = 0
        self._covered = (_NOTHING, _NOTHING)
        self._refreshing = False

    @property
    def best_bid(self) -> float | None:
        """The highest bid; None where there is none or the book is not synced."""
        return self._bids.best if self.synced else None

    @property
    def best_ask(self) -> float | None:
        """The lowest ask; None where there is none or the book is not synced."""
        return self._asks.best if self.synced else None

    @property
    def held(self) -> int:
        """Changes that wait for a snapshot."""
        return len(self._held)

    @property
    def thin(self) -> bool:
        """Whether the best levels come near the end of what the last snapshot covered: time to `refresh`."""
        wanted = THIN * self._top
        return self.synced and (
            self._bids.above(self._covered[0]) < wanted or self._asks.above(self._covered[1]) < wanted
        )

    def sides(self) -> tuple[list[Level], list[Level]]:
        """All bids and all asks as they stand, best first."""
        return self._bids.levels(), self._asks.levels()

    def refresh(self) -> None:
        """A new snapshot has been asked for although the book is synced: hold the changes that come, besides applying
        them, so that the snapshot may be older than the book when it arrives."""
        if self.synced and not self._refreshing:
            self._refreshing = True
            self._held.clear()

    def desync(self, cause: str) -> None:
        """This is no book any more, and what is held does not join on to what will come."""
        self._held.clear()
        self.synced, self.cause, self._refreshing = False, cause, False

    def on_delta(self, delta: DepthDelta) -> BookChange:
        """Take the next change that has arrived."""
        if not self.synced:
            return self._hold(delta)
        version = self.version
        if delta.last <= version:
            if delta.ms < self.ms + RESTARTED_MS:
                return BookChange.DROPPED
            cause = f"versions go back from {version} to {delta.last}"
        elif delta.first <= version + 1:
            if self._refreshing:
                self._held.append(delta)
            return self._apply(delta)
        else:
            cause = f"changes {version + 1} to {delta.first - 1} are missing"
        self.desync(cause)
        self._held.append(delta)
        return BookChange.GAP

    def on_snapshot(self, full: DepthFull, limit: int | None = None) -> Seed:
        """Take a snapshot that was asked for; `limit` is how many levels per side were asked for (None = all).

        While the book is synced only one that is newer is taken, or (after `refresh`) one that joins on to the changes
        since then; if it is not accepted the book stays as it is.
        """
        if full.version < self._seed_version and full.ms < self._seed_ms + RESTARTED_MS:
            return Seed.STALE
        held = self._held
        if held.first is not None:
            if held.first.first > full.version + 1:
                return Seed.BEHIND
        elif full.version < self.version and full.ms < self.ms + RESTARTED_MS:
            return Seed.STALE
        if not full.bids and not full.asks:
            return Seed.EMPTY
        if _crossed(full):
            return Seed.UNSOUND
        before = (self._bids, self._asks, self.version, self.ms, self._covered) if self.synced else None
        self._bids, self._asks = BookSide(1.0), BookSide(-1.0)
        self._replace(full)
        self._covered = (_last_key(full.bids, 1.0, limit), _last_key(full.asks, -1.0, limit))
        self.synced, self.cause, self._refreshing = True, "", False
        self._held = HeldChanges()
        changes = [self.on_delta(delta) for delta in held]
        if BROKEN.isdisjoint(changes):
            self._seed_version, self._seed_ms = full.version, full.ms
            return Seed.ACCEPTED
        if before is not None:
            # the book was whole without this snapshot, and stays as it was
            self._bids, self._asks, self.version, self.ms, self._covered = before
            self.synced, self.cause, self._refreshing, self._held = True, "", True, held
        return Seed.UNSOUND

    def on_full(self, full: DepthFull) -> BookChange:
        """Take a whole book that was pushed. APPLIED: only deeper levels than these have changed."""
        if full.version < self.version and full.ms < self.ms + RESTARTED_MS:
            return BookChange.DROPPED
        if _crossed(full):
            self.desync("bids and asks of a pushed book meet")
            return BookChange.CROSSED
        changed = self._replace(full) or not self.synced
        self._covered = (_NOTHING, _NOTHING)
        self.synced, self.cause = True, ""
        return BookChange.TOP_CHANGED if changed else BookChange.APPLIED

    def write_top(
        self,
        levels: int,
        bid_px: array[float],
        bid_qty: array[float],
        ask_px: array[float],
        ask_qty: array[float],
    ) -> None:
        """Append the best `levels` levels, best first, NaN padded; only NaN while not synced. Sizes in contracts."""
        if self.synced:
            self._bids.write(levels, bid_px, bid_qty)
            self._asks.write(levels, ask_px, ask_qty)
        else:
            write_nothing(levels, bid_px, bid_qty)
            write_nothing(levels, ask_px, ask_qty)

    def _hold(self, delta: DepthDelta) -> BookChange:
        held = self._held
        newest = held.newest
        if newest is not None:
            if delta.last <= newest.last:
                if delta.ms < newest.ms + RESTARTED_MS:
                    return BookChange.DROPPED
                held.clear()
            elif delta.first > newest.last + 1:
                held.clear()
        held.append(delta)
        return BookChange.BUFFERED

    def _apply(self, delta: DepthDelta) -> BookChange:
        bids, asks = self._bids, self._asks
        changed = bids.apply(delta.bids, self._top) if delta.bids else False
        if delta.asks and asks.apply(delta.asks, self._top):
            changed = True
        self.version = delta.last
        if delta.ms > self.ms:
            self.ms = delta.ms
        if not changed:
            return BookChange.APPLIED
        # keys of asks are negative prices
        if bids.keys and asks.keys and bids.keys[-1] + asks.keys[-1] >= 0.0:
            self.desync("bids and asks meet")
            return BookChange.CROSSED
        if bids.reaches_below(self._covered[0], self._top) or asks.reaches_below(self._covered[1], self._top):
            self.desync("the snapshot did not reach as far as the best levels now do")
            return BookChange.EXHAUSTED
        return BookChange.TOP_CHANGED

    def _replace(self, full: DepthFull) -> bool:
        changed = self._bids.replace(full.bids, self._top)
        self.version, self.ms = full.version, full.ms
        return self._asks.replace(full.asks, self._top) or changed


def _crossed(full: DepthFull) -> bool:
    return bool(full.bids and full.asks) and full.bids[0][0] >= full.asks[0][0]


def _last_key(levels: list[Level], sign: float, limit: int | None) -> float:
    """The key of the worst level of a side that was cut off at `limit` levels; of a complete one, minus infinity."""
    if limit is None or len(levels) < limit:
        return _NOTHING
    return levels[-1][0] * sign
