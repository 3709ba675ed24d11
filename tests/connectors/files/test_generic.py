from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.files.blocks import NULL
from connectors.files.errors import MissingColumns, SymbolNeeded, UnknownFormat
from connectors.files.generic import role_name
from operators.errors import UsageError

TIME = 1590681658618000


@pytest.mark.parametrize(
    "text",
    [
        "1590681658618000",
        "1590681658618",
        "1590681658618000000",
        "1590681658.618",
        "2020-05-28T16:00:58.618Z",
        "2020-05-28 16:00:58.618",
        "2020-05-28T18:00:58.618+02:00",
    ],
)
def test_the_unit_of_a_time_is_found(text: str, tmp_path: Path, read) -> None:
    file = tmp_path / "trades.csv"
    file.write_text(f"time,price,qty\n{text},1.5,2\n")
    content = read(file, symbol="A_B")
    assert content.format == "generic"
    assert content.trades.ts.tolist() == [TIME]


def test_named_columns_win_over_found_ones(tmp_path: Path, read) -> None:
    file = tmp_path / "trades.csv"
    file.write_text("t0,time,px,price,amount,taker,id,pair\n1590681658,9,1.5,7,2,SELL,17,A_B\n")
    columns = {"timestamp": "t0", "price": "px", "side": "taker"}
    content = read(file, columns=columns)
    assert content.trades.price.tolist() == [1.5]
    assert content.trades.ts.tolist() == [1590681658000000]
    assert content.trades.side.tolist() == [-1]
    assert content.trades.trade_id.tolist() == [17]
    assert content.symbols == ["A_B"]
    with pytest.raises(MissingColumns, match="needs nope"):
        read(file, columns={**columns, "volume": "nope"})


def test_two_columns_for_one_role_are_not_guessed_between(tmp_path: Path, read) -> None:
    file = tmp_path / "trades.csv"
    file.write_text("time,date,price,qty\n1590681658,x,1.5,2\n")
    with pytest.raises(MissingColumns, match="several columns for timestamp: time, date"):
        read(file, name="generic", symbol="A_B")


def test_a_missing_column_is_told_with_what_is_there(tmp_path: Path, read) -> None:
    file = tmp_path / "trades.csv"
    file.write_text("time,price,colour\n1590681658,1.5,2\n")
    with pytest.raises(UnknownFormat, match="--format generic --column"):
        read(file, symbol="A_B")
    with pytest.raises(
        MissingColumns, match=r"has the columns time, price, colour; .* volume \(--column volume=NAME\)"
    ):
        read(file, name="generic", symbol="A_B")


def test_a_time_in_no_unit_and_a_market_without_name_are_usage_errors(tmp_path: Path, read) -> None:
    file = tmp_path / "trades.csv"
    file.write_text("time,price,qty\nyesterday,1.5,2\n")
    with pytest.raises(MissingColumns, match="'yesterday' in the column time"):
        read(file, name="generic", symbol="A_B")
    file.write_text("time,price,qty\n1590681658,1.5,2\n")
    with pytest.raises(MissingColumns, match="no time of the years 2009 to 2100 in ms"):
        read(file, symbol="A_B", time_unit="ms")
    with pytest.raises(SymbolNeeded):
        read(file)
    with pytest.raises(UnknownFormat, match="only be chosen for the format generic"):
        read(file, name="ccxt-trades", columns={"price": "px"})


def test_other_delimiters_quotes_and_line_ends_are_read(tmp_path: Path, read) -> None:
    file = tmp_path / "trades.csv"
    text = '\ufeff"time";"price";"qty";"note"\r\n"1590681658";"1.5";"2";"a;b"\r\n1590681659;1.6;3;"c ""d"""\r\n'
    file.write_bytes(text.encode())
    content = read(file, symbol="A_B")
    assert content.rejected == ()
    assert content.trades.price.tolist() == [1.5, 1.6]
    assert content.trades.lines.tolist() == [2, 3]


def test_parquet_columns_of_other_types_are_converted(tmp_path: Path, read) -> None:
    file = tmp_path / "trades.parquet"
    times = pa.array([datetime(2020, 5, 28, 16, 0, 58, 618000, UTC)] * 3, pa.timestamp("ms", "UTC"))
    table = pa.table(
        {
            "ts": times,
            "price": pa.array([Decimal("1.50"), Decimal("2.25"), None], pa.decimal128(10, 2)),
            "qty": pa.array([1, 2, 3], pa.int32()),
            "is_buyer_maker": [True, False, True],
            "id": pa.array([7, None, 9], pa.int64()),
            "symbol": pa.array(["A_B", "C_D", "A_B"]).dictionary_encode(),
        }
    )
    pq.write_table(table, file)
    content = read(file)
    assert content.format == "generic"
    assert content.trades.ts.tolist() == [TIME, TIME]
    assert content.trades.price.tolist() == [1.5, 2.25]
    assert content.trades.side.tolist() == [-1, 1]
    assert content.trades.trade_id.tolist() == [7, NULL]
    assert content.symbols == ["A_B", "C_D"]
    # in Parquet, lines are rows
    assert content.complaints == [(3, "no price")]


def test_numbers_as_text_in_parquet_are_read_and_bad_ones_rejected(tmp_path: Path, read) -> None:
    file = tmp_path / "trades.parquet"
    pq.write_table(pa.table({"ts": [1590681658] * 3, "price": ["1.5", "x", "2.5"], "qty": [1.0, 2.0, 3.0]}), file)
    content = read(file, symbol="A_B")
    assert content.trades.price.tolist() == [1.5, 2.5]
    assert content.complaints == [(2, "price 'x' is not a number")]


def test_roles_have_other_names() -> None:
    assert role_name("Quantity") == "volume"
    with pytest.raises(UsageError, match="allowed: timestamp, price"):
        role_name("colour")
