"""What the exchange sends over the WebSocket, and what becomes of it."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.mexc.errors import MalformedFrame
from connectors.mexc.frames import LARGEST_UNPACKED_BYTES, channel_of, decode
from connectors.mexc.records import (
    Ack,
    ContractPush,
    Deal,
    Deals,
    DepthDelta,
    DepthFull,
    ErrorNotice,
    FairPrice,
    FundingPush,
    Ignored,
    IndexPrice,
    Pong,
    TickerRow,
    Tickers,
)

DATA = Path(__file__).parents[4] / "shared" / "data" / "mexc"
RECORDS = (
    Deals, DepthDelta, DepthFull, FundingPush, IndexPrice, FairPrice, TickerRow, Tickers, ContractPush, Ack,
    ErrorNotice, Pong, Ignored,
)  # fmt: skip

DEAL = (
    '{"symbol":"BTC_USDT","data":[{"p":77525.9,"v":3,"T":2,"O":3,"M":1,"t":1788335242156,"i":"16005949540",'
    '"cts":"1788335242156"}],"channel":"push.deal","ts":1788335242156}'
)
DEALS = (
    '{"symbol":"BTC_USDT","data":[{"p":77526,"v":208,"T":1,"t":1788335243261,"i":"16005949690"},'
    '{"p":77525.9,"v":5,"T":2,"t":1788335243151,"i":16005949659},{"p":1,"v":5,"T":2,"t":1788335243150}],'
    '"channel":"push.deal","ts":1788335243261}'
)
DEPTH = (
    '{"symbol":"DOGE_USDT","data":{"cts":1789498405531,"asks":[[0.080100,2868,1],[0.080140,7405,4]],'
    '"bids":[[0.08003,8905,4],[0.07969,0,0]],"end":8752808003,"begin":8752807948,"version":8752808003},'
    '"channel":"push.depth","ts":1789498405534}'
)
UNMERGED = (
    '{"symbol":"ETH_USDT","data":{"cts":1789498321765,"asks":[[2384.59,42,1]],"bids":[],"version":37723308980},'
    '"channel":"push.depth","ts":1789498321801}'
)
FULL = (
    '{"symbol":"BTC_USDT","data":{"cts":1789897581009,"asks":[[80469.1,1239,1],[80468.7,3446,2]],'
    '"bids":[[80468.6,31288,7]],"version":41925002140},"channel":"push.depth.full","ts":1789897581013}'
)
TICKER = (
    '{"symbol":"BTC_USDT","data":{"symbol":"BTC_USDT","lastPrice":84055,"fairPrice":84063.8,"indexPrice":84104,'
    '"volume24":311051901,"amount24":2606920596.04,"timestamp":1790870036854,"bid1":84054.9,"ask1":84055,'
    '"riseFallRates":[-0.0005,0.0011]},"channel":"push.ticker","ts":1790870036900}'
)
TICKERS = (
    '{"channel":"push.tickers","data":[{"amount24":157589.74,"fairPrice":0.04116,"indexPrice":0.04119,'
    '"lastPrice":0.04114,"symbol":"WCT_USDT","timestamp":1790870034312,"volume24":376505},'
    '{"lastPrice":0,"symbol":"MX_USDT"}],"ts":1790870034400}'
)
FUNDING = (
    '{"symbol":"BTC_USDT","data":{"symbol":"BTC_USDT","rate":-0.000081,"nextSettleTime":1789516800000},'
    '"channel":"push.funding.rate","ts":1789498561049}'
)
INDEX = (
    '{"symbol":"BTC_USDT","data":{"symbol":"BTC_USDT","price":76027.1},"channel":"push.index.price","ts":1789498540911}'
)
FAIR = '{"symbol":"BTC_USDT","data":{"symbol":"BTC_USDT","price":75986},"channel":"push.fair.price","ts":1789498540821}'
CONTRACT = (
    '{"channel":"push.contract","data":{"symbol":"CLO_USDT","contractSize":10,"priceUnit":0.0001,"state":0,'
    '"maxNumOrders":[200,50]},"symbol":"CLO_USDT","ts":1760942212002}'
)
PONG = '{"channel":"pong","data":1789498336785,"ts":1789498336785}'
ACK = '{"channel":"rs.sub.depth","data":"success","ts":1789498321789}'
ERROR = '{"channel":"rs.error","data":"Contract [NOPE_USDT] not exists","ts":1789498321790}'
KLINE = '{"symbol":"BTC_USDT","data":{"interval":"Min1","t":1790869980},"channel":"push.kline","ts":1790870038344}'
FRAMES = (DEAL, DEALS, DEPTH, UNMERGED, FULL, TICKER, TICKERS, FUNDING, INDEX, FAIR, CONTRACT, PONG, ACK, ERROR, KLINE)


def deal_frame(data: Any, **changes: Any) -> str:
    return json.dumps({"symbol": "BTC_USDT", "data": data, "channel": "push.deal", "ts": 1788335243261} | changes)


def depth_frame(**fields: Any) -> str:
    data = {"asks": [], "bids": [], "version": 7, "cts": 1789498405531} | fields
    return json.dumps({"symbol": "X_USDT", "data": data, "channel": "push.depth", "ts": 1789498405534})


def one(**changes: Any) -> dict[str, Any]:
    return {"p": 2.5, "v": 3, "T": 1, "O": 3, "M": 1, "t": 1_000, "i": "11"} | changes


# Trades


def test_a_trade_as_it_is_sent_today() -> None:
    assert decode(DEAL) == Deals("BTC_USDT", [Deal(16005949540, 1788335242156, 77525.9, 3.0, -1)], 1788335242156, ())


def test_a_trade_may_be_an_object_or_a_list_with_or_without_an_id() -> None:
    plain = {"p": 0.00981, "v": 2040, "T": 1, "O": 3, "M": 2, "t": 1746350434582}
    expected = [Deal(None, 1746350434582, 0.00981, 2040.0, 1)]
    assert decode(deal_frame(plain)).deals == expected
    assert decode(deal_frame([plain])).deals == expected
    assert decode(deal_frame([plain | {"i": 5}])).deals == [expected[0]._replace(trade_id=5)]
    assert decode(deal_frame([])).deals == []


def test_the_side_is_the_takers_and_unknown_where_it_is_not_told() -> None:
    sides = [decode(deal_frame([one(T=side)])).deals[0].side for side in (1, 2, "1", "2", 3, None)]
    assert sides == [1, -1, 1, -1, 0, 0]


def test_trades_are_put_in_the_order_of_their_ids_whatever_their_times() -> None:
    newest_first = [one(i="16005949690", t=1788335243261), one(i="16005949659", t=1788335243151)]
    assert [deal.trade_id for deal in decode(deal_frame(newest_first)).deals] == [16005949659, 16005949690]
    disagreeing = [one(i=13064218826, t=1755487578276), one(i=13064218827, t=1755487578275)]
    assert [deal.trade_id for deal in decode(deal_frame(disagreeing)).deals] == [13064218826, 13064218827]


def test_trades_without_ids_are_put_in_the_order_of_time_and_a_list_from_the_newest_on_is_turned_round() -> None:
    def sizes(*times: int) -> list[float]:
        deals = [{"p": 1, "v": size + 1, "T": 1, "t": at} for size, at in enumerate(times)]
        return [deal.contracts for deal in decode(deal_frame(deals)).deals]

    assert sizes(10, 10, 11) == [1, 2, 3]
    assert sizes(11, 10, 10) == [3, 2, 1]
    assert sizes(10, 12, 11) == [1, 3, 2]
    assert sizes(10, 10, 10) == [1, 2, 3]


def test_ids_that_are_no_numbers_are_hashed_and_do_not_order_trades() -> None:
    deals = decode(deal_frame([one(i="abc", t=12), one(i="7", t=11)])).deals
    assert [deal.ms for deal in deals] == [11, 12]
    hashed = deals[1].trade_id
    assert hashed is not None
    assert 0 <= hashed < 2**63
    assert decode(deal_frame([one(i="abc")])).deals[0].trade_id == hashed


@pytest.mark.parametrize("number", [2**53 + 1, 2**63 - 1])
def test_ids_beyond_53_bits_are_exact_as_number_and_as_text(number: int) -> None:
    assert decode(deal_frame([one(i=number)])).deals[0].trade_id == number
    assert decode(deal_frame([one(i=str(number))])).deals[0].trade_id == number


@pytest.mark.parametrize("number", [2**63, 10**30, -5])
def test_ids_that_do_not_fit_are_hashed_alike_as_number_and_as_text(number: int) -> None:
    as_number = decode(deal_frame([one(i=number)])).deals[0].trade_id
    assert as_number == decode(deal_frame([one(i=str(number))])).deals[0].trade_id
    assert as_number is not None
    assert 0 <= as_number < 2**63


@pytest.mark.parametrize("nothing", [0, "0", "", None])
def test_an_id_of_nothing_is_no_id(nothing: int | str | None) -> None:
    assert decode(deal_frame([one(i=nothing)])).deals[0].trade_id is None


@pytest.mark.parametrize("change", [{"p": "2.5"}, {"v": "3"}, {"t": "1000"}, {"p": "25E-1"}, {"v": 3.0}, {"t": 1e3}])
def test_numbers_may_be_text(change: dict[str, Any]) -> None:
    assert decode(deal_frame([one(**change)])).deals == [Deal(11, 1000, 2.5, 3.0, 1)]


@pytest.mark.parametrize(
    "change",
    [
        {"p": 0}, {"p": -1}, {"p": "nan"}, {"p": "inf"}, {"p": 1e16}, {"p": None}, {"p": True}, {"p": []}, {"p": 1e-16},
        {"v": 0}, {"v": -3}, {"v": "Infinity"}, {"v": "x"}, {"t": -1}, {"t": None}, {"t": 1.5}, {"t": 10**15},
        {"i": {}}, {"T": []},
    ],
)  # fmt: skip
def test_one_bad_trade_is_told_and_the_good_ones_beside_it_are_kept(change: dict[str, Any]) -> None:
    frame = decode(
        deal_frame([one(i="12", t=1_001), one(i="9", **change) if "i" not in change else one(**change), one()])
    )
    assert isinstance(frame, Deals)
    assert [deal.trade_id for deal in frame.deals] == [11, 12]
    assert frame.pushed_ms == 1788335243261
    (bad,) = frame.rejected
    assert json.loads(bad.raw)[next(iter(change))] == next(iter(change.values()))
    assert bad.reason
    assert channel_of(frame) == ("deal", "BTC_USDT")


def test_a_single_bad_trade_leaves_an_empty_frame() -> None:
    frame = decode(deal_frame({"p": 1, "v": 0, "T": 1, "t": 5}))
    assert isinstance(frame, Deals)
    assert (frame.deals, len(frame.rejected)) == ([], 1)


@pytest.mark.parametrize(
    "raw",
    [
        deal_frame("text"), deal_frame(None), deal_frame(5), deal_frame([one()], symbol=""),
        deal_frame([one()], symbol=5), deal_frame([one()], symbol=None), '{"channel":"push.deal","data":[]}',
    ],
)  # fmt: skip
def test_a_frame_of_trades_without_symbol_or_list_is_malformed(raw: str) -> None:
    with pytest.raises(MalformedFrame, match=r"push\.deal"):
        decode(raw)


def test_a_bad_push_time_loses_no_trade() -> None:
    assert decode(deal_frame([one()], ts="soon")).deals == [Deal(11, 1000, 2.5, 3.0, 1)]


# Books


def test_a_merged_change_of_a_book() -> None:
    assert decode(DEPTH) == DepthDelta(
        "DOGE_USDT",
        8752807948,
        8752808003,
        [(0.08003, 8905.0), (0.07969, 0.0)],
        [(0.0801, 2868.0), (0.08014, 7405.0)],
        1789498405531,
    )


def test_an_unmerged_change_is_its_own_first_and_last() -> None:
    frame = decode(UNMERGED)
    assert isinstance(frame, DepthDelta)
    assert (frame.first, frame.last) == (37723308980, 37723308980)


def test_numbers_of_levels_in_all_their_forms_are_the_same_numbers() -> None:
    raw = (
        '{"symbol":"BTC_USDT","data":{"asks":[["1.031161E5",89918]],'
        '"bids":[[103115.40,"99835",2],[9.75E+4,25329.000000000000000000000000000000,58],[7,1,2,3,4]],'
        '"end":25133684088,"begin":"25133684085","version":25133684088},"channel":"push.depth","ts":"1747645131820"}'
    )
    assert decode(raw) == DepthDelta(
        "BTC_USDT",
        25133684085,
        25133684088,
        [(103115.4, 99835.0), (97500.0, 25329.0), (7.0, 1.0)],
        [(103116.1, 89918.0)],
        1747645131820,
    )


def test_a_change_with_640_levels_and_sides_that_are_missing() -> None:
    asks = [[1 + step / 100, step, 1] for step in range(640)]
    frame = decode(depth_frame(asks=asks, bids=None))
    assert isinstance(frame, DepthDelta)
    assert (len(frame.asks), frame.bids) == (640, [])


@pytest.mark.parametrize(
    "fields",
    [
        {"version": None}, {"version": -1}, {"version": 2**63}, {"begin": 9, "end": 8}, {"asks": [[1]]}, {"asks": [[]]},
        {"asks": [[0, 5]]}, {"asks": [[1, -5]]}, {"bids": [["nan", 5]]}, {"bids": [[1, "inf"]]}, {"bids": [None]},
        {"bids": "x"}, {"asks": {"1": 2}}, {"cts": -3}, {"bids": [[1, None]]}, {"version": True},
    ],
)  # fmt: skip
def test_a_change_with_anything_wrong_in_it_is_malformed_as_a_whole(fields: dict[str, Any]) -> None:
    with pytest.raises(MalformedFrame) as caught:
        decode(depth_frame(**fields))
    assert (caught.value.channel, caught.value.symbol) == ("push.depth", "X_USDT")
    assert "\n" not in str(caught.value)


def test_a_change_without_any_time_is_malformed() -> None:
    with pytest.raises(MalformedFrame, match="without a time"):
        decode('{"symbol":"X_USDT","data":{"asks":[],"bids":[],"version":7},"channel":"push.depth"}')


def test_a_whole_book_is_put_in_order_and_its_empty_levels_are_left_out() -> None:
    assert decode(FULL) == DepthFull(
        "BTC_USDT", 41925002140, [(80468.6, 31288.0)], [(80468.7, 3446.0), (80469.1, 1239.0)], 1789897581009
    )
    raw = FULL.replace("[[80468.6,31288,7]]", "[[1,2,1],[3,0,0],[2,2,1]]")
    assert decode(raw).bids == [(2.0, 2.0), (1.0, 2.0)]


# Everything else


def test_tickers() -> None:
    assert decode(TICKER) == TickerRow(
        "BTC_USDT", 84055.0, 84063.8, 84104.0, 84054.9, 84055.0, 311051901.0, 2606920596.04, 1790870036854
    )
    assert decode(TICKERS) == Tickers(
        [
            TickerRow("WCT_USDT", 0.04114, 0.04116, 0.04119, None, None, 376505.0, 157589.74, 1790870034312),
            TickerRow("MX_USDT", None, None, None, None, None, None, None, None),
        ],
        1790870034400,
        (),
    )


def test_a_bad_ticker_is_told_and_the_others_are_kept() -> None:
    frame = decode(TICKERS.replace('"lastPrice":0,', '"lastPrice":"many",'))
    assert isinstance(frame, Tickers)
    assert ([row.symbol for row in frame.rows], len(frame.rejected)) == (["WCT_USDT"], 1)


def test_reference_prices() -> None:
    assert decode(FUNDING) == FundingPush("BTC_USDT", -0.000081, 1789516800000, 1789498561049)
    assert decode(INDEX) == IndexPrice("BTC_USDT", 76027.1, 1789498540911)
    assert decode(FAIR) == FairPrice("BTC_USDT", 75986.0, 1789498540821)
    old = '{"channel":"push.funding.rate","data":{"rate":0.001},"symbol":"BTC_USDT","ts":1587442022003}'
    assert decode(old) == FundingPush("BTC_USDT", 0.001, None, 1587442022003)


def test_contracts() -> None:
    frame = decode(CONTRACT)
    assert isinstance(frame, ContractPush)
    assert (frame.detail.symbol, frame.detail.contract_size, frame.detail.api_allowed) == ("CLO_USDT", 10.0, None)
    with pytest.raises(MalformedFrame, match=r"push\.contract of CLO_USDT"):
        decode(CONTRACT.replace('"contractSize":10', '"contractSize":0'))


def test_control_frames() -> None:
    assert decode(PONG) == Pong(1789498336785)
    assert decode('{"channel":"pong"}') == Pong(None)
    assert decode('{"channel":"pong","data":"soon","ts":"5"}') == Pong(5)
    assert decode(ACK) == Ack("sub.depth", True, "success")
    assert decode('{"channel":"rs.login","data":"success","ts":"1587442022003"}') == Ack("login", True, "success")
    assert decode('{"channel":"rs.sub.deal","param":{"symbol":"ETH_USDT"}}') == Ack("sub.deal", True, "")
    assert decode('{"channel":"rs.login","data":{"code":401,"msg":"denied"}}') == Ack("login", False, "401 denied")
    assert decode('{"channel":"rs.sub.deal","data":"no"}') == Ack("sub.deal", False, "no")


def test_error_notices() -> None:
    assert decode(ERROR) == ErrorNotice("Contract [NOPE_USDT] not exists", "NOPE_USDT", False)
    nobody = decode('{"channel":"rs.error","data":"Contract [null] not exists"}')
    assert nobody == ErrorNotice("Contract [null] not exists", None, False)
    closing = decode('{"channel":"rs.error","data":"more than 60 seconds no response, close the channel","ts":1}')
    assert isinstance(closing, ErrorNotice)
    assert (closing.symbol, closing.closing) == (None, True)
    assert decode('{"channel":"rs.error","data":"Not support limit"}') == ErrorNotice("Not support limit", None, False)


def test_channels_that_nobody_reads_are_ignored_whatever_is_in_them() -> None:
    assert decode(KLINE) == Ignored("push.kline")
    assert decode('{"channel":"push.personal.order","data":[[[]]]}') == Ignored("push.personal.order")
    assert (
        decode('{"channel":"push.personal.position.closeall.fail"}').channel == "push.personal.position.closeall.fail"
    )


def test_data_frames_prove_their_subscription_and_control_frames_none() -> None:
    channels = [channel_of(decode(raw)) for raw in FRAMES]
    assert channels == [
        ("deal", "BTC_USDT"), ("deal", "BTC_USDT"), ("depth", "DOGE_USDT"), ("depth", "ETH_USDT"),
        ("depth.full", "BTC_USDT"), ("ticker", "BTC_USDT"), ("tickers", ""), ("funding.rate", "BTC_USDT"),
        ("index.price", "BTC_USDT"), ("fair.price", "BTC_USDT"), ("contract", ""), None, None, None, None,
    ]  # fmt: skip


# Bytes


@pytest.mark.parametrize("raw", FRAMES)
def test_text_bytes_and_gzip_are_read_alike(raw: str) -> None:
    frame = decode(raw)
    assert decode(raw.encode()) == frame
    assert decode(bytearray(raw.encode())) == frame
    assert decode(gzip.compress(raw.encode())) == frame


def test_bad_gzip_is_malformed() -> None:
    packed = gzip.compress(DEAL.encode())
    with pytest.raises(MalformedFrame, match="cut off"):
        decode(packed[:-9])
    with pytest.raises(MalformedFrame, match="gzip"):
        decode(packed[:12] + b"\xff" * 9 + packed[20:])
    with pytest.raises(MalformedFrame, match="inside"):
        decode(gzip.compress(packed))
    with pytest.raises(MalformedFrame, match="unpacks to more"):
        decode(gzip.compress(b" " * (LARGEST_UNPACKED_BYTES + 1)))


@pytest.mark.parametrize(
    "raw",
    [
        "", " ", "null", "[]", "5", '"text"', "{}", '{"channel":5}', '{"channel":null}', "{", DEAL[:-1], DEAL + "x",
        b"\xff\xfe", b"\x00", b"\x1f\x8b", b"\x1f", "\ud800", '{"channel":"push.deal","data":NaN}', "[" * 100_000,
        '{"a":' * 100_000, '{"channel":"push.kline","data":' + "[" * 100_000, DEAL.encode("utf-16"),
        '{"symbol":"\ud800","channel":"pong"}', '{"channel":"push.deal","symbol":"\xff"}'.encode("latin-1"),
    ],
    ids=range(24),
)  # fmt: skip
def test_what_is_no_frame_is_malformed(raw: str | bytes) -> None:
    with pytest.raises(MalformedFrame) as caught:
        decode(raw)
    assert "\n" not in str(caught.value)
    assert 0 < len(str(caught.value)) < 500


# Whatever comes


ODD_VALUES = (
    None, True, False, 0, -1, 1e308, -1e308, 2**63, 2**64, 10**40, 1e-320, 0.1, "", "0", "nan", "inf", "-Infinity",
    "1e999", "null", "x" * 300, [], {}, [[]], [[[]]], [None], [1], [1, 2], [[1, 2]], {"a": 1}, {"p": 1, "v": 1, "t": 1},
)  # fmt: skip


def replaced(value: Any, chance: random.Random) -> Any:
    """The value with a random part of it replaced, left out or doubled."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        key = chance.choice(list(value))
        turn = chance.random()
        if turn < 0.15:
            return {name: each for name, each in value.items() if name != key}
        if turn < 0.2:
            return value | {chance.choice(["begin", "end", "cts", "i", "T", "ts", "symbol"]): chance.choice(ODD_VALUES)}
        return value | {key: replaced(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        if chance.random() < 0.1:
            return value + value
        return [*value[:place], replaced(value[place], chance), *value[place + 1 :]]
    return chance.choice(ODD_VALUES)


def mangled(raw: str, chance: random.Random) -> str | bytes:
    """The frame after one or more accidents."""
    turn = chance.randrange(-4, 6)
    if turn < 2:
        value = json.loads(raw)
        for _ in range(chance.randint(1, 3)):
            if turn == 1:
                value = replaced(value, chance)
            elif isinstance(value, dict):
                # the exchange's own frame as far as anybody can tell, but for what is in it
                value["data"] = replaced(value["data"], chance)
        return json.dumps(value)
    data = bytearray(raw.encode())
    if turn == 2:
        return bytes(data[: chance.randrange(len(data))])
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(data))
        if turn == 3:
            data[place] = chance.randrange(256)
        elif turn == 4:
            data[place:place] = bytes(chance.choices(b'0123456789eE+-."[]{},:tfn\x00\xff', k=chance.randint(1, 4)))
        else:
            del data[place : place + chance.randint(1, 8)]
            if not data:
                return b""
    return gzip.compress(bytes(data), 1) if chance.random() < 0.05 else bytes(data)


def check_whatever_comes(seed: int) -> None:
    chance = random.Random(seed)
    raw = mangled(chance.choice(FRAMES), chance)
    try:
        frame = decode(raw)
    except MalformedFrame:
        return
    assert isinstance(frame, RECORDS)
    check_sound(frame)


def check_sound(frame: Any) -> None:
    if isinstance(frame, Deals):
        assert frame.symbol
        for deal in frame.deals:
            assert 0 < deal.price <= 1e15
            assert 0 < deal.contracts <= 1e15
            assert 0 <= deal.ms < 5e12
            assert deal.side in (-1, 0, 1)
            assert deal.trade_id is None or 0 < deal.trade_id < 2**63
    elif isinstance(frame, DepthDelta | DepthFull):
        for price, contracts in (*frame.bids, *frame.asks):
            assert 0 < price <= 1e15
            assert 0 <= contracts <= 1e15
        if isinstance(frame, DepthDelta):
            assert 0 <= frame.first <= frame.last < 2**63
    elif isinstance(frame, TickerRow):
        assert all(value is None or value > 0 for value in frame[1:6])


@settings(max_examples=600, deadline=None)
@given(st.integers(0, 2**64))
def test_whatever_comes_is_read_or_malformed(seed: int) -> None:
    check_whatever_comes(seed)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.text(), st.binary(), st.builds(msgspec.json.encode, st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["channel", "symbol", "data", "ts", "p", "asks"]), inner)))))  # fmt: skip
def test_anything_at_all_is_read_or_malformed(raw: str | bytes) -> None:
    try:
        frame = decode(raw)
    except MalformedFrame:
        return
    assert isinstance(frame, RECORDS)


@pytest.mark.soak
def test_a_million_accidents() -> None:
    for seed in range(1_000_000):
        check_whatever_comes(seed)


# What was captured


def captured(name: str) -> list[dict[str, Any]]:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [row for row in rows if row.get("dir") != "c2s"]


@pytest.mark.parametrize(
    ("name", "count"), [("mexc_captured_frames.jsonl", 36), ("mexc_protocol_clones_frames.jsonl", 26)]
)
def test_every_captured_frame_is_read(name: str, count: int) -> None:
    rows = captured(name)
    assert len(rows) == count
    for row in rows:
        raw = row["raw"]
        frame = decode(raw)
        wire = json.loads(raw)
        channel = wire["channel"]
        check_sound(frame)
        match frame:
            case Deals():
                data = wire["data"] if isinstance(wire["data"], list) else [wire["data"]]
                told = sorted((each["t"], each["p"], each["v"], {1: 1, 2: -1}[each["T"]]) for each in data)
                assert sorted(tuple(deal[1:]) for deal in frame.deals) == told
                assert not frame.rejected
            case DepthDelta() | DepthFull():
                data = wire["data"]
                for side, levels in (("bids", frame.bids), ("asks", frame.asks)):
                    assert sorted(levels) == sorted((level[0], level[1]) for level in data[side])
                if isinstance(frame, DepthDelta):
                    first, last = data.get("begin", data["version"]), data.get("end", data["version"])
                    assert (frame.first, frame.last) == (first, last)
            case Ignored():
                assert channel == "push.kline" or channel.startswith("push.personal.")
            case _:
                assert channel.removeprefix("push.") not in ("deal", "depth", "depth.full")
        if channel.startswith("push.") and not isinstance(frame, Ignored):
            assert channel_of(frame) == (channel.removeprefix("push."), wire.get("symbol", ""))


def test_every_published_example_is_read() -> None:
    path = DATA / "mexc_vectors_response.json"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    examples = json.loads(path.read_text(encoding="utf-8"))["jkorf_ws"]
    assert len(examples) == 25
    kinds: dict[str, type] = {}
    for example in examples:
        for sent in example["frames"]:
            if sent["dir"] != "client->server":
                frame = decode(json.dumps(sent["json"]))
                kinds[example["name"]] = type(frame)
                if sent["dir"] == "server ack":
                    assert isinstance(frame, Ack)
                    assert frame.ok
    read = {name: kind for name, kind in kinds.items() if kind is not Ignored}
    assert read == {
        "Book": DepthDelta,
        "FundingRate": FundingPush,
        "IndexPrice": IndexPrice,
        "MarkPrice": FairPrice,
        "PartialBook": DepthFull,
        "Symbol": ContractPush,
        "Ticker": TickerRow,
        "Tickers": Tickers,
        "Trades": Deals,
    }
