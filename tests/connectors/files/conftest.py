"""Reading files with everything that a reader delivers put together."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from connectors.files.blocks import Block, BookBlock, Rejected, TradeBlock
from connectors.files.containers import parts_of
from connectors.files.format import AUTO, ReadOptions
from connectors.files.formats import open_part
from connectors.files.lines import BLOCK_BYTES
from connectors.files.tape_rows import TapeRows, joined

SHARED = Path(__file__).parents[3].parent / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Content:
    """A file's content: the format found, all rows as one block, all rejections, how many rows a block had."""

    format: str
    block: Block
    rejected: tuple[Rejected, ...]
    sizes: tuple[int, ...]

    @property
    def trades(self) -> TradeBlock:
        assert isinstance(self.block, TradeBlock)
        return self.block

    @property
    def books(self) -> BookBlock:
        assert isinstance(self.block, BookBlock)
        return self.block

    @property
    def symbols(self) -> list[str]:
        return [self.block.symbols[code] for code in self.block.symbol_codes.tolist()]

    @property
    def complaints(self) -> list[tuple[int, str]]:
        return [(entry.line, entry.reason) for entry in self.rejected]


Reader = Callable[..., Content]


@pytest.fixture
def read() -> Reader:
    """Reads a file (or the given member of a zip)."""

    def read_file(
        path: Path,
        *,
        name: str = AUTO,
        symbol: str | None = None,
        columns: Mapping[str, str] | None = None,
        time_unit: str = AUTO,
        block_bytes: int = BLOCK_BYTES,
        member: int = 0,
    ) -> Content:
        part = parts_of(path)[member]
        found, reader = open_part(part, name, ReadOptions(symbol, columns or {}, time_unit))
        readings = list(reader.readings(block_bytes=block_bytes))
        blocks = [reading.block for reading in readings]
        refused = tuple(entry for reading in readings for entry in reading.rejected)
        return Content(found, joined(blocks), refused, tuple(map(len, blocks)))

    return read_file


@pytest.fixture
def tape_of() -> Callable[..., TapeRows]:
    """The rows of several files as one tape."""

    def tape(*paths: Path, symbol: str | None = None, block_bytes: int = BLOCK_BYTES, **options: object) -> TapeRows:
        parts = [part for path in paths for part in parts_of(path)]
        readers = [open_part(part, AUTO, ReadOptions(symbol))[1] for part in parts]
        return TapeRows(readers, symbol=symbol, block_bytes=block_bytes, **options)  # type: ignore[arg-type]

    return tape


@pytest.fixture
def shared() -> Path:
    """The folder of real files; the test is skipped where there is none."""
    if not SHARED.is_dir():
        pytest.skip("the sample files are not here")
    return SHARED


@pytest.fixture(params=["plain", "gzip", "zip", "misnamed gzip"])
def packed(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a text in each of the containers."""

    def write(name: str, text: str) -> Path:
        match request.param:
            case "plain":
                path = tmp_path / name
                path.write_text(text)
            case "gzip":
                path = tmp_path / f"{name}.gz"
                path.write_bytes(gzip.compress(text.encode()))
            case "zip":
                path = tmp_path / f"{name}.zip"
                with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                    archive.writestr(name, text)
            case _:
                path = tmp_path / name
                path.write_bytes(gzip.compress(text.encode()))
        return path

    return write


def same_columns(one: Block, other: Block) -> None:
    """Assert that two blocks hold the same rows."""
    assert type(one) is type(other)
    for name in one.__slots__:
        if name not in ("symbols", "symbol_codes"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert [one.symbols[code] for code in one.symbol_codes] == [other.symbols[code] for code in other.symbol_codes]


@pytest.fixture
def assert_same() -> Callable[[Block, Block], None]:
    return same_columns
