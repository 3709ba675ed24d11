"""The feed: what was received is taken before what ended it is raised."""

from __future__ import annotations

import pytest

from connectors.mexc.feed import MexcFeed
from connectors.mexc.feed_settings import FeedFailed, FeedSettings, Interrupted


def test_what_came_before_the_end_is_taken_first() -> None:
    settings = FeedSettings("collect_x", "mexc", "http://127.0.0.1:1", "ws://127.0.0.1:1", ("A_USDT",))
    feed = MexcFeed(settings, lambda _: Interrupted())
    feed.inbox.add_event(1, "A_USDT", "observed_on", {"stream": "trades", "cause": "the first trade"})
    feed._error = FeedFailed("the feed broke")
    assert feed.take().stamped == 1
    with pytest.raises(FeedFailed, match="broke"):
        feed.take()


def test_an_exchange_that_is_not_there_fails_the_start_of_a_new_session() -> None:
    settings = FeedSettings("collect_x", "mexc", "http://127.0.0.1:1", "ws://127.0.0.1:1", ("A_USDT",))
    feed = MexcFeed(settings, lambda _: Interrupted(), give_up=lambda: True)
    with pytest.raises(FeedFailed, match="has not answered before the stop request"):
        feed.start(None)
    feed.stop()
