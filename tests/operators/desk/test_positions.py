"""Average entry, realised P&L, liquidation, funding, excursions: the golden numbers of the trading page."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.contracts import ContractSpecification, MaintenanceTier
from operators.desk.liquidation import bankruptcy_price, maintenance_margin_rate
from operators.desk.positions import OpenPosition, add, excursions, liquidate, protect, reduce, see


def held(direction: int, *entries: tuple[float, float], leverage: float = 1.0) -> OpenPosition:
    position = OpenPosition("id", "test", "ABC_USDT", direction, leverage, 0)
    for price, quantity in entries:
        add(position, price, Decimal(str(quantity)), 0.0)
    return position


@pytest.mark.parametrize(
    ("direction", "entries", "price", "quantity", "realized"),
    [
        (1, [(100, 10)], 110, 10, 100.0),
        (-1, [(100, 10)], 90, 10, 100.0),
        (1, [(100, 5), (110, 5)], 115, 10, 100.0),
        (1, [(100, 10)], 110, 5, 50.0),
    ],
)
def test_realised_profit(direction, entries, price, quantity, realized):
    position = held(direction, *entries)
    assert reduce(position, price, Decimal(quantity), 0.0) == realized
    assert position.realized == realized
    assert position.quantity == sum(Decimal(q) for _, q in entries) - quantity


def test_margin_is_the_notional_by_leverage_and_shrinks_pro_rata():
    position = held(1, (100, 10), leverage=4)
    reduce(position, 110, Decimal(4), 0.0)
    assert (position.margin, position.margin_entered) == (150.0, 250.0)


TIERS = (MaintenanceTier(10, 0.001, 0.01), MaintenanceTier(100, 0.005, 0.02))
BTC = ContractSpecification(0.0001, 0.1, 1, 1, tiers=TIERS, liquidation_fee_rate=0.0002)


@pytest.mark.parametrize(("direction", "price"), [(1, 55020.48), (-1, 164534.52)])
def test_liquidation_prices_of_the_exchanges_example(direction, price):
    position = held(direction, (109777.5, 0.0005), leverage=2)
    protect(position, BTC, None, None)
    assert position.margin == pytest.approx(27.444375)
    assert round(position.liquidation, 2) == price
    assert bankruptcy_price(1, 0.0005, 109777.5, 27.444375) == pytest.approx(54888.75)


def test_the_tier_is_that_of_the_whole_position():
    assert maintenance_margin_rate(BTC, 10 * 0.0001, 1.0) == 0.001
    assert maintenance_margin_rate(BTC, 11 * 0.0001, 1.0) == 0.005
    assert maintenance_margin_rate(BTC, 999 * 0.0001, 1.0) == 0.005, "the last tier beyond all"
    by_value = ContractSpecification(1, 0.1, 1, 1, tiers=TIERS, tier_type="value")
    assert maintenance_margin_rate(by_value, 2.0, 30.0) == 0.005


@given(
    entries=st.lists(st.tuples(st.floats(1, 1e5), st.integers(1, 10_000)), min_size=1, max_size=5),
    direction=st.sampled_from([1, -1]),
    leverage=st.sampled_from([1.0, 2.0, 20.0]),
)
def test_a_liquidation_realises_exactly_minus_the_margin(entries, direction, leverage):
    position = held(direction, *entries, leverage=leverage)
    margin = position.margin
    price, realized = liquidate(position)
    assert (realized, position.realized, position.quantity, position.margin) == (-margin, -margin, 0, 0.0)
    quantity = sum(q for _, q in entries)
    assert direction * (price - position.average) * quantity == pytest.approx(-margin, rel=1e-6)


def test_excursions_are_the_extremes_of_the_unrealised_profit():
    position = held(1, (100, 10))
    see(position, 104.0, 97.0)
    add(position, 110.0, Decimal(10), 0.0)
    see(position, 106.0, 103.0)
    assert excursions(position) == (-40.0, 40.0)
    assert (position.high, position.low) == (106.0, 97.0)


def test_no_trade_seen_is_no_excursion():
    assert excursions(held(1, (100, 10))) == (0.0, 0.0)
    assert math.isnan(held(1, (100, 10)).high)


def leveraged(bench, leverage=10, **more):
    entry = {"when": bench.when("z1"), "size": {"mode": "quote", "value": 1000}, "leverage": leverage, **more}
    return bench.strategy(z1_entry=entry)


def opened(bench, **specification):
    contract = bench.Specification(1.0, 0.01, 0.1, 0.1, tiers=(bench.tier(1e9, 0.01, 0.05),), **specification)
    tape = bench.Tape().contract(specification=contract).trade(1, 100).trade(2, 100, s1=1)
    return tape.trade(3, 100, z1=1).trade(4, 100, z1=0, s1=0)


def test_a_position_is_liquidated_at_the_last_price_where_the_tape_has_no_fair_price(bench):
    """Average 100, 10x: margin 100, mmr 1 %: at 91."""
    run = bench.run(opened(bench).trade(5, 91.01).trade(6, 91).trade(7, 100), leveraged(bench, 10))
    assert run.moves[4:] == [(6.0, "liquidation", "CLOSE_PENDING"), (6.0, "flat", "EXITED")]
    (position,) = run.of("positions")
    assert (position.status, position.exit_reason, position.realized_pnl) == ("CLOSED", "LIQUIDATION", -100.0)
    assert position.liquidation_price == pytest.approx(91.0)
    assert position.average_exit == 90.0
    assert [fill.fee for fill in run.of("fills")] == [pytest.approx(0.8), 0.0]
    assert run.of("risk_events")[0].type == "liquidation"
    assert run.of("equity")[-1].equity == pytest.approx(10_000 - 100 - 0.8)


def test_the_fair_price_decides_where_the_tape_has_it(bench):
    tape = opened(bench).event(4.5, "mark", {"fair": 100.0, "index": None}).trade(5, 80).trade(6, 95)
    tape.event(6.5, "mark", {"fair": 90.5, "index": None}).trade(7, 100)
    run = bench.run(tape, leveraged(bench, 10))
    assert run.moves[4:] == [(6.5, "liquidation", "CLOSE_PENDING"), (6.5, "flat", "EXITED")]


def test_liquidation_comes_before_the_stop(bench):
    run = bench.run(opened(bench).trade(5, 90).trade(6, 100), leveraged(bench, 10, stop_loss={"percent": 5}))
    assert run.triggers[4] == "liquidation"


def funding(bench, *events, **account):
    """A long of 10 at 100; funding events (second, rate, settlement, settled)."""
    tape = opened(bench)
    for second, rate, settlement, settled in events:
        payload = {"rate": rate, "next_settle_ts": bench.us(settlement), "settled": settled}
        tape.event(second, "funding", payload)
    return bench.run(tape.trade(9, 110).trade(20, 110), leveraged(bench, 2), bench.account(**account))


def test_longs_pay_a_positive_rate_at_the_settlement(bench):
    run = funding(bench, (5, 0.001, 10, False))
    assert run.of("positions")[0].funding == pytest.approx(0.001 * 10 * 110)
    assert run.of("equity")[-1].balance == pytest.approx(10_000 - 0.8 - 1.1)


def test_a_settlement_before_the_fill_or_after_the_tape_is_not_paid(bench):
    assert funding(bench, (0.5, 0.001, 3.9, False), (5, 0.001, 30, False)).of("positions")[0].funding == 0.0


def test_shorts_receive(bench):
    tape = opened(bench).event(3.5, "funding", {"rate": 0.001, "next_settle_ts": bench.us(10), "settled": False})
    tape.trade(5, 100, side=-1).trade(12, 100)
    short = bench.strategy(direction="SHORT")
    assert bench.run(tape, short).of("positions")[0].funding == pytest.approx(-1.0)


@pytest.mark.parametrize("recorded", [8, 10, 15])
def test_the_settled_rate_counts_whenever_it_is_recorded(bench, recorded):
    run = funding(bench, (5, 0.001, 10, False), (recorded, 0.0005, 10, True))
    assert run.of("positions")[0].funding == pytest.approx(0.0005 * 10 * 110)


def test_funding_is_paid_on_the_fair_price(bench):
    tape = opened(bench).event(5, "funding", {"rate": 0.001, "next_settle_ts": bench.us(10), "settled": False})
    tape.event(6, "mark", {"fair": 105.0, "index": None}).trade(12, 110)
    assert bench.run(tape, leveraged(bench, 2)).of("positions")[0].funding == pytest.approx(0.001 * 10 * 105)
