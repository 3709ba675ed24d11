"""Where the needed columns of a table are, and its rows: the same for text and Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import pyarrow as pa

from connectors.files.blocks import Reading
from connectors.files.containers import OnBytes, Part, ignore_bytes
from connectors.files.errors import MissingColumns
from connectors.files.lines import BLOCK_BYTES, line_blocks
from connectors.files.parquet_rows import BATCH_ROWS, parquet_rows
from connectors.files.rows import Field, RowBlock
from connectors.files.sample import Sample
from connectors.files.text_rows import TextTable
from connectors.files.times import TimeReading, time_reading

_BYTES_PER_ROW: Final = 64
_MOST_NAMES: Final = 30


@dataclass(frozen=True, slots=True)
class Table:
    """A part whose shape is known: `fields` by role; `header` tells that the first line has the names."""

    part: Part
    fields: Mapping[str, Field]
    width: int
    delimiter: str
    header: bool

    def rows(self, on_bytes: OnBytes = ignore_bytes, block_bytes: int = BLOCK_BYTES) -> Iterator[RowBlock]:
        """All rows from the first to the last, about `block_bytes` of text at a time."""
        if self.part.parquet:
            batch_rows = max(1, min(BATCH_ROWS, block_bytes // _BYTES_PER_ROW))
            yield from parquet_rows(self.part, self.fields, on_bytes, batch_rows)
            return
        text = TextTable(self.width, self.fields, self.delimiter)
        with self.part.open(on_bytes) as stream:
            for block in line_blocks(stream, self.part.label, int(self.header), block_bytes):
                yield from text.rows(block)


class Layout(Protocol):
    """What the columns of a table mean."""

    def read(self, rows: RowBlock) -> Reading:
        """The block's rows as what they are, without those that cannot be meant."""
        ...


@dataclass(frozen=True, slots=True)
class TableReader:
    """A part, ready to be read: see `connectors.files.format.PartReader`."""

    table: Table
    layout: Layout
    stream: str
    symbols: tuple[str, ...] | None

    @property
    def part(self) -> Part:
        """What is read."""
        return self.table.part

    @property
    def streams(self) -> tuple[str, ...]:
        """A table has one."""
        return (self.stream,)

    def readings(self, on_bytes: OnBytes = ignore_bytes, block_bytes: int = BLOCK_BYTES) -> Iterator[Reading]:
        """Everything in the part, in order."""
        for rows in self.table.rows(on_bytes, block_bytes):
            yield self.layout.read(rows)


def table_of(sample: Sample, fields: Mapping[str, Field], *, header: bool = True) -> Table:
    """The table that a sample is the beginning of."""
    return Table(sample.part, fields, len(sample.first), sample.delimiter, header)


def missing(sample: Sample, what: str, needed: Sequence[str]) -> MissingColumns:
    """The error for a table that lacks `needed` columns."""
    found = list(sample.first[:_MOST_NAMES]) + (["…"] if len(sample.first) > _MOST_NAMES else [])
    return MissingColumns(f"{sample.part.label} has the columns {', '.join(found)}; {what} needs {', '.join(needed)}")


def times_at(sample: Sample, position: int, units: Sequence[str], *, mixed: bool = False) -> TimeReading | None:
    """How to read the times of a column; None where none of the sampled texts is a time in one of the units."""
    if sample.schema is not None:
        kind = sample.schema.field(position).type
        if pa.types.is_timestamp(kind):
            return TimeReading(kind)
    return time_reading(sample.texts(position), units, mixed=mixed)
