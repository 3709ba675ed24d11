"""The REST endpoints: shapes, error codes, languages, limits, compression."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parents[3].parent / "shared" / "data" / "mexc" / "mexc_vectors_response.json"
LEFT_OUT = {
    # addresses of the exchange's own that the simulated one has no use for
    "/api/v1/contract/risk_reverse",
    "/api/v1/contract/risk_reverse/history",
}


def fixtures() -> list[Any]:
    if not VECTORS.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"needs {VECTORS.name} of the shared data"))]
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))["jkorf_rest"]
    public = [each for each in vectors if not each["signed"] and each["path"] not in LEFT_OUT]
    return [pytest.param(each, id=each["name"].removeprefix("ExchangeData/")) for each in public]


def shape(value: Any) -> Any:
    """What kind of JSON it is; of lists the first element, numbers are alike."""
    if isinstance(value, dict):
        return {name: shape(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def lacks(fixture: Any, reply: Any, where: str = "") -> list[str]:
    """What the reply has not, or has in another kind."""
    if isinstance(fixture, dict) and isinstance(reply, dict):
        missing = [f"{where}.{name}" for name in fixture if name not in reply]
        return missing + [
            each for name in fixture if name in reply for each in lacks(fixture[name], reply[name], f"{where}.{name}")
        ]
    if isinstance(fixture, list) and isinstance(reply, list):
        return lacks(fixture[0], reply[0], f"{where}[]") if fixture and reply else []
    return [] if fixture == reply else [f"{where}: {reply} instead of {fixture}"]


@pytest.mark.parametrize("fixture", fixtures())
def test_replies_have_the_shape_of_the_fixtures(play, lively, fixture):
    async def scenario(scene):
        path = fixture["path"].removeprefix("/api/v1/contract/")
        for name in ("BTC_USDT", "ETH_USDT"):
            path = path.replace(name, "AAA_USDT")
        is_one = isinstance(fixture["response"]["data"], dict)
        if path == "funding_rate/history" or (path == "detail" and is_one):
            path += "?symbol=AAA_USDT"
        for _ in range(200):
            reply = await scene.get(path)
            if reply["data"] and reply["data"] != {"resultList": []}:
                break
        assert lacks(shape(fixture["response"]), shape(reply)) == []

    play(scenario, replace(lively, speed=1000.0))


def test_ping_tells_the_exchanges_time(play, lively):
    async def scenario(scene):
        before = scene.server.clock.now_ms()
        reply = await scene.get("ping")
        assert list(reply) == ["success", "code", "data"]
        assert before <= reply["data"] <= scene.server.clock.now_ms()
        assert before >= lively.start_ms

    play(scenario)


def test_depth_has_the_version_of_the_stream_and_any_case_of_the_symbol(play):
    async def scenario(scene):
        reply = (await scene.get("depth/aaa_usdt?limit=3"))["data"]
        assert list(reply) == ["asks", "bids", "version", "timestamp", "cts"]
        assert reply["cts"] is None
        assert len(reply["asks"]) == 3
        assert reply["version"] <= scene.server.stage.venue.depth("AAA_USDT").version
        assert reply["asks"][0][0] > reply["bids"][0][0]

    play(scenario)


def test_depth_commits_come_newest_first_one_change_each(play):
    async def scenario(scene):
        client = await scene.client()
        await client.until(lambda: len(scene.server.stage.venue.commits("AAA_USDT")) > 20)
        commits = (await scene.get("depth_commits/AAA_USDT/10"))["data"]
        versions = [commit["version"] for commit in commits]
        assert versions == list(range(versions[0], versions[0] - 10, -1))
        assert all(len(commit["asks"]) + len(commit["bids"]) == 1 for commit in commits)

    play(scenario)


def test_deals_come_newest_first_at_most_a_hundred_and_without_ids(play):
    async def scenario(scene):
        client = await scene.client()
        await client.until(lambda: len(scene.server.stage.venue.deals("AAA_USDT")) == 100)
        deals = (await scene.get("deals/AAA_USDT?limit=500"))["data"]
        assert len(deals) == 100
        assert all(list(deal) == ["p", "v", "T", "O", "M", "t"] for deal in deals)
        times = [deal["t"] for deal in deals]
        assert times == sorted(times, reverse=True)

    play(scenario)


def test_bars_are_columns_of_seconds(play, lively):
    async def scenario(scene):
        client = await scene.client()
        await client.until(lambda: len(scene.server.stage.venue.bars("AAA_USDT", "Min1", 0, 2**40)) > 3)
        for path in ("kline/AAA_USDT", "kline/index_price/AAA_USDT", "kline/fair_price/AAA_USDT"):
            data = (await scene.get(f"{path}?interval=Min1"))["data"]
            times = data["time"]
            assert {later - earlier for earlier, later in itertools.pairwise(times)} == {60}
            assert data["open"][1:] == data["close"][:-1]
            assert {len(column) for column in data.values()} == {len(times)}
            part = (await scene.get(f"{path}?interval=Min1&start={times[1]}&end={times[2]}"))["data"]
            assert part["time"] == times[1:3]

    play(scenario, replace(lively, speed=300.0))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("depth/BTCUSDT", 1001),
        ("deals/NOPE_USDT", 1001),
        ("ticker?symbol=NOPE_USDT", 1001),
        ("detail?symbol=NOPE_USDT", 1001),
        ("funding_rate/NOPE_USDT", 1001),
        ("kline/AAA_USDT?interval=Min7", 600),
        ("kline/AAA_USDT?start=x", 600),
        ("depth/AAA_USDT?limit=-1", 600),
        ("depth_commits/AAA_USDT/99999999999999999999", 600),
    ],
)
def test_refusals_are_codes_inside_of_http_200(play, path, code):
    async def scenario(scene):
        chinese = await scene.get(path)
        english = await scene.get(path, Language="en")
        assert (chinese["success"], chinese["code"]) == (False, code)
        assert not chinese["message"].isascii()
        assert english["message"].isascii()

    play(scenario)


def test_too_many_requests_get_510_and_the_next_window_lets_them_through(play):
    async def scenario(scene):
        replies = [await scene.get("depth/AAA_USDT?limit=1") for _ in range(12)]
        assert [reply["code"] for reply in replies] == [0] * 10 + [510] * 2
        assert (await scene.get("ping"))["code"] == 0

    play(scenario)


def test_without_limits_nothing_is_refused(play):
    async def scenario(scene):
        replies = [await scene.get("depth/AAA_USDT?limit=1") for _ in range(30)]
        assert {reply["code"] for reply in replies} == {0}

    play(scenario, limited=False)


def test_long_replies_are_gzipped_for_those_who_accept_it(play):
    async def scenario(scene):
        address = f"{scene.server.rest_url}/api/v1/contract/detail"
        async with scene.session.get(address, headers={"Accept-Encoding": "gzip, br"}) as reply:
            assert reply.headers["Content-Encoding"] == "gzip"
            assert len((await reply.json())["data"]) == 3
        async with scene.session.get(address, headers={"Accept-Encoding": "identity"}) as reply:
            assert "Content-Encoding" not in reply.headers

    play(scenario)


def test_all_tickers_are_renewed_every_three_seconds_of_market_time(play, lively):
    async def scenario(scene):
        first, second = await scene.get("ticker"), await scene.get("ticker")
        assert first == second
        client = await scene.client()
        now = scene.server.stage.now
        await client.until(lambda: scene.server.stage.now > now + 3_000)
        assert await scene.get("ticker") != first

    play(scenario)


def test_inverse_contracts_are_settled_in_their_base_coin(play):
    async def scenario(scene):
        assert (await scene.get("support_currencies"))["data"] == ["CCC", "USDT"]

    play(scenario)
