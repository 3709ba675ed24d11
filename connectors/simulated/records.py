"""The records on which the kernel works: what a symbol is, and where it stands."""

from __future__ import annotations

from typing import Final

import numpy as np

SYMBOL: Final = np.dtype(
    [
        ("log_price", np.float64),
        ("price_up", np.float64),  # price = ticks / up · down; one of the two is 1, so prices are exact decimals
        ("price_down", np.float64),
        ("contract_up", np.float64),
        ("contract_down", np.float64),
        ("trade_contracts", np.float64),
        ("trade_sigma", np.float64),
        ("size_factor", np.float64),
        ("depth_contracts", np.float64),
        ("spread", np.float64),
        ("volatility", np.float64),
        ("rest_rate", np.float64),  # orders per second at rest
        ("more_fills", np.float64),
        ("side_keep", np.float64),
        ("clustering", np.float64),
        ("interval_us", np.int64),
        ("fast_interval_us", np.int64),
        ("span_us", np.int64),
    ]
)
"""A symbol: what does not change."""

STATE: Final = np.dtype(
    [
        ("time", np.float64),  # of the last order
        ("next_order", np.float64),
        ("parent_time", np.float64),
        ("parent_mass", np.float64),
        ("knot", np.int64),  # of the next parent
        ("quote_knot", np.int64),
        ("fast", np.float64),  # intensity of children at `time`, orders per second
        ("slow", np.float64),
        ("remaining", np.int64),  # trades
        ("trade_id", np.int64),
        ("version", np.int64),
        ("side", np.int64),
        ("next_order_us", np.int64),
        ("quote_us", np.int64),
        ("next_quote_us", np.int64),
        ("bid", np.int64),
        ("ask", np.int64),
        ("fast_noise", np.float64),
        ("slow_noise", np.float64),
        ("first_pump", np.int64),
        ("heat", np.float64),
        ("push", np.float64),
        ("spread_factor", np.float64),
        ("liquidity", np.float64),
        ("jagged", np.float64),
        ("busy", np.int64),
    ]
)
"""Where a symbol stands between two events: all that the future depends on beside the random generators."""
