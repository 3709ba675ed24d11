"""Contracts: what the exchange says of them, and the one place where contracts become base coins.

Volumes are contracts everywhere on the exchange. A linear contract is `contract_size` base coins; an inverse one
(settled in the coin itself, like BTC_USD) is `contract_size` units of quote currency, so its base quantity depends on
the price.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct

from connectors.mexc.wire import Finite, SymbolName
from operators.contracts import ContractSpecification, MaintenanceTier

STATES: Final = {0: "trading", 1: "delivering", 2: "delivered", 3: "offline", 4: "paused"}

_MOST_TIERS: Final = 1_000
_BY_VALUE: Final = "BY_VALUE"
_CUSTOM: Final = "CUSTOM"

_Size: TypeAlias = Annotated[float, Meta(ge=1e-15, le=1e15)]
_Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**31)]


class RiskTier(Struct, frozen=True, rename="camel", gc=False):
    """A step of `riskLimitCustom`: up to `max_vol` (contracts, or quote value) these margin rates hold."""

    max_vol: Finite
    mmr: Finite
    imr: Finite


class ContractDetail(Struct, frozen=True, rename="camel"):
    """A contract as the exchange describes it; None = it does not say. Fields that change nothing here are not read,
    so that two equal details mean equal terms. Fee rates are those of the web site, not of the API."""

    symbol: SymbolName
    contract_size: _Size
    base_coin_name: str | None = None
    base_coin: str | None = None
    quote_coin: str | None = None
    settle_coin: str | None = None
    price_unit: Finite | None = None
    price_scale: _Count | None = None
    vol_unit: Finite | None = None
    vol_scale: _Count | None = None
    min_vol: Finite | None = None
    max_vol: Finite | None = None
    limit_max_vol: Finite | None = None
    max_leverage: Finite | None = None
    taker_fee_rate: Finite | None = None
    maker_fee_rate: Finite | None = None
    maintenance_margin_rate: Finite | None = None
    initial_margin_rate: Finite | None = None
    bid_limit_price_rate: Finite | None = None
    ask_limit_price_rate: Finite | None = None
    market_order_max_level: _Count | None = None
    liquidation_fee_rate: Finite | None = None
    risk_limit_type: str | None = None
    risk_limit_mode: str | None = None
    risk_base_vol: Finite | None = None
    risk_incr_vol: Finite | None = None
    risk_incr_mmr: Finite | None = None
    risk_incr_imr: Finite | None = None
    risk_level_limit: _Count | None = None
    risk_limit_custom: tuple[RiskTier, ...] | None = None
    state: int | None = None
    type: int | None = None
    future_type: int | None = None
    api_allowed: bool | None = None

    @property
    def inverse(self) -> bool:
        """Whether it is settled in the coin itself, `contract_size` being quote currency per contract."""
        if self.settle_coin is not None and self.quote_coin is not None:
            return self.settle_coin != self.quote_coin
        return self.symbol.endswith("_USD")

    @property
    def base(self) -> str:
        """The coin's name (`baseCoin` may be an internal number or word)."""
        return self.base_coin_name or self.base_coin or self.symbol.rpartition("_")[0]

    @property
    def state_name(self) -> str:
        """`trading` or why not; a state that nobody knows by its number."""
        return STATES.get(self.state, f"state {self.state}") if self.state is not None else "trading"

    def completed(self, earlier: ContractDetail) -> ContractDetail:
        """This detail with what it leaves out (pushes name fewer fields than the listing) as it was before."""
        left_out = {name: getattr(earlier, name) for name in self.__struct_fields__ if getattr(self, name) is None}
        return msgspec.structs.replace(self, **left_out)

    def specification(self, funding_interval_hours: float | None = None) -> ContractSpecification:
        """The venue-independent form. Steps that the exchange does not say are NaN.

        The exchange's size of an inverse contract is kept as it is, in quote currency: see `inverse`.
        """
        vol_unit = _unit(self.vol_unit, self.vol_scale)
        bands = [rate for rate in (self.bid_limit_price_rate, self.ask_limit_price_rate) if rate is not None]
        said: dict[str, Any] = {
            "max_leverage": self.max_leverage,
            "liquidation_fee_rate": self.liquidation_fee_rate,
            "api_allowed": self.api_allowed,
        }
        return ContractSpecification(
            contract_size=self.contract_size,
            price_unit=_unit(self.price_unit, self.price_scale),
            vol_unit=vol_unit,
            min_vol=self.min_vol if self.min_vol is not None else vol_unit,
            max_vol=self.max_vol,
            limit_max_vol=self.limit_max_vol,
            market_order_max_level=self.market_order_max_level,
            price_band=min(bands, default=None),
            tiers=maintenance_tiers(self),
            tier_type="value" if self.risk_limit_type == _BY_VALUE else "contracts",
            funding_interval_hours=funding_interval_hours,
            state=self.state_name,
            maker_fee_rate=self.maker_fee_rate,
            taker_fee_rate=self.taker_fee_rate,
            **{name: value for name, value in said.items() if value is not None},
        )


def base_quantity(contracts: float, price: float, detail: ContractDetail) -> float:
    """Contracts at this price as base coins.

    >>> base_quantity(250, 77526.0, ContractDetail("BTC_USDT", 0.0001))
    0.025
    >>> base_quantity(3, 50000.0, ContractDetail("BTC_USD", 100.0))
    0.006
    """
    if detail.inverse:
        return contracts * detail.contract_size / price
    return contracts * detail.contract_size


def contracts_of(base: float, price: float, detail: ContractDetail) -> float:
    """The other way round: base coins as contracts, without the digits that the conversion has added.

    >>> contracts_of(0.025, 77526.0, ContractDetail("BTC_USDT", 0.0001))
    250.0
    >>> contracts_of(0.006, 50000.0, ContractDetail("BTC_USD", 100.0))
    3.0
    """
    return round((base * price if detail.inverse else base) / detail.contract_size, 9)


def maintenance_tiers(detail: ContractDetail) -> tuple[MaintenanceTier, ...]:
    """The margin rates by size of the position, smallest first; () where the exchange does not say.

    A list of its own (CUSTOM), or steps (INCREASE): level n goes up to base + (n - 1) · increment, and so do its rates.
    """
    if detail.risk_limit_custom and detail.risk_limit_mode in (_CUSTOM, None):
        listed = [MaintenanceTier(tier.max_vol, tier.mmr, tier.imr) for tier in detail.risk_limit_custom]
        return tuple(sorted(listed, key=lambda tier: tier.limit))
    base, maintenance, initial = detail.risk_base_vol, detail.maintenance_margin_rate, detail.initial_margin_rate
    if base is None or maintenance is None or initial is None or detail.risk_limit_mode == _CUSTOM:
        return ()
    step, levels = detail.risk_incr_vol or 0.0, min(detail.risk_level_limit or 1, _MOST_TIERS)
    return tuple(
        MaintenanceTier(
            base + above * step,
            maintenance + above * (detail.risk_incr_mmr or 0.0),
            initial + above * (detail.risk_incr_imr or 0.0),
        )
        for above in range(levels if step > 0.0 else 1)
    )


def read_detail(raw: Raw | bytes) -> ContractDetail:
    """One contract of a listing. Fields that cannot be read count as not said, but for symbol and contract size:
    without these it raises `msgspec.ValidationError`."""
    try:
        return _decode(raw)
    except msgspec.ValidationError:
        return detail_of(msgspec.json.decode(raw, type=dict[str, Any]))


def detail_of(fields: dict[str, Any]) -> ContractDetail:
    """The same for a contract that has been decoded already."""
    sound: dict[str, Any] = {}
    for field in msgspec.structs.fields(ContractDetail):
        name = field.encode_name
        if name in fields:
            try:
                sound[name] = msgspec.convert(fields[name], field.type, strict=False)
            except msgspec.ValidationError:
                if field.required:
                    raise
    return msgspec.convert(sound, ContractDetail, strict=False)


def _unit(unit: float | None, scale: int | None) -> float:
    if unit is not None and unit > 0.0:
        return unit
    return float(f"1e-{scale}") if scale is not None else math.nan


_decode = msgspec.json.Decoder(ContractDetail, strict=False).decode
