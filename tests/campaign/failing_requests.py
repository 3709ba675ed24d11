"""Failures of requests, whole books, stalls and the clock: campaigns of their own, because each spoils the others."""

from __future__ import annotations

from typing import Final

from tests.campaign.causes import CLOSED, EVERY, PATIENT, QUEUE, STALE
from tests.campaign.checks import counted, nobody_is_removed, offset_is_known
from tests.campaign.staging import Campaign, Failure, off, on

REQUESTS: Final = Campaign(
    name="requests",
    symbols=("EEE_USDT", "FFF_USDT", "GGG_USDT"),
    speed=1.0,
    tempo=12.0,
    check_times=False,
    feed={
        **EVERY,
        "stream": {**PATIENT, "backoff_first": 0.2, "first_data_seconds": 1.5},
        "rest": {"throttled_seconds": [0.5, 1.0], "blocked_seconds": [1.0, 2.0]},
    },
    failures=(
        Failure(
            28,
            "too many requests: 510 inside of HTTP 200",
            "`tight_limits` (0) while a connection is dropped",
            "asked again after a pause; until then there is no book",
            (on(0, "tight_limits", limit=0), on(0.1, "drop_connections"), off(4, "tight_limits")),
            at=0.0,
            trades=(CLOSED,),
            books=(CLOSED,),
            check=nobody_is_removed,
        ),
        Failure(
            29,
            "this address is banned: HTML with status 403",
            "`blocked` while a connection is dropped",
            "no requests for a while (60 to 90 s, here 1 to 2), streams go on",
            (on(0, "blocked"), on(0.1, "drop_connections"), off(4, "blocked")),
            at=10.0,
            trades=(CLOSED,),
            books=(CLOSED,),
            check=nobody_is_removed,
        ),
        Failure(
            29,
            "server errors, replies that are no JSON, compressed replies",
            "`server_errors`, `garbled_replies`, `compressed_replies`",
            "asked again with growing pauses",
            (
                on(0, "server_errors", share=0.6),
                on(0, "garbled_replies", share=0.6),
                on(0, "compressed_replies"),
                on(0.1, "drop_connections"),
                off(4, "server_errors"),
                off(4, "garbled_replies"),
                off(4, "compressed_replies"),
            ),
            at=20.0,
            trades=(CLOSED,),
            books=(CLOSED,),
            check=nobody_is_removed,
        ),
    ),
)

WHOLE_BOOKS: Final = Campaign(
    name="whole_books",
    symbols=("HHH_USDT", "III_USDT", "JJJ_USDT"),
    full_depth=True,
    feed={**EVERY, "queue_rows": 400, "stream": dict(PATIENT)},
    failures=(
        Failure(
            23,
            "whole books that repeat themselves and go back",
            "`odd_full_depth`",
            "a version that is older is dropped",
            (on(0, "odd_full_depth", repeat=0.4, regress=0.3), off(6, "odd_full_depth")),
            at=0.0,
            stored="each version once, none that goes back",
            check=counted("resyncs", 0, 0),
        ),
        Failure(
            50,
            "more than this machine takes in",
            "`busy_market` (60 times) with a queue of 400 rows",
            "the queue is bounded: what does not fit is counted, and a gap",
            (on(0, "busy_market", times=60), off(4, "busy_market")),
            at=8.0,
            trades=(QUEUE,),
            tolerated=(QUEUE,),
            stored="what found room; the number of dropped rows",
            check=counted("dropped", 1),
        ),
    ),
)

STALLS: Final = Campaign(
    name="stalls",
    symbols=("KKK_USDT", "LLL_USDT", "DOUBLED_USDT"),
    mute_at_start=1,
    # a stall of 12 s is to be over before the tickers tell of it
    feed={**EVERY, "evidence_seconds": 20.0, "stream": {**PATIENT, "first_data_seconds": 1.5}},
    failures=(
        Failure(
            8,
            "streams that a second subscription doubles",
            "`doubled_streams` with a symbol that is quiet at first",
            "each trade is stored once, by its id; a change of a book twice changes nothing",
            (
                on(0, "doubled_streams"),
                on(0, "quiet_market", seconds=200.0, symbols="DOUBLED_USDT"),
                off(5, "quiet_market"),
            ),
            symbols=("DOUBLED_USDT",),
            stored="each trade once; the repetitions are counted",
            check=counted("duplicates", 1),
        ),
        Failure(
            11,
            "old frames in one burst after a stall",
            "`held_streams` for 12 s",
            "trades older than 10 s are late, and the time between is a gap",
            (on(0, "held_streams", symbols="KKK_USDT+LLL_USDT"), off(12, "held_streams")),
            at=1.0,
            symbols=("KKK_USDT", "LLL_USDT"),
            trades=(STALE,),
            books=(STALE,),
            stored="the burst as late trades",
        ),
    ),
)

CLOCK: Final = Campaign(
    name="clock",
    symbols=("MMM_USDT", "NNN_USDT"),
    speed=1.0,
    tempo=12.0,
    check_times=False,
    # until the tape's time, which never goes back, has been reached again
    settle_seconds=14.0,
    feed={**EVERY, "health_seconds": 1.0, "stream": dict(PATIENT)},
    failures=(
        Failure(
            31,
            "the exchange's clock is set, and drifts",
            "`clock_offset` of 11 s for 8 s, and 60 ms per minute",
            "measured with each ping; trades of times that cannot be are stamped with ours",
            (on(0, "clock_offset", ms=11_000, drift=60), off(8, "clock_offset")),
            at=0.0,
            trades=(STALE,),
            tolerated=(STALE,),
            excused=("stale_books",),
            ahead_seconds=11.0,
            stored="every trade with the time that the exchange told; the offset in `connection_health`",
            check=offset_is_known,
        ),
    ),
)
