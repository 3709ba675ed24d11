"""Delimited text to columns: whole blocks at once where all their rows are sound, row by row where they are not.

Both ways read a row alike, so the result does not depend on where blocks are cut. The slow way is taken only for
the few hundred lines around a row with a text that is no number or with a wrong number of fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from connectors.files.blocks import Rejected, rejected
from connectors.files.lines import LineBlock
from connectors.files.rows import Field, RowBlock, read_texts

_SLOW_LINES: Final = 256
"""A block with a bad row is halved until it is this small."""
_QUOTE: Final = b'"'


@dataclass(frozen=True, slots=True)
class TextTable:
    """The shape of a delimited text: how many fields a row has and which of them are needed for what."""

    width: int
    fields: Mapping[str, Field]
    delimiter: str = ","

    def rows(self, block: LineBlock) -> Iterator[RowBlock]:
        """All rows of a block, in order, in one or several pieces. Blank lines are no rows."""
        fast = self._fast(block)
        if fast is not None:
            yield fast
        elif block.count <= _SLOW_LINES:
            yield self._slow(block)
        else:
            for half in block.halves():
                yield from self.rows(half)

    def _fast(self, block: LineBlock) -> RowBlock | None:
        """The rows, if every line is a row whose needed fields can be read; else None."""
        returns = block.data.count(b"\r")
        if returns and returns != block.data.count(b"\r\n"):
            return None
        kinds = {field.position: field.kind for field in self.fields.values()}
        try:
            table = self._parse(block.data, self.width, kinds)
        except pa.ArrowInvalid:
            return None
        if table.num_rows != block.count:
            return None
        starts: list[np.ndarray] = []

        def raw(row: int) -> bytes:
            if not starts:
                starts.append(block.starts())
            return block.data[starts[0][row] : starts[0][row + 1]].rstrip(b"\r\n")

        def texts(row: int) -> dict[str, str]:
            split = self._split(raw(row))
            return {role: split[field.position] for role, field in self.fields.items()} if split else {}

        columns = {role: table[_column(field.position)].combine_chunks() for role, field in self.fields.items()}
        lines = np.arange(block.first_line, block.first_line + block.count)
        return RowBlock(lines, columns, {}, texts, raw)

    def _slow(self, block: LineBlock) -> RowBlock:
        lines: list[int] = []
        raws: list[bytes] = []
        rows: list[list[str]] = []
        refused: list[Rejected] = []
        for number, raw in enumerate(block.lines(), block.first_line):
            if not raw:
                continue
            if b"\r" in raw:
                refused.append(rejected(number, "a carriage return inside the line", raw))
                continue
            split = self._split(raw)
            if split is None:
                refused.append(rejected(number, "quotes that make no sense", raw))
            elif len(split) != self.width:
                refused.append(rejected(number, f"{len(split)} fields instead of {self.width}", raw))
            else:
                lines.append(number)
                raws.append(raw)
                rows.append(split)
        read = {
            role: read_texts([row[field.position] for row in rows], field.kind) for role, field in self.fields.items()
        }

        def texts(row: int) -> dict[str, str]:
            return {role: rows[row][field.position] for role, field in self.fields.items()}

        return RowBlock(
            np.array(lines, np.int64),
            {role: values for role, (values, _) in read.items()},
            {role: unreadable for role, (_, unreadable) in read.items()},
            texts,
            raws.__getitem__,
            tuple(refused),
        )

    def _split(self, raw: bytes) -> list[str] | None:
        """The fields of a line; None where its quotes make no sense."""
        if _QUOTE not in raw:
            return [text.decode("utf-8", "surrogateescape") for text in raw.split(self.delimiter.encode())]
        for width in (self.width, *range(1, 2 * self.width + 8)):
            try:
                table = self._parse(raw + b"\n", width, {position: pa.binary() for position in range(width)})
            except pa.ArrowInvalid:
                continue
            if table.num_rows == 1:
                return [table[name][0].as_py().decode("utf-8", "surrogateescape") for name in table.column_names]
        return None

    def _parse(self, data: bytes, width: int, kinds: Mapping[int, pa.DataType]) -> pa.Table:
        """The columns at the positions of `kinds` of text whose rows have `width` fields; raises `ArrowInvalid`."""
        return pa_csv.read_csv(
            pa.py_buffer(data),
            read_options=pa_csv.ReadOptions(
                column_names=[_column(position) for position in range(width)],
                use_threads=False,
                block_size=len(data) + 1,
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=self.delimiter, quote_char='"' if _QUOTE in data else False, ignore_empty_lines=True
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types={_column(position): kind for position, kind in kinds.items()},
                include_columns=[_column(position) for position in kinds],
                null_values=[""],
                strings_can_be_null=False,
            ),
        )


def _column(position: int) -> str:
    return f"c{position}"
