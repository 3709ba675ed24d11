"""Bars of a symbol's deals, kept by the minute and by the hour, and the figures of the last 24 hours."""

from __future__ import annotations

from array import array
from collections import deque
from typing import Final, NamedTuple

from connectors.simulated.exchange.records import Bar

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 24 * HOUR
BARS_KEPT: Final = 2_000
_SLACK: Final = 200


class DayFigures(NamedTuple):
    """The last 24 hours, to the minute: `reference` is the price then (or the first there was)."""

    contracts: int
    amount: float
    high: float
    low: float
    reference: float


class BarColumns:
    """Finished bars of one length as columns, oldest first; at least the last `BARS_KEPT` of them are kept. Rows have
    numbers that never change: the oldest row kept has the number `first`."""

    __slots__ = ("amount", "close", "contracts", "first", "high", "low", "open", "start")

    def __init__(self) -> None:
        self.first = 0
        self.start = array("q")
        self.open, self.high, self.low, self.close = array("d"), array("d"), array("d"), array("d")
        self.contracts = array("q")
        self.amount = array("d")

    def append(self, bar: Bar) -> None:
        self.start.append(bar.start_s)
        self.open.append(bar.open)
        self.high.append(bar.high)
        self.low.append(bar.low)
        self.close.append(bar.close)
        self.contracts.append(bar.contracts)
        self.amount.append(bar.amount)
        if len(self.start) > BARS_KEPT + _SLACK:
            for column in (self.start, self.open, self.high, self.low, self.close, self.contracts, self.amount):
                del column[:_SLACK]
            self.first += _SLACK

    def rows(self) -> list[Bar]:
        """All that are kept."""
        columns = (self.start, self.open, self.high, self.low, self.close, self.contracts, self.amount)
        return [Bar(*row) for row in zip(*columns, strict=True)]


class OpenBar:
    """A bar while it is being made."""

    __slots__ = ("amount", "close", "contracts", "high", "low", "open", "start")

    def __init__(self, start: int, price: float) -> None:
        self.start = start
        self.open = self.high = self.low = self.close = price
        self.contracts = 0
        self.amount = 0.0

    def add(self, price: float, contracts: int, amount: float) -> None:
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.close = price
        self.contracts += contracts
        self.amount += amount

    def bar(self) -> Bar:
        return Bar(self.start, self.open, self.high, self.low, self.close, self.contracts, self.amount)


class DealBars:
    """Bars of one symbol's deals. Minutes and hours without a deal have no bar here."""

    __slots__ = ("_amount", "_contracts", "_day_first", "_highs", "_lows", "hour", "hours", "minute", "minutes")

    def __init__(self) -> None:
        self.minutes, self.hours = BarColumns(), BarColumns()
        self.minute: OpenBar | None = None
        self.hour: OpenBar | None = None
        # the finished minutes of the last 24 hours: number of the first, sums, and the extremes' candidates
        self._day_first = 0
        self._contracts = 0
        self._amount = 0.0
        self._highs: deque[tuple[int, float]] = deque()
        self._lows: deque[tuple[int, float]] = deque()

    def add(self, ms: int, price: float, contracts: int, amount: float) -> None:
        """A deal. Times never go back."""
        second = ms // 1000
        minute, hour = self.minute, self.hour
        if minute is None or hour is None or second >= minute.start + MINUTE:
            minute, hour = self._turn(second, price)
        minute.add(price, contracts, amount)
        hour.add(price, contracts, amount)

    def day(self, now_s: int) -> DayFigures | None:
        """The bars of the minutes that began after now − 24 h (rounded down to the minute); None before the first
        deal."""
        if self.minute is None:
            return None
        oldest = now_s - now_s % MINUTE - DAY + MINUTE
        self._forget(oldest)
        columns, position = self.minutes, self._day_first - self.minutes.first
        current = self.minute if self.minute.start >= oldest else None
        if position == len(columns.start) and current is None:
            close = self.minute.close
            return DayFigures(0, 0.0, close, close, close)
        highs = [self._highs[0][1]] if self._highs else []
        lows = [self._lows[0][1]] if self._lows else []
        contracts, amount = self._contracts, self._amount
        if current is not None:
            highs.append(current.high)
            lows.append(current.low)
            contracts += current.contracts
            amount += current.amount
        if position > 0:
            reference = columns.close[position - 1]
        else:
            reference = columns.open[0] if columns.start else self.minute.open
        return DayFigures(contracts, amount, max(highs), min(lows), reference)

    def _turn(self, second: int, price: float) -> tuple[OpenBar, OpenBar]:
        """Finish the minute (and the hour, if it is over) and begin those of `second`."""
        if self.minute is not None:
            self._finish(self.minute)
        if self.hour is None or second >= self.hour.start + HOUR:
            if self.hour is not None:
                self.hours.append(self.hour.bar())
            self.hour = OpenBar(second - second % HOUR, price)
        self.minute = OpenBar(second - second % MINUTE, price)
        return self.minute, self.hour

    def _finish(self, minute: OpenBar) -> None:
        columns = self.minutes
        columns.append(minute.bar())
        number = columns.first + len(columns.start) - 1
        self._contracts += minute.contracts
        self._amount += minute.amount
        while self._highs and self._highs[-1][1] <= minute.high:
            self._highs.pop()
        self._highs.append((number, minute.high))
        while self._lows and self._lows[-1][1] >= minute.low:
            self._lows.pop()
        self._lows.append((number, minute.low))
        self._forget(minute.start - DAY)

    def _forget(self, oldest: int) -> None:
        """Take the minutes that began before `oldest` out of the day's figures."""
        columns = self.minutes
        first, position = self._day_first, self._day_first - columns.first
        while position < len(columns.start) and columns.start[position] < oldest:
            self._contracts -= columns.contracts[position]
            self._amount -= columns.amount[position]
            position += 1
            first += 1
        self._day_first = first
        for extremes in (self._highs, self._lows):
            while extremes and extremes[0][0] < first:
                extremes.popleft()
