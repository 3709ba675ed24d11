"""Values by column, checked against what the table holds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from connectors.questdb.columns import NULL, TableColumns, concatenate, split
from connectors.questdb.errors import StorageRejected

TABLE = TableColumns(
    "things",
    {
        "timestamp": "TIMESTAMP",
        "name": "SYMBOL",
        "text": "VARCHAR",
        "count": "LONG",
        "side": "BYTE",
        "price": "DOUBLE",
        "late": "BOOLEAN",
        "until": "TIMESTAMP",
        "book": "DOUBLE[][]",
    },
    "timestamp",
)
COMPLETE = {"timestamp": [1, 2], "side": [1, -1], "late": [True, False]}


def test_rows_are_sorted_by_time_and_equal_times_keep_their_order() -> None:
    frame = TABLE.frame({"timestamp": [5, 3, 5, 3], "price": [1.0, 2.0, 3.0, 4.0]})
    assert frame["price"].tolist() == [2.0, 4.0, 1.0, 3.0]


def test_none_nan_and_the_sentinel_are_absent_values() -> None:
    frame = TABLE.frame(
        {
            "timestamp": np.array([1, 2]),
            "name": ["a", None],
            "text": [None, "b"],
            "count": [None, 3],
            "price": [None, 4],
            "until": np.array([NULL, 7]),
            "book": [None, np.ones((2, 3))],
        }
    )
    assert frame["name"].isna().tolist() == [False, True]
    assert frame["text"].isna().tolist() == [True, False]
    assert frame["count"].tolist() == [NULL, 3]
    assert frame["price"].isna().tolist() == [True, False]
    assert frame["until"].isna().tolist() == [True, False]
    assert frame["book"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({**COMPLETE, "colour": ["r", "g"]}, "no column 'colour'; it has timestamp, name"),
        ({"side": [1], "late": [True]}, "designated timestamp, the column timestamp"),
        ({"timestamp": [1], "late": [True]}, "need the column side: a BYTE cannot be absent"),
        ({**COMPLETE, "price": [1.0]}, "1 values in price, 2 in timestamp"),
    ],
)
def test_names_and_lengths_are_checked_at_the_door(columns: dict[str, list[object]], words: str) -> None:
    with pytest.raises(StorageRejected, match=words):
        TABLE.check(columns)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({**COMPLETE, "price": ["x", "y"]}, "things.price takes DOUBLE values"),
        ({**COMPLETE, "count": [1.5, 2]}, "things.count takes LONG values"),
        ({**COMPLETE, "count": ["1", "2"]}, "things.count takes LONG values: found string values"),
        ({**COMPLETE, "side": [1, 300]}, "things.side takes BYTE values"),
        ({**COMPLETE, "side": [1, None]}, "things.side is a BYTE and cannot be NULL"),
        ({**COMPLETE, "late": [True, None]}, "things.late is a BOOLEAN and cannot be NULL"),
        ({**COMPLETE, "text": [1, 2]}, "things.text takes VARCHAR values"),
        ({**COMPLETE, "book": [[1.0], None]}, r"things.book takes DOUBLE\[\]\[\] values: an array of 1 dim"),
        ({**COMPLETE, "timestamp": [1, None]}, "between 1970 and 2200, found NULL"),
        ({**COMPLETE, "timestamp": [1, 1_700_000_000_000_000_000]}, "found 1700000000000000000"),
    ],
)
def test_values_that_do_not_fit_are_named(columns: dict[str, list[object]], words: str) -> None:
    with pytest.raises(StorageRejected, match=words):
        TABLE.frame(columns)


def test_arrow_columns_are_taken_as_they_are() -> None:
    books = pa.array([[[1.0, 2.0], [3.0, 4.0]], None, [[5.0], [6.0]]])
    frame = TABLE.frame(
        {
            "timestamp": pa.array([1, 2, 3], pa.timestamp("us", "UTC")),
            "name": pa.array(["a", None, "a"]).dictionary_encode(),
            "book": pa.chunked_array([books.slice(0, 1), books.slice(1)]),
        }
    )
    assert frame["name"].tolist()[::2] == ["a", "a"]
    assert frame["book"][0].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert frame["book"][1] is None
    assert frame["book"][2].tolist() == [[5.0], [6.0]]
    sliced = TABLE.frame({"timestamp": [1], "book": books.slice(2)})
    assert sliced["book"][0].tolist() == [[5.0], [6.0]]


def test_books_as_one_array_lose_the_levels_that_they_do_not_have() -> None:
    full = np.arange(8.0).reshape(1, 2, 2, 2)[0]
    shallow = np.array([[[5.0, np.nan, np.nan], [6.0, np.nan, np.nan]], [[np.nan] * 3] * 2])
    frame = TABLE.frame({"timestamp": [1, 2, 3, 4], "book": concatenate([{"book": full}, {"book": shallow}])["book"]})
    assert [book.tolist() for book in frame["book"][:3]] == [*full.tolist(), [[5.0], [6.0]]]
    assert np.isnan(frame["book"][3]).tolist() == [[True], [True]]
    joined = concatenate([{"book": full}, {"book": full[:1]}])["book"]
    assert isinstance(joined, np.ndarray)
    assert joined.shape == (3, 2, 2)
    with pytest.raises(
        StorageRejected, match=r"things.book takes DOUBLE\[\]\[\] values: books of the shape \(1, 3, 2\)"
    ):
        TABLE.frame({"timestamp": [1], "book": np.zeros((1, 3, 2))})


def test_batches_are_joined_and_what_one_lacks_is_absent_there() -> None:
    joined = concatenate(
        [
            {"timestamp": np.array([1, 2]), "price": np.array([1.0, 2.0]), "name": ["a", "b"]},
            {"timestamp": np.array([3]), "count": np.array([9]), "name": pa.array(["c"])},
        ]
    )
    assert list(joined["timestamp"]) == [1, 2, 3]
    assert joined["price"] == [1.0, 2.0, None]
    assert joined["count"] == [None, None, 9]
    assert joined["name"] == ["a", "b", "c"]


def test_arrow_batches_are_joined_as_arrow_also_with_dictionaries_of_their_own() -> None:
    ts = pa.timestamp("us", "UTC")
    joined = concatenate(
        [
            {"timestamp": pa.array([1, 2], ts), "name": pa.array(["a", "b"]).dictionary_encode()},
            {"timestamp": pa.chunked_array([pa.array([3], ts)]), "name": pa.array(["b"]).dictionary_encode()},
        ]
    )
    frame = TABLE.frame(joined)
    assert frame["name"].tolist() == ["a", "b", "b"]
    mixed = TABLE.frame(concatenate([{"timestamp": pa.array([1], ts)}, {"timestamp": [0]}]))
    assert mixed["timestamp"].astype("int64").tolist() == [0, 1]


def test_large_batches_are_split() -> None:
    parts = split({"timestamp": np.arange(5), "name": list("abcde")}, 2)
    assert [list(part["timestamp"]) for part in parts] == [[0, 1], [2, 3], [4]]
    assert parts[2]["name"] == ["e"]
