"""What the exchange answers on the WebSocket."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace


def test_a_ping_gets_one_pong_with_the_exchanges_time(play):
    async def scenario(scene):
        client = await scene.client()
        await client.send("ping")
        await client.until(lambda: client.messages)
        (pong,) = client.messages
        assert list(pong) == ["channel", "data", "ts"]
        assert pong["channel"] == "pong"
        assert 0 <= scene.server.clock.now_ms() - pong["data"] < 60_000

    play(scenario)


def test_a_subscription_is_acknowledged_without_its_symbol_and_before_any_data(play):
    async def scenario(scene):
        client = await scene.client()
        await client.send("sub.depth.full", "AAA_USDT", limit=5)
        await client.until(lambda: client.of("push.depth.full"))
        assert client.texts[0].startswith('{"channel":"rs.sub.depth.full","data":"success","ts":')
        assert "symbol" not in client.messages[0]

    play(scenario)


def test_an_unknown_contract_is_refused_by_name(play):
    async def scenario(scene):
        client = await scene.client()
        await client.send("sub.deal", "NOPE_USDT")
        await client.socket.send_str('{"method":"sub.deal"}')
        await client.until(lambda: len(client.messages) == 2)
        assert [message["data"] for message in client.messages] == [
            "Contract [NOPE_USDT] not exists",
            "Contract [null] not exists",
        ]
        assert {message["channel"] for message in client.messages} == {"rs.error"}

    play(scenario)


def test_a_symbol_in_lower_case_is_acknowledged_and_stays_silent(play):
    async def scenario(scene):
        client = await scene.client()
        await client.send("sub.depth", "aaa_usdt")
        await client.send("sub.depth", "BBB_USDT")
        await client.until(lambda: len(client.of("push.depth")) > 5)
        assert len(client.of("rs.sub.depth")) == 2
        assert {message["symbol"] for message in client.of("push.depth")} == {"BBB_USDT"}

    play(scenario)


def test_nonsense_gets_a_notice_or_no_answer_and_the_socket_stays_open(play):
    async def scenario(scene):
        client = await scene.client()
        for text in ("hello", "[1]", '"x"', "1" * 5000, '{"method":7}', '{"method":"sub.nothing"}', "{}"):
            await client.socket.send_str(text)
        await client.socket.send_bytes(b"\xff\xfe")
        await client.send("login", apiKey="x")
        await client.send("sub.depth.full", "AAA_USDT", limit=30)
        await client.send("sub.kline", "AAA_USDT", interval="Min7")
        await client.send("sub.depth.step", "AAA_USDT", step="NaN")
        await client.send("ping")
        await client.until(lambda: client.of("pong"))
        assert [message["data"] for message in client.of("rs.error")] == ["invalid message"] * 5 + [
            "Not support limit",
            "invalid param",
            "invalid param",
        ]
        assert len(client.messages) == 9

    play(scenario)


def test_a_second_subscription_is_acknowledged_again_and_the_stream_is_not_doubled(play):
    async def scenario(scene):
        client = await scene.client()
        for _ in range(2):
            await client.send("sub.deal", "AAA_USDT")
        await client.until(lambda: len(client.of("push.deal")) > 20)
        ids = [deal["i"] for message in client.of("push.deal") for deal in message["data"]]
        assert len(client.of("rs.sub.deal")) == 2
        assert len(ids) == len(set(ids))

    play(scenario)


def test_another_limit_replaces_the_one_before(play):
    async def scenario(scene):
        client = await scene.client()
        await client.send("sub.depth.full", "AAA_USDT", limit=5)
        await client.until(lambda: client.of("push.depth.full"))
        await client.send("sub.depth.full", "AAA_USDT", limit=10)
        await client.until(lambda: len(client.of("push.depth.full")[-1]["data"]["bids"]) == 10)
        begin = len(client.messages)
        await client.until(lambda: len(client.messages) > begin + 5)
        assert {len(message["data"]["bids"]) for message in client.messages[begin:]} == {10}

    play(scenario)


def test_after_unsubscribing_nothing_comes(play):
    async def scenario(scene):
        client = await scene.client()
        await client.send("sub.depth", "AAA_USDT")
        await client.until(lambda: client.of("push.depth"))
        await client.send("unsub.depth", "AAA_USDT")
        await client.until(lambda: client.of("rs.unsub.depth"))
        count = len(client.messages)
        await asyncio.sleep(0.3)
        assert len(client.messages) == count

    play(scenario)


def test_a_silent_client_with_subscriptions_is_told_and_closed_without_a_code(play):
    async def scenario(scene):
        client = await scene.client()
        await client.send("sub.depth", "AAA_USDT")
        await client.until(lambda: client.closed)
        notice = client.of("rs.error")
        assert [message["data"] for message in notice] == ["more than 0.4 seconds no response, close the channel"]
        assert client.closed == 1005

    play(scenario, ping_seconds=0.4)


def test_a_silent_client_without_subscriptions_is_closed_without_a_word(play):
    async def scenario(scene):
        client = await scene.client()
        await client.until(lambda: client.closed)
        assert client.messages == []
        assert client.closed == 1006

    play(scenario, ping_seconds=0.3)


def test_pings_keep_a_connection_open(play):
    async def scenario(scene):
        client = await scene.client()
        for _ in range(8):
            await client.send("ping")
            await asyncio.sleep(0.1)
        assert client.closed is None

    play(scenario, ping_seconds=0.4)


def test_a_client_that_does_not_read_is_cut_off_and_the_others_do_not_notice(play, lively):
    async def scenario(scene):
        reading = await scene.client()
        lazy = await scene.session.ws_connect(scene.server.websocket_url)
        lazy._response.connection.transport.pause_reading()
        for socket in (lazy, reading.socket):
            for symbol in ("AAA_USDT", "BBB_USDT", "CCC_USD"):
                await socket.send_str(
                    json.dumps({"method": "sub.depth.full", "param": {"symbol": symbol, "limit": 50}})
                )
                await socket.send_str(
                    json.dumps({"method": "sub.depth", "param": {"symbol": symbol, "compress": False}})
                )
        await reading.until(lambda: scene.server.cut_off == 1, seconds=20)
        count = len(reading.messages)
        await reading.until(lambda: len(reading.messages) > count + 10)
        assert list(scene.server.connections) == [1]
        lazy._response.connection.transport.abort()

    play(scenario, replace(lively, speed=100.0, tempo=5.0), pile_bytes=12 << 20)
