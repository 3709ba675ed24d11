"""Exporting a tape, and importing it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from connectors.questdb.database import Database
from dataflows import exporting
from dataflows.exporting import ExportRequest, export_session
from dataflows.importing import ImportRequest, import_files
from dataflows.tapes import EmptyTape, UnknownSession
from operators.errors import UsageError

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
HEADER = "symbol,timestamp,datetime,side,price,amount,id\n"


def tape(folder: Path, rows: int = 500) -> Path:
    random = np.random.default_rng(11)
    file = folder / "tape.csv"
    times = 1_610_000_000_000 + np.cumsum(random.integers(0, 900, rows)) - random.integers(0, 2, rows) * 500
    lines = [
        f"{('A/B', 'C/D')[number % 2]},{time},x,{('buy', 'sell', '')[number % 3]},{random.random() + 0.1},"
        f"{random.integers(1, 10**6) / 1000},{('', number)[number % 5 > 0]}\n"
        for number, time in enumerate(times.tolist())
    ]
    file.write_text(HEADER + "".join(lines))
    return file


def read(file: Path) -> pa.Table:
    return pq.read_table(file) if file.suffix == ".parquet" else pa_csv.read_csv(file)


@pytest.mark.parametrize("ending", [".parquet", ".csv.gz", ".csv"])
def test_what_is_exported_and_imported_again_is_the_same_tape(
    ending: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "TRADES_PER_PAGE", 60)
    first = import_files(database, ImportRequest([tape(tmp_path)]))
    assert first.stepped_back > 0
    one, two = tmp_path / f"one{ending}", tmp_path / f"two{ending}"
    progress: list[tuple[int, int]] = []
    outcome = export_session(
        database, ExportRequest(first.session_id, one), lambda done, total: progress.append((done, total))
    )
    assert outcome.rows == first.rows == 500
    assert outcome.bytes == one.stat().st_size
    assert progress[-1] == (500, 500)
    assert len(progress) > 4
    second = import_files(database, ImportRequest([one]))
    assert second.format == "generic"
    assert (second.rows, second.rejected, second.duplicates, second.stepped_back) == (500, 0, 0, 0)
    assert (second.tape_from, second.tape_to) == (first.tape_from, first.tape_to)
    assert second.contracts == first.contracts
    export_session(database, ExportRequest(second.session_id, two))
    exported, again = read(one), read(two)
    assert exported.column_names == list(exporting._TRADES)
    assert exported.drop_columns(["session_id"]) == again.drop_columns(["session_id"])
    assert exported["trade_id"].null_count == 100
    assert exported["timestamp"].to_pylist() == sorted(exported["timestamp"].to_pylist())


def test_one_symbol_can_be_chosen(database: Database, tmp_path: Path) -> None:
    session = import_files(database, ImportRequest([tape(tmp_path)])).session_id
    target = tmp_path / "one.parquet"
    assert export_session(database, ExportRequest(session, target, symbols=("A_B",))).rows == 250
    assert set(read(target)["symbol"].to_pylist()) == {"A_B"}
    with pytest.raises(UsageError, match="has no symbol 'X_Y'; it has A_B, C_D"):
        export_session(database, ExportRequest(session, tmp_path / "x.csv", symbols=("X_Y",)))


def test_books_have_a_column_per_number(database: Database, tmp_path: Path) -> None:
    source = SHARED / "importers" / "nautilus_binance-futures_book_snapshot_25_BTCUSDT.csv"
    if not source.is_file():
        pytest.skip("the sample files are not here")
    session = import_files(database, ImportRequest([source])).session_id
    target = tmp_path / "books.parquet"
    assert export_session(database, ExportRequest(session, target, books=True)).rows == 10
    books, original = read(target), pa_csv.read_csv(source)
    for level in range(25):
        for ours, theirs in (("bid", "bids"), ("ask", "asks")):
            assert books[f"{ours}_px_{level + 1}"].to_pylist() == original[f"{theirs}[{level}].price"].to_pylist()
            assert books[f"{ours}_qty_{level + 1}"].to_pylist() == original[f"{theirs}[{level}].amount"].to_pylist()
    with pytest.raises(EmptyTape, match="no trades"):
        export_session(database, ExportRequest(session, tmp_path / "x.csv"))


def test_books_of_different_depth_are_padded_with_nothing(database: Database, tmp_path: Path) -> None:
    source = tmp_path / "books.csv"
    levels = ",".join(
        f"{side}[{level}].{what}" for level in (0, 1) for side in ("asks", "bids") for what in ("price", "amount")
    )
    source.write_text(
        f"exchange,symbol,timestamp,local_timestamp,{levels}\n"
        "x,S_T,1598918403696000,1598918403810979,101,1,100,2,,,99,3\n"
        "x,S_T,1598918403696001,1598918403810979,,,100,2,,,,\n"
    )
    session = import_files(database, ImportRequest([source])).session_id
    target = tmp_path / "books.csv.gz"
    export_session(database, ExportRequest(session, target, books=True))
    books = read(target)
    assert books["bid_px_2"].to_pylist() == [99, None]
    assert books["ask_px_1"].to_pylist() == [101, None]
    assert "ask_px_2" not in books.column_names


def test_files_are_not_replaced_unless_forced_and_not_left_half_written(database: Database, tmp_path: Path) -> None:
    session = import_files(database, ImportRequest([tape(tmp_path)])).session_id
    target = tmp_path / "out.csv"
    target.write_text("precious")
    with pytest.raises(UsageError, match="--force"):
        ExportRequest(session, target)
    with pytest.raises(UnknownSession):
        export_session(database, ExportRequest("import_20000101_000000_00000000", target, force=True))
    assert target.read_text() == "precious"

    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_session(database, ExportRequest(session, target, force=True), stop)
    assert target.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "tape.csv"]
    export_session(database, ExportRequest(session, target, force=True))
    assert len(read(target)) == 500


def test_an_unknown_session_names_the_nearest(database: Database, tmp_path: Path) -> None:
    session = import_files(database, ImportRequest([tape(tmp_path)])).session_id
    with pytest.raises(UnknownSession, match=session) as caught:
        export_session(database, ExportRequest(session[:-1] + "z", tmp_path / "x.csv"))
    assert caught.value.exit_code == 2


def test_targets_that_cannot_be_meant_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"allowed: \.parquet, \.csv\.gz, \.csv"):
        ExportRequest("s", tmp_path / "x.xlsx")
    with pytest.raises(UsageError, match="there is no folder"):
        ExportRequest("s", tmp_path / "nope" / "x.csv")


def test_the_command_exports_and_says_so(database: Database, tapeflow: Callable[..., Any], tmp_path: Path) -> None:
    session = import_files(database, ImportRequest([tape(tmp_path)])).session_id
    target = tmp_path / "out.parquet"
    finished = tapeflow("export", session, "--to", str(target), "--json").finished
    assert (finished["session_id"], finished["rows"], finished["bytes"]) == (session, 500, target.stat().st_size)
    assert "--force" in tapeflow("export", session, "--to", str(target), expect=2).err
    assert "500 trades written to" in tapeflow("export", session, "--to", str(target), "--force").out
    assert session in tapeflow("export", session[:-1], "--to", str(tmp_path / "x.csv"), expect=2).err
