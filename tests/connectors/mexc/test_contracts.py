"""Contract details, their margin tiers, and the way from contracts to base coins."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mexc.contracts import ContractDetail, base_quantity, maintenance_tiers, read_detail
from operators.contracts import ContractSpecification, MaintenanceTier

DATA = Path(__file__).parents[4] / "shared" / "data" / "mexc"

BITCOIN: dict[str, Any] = {
    "symbol": "BTC_USDT", "displayNameEn": "BTC_USDT PERPETUAL", "baseCoin": "BTC", "baseCoinName": "BTC",
    "quoteCoin": "USDT", "settleCoin": "USDT", "contractSize": 0.0001, "minLeverage": 1, "maxLeverage": 500,
    "priceScale": 1, "volScale": 0, "priceUnit": 0.1, "volUnit": 1, "minVol": 1, "maxVol": 400000,
    "limitMaxVol": 2500000, "bidLimitPriceRate": 0.1, "askLimitPriceRate": 0.1, "takerFeeRate": 0.0002,
    "makerFeeRate": 0, "maintenanceMarginRate": 0.001, "initialMarginRate": 0.002, "liquidationFeeRate": 0.0002,
    "marketOrderMaxLevel": 20, "riskLimitType": "BY_VOLUME", "riskLimitMode": "CUSTOM", "riskBaseVol": 50000,
    "riskLimitCustom": [
        {"level": 2, "maxVol": 60000, "mmr": 0.004, "imr": 0.005, "maxLeverage": 200},
        {"level": 1, "maxVol": 50000, "mmr": 0.001, "imr": 0.002, "maxLeverage": 500},
    ],
    "state": 0, "type": 1, "futureType": 1, "apiAllowed": True, "isHot": True, "maxNumOrders": [200, 50],
}  # fmt: skip
PUSHED = {
    "symbol": "CLO_USDT", "contractSize": 10, "priceUnit": 0.0001, "quoteCoin": "USDT", "settleCoin": "USDT",
    "maintenanceMarginRate": 0.01, "initialMarginRate": 0.02, "riskBaseVol": 9000, "riskIncrVol": 1000,
    "riskIncrMmr": 0.005, "riskIncrImr": 0.01, "riskLevelLimit": 3, "riskLimitMode": "INCREASE", "state": 0,
}  # fmt: skip


def detail(fields: dict[str, Any], **changes: Any) -> ContractDetail:
    return read_detail(json.dumps(fields | changes).encode())


def test_a_contract_becomes_the_specification_that_the_desk_knows() -> None:
    assert detail(BITCOIN).specification(8.0) == ContractSpecification(
        contract_size=0.0001,
        price_unit=0.1,
        vol_unit=1.0,
        min_vol=1.0,
        max_vol=400_000.0,
        limit_max_vol=2_500_000.0,
        market_order_max_level=20,
        price_band=0.1,
        max_leverage=500.0,
        tiers=(MaintenanceTier(50_000.0, 0.001, 0.002), MaintenanceTier(60_000.0, 0.004, 0.005)),
        tier_type="contracts",
        liquidation_fee_rate=0.0002,
        funding_interval_hours=8.0,
        api_allowed=True,
        state="trading",
        maker_fee_rate=0.0,
        taker_fee_rate=0.0002,
    )


def test_a_specification_survives_the_way_through_a_tape_event() -> None:
    specification = detail(BITCOIN).specification()
    payload = json.loads(json.dumps(specification.to_payload()))
    assert ContractSpecification.from_payload(payload) == specification


def test_increasing_tiers_are_written_out() -> None:
    tiers = maintenance_tiers(detail(PUSHED))
    assert [tier.limit for tier in tiers] == [9000.0, 10000.0, 11000.0]
    assert [tier.maintenance_margin_rate for tier in tiers] == pytest.approx([0.01, 0.015, 0.02])
    assert [tier.initial_margin_rate for tier in tiers] == pytest.approx([0.02, 0.03, 0.04])


def test_steps_of_nothing_are_one_tier_and_missing_rates_none() -> None:
    assert len(maintenance_tiers(detail(PUSHED, riskIncrVol=0))) == 1
    assert maintenance_tiers(detail(PUSHED, maintenanceMarginRate=None)) == ()
    assert maintenance_tiers(detail(BITCOIN, riskLimitCustom=[])) == ()


def test_tiers_by_value_are_said_to_be() -> None:
    assert detail(BITCOIN, riskLimitType="BY_VALUE").specification().tier_type == "value"


def test_what_is_not_said_stays_unknown() -> None:
    specification = detail({"symbol": "X_USDT", "contractSize": 1}).specification()
    assert math.isnan(specification.price_unit)
    assert math.isnan(specification.vol_unit)
    assert specification.max_vol is None
    assert specification.tiers == ()


def test_steps_come_from_the_decimals_where_nothing_else_tells() -> None:
    specification = detail({"symbol": "X_USDT", "contractSize": 1, "priceScale": 3, "volScale": 0}).specification()
    assert (specification.price_unit, specification.vol_unit, specification.min_vol) == (0.001, 1.0, 1.0)


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "trading"), (1, "delivering"), (2, "delivered"), (3, "offline"), (4, "paused"), (9, "state 9")],
)
def test_states_have_names(number: int, name: str) -> None:
    assert detail(BITCOIN, state=number).state_name == name


def test_the_base_coin_is_named_as_people_know_it() -> None:
    assert detail(BITCOIN, baseCoin="FILECOIN", baseCoinName="FIL").base == "FIL"
    assert detail({"symbol": "PEPE_USDT", "contractSize": 1e7}).base == "PEPE"


def test_a_field_that_cannot_be_read_counts_as_not_said_but_for_symbol_and_size() -> None:
    odd = detail(BITCOIN, maxLeverage="many", riskLimitCustom={"a": 1}, apiAllowed="perhaps", priceUnit="0.5")
    assert (odd.max_leverage, odd.risk_limit_custom, odd.api_allowed, odd.price_unit) == (None, None, None, 0.5)
    for change in ({"contractSize": 0}, {"contractSize": None}, {"symbol": ""}, {"contractSize": "nan"}):
        with pytest.raises(msgspec.ValidationError):
            detail(BITCOIN, **change)


def test_details_are_equal_where_their_terms_are() -> None:
    assert detail(BITCOIN, isHot=False, displayNameEn="x") == detail(BITCOIN)
    assert detail(BITCOIN, apiAllowed=False) != detail(BITCOIN)
    assert detail(BITCOIN, contractSize="1E-4") == detail(BITCOIN)


def test_what_a_push_leaves_out_stays_as_it_was() -> None:
    listed = detail(BITCOIN, symbol="CLO_USDT")
    pushed = detail(PUSHED).completed(listed)
    assert (pushed.contract_size, pushed.api_allowed, pushed.max_vol) == (10.0, True, 400_000.0)
    assert detail(BITCOIN).completed(listed) == detail(BITCOIN)


# Contracts and coins


def test_linear_contracts_are_coins_each() -> None:
    assert base_quantity(208, 77526.0, detail(BITCOIN)) == pytest.approx(0.0208)
    pepe = detail({"symbol": "PEPE_USDT", "contractSize": 1e7, "quoteCoin": "USDT", "settleCoin": "USDT"})
    assert base_quantity(42, 1.2553e-05, pepe) == 42e7


def test_inverse_contracts_are_dollars_each() -> None:
    inverse = detail(
        {"symbol": "BTC_USD", "contractSize": 100, "baseCoin": "BTC", "quoteCoin": "USD", "settleCoin": "BTC"}
    )
    assert inverse.inverse
    assert base_quantity(3, 50_000.0, inverse) == pytest.approx(0.006)
    assert detail({"symbol": "ETH_USD", "contractSize": 10}).inverse
    assert not detail({"symbol": "BTC_USD1", "contractSize": 1, "quoteCoin": "USD1", "settleCoin": "USD1"}).inverse


@given(
    st.floats(1, 1e9), st.floats(1e-9, 1e6), st.floats(1e-5, 1e7), st.booleans()
)  # fmt: skip
def test_turnover_is_the_same_in_coins_and_in_contracts(
    contracts: float, price: float, size: float, inverse: bool
) -> None:
    settle = "X" if inverse else "USDT"
    terms = ContractDetail("X_USDT", size, quote_coin="USDT", settle_coin=settle)
    turnover = base_quantity(contracts, price, terms) * price
    assert turnover == pytest.approx(contracts * size if inverse else contracts * size * price)


def test_the_published_contracts_are_read() -> None:
    path = DATA / "mexc_vectors_response.json"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    replies = {each["name"]: each["response"] for each in json.loads(path.read_text(encoding="utf-8"))["jkorf_rest"]}
    bitcoin = read_detail(json.dumps(replies["ExchangeData/GetSymbol"]["data"]).encode())
    specification = bitcoin.specification()
    assert (specification.contract_size, specification.price_unit, specification.max_leverage) == (0.0001, 0.5, 125.0)
    assert len(specification.tiers) == 100
    assert specification.tiers[1] == MaintenanceTier(20_000.0, 0.008, 0.012)
