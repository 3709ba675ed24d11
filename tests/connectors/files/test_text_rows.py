from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HEADER = "symbol,timestamp,datetime,side,price,amount,id\n"
GOOD = "NAS/BTC,1590681658618,x,buy,3.54e-05,5.69,7\n"

BAD = [
    ("NAS/BTC,1590681658618,x,buy,oops,5.69,7", "price 'oops' is not a number"),
    ("NAS/BTC,1590681658618,x,buy,NaN,5.69,7", "price is NaN"),
    ("NAS/BTC,1590681658618,x,buy,inf,5.69,7", "price is infinite"),
    ("NAS/BTC,1590681658618,x,buy,1e999,5.69,7", "price is infinite"),
    ("NAS/BTC,1590681658618,x,buy,0,5.69,7", "price '0' is not above zero"),
    ("NAS/BTC,1590681658618,x,buy,,5.69,7", "no price"),
    ("NAS/BTC,1590681658618,x,buy,1.5,-1,7", "quantity '-1' is not above zero"),
    ("NAS/BTC,1590681658618,x,buy,1.5,1_000,7", "quantity '1_000' is not a number"),
    ("NAS/BTC,1590681658618,x,hold,1.5,1,7", "side 'hold' is neither buy nor sell"),
    ("NAS/BTC,1590681658,x,buy,1.5,1,7", "time '1590681658' is not in the years 2009 to 2100"),
    ("NAS/BTC,1.5,x,buy,1.5,1,7", "time '1.5' is not a whole number"),
    ("NAS/BTC,,x,buy,1.5,1,7", "no time"),
    (",1590681658618,x,buy,1.5,1,7", "no symbol"),
    ("NAS/BTC,1590681658618,x,buy,1.5,1", "6 fields instead of 7"),
    ("NAS/BTC,1590681658618,x,buy,1.5,1,7,8", "8 fields instead of 7"),
    ("NAS/BTC,1590681658618,x\rNAS/BTC,1590681658618,buy,1.5,1,7", "a carriage return inside the line"),
]


@pytest.mark.parametrize(("row", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_a_bad_row_in_the_middle_of_a_block_is_found_exactly(
    row: str, reason: str, packed: Callable[[str, str], Path], read
) -> None:
    before, after = 700, 1_300
    file = packed("trades.csv", HEADER + GOOD * before + row + "\n" + GOOD * after)
    content = read(file)
    assert content.complaints == [(before + 2, reason)]
    assert content.rejected[0].raw == row
    assert len(content.trades) == before + after
    assert content.trades.lines.tolist() == [*range(2, before + 2), *range(before + 3, before + after + 3)]


def test_most_of_a_block_with_a_bad_row_is_read_at_once(tmp_path: Path, read) -> None:
    file = tmp_path / "trades.csv"
    file.write_text(HEADER + GOOD * 20_000 + BAD[0][0] + "\n" + GOOD * 20_000)
    sizes = read(file).sizes
    # halved down to a piece of at most 256 lines
    assert len(sizes) < 10
    assert max(sizes) > 15_000


def test_blank_lines_are_no_rows(packed: Callable[[str, str], Path], read) -> None:
    content = read(packed("trades.csv", HEADER + GOOD + "\n\n" + GOOD + "\n"))
    assert content.trades.lines.tolist() == [2, 5]
    assert content.rejected == ()


def test_the_last_line_needs_no_line_end(packed: Callable[[str, str], Path], read) -> None:
    assert len(read(packed("trades.csv", HEADER + GOOD + GOOD.rstrip())).trades) == 2


def test_text_in_another_encoding_spoils_only_what_it_is_in(tmp_path: Path, read) -> None:
    file = tmp_path / "trades.csv"
    row = b"NAS/BTC,1590681658618,caf\xe9,buy,1.5,1,7\n"
    bad = b"NAS/BTC,1590681658618,x,b\xfcy,1.5,1,7\n"
    file.write_bytes(HEADER.encode() + row + bad + row)
    content = read(file)
    assert content.trades.lines.tolist() == [2, 4]
    assert content.complaints == [(3, "side 'b\\udcfcy' is neither buy nor sell")]
    assert content.rejected[0].raw == "NAS/BTC,1590681658618,x,b\ufffdy,1.5,1,7"


FIELDS = {
    "symbol": ["NAS/BTC", "A/B", "", '"A/B"'],
    "timestamp": ["1590681658618", "1590681658619", " 1590681658620", "+1590681658618", "0x1", "", "12", "1.5e12"],
    "datetime": ["", "x", '"a,b"', '"open', 'in"side', '"a"b', "caf\xe9"],
    "side": ["buy", "SELL", "", "0", "hold", '"buy"'],
    "price": [
        "3.54e-05",
        " 1.5 ",
        "+1",
        ".5",
        "5.",
        "-1",
        "0",
        "nan",
        "1e400",
        "1_0",
        "0x1F",
        "",
        '"2.5"',
        "\t7",
        "1d",
    ],
    "amount": ["5.69", "1", "Infinity", "x"],
    "id": ["7", "0012", "", "abc", "0x17", "-5", "9" * 19, "9" * 30],
}
_rows = st.one_of(
    st.tuples(*[st.sampled_from(texts) for texts in FIELDS.values()]).map(",".join),
    st.sampled_from([row for row, _ in BAD]),
    st.just(GOOD.rstrip()),
    st.sampled_from(["", " ", "\r", "a\rb", '"', "NAS/BTC,1590681658618"]),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(_rows, max_size=25),
    repeat=st.sampled_from([1, 20]),
    size=st.integers(16, 4_000),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_any_block_size_gives_the_same_columns(
    rows: list[str], repeat: int, size: int, end: str, tmp_path: Path, read, assert_same
) -> None:
    file = tmp_path / "trades.csv"
    text = end.join([HEADER.rstrip(), GOOD.rstrip(), *rows * repeat, GOOD.rstrip()])
    file.write_bytes(text.encode("latin-1"))
    whole, pieces = read(file), read(file, block_bytes=size)
    assert_same(whole.block, pieces.block)
    assert whole.rejected == pieces.rejected
