"""Funding: what longs and shorts pay one another, settled every few hours.

In a cycle of T hours the predicted rate follows the mean premium P (perpetual over index) since the last settlement:

    rate = clamp(P + clamp(interest · T / 8 − P, ±`DAMPER`), ±cap)

so that it drifts until it is charged (the common formula of perpetual futures; rounded to six decimals). Settlements
lie on whole multiples of T since midnight UTC.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final, NamedTuple

HOUR_MS: Final = 3_600_000
INTEREST: Final = 0.0001
"""Per eight hours."""
DAMPER: Final = 0.0005
SETTLEMENTS_KEPT: Final = 1_000

CYCLES: Final = (4, 8, 4, 8, 4, 8, 4, 8, 1, 4, 8, 2)
CAPS: Final = (0.02, 0.003, 0.02, 0.0018, 0.01, 0.003)
"""Cycles in hours and caps of the rate, given to symbols in turn."""


class Settlement(NamedTuple):
    """A rate that was charged."""

    rate: float
    settle_ms: int


class FundingCycle:
    """The funding of one symbol."""

    __slots__ = ("_count", "_sum", "cap", "cycle_hours", "next_settle_ms", "rate", "settlements")

    def __init__(self, cycle_hours: int, cap: float, now_ms: int) -> None:
        self.cycle_hours = cycle_hours
        self.cap = cap
        self.next_settle_ms = 0
        self.settlements: deque[Settlement] = deque(maxlen=SETTLEMENTS_KEPT)
        self._begin(now_ms)
        self.rate = self._predicted()

    @property
    def cycle_ms(self) -> int:
        return self.cycle_hours * HOUR_MS

    def carry(self, now_ms: int) -> float:
        """Rate · time until settlement / cycle: what of the rate is still to come."""
        return self.rate * (self.next_settle_ms - now_ms) / self.cycle_ms

    def sample(self, premium: float) -> bool:
        """One more look at the premium. Whether the predicted rate is another one now."""
        self._sum += premium
        self._count += 1
        rate = self._predicted()
        changed = rate != self.rate
        self.rate = rate
        return changed

    def settle(self) -> Settlement:
        """The cycle is over: its rate is charged, the next one begins."""
        settlement = Settlement(self.rate, self.next_settle_ms)
        self.settlements.append(settlement)
        self._begin(self.next_settle_ms)
        return settlement

    def change_cycle(self, cycle_hours: int, now_ms: int) -> None:
        """Settle in another rhythm from now on."""
        self.cycle_hours = cycle_hours
        self.next_settle_ms = (now_ms // self.cycle_ms + 1) * self.cycle_ms

    def page(self, symbol: str, page: int, size: int) -> dict[str, Any]:
        """One page of what was charged, newest first, as the exchange's REST reply has it."""
        newest = list(reversed(self.settlements))
        rows = newest[(page - 1) * size : page * size]
        return {
            "pageSize": size,
            "totalCount": len(newest),
            "totalPage": -(-len(newest) // size),
            "currentPage": page,
            "resultList": [{"symbol": symbol, "fundingRate": row.rate, "settleTime": row.settle_ms} for row in rows],
        }

    def _begin(self, now_ms: int) -> None:
        self.next_settle_ms = (now_ms // self.cycle_ms + 1) * self.cycle_ms
        self._sum, self._count = 0.0, 0

    def _predicted(self) -> float:
        premium = self._sum / self._count if self._count else 0.0
        interest = INTEREST * self.cycle_hours / 8.0
        rate = premium + min(max(interest - premium, -DAMPER), DAMPER)
        return round(min(max(rate, -self.cap), self.cap), 6)
