"""The trades of a symbol that have been received: telling repeated from new ones, and finding missed ones.

Ids tell trades apart where they are given. Where not, equal trades in one millisecond are normal, so nothing is ever
taken for a repetition by its looks, except in two situations: right after an interruption, when an exchange sends
again what it had sent before; and when the exchange is asked over REST for its last trades, whose reply overlaps with
what was received.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from connectors.mexc.records import Deal

MOST_REMEMBERED: Final = 256
"""More than twice as many as the exchange gives over REST."""
MOST_IN_REPLY: Final = 100

_Look: TypeAlias = tuple[int, float, float, int]
_Place: TypeAlias = tuple[int, float, int]


class Recovered(NamedTuple):
    """What a reply has that was not received, oldest first. `complete`: the reply covers the whole time that was asked
    for and left no doubt, so that nothing else is missing in it. `stale`: the reply ends before trades that had been
    received already, so that asking again may help."""

    deals: list[Deal]
    complete: bool
    stale: bool = False


class DealHistory:
    """The newest trades of one symbol, as received."""

    __slots__ = ("_deals", "_forgotten_until", "_ids", "_most", "_recovered", "_repeated", "_repeated_until")

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._deals: deque[Deal] = deque()
        self._ids: set[int] = set()
        self._most = most
        self._forgotten_until = -1
        self._repeated: Counter[_Look] = Counter()
        self._repeated_until = -1
        self._recovered: Counter[_Look] = Counter()

    def __len__(self) -> int:
        return len(self._deals)

    def add(self, deal: Deal) -> bool:
        """Remember a trade; False where it is a repetition of a remembered one."""
        number = deal[0]
        if number is not None and number in self._ids:
            return False
        if self._recovered and self._was_recovered(deal):
            return False
        if number is not None:
            self._ids.add(number)
        elif self._repeated and self._is_repeated(deal):
            return False
        self._remember(deal)
        return True

    def add_recovered(self, deal: Deal) -> bool:
        """Remember a trade that `missing` has found: the same, but without an id it is taken for new."""
        if deal.trade_id is None:
            self._recovered[deal[1:]] += 1
        elif deal.trade_id in self._ids:
            return False
        else:
            self._ids.add(deal.trade_id)
        self._remember(deal)
        return True

    def forget_until(self, ms: int) -> None:
        """Of trades until then nobody knows any more whether they were received."""
        self._forgotten_until = max(self._forgotten_until, ms)

    def interrupted(self) -> None:
        """The stream was interrupted: until there is something newer, trades without an id that look like one from
        before are repetitions."""
        self._repeated = Counter(deal[1:] for deal in self._deals if deal[0] is None)
        self._repeated_until = max((look[0] for look in self._repeated), default=-1)

    def neighbours(self, ms: int) -> tuple[int | None, int | None]:
        """The times of the remembered trades next to `ms`: at or before it, and at or after it."""
        times = [deal.ms for deal in self._deals]
        before = max((time for time in times if time <= ms), default=None)
        return before, min((time for time in times if time >= ms), default=None)

    def missing(
        self,
        reply: Sequence[Deal],
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = MOST_IN_REPLY,
    ) -> Recovered:
        """Which trades of a reply, from `start_ms` to `end_ms` (both included; None = unbounded), were not received.
        Without `start_ms`, the reply is said to reach back if its oldest trade was received.

        `reply` is oldest first and has the last trades of the exchange, `limit` of them if there are so many.
        Trades are matched by id, those without an id by how they look, one to one. Where one side has merged what
        the other has not, sums are compared; in doubt a trade counts as received and the result is not complete:
        no volume is ever invented.
        """
        found, sure = self._unmatched(reply)
        inside = [
            deal
            for deal in found
            if (start_ms is None or deal.ms >= start_ms) and (end_ms is None or deal.ms <= end_ms)
        ]
        if any(deal.ms <= self._forgotten_until for deal in inside):
            # received long ago and forgotten, or never received: nobody knows
            inside, sure = [deal for deal in inside if deal.ms > self._forgotten_until], False
        stale = self._is_stale(reply, end_ms)
        reaches_back = self._is_everything(reply, limit) or self._reaches_back(reply, start_ms, found)
        return Recovered(inside, sure and not stale and reaches_back, stale)

    def _remember(self, deal: Deal) -> None:
        deals = self._deals
        deals.append(deal)
        if len(deals) > self._most:
            oldest = deals.popleft()
            if oldest.trade_id is not None:
                self._ids.discard(oldest.trade_id)
            else:
                _used_up(self._recovered, oldest[1:])
            self._forgotten_until = max(self._forgotten_until, oldest.ms)

    def _was_recovered(self, deal: Deal) -> bool:
        """Whether a pushed trade is one that `missing` has found without an id before; it has its id now."""
        look = deal[1:]
        if not _used_up(self._recovered, look):
            return False
        for place, known in enumerate(self._deals):
            if known[0] is None and known[1:] == look:
                self._deals[place] = deal
                break
        if deal[0] is not None:
            self._ids.add(deal[0])
        return True

    def _is_repeated(self, deal: Deal) -> bool:
        if deal.ms > self._repeated_until:
            self._repeated.clear()
            return False
        return _used_up(self._repeated, deal[1:])

    def _is_stale(self, reply: Sequence[Deal], end_ms: int | None) -> bool:
        newest = max((deal.ms for deal in self._deals), default=None)
        if newest is None:
            return False
        if not reply:
            return True
        # trades that came while the reply was on its way do not make it stale
        needed = newest if end_ms is None else min(newest, end_ms)
        return max(deal.ms for deal in reply) < needed

    def _is_everything(self, reply: Sequence[Deal], limit: int) -> bool:
        """Whether a reply has all trades that there ever were: fewer than asked for, and none is known from before."""
        if len(reply) >= limit or not reply:
            return not reply
        oldest = min(deal.ms for deal in reply)
        return all(deal.ms >= oldest for deal in self._deals)

    def _reaches_back(self, reply: Sequence[Deal], start_ms: int | None, found: Sequence[Deal]) -> bool:
        oldest = min(reply, key=lambda deal: deal.ms)
        if start_ms is None:
            return all(deal is not oldest for deal in found)
        # of several trades in the millisecond at the border, some may have been cut off, unless an id tells
        return oldest.ms < start_ms or (oldest.ms == start_ms and oldest.trade_id in self._ids)

    def _unmatched(self, reply: Sequence[Deal]) -> tuple[list[Deal], bool]:
        """The trades of the reply that were not received, and whether there is no doubt about any."""
        by_id = {deal.trade_id for deal in reply if deal.trade_id is not None} & self._ids
        rest = [deal for deal in reply if deal.trade_id is None or deal.trade_id not in by_id]
        numbered = all(deal.trade_id is not None for deal in rest)
        pool: dict[_Place, Counter[float]] = {}
        for deal in self._deals:
            # two different ids are two trades, however alike
            if deal.trade_id is None or not (numbered or deal.trade_id in by_id):
                pool.setdefault((deal.ms, deal.price, deal.side), Counter())[deal.contracts] += 1
        unmatched: dict[_Place, list[int]] = {}
        for row, deal in enumerate(rest):
            sizes = pool.get((deal.ms, deal.price, deal.side))
            if sizes is not None and sizes[deal.contracts] > 0:
                sizes[deal.contracts] -= 1
            else:
                unmatched.setdefault((deal.ms, deal.price, deal.side), []).append(row)
        # a reply that numbers only some of its trades cannot be matched for sure
        sure = numbered or all(deal.trade_id is None for deal in rest)
        missing: list[int] = []
        for place, rows in unmatched.items():
            unused = sum(size * count for size, count in pool.get(place, Counter()).items())
            if not unused:
                missing.extend(rows)
            elif unused != sum(rest[row].contracts for row in rows):
                sure = False
        return [rest[row] for row in sorted(missing)], sure


def _used_up(counts: Counter[_Look], look: _Look) -> bool:
    """Take one away where there is one; what is none is not kept."""
    count = counts.get(look, 0)
    if count > 1:
        counts[look] = count - 1
    elif count:
        del counts[look]
    return count > 0
