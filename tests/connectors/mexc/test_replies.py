"""REST answers: which are good, and what is in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.mexc.errors import (
    ExchangeBlocked,
    ExchangeDown,
    ExchangeError,
    ExchangeRejected,
    ExchangeThrottled,
    ExchangeUnreadable,
)
from connectors.mexc.records import Deal, DepthDelta, DepthFull, Rejected, TickerRow
from connectors.mexc.replies import (
    FundingRate,
    FundingSettlement,
    decode_contracts,
    decode_deals,
    decode_depth,
    decode_depth_commits,
    decode_funding_history,
    decode_funding_rates,
    decode_klines,
    decode_ping,
    decode_tickers,
    envelope,
)

DATA = Path(__file__).parents[4] / "shared" / "data" / "mexc"
JSON = "application/json"
HTML = b"<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD></HTML>"


def body(data: Any, **changes: Any) -> bytes:
    return json.dumps({"success": True, "code": 0, "data": data} | changes).encode()


def refusal(code: int, message: str = "x") -> bytes:
    return json.dumps({"success": False, "code": code, "message": message}).encode()


# Envelopes


def test_good_answers_pass() -> None:
    envelope(200, JSON, body(5))
    envelope(200, "text/plain", b'{"success":true,"code":0}')
    envelope(200, JSON, b'{"success":false,"code":0,"message":"","data":[]}')


def test_a_refusal_inside_of_http_200_has_its_code_and_text() -> None:
    with pytest.raises(ExchangeRejected, match="code 1001: 合约不存在") as caught:
        envelope(200, JSON, refusal(1001, "合约不存在"))
    assert (caught.value.code, caught.value.message, caught.value.retryable) == (1001, "合约不存在", False)


def test_too_many_requests() -> None:
    for status, answer in ((200, refusal(510)), (429, HTML)):
        with pytest.raises(ExchangeThrottled) as caught:
            envelope(status, JSON, answer)
        assert caught.value.retryable


def test_html_of_the_edge_means_shut_out() -> None:
    with pytest.raises(ExchangeBlocked) as caught:
        envelope(403, "text/html", HTML)
    assert caught.value.retryable
    with pytest.raises(ExchangeRejected) as rejected:
        envelope(403, JSON, refusal(406, "IP not in whitelist"))
    assert rejected.value.code == 406


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_broken_server_is_down(status: int) -> None:
    with pytest.raises(ExchangeDown) as caught:
        envelope(status, "text/html", HTML)
    assert caught.value.retryable


@pytest.mark.parametrize("answer", [b"", HTML, b"[]", b"5", b'{"code":', b"\xff", b"[" * 100_000, b'{"code":"x"}'])
def test_what_is_not_json_of_the_exchange_is_unreadable(answer: bytes) -> None:
    with pytest.raises(ExchangeUnreadable) as caught:
        envelope(200, "text/html", answer)
    assert caught.value.retryable
    assert "\n" not in str(caught.value)


def test_a_refusal_without_a_code_is_still_one() -> None:
    with pytest.raises(ExchangeRejected):
        envelope(200, JSON, b'{"success":false}')
    with pytest.raises(ExchangeRejected) as caught:
        envelope(404, JSON, b"{}")
    assert caught.value.code == 404


@pytest.mark.parametrize(("code", "retryable"), [(604, True), (801, True), (501, True), (2015, False), (602, False)])
def test_some_refusals_pass_by_themselves(code: int, retryable: bool) -> None:
    with pytest.raises(ExchangeRejected) as caught:
        envelope(200, JSON, refusal(code))
    assert caught.value.retryable is retryable


# Contents


def test_ping() -> None:
    assert decode_ping(body(1789455551670)) == 1789455551670
    assert decode_ping(body("1789455551670")) == 1789455551670


def test_depth() -> None:
    book = decode_depth(
        "X_USDT",
        body({"asks": [[3, 1, 1], [2, "5"]], "bids": [[1, 4, 1]], "version": 9, "timestamp": 70, "cts": None}),
    )
    assert book == DepthFull("X_USDT", 9, [(1.0, 4.0)], [(2.0, 5.0), (3.0, 1.0)], 70)


def test_the_depth_of_a_delisted_contract_is_empty() -> None:
    delisted = {"cts": None, "asks": [], "bids": [], "version": 222542631, "timestamp": 1789455601090}
    assert decode_depth("X_USDT", body(delisted)) == DepthFull("X_USDT", 222542631, [], [], 1789455601090)


def test_depth_commits_are_put_in_ascending_order() -> None:
    newest_first = [
        {"cts": 20, "asks": [[2, 1, 1]], "bids": [], "version": 8},
        {"cts": 10, "asks": [], "bids": [[1, 0, 0]], "version": 7},
    ]
    assert decode_depth_commits("X_USDT", body(newest_first)) == [
        DepthDelta("X_USDT", 7, 7, [(1.0, 0.0)], [], 10),
        DepthDelta("X_USDT", 8, 8, [], [(2.0, 1.0)], 20),
    ]


def test_deals_come_oldest_first_also_within_a_millisecond() -> None:
    rows = [{"p": 1, "v": size, "T": 1, "O": 1, "M": 2, "t": at} for size, at in ((3, 11), (2, 10), (1, 10))]
    assert decode_deals(body(rows)) == [
        Deal(None, 10, 1.0, 1.0, 1),
        Deal(None, 10, 1.0, 2.0, 1),
        Deal(None, 11, 1.0, 3.0, 1),
    ]
    assert decode_deals(body([])) == []
    assert decode_deals(body(None)) == []


def test_a_bad_deal_is_told_and_the_others_are_kept() -> None:
    rejected: list[Rejected] = []
    rows = [{"p": 1, "v": 1, "T": 1, "t": 5}, {"p": 0, "v": 1, "T": 1, "t": 4}]
    assert len(decode_deals(body(rows), rejected)) == 1
    assert json.loads(rejected[0].raw) == rows[1]


def test_tickers_are_one_or_many() -> None:
    row = {"symbol": "X_USDT", "lastPrice": 2, "bid1": 1.5, "ask1": 2.5, "volume24": 7, "amount24": 14, "timestamp": 9}
    expected = TickerRow("X_USDT", 2.0, None, None, 1.5, 2.5, 7.0, 14.0, 9)
    assert decode_tickers(body(row)) == [expected]
    assert decode_tickers(body([row, row])) == [expected, expected]


def test_klines_are_in_seconds_on_the_wire_and_open_at_the_close_before() -> None:
    columns = {
        "time": [1609740660, 1609740600], "open": [33040.5, 33016.5], "close": [33092.5, 33040.5],
        "high": [33241.5, 33094.0], "low": [33026.5, 32995.0], "vol": [93100.0, 67332.0],
        "amount": [308334.5, 222515.5], "realOpen": [33041, None],
    }  # fmt: skip
    klines = decode_klines(body(columns))
    assert klines.ts.tolist() == [1609740600_000000, 1609740660_000000]
    assert klines.open.tolist() == [33016.5, 33040.5]
    assert klines.contracts.tolist() == [67332.0, 93100.0]
    assert klines.amount.tolist() == [222515.5, 308334.5]
    np.testing.assert_array_equal(klines.real_open, [np.nan, 33041.0])
    assert np.isnan(klines.real_close).all()
    assert len(klines) == 2


def test_klines_of_different_lengths_are_unreadable() -> None:
    with pytest.raises(ExchangeUnreadable, match="1 values of close for 2 times"):
        decode_klines(body({"time": [1, 2], "close": [1]}))


def test_funding() -> None:
    row = {
        "symbol": "BTC_USDT", "fundingRate": 6.7e-05, "collectCycle": 8, "nextSettleTime": 1789459200000,
        "timestamp": 1789455551670, "idxPrice": 77271.6, "fairPrice": 77240.4,
    }  # fmt: skip
    expected = FundingRate("BTC_USDT", 6.7e-05, 1789459200000, 8.0, 77271.6, 77240.4, 1789455551670)
    assert decode_funding_rates(body(row)) == [expected]
    assert decode_funding_rates(body([row])) == [expected]


def test_funding_history_is_oldest_first() -> None:
    page = {
        "pageSize": 2,
        "resultList": [
            {"symbol": "BTC_USDT", "fundingRate": 0.000266, "settleTime": 1609804800000},
            {"symbol": "BTC_USDT", "fundingRate": 0.00029, "settleTime": 1609776000000},
        ],
    }
    assert decode_funding_history(body(page)) == [
        FundingSettlement("BTC_USDT", 0.00029, 1609776000000),
        FundingSettlement("BTC_USDT", 0.000266, 1609804800000),
    ]


@pytest.mark.parametrize("data", [5, "x", {"asks": 5}, [[]], {"version": "x"}, True])
def test_answers_of_another_shape_raise_nothing_but_unreadable(data: Any) -> None:
    readers = [
        decode_ping, decode_contracts, lambda raw: decode_depth("X", raw), lambda raw: decode_depth_commits("X", raw),
        decode_deals, decode_tickers, decode_klines, decode_funding_rates, decode_funding_history,
    ]  # fmt: skip
    for reader in readers:
        for raw in (body(data), b"", b"{}", b"\xff", b'{"data":' + b"[" * 100_000):
            try:
                reader(raw)
            except ExchangeError as error:
                assert isinstance(error, ExchangeUnreadable)  # noqa: PT017


# What was published


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    path = DATA / "mexc_vectors_response.json"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_every_published_answer_passes_its_envelope(vectors: dict[str, Any]) -> None:
    assert len(vectors["jkorf_rest"]) == 59
    for example in vectors["jkorf_rest"]:
        envelope(200, JSON, json.dumps(example["response"]).encode())


def test_every_published_error_code_is_told(vectors: dict[str, Any]) -> None:
    for example in vectors["ccxt_errors"]:
        kind = ExchangeThrottled if example["ccxtException"] == "RateLimitExceeded" else ExchangeRejected
        with pytest.raises(kind) as caught:
            envelope(example["httpStatus"], JSON, json.dumps(example["body"]).encode())
        assert caught.value.code == example["body"]["code"]


def test_every_published_market_answer_is_read(vectors: dict[str, Any]) -> None:
    replies = {each["name"].removeprefix("ExchangeData/"): each["response"] for each in vectors["jkorf_rest"]}

    def raw(name: str) -> bytes:
        return json.dumps(replies[name]).encode()

    assert [detail.symbol for detail in decode_contracts(raw("GetSymbols"))] == ["BTC_USDT", "ETH_USDT"]
    assert decode_contracts(raw("GetSymbol"))[0].contract_size == 0.0001
    assert decode_deals(raw("GetRecentTrades")) == [
        Deal(None, 1609831234759, 31199.0, 15.0, -1),
        Deal(None, 1609831235985, 31199.0, 18.0, 1),
    ]
    assert decode_tickers(raw("GetTickers")) == [
        TickerRow("BTC_USDT", 31199.0, 31199.5, 31016.3, 31198.5, 31199.0, 40146908.0, 124905007.4428, 1609831334016)
    ]
    rate = FundingRate("BTC_USDT", -0.000489, 1609833600000, 8.0, None, None, 1609829807577)
    assert decode_funding_rates(raw("GetFundingRate")) == [rate]
    assert decode_funding_rates(raw("GetFundingRates")) == [rate, rate._replace(symbol="ETH_USDT")]
    assert [each.settle_ms for each in decode_funding_history(raw("GetFundingRateHistory"))] == [
        1609776000000,
        1609804800000,
    ]


def test_what_an_independent_client_makes_of_answers_agrees(vectors: dict[str, Any]) -> None:
    seen = 0
    for example in vectors["ccxt_parsed"]:
        raw, parsed = json.dumps(example["httpResponse"]).encode(), example["ccxtParsed"]
        match example["ccxtMethod"]:
            case "fetch_trades":
                sides = {"buy": 1, "sell": -1}
                theirs = [(each["timestamp"], each["price"], each["amount"], sides[each["side"]]) for each in parsed]
                assert [tuple(deal[1:]) for deal in decode_deals(raw)] == theirs
            case "fetch_funding_rate":
                (rate,) = decode_funding_rates(raw)
                assert (rate.rate, rate.next_settle_ms) == (parsed["fundingRate"], parsed["fundingTimestamp"])
            case "fetch_order_book":
                book = decode_depth("BTC_USDT", raw)
                assert (book.bids, book.asks, book.version, book.ms) == (
                    parsed["bids"], parsed["asks"], parsed["nonce"], parsed["timestamp"],
                )  # fmt: skip
            case "fetch_ohlcv":
                bars = decode_klines(raw)
                columns = (bars.ts // 1_000, bars.open, bars.high, bars.low, bars.close, bars.contracts)
                np.testing.assert_array_equal(np.column_stack(columns), np.array(parsed))
            case _:
                continue
        seen += 1
    assert seen >= 6


def test_captured_klines_are_read() -> None:
    path = DATA / "slavafomin_THE_USDT_Min1_klines.json"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    klines = decode_klines(path.read_bytes())
    assert len(klines) == 961
    assert (np.diff(klines.ts) == 60_000_000).all()
    assert (klines.real_low <= klines.real_open).all()
    assert (klines.real_open <= klines.real_high).all()
    assert klines.contracts[0] == 136.0
