"""What an account remembers of its money and its limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from operators.desk.account import RiskLimits
from operators.tape import MICROSECONDS

DAY: Final = 86_400 * MICROSECONDS


@dataclass(slots=True)
class Ledger:
    """Sums over the session, in quote. Balance = initial + realised − fees − funding.

    `daily_loss_day` is the UTC day on which the daily loss limit stopped new entries, `drawdown_halted` lasts until
    acknowledged. `trades` counts entries with a fill per strategy: (UTC day, count). `arranged` numbers what falls
    due, `risk_rows` the risk events. `sample_due` is the instant of a fill whose equity sample is still to be taken.
    """

    initial: float
    limits: RiskLimits
    peak: float
    midnight_equity: float
    realized: float = 0.0
    fees: float = 0.0
    funding: float = 0.0
    started: bool = False
    daily_loss_day: int = -1
    drawdown_halted: bool = False
    drawdown_warned: bool = False
    kill_switch: bool = False
    entries_blocked: bool = False
    arranged: int = 0
    risk_rows: int = 0
    trades: dict[str, tuple[int, int]] = field(default_factory=dict)
    sample_due: int | None = None
    sampled: int | None = None

    @property
    def balance(self) -> float:
        return self.initial + self.realized - self.fees - self.funding

    def next_arranged(self) -> int:
        self.arranged += 1
        return self.arranged

    def trades_on(self, strategy: str, ts: int) -> int:
        """Entries with a fill on the UTC day of `ts`."""
        day, count = self.trades.get(strategy, (-1, 0))
        return count if day == ts // DAY else 0

    def count_trade(self, strategy: str, ts: int) -> None:
        self.trades[strategy] = (ts // DAY, self.trades_on(strategy, ts) + 1)


def open_ledger(equity: float, limits: RiskLimits) -> Ledger:
    """The ledger of an account before anything happened."""
    return Ledger(initial=equity, limits=limits, peak=equity, midnight_equity=equity)
