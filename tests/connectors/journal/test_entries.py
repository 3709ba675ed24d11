"""Rows become bytes and the same rows again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from connectors.journal.entries import decode, encode
from connectors.journal.errors import RowsNotStorable
from connectors.questdb.columns import NULL, TableColumns

KINDS = {
    "timestamp": "TIMESTAMP",
    "name": "SYMBOL",
    "payload": "VARCHAR",
    "count": "LONG",
    "side": "BYTE",
    "price": "DOUBLE",
    "late": "BOOLEAN",
    "book": "DOUBLE[][]",
}
TABLE = TableColumns("things", KINDS, "timestamp")

LADDERS = np.array([[[9.0, 8.0], [1.0, 2.0]], [[9.5, np.nan], [3.0, np.nan]]])
NUMPY: dict[str, Any] = {
    "timestamp": np.array([3, 5]),
    "name": ["a", "b"],
    "count": np.array([NULL, 7]),
    "side": np.array([1, -1], np.int8),
    "price": np.array([1.5, np.nan]),
    "late": np.array([True, False]),
    "book": LADDERS,
}
LISTS: dict[str, Any] = {
    "timestamp": [3, 5],
    "name": ["a", None],
    "payload": [None, '{"x": "é"}'],
    "count": [None, 7],
    "side": [1, -1],
    "price": [None, 2],
    "late": [True, False],
    "book": [None, np.array([[1.0], [2.0]])],
}
ARROW: dict[str, Any] = {
    "timestamp": pa.array([3, 5], pa.timestamp("us", "UTC")),
    "name": pa.array(["a", None]).dictionary_encode(),
    "payload": pa.chunked_array([pa.array(["p"]), pa.array([None], pa.string())]),
    "count": pa.nulls(2),
    "side": pa.array([1, -1], pa.int8()),
    "late": pa.array([True, False]),
    "book": pa.array([[[1.0, 2.0], [3.0, 4.0]], None]),
}


@pytest.mark.parametrize("columns", [NUMPY, LISTS, ARROW, {**LISTS, "book": pa.nulls(2)}])
def test_a_writer_sees_the_same_rows_before_and_after(columns: dict[str, Any]) -> None:
    payload, rows = encode({"things": columns})
    assert rows == 2
    expected, found = TABLE.frame(columns), TABLE.frame(decode(bytes(payload))["things"])
    assert list(found) == list(expected)
    for name in expected:
        before = [None if value is None or value is not value else value for value in expected[name].tolist()]
        after = [None if value is None or value is not value else value for value in found[name].tolist()]
        if name == "book":
            before, after = ([None if book is None else book.tolist() for book in side] for side in (before, after))
        assert repr(after) == repr(before), name


def test_numbers_come_back_as_arrays_and_books_without_an_object_per_row() -> None:
    payload, _ = encode({"things": NUMPY})
    columns = decode(bytes(payload))["things"]
    for name in ("timestamp", "count", "side", "price", "late", "book"):
        found = columns[name]
        assert isinstance(found, np.ndarray)
        assert found.dtype == NUMPY[name].dtype
        np.testing.assert_array_equal(found, NUMPY[name])


def test_tables_keep_their_order_and_those_without_rows_are_left_out() -> None:
    payload, rows = encode({"b": {"x": [1]}, "none": {"x": []}, "a": {"x": [1, 2]}})
    assert rows == 3
    assert list(decode(bytes(payload))) == ["b", "a"]
    assert decode(bytes(encode({})[0])) == {}


@pytest.mark.parametrize(
    "columns",
    [
        {"x": [1, "a"]},
        {"x": [1, 2], "y": [1]},
        {"x": [2**70]},
        {"x": [object()]},
        {"x": np.zeros((2, 2))},
    ],
)
def test_what_no_table_could_take_is_refused_by_name(columns: dict[str, Any]) -> None:
    with pytest.raises(RowsNotStorable, match="rows of things cannot be journalled"):
        encode({"things": columns})
