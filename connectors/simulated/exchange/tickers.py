"""The ticker of a symbol as the exchange's REST reply has it."""

from __future__ import annotations

from typing import Any

from connectors.simulated.exchange.instrument import Instrument

_PERIODS = ("r7", "r30", "r90", "r180", "r365")


def ticker(instrument: Instrument, index: float, fair: float, rate: float, now_ms: int) -> dict[str, Any]:
    """Figures of a symbol now. Volumes are contracts, `amount24` is in the settle coin; the last price before the
    first deal is where the market was listed. There is no price older than the market: changes over longer periods are
    those since its start."""
    detail = instrument.detail
    grid = instrument.book.grid
    day = instrument.bars.day(now_ms // 1000)
    last = instrument.last
    contracts, amount, high, low, reference = day if day is not None else (0, 0.0, last, last, last)
    change = last - reference
    rise = round(change / reference, 4)
    since_start = round(last / instrument.first - 1.0, 4)
    bid, ask = instrument.book.bids.best, instrument.book.asks.best
    return {
        "contractId": detail["id"],
        "symbol": instrument.symbol,
        "lastPrice": last,
        "bid1": 0 if bid is None else grid.price(bid),
        "ask1": 0 if ask is None else grid.price(ask),
        "volume24": contracts,
        "amount24": round(amount, 5),
        "holdVol": instrument.open_interest,
        "lower24Price": low,
        "high24Price": high,
        "riseFallRate": rise,
        "riseFallValue": round(change, grid.scale),
        "indexPrice": index,
        "fairPrice": fair,
        "fundingRate": rate,
        "maxBidPrice": grid.price(grid.nearest(index * (1.0 + detail["bidLimitPriceRate"]))),
        "minAskPrice": grid.price(grid.nearest(index * (1.0 - detail["askLimitPriceRate"]))),
        "timestamp": instrument.last_ms,
        "riseFallRates": {"zone": "UTC+8", "r": rise, "v": round(change, grid.scale)}
        | dict.fromkeys(_PERIODS, since_start),
        "riseFallRatesOfTimezone": [rise, rise, rise],
    }
