"""Every switch that changes REST replies does what the table says."""

from __future__ import annotations

import itertools

import pytest

from connectors.simulated.exchange.rest_replies import ACCESS_DENIED
from connectors.simulated.exchange.truth_reader import Truth


def run(play, body, name, parameters=None, **settings):
    async def scenario(scene):
        scene.server.faults.set(name, parameters)
        client = await scene.client()
        await client.until(lambda: len(scene.server.stage.venue.deals("AAA_USDT")) > 10)
        await body(scene)

    play(scenario, limited=False, **settings)


def test_few_deals(play):
    async def body(scene):
        assert len((await scene.get("deals/AAA_USDT"))["data"]) == 4

    run(play, body, "short_deals", {"limit": 4})


def test_inverted_sides(play):
    async def body(scene):
        told = [
            (deal["t"], deal["p"], deal["v"], deal["T"]) for deal in (await scene.get("deals/AAA_USDT?limit=5"))["data"]
        ]
        true = {
            (deal.ms, deal.price, deal.contracts, 3 - deal.taker) for deal in scene.server.stage.venue.deals("AAA_USDT")
        }
        assert set(told) <= true

    run(play, body, "inverted_sides")


@pytest.mark.parametrize("mode", ["behind", "same", "older", "cycle"])
def test_depth_of_the_past_is_a_true_book_of_the_past(play, tmp_path, mode):
    replies = []

    async def body(scene):
        client = await scene.client()
        venue = scene.server.stage.venue
        begin = venue.depth("AAA_USDT").version
        await client.until(lambda: venue.depth("AAA_USDT").version > begin + 130)
        for _ in range(6):
            reply = (await scene.get("depth/AAA_USDT"))["data"]
            now = venue.depth("AAA_USDT").version
            replies.append((now, reply))
            await client.until(lambda now=now: venue.depth("AAA_USDT").version > now + 2)

    run(play, body, "stale_depth", {"behind": 60, "mode": mode}, truth=tmp_path)
    truth = Truth(tmp_path)
    for now, reply in replies:
        assert reply["version"] <= now - 60 + 3
        book = truth.book_at("AAA_USDT", reply["version"])
        assert reply["bids"] == [list(level) for level in book.bids]
        assert reply["asks"] == [list(level) for level in book.asks]
    versions = [reply["version"] for _, reply in replies]
    steps = [after - before for before, after in itertools.pairwise(versions)]
    assert any(step > 0 for step in steps) == (mode in ("behind", "cycle"))
    assert any(step < 0 for step in steps) == (mode in ("older", "cycle"))
    assert mode in ("behind", "older") or 0 in steps


def test_commits_in_the_documented_order(play):
    async def body(scene):
        versions = [each["version"] for each in (await scene.get("depth_commits/AAA_USDT/10"))["data"]]
        assert versions == sorted(versions)

    run(play, body, "ascending_commits")


def test_mixed_numbers_in_the_book(play):
    async def body(scene):
        async with scene.session.get(f"{scene.server.rest_url}/api/v1/contract/depth/AAA_USDT") as reply:
            text = await reply.text()
        assert "E" in text
        assert "0" * 25 in text
        data = (await scene.get("depth/AAA_USDT"))["data"]
        assert [level[0] for level in data["asks"]] == sorted(level[0] for level in data["asks"])

    run(play, body, "mixed_numbers")


def test_bars_in_milliseconds(play):
    async def body(scene):
        times = (await scene.get("kline/AAA_USDT"))["data"]["time"]
        assert times[0] > 1e12

    run(play, body, "klines_in_milliseconds")


def test_tight_limits_hold_even_where_there_are_none(play):
    async def body(scene):
        assert [(await scene.get("ping"))["code"] for _ in range(4)] == [0, 0, 0, 510]

    run(play, body, "tight_limits", {"limit": 3})


def test_a_blocked_client_gets_a_page_instead_of_json(play):
    async def body(scene):
        async with scene.session.get(f"{scene.server.rest_url}/api/v1/contract/ping") as reply:
            assert reply.status == 403
            assert reply.content_type == "text/html"
            assert await reply.text() == ACCESS_DENIED

    run(play, body, "blocked")


def test_server_errors_and_garbled_replies(play):
    async def body(scene):
        address = f"{scene.server.rest_url}/api/v1/contract/ping"
        async with scene.session.get(address) as reply:
            assert reply.status == 502
        scene.server.faults.clear_all()
        scene.server.faults.set("garbled_replies")
        async with scene.session.get(address) as reply:
            assert reply.status == 200
            assert "<html>" in await reply.text()

    run(play, body, "server_errors", {"status": 502})


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compression_nobody_asked_for(play, encoding):
    async def body(scene):
        address = f"{scene.server.rest_url}/api/v1/contract/ping"
        async with scene.session.get(address, headers={"Accept-Encoding": "identity"}) as reply:
            assert reply.headers["Content-Encoding"] == encoding
            assert (await reply.json())["success"] is True

    run(play, body, "compressed_replies", {"encoding": encoding})


def test_chinese_for_everybody(play):
    async def body(scene):
        assert not (await scene.get("depth/NOPE", Language="en"))["message"].isascii()

    run(play, body, "chinese_messages")
