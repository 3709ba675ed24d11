"""Blocks of rows as Arrow columns, before anything is known about what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from connectors.files.blocks import Bool, Rejected
from operators.tape import Int64

TEXT: Final = pa.dictionary(pa.int32(), pa.utf8())
"""The type of columns with few different texts (sides, symbols)."""
_BLANK: Final = " \t"


@dataclass(frozen=True, slots=True)
class Field:
    """A column that is needed: its position in the table, its name there, and the type to read it as."""

    position: int
    name: str
    kind: pa.DataType


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Rows with the right number of fields. `columns[role]` has the type of the role's field, null where the row has
    nothing or something else; `unreadable[role]` marks the latter (no entry: there is none).

    `texts(i)` is row i's text per role, `raw(i)` its whole text. `rejected` rows are not among the columns.
    """

    lines: Int64
    columns: Mapping[str, pa.Array]
    unreadable: Mapping[str, Bool]
    texts: Callable[[int], dict[str, str]]
    raw: Callable[[int], bytes]
    rejected: tuple[Rejected, ...] = ()


def read_texts(texts: list[str], kind: pa.DataType) -> tuple[pa.Array, Bool]:
    """Texts as values of `kind`, exactly as Arrow's CSV reader takes them, and which of them it would refuse.

    >>> values, unreadable = read_texts(["1.5", "", "x"], pa.float64())
    >>> values.to_pylist(), unreadable.tolist()
    ([1.5, None, None], [False, False, True])
    """
    given = [text or None for text in texts]
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        given = [text and text.strip(_BLANK) for text in given]
    values = _cast(given, kind)
    nothing = np.fromiter((text == "" for text in texts), np.bool_, len(texts))
    absent = values.is_null().to_numpy(zero_copy_only=False)
    if kind == TEXT or pa.types.is_string(kind):
        # an empty text is a text
        refused = absent & ~nothing
        values = pa.array([None if bad else text for text, bad in zip(texts, refused.tolist(), strict=True)], pa.utf8())
        return (values.dictionary_encode() if kind == TEXT else values), refused
    return values, absent & ~nothing


def _cast(texts: list[str | None], kind: pa.DataType) -> pa.Array:
    """Texts cast to `kind`; null where that fails (found by halving)."""
    target = pa.utf8() if kind == TEXT else kind
    try:
        return pa.array(texts, pa.utf8()).cast(target)
    except (pa.ArrowInvalid, UnicodeEncodeError):
        if len(texts) == 1:
            return pa.nulls(1, target)
        half = len(texts) // 2
        return pa.concat_arrays([_cast(texts[:half], kind), _cast(texts[half:], kind)])
