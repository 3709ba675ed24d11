"""The desired state of one connection."""

from __future__ import annotations

import json

from connectors.mexc.subscriptions import Subscription, Subscriptions

BTC = Subscription("deal", "BTC_USDT")
ETH = Subscription("depth", "ETH_USDT")


def subscriptions(**changes: bool) -> Subscriptions:
    return Subscriptions(10.0, depth_levels=20, **({"merged_depth": True, "merged_deals": True} | changes))


def sent(held: Subscriptions, now: float) -> list[tuple[str, str]]:
    """Everything that is due now, as (method, symbol)."""
    found = []
    while (request := held.next_request(now)) is not None:
        content = json.loads(request.frame)
        found.append((content["method"], content["param"].get("symbol", "")))
    return found


def test_everything_wanted_is_asked_for_once_in_its_order() -> None:
    held = subscriptions()
    held.add([BTC, ETH, BTC], 0.0)
    assert held.wait_seconds(0.0) == 0.0
    assert sent(held, 0.0) == [("sub.deal", "BTC_USDT"), ("sub.depth", "ETH_USDT")]
    assert held.asked_for() == [BTC, ETH]


def test_without_data_it_is_asked_again_after_10_20_40_and_then_each_60_seconds() -> None:
    held = subscriptions()
    held.add([BTC], 0.0)
    times, now = [], 0.0
    while now < 400.0:
        if sent(held, now):
            times.append(now)
        wait = held.wait_seconds(now)
        assert wait is not None
        now += wait
    assert times == [0.0, 10.0, 30.0, 70.0, 130.0, 190.0, 250.0, 310.0, 370.0]


def test_data_proves_a_stream_and_ends_the_asking() -> None:
    held = subscriptions()
    held.add([BTC], 0.0)
    sent(held, 0.0)
    held.prove(held.streams[BTC])
    assert held.wait_seconds(5.0) is None
    assert sent(held, 1_000.0) == []


def test_a_new_connection_asks_for_everything_again() -> None:
    held = subscriptions()
    held.add([BTC, ETH], 0.0)
    sent(held, 0.0)
    held.prove(held.streams[BTC])
    held.begin(50.0)
    assert not held.streams[BTC].live
    assert held.asked_for() == []
    assert sent(held, 50.0) == [("sub.deal", "BTC_USDT"), ("sub.depth", "ETH_USDT")]


def test_a_stream_asked_for_anew_is_cancelled_first_and_proves_nothing_meanwhile() -> None:
    held = subscriptions()
    held.add([BTC], 0.0)
    sent(held, 0.0)
    held.prove(held.streams[BTC])
    held.again(held.streams[BTC], 5.0)
    assert held.streams[BTC].sent == 0
    assert sent(held, 5.0) == [("unsub.deal", "BTC_USDT"), ("sub.deal", "BTC_USDT")]


def test_what_is_wanted_no_longer_is_cancelled_if_it_was_asked_for() -> None:
    held = subscriptions()
    held.add([BTC], 0.0)
    sent(held, 0.0)
    held.add([ETH], 1.0)
    held.remove([BTC, ETH], say_so=True)
    assert sent(held, 1.0) == [("unsub.deal", "BTC_USDT")]
    assert held.wait_seconds(1.0) is None


def test_a_refused_symbol_is_not_asked_for_again_before_the_next_connection() -> None:
    held = subscriptions()
    held.add([BTC, ETH], 0.0)
    sent(held, 0.0)
    held.refused("BTC_USDT")
    assert sent(held, 10.0) == [("sub.depth", "ETH_USDT")]
    held.begin(20.0)
    assert len(sent(held, 20.0)) == 2


def test_only_the_acknowledgement_of_an_exchange_wide_event_channel_proves_anything() -> None:
    held = subscriptions()
    held.add([BTC, Subscription("contract", "")], 0.0)
    assert held.acknowledged("contract") is None, "not asked for yet"
    sent(held, 0.0)
    assert held.acknowledged("deal") is None
    stream = held.acknowledged("contract")
    assert stream is not None
    held.prove(stream)
    assert held.acknowledged("contract") is None


def test_requests_are_written_as_the_exchange_wants_them() -> None:
    held = subscriptions(merged_depth=False, merged_deals=False)
    full, tickers = Subscription("depth.full", "A_USDT"), Subscription("tickers", "")
    held.add([BTC, ETH, full, tickers], 0.0)
    frames = []
    while (request := held.next_request(0.0)) is not None:
        frames.append(json.loads(request.frame))
    assert frames == [
        {"method": "sub.deal", "param": {"symbol": "BTC_USDT", "compress": False}, "gzip": False},
        {"method": "sub.depth", "param": {"symbol": "ETH_USDT", "compress": False}, "gzip": False},
        {"method": "sub.depth.full", "param": {"symbol": "A_USDT", "limit": 20}, "gzip": False},
        {"method": "sub.tickers", "param": {}, "gzip": False},
    ]
