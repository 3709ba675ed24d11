from __future__ import annotations

import gzip
import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.files.containers import file_hash, parts_of
from connectors.files.errors import NothingUsable, UnreadableFile

ROW = "100,0.5,50,25,1590681658618,True,True\n"


def test_members_of_a_zip_come_in_the_order_of_their_names(tmp_path: Path, read) -> None:
    file = tmp_path / "all.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("B-trades-2.csv", ROW)
        archive.writestr("folder/A-trades-1.csv", ROW * 2)
        archive.writestr("C-trades-3.csv.gz", gzip.compress(ROW.encode()))
        archive.writestr("__MACOSX/._A-trades-1.csv", b"\x00")
    assert [part.label for part in parts_of(file)] == [
        "all.zip:B-trades-2.csv",
        "all.zip:C-trades-3.csv.gz",
        "all.zip:folder/A-trades-1.csv",
    ]
    assert [len(read(file, member=member).trades) for member in range(3)] == [1, 1, 2]
    assert read(file, member=2).symbols == ["A", "A"]


def test_reading_tells_how_much_of_the_file_on_disk_has_been_read(packed: Callable[[str, str], Path]) -> None:
    file = packed("X-trades-1.csv", ROW * 50_000)
    told: list[int] = []
    with parts_of(file)[0].open(told.append) as stream:
        assert len(stream.read()) == len(ROW) * 50_000
    size = file.stat().st_size
    assert size <= sum(told) <= size + 70_000  # a zip's directory is read twice
    assert file_hash(file) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_damaged_files_are_named(tmp_path: Path, read) -> None:
    cut = tmp_path / "X-trades-cut.csv.gz"
    cut.write_bytes(gzip.compress((ROW * 100_000).encode())[:-5_00])
    with pytest.raises(UnreadableFile, match=r"X-trades-cut\.csv\.gz is (cut off|damaged)"):
        read(cut)
    torn = tmp_path / "X-trades-torn.zip"
    torn.write_bytes(b"PK\x03\x04" + b"x" * 100)
    with pytest.raises(UnreadableFile, match="damaged"):
        read(torn)
    parquet = tmp_path / "x.parquet"
    parquet.write_bytes(b"PAR1" + b"x" * 100)
    with pytest.raises(UnreadableFile, match="damaged"):
        read(parquet)


def test_what_is_no_file_with_rows_is_an_error(tmp_path: Path, read) -> None:
    with pytest.raises(UnreadableFile, match="there is no file"):
        parts_of(tmp_path / "nope.csv")
    with pytest.raises(UnreadableFile, match="is a folder"):
        parts_of(tmp_path)
    empty = tmp_path / "empty.csv"
    empty.touch()
    with pytest.raises(NothingUsable, match=r"empty\.csv is empty"):
        parts_of(empty)
    hollow = tmp_path / "hollow.csv.gz"
    hollow.write_bytes(gzip.compress(b""))
    with pytest.raises(NothingUsable, match="is empty"):
        read(hollow)
