from __future__ import annotations

from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from connectors.files.decimals import most_decimals


def slow(value: float) -> int:
    return max(0, -int(Decimal(repr(value)).normalize().as_tuple().exponent))


def test_scientific_notation_and_trailing_zeros() -> None:
    assert most_decimals(np.array([8.1e-06])) == 7
    assert most_decimals(np.array([335.0, 2000.0])) == 0
    assert most_decimals(np.array([0.10500000])) == 3
    assert most_decimals(np.array([1e-18, 1.0])) == 18
    assert most_decimals(np.array([1e22, 0.1 + 0.2])) == 17
    assert most_decimals(np.array([], float), 4) == 4
    assert most_decimals(np.array([1.5]), 4) == 4


@given(st.lists(st.tuples(st.integers(1, 10**15), st.integers(0, 14)), min_size=1, max_size=20))
def test_the_decimals_of_a_decimal_number_are_found(numbers: list[tuple[int, int]]) -> None:
    values = [float(Decimal(digits).scaleb(-decimals)) for digits, decimals in numbers]
    assert most_decimals(np.array(values)) == max(map(slow, values))


@given(st.lists(st.floats(1e-12, 1e12), min_size=1, max_size=20))
def test_noise_of_a_computed_number_counts_as_its_text_shows(values: list[float]) -> None:
    found, expected = most_decimals(np.array(values)), max(map(slow, values))
    # beyond what a double resolves, fewer decimals may name the same number
    assert found == expected or any(value > 2**53 / 1e15 for value in values)
    assert found <= max(expected, 15)
