"""The stream when the exchange misbehaves (failure rows of the protocol notes), over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from connectors.mexc.frames import channel_of
from connectors.mexc.records import Frame, Tickers
from connectors.mexc.stream import Subscription

BTC, ETH = Subscription("deal", "BTC_USDT"), Subscription("depth", "ETH_USDT")
Scene = Callable[..., Any]


def test_a_zombie_is_given_up_when_a_ping_stays_unanswered_though_data_flows(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene() as it:
            it.stream.want([BTC, ETH])
            it.run()
            await it.until(lambda: len(it.listener.live) == 2)
            it.exchange.pongs = 0
            number = 2
            while not it.listener.lost:
                await it.exchange.push("depth", "ETH_USDT", number, connection=0)
                number += 1
                await asyncio.sleep(0.005)
            (lost, cause, since), *_ = it.listener.lost
            assert (lost, cause) == ([BTC, ETH], "no pong")
            assert since in [received for _, received in it.listener.frames[-5:]], "its last frame, not its first"
            it.exchange.pongs = 1
            await it.until(lambda: it.stream.is_live(BTC) and it.stream.is_live(ETH))
            assert it.stream.counters.disconnects["no pong"] >= 1

    asyncio.run(scenario())


def test_a_busy_socket_survives_the_rule_that_closes_those_who_do_not_ping(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene() as it:
            it.exchange.silence_seconds = 1.5
            it.stream.want([ETH])
            it.run()
            await it.until(lambda: it.listener.live)
            end, number = time.monotonic() + 2.5, 2
            while time.monotonic() < end:
                await it.exchange.push("depth", "ETH_USDT", number)
                number += 1
                await asyncio.sleep(0.002)
            assert it.listener.lost == []
            assert len(it.exchange.connections) == 1

    asyncio.run(scenario())


def test_the_notice_that_the_exchange_will_close_is_acted_on(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene() as it:
            it.stream.want([BTC])
            it.run()
            await it.until(lambda: it.listener.live)
            text = "more than 60 seconds no response, close the channel"
            await it.exchange.connections[0].send_json({"channel": "rs.error", "data": text, "ts": 1790148403253})
            await it.until(lambda: len(it.listener.live) == 2)
            assert it.listener.lost[0][1] == "notice that the exchange will close"

    asyncio.run(scenario())


def test_a_reset_in_the_middle_of_a_ping_ends_in_a_new_connection(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene(ping_seconds=0.03, pong_deadline_seconds=0.03) as it:
            it.stream.want([BTC, ETH])
            it.run()
            for again in range(1, 6):
                await it.until(lambda again=again: len(it.listener.live) == 2 * again)
                pings = len(it.exchange.pings(again - 1))
                await it.until(lambda again=again, pings=pings: len(it.exchange.pings(again - 1)) > pings)
                it.exchange.reset()
            await it.until(lambda: len(it.listener.live) == 12)
            assert [sorted(lost) for lost, _, _ in it.listener.lost] == [[BTC, ETH]] * 5
            assert it.stream.counters.connects == 6

    asyncio.run(scenario())


def test_a_closed_connection_comes_back_with_everything_and_says_why_it_went(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene() as it:
            it.stream.want([BTC, ETH])
            it.run()
            await it.until(lambda: len(it.listener.live) == 2)
            last = it.listener.frames[-1][1]
            await it.exchange.connections[0].close(code=1001)
            await it.until(lambda: len(it.listener.live) == 4)
            (lost, cause, since), *more = it.listener.lost
            assert (sorted(lost), cause, more) == ([BTC, ETH], "closed by the exchange (code 1001)", [])
            # control frames count as a sign of life of the connection too
            assert since >= last
            assert it.exchange.subscribed[1] == {BTC, ETH}

    asyncio.run(scenario())


def test_refused_handshakes_are_tried_again_ever_more_slowly_and_lose_nothing(scene: Scene) -> None:
    async def scenario() -> list[float]:
        async with scene(backoff_first=0.02, backoff_longest=0.2) as it:
            it.exchange.refuse = [403, 503] * 6
            it.stream.want([BTC])
            it.run()
            await it.until(lambda: it.listener.live, 10.0)
            assert it.stream.counters.failed_connects == {"handshake refused (403)": 6, "handshake refused (503)": 6}
            assert it.listener.lost == [], "nothing was there to lose"
            return it.exchange.handshakes

    handshakes = asyncio.run(scenario())
    waits = [later - earlier for earlier, later in pairwise(handshakes)]
    assert len(waits) == 12
    assert sum(waits[6:]) > sum(waits[:3])
    assert len({round(wait, 3) for wait in waits}) > 6, "jitter"


def test_nobody_listening_is_counted_and_tried_again(scene: Scene) -> None:
    async def scenario() -> None:
        # Windows takes two seconds to refuse
        async with scene(connect_seconds=5.0) as it:
            it.stream._url = "ws://127.0.0.1:9/edge"
            it.stream.want([BTC])
            it.run()
            await it.until(lambda: it.stream.counters.failed_connects.total() >= 2, 10.0)
            assert set(it.stream.counters.failed_connects) == {"cannot connect (ClientConnectorError)"}
            assert not it.running.done()

    asyncio.run(scenario())


def test_a_handshake_without_an_answer_is_given_up(scene: Scene) -> None:
    async def scenario() -> None:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with scene(connect_seconds=0.05) as it:
            it.stream._url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/edge"
            it.stream.want([BTC])
            it.run()
            await it.until(lambda: it.stream.counters.failed_connects["no answer in time"] >= 2)
        server.close()

    asyncio.run(scenario())


def test_an_exchange_that_accepts_and_hangs_up_at_once_is_not_hammered(scene: Scene) -> None:
    async def scenario() -> int:
        async with scene(backoff_first=0.02, backoff_longest=0.2) as it:

            async def hang_up(socket: web.WebSocketResponse, channel: str, symbol: str) -> None:
                await socket.close(code=1013)

            it.exchange.after_subscribe = hang_up
            it.stream.want([BTC])
            it.run()
            await asyncio.sleep(1.0)
            return len(it.exchange.handshakes)

    assert 4 <= asyncio.run(scenario()) <= 30


def test_a_connection_that_held_for_a_while_begins_the_back_off_anew(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene(steady_seconds=0.05) as it:
            it.exchange.refuse = [503, 503, 503]
            it.stream.want([BTC])
            it.run()
            await it.until(lambda: it.listener.live)
            assert it.stream.status()[0].failures == 3
            await asyncio.sleep(0.1)
            it.exchange.reset()
            await it.until(lambda: len(it.listener.live) == 2)
            assert it.stream.status()[0].failures == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_happens_frames_come_between_live_and_lost_and_all_is_live_in_the_end(
    scene: Scene, remembering_listener: type[Any], seed: int
) -> None:
    class Strict(remembering_listener):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__()
            self.now_live: set[Subscription] = set()

        def on_live(self, subscription: Subscription, received_us: int) -> None:
            assert subscription not in self.now_live, "live twice without being lost"
            self.now_live.add(subscription)

        def on_lost(self, subscriptions: Collection[Subscription], cause: str, since_us: int) -> None:
            assert subscriptions
            self.now_live.difference_update(subscriptions)

        def on_frame(self, frame: Frame, received_us: int) -> None:
            assert channel_of(frame) in self.now_live
            self.frames.append((frame, received_us))

    random = Random(seed)
    wanted = [Subscription(channel, f"COIN{number}_USDT") for number in range(20) for channel in ("deal", "depth")]

    async def scenario() -> None:
        async with scene(Strict(), subscriptions_per_connection=15, first_data_seconds=0.05) as it:
            exchange, listener = it.exchange, it.listener
            exchange.lose = lambda _: random.random() < 0.2
            exchange.acknowledgements = 2
            exchange.acknowledgement_delay = 0.05
            it.stream.want(wanted)
            it.run()
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                await asyncio.sleep(0.02)
                assert not it.running.done(), it.running.result()
                open_now = [number for number, socket in enumerate(exchange.connections) if not socket.closed]
                if not open_now:
                    continue
                number, victim = random.choice(open_now), random.choice(wanted)
                match random.randrange(7):
                    case 0:
                        exchange.reset(number)
                    case 1:
                        with suppress(ConnectionResetError):
                            await exchange.connections[number].close(code=1001)
                    case 2:
                        it.stream.resubscribe(victim, "stalled")
                    case 3:
                        it.stream.reconnect(victim, "stalled")
                    case 4:
                        it.stream.drop([victim])
                        listener.now_live.discard(victim)
                        await asyncio.sleep(0.005)
                        it.stream.want([victim])
                    case 5:
                        exchange.pongs = random.randrange(3)
                    case 6:
                        exchange.refuse = [random.choice((403, 503))] * random.randrange(3)
                with suppress(ConnectionResetError):
                    await exchange.push(*victim, 5, number)
            exchange.pongs, exchange.refuse, exchange.lose = 1, [], lambda _: False
            await it.until(lambda: all(it.stream.is_live(each) for each in wanted))
            assert listener.now_live == set(wanted)

    asyncio.run(scenario())


def test_a_gzipped_binary_frame_is_read(scene: Scene, frame_of: Callable[..., dict[str, Any]]) -> None:
    async def scenario() -> None:
        async with scene() as it:
            it.stream.want([ETH])
            it.run()
            await it.until(lambda: it.listener.live)
            await it.exchange.connections[0].send_bytes(
                gzip.compress(json.dumps(frame_of("depth", "ETH_USDT", 7)).encode())
            )
            await it.until(lambda: len(it.listener.frames) == 2)
            assert it.listener.frames[1][0].last == 7

    asyncio.run(scenario())


def test_a_frame_of_351_kilobytes_is_read_whole_also_in_fragments(
    scene: Scene, frame_of: Callable[..., dict[str, Any]]
) -> None:
    row = frame_of("tickers", "")["data"][0]
    rows = [row | {"symbol": f"COIN{number}_USDT"} for number in range(1_269)]
    raw = json.dumps(frame_of("tickers", "") | {"data": rows}).encode()
    raw += b" " * (351_000 - len(raw))

    async def scenario() -> None:
        async with scene() as it:
            it.stream.want([Subscription("tickers", "")])
            it.run()
            await it.until(lambda: it.listener.live)
            await it.exchange.connections[0].send_str(raw.decode())
            await it.until(lambda: len(it.listener.frames) == 2)
            transport = it.exchange._transports[0]
            transport.write(b"".join(fragments(raw, 10_000)))
            await it.until(lambda: len(it.listener.frames) == 3)
            for frame, _ in it.listener.frames[1:]:
                assert isinstance(frame, Tickers)
                assert len(frame.rows) == 1_269

    asyncio.run(scenario())


def fragments(raw: bytes, size: int) -> list[bytes]:
    """A text message as WebSocket frames (RFC 6455 §5.2) of at most `size` bytes."""
    pieces = [raw[start : start + size] for start in range(0, len(raw), size)]
    frames = []
    for number, piece in enumerate(pieces):
        first = (0x80 if number == len(pieces) - 1 else 0x00) | (0x1 if number == 0 else 0x0)
        frames.append(bytes([first, 126]) + len(piece).to_bytes(2, "big") + piece)
    return frames


def test_a_frame_beyond_all_bounds_costs_the_connection_and_no_more(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene(largest_frame_bytes=10_000) as it:
            it.stream.want([BTC])
            it.run()
            await it.until(lambda: it.listener.live)
            await it.exchange.connections[0].send_str("x" * 20_000)
            await it.until(lambda: len(it.listener.live) == 2)
            assert it.listener.lost[0][1] == "unreadable WebSocket frame (code 1009)"

    asyncio.run(scenario())


def test_frames_that_nobody_can_read_are_reported_and_the_rest_goes_on(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene() as it:
            it.stream.want([ETH])
            it.run()
            await it.until(lambda: it.listener.live)
            socket = it.exchange.connections[0]
            await socket.send_str("{not json")
            await socket.send_bytes(b"\x1f\x8bbroken")
            await socket.send_frame(b'{"channel":"push.depth\xff', WSMsgType.TEXT)
            await it.exchange.push("depth", "ETH_USDT", 2)
            await it.until(lambda: len(it.listener.frames) == 2)
            raws = [raw for raw, _ in it.listener.malformed]
            assert raws == [b"{not json", b"\x1f\x8bbroken", b'{"channel":"push.depth\xff']
            assert all(reason for _, reason in it.listener.malformed)
            assert it.stream.counters.malformed == 3
            assert it.listener.lost == []

    asyncio.run(scenario())


def test_errors_that_name_no_symbol_are_counted_by_their_text(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene() as it:
            it.stream.want([BTC])
            it.run()
            await it.until(lambda: it.listener.live)
            for _ in range(2):
                await it.exchange.connections[0].send_json({"channel": "rs.error", "data": "invalid param", "ts": 1})
            await it.until(lambda: it.stream.counters.notices == {"invalid param": 2})

    asyncio.run(scenario())


def test_a_process_that_stood_still_does_not_take_it_for_a_missing_pong(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene() as it:
            it.stream.want([BTC])
            it.run()
            await it.until(lambda: it.listener.live)
            for _ in range(3):
                pings = it.stream.counters.pings
                await it.until(lambda pings=pings: it.stream.counters.pings > pings)
                time.sleep(0.6)
                await asyncio.sleep(0.02)
            assert it.stream.counters.disconnects == {}

    asyncio.run(scenario())


def test_timers_have_their_turn_while_frames_have_piled_up(
    scene: Scene, remembering_listener: type[Any], frame_of: Callable[..., dict[str, Any]]
) -> None:
    class Slow(remembering_listener):  # type: ignore[misc, valid-type]
        def on_frame(self, frame: object, received_us: int) -> None:
            time.sleep(0.000_2)
            self.frames.append((frame, received_us))

    async def scenario() -> None:
        async with scene(Slow(), ping_seconds=3.0, pong_deadline_seconds=3.0) as it:
            it.stream.want([ETH])
            it.run()
            await it.until(lambda: it.listener.live)
            raw = json.dumps(frame_of("depth", "ETH_USDT")).encode()
            piece = bytes([0x81, 126]) + len(raw).to_bytes(2, "big") + raw
            it.exchange._transports[0].write(piece * 3_000)
            had = [1]
            while had[-1] < 3_001:
                await asyncio.sleep(0.005)
                had.append(len(it.listener.frames))
            # a turn ends after 5 ms, and a frame takes 0.2 ms and more: some 50 frames between two looks
            assert max(later - earlier for earlier, later in pairwise(had)) < 1_000
            assert it.stream.counters.disconnects == {}

    asyncio.run(scenario())
