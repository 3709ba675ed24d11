"""The stream against a scripted exchange over real sockets: subscribing, proving, pinging, dropping."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from connectors.mexc.records import Deals, DepthDelta
from connectors.mexc.stream import StreamSettings, Subscription
from operators.errors import UsageError

BTC, ETH = Subscription("deal", "BTC_USDT"), Subscription("depth", "ETH_USDT")
Scene = Callable[..., Any]
LONGEST_SECONDS = 30.0


def deals(count: int) -> list[Subscription]:
    return [Subscription("deal", f"COIN{number}_USDT") for number in range(count)]


def test_everything_wanted_is_asked_for_and_live_with_its_first_data(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene() as it:
            it.stream.want([BTC, ETH])
            it.run()
            await it.until(lambda: len(it.listener.live) == 2)
            assert it.listener.live == [BTC, ETH]
            assert it.stream.is_live(BTC)
            assert [type(frame) for frame, _ in it.listener.frames] == [Deals, DepthDelta]
            assert it.exchange.subscribes == [(0, "deal", "BTC_USDT"), (0, "depth", "ETH_USDT")]
            assert it.stream.counters.connects == 1
            assert it.stream.status()[0].live == 2

    asyncio.run(scenario())


def test_frames_arrive_in_order_with_the_local_time_of_their_receiving(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene() as it:
            it.stream.want([ETH])
            it.run()
            await it.until(lambda: it.listener.live)
            before = it.clock.local_us()
            for number in range(2, 1_002):
                await it.exchange.push("depth", "ETH_USDT", number)
            await it.until(lambda: len(it.listener.frames) == 1_001)
            assert [frame.last for frame, _ in it.listener.frames] == list(range(1, 1_002))
            times = [received for _, received in it.listener.frames]
            assert times == sorted(times)
            assert before <= times[1] <= times[-1] <= it.clock.local_us()

    asyncio.run(scenario())


def test_more_subscriptions_than_a_connection_takes_open_more_connections(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene(subscriptions_per_connection=4) as it:
            it.stream.want(deals(10))
            it.run()
            await it.until(lambda: len(it.listener.live) == 10)
            assert sorted(len(held) for held in it.exchange.subscribed) == [2, 4, 4]

    asyncio.run(scenario())


def test_wanting_more_while_running_uses_the_room_there_is(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene(subscriptions_per_connection=2) as it:
            it.stream.want([BTC])
            it.run()
            await it.until(lambda: it.listener.live)
            it.stream.want([BTC, ETH])
            await it.until(lambda: len(it.listener.live) == 2)
            it.stream.want(deals(1))
            await it.until(lambda: len(it.listener.live) == 3)
            assert len(it.exchange.connections) == 2
            assert it.stream.wanted == {BTC, ETH, *deals(1)}

    asyncio.run(scenario())


def test_dropping_says_so_waits_for_no_answer_and_closes_an_empty_connection(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene() as it:
            it.stream.want([BTC, ETH])
            it.run()
            await it.until(lambda: len(it.listener.live) == 2)
            it.stream.drop([BTC])
            await it.until(lambda: it.exchange.subscribed[0] == {("depth", "ETH_USDT")})
            received = len(it.listener.frames)
            await it.exchange.push("deal", "BTC_USDT")
            await it.until(lambda: it.stream.counters.unasked)
            assert len(it.listener.frames) == received, "nobody asked for it"
            it.stream.drop([ETH])
            await it.until(lambda: it.exchange.connections[0].closed)
            assert it.stream.status() == []
            assert it.listener.lost == [], "what is dropped is not lost"

    asyncio.run(scenario())


def test_subscribing_keeps_the_pace(scene: Scene) -> None:
    async def scenario() -> list[float]:
        async with scene(subscribe_per_second=10, first_data_seconds=5.0) as it:
            it.stream.want(deals(15))
            it.run()
            await it.until(lambda: len(it.exchange.subscribes) == 15)
            return [at for at, _, request in it.exchange.requests if request["method"] != "ping"]

    times = asyncio.run(scenario())
    for first, over in zip(times, times[10:], strict=False):
        assert over - first >= 0.95


def test_acknowledgements_late_twice_and_out_of_order_prove_nothing(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene(first_data_seconds=5.0) as it:
            it.exchange.acknowledgements = 2
            it.exchange.acknowledgement_delay = 0.05
            it.exchange.mute = {"COIN3_USDT"}
            it.stream.want([*deals(8), ETH])
            it.run()
            await asyncio.sleep(0.2)
            assert set(it.listener.live) == {*deals(8), ETH} - {Subscription("deal", "COIN3_USDT")}
            assert not it.stream.is_live(Subscription("deal", "COIN3_USDT"))
            assert it.stream.was_asked(Subscription("deal", "COIN3_USDT"))

    asyncio.run(scenario())


def test_an_acknowledged_but_mute_stream_is_asked_for_again_in_growing_steps(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene(first_data_seconds=0.05) as it:
            it.exchange.mute = {"BTC_USDT"}
            it.stream.want([BTC, ETH])
            it.run()
            await it.until(lambda: len(it.exchange.subscribes) == 5)
            times = [at for at, _, request in it.exchange.requests if request["method"] == "sub.deal"]
            steps = [later - earlier for earlier, later in pairwise(times)]
            assert steps == pytest.approx([0.05, 0.1, 0.2], abs=0.04)
            assert it.stream.counters.resubscribes == 3
            it.exchange.mute = set()
            await it.until(lambda: it.stream.is_live(BTC))
            assert it.listener.lost == [], "the connection is fine"

    asyncio.run(scenario())


def test_lost_subscription_frames_are_made_good(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene(first_data_seconds=0.03) as it:
            seen: dict[str, int] = {}

            def lose(request: dict[str, Any]) -> bool:
                symbol = request["param"]["symbol"]
                seen[symbol] = seen.get(symbol, 0) + 1
                return seen[symbol] <= hash(symbol) % 3

            it.exchange.lose = lose
            it.stream.want(deals(50))
            it.run()
            await it.until(lambda: len(it.listener.live) == 50)
            assert sorted(it.listener.live) == sorted(deals(50))

    asyncio.run(scenario())


def test_an_unknown_contract_is_reported_and_not_asked_for_again(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene(first_data_seconds=0.03) as it:
            it.exchange.unknown = {"NOPE_USDT"}
            it.stream.want([Subscription("deal", "NOPE_USDT"), BTC])
            it.run()
            await it.until(lambda: it.listener.refused and it.listener.live)
            await asyncio.sleep(0.15)
            assert it.listener.refused == [("NOPE_USDT", "Contract [NOPE_USDT] not exists")]
            assert it.listener.live == [BTC]
            assert len(it.exchange.subscribes) == 2

    asyncio.run(scenario())


def test_the_contract_channel_may_be_silent_and_is_live_by_its_acknowledgement(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene(first_data_seconds=0.03) as it:
            contract = Subscription("contract", "")
            it.stream.want([contract, BTC])
            it.run()
            await it.until(lambda: len(it.listener.live) == 2)
            await asyncio.sleep(0.1)
            assert it.exchange.subscribes.count((0, "contract", "")) == 1

    asyncio.run(scenario())


def test_a_stream_asked_for_anew_is_cancelled_lost_and_live_again(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene() as it:
            it.stream.want([BTC, ETH])
            it.run()
            await it.until(lambda: len(it.listener.live) == 2)
            btc_at = it.listener.frames[0][1]
            it.stream.resubscribe(BTC, "stalled")
            assert it.listener.lost == [([BTC], "stalled", btc_at)]
            assert not it.stream.is_live(BTC)
            await it.until(lambda: it.listener.live.count(BTC) == 2)
            asked = [request["method"] for _, _, request in it.exchange.requests if request["method"] != "ping"]
            assert asked == ["sub.deal", "sub.depth", "unsub.deal", "sub.deal"]
            assert it.stream.counters.resubscribes == 1
            assert it.stream.counters.connects == 1

    asyncio.run(scenario())


def test_reconnecting_takes_one_connection_and_leaves_the_others(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene(subscriptions_per_connection=2) as it:
            it.stream.want(deals(4))
            it.run()
            await it.until(lambda: len(it.listener.live) == 4)
            it.stream.reconnect(deals(4)[3], "stalled")
            await it.until(lambda: len(it.listener.live) == 6)
            (lost, cause, _), *more = it.listener.lost
            assert (lost, cause, more) == (deals(4)[2:], "stalled", [])
            assert len(it.exchange.connections) == 3
            assert it.stream.counters.disconnects == {"stalled": 1}

    asyncio.run(scenario())


def test_pings_go_out_by_the_last_sent_one_while_data_floods_in(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene() as it:
            it.stream.want([ETH])
            it.run()
            await it.until(lambda: it.listener.live)
            # data flows without a pause, so a client that pings only when nothing comes would not ping at all
            end, number = time.monotonic() + LONGEST_SECONDS, 2
            while len(it.exchange.pings()) < 4:
                for _ in range(10):
                    await it.exchange.push("depth", "ETH_USDT", number)
                    number += 1
                await asyncio.sleep(0)
                assert time.monotonic() < end, f"{len(it.exchange.pings())} pings, {it.stream.counters.frames} frames"
            assert it.stream.counters.frames > 100
            assert it.listener.lost == []


def test_two_pongs_for_each_ping_do_no_harm_and_set_the_clock(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene() as it:
            it.exchange.pongs = 2
            it.stream.want([BTC])
            it.run()
            await it.until(lambda: it.stream.counters.pongs >= 10)
            counters = it.stream.counters
            assert counters.pings <= counters.pongs <= 2 * counters.pings
            assert it.clock.summary().measured <= counters.pings
            assert abs(it.clock.offset_us) < 2_000_000, "one machine, one clock"
            assert counters.disconnects == {}

    asyncio.run(scenario())


def test_what_a_listener_raises_ends_the_stream(scene: Scene, remembering_listener: type[Any]) -> None:
    class Broken(remembering_listener):  # type: ignore[misc, valid-type]
        def on_frame(self, frame: object, received_us: int) -> None:
            raise ZeroDivisionError("a bug")

    async def scenario() -> None:
        async with scene(Broken()) as it:
            it.stream.want([BTC])
            running = it.run()
            with pytest.raises(ZeroDivisionError, match="a bug"):
                await asyncio.wait_for(running, LONGEST_SECONDS)

    asyncio.run(scenario())


def test_cancelling_ends_the_stream_soon_and_closes_its_sockets(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene(subscriptions_per_connection=2) as it:
            it.stream.want(deals(6))
            running = it.run()
            await it.until(lambda: len(it.listener.live) == 6)
            running.cancel()
            done, _ = await asyncio.wait([running], timeout=LONGEST_SECONDS)
            assert done
            assert running.cancelled()
            await it.until(lambda: all(socket.closed for socket in it.exchange.connections))

    asyncio.run(scenario())


def test_a_stream_without_anything_wanted_waits(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene() as it:
            it.run()
            await asyncio.sleep(0.05)
            assert it.exchange.handshakes == []
            it.stream.want([BTC])
            await it.until(lambda: it.listener.live == [BTC])

    asyncio.run(scenario())


def test_requests_are_json_with_method_and_parameters(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene() as it:
            it.stream.want([Subscription("depth.full", "BTC_USDT")])
            it.run()
            await it.until(lambda: it.exchange.subscribes)
            request = next(content for _, _, content in it.exchange.requests if content["method"] != "ping")
            wanted = {"method": "sub.depth.full", "param": {"symbol": "BTC_USDT", "limit": 20}, "gzip": False}
            assert json.dumps(request) == json.dumps(wanted)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ping_seconds": 0.0}, "more than 0"),
        ({"pong_deadline_seconds": 13.0}, "at most ping_seconds"),
        ({"depth_levels": 30}, "one of"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        StreamSettings(**changes)
