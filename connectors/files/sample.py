"""The beginning of a file: what its format is recognised by."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.files.containers import Part
from connectors.files.errors import NothingUsable

SAMPLE_BYTES: Final = 64 << 10
_SAMPLE_ROWS: Final = 64
_DELIMITERS: Final = ",;\t|"


@dataclass(frozen=True, slots=True)
class Sample:
    """`first` is the first line's fields (Parquet: the column names), `rows` the following ones as texts,
    `schema` the types of a Parquet file, `lines` the beginning of a text as it is (the last one may be cut off)."""

    part: Part
    delimiter: str
    first: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    schema: pa.Schema | None = None
    lines: tuple[str, ...] = ()

    @property
    def columns(self) -> dict[str, int]:
        """Positions by name, if the first line is a header."""
        return {name: position for position, name in reversed(list(enumerate(self.first)))}

    def texts(self, position: int) -> list[str]:
        """The sampled texts of a column, without the first line's."""
        return [row[position] for row in self.rows if position < len(row)]


def take_sample(part: Part) -> Sample:
    """The beginning of a part; raises `NothingUsable` where there is nothing."""
    return _of_parquet(part) if part.parquet else _of_text(part)


def _of_text(part: Part) -> Sample:
    with part.open() as stream:
        data = stream.read(SAMPLE_BYTES)
    lines = data.decode("utf-8-sig", "replace").splitlines()
    if len(data) == SAMPLE_BYTES and len(lines) > 1:
        lines.pop()
    if not lines or not lines[0].strip():
        raise NothingUsable(f"{part.label} is empty" if not lines else f"the first line of {part.label} is blank")
    delimiter = max(_DELIMITERS, key=lines[0].count)
    rows = [_fields(line, delimiter) for line in lines[: _SAMPLE_ROWS + 1] if line]
    return Sample(part, delimiter, rows[0], tuple(rows[1:]), lines=tuple(lines))


def _fields(line: str, delimiter: str) -> tuple[str, ...]:
    return tuple(field.strip() for field in next(csv.reader([line], delimiter=delimiter)))


def _of_parquet(part: Part) -> Sample:
    with part.reading(), pq.ParquetFile(part.path) as file:
        schema = file.schema_arrow
        if not file.metadata.num_rows:
            raise NothingUsable(f"{part.label} has no rows")
        batch = next(file.iter_batches(batch_size=_SAMPLE_ROWS))
        rows = [tuple("" if value is None else str(value) for value in row.values()) for row in batch.to_pylist()]
    return Sample(part, ",", tuple(schema.names), tuple(rows), schema)
