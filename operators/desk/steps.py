"""Rounding to a contract's steps, exactly: quantities down, limit prices away from a fill."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from operators.contracts import ContractSpecification

ZERO: Final = Decimal(0)


def exact(value: float) -> Decimal:
    """A float as the decimal number that it prints as.

    >>> exact(0.1) * 3
    Decimal('0.3')
    """
    return Decimal(repr(float(value)))


def quantity_step(contract: ContractSpecification) -> Decimal:
    """The smallest change of a quantity in base coin: `vol_unit` contracts."""
    return exact(contract.contract_size) * exact(contract.vol_unit)


def whole_steps(quantity: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` that is not above `quantity`.

    >>> whole_steps(Decimal("0.37"), Decimal("0.1"))
    Decimal('0.3')
    """
    return (quantity / step).to_integral_value(ROUND_FLOOR) * step


def contracts_in(quantity: Decimal, contract: ContractSpecification) -> Decimal:
    """A quantity in base coin as a number of contracts."""
    return quantity / exact(contract.contract_size)


def limit_price(reference: float, direction: int, offset_percent: float, price_unit: float) -> float:
    """reference · (1 + s·offset/100) on the price step, away from a fill: a buy (s = +1) down, a sell (−1) up.

    >>> limit_price(100.0, 1, 0.1, 0.01), limit_price(100.0, -1, -0.1, 0.01)
    (100.1, 100.1)
    >>> limit_price(100.0377, 1, 0.0, 0.01), limit_price(100.0377, -1, 0.0, 0.01)
    (100.03, 100.04)
    """
    unit = exact(price_unit)
    price = exact(reference) * (1 + direction * exact(offset_percent) / 100)
    rounding = ROUND_FLOOR if direction > 0 else ROUND_CEILING
    return float((price / unit).to_integral_value(rounding) * unit)
