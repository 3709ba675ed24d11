"""Liquidation of isolated positions.

Source: the exchange's rule "margin + unrealised P&L <= notional · mmr + liquidation fee", with N = average · q the
notional at entry, M the isolated margin, mmr the maintenance rate of the tier of the whole position and
f = `liquidation_fee_rate`: M + s·(price − average)·q <= N·(mmr + f), s = +1 long, −1 short.
"""

from __future__ import annotations

from operators.contracts import ContractSpecification


def maintenance_margin_rate(contract: ContractSpecification, quantity: float, average: float) -> float:
    """The rate of the first tier that the whole position fits in (the last tier beyond all of them).

    `quantity` in base coin. 0 for a contract that lists no tiers: liquidation is then at the bankruptcy price.
    """
    if not contract.tiers:
        return 0.0
    size = quantity * average if contract.tier_type == "value" else quantity / contract.contract_size
    for tier in contract.tiers:
        if size <= tier.limit:
            return tier.maintenance_margin_rate
    return contract.tiers[-1].maintenance_margin_rate


def liquidation_price(direction: int, quantity: float, average: float, margin: float, rate: float, fee: float) -> float:
    """The price at which the rule holds with equality: at or below it a long is liquidated, at or above it a short.

    >>> round(liquidation_price(1, 0.0005, 109777.5, 27.444375, 0.001, 0.0002), 2)
    55020.48
    >>> round(liquidation_price(-1, 0.0005, 109777.5, 27.444375, 0.001, 0.0002), 2)
    164534.52
    """
    notional = average * quantity
    if direction > 0:
        return (notional * (rate + fee) - margin + notional) / quantity
    return (notional - notional * (rate + fee) + margin) / quantity


def bankruptcy_price(direction: int, quantity: float, average: float, margin: float) -> float:
    """Where the whole margin is lost.

    >>> bankruptcy_price(1, 0.0005, 109777.5, 27.444375)
    54888.75
    """
    return average - direction * margin / quantity
