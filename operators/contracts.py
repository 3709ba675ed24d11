"""What a venue says of a contract: steps, limits and maintenance tiers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class MaintenanceTier:
    """Positions up to `limit` (contracts or quote value, see `tier_type`) need these margin rates."""

    limit: float
    maintenance_margin_rate: float
    initial_margin_rate: float


@dataclass(frozen=True, slots=True)
class ContractSpecification:
    """One version of a contract. Quantities of `min_vol`, `max_vol` and `vol_unit` are contracts of `contract_size`
    base coins each; `price_unit` is the price step in quote. None = the venue does not say.

    `maker_fee_rate` and `taker_fee_rate` are information only: fees come from the settings' schedule.
    """

    contract_size: float
    price_unit: float
    vol_unit: float
    min_vol: float
    max_vol: float | None = None
    limit_max_vol: float | None = None
    market_order_max_level: int | None = None
    price_band: float | None = None
    max_leverage: float = 20.0
    tiers: tuple[MaintenanceTier, ...] = ()
    tier_type: str = "contracts"
    liquidation_fee_rate: float = 0.0
    funding_interval_hours: float | None = None
    api_allowed: bool = True
    state: str = "trading"
    maker_fee_rate: float | None = None
    taker_fee_rate: float | None = None

    def to_payload(self) -> dict[str, Any]:
        """As the payload of a `contract` tape event (plain JSON values)."""
        payload = asdict(self)
        payload["tiers"] = [list(vars_of(tier)) for tier in self.tiers]
        return payload

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> Self:
        """The inverse of `to_payload`."""
        fields = dict(payload)
        fields["tiers"] = tuple(MaintenanceTier(*tier) for tier in payload.get("tiers", ()))
        return cls(**fields)


def vars_of(tier: MaintenanceTier) -> tuple[float, float, float]:
    """A tier as the triple (limit, maintenance rate, initial rate)."""
    return tier.limit, tier.maintenance_margin_rate, tier.initial_margin_rate


def assumed_contract(price_decimals: int, quantity_decimals: int, contract_size: float = 1.0) -> ContractSpecification:
    """The contract assumed for a tape that brings none: steps from the most decimals seen, nothing else limited.

    >>> assumed_contract(2, 0).price_unit
    0.01
    """
    vol_unit = float(f"1e-{quantity_decimals}")
    return ContractSpecification(
        contract_size=contract_size, price_unit=float(f"1e-{price_decimals}"), vol_unit=vol_unit, min_vol=vol_unit
    )
