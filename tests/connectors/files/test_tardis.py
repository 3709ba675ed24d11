from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from connectors.files.blocks import NULL
from connectors.files.errors import UnknownFormat
from connectors.files.tape_tables import book_table

HEADER = "exchange,symbol,timestamp,local_timestamp," + ",".join(
    f"asks[{level}].price,asks[{level}].amount,bids[{level}].price,bids[{level}].amount" for level in range(2)
)
START = "x,S,1598918403696000,1598918403810979,"


def test_trades_keep_the_time_of_arrival_and_hash_their_ids(shared: Path, read) -> None:
    content = read(shared / "importers" / "nautilus_bitmex_trades_XBTUSD.csv")
    assert content.format == "tardis"
    assert content.trades.ts[0] == content.trades.exchange_ts[0] == 1583020803145000
    assert content.trades.received_ts[0] == 1583020803307160
    assert content.trades.price[0] == 8531.5
    assert content.trades.quantity[0] == 2152
    assert content.trades.side[0] == -1
    assert len(set(content.trades.trade_id.tolist())) == 10
    assert content.trades.trade_id.min() > 0
    assert content.symbols[0] == "XBTUSD"


def test_books_are_best_first_on_both_sides(shared: Path, read) -> None:
    content = read(shared / "importers" / "nautilus_binance-futures_book_snapshot_25_BTCUSDT.csv")
    books = content.books
    assert len(books) == 10
    assert books.bid_px.shape == (10, 25)
    assert (books.bid_px[0, 0], books.bid_qty[0, 0]) == (11657.07, 10.896)
    assert (books.ask_px[0, 0], books.ask_qty[0, 0]) == (11657.08, 1.714)
    assert np.all(np.diff(books.bid_px, axis=1) < 0)
    assert np.all(np.diff(books.ask_px, axis=1) > 0)


def test_levels_may_be_absent_and_a_side_empty(tmp_path: Path, read) -> None:
    file = tmp_path / "books.csv"
    file.write_text(f"{HEADER}\n{START}101,1,100,2,,,99,3\n{START},,100,2,,,99,3\n")
    content = read(file)
    assert content.rejected == ()
    np.testing.assert_array_equal(content.books.ask_px, [[101, np.nan], [np.nan, np.nan]])
    table = book_table("import_x", content.books, np.arange(2), 10.0)
    assert table["bids"].to_pylist()[0] == [[100.0, 99.0], [20.0, 30.0]]
    assert table["asks"].to_pylist()[0] == [[101.0], [10.0]]
    assert [len(side) for side in table["asks"].to_pylist()[1]] == [1, 1]
    assert np.isnan(table["asks"].to_pylist()[1][0][0])
    assert table["exchange_ts"].null_count == 0
    assert (content.books.received_ts != NULL).all()


@pytest.mark.parametrize(
    ("levels", "reason"),
    [
        ("101,1,100,2,102,1,100.5,3", "the bid levels are not best first"),
        ("101,1,100,2,100.9,1,99,3", "the ask levels are not best first"),
        ("101,1,100,2,102,,99,3", "a ask level with only one of price and quantity"),
        (",,100,2,102,1,99,3", "an absent ask level before one that is there"),
        (",,,,,,,", "a book without any level"),
        ("101,0,100,2,102,1,99,3", "ask[0].quantity '0' is not above zero"),
        ("101,1,100,2,x,1,99,3", "ask[1].price 'x' is not a number"),
    ],
)
def test_a_book_that_cannot_be_meant_is_rejected_with_its_line(levels: str, reason: str, tmp_path: Path, read) -> None:
    file = tmp_path / "books.csv"
    file.write_text(f"{HEADER}\n{START}101,1,100,2,102,1,99,3\n{START}{levels}\n{START}101,1,100,2,102,1,99,3\n")
    content = read(file)
    assert content.complaints == [(3, reason)]
    assert len(content.books) == 2


def test_incremental_books_are_named_and_refused(shared: Path, read) -> None:
    with pytest.raises(UnknownFormat, match="incremental_book_L2"):
        read(shared / "importers" / "nautilus_deribit_incremental_book_L2_BTC-PERPETUAL.csv")
