"""The alert on recorded pumps, how signals are scored, and how thresholds are chosen."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from benchmarks.pump_detection import SHIPPED, TRIED, choose, detect, search, with_thresholds
from benchmarks.pump_page import page, picture, write_page
from benchmarks.pump_scores import Outcome, Score, outcome
from benchmarks.pump_tapes import TAPES, PumpTape, pump_tapes, read_trades
from connectors.simulated.market import GeneratedMarket, generate_tape
from connectors.simulated.parameters import MarketParameters
from operators.strategy.templates import load_template
from operators.strategy.validation import validate

SECOND = 1_000_000
EVENT = 200_000 * SECOND
PUMP = PumpTape("ABCBTC_2021", Path("abc.csv.gz"), EVENT, EVENT + 10 * SECOND)
LATER = 600_000_000 * SECOND
"""Generated tapes are older than any coin."""
END = 4 * 86_400 * SECOND


def told(*seconds: float, tape: PumpTape = PUMP) -> Outcome:
    """What signals at these seconds after the announcement are worth."""
    return outcome(tape, 0, END, np.array([EVENT + round(at * SECOND) for at in seconds], np.int64))


def test_a_signal_in_time_is_one_until_five_seconds_after_the_first_5_percent():
    assert told(15).in_time
    assert not told(15.001).in_time
    assert told(12, 500).delay == 2
    assert told(-109.9).delay == pytest.approx(-119.9)
    assert told(-111, 700).delay is None
    assert told().delay is None


def test_only_signals_an_hour_from_the_announcement_are_false():
    one = told(-3_600.5, -3_600, 12, 3_600, 3_601)
    assert one.false == 2
    assert one.days == pytest.approx(4 - 2 / 24)


def test_chunks_of_25_seconds():
    first = (EVENT + 10 * SECOND) // (25 * SECOND)
    same, before, far = (((first + shift) * 25 + 1) - EVENT / SECOND for shift in (0, -1, -2))
    assert (told(same).hit, told(same).stray) == (True, 0)
    assert (told(before).hit, told(before, same).stray) == (True, 0)
    assert (told(far).hit, told(far).stray) == (False, 1)
    score = Score.of([told(same), told(far), told(same, 5_000)])
    assert (score.precision, score.recall) == (2 / 4, 2 / 3)
    assert score.f1 == pytest.approx(2 * 0.5 * (2 / 3) / (0.5 + 2 / 3))


def test_where_no_pump_came_only_far_signals_count():
    nothing = PumpTape("XYZBTC_2021", Path("xyz.csv.gz"), EVENT, None)
    one = told(12, 9_000, tape=nothing)
    assert (one.pump, one.delay, one.false, one.hit, one.stray) == (False, None, 1, False, 1)
    assert Score.of([one]).pumps == 0


def test_the_middle_of_the_best_settings_within_the_budget_is_chosen():
    tried = [(6.0, 1.5, 60.0, 15.0, buyers) for buyers in (-1.0, 0.0, 0.3, 0.5)]
    good, late, noisy = told(12), told(60), told(12, *range(4_000, 100_000, 1_000))
    assert choose(np.array([[good, good, good, late]], dtype=object), tried) == 1
    assert choose(np.array([[noisy, late, good, good]], dtype=object), tried) in (2, 3)


def test_the_template_has_the_thresholds_that_are_measured():
    template = load_template("pump_alert_only").model_dump(mode="json")
    assert validate(with_thresholds(SHIPPED)).document.model_dump(mode="json") == template
    assert all(value in values for value, values in zip(SHIPPED, TRIED.values(), strict=True))


@pytest.fixture
def generated_tapes(tmp_path: Path) -> Path:
    """Two generated markets as files in the form of the recordings, with their index."""
    rows = []
    for seed in (5, 6):
        parameters = MarketParameters(symbols=1, trades=20_000, hours=3.0, pumps=1, books=False, seed=seed)
        (pump,) = GeneratedMarket(parameters).pumps
        ((symbol, trades, _),) = generate_tape(parameters)
        file = tmp_path / f"{symbol[:4]}{seed}_x.csv.gz"
        with gzip.open(file, "wt", encoding="utf-8", newline="") as text:
            writer = csv.writer(text)
            writer.writerow(["symbol", "timestamp", "datetime", "side", "price", "amount", "btc_volume"])
            for ts, price, qty, side in zip(trades.ts + LATER, trades.price, trades.qty, trades.side, strict=True):
                at = datetime.fromtimestamp(ts / SECOND, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
                taker = "buy" if side > 0 else "sell"
                writer.writerow(["A/BTC", ts // 1000, at, taker, price, qty, price * qty])
        before = trades.price[trades.ts < pump.onset][-1]
        first = trades.ts[(trades.ts >= pump.onset) & (trades.price >= 1.05 * before)][0]
        rows.append([file.name, (pump.onset + LATER) // 1000, pump.peak_multiple, (first - pump.onset) / SECOND])
    with (tmp_path / "INDEX.csv").open("w", encoding="utf-8", newline="") as text:
        csv.writer(text).writerows([["file", "event_ms", "peak_mult", "first_5pct_offset_s"], *rows])
    return tmp_path


def test_generated_pumps_are_found_and_told_of(generated_tapes, tmp_path, monkeypatch):
    tapes = pump_tapes(generated_tapes)
    assert [one.pump for one in detect(tapes)] == [True, True]
    assert all(one.in_time and one.false == 0 for one in detect(tapes))
    for indicator, values in TRIED.items():
        monkeypatch.setitem(TRIED, indicator, values[2:3] if len(values) > 3 else values)
    found = search(tapes)
    assert [one.delay for one in found.shipped] == [one.delay for one in detect(tapes)]
    assert Score.of(found.shipped).in_time == 2
    assert set(found.chosen) == {tape.coin for tape in tapes}
    write_page(tmp_path, found)
    assert "2 of 2" in page(found)
    assert picture(found).startswith("<svg")


@pytest.mark.skipif(not TAPES.is_dir(), reason="needs the recorded tapes beside the project")
def test_recorded_pumps_are_found():
    names = {"NASBTC_2021-01-14_2100", "IDEXBTC_2021-01-17_1700", "SNMBTC_2021-11-20_1701"}
    tapes = {tape.name: tape for tape in pump_tapes() if tape.name in names}
    assert len(read_trades(tapes["NASBTC_2021-01-14_2100"].path)) == 13_197
    found = {one.name: one for one in detect(list(tapes.values()))}
    assert found["NASBTC_2021-01-14_2100"].in_time
    assert found["IDEXBTC_2021-01-17_1700"].in_time
    assert not found["SNMBTC_2021-11-20_1701"].pump
