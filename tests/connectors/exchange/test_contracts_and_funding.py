"""Contract details and funding of the simulated exchange."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.simulated.exchange.contract_details import contract_detail, parts_of
from connectors.simulated.exchange.flow import Listing
from connectors.simulated.exchange.funding import HOUR_MS, FundingCycle
from connectors.simulated.market import GeneratedMarket
from connectors.simulated.parameters import MarketParameters

START_MS = 1_763_856_000_000
VECTORS = Path(__file__).parents[3].parent / "shared/data/mexc/mexc_vectors_response.json"
COINS = GeneratedMarket(
    MarketParameters(symbols=60, trades=60, hours=1.0, pumps=0, seed=3, price_low=1e-7, price_high=1e5)
).coins


def detail_of(number: int, symbol: str | None = None) -> dict[str, Any]:
    coin = COINS[number]
    return contract_detail(Listing(symbol or coin.symbol, coin.contract, coin.price, 1e-3, 10.0), number, START_MS)


def test_details_agree_with_the_contract_of_the_coin() -> None:
    for number, coin in enumerate(COINS):
        detail, contract = detail_of(number), coin.contract
        assert detail["contractSize"] == contract.contract_size
        assert detail["priceUnit"] == contract.price_unit
        assert (detail["volUnit"], detail["minVol"], detail["maxVol"]) == (1, 1, contract.max_vol)
        assert detail["maxLeverage"] == contract.max_leverage
        assert detail["maintenanceMarginRate"] == contract.tiers[0].maintenance_margin_rate
        assert (detail["makerFeeRate"], detail["takerFeeRate"]) == (0.0006, 0.0008)
        if detail["riskLimitMode"] == "CUSTOM":
            tiers = [(tier["maxVol"], tier["mmr"], tier["imr"]) for tier in detail["riskLimitCustom"]]
            assert tiers == [
                (tier.limit, tier.maintenance_margin_rate, tier.initial_margin_rate) for tier in contract.tiers
            ]


def test_there_is_variety() -> None:
    details = [detail_of(number) for number in range(len(COINS))]
    sizes = [detail["contractSize"] for detail in details]
    assert min(sizes) <= 1e-4
    assert max(sizes) >= 1e6
    assert {detail["riskLimitMode"] for detail in details} == {"CUSTOM", "INCREASE"}
    assert sum(not detail["apiAllowed"] for detail in details) == 2
    assert len({detail["bidLimitPriceRate"] for detail in details}) == 4
    assert len({detail["id"] for detail in details}) == len(details)


def test_risk_levels_by_steps_end_at_the_largest_position() -> None:
    detail = detail_of(2)
    last = detail["riskBaseVol"] + (detail["riskLevelLimit"] - 1) * detail["riskIncrVol"]
    assert detail["riskLimitMode"] == "INCREASE"
    assert detail["riskLimitCustom"] == []
    assert 0.99 * detail["maxVol"] <= last <= detail["maxVol"]


def test_dollar_contracts_are_inverse() -> None:
    detail = detail_of(0, "BTC_USD"), detail_of(1, "ETH_USD")
    assert [each["contractSize"] for each in detail] == [100, 10]
    assert [each["settleCoin"] for each in detail] == ["BTC", "ETH"]
    assert parts_of("BTC_USD") == ("BTC", "USD")


@pytest.mark.skipif(not VECTORS.exists(), reason="../shared is not there")
def test_details_have_every_field_of_a_reply_of_the_real_exchange() -> None:
    replies = json.loads(VECTORS.read_text())["jkorf_rest"]
    (reply,) = (each["response"]["data"] for each in replies if each["name"] == "ExchangeData/GetSymbol")
    detail = detail_of(0)
    assert reply.keys() <= detail.keys()
    for name, value in reply.items():
        kinds = (int, float) if isinstance(value, int | float) and not isinstance(value, bool) else type(value)
        assert isinstance(detail[name], kinds), name


def test_details_are_plain_json() -> None:
    assert json.loads(json.dumps(detail_of(1))) == detail_of(1)


@pytest.mark.parametrize("hours", [1, 2, 4, 8])
def test_settlements_lie_on_multiples_of_the_cycle(hours: int) -> None:
    cycle = FundingCycle(hours, 0.02, START_MS + 5 * HOUR_MS + 1)
    assert cycle.next_settle_ms == START_MS + (5 // hours + 1) * hours * HOUR_MS
    settled = cycle.settle()
    assert cycle.next_settle_ms == settled.settle_ms + hours * HOUR_MS


def test_a_quiet_market_pays_the_interest_of_its_cycle() -> None:
    assert FundingCycle(8, 0.02, START_MS).rate == 0.0001
    assert FundingCycle(4, 0.02, START_MS).rate == 0.00005


@pytest.mark.parametrize(("premium", "rate"), [(0.004, 0.0035), (-0.004, -0.0035), (0.0004, 0.0001), (0.5, 0.02)])
def test_the_rate_follows_the_premium_damped_and_capped(premium: float, rate: float) -> None:
    cycle = FundingCycle(8, 0.02, START_MS)
    for _ in range(10):
        cycle.sample(premium)
    assert cycle.rate == pytest.approx(rate)


def test_the_rate_drifts_with_the_mean_premium_since_the_last_settlement() -> None:
    cycle = FundingCycle(8, 0.02, START_MS)
    rates = []
    for premium in (0.004, 0.002, -0.003):
        assert cycle.sample(premium)
        rates.append(cycle.rate)
    assert rates == pytest.approx([0.0035, 0.0025, 0.0005])
    charged = cycle.settle()
    assert charged.rate == rates[-1]
    cycle.sample(0.004)
    assert cycle.rate == pytest.approx(0.0035)


def test_history_comes_in_pages_newest_first() -> None:
    cycle = FundingCycle(1, 0.02, START_MS)
    for premium in (0.001, 0.002, 0.003):
        cycle.sample(premium)
        cycle.settle()
    page = cycle.page("ALPHA_USDT", 1, 2)
    assert (page["totalCount"], page["totalPage"], page["currentPage"], page["pageSize"]) == (3, 2, 1, 2)
    times = [row["settleTime"] for row in page["resultList"]]
    assert times == [START_MS + 3 * HOUR_MS, START_MS + 2 * HOUR_MS]
    assert [row["settleTime"] for row in cycle.page("ALPHA_USDT", 2, 2)["resultList"]] == [START_MS + HOUR_MS]
