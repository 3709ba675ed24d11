"""The symbols of a generated market: what each of them is like at rest."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from connectors.simulated.names import symbol_names
from connectors.simulated.parameters import MarketParameters
from operators.contracts import ContractSpecification, MaintenanceTier
from operators.tape import Float64, Int64


@dataclass(frozen=True, slots=True)
class Coin:
    """One symbol. Prices are whole ticks of 10^-`price_decimals`, quantities whole contracts of 10^`contract_power`
    base coins, so both are the nearest floats to short decimals.

    `spread` is relative, `depth_quote` the median value of a book's best level in quote, `volatility` the relative
    standard deviation of the fair price over one second.
    """

    symbol: str
    trades: int
    price: float
    price_decimals: int
    contract_power: int
    spread: float
    depth_quote: float
    trade_quote: float
    volatility: float

    @property
    def contract_size(self) -> float:
        return power_of_ten(self.contract_power)

    @property
    def contract(self) -> ContractSpecification:
        """The contract as a venue would publish it: three maintenance tiers by contracts, leverage up to 20."""
        contract_value = self.contract_size * self.price
        steps = ((10_000.0, 0.01, 0.05), (50_000.0, 0.02, 0.1), (500_000.0, 0.05, 0.2))
        return ContractSpecification(
            contract_size=self.contract_size,
            price_unit=power_of_ten(-self.price_decimals),
            vol_unit=1.0,
            min_vol=1.0,
            max_vol=float(math.floor(steps[-1][0] / contract_value)),
            max_leverage=20.0,
            tiers=tuple(
                MaintenanceTier(float(math.floor(value / contract_value)), maintenance, initial)
                for value, maintenance, initial in steps
            ),
            liquidation_fee_rate=0.0002,
            maker_fee_rate=0.0006,
            taker_fee_rate=0.0008,
        )


def power_of_ten(exponent: int) -> float:
    """The float nearest to 10^exponent.

    >>> power_of_ten(-5)
    1e-05
    """
    return float(f"1e{exponent}")


def draw_coins(parameters: MarketParameters, seed: np.random.SeedSequence) -> list[Coin]:
    """The symbols with their share of the trades (whole trades, at least one each, summing to the total)."""
    rng = np.random.Generator(np.random.PCG64(seed))
    count = parameters.symbols
    low, high = math.log(parameters.price_low), math.log(parameters.price_high)
    # one starting price in each of `count` equal parts of the range, in random order: all scales occur
    positions = (rng.permutation(count) + rng.random(count)) / count
    prices = np.exp(low + (high - low) * positions)
    shares = np.exp(parameters.activity_sigma * rng.standard_normal(count))
    quotas = _whole_shares(parameters.trades, shares)
    normal = rng.standard_normal((count, 4)).clip(-2.0, 2.0)
    coins = []
    for index, symbol in enumerate(symbol_names(count)):
        magnitude = math.floor(math.log10(prices[index]))
        decimals = parameters.tick_digits - 1 - magnitude
        trade_quote = parameters.trade_quote * math.exp(0.4 * normal[index, 0])
        coins.append(
            Coin(
                symbol=symbol,
                trades=int(quotas[index]),
                price=float(f"{prices[index]:.{max(decimals, 0)}f}"),
                price_decimals=decimals,
                contract_power=-magnitude,
                spread=parameters.spread_bp * 1e-4 * math.exp(0.4 * normal[index, 1]),
                depth_quote=8.0 * trade_quote * math.exp(0.4 * normal[index, 2]),
                trade_quote=trade_quote,
                volatility=parameters.volatility_bp * 1e-4 * math.exp(0.3 * normal[index, 3]),
            )
        )
    return coins


def _whole_shares(total: int, shares: Float64) -> Int64:
    """`total` split in proportion to `shares` into whole numbers of at least 1 (largest remainder)."""
    exact = shares / shares.sum() * (total - len(shares))
    whole: Int64 = np.floor(exact).astype(np.int64)
    missing = total - len(shares) - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:missing]] += 1
    return whole + np.int64(1)
