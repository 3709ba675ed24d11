from math import inf, nextafter

from hypothesis import given
from hypothesis import strategies as st

from operators.strategy.comparison import accepted
from operators.strategy.number_sets import ALL_NUMBERS, complement, intersection, ranges_of, within

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
OPERATORS = st.sampled_from([">", ">=", "<", "<=", "==", "!=", "between", "outside"])


def plain(op, value, low, high):
    """The comparison as the page words it."""
    return {
        ">": value > low,
        ">=": value >= low,
        "<": value < low,
        "<=": value <= low,
        "==": value == low,
        "!=": value != low,
        "between": low <= value <= high,
        "outside": value < low or value > high,
    }[op]


@given(OPERATORS, NUMBERS, NUMBERS, NUMBERS, st.sampled_from([-1, 0, 1]))
def test_a_range_accepts_exactly_what_the_operator_does(op, value, a, b, step):
    low, high = min(a, b), max(a, b)
    near = low if step == 0 else nextafter(low, step * inf)
    for one in (value, near, low, high):
        assert (one in accepted(op, low, high)) == plain(op, one, low, high)


def test_between_and_outside_at_their_bounds():
    assert all(value in accepted("between", 2, 3) for value in (2.0, 2.5, 3.0))
    assert not any(value in accepted("outside", 2, 3) for value in (2.0, 2.5, 3.0))


@given(OPERATORS, NUMBERS, NUMBERS, OPERATORS, NUMBERS, NUMBERS, NUMBERS)
def test_sets_agree_with_membership(op, a, b, other_op, c, d, value):
    left = ranges_of(accepted(op, min(a, b), max(a, b)))
    right = ranges_of(accepted(other_op, min(c, d), max(c, d)))

    def has(ranges):
        return any(low <= value <= high for low, high in ranges)

    assert has(complement(left)) != has(left)
    assert has(intersection(left, right)) == (has(left) and has(right))
    if within(left, right) and has(left):
        assert has(right)


def test_nothing_is_in_everything():
    assert complement(ALL_NUMBERS) == ()
    assert within((), ALL_NUMBERS)
    assert complement(()) == ALL_NUMBERS
