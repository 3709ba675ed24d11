"""The page on pump detection and its picture, made from what `benchmarks.pump_detection` has found."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.pump_scores import AFTER_SECONDS, BEFORE_SECONDS, BUDGET, EARLY_SECONDS, SECONDS, Outcome, Score
from dataflows.indicator_pages.axes import Axis, fitting

if TYPE_CHECKING:
    from benchmarks.pump_detection import Detection

PAGE: Final = "pump-detection.md"
PICTURE: Final = "images/pump-detection.svg"

_LABEL = 30.0
"""Pixels that a label takes."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 624.0, 24.0, 264.0
_TEXT, _GRID, _LINE, _PLAIN, _GOAL = "#6e7781", "#8c959f", "#2f81f7", "#db6d28", "#3fb950"


def write_page(folder: Path, found: Detection) -> None:
    """Write the page and its picture into a folder of documentation."""
    (folder / PICTURE).parent.mkdir(parents=True, exist_ok=True)
    (folder / PICTURE).write_text(picture(found), encoding="utf-8", newline="\n")
    (folder / PAGE).write_text(page(found), encoding="utf-8", newline="\n")


def page(found: Detection) -> str:
    """The text of the page."""
    shipped, other = Score.of(found.shipped), Score.of(found.without_own_coin)
    lines = [*_introduction(), *_totals(found, shipped, other), *_choice(found), *_curve(), *_tapes(found), ""]
    return "\n".join(line if line.startswith(("|", "!", "#")) else paragraph(line) for line in lines)


def paragraph(text: str) -> str:
    """Text in lines of at most 120 characters; those of a list item are indented.

    >>> paragraph("one  two").splitlines()
    ['one two']
    """
    indent = "  " if text.startswith("* ") else ""
    return textwrap.fill(
        " ".join(text.split()), 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _introduction() -> Iterator[str]:
    yield "# How well pumps are found"
    yield ""
    yield (
        "The S1 of the template `pump_alert_only` over recorded pumps: forty tapes of four days each, trades only, of"
        " coins that groups had announced to pump on a spot exchange (the tapes are not part of the project). Made by"
    )
    yield ""
    yield "```text"
    yield "python -m benchmarks.pump_detection --page docs"
    yield "```"
    yield ""
    yield (
        "Each file is read as an import reads it; indicators are computed at every trade and every second; a signal is"
        " one that a session would store, with the state machine and its cooldown (after a signal nothing for twelve"
        " minutes)."
    )
    yield ""
    yield (
        "* An announcement is a **pump** where price reached 1.1 times its level and its first +5 % between a minute"
        " before and ten minutes after the announced time. The others are not counted as missed."
    )
    yield (
        f"* A pump is **found** if a signal lies between {BEFORE_SECONDS / 60:g} minutes before and"
        f" {AFTER_SECONDS / 60:g} minutes after the first +5 %, and **in time** if not later than {SECONDS:g} seconds"
        f" after it. The delay is that of the first such signal. One more than {EARLY_SECONDS:g} seconds before is in"
        " time, and told apart as early."
    )
    yield "* A signal is **false** if it lies more than an hour from the announcement; all announcements count here."
    yield (
        "* By **chunks of 25 seconds**, as La Morgia et al. (*Pump and Dumps in the Bitcoin Era*, 2020) count: a pump"
        " is a hit if a signal lies in the chunk of its first +5 % or the next one to it; every chunk with another"
        " signal is a false alarm, also near a pump. An hour around announcements that no pump came of is left out here"
        " too."
    )
    yield ""


def _totals(found: Detection, shipped: Score, other: Score) -> Iterator[str]:
    yield "## Result"
    yield ""
    yield "| rule | found | in time | false | false per symbol-day | precision | recall | F1 |"
    yield "|---|---|---|---|---|---|---|---|"
    yield _row("`pump_alert_only`, thresholds chosen without the coin itself", other)
    yield _row("`pump_alert_only` as it is", shipped)
    for name, score in found.plain:
        yield _row(f"plain rule: {name}, volume 30 times the hour's", score)
    yield ""
    yield (
        "The first line is what to expect on coins that nobody has looked at: for each coin the thresholds were chosen"
        " on all other coins. The second line has seen the tapes that it is measured on. Precision, recall and F1 are"
        " those of chunks."
    )
    yield ""


def _row(name: str, score: Score) -> str:
    early = f" ({score.early} early)" if score.early else ""
    return (
        f"| {name} | {score.found} of {score.pumps} | {score.in_time} of {score.pumps}{early} | {score.false} "
        f"| {score.false_per_day:.3f} | {score.precision:.2f} | {score.recall:.2f} | {score.f1:.2f} |"
    )


def _choice(found: Detection) -> Iterator[str]:
    from benchmarks.pump_detection import TRIED

    yield "## How the thresholds were chosen"
    yield ""
    count = int(np.prod([len(values) for values in TRIED.values()]))
    yield (
        f"All {count:,} combinations of these were tried. Of the settings with at most {BUDGET:g} false signals per"
        " symbol-day, those that signal most pumps in time, and of these the one nearest to their middle: the one with"
        " the most room on all sides, not the one that happens to fit best."
    )
    yield ""
    yield "| indicator | tried | chosen on all coins | where a coin left out changed it |"
    yield "|---|---|---|---|"
    for place, (indicator, values) in enumerate(TRIED.items()):
        changed: dict[float, list[str]] = {}
        for coin, thresholds in found.chosen.items():
            if thresholds[place] != found.on_all[place]:
                changed.setdefault(thresholds[place], []).append(coin)
        told = "; ".join(f"{value:g} without {', '.join(coins)}" for value, coins in sorted(changed.items()))
        tried = ", ".join(f"{value:g}" for value in values)
        yield f"| `{indicator}` | {tried} | ≥ {found.on_all[place]:g} | {told or 'nowhere'} |"
    yield ""
    yield (
        "The rest was set by hand and tried on the same tapes: the windows, and what makes the alert work on tapes"
        " that are younger than two hours, or so busy that volume cannot grow sixtyfold (price 7 % above the last ten"
        " minutes instead of the two-hour level; 100 trades in ten seconds, or a rise of 15 %, in place of volume)."
        " Other kinds and windows were looked at before. So the first line of the table is somewhat better than"
        " coins that are entirely new would make it; and thirty pumps are few: 28 of 30 may as well be 79 or 98 %."
    )
    yield ""


def _curve() -> Iterator[str]:
    yield "## False signals against pumps in time"
    yield ""
    yield f"![Share of pumps in time against false signals per symbol-day]({PICTURE})"
    yield ""
    yield (
        "The curve moves the deviation from the two-hour level alone, everything else as in the template. Left and up"
        " is better."
    )
    yield ""


def _tapes(found: Detection) -> Iterator[str]:
    yield "## Tape by tape"
    yield ""
    yield "| tape | pump | first signal after +5 % | false signals | without its own coin |"
    yield "|---|---|---|---|---|"
    for shipped, other in zip(found.shipped, found.without_own_coin, strict=True):
        pump = "yes" if shipped.pump else "no"
        unseen = f"{_delay(other)}, {other.false} false"
        yield f"| {shipped.name} | {pump} | {_delay(shipped)} | {shipped.false} | {unseen} |"
    yield ""
    yield (
        "`NASBTC_2022-02-01` is late: one sweep lifted a tick of 1.4 % and the pump proper began twenty seconds"
        " later. Where the delay is 0, the trade that was 5 % up gave the signal. False signals are mostly pumps that"
        " nobody announced here, and the days after a pump. `PPTBTC_2020-06-08` counts as early: price was 6 % above"
        " the last two hours a minute before it was 5 % above the base that the list of pumps gives; the pump proper"
        " began a minute after the signal, and the cooldown kept it from being told again."
    )


def _delay(one: Outcome) -> str:
    if not one.pump:
        return "–"
    if one.delay is None:
        return "**missed**"
    text = f"{one.delay:+.1f} s".replace("-", "−")
    return text if one.in_time else f"**{text}**"


def picture(found: Detection) -> str:
    """The curve and the plain rules as the text of an SVG file."""
    plain = [score for _, score in found.plain]
    scores = [*(score for _, score in found.curve), *plain]
    x = fitting(np.array([0.0, *(score.false_per_day for score in scores)]))
    y = fitting(np.array([100.0, *(_share(score) for score in scores)]))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 304" width="640" font-family="sans-serif" '
        f'font-size="10" fill="{_TEXT}">',
        "<title>Pumps in time against false signals</title>",
        f'<text x="{_LEFT:g}" y="{_TOP - 8:g}" font-weight="bold">'
        f"pumps signalled within {SECONDS:g} s of +5 %, %</text>",
        *_axes(x, y),
    ]
    goal = f"M{_x(x, BUDGET)} {_TOP:g}V{_BOTTOM:g}M{_LEFT:g} {_y(y, 95.0)}H{_RIGHT:g}"
    lines.append(f'<path d="{goal}" stroke="{_GOAL}" stroke-dasharray="5 4"/>')
    points = " ".join(f"{_x(x, score.false_per_day)},{_y(y, _share(score))}" for _, score in found.curve)
    lines.append(f'<polyline points="{points}" fill="none" stroke="{_LINE}" stroke-width="1.6"/>')
    labelled: tuple[float, str] | None = None
    for value, score in found.curve:
        at = (_x(x, score.false_per_day), _y(y, _share(score)))
        lines.append(f'<circle cx="{at[0]}" cy="{at[1]}" r="3" fill="{_LINE}"/>')
        if labelled is None or at[1] != labelled[1] or abs(float(at[0]) - labelled[0]) > _LABEL:
            lines.append(f'<text x="{at[0]}" y="{at[1]}" dx="5" dy="12">{value:g} %</text>')
            labelled = float(at[0]), at[1]
    for name, score in found.plain:
        at = (_x(x, score.false_per_day), _y(y, _share(score)))
        lines.append(f'<circle cx="{at[0]}" cy="{at[1]}" r="4" fill="{_PLAIN}"/>')
        lines.append(
            f'<text x="{at[0]}" y="{at[1]}" dx="7" dy="-5">plain: {escape(name.partition(" above")[0])}</text>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


def _axes(x: Axis, y: Axis) -> Iterator[str]:
    for tick in y.ticks:
        at = _y(y, tick)
        yield f'<path d="M{_LEFT:g} {at}H{_RIGHT:g}" stroke="{_GRID}" stroke-opacity="0.25"/>'
        yield f'<text x="{_LEFT - 6:g}" y="{at}" dy="3.5" text-anchor="end">{y.label(tick)}</text>'
    for tick in x.ticks:
        yield f'<text x="{_x(x, tick)}" y="{_BOTTOM + 14:g}" text-anchor="middle">{x.label(tick)}</text>'
    middle = (_LEFT + _RIGHT) / 2
    yield f'<text x="{middle:g}" y="{_BOTTOM + 30:g}" text-anchor="middle">false signals per symbol-day</text>'
    yield f'<path d="M{_LEFT:g} {_TOP:g}V{_BOTTOM:g}H{_RIGHT:g}" fill="none" stroke="{_GRID}" stroke-opacity="0.7"/>'


def _share(score: Score) -> float:
    return 100.0 * score.in_time / score.pumps


def _x(axis: Axis, value: float) -> str:
    return f"{_LEFT + (_RIGHT - _LEFT) * axis.share(value):.1f}".removesuffix(".0")


def _y(axis: Axis, value: float) -> str:
    return f"{_BOTTOM - (_BOTTOM - _TOP) * axis.share(value):.1f}".removesuffix(".0")
