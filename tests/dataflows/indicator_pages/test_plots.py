"""Plots as SVG and in the terminal."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.indicator_pages.axes import fitting
from dataflows.indicator_pages.braille import braille
from dataflows.indicator_pages.drawing import draw
from dataflows.indicator_pages.example_pump import AFTER_SECONDS, BEFORE_SECONDS, Curve
from dataflows.indicator_pages.terminal import plot
from operators.indicators.registry import CATALOGUE

PUMP = CATALOGUE["PUMP_MAGNITUDE_PCT"]
SECONDS = np.arange(-BEFORE_SECONDS, AFTER_SECONDS + 1, 60.0)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def curve():
    values = np.linspace(-3.0, 12.0, len(SECONDS))
    values[4] = np.nan
    return Curve(SECONDS, np.linspace(1.0, 1.3, len(SECONDS)), values, ((0.0, "onset"), (60.0, "peak")))


def test_a_plot_has_both_curves_with_titles_units_and_moments(curve):
    drawn = ET.fromstring(draw(PUMP, curve, 4.0))
    texts = {text.text for text in drawn.iter(f"{SVG}text")}
    assert texts >= {"price, quote per base", "PUMP_MAGNITUDE_PCT, %", "seconds since the onset of the pump"}
    assert texts >= {"onset", "peak", "−120", "480"}
    assert len(list(drawn.iter(f"{SVG}polyline"))) == 3, "the price, and the indicator before and after its gap"


def test_what_is_on_the_axis_of_the_price_has_the_price_behind_it(curve):
    drawn = ET.fromstring(draw(CATALOGUE["TWPA"], curve))
    assert len(list(drawn.iter(f"{SVG}polyline"))) == 4


def test_the_last_digits_of_a_value_do_not_show(curve):
    other = dataclasses.replace(curve, values=curve.values * (1 + 1e-15), price=curve.price * (1 - 1e-15))
    assert draw(PUMP, other, 4.0) == draw(PUMP, curve, 4.0)


def test_everything_is_drawn_inside_the_picture(curve):
    text = draw(PUMP, curve, 40.0)
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', text).groups())
    for points in re.findall(r'points="([^"]*)"', text):
        for x, y in (point.split(",") for point in points.split()):
            assert 0 < float(x) < width
            assert 0 < float(y) < height


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_an_axis_holds_all_values_and_a_few_ticks_at_different_labels(values):
    axis = fitting(np.array(values))
    assert all(0 <= axis.share(value) <= 1 for value in values)
    labels = [axis.label(tick) for tick in axis.ticks]
    assert 1 <= len(set(labels)) == len(labels) <= 8


def test_the_terminal_shows_a_gap_as_blanks(curve):
    values = np.array([1.0, np.nan, np.nan, np.nan, np.nan, 1.0, 1.0, 1.0])
    [line] = braille(values, fitting(values), 4, 1)
    assert line[1] == "\u2800"
    assert line[0] != "\u2800" != line[3]


@pytest.mark.parametrize("columns", [60, 80, 120, 300])
def test_no_line_of_a_terminal_plot_is_wider_than_the_terminal(curve, columns):
    lines = [line.plain for line in plot(PUMP, curve, columns)]
    assert max(map(len, lines)) <= columns
    assert lines[0] == "price, quote per base"
    assert "PUMP_MAGNITUDE_PCT, %" in lines
    assert lines[-1].strip() == "onset at 0 s, peak at 60 s"
