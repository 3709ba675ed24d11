"""One number for everything that a session decided.

Two runs over the same tape with the same strategies and accounts have the same result hash, however the tape was
sliced, however many workers took part and however often they were killed and restarted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from operators.results import ResultRow
from operators.statistics.canonical import CanonicalTable, canonical_tables, encode

_DIGEST_BYTES: Final = 16
_FORMAT: Final = 1
"""Part of every hash: hashes of different canonical forms are never equal by meaning the same."""


def result_hash(tables: Mapping[str, Iterable[ResultRow]]) -> str:
    """BLAKE2b-128 (32 hex digits) over the canonical rows of every result table, given by table name.

    Rows may come in any order and more than once. Floats count by their bits; NaN, None and NULL are the same.

    >>> result_hash({}) == result_hash({"fills": ()})
    True
    """
    hashes = table_hashes(tables)
    return _digest([_FORMAT, [[table, hashes[table]] for table in sorted(hashes)]])


def table_hashes(tables: Mapping[str, Iterable[ResultRow]]) -> dict[str, str]:
    """The hash of each result table by itself, so that a difference between two results can be located."""
    return {table: _table_hash(rows) for table, rows in canonical_tables(tables).items()}


def _table_hash(table: CanonicalTable) -> str:
    digest = hashlib.blake2b(encode([table.table, table.key_columns, table.columns]), digest_size=_DIGEST_BYTES)
    for key in sorted(table.rows, key=encode):
        digest.update(encode([key, table.rows[key]]))
    return digest.hexdigest()


def _digest(value: object) -> str:
    return hashlib.blake2b(encode(value), digest_size=_DIGEST_BYTES).hexdigest()
