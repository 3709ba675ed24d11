"""Bars as they are pushed: kept up to date deal by deal, so that nothing has to be gathered anew."""

from __future__ import annotations

from connectors.simulated.exchange.contract_details import is_inverse
from connectors.simulated.exchange.intervals import start_of
from connectors.simulated.exchange.records import Bar, VenueDeal
from connectors.simulated.exchange.venue import Venue


def current_bar(venue: Venue, symbol: str, interval: str) -> Bar | None:
    """The bar that is being made, as REST has it; None before the first deal."""
    second = venue.now_ms // 1000
    bars = venue.bars(symbol, interval, start_of(interval, second), second)
    return bars[-1] if bars else None


def turned(bar: Bar, interval: str, second: int) -> Bar:
    """The bar in which `second` lies: this one, or a flat one after it."""
    start = start_of(interval, second)
    return bar if start <= bar.start_s else Bar(start, *(bar.close,) * 4, 0, 0.0, bar.close)


def with_deal(bar: Bar | None, interval: str, deal: VenueDeal, contract_size: float) -> Bar:
    """The bar after a deal, which may begin another one. Deals come in the order of time."""
    price = deal.price
    value = deal.contracts * contract_size
    amount = value / price if is_inverse(deal.symbol) else value * price
    start = start_of(interval, deal.ms // 1000)
    if bar is None or start > bar.start_s:
        return Bar(start, *(price,) * 4, deal.contracts, amount, price if bar is None else bar.close)
    if not bar.contracts:
        return Bar(start, *(price,) * 4, deal.contracts, amount, bar.previous_close)
    return bar._replace(
        high=max(bar.high, price),
        low=min(bar.low, price),
        close=price,
        contracts=bar.contracts + deal.contracts,
        amount=bar.amount + amount,
    )
