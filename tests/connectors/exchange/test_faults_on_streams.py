"""Every switch that changes what goes over the WebSocket does what the table says."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import WSMsgType

from connectors.simulated.exchange.fault_orders import parse_fault


def ids_of(client, symbol=None):
    return [int(deal["i"]) for message in client.of("push.deal", symbol) for deal in message["data"]]


def run(play, body, *faults, request=None, subscribe=("AAA_USDT",), channels=("deal", "depth"), **settings):
    """An exchange with these faults from the start, and a client with subscriptions."""

    async def scenario(scene):
        for name, parameters in faults:
            scene.server.faults.set(name, parameters)
        client = await scene.client()
        for symbol in subscribe:
            for channel in channels:
                await client.send(f"sub.{channel}", symbol)
        await body(scene, client)

    play(scenario, *([request] if request else []), **settings)


def test_swallowed_pings_leave_a_zombie_that_revives_when_the_switch_is_cleared(play):
    async def body(scene, client):
        await client.until(lambda: client.of("push.depth"))
        scene.server.faults.set("swallowed_pings")
        await asyncio.sleep(0.05)
        count = len(client.messages)
        await client.send("ping")
        await asyncio.sleep(0.3)
        assert len(client.messages) == count
        assert client.closed is None
        scene.server.faults.clear("swallowed_pings")
        await client.until(lambda: len(client.messages) > count)
        assert not client.of("pong")

    run(play, body)


def test_swallowed_pings_may_spare_the_data_and_new_connections(play):
    async def body(scene, client):
        scene.server.faults.set("swallowed_pings", {"data": "yes", "new": "no"})
        await client.send("ping")
        count = len(client.messages)
        await client.until(lambda: len(client.messages) > count + 3)
        assert not client.of("pong")
        second = await scene.client()
        await second.send("ping")
        await second.until(lambda: second.of("pong"))

    run(play, body)


def test_the_ping_rule_can_be_changed(play):
    async def body(scene, client):
        await client.until(lambda: client.closed)
        assert not client.of("rs.error")

    run(play, body, ("ping_rule", {"seconds": 0.3, "notice": "no"}))


def test_reset_on_ping_tears_the_connection_down(play):
    async def body(scene, client):
        await client.send("ping")
        await client.until(lambda: client.closed == 1006)

    run(play, body, ("reset_on_ping", {}))


def test_muted_subscriptions_are_acknowledged_and_never_speak(play):
    async def body(scene, client):
        await client.until(lambda: len(client.of("push.depth")) > 5)
        assert len(client.of("rs.sub.depth")) == len(client.of("rs.sub.deal")) == 2
        assert {message["symbol"] for message in client.of("push.depth")} == {"BBB_USDT"}
        assert client.of("push.deal", "AAA_USDT")

    fault = ("muted", {"symbols": "AAA_USDT", "channels": "depth"})
    run(play, body, fault, subscribe=("AAA_USDT", "BBB_USDT"))


@pytest.mark.parametrize("acked", ["yes", "no"])
def test_lost_subscriptions(play, acked):
    async def body(scene, client):
        await client.send("ping")
        await client.until(lambda: client.of("pong"))
        await asyncio.sleep(0.2)
        assert len(client.of("rs.sub.depth")) == (acked == "yes")
        assert not client.of("push.depth")
        assert not scene.server.connections[1].subscriptions

    run(play, body, ("lost_subscriptions", {"share": 1, "acked": acked}))


def test_forgotten_subscriptions_stop_after_a_while(play):
    async def body(scene, client):
        await client.until(lambda: client.of("push.depth"))
        await client.until(lambda: not scene.server.connections[1].subscriptions)
        count = len(client.messages)
        await asyncio.sleep(0.3)
        assert len(client.messages) == count

    run(play, body, ("forgotten_subscriptions", {"seconds": 0.5}))


def test_acknowledgements_late_repeated_and_out_of_order(play):
    async def body(scene, client):
        await client.until(lambda: sum(message["channel"].startswith("rs.") for message in client.messages) == 12)
        names = [message["channel"] for message in client.messages if message["channel"].startswith("rs.")]
        assert Counter(names) == Counter({"rs.sub.deal": 6, "rs.sub.depth": 6})
        assert names != sorted(names)
        assert client.messages[0]["channel"].startswith("push.") or names != ["rs.sub.deal", "rs.sub.depth"] * 6

    run(play, body, ("odd_acknowledgements", {"delay": 0.5, "copies": 6}))


def test_unsubscribing_may_stay_unanswered(play):
    async def body(scene, client):
        await client.send("unsub.deal", "AAA_USDT")
        await client.send("ping")
        await client.until(lambda: client.of("pong"))
        assert not client.of("rs.unsub.deal")
        assert not any(key[0] == "deal" for key in scene.server.connections[1].subscriptions)

    run(play, body, ("silent_unsubscribe", {}))


def test_doubled_streams(play):
    async def body(scene, client):
        await client.send("sub.deal", "AAA_USDT")
        await client.until(lambda: len(client.of("push.deal")) > 10)
        counts = Counter(ids_of(client))
        assert sum(count == 2 for count in counts.values()) > 3
        assert max(counts.values()) == 2
        await client.send("unsub.deal", "AAA_USDT")
        await client.until(lambda: client.of("rs.unsub.deal"))
        count = len(client.of("push.deal"))
        await asyncio.sleep(0.2)
        assert len(client.of("push.deal")) == count

    run(play, body, ("doubled_streams", {}))


def test_a_quiet_market_is_quiet_everywhere(play):
    async def body(scene, client):
        await client.until(lambda: scene.server.stage.now > scene.server.clock.start_ms + 40_000)
        venue = scene.server.stage.venue
        assert len({change.ms for change in venue.commits("AAA_USDT")}) <= 6
        assert len(venue.commits("BBB_USDT")) > 100

    run(play, body, ("quiet_market", {"seconds": 10, "symbols": "AAA_USDT"}))


def test_a_busy_market_has_many_more_deals(play):
    async def body(scene, client):
        await client.until(lambda: len(scene.server.stage.venue.deals("BBB_USDT")) > 5)
        many = [deal.ms for deal in scene.server.stage.venue.deals("BBB_USDT")]
        assert max(Counter(many).values()) >= 20

    run(play, body, ("busy_market", {"times": 20}))


@pytest.mark.parametrize("cure", ["never", "resubscribe", "reconnect"])
def test_frozen_streams_flow_again_after_their_cure(play, cure):
    async def body(scene, client):
        await client.until(lambda: client.of("push.depth"))
        scene.server.faults.set("frozen_streams", {"channels": "depth", "cure": cure})
        await asyncio.sleep(0.05)
        frozen, deals = len(client.of("push.depth")), len(client.of("push.deal"))
        await client.until(lambda: len(client.of("push.deal")) > deals + 3)
        assert len(client.of("push.depth")) == frozen
        await client.send("sub.depth", "AAA_USDT")
        if cure == "resubscribe":
            await client.until(lambda: len(client.of("push.depth")) > frozen)
            return
        second = await scene.client()
        await second.send("sub.depth", "AAA_USDT")
        if cure == "reconnect":
            await second.until(lambda: second.of("push.depth"))
        else:
            await asyncio.sleep(0.3)
            assert not second.of("push.depth")
        assert len(client.of("push.depth")) == frozen

    run(play, body)


def test_held_streams_come_in_a_burst_and_lose_nothing(play):
    async def body(scene, client):
        await client.until(lambda: client.of("push.deal"))
        scene.server.faults.set("held_streams", {"channels": "deal"})
        await asyncio.sleep(0.05)
        count = len(client.of("push.deal"))
        await asyncio.sleep(0.5)
        assert len(client.of("push.deal")) == count
        scene.server.faults.clear("held_streams")
        await client.until(lambda: len(client.of("push.deal")) > count + 2)
        first = scene.server.stage.now - client.of("push.deal")[count]["ts"]
        assert first > 5_000
        ids = sorted(ids_of(client))
        held = [deal.deal_id for deal in reversed(scene.server.stage.venue.deals("AAA_USDT"))]
        assert ids == [number for number in held if ids[0] <= number <= ids[-1]] or len(held) == 100

    run(play, body)


def test_deals_change_their_shape(play):
    async def body(scene, client):
        await client.until(lambda: len(client.of("push.deal")) > 30)
        seen = set()
        for message in client.of("push.deal"):
            rows = message["data"]
            if isinstance(rows, dict):
                seen.add("object")
                rows = [rows]
            for row in rows:
                seen.add((type(row.get("i")).__name__, "cts" in row, type(row["t"]).__name__))
        assert seen == {
            "object",
            ("str", True, "int"),
            ("int", True, "int"),
            ("NoneType", False, "int"),
            ("str", False, "int"),
            ("str", True, "str"),
        }

    run(play, body, ("deal_shapes", {}))


def test_shuffled_deals(play, lively):
    async def body(scene, client):
        await client.until(lambda: len(client.of("push.deal")) > 30)
        orders = [[int(deal["i"]) for deal in message["data"]] for message in client.of("push.deal")]
        assert any(order != sorted(order) and order != sorted(order, reverse=True) for order in orders)
        true = {deal.deal_id: deal.ms for deal in scene.server.stage.venue.deals("AAA_USDT")}
        told = [deal for message in client.of("push.deal") for deal in message["data"] if int(deal["i"]) in true]
        apart = [deal["t"] - true[int(deal["i"])] for deal in told]
        assert any(apart)
        assert max(map(abs, apart)) <= 3

    run(play, body, ("shuffled_deals", {"jitter": 3}), request=replace(lively, speed=60.0))


def test_resent_deals_come_before_the_new_ones(play):
    async def body(scene, client):
        await client.until(lambda: len(ids_of(client)) > 10)
        second = await scene.client()
        await second.send("sub.deal", "AAA_USDT")
        await second.until(lambda: len(second.of("push.deal")) > 2)
        assert len(second.of("push.deal")[0]["data"]) == 7
        assert set(ids_of(second)[:5]) & set(ids_of(client))
        scene.server.carry_out(order("resend_deals=count:3"))
        await second.until(lambda: len(ids_of(second)) > len(set(ids_of(second))))

    run(play, body, ("resent_deals", {"count": 7}))


def order(text):
    return parse_fault(text)


def test_lost_deals_are_missing_from_the_stream_and_found_by_rest(play):
    async def body(scene, client):
        await client.until(lambda: len(client.of("push.deal")) > 1)
        before = max(ids_of(client))
        scene.server.faults.set("lost_deals", {"count": 10})
        await client.until(lambda: max(ids_of(client)) > before and ids_of(client)[-1] > before)
        really = [deal.deal_id for deal in reversed(scene.server.stage.venue.deals("AAA_USDT"))]
        missing = [number for number in really if before < number < ids_of(client)[-1] and number not in ids_of(client)]
        assert len(missing) == 10
        assert len((await scene.get("deals/AAA_USDT"))["data"]) >= 10

    run(play, body)


def test_sides_can_be_inverted(play):
    async def body(scene, client):
        await client.until(lambda: len(client.of("push.deal")) > 3)
        true = {str(deal.deal_id): deal.taker for deal in scene.server.stage.venue.deals("AAA_USDT")}
        told = [deal for message in client.of("push.deal") for deal in message["data"] if deal["i"] in true]
        assert told
        assert all(deal["T"] == 3 - true[deal["i"]] for deal in told)

    run(play, body, ("inverted_sides", {}))


def test_wide_merges_span_hundreds_of_versions(play):
    async def body(scene, client):
        await client.until(lambda: len(client.of("push.depth")) > 3)
        frames = [message["data"] for message in client.of("push.depth")]
        assert max(frame["end"] - frame["begin"] for frame in frames) > 100
        assert all(after["begin"] == before["end"] + 1 for before, after in itertools.pairwise(frames))

    run(play, body, ("wide_merge", {"ms": 20_000}))


def test_a_skipped_frame_is_a_gap(play):
    async def body(scene, client):
        await client.until(lambda: len(client.of("push.depth")) > 2)
        scene.server.carry_out(order("skip_frame=symbols:AAA_USDT"))
        count = len(client.of("push.depth"))
        await client.until(lambda: len(client.of("push.depth")) > count + 3)
        assert gaps(client) == 1
        scene.server.faults.set("skipped_frames", {"share": 0.5})
        await client.until(lambda: gaps(client) > 3)

    run(play, body)


def gaps(client):
    frames = [message["data"] for message in client.of("push.depth")]
    return sum(after["begin"] != before["end"] + 1 for before, after in itertools.pairwise(frames))


def test_mixed_numbers_say_the_same(play):
    async def body(scene, client):
        plain = await scene.client()
        await plain.send("sub.depth", "BBB_USDT")
        await client.until(lambda: len(client.of("push.depth")) > 40)
        texts = [text for text in client.texts if '"push.depth"' in text]
        assert any("E+" in text or "E-" in text for text in texts)
        assert any("0" * 25 in text for text in texts)
        levels = [
            level for message in client.of("push.depth") for side in ("bids", "asks") for level in message["data"][side]
        ]
        assert {len(level) for level in levels} == {2, 3}
        grid = scene.server.stage.venue.detail("AAA_USDT")[0]["priceUnit"]
        assert all(abs(level[0] / grid - round(level[0] / grid)) < 1e-6 for level in levels)

    run(play, body, ("mixed_numbers", {"symbols": "AAA_USDT"}))


def test_a_crossing_level_is_told_and_never_taken_back(play):
    async def body(scene, client):
        await client.until(lambda: client.of("push.depth"))
        scene.server.carry_out(order("cross_book=symbols:AAA_USDT"))
        count = len(client.of("push.depth"))
        await client.until(lambda: len(client.of("push.depth")) > count + 1)
        bids = [level for message in client.of("push.depth")[count:] for level in message["data"]["bids"]]
        depth = scene.server.stage.venue.depth("AAA_USDT")
        ghosts = [level for level in bids if level[1:] == [1, 1]]
        assert ghosts
        assert ghosts[0][0] not in {level.price for level in depth.bids}
        assert gaps(client) == 0

    run(play, body)


def test_full_depth_may_repeat_and_go_back(play):
    async def body(scene, client):
        await client.until(lambda: len(client.of("push.depth.full")) > 30)
        versions = [message["data"]["version"] for message in client.of("push.depth.full")]
        steps = [after - before for before, after in itertools.pairwise(versions)]
        assert any(step == 0 for step in steps)
        assert any(step < 0 for step in steps)

    run(play, body, ("odd_full_depth", {"repeat": 0.4, "regress": 0.4}), channels=("depth.full",))


def test_a_delisted_symbol_falls_silent_and_is_refused(play):
    async def body(scene, client):
        await client.until(lambda: client.of("push.depth", "AAA_USDT"))
        scene.server.carry_out(order("delist=symbols:AAA_USDT"))
        await client.send("sub.deal", "AAA_USDT")
        await client.until(lambda: client.of("rs.error"))
        assert client.of("rs.error")[0]["data"] == "Contract [AAA_USDT] not exists"
        count = len(client.of("push.depth", "AAA_USDT"))
        others = len(client.of("push.depth", "BBB_USDT"))
        await client.until(lambda: len(client.of("push.depth", "BBB_USDT")) > others + 3)
        assert len(client.of("push.depth", "AAA_USDT")) <= count + 1
        book = (await scene.get("depth/AAA_USDT"))["data"]
        assert book["asks"] == book["bids"] == []
        assert (await scene.get("depth/AAA_USDT"))["data"] == book
        assert [row["symbol"] for row in (await scene.get("detail"))["data"]] == ["BBB_USDT", "CCC_USD"]

    run(play, body, subscribe=("AAA_USDT", "BBB_USDT"))


def test_a_contract_changes_and_units_become_extreme(play):
    async def body(scene, client):
        await client.send("sub.contract")
        await client.until(lambda: client.of("rs.sub.contract"))
        scene.server.carry_out(order("change_contract=symbols:AAA_USDT,field:collectCycle,value:1"))
        scene.server.carry_out(order("extreme_units=symbols:BBB_USDT"))
        await client.until(lambda: len(client.of("push.contract")) == 2)
        assert (await scene.get("funding_rate/AAA_USDT"))["data"]["collectCycle"] == 1
        assert client.of("push.contract")[1]["data"]["contractSize"] == 10_000_000

    run(play, body)


def test_clocks_that_are_off(play):
    async def body(scene, client):
        await client.send("ping")
        await client.until(lambda: client.of("pong") and client.of("push.deal") and client.of("push.depth"))
        now = scene.server.clock.now_ms()
        pong, deal, depth = (client.of(name)[0] for name in ("pong", "push.deal", "push.depth"))
        shown = [pong["data"], deal["ts"], deal["data"][0]["t"], depth["data"]["cts"]]
        shown += [(await scene.get("ping"))["data"], (await scene.get("deals/AAA_USDT"))["data"][0]["t"]]
        assert all(900_000 < time - now < 1_100_000 for time in shown)

    run(play, body, ("clock_offset", {"ms": 1_000_000}))


def test_refused_handshakes(play):
    async def scenario(scene):
        scene.server.faults.set("refused_handshakes", {"status": 403}, seconds=0.3)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await scene.client()
        assert refusal.value.status == 403
        await asyncio.sleep(0.4)
        await scene.client()

    play(scenario)


@pytest.mark.parametrize(
    ("fault", "kind"), [("binary_frames", WSMsgType.BINARY), ("fragmented_frames", WSMsgType.TEXT)]
)
def test_odd_frames_hold_the_usual_messages(play, fault, kind):
    async def body(scene, client):
        await client.until(lambda: len(client.of("push.depth")) > 10)
        pushes = [got for got, message in zip(client.kinds, client.messages, strict=True) if "symbol" in message]
        assert set(pushes) == {kind}
        assert gaps(client) == 0

    run(play, body, (fault, {"share": 1}))


def test_huge_frames(play):
    async def body(scene, client):
        await client.send("sub.tickers")
        await client.until(lambda: client.of("push.depth") and client.of("push.tickers"))
        data = client.of("push.depth")[0]["data"]
        assert min(len(data["bids"]), len(data["asks"])) >= 640
        assert max(len(text) for text in client.texts) >= 351_000

    run(play, body, ("huge_frames", {}))


def test_two_pongs(play):
    async def body(scene, client):
        await client.send("ping")
        await client.until(lambda: len(client.of("pong")) == 2)

    run(play, body, ("doubled_pongs", {}))


@pytest.mark.parametrize(("how", "code"), [("close", 1001), ("abort", 1006), ("reset", 1006)])
def test_connections_drop(play, how, code):
    async def body(scene, client):
        await client.until(lambda: client.messages)
        scene.server.carry_out(order(f"drop_connections=how:{how}"))
        await client.until(lambda: client.closed)
        assert client.closed == code
        await client.until(lambda: not scene.server.connections)

    run(play, body)
