"""How an entry is sized, sent and protected: the parts of `z1_entry` (and the order of `ze1_close`)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, field_validator
from pydantic_core.core_schema import ValidationInfo

from operators.strategy.nodes import IndicatorName, Pair, Part, Seconds

StopDistance = Annotated[
    float, Field(gt=0, le=100, allow_inf_nan=False, description="percent, a number > 0 and <= 100")
]
TargetDistance = Annotated[
    float, Field(gt=0, le=1000, allow_inf_nan=False, description="percent, a number > 0 and <= 1000")
]


class OrderSettings(Part):
    """How an order is sent: cancelled `timeout_seconds` after it was sent, then sent as `then` or not again.

    Limit price = reference · (1 + s·offset_percent/100), s = +1 buy, −1 sell: positive crosses, negative rests. The
    reference is the best opposite quote, without books the last price.
    """

    type: Annotated[
        Literal["market", "limit", "post_only", "ioc"], Field(description='"market", "limit", "post_only" or "ioc"')
    ] = "market"
    timeout_seconds: Seconds = 60.0
    offset_percent: Annotated[
        float, Field(gt=-100, le=100, allow_inf_nan=False, description="percent, a number > -100 and <= 100")
    ] = 0.0
    then: Annotated[Literal["market"] | None, Field(description='"market" or null')] = None

    @field_validator("offset_percent")
    @classmethod
    def _market_has_no_price(cls, offset: float, info: ValidationInfo) -> float:
        if offset != 0 and info.data.get("type") == "market":
            raise ValueError("0 for a market order (it has no price)")
        return offset


class RiskScaling(Part):
    """A multiplier of the size: piecewise linear in the indicator through `points` [[value, multiplier], …], flat
    outside them; no value gives the smallest multiplier."""

    indicator: IndicatorName
    points: Annotated[
        tuple[Pair, ...],
        Field(
            strict=False,
            min_length=1,
            max_length=100,
            description="a list of 1 to 100 pairs [value, multiplier], values ascending, multipliers from 0 to 100",
        ),
    ]

    @field_validator("points")
    @classmethod
    def _ascending(cls, points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        if any(left[0] >= right[0] for left, right in pairwise(points)):
            raise ValueError("pairs [value, multiplier] with the values ascending")
        if any(not 0 <= multiplier <= 100 for _, multiplier in points):
            raise ValueError("pairs [value, multiplier] with multipliers from 0 to 100")
        return points


class Size(Part):
    """The notional of an entry in quote currency: `quote` = value, `percent_of_equity` = that share of equity,
    `risk_percent` = as much that the stop loses that share of equity. Then `risk_scaling`, then clamped to
    `max_quote`; below `min_quote` the entry is refused."""

    mode: Annotated[
        Literal["quote", "percent_of_equity", "risk_percent"],
        Field(description='"quote", "percent_of_equity" or "risk_percent"'),
    ]
    value: Annotated[
        float,
        Field(
            gt=0,
            allow_inf_nan=False,
            description="a number > 0, for percent_of_equity up to 2000, for risk_percent up to 100",
        ),
    ]
    min_quote: Annotated[
        Annotated[float, Field(ge=0, allow_inf_nan=False)] | None, Field(description="a number >= 0, or null")
    ] = None
    max_quote: Annotated[
        Annotated[float, Field(gt=0, allow_inf_nan=False)] | None,
        Field(description="a number > 0 and not below min_quote, or null"),
    ] = None
    risk_scaling: Annotated[
        RiskScaling | None, Field(description='{"indicator": …, "points": [[value, multiplier], …]}, or null')
    ] = None

    @field_validator("value")
    @classmethod
    def _share_of_equity(cls, value: float, info: ValidationInfo) -> float:
        largest = {"percent_of_equity": 2000.0, "risk_percent": 100.0}.get(str(info.data.get("mode")))
        if largest is not None and value > largest:
            raise ValueError(f"a number > 0 and <= {largest:g} for {info.data['mode']}")
        return value

    @field_validator("max_quote")
    @classmethod
    def _not_below_min(cls, largest: float | None, info: ValidationInfo) -> float | None:
        smallest = info.data.get("min_quote")
        if largest is not None and smallest is not None and largest < smallest:
            raise ValueError(f"a number >= min_quote ({smallest:g})")
        return largest


class StopPercent(Part):
    """Percent of the average entry price, against the position."""

    percent: StopDistance


class TargetPercent(Part):
    """Percent of the average entry price, in favour of the position."""

    percent: TargetDistance


class IndicatorLevel(Part):
    """The price that an indicator shows when the entry is decided, frozen; no value or the wrong side refuses."""

    indicator: IndicatorName


def _kind_of_level(level: object) -> str:
    if isinstance(level, IndicatorLevel) or (isinstance(level, Mapping) and "indicator" in level):
        return "<indicator>"
    return "<percent>"


StopLoss = Annotated[
    Annotated[StopPercent, Tag("<percent>")] | Annotated[IndicatorLevel, Tag("<indicator>")],
    Discriminator(_kind_of_level),
]
TakeProfit = Annotated[
    Annotated[TargetPercent, Tag("<percent>")] | Annotated[IndicatorLevel, Tag("<indicator>")],
    Discriminator(_kind_of_level),
]


class TrailingStop(Part):
    """Armed once the best price since the first fill is `activation_percent` in favour of the position; triggers
    `percent` below (LONG) or above (SHORT) the best price."""

    percent: StopDistance
    activation_percent: Annotated[
        float, Field(ge=0, le=1000, allow_inf_nan=False, description="percent, a number >= 0 and <= 1000")
    ] = 0.0


def liquidation_distance_percent(
    leverage: float, maintenance_margin_rate: float = 0.0, liquidation_fee_rate: float = 0.0
) -> float:
    """How far (percent of the entry price) an isolated position of this leverage is from its liquidation price.

    100·(1/leverage − mmr − liquidation fee): a stop at this distance or beyond never comes to trigger. Without the
    contract's rates it is the bound that holds for every contract.

    >>> round(liquidation_distance_percent(4, 0.005, 0.0006), 6)
    24.44
    """
    return 100.0 * (1.0 / leverage - maintenance_margin_rate - liquidation_fee_rate)
