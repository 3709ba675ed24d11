"""What the exchange pushes: shapes on the wire, cadence, and that all of it tells one story."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

CAPTURED = Path(__file__).parents[3].parent / "shared" / "data" / "mexc" / "mexc_captured_frames.jsonl"

PUSHES = {
    "deal": {},
    "depth": {},
    "depth.full": {"limit": 20},
    "depth.step": {"step": "0.001"},
    "ticker": {},
    "kline": {"interval": "Min1"},
    "funding.rate": {},
    "index.price": {},
    "fair.price": {},
}

TICKER = [
    *("symbol", "lastPrice", "riseFallRate", "fairPrice", "indexPrice", "volume24", "amount24", "maxBidPrice"),
    *("minAskPrice", "lower24Price", "high24Price", "timestamp", "bid1", "ask1", "holdVol", "riseFallValue"),
    *("fundingRate", "zone", "riseFallRates", "riseFallRatesOfTimezone"),
]


@pytest.mark.parametrize("channel", PUSHES)
def test_the_channel_comes_last_but_for_the_time(play, channel):
    async def scenario(scene):
        client = await scene.client()
        await client.send(f"sub.{channel}", "AAA_USDT", **PUSHES[channel])
        await client.until(lambda: client.of(f"push.{channel}"))
        message = client.of(f"push.{channel}")[0]
        assert list(message) == ["symbol", "data", "channel", "ts"]
        assert message["symbol"] == "AAA_USDT"
        assert 0 <= scene.server.clock.now_ms() - message["ts"] < 120_000

    play(scenario)


def test_fields_are_in_the_order_of_the_captured_frames(play):
    async def scenario(scene):
        client = await scene.client()
        for channel, param in PUSHES.items():
            await client.send(f"sub.{channel}", "AAA_USDT", **param)
        await client.until(lambda: all(client.of(f"push.{channel}") for channel in PUSHES))
        first = {channel: client.of(f"push.{channel}")[0]["data"] for channel in PUSHES}
        assert list(first["deal"][0]) == ["p", "v", "T", "O", "M", "t", "i", "cts"]
        assert isinstance(first["deal"][0]["i"], str)
        assert first["deal"][0]["cts"] == str(first["deal"][0]["t"])
        assert list(first["depth"]) == ["cts", "asks", "bids", "end", "begin", "version"]
        assert list(first["depth.full"]) == ["cts", "asks", "bids", "version"]
        assert list(first["depth.step"]) == [
            "askMarketLevelPrice",
            "bidMarketLevelPrice",
            "asks",
            "bids",
            "ct",
            "version",
        ]
        assert list(first["kline"]) == ["symbol", "interval", *"tochlaq", "ro", "rc", "rh", "rl"]
        assert list(first["funding.rate"]) == ["symbol", "rate", "nextSettleTime"]
        assert list(first["index.price"]) == list(first["fair.price"]) == ["symbol", "price"]
        assert list(first["ticker"]) == TICKER
        assert len(first["ticker"]["riseFallRates"]) == 6

    play(scenario)


def test_merged_depth_joins_without_a_gap_and_comes_every_200_ms_at_most(play):
    async def scenario(scene):
        client = await scene.client()
        await client.send("sub.depth", "AAA_USDT")
        await client.until(lambda: len(client.of("push.depth")) > 30)
        frames = [message["data"] for message in client.of("push.depth")]
        for before, after in itertools.pairwise(frames):
            assert after["begin"] == before["end"] + 1
            assert after["version"] == after["end"] >= after["begin"]
        times = [message["ts"] for message in client.of("push.depth")]
        assert min(after - before for before, after in itertools.pairwise(times)) >= 200

    play(scenario)


def test_unmerged_depth_tells_each_change_with_the_next_version(play):
    async def scenario(scene):
        client = await scene.client()
        await client.send("sub.depth", "AAA_USDT", compress=False)
        await client.until(lambda: len(client.of("push.depth")) > 60)
        frames = [message["data"] for message in client.of("push.depth")]
        assert all(list(frame) == ["cts", "asks", "bids", "version"] for frame in frames)
        assert all(len(frame["asks"]) + len(frame["bids"]) == 1 for frame in frames)
        versions = [frame["version"] for frame in frames]
        assert versions == list(range(versions[0], versions[0] + len(versions)))

    play(scenario)


def test_depth_full_is_sorted_and_its_version_never_goes_back(play):
    async def scenario(scene):
        client = await scene.client()
        await client.send("sub.depth.full", "BBB_USDT", limit=20)
        await client.until(lambda: len(client.of("push.depth.full")) > 20)
        frames = [message["data"] for message in client.of("push.depth.full")]
        for frame in frames:
            asks, bids = [level[0] for level in frame["asks"]], [level[0] for level in frame["bids"]]
            assert asks == sorted(asks)
            assert bids == sorted(bids, reverse=True)
            assert bids[0] < asks[0]
            assert len(asks) <= 20
        versions = [frame["version"] for frame in frames]
        assert versions == sorted(versions)

    play(scenario)


def test_deals_of_one_message_come_newest_first(play):
    async def scenario(scene):
        client = await scene.client()
        await client.send("sub.deal", "AAA_USDT")
        await client.until(lambda: sum(len(message["data"]) > 1 for message in client.of("push.deal")) > 3)
        for message in client.of("push.deal"):
            ids = [int(deal["i"]) for deal in message["data"]]
            assert ids == sorted(ids, reverse=True)

    play(scenario)


def test_uncompressed_deals_come_one_by_one(play):
    async def scenario(scene):
        client = await scene.client()
        await client.send("sub.deal", "AAA_USDT", compress=False)
        await client.until(lambda: len(client.of("push.deal")) > 20)
        ids = [int(deal["i"]) for message in client.of("push.deal") for deal in message["data"]]
        assert all(len(message["data"]) == 1 for message in client.of("push.deal"))
        assert ids == sorted(ids)

    play(scenario)


def test_tickers_are_all_symbols_first_and_then_those_that_changed(play):
    async def scenario(scene):
        client = await scene.client()
        await client.send("sub.tickers")
        await client.until(lambda: len(client.of("push.tickers")) > 3)
        first, *later = client.of("push.tickers")
        assert list(first) == ["channel", "data", "ts"]
        assert [row["symbol"] for row in first["data"]] == ["AAA_USDT", "BBB_USDT", "CCC_USD"]
        assert not {"bid1", "ask1", "fundingRate"} & first["data"][0].keys()
        assert all(after["ts"] - before["ts"] >= 2_000 for before, after in itertools.pairwise([first, *later]))

    play(scenario)


def test_bars_are_drawn_from_the_close_before_and_tell_their_real_prices_too(play, lively):
    async def scenario(scene):
        client = await scene.client()
        await client.send("sub.kline", "AAA_USDT", interval="Min1")
        await client.until(lambda: len({message["data"]["t"] for message in client.of("push.kline")}) > 2)
        bars = [message["data"] for message in client.of("push.kline")]
        assert all(bar["t"] % 60 == 0 for bar in bars)
        last = {bar["t"]: bar for bar in bars}
        for before, after in itertools.pairwise(sorted(last)):
            assert last[after]["o"] == last[before]["c"]
        # a finished bar is the one that REST has
        reply = await scene.get("kline/AAA_USDT?interval=Min1")
        position = reply["data"]["time"].index(sorted(last)[1])
        finished = last[sorted(last)[1]]
        for pushed, column in {
            "c": "close",
            "h": "high",
            "l": "low",
            "o": "open",
            "q": "vol",
            "ro": "realOpen",
        }.items():
            assert finished[pushed] == reply["data"][column][position], column

    play(scenario, replace(lively, speed=60.0))


def test_a_changed_contract_is_pushed(play):
    async def scenario(scene):
        client = await scene.client()
        await client.send("sub.contract")
        await client.until(lambda: client.messages)
        scene.server.stage.venue.change_contract("AAA_USDT", apiAllowed=False)
        await client.until(lambda: client.of("push.contract"))
        assert client.of("push.contract")[0]["data"]["symbol"] == "AAA_USDT"
        assert client.of("push.contract")[0]["data"]["apiAllowed"] is False

    play(scenario)


def test_prices_are_plain_decimals_without_a_needless_point(play):
    async def scenario(scene):
        client = await scene.client()
        await client.send("sub.depth.full", "AAA_USDT")
        await client.until(lambda: len(client.of("push.depth.full")) > 5)
        text = client.texts[-1]
        assert "e-" not in text
        assert ".0," not in text
        assert json.dumps(json.loads(text), separators=(",", ":")).count(",") == text.count(",")

    play(scenario)


@pytest.mark.skipif(not CAPTURED.exists(), reason="needs the captured frames of the shared data")
def test_frames_are_built_like_the_captured_ones(play):
    captured = [json.loads(json.loads(line)["raw"]) for line in CAPTURED.read_text(encoding="utf-8").splitlines()]
    captured = [frame for frame in captured if not frame.get("channel", "personal").startswith("push.personal")]
    known = {}
    for frame in captured:
        if "channel" in frame:
            known.setdefault(frame["channel"], []).append(form(frame))

    async def scenario(scene):
        client, single = await scene.client(), await scene.client()
        for channel, param in PUSHES.items():
            await client.send(f"sub.{channel}", "AAA_USDT", **param)
        await client.send("sub.tickers")
        await client.send("ping")
        await client.send("sub.deal", "NOPE_USDT")
        await single.send("sub.depth", "AAA_USDT", compress=False)
        await client.until(lambda: all(client.of(f"push.{channel}") for channel in PUSHES))
        await single.until(lambda: single.of("push.depth"))
        compared = 0
        for message in (*client.messages, *single.messages):
            if message["channel"] in known:
                assert form(message) in known[message["channel"]], message
                compared += 1
        assert compared > 10

    play(scenario)


def form(value):
    """Names in their order, and what kind of value each has; of rows the first."""
    if isinstance(value, dict):
        return [(name, form(entry)) for name, entry in value.items()]
    if isinstance(value, list):
        return ["list", form(value[0])] if value and isinstance(value[0], dict) else "list"
    return "number" if isinstance(value, int | float) else type(value).__name__
