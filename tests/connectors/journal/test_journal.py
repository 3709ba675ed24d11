"""A journal keeps what it was given, in order, across restarts, and drops what is acknowledged."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.journal.entries import decode
from connectors.journal.errors import JournalDamaged, JournalError, JournalFull, JournalInUse, RowsNotStorable
from connectors.journal.glance import glance
from connectors.journal.journal import Entry, Journal
from connectors.journal.segments import MAGIC, Position, Record, read_records, segment_numbers, segment_path

if TYPE_CHECKING:
    from tests.connectors.journal.conftest import MakeSlice

ALL = (10**9, 10**12)


def seqs(entries: list[Entry]) -> list[int]:
    return [entry.last_seq for entry in entries]


def drop(journal: Journal, records: int) -> list[Record]:
    dropped = journal.waiting(*ALL)[:records]
    journal.acknowledge(dropped)
    return dropped


def test_what_is_appended_comes_back_in_order_and_whole(tmp_path: Path, make_slice: MakeSlice) -> None:
    with Journal(tmp_path / "j") as journal:
        slices = [make_slice(number) for number in range(5)]
        for entry in slices:
            journal.append(entry)
        found = list(journal.entries_after(-1))
    assert [(entry.first_ts, entry.last_ts, entry.last_seq) for entry in found] == [
        (entry.first_ts, entry.last_ts, entry.last_seq) for entry in slices
    ]
    for entry, given_entry in zip(found, slices, strict=True):
        assert list(entry.tables) == ["tick_prices", "tick_orderbook"]
        trades, given_trades = entry.tables["tick_prices"], given_entry.tables["tick_prices"]
        np.testing.assert_array_equal(trades["seq"], given_trades["seq"])
        np.testing.assert_array_equal(trades["price"], given_trades["price"])


def test_a_restart_finds_what_waits_and_where_the_tape_stopped(tmp_path: Path, make_slice: MakeSlice) -> None:
    with Journal(tmp_path / "j", segment_bytes=1) as journal:
        for number in range(4):
            journal.append(make_slice(number))
        waiting = journal.rows, journal.bytes
        assert waiting[0] == 48
    assert glance(tmp_path / "j") == glance(tmp_path / "j")
    assert (glance(tmp_path / "j").rows, glance(tmp_path / "j").bytes) == waiting
    with Journal(tmp_path / "j") as journal:
        assert (journal.rows, journal.bytes) == waiting
        assert (journal.last_seq, journal.last_ts) == (47, make_slice(3).last_ts)
        assert seqs(list(journal.entries_after(23))) == [35, 47]
        journal.append(make_slice(4))
        assert seqs(list(journal.entries_after(-1))) == [11, 23, 35, 47, 59]


def test_a_slice_without_rows_moves_the_end_of_the_tape(tmp_path: Path, make_slice: MakeSlice) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.append(make_slice(0))
        journal.append(Entry({}, 10**16, 10**16 + 5, 11))
        assert journal.last_ts == 10**16 + 5
        assert len(list(journal.entries_after(11))) == 0
        assert len(list(journal.entries_after(11, ts=10**16))) == 1
        drop(journal, 2)
        assert (journal.rows, journal.bytes) == (0, 0)
    with Journal(tmp_path / "j") as journal:
        assert (journal.last_ts, journal.last_seq) == (10**16 + 5, 11)


def test_a_new_journal_has_no_past(tmp_path: Path) -> None:
    with Journal(tmp_path / "deep" / "j") as journal:
        assert (journal.last_seq, journal.last_ts, journal.rows, journal.bytes) == (None, None, 0, 0)
        assert journal.waiting(*ALL) == []
        assert list(journal.entries_after(-1)) == []
    assert glance(tmp_path / "nowhere").rows == 0


def test_acknowledged_records_are_gone_also_after_a_restart(tmp_path: Path, make_slice: MakeSlice) -> None:
    with Journal(tmp_path / "j", segment_bytes=10_000) as journal:
        for number in range(20):
            journal.append(make_slice(number))
        segments = len(segment_numbers(tmp_path / "j"))
        assert segments > 3
        drop(journal, 15)
        assert journal.rows == 5 * 12
        assert len(segment_numbers(tmp_path / "j")) < segments
    with Journal(tmp_path / "j") as journal:
        assert [record.header.last_seq for record in journal.waiting(*ALL)] == [191, 203, 215, 227, 239]
        drop(journal, 5)
    assert segment_numbers(tmp_path / "j") == []
    with Journal(tmp_path / "j") as journal:
        assert journal.last_seq == 239
        journal.append(make_slice(20))
        assert seqs(list(journal.entries_after(-1))) == [251]


def test_what_waits_is_read_in_portions(tmp_path: Path, make_slice: MakeSlice) -> None:
    with Journal(tmp_path / "j", segment_bytes=4_000) as journal:
        for number in range(6):
            journal.append(make_slice(number))
        assert len(journal.waiting(30, 10**9)) == 2
        assert len(journal.waiting(1, 10**9)) == 1
        assert len(journal.waiting(10**9, 1)) == 1
        assert len(journal.waiting(*ALL)) == 6


def test_rows_beside_the_tape_are_kept_in_order_but_are_no_slices(tmp_path: Path, make_slice: MakeSlice) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.append(make_slice(0))
        journal.append_rows({"orders": {"timestamp": [1], "order_id": ["x"]}})
        journal.append_rows({"orders": {"timestamp": []}})
        journal.append(make_slice(1))
        assert [list(decode(record.payload)) for record in journal.waiting(*ALL)] == [
            ["tick_prices", "tick_orderbook"],
            ["orders"],
            ["tick_prices", "tick_orderbook"],
        ]
        assert len(list(journal.entries_after(-1))) == 2
        drop(journal, 2)
    with Journal(tmp_path / "j") as journal:
        assert journal.last_seq == 23


def test_the_bound_refuses_and_keeps(tmp_path: Path, make_slice: MakeSlice) -> None:
    with Journal(tmp_path / "j", bound_bytes=10_000) as journal:
        number = 0
        while journal.bytes + 3_000 < 10_000:
            journal.append(make_slice(number))
            number += 1
        with pytest.raises(JournalFull, match=r"is full: \d+ rows in .* wait for the database"):
            journal.append(make_slice(number, trades=500))
        kept = seqs(list(journal.entries_after(-1)))
        assert kept == [11 + 12 * index for index in range(number)]
        assert 0 < journal.bytes <= 10_000
        drop(journal, 1)
        journal.append(make_slice(number))


def test_values_that_cannot_be_stored_leave_the_journal_as_it_was(tmp_path: Path, make_slice: MakeSlice) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.append(make_slice(0))
        with pytest.raises(RowsNotStorable):
            journal.append(Entry({"orders": {"x": [1, "a"]}}, 0, 1, 2))
        journal.append(make_slice(1))
        assert seqs(list(journal.entries_after(-1))) == [11, 23]


def test_one_opens_it_at_a_time(tmp_path: Path, make_slice: MakeSlice) -> None:
    first = Journal(tmp_path / "j")
    with pytest.raises(JournalInUse, match="in use"):
        Journal(tmp_path / "j")
    first.close()
    first.close()
    with pytest.raises(JournalError, match="closed"):
        first.append(make_slice(0))
    Journal(tmp_path / "j").close()


def test_segments_are_forced_to_the_disk_where_that_is_wanted(tmp_path: Path, make_slice: MakeSlice) -> None:
    with Journal(tmp_path / "j", segment_bytes=1, sync=True) as journal:
        journal.append(make_slice(0))
        assert len(journal.waiting(*ALL)) == 1


@pytest.fixture(scope="module")
def three_slices(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[int]]:
    """A segment with three small records, and where each ends."""
    folder = tmp_path_factory.mktemp("three") / "j"
    with Journal(folder) as journal:
        for number in range(3):
            journal.append(Entry({"t": {"timestamp": [number]}}, number, number + 1, number))
        ends = [record.end.offset for record in journal.waiting(*ALL)]
    return segment_path(folder, 1).read_bytes(), ends


def journal_of(folder: Path, content: bytes) -> Path:
    folder.mkdir()
    segment_path(folder, 1).write_bytes(content)
    return folder


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_length_a_death_leaves_only_the_unfinished_record_is_dropped(
    tmp_path_factory: pytest.TempPathFactory, three_slices: tuple[bytes, list[int]], data: st.DataObject
) -> None:
    content, ends = three_slices
    length = data.draw(st.integers(0, len(content)))
    zeros = data.draw(st.sampled_from([0, 0, 1, 5_000]))
    left = content[:length] + bytes(zeros)
    folder = journal_of(tmp_path_factory.mktemp("torn") / "j", left)
    # zeros may happen to be what was missing
    complete = sum(left[:end] == content[:end] for end in ends)
    with Journal(folder) as journal:
        assert seqs(list(journal.entries_after(-1))) == list(range(complete))
        clean = ends[complete - 1] if complete else len(MAGIC) if length >= len(MAGIC) else 0
        assert journal.torn_bytes == len(left) - clean
        journal.append(Entry({"t": {"timestamp": [9]}}, 9, 10, 9))
    with Journal(folder) as journal:
        assert journal.torn_bytes == 0
        assert seqs(list(journal.entries_after(-1))) == [*range(complete), 9]


def test_a_changed_byte_before_the_end_is_damage_not_a_torn_tail(
    tmp_path: Path, three_slices: tuple[bytes, list[int]]
) -> None:
    content, ends = three_slices
    changed = bytearray(content)
    changed[ends[0] + 60] ^= 1
    folder = journal_of(tmp_path / "j", bytes(changed))
    with pytest.raises(JournalDamaged, match=f"record at byte {ends[0]} .* is damaged"):
        Journal(folder)
    assert segment_path(folder, 1).read_bytes() == bytes(changed)


def test_a_power_cut_may_tear_several_segments_and_what_is_lost_between_them_is_known(
    tmp_path: Path, make_slice: MakeSlice
) -> None:
    folder = tmp_path / "j"
    with Journal(folder, segment_bytes=10_000) as journal:
        for number in range(30):
            journal.append(make_slice(number))
    first, second, *_ = numbers = segment_numbers(folder)
    counts = [len(list(read_records(folder, Position(number, 0)))) for number in numbers]
    assert min(counts[:3]) > 1
    os.truncate(segment_path(folder, first), segment_path(folder, first).stat().st_size - 5)
    # its blocks were never written
    segment_path(folder, second).write_bytes(bytes(segment_path(folder, second).stat().st_size))
    with Journal(folder) as journal:
        kept = seqs(list(journal.entries_after(-1)))
        assert len(kept) == 30 - 1 - counts[1]
        lost_from = make_slice(counts[0] - 1).first_ts
        assert journal.holes == [(lost_from, make_slice(counts[0] + counts[1]).first_ts)]
        assert journal.torn_bytes > 0
        drop(journal, 30)
        assert (journal.rows, journal.bytes) == (0, 0)
    with Journal(folder) as journal:
        assert (journal.holes, journal.torn_bytes) == ([], 0)


def test_a_foreign_file_is_never_touched(tmp_path: Path) -> None:
    folder = journal_of(tmp_path / "j", b"SOMETHING ELSE ENTIRELY")
    with pytest.raises(JournalDamaged, match="no journal of this program"):
        Journal(folder)
    assert segment_path(folder, 1).read_bytes() == b"SOMETHING ELSE ENTIRELY"
    assert glance(folder).rows == 0


def test_an_unreadable_cursor_means_that_all_waits(tmp_path: Path, make_slice: MakeSlice) -> None:
    with Journal(tmp_path / "j") as journal:
        for number in range(3):
            journal.append(make_slice(number))
        drop(journal, 1)
    (tmp_path / "j" / "cursor.json").write_bytes(b"")
    with Journal(tmp_path / "j") as journal:
        assert len(journal.waiting(*ALL)) == 3


def test_many_threads_append_while_one_reads_and_drops(tmp_path: Path, make_slice: MakeSlice) -> None:
    with Journal(tmp_path / "j", segment_bytes=20_000) as journal:

        def append(first: int) -> None:
            for number in range(first, first + 50):
                journal.append(make_slice(number, trades=1, books=0))

        threads = [threading.Thread(target=append, args=(1_000 * index,)) for index in range(3)]
        for thread in threads:
            thread.start()
        dropped: list[int] = []
        while len(dropped) < 150:
            journal.wait_for_records(lambda: False)
            records = journal.waiting(7, 10**9)
            journal.acknowledge(records)
            dropped += [record.header.last_seq for record in records]
        for thread in threads:
            thread.join()
        assert sorted(dropped) == [1_000 * index + number for index in range(3) for number in range(50)]
        for index in range(3):
            own = [seq for seq in dropped if seq // 1_000 == index]
            assert own == sorted(own)
        assert journal.rows == 0


APPENDER = """
import sys
from pathlib import Path
import numpy as np
from connectors.journal.journal import Entry, Journal

journal = Journal(Path(sys.argv[1]), segment_bytes=3_000_000)
number = (journal.last_seq + 1) if journal.last_seq is not None else 0
while True:
    seq = np.full(20_000, number)
    journal.append(Entry({"t": {"timestamp": seq + 1, "x": np.random.random(20_000)}}, number, number + 1, number))
    print(number, flush=True)
    number += 1
"""


def test_nothing_that_was_appended_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "j"
    told = -1
    random = np.random.default_rng(5)
    for _ in range(4):
        appender = subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        assert appender.stdout is not None
        told = int(appender.stdout.readline())
        threading.Timer(random.random() * 0.15, appender.kill).start()
        for line in appender.stdout:
            if line.endswith("\n"):
                told = int(line)
        appender.wait()
        appender.stdout.close()
        with Journal(folder) as journal:
            assert journal.last_seq is not None
            # the one after the last that was told may have been finished without a word
            assert told <= journal.last_seq <= told + 1
            told = journal.last_seq
    with Journal(folder) as journal:
        assert seqs(list(journal.entries_after(-1))) == list(range(told + 1))
        for entry in journal.entries_after(told - 1):
            assert entry.tables["t"]["timestamp"][0] == told + 1


LIMITED = """
import resource, sys
from pathlib import Path
from connectors.journal.errors import JournalFull
from connectors.journal.journal import Entry, Journal

journal = Journal(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
try:
    for number in range(1_000):
        journal.append(Entry({"t": {"timestamp": list(range(300))}}, number, number + 1, number))
except JournalFull as error:
    assert "disk of the journal" in str(error), error
    assert [entry.last_seq for entry in journal.entries_after(-1)] == list(range(number))
    journal.append(Entry({}, number, number + 1, number))
    journal.close()
    print(number)
"""


@pytest.mark.skipif(sys.platform == "win32" or not hasattr(os, "fork"), reason="needs limits of file sizes")
def test_a_full_disk_leaves_no_half_record(tmp_path: Path) -> None:
    limited = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "j")],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert limited.returncode == 0, limited.stderr
    with Journal(tmp_path / "j") as journal:
        assert journal.torn_bytes == 0
        assert seqs(list(journal.entries_after(-1))) == list(range(int(limited.stdout) + 1))


def test_delays_run_from_the_oldest_row_to_the_acknowledgement(tmp_path: Path, make_slice: MakeSlice) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.append(make_slice(0), since=time.monotonic() - 100.0)
        journal.append(make_slice(1))
        assert journal.recent_delays == ()
        drop(journal, 1)
        (first,) = journal.recent_delays
        drop(journal, 1)
        _, second = journal.recent_delays
    assert first >= 100.0 > second >= 0.0
