"""The simulated venue: what an order would have got on the recorded tape. No randomness, no look-ahead.

At its activation an order meets the newest valid book before it (or waits for the next valid one); where the tape has
no books it fills on prints. What was taken from a level is gone until that level's recorded quantity changes or a
second has passed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from operators.desk.costs import MAKER, TAKER, Liquidity, slipped
from operators.desk.market import MarketSlice
from operators.desk.memory import Book, MarketMemory, Used
from operators.desk.moment import Moment
from operators.desk.orders import IOC, LIMIT, MARKET, POST_ONLY, OrderState, Phase, WorkingOrder
from operators.desk.steps import ZERO, exact, whole_steps
from operators.tape import MICROSECONDS, UNKNOWN_SIDE

LIQUIDITY_RETURNS_AFTER: Final = MICROSECONDS


@dataclass(frozen=True, slots=True)
class Execution:
    price: float
    quantity: Decimal
    liquidity: Liquidity


@dataclass(slots=True)
class Report:
    """What the venue says of an order: executions, and the state that ends it (None = it goes on working)."""

    executions: list[Execution]
    end: OrderState | None = None
    reason: str | None = None


class SimulatedVenue:
    """Fills as a function of the tape; `slippage_bps` and `participation` apply where there are no books."""

    def __init__(self, slippage_bps: float, participation: float) -> None:
        self._slippage_bps = slippage_bps
        self._participation = exact(participation)

    def activate(self, order: WorkingOrder, part: MarketSlice, moment: Moment) -> Report:
        """The order becomes active: it meets the book in force, or starts to wait for a book or for prints."""
        if part.memory.has_books:
            book = part.book(moment)
            if book is None:
                order.phase = Phase.WAITING
                return Report([])
            return self.meet_book(order, book, part, moment)
        order.phase = Phase.TAKING
        if order.type == MARKET:
            return Report([])
        assert order.limit_price is not None  # noqa: S101 - priced orders have one
        crosses = order.direction * (order.limit_price - part.last_price(moment)) >= 0
        if order.type == POST_ONLY and crosses:
            return Report([], OrderState.REJECTED, "post-only order would cross")
        if order.type == IOC and not crosses:
            return Report([], OrderState.CANCELLED, "nothing to take at the limit price")
        if not crosses:
            order.phase = Phase.RESTING
        return Report([])

    def meet_book(self, order: WorkingOrder, book: Book, part: MarketSlice, moment: Moment) -> Report:
        """Take what the book offers, level by level; what is left of a limit order rests."""
        best = float(book.opposite(order.direction)[0][0])
        limit = order.limit_price
        if order.type == POST_ONLY and limit is not None and order.direction * (limit - best) >= 0:
            return Report([], OrderState.REJECTED, "post-only order would cross")
        executions = [] if order.type == POST_ONLY else list(self._walk(order, book, part, moment))
        left = order.remaining - sum((execution.quantity for execution in executions), ZERO)
        if left <= 0:
            return Report(executions, OrderState.FILLED)
        if order.type in (LIMIT, POST_ONLY):
            order.phase = Phase.RESTING
            return Report(executions)
        reason = "the book held no more" if order.type == MARKET else "nothing more to take at the limit price"
        return Report(executions, OrderState.CANCELLED, reason)

    def meet_print(self, order: WorkingOrder, price: float, quantity: float, side: int) -> Report:
        """A print after the activation."""
        if order.phase == Phase.RESTING:
            assert order.limit_price is not None  # noqa: S101 - only priced orders rest
            if order.direction * (order.limit_price - price) <= 0:
                return Report([])
            return self._share(order, order.limit_price, quantity, MAKER)
        if side not in (order.direction, UNKNOWN_SIDE):
            return Report([])
        limit = order.limit_price
        if limit is not None and order.direction * (price - limit) > 0:
            if order.type == IOC:
                return Report([], OrderState.CANCELLED, "nothing to take at the limit price")
            order.phase = Phase.RESTING
            return Report([])
        ours = slipped(price, order.direction, self._slippage_bps, side_known=side != UNKNOWN_SIDE)
        if limit is not None:
            ours = min(ours, limit) if order.direction > 0 else max(ours, limit)
        report = self._share(order, ours, quantity, TAKER)
        if order.type == IOC and report.end is None:
            report.end, report.reason = OrderState.CANCELLED, "nothing more to take at once"
        return report

    def _share(self, order: WorkingOrder, price: float, quantity: float, liquidity: Liquidity) -> Report:
        """Our participation in a print, accrued over prints and filled in whole steps."""
        order.accrued += self._participation * exact(quantity)
        take = min(whole_steps(order.accrued, order.step), order.remaining)
        if take <= 0:
            return Report([])
        order.accrued -= take
        end = OrderState.FILLED if take == order.remaining else None
        return Report([Execution(price, take, liquidity)], end)

    def _walk(self, order: WorkingOrder, book: Book, part: MarketSlice, moment: Moment) -> Iterator[Execution]:
        memory = part.memory
        forget_returned_liquidity(part, moment.books)
        prices, quantities = book.opposite(order.direction)
        levels = len(prices)
        worst = order.limit_price
        if order.type == MARKET and memory.contract is not None:
            levels = min(levels, memory.contract.market_order_max_level or levels)
            worst = _band(memory, order.direction, part, moment)
        left = order.remaining
        for level in range(levels):
            price, offered = float(prices[level]), float(quantities[level])
            if not price > 0 or left <= 0 or (worst is not None and order.direction * (price - worst) > 0):
                return
            if not offered > 0:
                continue
            used = memory.used.get((order.direction, price))
            if used is not None and moment.ts - used.ts >= LIQUIDITY_RETURNS_AFTER:
                used = None
            taken = used.taken if used is not None else ZERO
            take = min(whole_steps(exact(offered) - taken, order.step), left)
            if take <= 0:
                continue
            memory.used[order.direction, price] = Used(taken + take, offered, moment.ts)
            left -= take
            yield Execution(price, take, TAKER)


def forget_returned_liquidity(part: MarketSlice, books: int) -> None:
    """Drop what was taken from levels whose recorded quantity has changed in the books up to this count."""
    used = part.memory.used
    if used:
        newest = max(entry.ts for entry in used.values()) + LIQUIDITY_RETURNS_AFTER
        for book in part.books_between(part.used_checked, books):
            if book.ts >= newest or not used:
                break
            for key in [key for key, entry in used.items() if _recorded(book, *key) != entry.recorded]:
                del used[key]
    part.used_checked = max(part.used_checked, books)


def forget_old_liquidity(memory: MarketMemory, ts: int) -> None:
    """Drop what was taken a second ago or longer."""
    for key in [key for key, entry in memory.used.items() if ts - entry.ts >= LIQUIDITY_RETURNS_AFTER]:
        del memory.used[key]


def _recorded(book: Book, direction: int, price: float) -> float | None:
    prices, quantities = book.opposite(direction)
    place = np.flatnonzero(prices == price)
    return float(quantities[place[0]]) if len(place) else None


def _band(memory: MarketMemory, direction: int, part: MarketSlice, moment: Moment) -> float | None:
    """The worst price that the contract allows a market order: a share around the fair price, else the last."""
    band = memory.contract.price_band if memory.contract is not None else None
    if band is None:
        return None
    fair = part.fair(moment)
    reference = part.last_price(moment) if math.isnan(fair) else fair
    return None if math.isnan(reference) else reference * (1.0 + direction * band)
