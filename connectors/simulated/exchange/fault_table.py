"""The table of everything that the simulated exchange can be made to do wrong.

`rows` are the numbers of the failures in the protocol notes; `docs/simulated-exchange.md` shows the table to people.
"""

from __future__ import annotations

from typing import Final

from connectors.simulated.exchange.fault_kinds import FaultKind, InvalidFault, Parameter, ValueKind

CHANNELS: Final = (
    "deal",
    "depth",
    "depth.full",
    "depth.step",
    "ticker",
    "tickers",
    "kline",
    "funding.rate",
    "index.price",
    "fair.price",
    "contract",
)

_SYMBOLS: Final = Parameter("symbols", ValueKind.NAMES, (), "only these; none named: all")
_THESE: Final = Parameter("symbols", ValueKind.NAMES, None, "these")
_CHANNELS: Final = Parameter("channels", ValueKind.NAMES, (), "only these; none named: all", words=CHANNELS)


def _share(default: float, meaning: str) -> Parameter:
    return Parameter("share", ValueKind.NUMBER, default, meaning, 0.0, 1.0)


def _number(name: str, default: float, meaning: str, low: float, high: float) -> Parameter:
    return Parameter(name, ValueKind.NUMBER, default, meaning, low, high)


def _count(name: str, default: int, meaning: str, low: float, high: float) -> Parameter:
    return Parameter(name, ValueKind.COUNT, default, meaning, low, high)


def _flag(name: str, default: bool, meaning: str) -> Parameter:
    return Parameter(name, ValueKind.FLAG, default, meaning)


def _word(name: str, default: str | None, meaning: str, *words: str) -> Parameter:
    return Parameter(name, ValueKind.WORD, default, meaning, words=words)


_SWITCHES: Final = (
    FaultKind(
        (1,),
        "swallowed_pings",
        "pings get no pong, the socket stays open",
        (
            _flag("data", False, "whether data goes on"),
            _flag("new", True, "whether connections that are opened later suffer too"),
        ),
    ),
    FaultKind(
        (2,),
        "ping_rule",
        "another rule for clients that send no ping (without this switch: 60 s, with the notice)",
        (
            _number("seconds", 60.0, "wall time without a ping after which the exchange closes", 0.05, 3600),
            _flag("notice", True, "whether the rs.error notice is sent first"),
        ),
    ),
    FaultKind((3,), "reset_on_ping", "a ping is answered with a TCP reset", (_share(1.0, "share of pings"),)),
    FaultKind((4,), "muted", "subscriptions are acknowledged, but no data ever comes", (_SYMBOLS, _CHANNELS)),
    FaultKind(
        (5,),
        "lost_subscriptions",
        "subscription requests get lost",
        (
            _share(0.5, "share of the requests"),
            _flag("acked", False, "whether they are acknowledged nevertheless"),
            _SYMBOLS,
            _CHANNELS,
        ),
    ),
    FaultKind(
        (5,),
        "forgotten_subscriptions",
        "subscriptions are forgotten after a while",
        (_number("seconds", 5.0, "how long they live, wall time", 0.05, 86_400), _SYMBOLS, _CHANNELS),
    ),
    FaultKind(
        (6,),
        "odd_acknowledgements",
        "acknowledgements come late, several times and in another order",
        (
            _number("delay", 2.0, "each comes up to so many seconds late", 0, 600),
            _count("copies", 2, "how often each comes", 1, 20),
        ),
    ),
    FaultKind((7,), "silent_unsubscribe", "unsub requests work, but are not answered"),
    FaultKind((8,), "doubled_streams", "a second subscription doubles the stream"),
    FaultKind(
        (9,),
        "quiet_market",
        "little happens: one order or quote of a symbol per so many seconds, the others are never made",
        (_number("seconds", 5.0, "market time between two of them", 0.001, 1e6), _SYMBOLS),
    ),
    FaultKind(
        (10,),
        "frozen_streams",
        "some streams stop while others flow",
        (
            _SYMBOLS,
            _CHANNELS,
            _word("cure", "never", "what makes a client's stream flow again", "never", "resubscribe", "reconnect"),
        ),
    ),
    FaultKind(
        (11,),
        "held_streams",
        "frames are kept back, and come all at once when the switch is cleared (or with flush_held)",
        (_SYMBOLS, _CHANNELS),
    ),
    FaultKind(
        (12,),
        "deal_shapes",
        "push.deal changes its shape from frame to frame",
        (
            Parameter(
                "shapes",
                ValueKind.NAMES,
                ("object", "number_id", "no_id", "no_cts", "text_time"),
                "in turn: data is an object instead of a list, i a number, no i and cts, no cts, times as text",
                words=("object", "number_id", "no_id", "no_cts", "text_time", "usual"),
            ),
            _SYMBOLS,
        ),
    ),
    FaultKind(
        (13,),
        "shuffled_deals",
        "deals come in any order inside a frame",
        (
            _count("jitter", 0, "ms by which times are off, so that ids and times disagree", 0, 1000),
            _SYMBOLS,
        ),
    ),
    FaultKind(
        (14,),
        "resent_deals",
        "whoever subscribes to deals gets the last ones again first",
        (_count("count", 5, "how many", 1, 100),),
    ),
    FaultKind(
        (15,),
        "lost_deals",
        "deals are not pushed (REST replies have them)",
        (_count("count", 120, "how many of each symbol", 1, 1_000_000), _SYMBOLS),
    ),
    FaultKind(
        (15,),
        "short_deals",
        "REST replies hold fewer deals, as if more had been missed",
        (_count("limit", 5, "how many at most", 0, 100), _SYMBOLS),
    ),
    FaultKind((16,), "inverted_sides", "buys are told as sells, in pushes and replies", (_SYMBOLS,)),
    FaultKind(
        (17,),
        "wide_merge",
        "merged depth comes rarely, each frame over hundreds of versions",
        (_count("ms", 2_000, "market time between two frames", 200, 600_000), _SYMBOLS),
    ),
    FaultKind((18,), "skipped_frames", "depth frames get lost", (_share(0.02, "share of frames"), _SYMBOLS)),
    FaultKind(
        (19,),
        "stale_depth",
        "REST depth is that of the past",
        (
            _count("behind", 400, "how many versions it is behind", 1, 100_000),
            _word(
                "mode",
                "cycle",
                "behind; the same reply twice; older than the reply before; or each in turn",
                "behind",
                "same",
                "older",
                "cycle",
            ),
            _SYMBOLS,
        ),
    ),
    FaultKind((20,), "ascending_commits", "depth_commits come oldest first (without this switch: newest first)"),
    FaultKind(
        (21,),
        "mixed_numbers",
        "levels in any order and of two elements, numbers with exponents, 30 decimals, trailing zeros, or as text",
        (_SYMBOLS,),
    ),
    FaultKind(
        (22,),
        "crossed_levels",
        "depth frames tell of a level that crosses the book",
        (_share(0.02, "share of merged and unmerged frames"), _SYMBOLS),
    ),
    FaultKind(
        (23,),
        "odd_full_depth",
        "depth.full repeats itself and goes back in time",
        (
            _number("repeat", 0.3, "share of frames that come again", 0, 1),
            _number("regress", 0.1, "share of frames after which an older one comes", 0, 1),
            _SYMBOLS,
        ),
    ),
    FaultKind((27,), "klines_in_milliseconds", "the times of bars are in ms (without this switch: s)"),
    FaultKind(
        (28,),
        "tight_limits",
        "fewer REST requests are allowed; the others get 510 inside of HTTP 200",
        (_count("limit", 0, "requests per endpoint and 2 s", 0, 1000),),
    ),
    FaultKind((29,), "blocked", "every request gets HTTP 403 with an HTML page", (_share(1.0, "share of requests"),)),
    FaultKind(
        (29,),
        "server_errors",
        "requests fail with HTTP 5xx",
        (_share(1.0, "share of requests"), _count("status", 503, "the HTTP status", 500, 599)),
    ),
    FaultKind((29,), "garbled_replies", "replies are no JSON", (_share(1.0, "share of replies"),)),
    FaultKind(
        (29,),
        "compressed_replies",
        "replies are compressed though nobody asked for it",
        (_word("encoding", "gzip", "how", "gzip", "deflate"),),
    ),
    FaultKind((30,), "chinese_messages", "messages are Chinese whatever the Language header says"),
    FaultKind(
        (31,),
        "clock_offset",
        "all times of the exchange are off",
        (
            _number("ms", 11_000.0, "by so much", -1e9, 1e9),
            _number("drift", 0.0, "and so many ms more each minute of wall time", -1e6, 1e6),
        ),
    ),
    FaultKind(
        (49,),
        "refused_handshakes",
        "no new WebSocket is accepted",
        (_share(1.0, "share of handshakes"), _count("status", 503, "the HTTP status", 400, 599)),
    ),
    FaultKind(
        (50,),
        "busy_market",
        "each order comes as many small ones, so that a slow client falls behind",
        (_count("times", 10, "how many", 1, 1000), _SYMBOLS),
    ),
    FaultKind((52,), "binary_frames", "pushes come as gzip in binary frames", (_share(0.5, "share of frames"),)),
    FaultKind(
        (52,),
        "fragmented_frames",
        "pushes come in several WebSocket frames",
        (_share(0.5, "share of messages"), _count("pieces", 3, "how many", 2, 100)),
    ),
    FaultKind(
        (52,),
        "huge_frames",
        "merged depth has hundreds of levels more (deletions of what was never there), tickers are always complete",
        (
            _count("levels", 640, "levels per side", 1, 20_000),
            _count("bytes", 351_000, "least size of push.tickers; rows come several times", 0, 8_000_000),
        ),
    ),
    FaultKind((54,), "doubled_pongs", "more than one pong per ping", (_count("copies", 2, "how many", 2, 20),)),
)

_HAPPENINGS: Final = (
    FaultKind(
        (5, 14, 15),
        "drop_connections",
        "connections end",
        (
            _word("how", "close", "with a close frame, without one, or with a TCP reset", "close", "abort", "reset"),
            _share(1.0, "share of the connections"),
        ),
        happening=True,
    ),
    FaultKind((11,), "flush_held", "what held_streams has kept back comes at once", (), happening=True),
    FaultKind(
        (14,),
        "resend_deals",
        "the last deals are pushed again",
        (_count("count", 5, "how many of each symbol", 1, 100), _SYMBOLS),
        happening=True,
    ),
    FaultKind((18,), "skip_frame", "the next depth frame of each symbol gets lost", (_SYMBOLS,), happening=True),
    FaultKind(
        (22,),
        "cross_book",
        "the next depth frame of each symbol tells of a level that crosses the book",
        (_SYMBOLS,),
        happening=True,
    ),
    FaultKind((24,), "delist", "symbols disappear while the exchange runs", (_THESE,), happening=True),
    FaultKind(
        (25,),
        "change_contract",
        "a contract's terms change: any field of the detail, and collectCycle (hours)",
        (
            _THESE,
            _word("field", None, "its name as the exchange has it"),
            Parameter("value", ValueKind.ANYTHING, None, "the new value"),
        ),
        happening=True,
    ),
    FaultKind(
        (26,),
        "extreme_units",
        "contracts of another size (inverse contracts: list a symbol …_USD)",
        (_THESE, _number("contract_size", 1e7, "base coins per contract", 1e-5, 1e7)),
        happening=True,
    ),
)

KINDS: Final = {kind.name: kind for kind in (*_SWITCHES, *_HAPPENINGS)}


def kind_of(name: str) -> FaultKind:
    """The row of the table. Raises `InvalidFault`."""
    kind = KINDS.get(name)
    if kind is None:
        raise InvalidFault(f"no fault {name!r}; allowed: {', '.join(KINDS)}")
    return kind
