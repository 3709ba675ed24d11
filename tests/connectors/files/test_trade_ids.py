from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from connectors.files.blocks import NULL
from connectors.files.trade_ids import DuplicateFilter, read_trade_ids, trade_id


def test_numeric_ids_stay_and_other_texts_become_63_bits_of_blake2() -> None:
    assert trade_id("123") == 123
    assert trade_id("9223372036854775807") == 2**63 - 1
    expected = int.from_bytes(hashlib.blake2b(b"ab-1", digest_size=8).digest(), "big") >> 1
    assert trade_id("ab-1") == expected
    assert 0 <= trade_id("9223372036854775808") < 2**63
    assert trade_id("") == NULL


@given(st.lists(st.text("0123456789ab-x", max_size=22), max_size=30))
def test_an_id_does_not_depend_on_its_neighbours(texts: list[str]) -> None:
    assert read_trade_ids(pa.array(texts, pa.utf8())).tolist() == [trade_id(text) for text in texts]


_ids = st.one_of(st.integers(0, 40), st.integers(10**18, 10**18 + 40), st.just(NULL))


@given(st.lists(st.lists(_ids, max_size=12), max_size=12))
def test_only_the_first_trade_of_an_id_is_new(blocks: list[list[int]]) -> None:
    known = DuplicateFilter()
    seen: set[int] = set()
    for block in blocks:
        expected = []
        for number in block:
            expected.append(number == NULL or number not in seen)
            seen.add(number)
        new = known.first_seen(np.array(block, np.int64))
        assert (new.tolist() if new is not None else [True] * len(block)) == expected


def test_a_dump_numbered_without_holes_takes_no_memory_per_trade() -> None:
    known = DuplicateFilter()
    for start in range(0, 1_000_000, 50_000):
        assert known.first_seen(np.arange(start, start + 50_000)) is None
    assert len(known._runs) == 1
    assert known._runs[0].ids is None
    again = known.first_seen(np.arange(999_998, 1_000_003))
    assert again is not None
    assert again.tolist() == [False, False, True, True, True]


def test_hashed_ids_are_kept_in_few_sorted_runs() -> None:
    known = DuplicateFilter()
    ids = np.random.default_rng(3).integers(0, 2**62, 200_000)
    for block in np.array_split(ids, 100):
        known.first_seen(block)
    assert len(known._runs) < 20
    assert known.first_seen(ids[::1_000]).sum() == 0  # type: ignore[union-attr]
