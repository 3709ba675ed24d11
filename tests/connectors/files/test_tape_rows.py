from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from connectors.files.blocks import BookBlock
from connectors.files.errors import BackwardStep, MixedSymbols

SECOND = 1_000_000
START = 1_700_000_000 * SECOND
HEADER = "timestamp,price,volume,id,symbol\n"


def rows(*entries: tuple[float, object], symbol: str = "A_B") -> str:
    """Trades at these seconds after START with these ids."""
    return "".join(f"{START + round(second * SECOND)},1.5,2,{number},{symbol}\n" for second, number in entries)


def write(path: Path, *entries: tuple[float, object], symbol: str = "A_B") -> Path:
    path.write_text(HEADER + rows(*entries, symbol=symbol))
    return path


def columns(tape) -> tuple[list[float], list[float], list[int]]:
    """Tape seconds, true seconds and numbers of all trades."""
    steps = list(tape.steps())
    blocks = [step.block for step in steps]
    return (
        [(ts - START) / SECOND for block in blocks for ts in block.ts.tolist()],
        [(ts - START) / SECOND for block in blocks for ts in block.exchange_ts.tolist()],
        [number for step in steps for number in step.seq.tolist()],
    )


@pytest.mark.parametrize("block_bytes", [16, 100, 1 << 20])
def test_a_small_backward_step_is_stamped_with_the_time_before(block_bytes: int, tmp_path: Path, tape_of) -> None:
    file = write(tmp_path / "a.csv", (0, 1), (5, 2), (4, 3), (4.5, 4), (6, 5))
    tape = tape_of(file, block_bytes=block_bytes)
    assert columns(tape) == ([0, 5, 5, 5, 6], [0, 5, 4, 4.5, 6], [0, 1, 2, 3, 4])
    assert tape.stepped_back == 2


@pytest.mark.parametrize("block_bytes", [16, 1 << 20])
def test_a_larger_backward_step_names_file_and_line(block_bytes: int, tmp_path: Path, tape_of) -> None:
    file = write(tmp_path / "a.csv", (0, 1), (5, 2), (3.5, 3), (6, 5))
    with pytest.raises(BackwardStep, match=r"a\.csv line 4: time goes back by 1\.500 s.*--sort"):
        columns(tape_of(file, block_bytes=block_bytes))


def test_small_steps_do_not_add_up(tmp_path: Path, tape_of) -> None:
    file = write(tmp_path / "a.csv", (5, 1), (4.4, 2), (3.8, 3))
    with pytest.raises(BackwardStep, match=r"line 4: time goes back by 1\.200 s"):
        columns(tape_of(file))


def test_sorting_is_stable_over_files(tmp_path: Path, tape_of) -> None:
    one = write(tmp_path / "1.csv", (9, 1), (1, 2), (3, 3))
    two = write(tmp_path / "2.csv", (3, 4), (0, 5), (9, 6))
    tape = tape_of(one, two, sort=True, block_bytes=40)
    ids = [number for step in tape.steps() for number in step.block.trade_id.tolist()]
    assert ids == [5, 2, 3, 4, 1, 6]
    assert tape.stepped_back == 0


def test_trades_and_books_are_numbered_together_when_sorted(shared: Path, tmp_path: Path, tape_of) -> None:
    books = shared / "importers" / "nautilus_binance-futures_book_snapshot_25_BTCUSDT.csv"
    trades = tmp_path / "trades.csv"
    trades.write_text("timestamp,price,volume,symbol\n1598918403696000,1,1,BTCUSDT\n1598918403815001,1,1,BTCUSDT\n")
    numbered = [
        (int(ts), int(number), isinstance(step.block, BookBlock))
        for step in tape_of(books, trades, sort=True).steps()
        for ts, number in zip(step.block.ts, step.seq, strict=True)
    ]
    assert sorted(number for _, number, _ in numbered) == list(range(12))
    in_order = sorted(numbered, key=lambda entry: entry[1])
    assert [entry[0] for entry in in_order] == sorted(entry[0] for entry in numbered)
    assert [is_book for _, _, is_book in in_order[:4]] == [True, False, True, False]


def test_duplicates_are_removed_by_id_and_equal_rows_without_one_are_kept(tmp_path: Path, tape_of) -> None:
    one = write(tmp_path / "1.csv", (0, 7), (0, 7), (0, ""), (0, ""), (1, "x"))
    two = write(tmp_path / "2.csv", (1, "x"), (1, 8), (2, 7))
    tape = tape_of(one, two, block_bytes=64)
    assert columns(tape)[0] == [0, 0, 0, 1, 1]
    assert tape.duplicates == 3


def test_overlapping_dumps_fit_together_by_their_ids(tmp_path: Path, tape_of) -> None:
    one = write(tmp_path / "1.csv", (0, 1), (5, 2), (9, 3))
    two = write(tmp_path / "2.csv", (5, 2), (9, 3), (11, 4))
    tape = tape_of(one, two)
    assert columns(tape)[0] == [0, 5, 9, 11]


def test_the_same_id_in_two_markets_is_two_trades(tmp_path: Path, tape_of) -> None:
    file = tmp_path / "a.csv"
    file.write_text(HEADER + rows((0, 1), symbol="A") + rows((0, 1), symbol="B") + rows((0, 1), symbol="A"))
    tape = tape_of(file)
    assert [step.block.symbols for step in tape.steps()] == [("A", "B")]
    assert tape.duplicates == 1


def test_a_period_has_both_its_ends(tmp_path: Path, tape_of) -> None:
    file = write(tmp_path / "a.csv", *[(second, second) for second in range(10)])
    tape = tape_of(file, from_ts=START + 3 * SECOND, to_ts=START + 5 * SECOND, block_bytes=100)
    assert columns(tape) == ([3, 4, 5], [3, 4, 5], [0, 1, 2])


def test_a_symbol_names_all_rows_but_not_two_markets(tmp_path: Path, tape_of) -> None:
    one, two = write(tmp_path / "1.csv", (0, 1)), write(tmp_path / "2.csv", (1, 1), symbol="C_D")
    assert next(iter(tape_of(one, symbol="X").steps())).block.symbols == ("X",)
    with pytest.raises(MixedSymbols, match="both A_B and C_D would be called X"):
        columns(tape_of(one, two, symbol="X"))


def test_sorted_rows_are_those_of_a_sorted_file(tmp_path: Path, tape_of, assert_same) -> None:
    seconds = np.random.default_rng(5).permutation(5_000)
    shuffled = write(tmp_path / "1.csv", *[(second / 10, second) for second in seconds])
    ordered = write(tmp_path / "2.csv", *[(second / 10, second) for second in range(5_000)])
    one = list(tape_of(shuffled, sort=True, block_bytes=4_096).steps())
    two = list(tape_of(ordered).steps())
    assert [step.block.ts.tolist() for step in one] == [step.block.ts.tolist() for step in two]
    assert one[0].block.trade_id.tolist() == list(range(5_000))
