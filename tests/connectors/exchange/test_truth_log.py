"""The log of what really happened, and that of what was sent."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.simulated.exchange.frame_log import NoFrameLog, payloads, read_frame_log
from connectors.simulated.exchange.running import running_exchange
from connectors.simulated.exchange.server import ServerSettings
from connectors.simulated.exchange.truth_reader import Truth, UnreadableTruth


def test_the_log_holds_the_venues_deals_changes_and_books(play, lively, tmp_path):
    seen = {}

    async def scenario(scene):
        client = await scene.client()
        await client.until(lambda: len(scene.server.stage.venue.commits("AAA_USDT")) > 300)
        venue = scene.server.stage.venue
        seen.update(deals=venue.deals("AAA_USDT"), book=venue.depth("AAA_USDT"), commits=venue.commits("AAA_USDT", 300))
        scene.server.faults.set("muted", {"symbols": "AAA_USDT"})

    play(scenario, lively, truth=tmp_path)
    truth = Truth(tmp_path)
    deals = truth.table("deals", "AAA_USDT")
    position = deals["deal_id"].tolist().index(seen["deals"][0].deal_id)
    for deal, row in zip(seen["deals"], reversed(deals[: position + 1]), strict=False):
        assert tuple(deal)[1:] == tuple(row.tolist())[1:]
    changes = {row["version"]: row for row in truth.table("changes", "AAA_USDT")}
    later = [change for change in seen["commits"] if change.version > truth.opening("AAA_USDT").version]
    assert len(later) > 100
    for change in later:
        assert tuple(change)[1:] == tuple(changes[change.version].tolist())[1:]
    book = truth.book_at("AAA_USDT", seen["book"].version)
    assert book.bids == seen["book"].bids
    assert book.asks == seen["book"].asks
    assert truth.details["CCC_USD"]["settleCoin"] == "CCC"
    assert [each["event"] for each in truth.happenings()] == ["connected", "fault_on", "disconnected"]


def test_a_row_that_was_cut_off_is_left_out(lively, tmp_path):
    with running_exchange(replace(lively, server=ServerSettings(truth=tmp_path))) as exchange:
        while not exchange.ask(lambda server: len(server.stage.venue.deals("AAA_USDT")) > 5):
            pass
    file = tmp_path / "deals.rows"
    whole = len(Truth(tmp_path).table("deals"))
    os.truncate(file, file.stat().st_size - 3)
    assert len(Truth(tmp_path).table("deals")) == whole - 1


def test_a_version_outside_the_log_is_refused_with_what_there_is(lively, tmp_path):
    with running_exchange(replace(lively, server=ServerSettings(truth=tmp_path))):
        pass
    with pytest.raises(UnreadableTruth, match="version 1 is not in the log"):
        Truth(tmp_path).book_at("AAA_USDT", 1)
    with pytest.raises(UnreadableTruth, match="no log"):
        Truth(tmp_path / "elsewhere")


def test_a_folder_with_a_log_is_not_written_over(lively, tmp_path):
    request = replace(lively, server=ServerSettings(truth=tmp_path))
    with running_exchange(request):
        pass
    with pytest.raises(FileExistsError), running_exchange(request):
        pass


def test_recorded_frames_are_exactly_those_that_were_received(play, lively, tmp_path):
    file = tmp_path / "frames" / "sent.bin"
    texts = []

    async def scenario(scene):
        client = await scene.client()
        for symbol in ("AAA_USDT", "BBB_USDT"):
            await client.send("sub.depth.full", symbol, limit=50)
            await client.send("sub.deal", symbol)
        await client.until(lambda: len(client.messages) > 50)
        texts.extend(client.texts)

    play(scenario, lively, frames=file)
    chunks = list(read_frame_log(file))
    assert {chunk.connection for chunk in chunks} == {1}
    assert [chunk.at_us for chunk in chunks] == sorted(chunk.at_us for chunk in chunks)
    sent = [payload.decode() for chunk in chunks for payload in payloads(chunk.data)]
    assert sent[: len(texts)] == texts


def test_another_file_is_no_frame_log(tmp_path: Path):
    (tmp_path / "x").write_bytes(b"hello")
    with pytest.raises(NoFrameLog, match="no frames"):
        list(read_frame_log(tmp_path / "x"))
