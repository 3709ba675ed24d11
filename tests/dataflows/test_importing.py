"""Importing into the real database: what is stored, under which id, and what is refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.files.errors import BackwardStep, MissingColumns, NothingUsable, SymbolNeeded
from connectors.questdb.database import Database
from connectors.questdb.sessions import SessionStore
from dataflows.importing import ImportProgress, ImportRequest, import_files
from dataflows.sessions.describe import TIME_FIELDS
from operators.contracts import ContractSpecification
from operators.errors import UsageError
from operators.session import Status

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
HEADER = "symbol,timestamp,datetime,side,price,amount,id\n"
START = 1_610_000_000_000
"""2021-01-07 06:13:20 in milliseconds."""

Select = Callable[..., list[tuple[Any, ...]]]


def trade(milliseconds: int, number: object, *, price: str = "8.1e-06", side: str = "buy", symbol: str = "N/B") -> str:
    return f"{symbol},{START + milliseconds},x,{side},{price},1.25,{number}\n"


@pytest.fixture
def select(database: Database) -> Select:
    """Rows of a session in a table, in tape order; times as µs."""

    def run(table: str, columns: str, session_id: str, order: str = "timestamp, seq") -> list[tuple[Any, ...]]:
        names = [
            f"cast({name.strip()} AS LONG)" if name.strip() in TIME_FIELDS | {"timestamp", "exchange_ts"} else name
            for name in columns.split(",")
        ]
        return database.query(
            f"SELECT {', '.join(names)} FROM {table} WHERE session_id = %s ORDER BY {order}", [session_id]
        )

    return run


def test_a_real_tape_becomes_a_session_with_its_head(database: Database, select: Select) -> None:
    file = SHARED / "pump_tapes" / "NASBTC_2021-01-14_2100.csv.gz"
    if not file.is_file():
        pytest.skip("the sample files are not here")
    seen: list[ImportProgress] = []
    outcome = import_files(database, ImportRequest([file]), seen.append)
    assert outcome.session_id.startswith("import_20210112_210006_")
    assert (outcome.rows, outcome.rejected, outcome.duplicates) == (13_197, 0, 0)
    assert outcome.tape_from == 1610485206193000 - 1
    record = SessionStore(database).latest(outcome.session_id)
    assert record is not None
    assert record.status is Status.STOPPED
    assert record.symbols == ("NAS_BTC",)
    assert (record.tape_from, record.tape_to) == (outcome.tape_from, outcome.tape_to)
    assert (record.records_collected, record.prices_count, record.orderbook_count) == (13_197, 13_197, 0)
    events = select("tape_events", "timestamp, seq, symbol, kind, payload", outcome.session_id)
    assert [row[:4] for row in events] == [
        (record.tape_from + 1, 0, "NAS_BTC", "observed_on"),
        (record.tape_from + 1, 1, "NAS_BTC", "contract"),
    ]
    assert json.loads(events[0][4]) == {"stream": "trades", "cause": "import"}
    contract = ContractSpecification.from_payload(json.loads(events[1][4]))
    assert (contract.price_unit, contract.vol_unit, contract.min_vol) == (1e-07, 0.01, 0.01)
    assert (contract.contract_size, contract.max_leverage, contract.state) == (1.0, 20.0, "trading")
    rows = select("tick_prices", "timestamp, seq, price, volume, quote_volume, side, late", outcome.session_id)
    assert len(rows) == 13_197
    assert rows[0] == (1610485206193000, 2, 8.1e-06, 684.13, 8.1e-06 * 684.13, 1, False)
    assert [row[1] for row in rows] == list(range(2, 13_199))
    assert seen[0].checking
    assert not seen[-1].checking
    assert seen[-1].bytes_read == seen[-1].bytes_total == file.stat().st_size
    assert seen[-1].rows == 13_197


def test_importing_again_finds_the_session_and_writes_nothing(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "again.csv"
    file.write_text(HEADER + trade(1, 1) + trade(2, 1) + "nonsense\n" + trade(3, 2))
    request = ImportRequest([file])
    first = import_files(database, request)
    store = SessionStore(database)
    versions = store.versions(first.session_id)
    again = import_files(database, request)
    assert again.already_imported
    assert not first.already_imported
    assert again.session_id == first.session_id
    assert (again.rows, again.rejected, again.duplicates) == (first.rows, first.rejected, first.duplicates) == (2, 1, 1)
    assert again.contracts == first.contracts
    assert store.versions(first.session_id) == versions


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "OTHER"},
        {"from_ts": (START + 1) * 1_000},
        {"to_ts": (START + 9) * 1_000},
        {"sort": True},
        {"contract_size": 10.0},
        {"format": "generic", "columns": {"timestamp": "timestamp"}},
    ],
)
def test_whatever_decides_the_tape_decides_the_id(change: dict[str, Any], database: Database, tmp_path: Path) -> None:
    file = tmp_path / "ids.csv"
    file.write_text(HEADER + trade(1, 1) + trade(2, 2))
    plain = import_files(database, ImportRequest([file]))
    changed = import_files(database, ImportRequest([file], **change))
    assert changed.session_id != plain.session_id
    assert changed.session_id[:23] == plain.session_id[:23] == "import_20210107_061320_"


def test_rejected_rows_are_dead_letters_and_the_rest_is_imported(
    database: Database, select: Select, tmp_path: Path
) -> None:
    file = tmp_path / "mixed.csv.gz"
    bad = [trade(11, 5, price="oops"), "half,a row\n", trade(12, 6, side="hold")]
    file.write_bytes(gzip.compress((HEADER + trade(10, 1) + bad[0] + bad[1] + trade(13, 2) + bad[2]).encode()))
    outcome = import_files(database, ImportRequest([file]))
    assert (outcome.rows, outcome.rejected) == (2, 3)
    assert [(row.source, row.line, row.reason) for row in outcome.rejections] == [
        ("mixed.csv.gz", 3, "price 'oops' is not a number"),
        ("mixed.csv.gz", 4, "2 fields instead of 7"),
        ("mixed.csv.gz", 6, "side 'hold' is neither buy nor sell"),
    ]
    letters = select("dead_letters", "timestamp, stream, source, line, reason, raw", outcome.session_id, order="line")
    assert [row[1:] for row in letters] == [
        ("trades", "mixed.csv.gz", row.line, row.reason, text.rstrip())
        for row, text in zip(outcome.rejections, bad, strict=True)
    ]
    # at their own time, or at the session's start where that cannot be read
    assert [row[0] - START * 1_000 for row in letters] == [11_000, 10_000, 12_000]
    hashes = select("dead_letters", "raw_hash", outcome.session_id, order="line")
    assert all(0 <= row[0] < 2**63 for row in hashes)
    assert len(set(hashes)) == 3


def test_quantities_in_contracts_become_base_coins(database: Database, select: Select, tmp_path: Path) -> None:
    file = tmp_path / "contracts.csv"
    file.write_text(HEADER + trade(1, 1, price="2"))
    outcome = import_files(database, ImportRequest([file], contract_size=0.1))
    assert select("tick_prices", "volume, quote_volume", outcome.session_id) == [(0.125, 0.25)]
    contract = outcome.contracts["N_B"]
    assert (contract.contract_size, contract.vol_unit) == (0.1, 0.01)


def test_a_period_sets_the_bounds_of_the_tape(database: Database, select: Select, tmp_path: Path) -> None:
    file = tmp_path / "period.csv"
    file.write_text(HEADER + "".join(trade(1_000 * second, second) for second in range(10)))
    from_ts, to_ts = (START + 2_500) * 1_000, (START + 6_500) * 1_000
    outcome = import_files(database, ImportRequest([file], from_ts=from_ts, to_ts=to_ts))
    assert outcome.rows == 4
    assert (outcome.tape_from, outcome.tape_to) == (from_ts - 1, to_ts)
    assert outcome.session_id.startswith("import_20210107_061323_")
    assert {row[0] for row in select("tape_events", "timestamp", outcome.session_id)} == {from_ts}
    with pytest.raises(NothingUsable, match="no row in the period"):
        import_files(database, ImportRequest([file], to_ts=START * 1_000 - 1))


def test_small_backward_steps_are_stamped_and_keep_their_true_time(
    database: Database, select: Select, tmp_path: Path
) -> None:
    file = tmp_path / "jitter.csv"
    file.write_text(HEADER + trade(0, 1) + trade(900, 2) + trade(200, 3) + trade(950, 4))
    outcome = import_files(database, ImportRequest([file]))
    assert outcome.stepped_back == 1
    rows = select("tick_prices", "timestamp, exchange_ts, trade_id", outcome.session_id)
    assert [(ts - START * 1_000, true - START * 1_000, number) for ts, true, number in rows] == [
        (0, 0, 1),
        (900_000, 900_000, 2),
        (900_000, 200_000, 3),
        (950_000, 950_000, 4),
    ]


def test_a_file_out_of_order_is_refused_before_anything_is_written(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "unsorted.csv"
    file.write_text(HEADER + trade(9_000, 1) + trade(1_000, 2))
    known = len(SessionStore(database).newest())
    with pytest.raises(BackwardStep, match=r"unsorted\.csv line 3"):
        import_files(database, ImportRequest([file]))
    assert len(SessionStore(database).newest()) == known
    assert import_files(database, ImportRequest([file], sort=True)).rows == 2


def test_an_import_that_fails_on_the_way_is_failed_and_can_be_repeated(
    database: Database, select: Select, tmp_path: Path
) -> None:
    good = tmp_path / "1.csv"
    good.write_text(HEADER + "".join(trade(number, number) for number in range(100)))
    bad = tmp_path / "2.csv"
    bad.write_text(HEADER + trade(-9_000, 200))
    with pytest.raises(BackwardStep, match=r"2\.csv line 2") as caught:
        import_files(database, ImportRequest([good, bad]))
    failed = next(
        record
        for record in SessionStore(database).newest()
        if record.mode == "import" and '"2.csv"' in record.config and record.status is Status.FAILED
    )
    assert failed.error == str(caught.value)
    # another try works on the same session
    with pytest.raises(BackwardStep):
        import_files(database, ImportRequest([good, bad]))
    versions = SessionStore(database).versions(failed.session_id)
    assert [version.status for version in versions][-3:] == [Status.RECOVERING, Status.RUNNING, Status.FAILED]


def test_books_and_trades_of_one_market_share_a_tape(database: Database, select: Select, tmp_path: Path) -> None:
    books = SHARED / "importers" / "nautilus_binance-futures_book_snapshot_25_BTCUSDT.csv"
    if not books.is_file():
        pytest.skip("the sample files are not here")
    trades = tmp_path / "trades.csv"
    header = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    trades.write_text(header + "binance-futures,BTCUSDT,1598918403700000,1598918403710000,abc,unknown,11657.1,0.5\n")
    outcome = import_files(database, ImportRequest([books, trades], sort=True))
    assert (outcome.trades, outcome.books, outcome.symbols) == (1, 10, ("BTCUSDT",))
    events = select("tape_events", "seq, kind, payload", outcome.session_id)
    assert [(seq, kind) for seq, kind, _ in events] == [(0, "observed_on"), (1, "observed_on"), (2, "contract")]
    assert [json.loads(payload)["stream"] for _, _, payload in events[:2]] == ["trades", "books"]
    assert select("tick_prices", "seq, side, received_ts", outcome.session_id)[0][:2] == (4, 0)
    numbers = [seq for (seq,) in select("tick_orderbook", "seq", outcome.session_id)]
    assert numbers == [3, *range(5, 14)]
    stored = database.export(f"SELECT seq, bids, asks FROM tick_orderbook WHERE session_id = '{outcome.session_id}'")
    first = min(stored.to_pylist(), key=lambda row: row["seq"])
    assert [levels[0] for levels in first["bids"]] == [11657.07, 10.896]
    assert [levels[0] for levels in first["asks"]] == [11657.08, 1.714]
    assert [len(levels) for levels in first["bids"]] == [25, 25]
    # the steps come from books and trades together
    assert outcome.contracts["BTCUSDT"].price_unit == 0.01
    assert outcome.contracts["BTCUSDT"].vol_unit == 0.001


def test_several_markets_get_their_own_heads(database: Database, select: Select, tmp_path: Path) -> None:
    file = tmp_path / "two.csv"
    file.write_text(HEADER + trade(1, 1, symbol="A/B", price="1.5") + trade(2, 1, symbol="C/D", price="3"))
    outcome = import_files(database, ImportRequest([file]))
    assert outcome.symbols == ("A_B", "C_D")
    events = select("tape_events", "seq, symbol, kind", outcome.session_id)
    assert events == [
        (0, "A_B", "observed_on"),
        (1, "A_B", "contract"),
        (2, "C_D", "observed_on"),
        (3, "C_D", "contract"),
    ]
    assert [seq for (seq,) in select("tick_prices", "seq", outcome.session_id)] == [4, 5]
    assert (outcome.contracts["A_B"].price_unit, outcome.contracts["C_D"].price_unit) == (0.1, 1.0)


def test_numbers_behind_the_head_do_not_depend_on_pieces(
    database: Database, select: Select, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.files.tape_writer.TRADES_PER_PIECE", 10)
    file = tmp_path / "pieces.csv"
    file.write_text(HEADER + "".join(trade(number, number) for number in range(95)))
    outcome = import_files(database, ImportRequest([file], symbol="ONE"))
    assert [seq for (seq,) in select("tick_prices", "seq", outcome.session_id)] == list(range(2, 97))


def test_files_without_a_usable_row_are_an_error_that_says_why(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(HEADER + "x\n" * 3)
    with pytest.raises(NothingUsable, match=r"none of the 3 rows of bad\.csv .* line 2: 1 fields instead of 7"):
        import_files(database, ImportRequest([file]))
    file.write_text(HEADER)
    with pytest.raises(NothingUsable, match=r"there is no row in bad\.csv"):
        import_files(database, ImportRequest([file]))
    file.write_text("timestamp,datetime,price\n1,2,3\n")
    with pytest.raises(MissingColumns, match="needs timestamp, price, amount"):
        import_files(database, ImportRequest([file], format="ccxt-trades"))


def test_requests_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one file"):
        ImportRequest([])
    with pytest.raises(UsageError, match="contract size is -1"):
        ImportRequest([Path("x")], contract_size=-1)
    with pytest.raises(UsageError, match="--from lies after --to"):
        ImportRequest([Path("x")], from_ts=2, to_ts=1)
    with pytest.raises(SymbolNeeded, match="'A B'"):
        ImportRequest([Path("x")], symbol="A B")


def test_the_command_prints_what_machines_need(tapeflow: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "command.csv"
    file.write_text(HEADER + trade(1, 1) + trade(2, 1) + "oops\n" + trade(2, 2))
    first = tapeflow("import", str(file), "--json").finished
    keys = ("session_id", "rows", "rejected", "duplicates", "seconds", "rows_per_second")
    assert all(key in first for key in keys)
    assert (first["rows"], first["rejected"], first["duplicates"]) == (2, 1, 1)
    again = tapeflow("import", str(file), "--json").finished
    assert again["already_imported"]
    assert [again[key] for key in keys[:4]] == [first[key] for key in keys[:4]]
    people = tapeflow("import", str(file))
    assert "imported before; nothing was written" in people.out
    assert f"tapeflow backtest {first['session_id']} --strategy pump_follow_long" in people.out


def test_the_command_shows_what_was_left_out_and_what_was_assumed(tapeflow: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "shown.csv"
    file.write_text(HEADER + trade(1, 1) + trade(2, 2, price="0") * 25 + trade(900, 3) + trade(100, 4))
    out = tapeflow("import", str(file)).out
    assert "price '0' is not above zero" in out
    assert "… and 5 more." in out
    assert "1 by at most 1 s" in out
    assert "Assumed contracts" in out
    assert "1e-07" in out


@pytest.mark.parametrize(
    ("text", "arguments", "code", "message"),
    [
        (HEADER + trade(9_000, 1) + trade(0, 2), [], 1, "wrong.csv line 3: time goes back by 9.000 s"),
        (HEADER, [], 1, "there is no row in wrong.csv"),
        ("", [], 1, "wrong.csv is empty"),
        ("a,b\n1,2\n", [], 2, "wrong.csv is in none of the formats"),
        ("a,b\n1,2\n", ["--format", "ccxt-trades"], 2, "needs timestamp, price, amount"),
        (HEADER + trade(1, 1), ["--format", "excel"], 2, "there is no format 'excel'; allowed: auto, binance-trades"),
        (HEADER + trade(1, 1), ["--column", "colour=x"], 2, "a column cannot be 'colour'"),
        (HEADER + trade(1, 1), ["--from", "yesterday"], 2, "--from 'yesterday' is no date or time"),
        (HEADER + trade(1, 1), ["--time-unit", "days"], 2, "there is no time unit 'days'"),
        (None, [], 2, "there is no file"),
    ],
)
def test_errors_are_one_line(
    text: str | None, arguments: list[str], code: int, message: str, tapeflow: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "wrong.csv"
    if text is not None:
        file.write_text(text)
    done = tapeflow("import", str(file), *arguments, expect=code)
    assert message in done.err
    assert len(done.err.splitlines()) == 1
    assert done.out == ""
