"""Positions: average entry, realised P&L, isolated margin, protective prices, excursions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from operators.contracts import ContractSpecification
from operators.desk.liquidation import bankruptcy_price, liquidation_price, maintenance_margin_rate
from operators.desk.steps import ZERO


@dataclass(slots=True)
class OpenPosition:
    """One position of (account, symbol, side); quantities in base coin, `direction` +1 long, −1 short.

    `entered`, `margin_entered` sum over entry fills; `quantity`, `margin` are what is held now. `best` and `worst`
    are the highest and lowest trade price since the first fill, `stretch_high` and `stretch_low` since quantity or
    average last changed (NaN: no trade yet). `mae` <= 0 <= `mfe` are the extremes of the unrealised P&L in quote.
    `closed_at` is None while it is open; a closed one is only kept while its last funding may still be corrected.
    """

    position_id: str
    strategy: str
    symbol: str
    direction: int
    leverage: float
    opened_at: int
    quantity: Decimal = ZERO
    entered: Decimal = ZERO
    average: float = math.nan
    entry_cost: float = 0.0
    exited: Decimal = ZERO
    exit_cost: float = 0.0
    margin: float = 0.0
    margin_entered: float = 0.0
    realized: float = 0.0
    fees: float = 0.0
    funding: float = 0.0
    liquidation: float | None = None
    stop: float | None = None
    target: float | None = None
    high: float = math.nan
    low: float = math.nan
    stretch_high: float = math.nan
    stretch_low: float = math.nan
    mae: float = 0.0
    mfe: float = 0.0
    exit_reason: str | None = None
    closed_at: int | None = None

    @property
    def side(self) -> str:
        return "LONG" if self.direction > 0 else "SHORT"

    @property
    def average_exit(self) -> float | None:
        return self.exit_cost / float(self.exited) if self.exited > 0 else None

    def unrealized(self, price: float) -> float:
        """s · (price − average) · q at a price."""
        return self.direction * (price - self.average) * float(self.quantity)

    def notional(self, price: float) -> float:
        return float(self.quantity) * price


def add(position: OpenPosition, price: float, quantity: Decimal, fee: float) -> None:
    """An entry fill: the average is weighted by quantity.

    >>> position = OpenPosition("id", "s", "ABC", 1, 2.0, 0)
    >>> add(position, 100.0, Decimal(5), 0.0)
    >>> add(position, 110.0, Decimal(5), 0.0)
    >>> position.average, position.margin
    (105.0, 525.0)
    """
    close_stretch(position)
    held = float(position.quantity)
    added = float(quantity)
    if held > 0:
        position.average = (position.average * held + price * added) / float(position.quantity + quantity)
    else:
        position.average = price
    position.quantity += quantity
    position.entered += quantity
    position.entry_cost += price * added
    position.margin += price * added / position.leverage
    position.margin_entered += price * added / position.leverage
    position.fees += fee


def reduce(position: OpenPosition, price: float, quantity: Decimal, fee: float) -> float:
    """A closing fill: the P&L that it realises; the margin shrinks pro rata.

    >>> position = OpenPosition("id", "s", "ABC", -1, 1.0, 0)
    >>> add(position, 100.0, Decimal(10), 0.0)
    >>> reduce(position, 90.0, Decimal(10), 0.0)
    100.0
    """
    close_stretch(position)
    closed = float(quantity)
    realized = position.direction * (price - position.average) * closed
    left = position.quantity - quantity
    position.margin = position.margin * float(left) / float(position.quantity) if left > 0 else 0.0
    position.quantity = left
    position.exited += quantity
    position.exit_cost += price * closed
    position.realized += realized
    position.fees += fee
    return realized


def liquidate(position: OpenPosition) -> tuple[float, float]:
    """Close all at the bankruptcy price: (price, realised P&L), the latter exactly minus the margin."""
    price = bankruptcy_price(position.direction, float(position.quantity), position.average, position.margin)
    margin = position.margin
    quantity = position.quantity
    close_stretch(position)
    position.quantity = ZERO
    position.margin = 0.0
    position.exited += quantity
    position.exit_cost += price * float(quantity)
    position.realized -= margin
    return price, -margin


def protect(
    position: OpenPosition,
    contract: ContractSpecification,
    stop_percent: float | None,
    target_percent: float | None,
) -> None:
    """The prices that follow the average entry: stop, target (None = leave as they are) and liquidation."""
    s = position.direction
    if stop_percent is not None:
        position.stop = position.average * (1.0 - s * stop_percent / 100.0)
    if target_percent is not None:
        position.target = position.average * (1.0 + s * target_percent / 100.0)
    quantity = float(position.quantity)
    if quantity > 0:
        rate = maintenance_margin_rate(contract, quantity, position.average)
        fee = contract.liquidation_fee_rate
        position.liquidation = liquidation_price(s, quantity, position.average, position.margin, rate, fee)


def see(position: OpenPosition, high: float, low: float) -> None:
    """Trades were seen with these extremes (NaN = none)."""
    position.high = _largest(position.high, high)
    position.low = _smallest(position.low, low)
    position.stretch_high = _largest(position.stretch_high, high)
    position.stretch_low = _smallest(position.stretch_low, low)


def excursions(position: OpenPosition) -> tuple[float, float]:
    """(mae, mfe) with the current stretch."""
    mae, mfe = position.mae, position.mfe
    for price in (position.stretch_high, position.stretch_low):
        if not math.isnan(price):
            profit = position.unrealized(price)
            mae, mfe = min(mae, profit), max(mfe, profit)
    return mae, mfe


def close_stretch(position: OpenPosition) -> None:
    """Book the excursions of the stretch that ends with a change of quantity or average."""
    if position.quantity > 0:
        position.mae, position.mfe = excursions(position)
    position.stretch_high = position.stretch_low = math.nan


def _largest(left: float, right: float) -> float:
    return right if math.isnan(left) or right > left else left


def _smallest(left: float, right: float) -> float:
    return right if math.isnan(left) or right < left else left
