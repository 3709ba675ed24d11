"""The page on the templates, with a chart of a recorded case each: `python -m benchmarks.template_cases [--page docs]`.

Every template runs over every recorded pump beside the project, alone, with costs and slippage of a default account.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Final

import numpy as np

from benchmarks.pump_page import paragraph
from benchmarks.pump_tapes import TAPES, PumpTape, evaluate, pump_tapes, read_trades, run_desk
from benchmarks.report import console
from dataflows.indicator_pages.drawing import draw
from dataflows.indicator_pages.example_pump import AFTER_SECONDS, BEFORE_SECONDS, Curve
from dataflows.report import words
from dataflows.warming import warm
from operators.contracts import assumed_contract
from operators.evaluation import GRID_INSTANT, Evaluation
from operators.indicators.registry import CATALOGUE
from operators.results import Position, ResultRow, StateTransition
from operators.strategy.compile import compile_strategy
from operators.strategy.compiled import S1, CompiledStrategy
from operators.strategy.templates import TEMPLATES, load_template
from operators.tape import MICROSECONDS

PAGE: Final = "templates.md"
IMAGES: Final = "images/templates"
_CONTRACT: Final = assumed_contract(8, 2)


@dataclass(frozen=True, slots=True)
class Description:
    """What is said of a template, and the tape that it is shown on."""

    case: str
    idea: str
    loses: str


DESCRIPTIONS: Final = {
    "peak_fade_short": Description(
        "MTHBTC_2021-03-01_1700",
        """A pump of a thin coin has no buyers but those who were called: once they are in, price falls back. After
        a rise of 7 % in half a minute with unusual volume (S1) it waits until price is off its high, buyers are
        gone and the rise has stopped (Z1), and shorts towards the level before. A signal that only goes on
        rising is dropped (O1).""",
        """where the pump has a second leg after the entry, where price falls so fast that the entry fills near the
        bottom, and where the coin moves by several per cent between two trades: a stop is then filled
        wherever the next trade is. The recorded coins could not be shorted at all; on perpetuals funding and
        liquidations come on top.""",
    ),
    "pump_follow_long": Description(
        "GRSBTC_2020-04-02_1600",
        """The first rise of 4 % with unusual volume is often only the beginning. It enters while price still rises
        and buyers take (Z1), trails a stop, and leaves as soon as the rise stops (ZE1).""",
        """most of the time: two of three entries come too late or into a rise that is no pump. A few large pumps
        pay for all the others, so it needs many trades, small positions, and it loses in markets without such
        pumps. In the fastest ones the entry fills at the top of a sweep.""",
    ),
    "flash_pump_long": Description(
        "IDEXBTC_2020-12-31_1700",
        """The same within seconds: a jump of 3 % on buyers' trades that come several times as fast as before;
        windows of a minute at most, a tight trailing stop, never longer than two minutes.""",
        """on every jump that is one trade and nothing else, on coins whose tick is a per cent or more, and through
        costs: it trades often, for small moves, at market. Where order latency is longer than the jump it buys
        the top.""",
    ),
    "pump_alert_only": Description(
        "ONGBTC_2021-01-11_1600",
        """Tells of a pump within seconds and does nothing: to watch, to record, to compare. S1 is measured on
        recorded pumps, see [how well pumps are found](pump-detection.md).""",
        """nothing, but it is wrong sometimes: about once in two weeks per coin on the recorded tapes. A pump that
        creeps up over minutes without buyers' volume is not told.""",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.template_cases", description=__doc__.split(":")[0])
    parser.add_argument("--tapes", type=Path, default=TAPES, help="folder of the recordings with their INDEX.csv")
    parser.add_argument("--page", type=Path, help="write templates.md and its pictures into this folder")
    arguments = parser.parse_args()
    if not (arguments.tapes / "INDEX.csv").is_file():
        parser.error(f"no INDEX.csv in {arguments.tapes}; allowed: the folder of the recorded pumps")
    warm()
    tapes = pump_tapes(arguments.tapes)
    trades = {name: list(trades_of(name, tapes)) for name in TEMPLATES if load_template(name).z1_entry is not None}
    for line in results(trades):
        console.print(line, soft_wrap=True, markup=False)
    if arguments.page:
        pictures = {name: case(name, tapes) for name in TEMPLATES}
        (arguments.page / IMAGES).mkdir(parents=True, exist_ok=True)
        for name, (picture, _) in pictures.items():
            (arguments.page / IMAGES / f"{name}.svg").write_text(picture, encoding="utf-8", newline="\n")
        text = page(trades, {name: caption for name, (_, caption) in pictures.items()}, len(tapes))
        (arguments.page / PAGE).write_text(text, encoding="utf-8", newline="\n")


def trades_of(name: str, tapes: Sequence[PumpTape]) -> Iterator[float]:
    """The closed positions of a template on the tapes: in percent of what was entered, costs included."""
    for tape in tapes:
        _, rows, _ = _run(name, tape)
        newest = {row.position_id: row for row in rows if isinstance(row, Position)}
        for position in newest.values():
            if position.status == "CLOSED":
                net = position.realized_pnl - position.fees - position.funding
                yield 100 * net / (position.quantity * position.average_entry)


def case(name: str, tapes: Sequence[PumpTape]) -> tuple[str, str]:
    """The picture of a template's case and what is said below it."""
    tape = next(one for one in tapes if one.name == DESCRIPTIONS[name].case)
    evaluation, rows, strategy = _run(name, tape)
    moves = [row for row in rows if isinstance(row, StateTransition) and _shown(row, tape)]
    told = {("s1", "SIGNAL_DETECTED"): "S1", ("first_fill", "POSITION_ACTIVE"): "in"}
    marks = [
        ((move.timestamp - tape.event) / MICROSECONDS, told[move.trigger, move.to_state])
        for move in moves
        if (move.trigger, move.to_state) in told
    ][: 2 if strategy.document.z1_entry else 1]
    closed = next((move for move in moves if move.to_state == "CLOSE_PENDING"), None)
    if closed is not None:
        marks.append(((closed.timestamp - tape.event) / MICROSECONDS, words.trigger(closed.trigger)))
    shown = next(one for one in strategy.conditions if one.section == S1)
    picture = draw(
        CATALOGUE[shown.kind],
        _curve(evaluation, tape, shown.indicator_id, marks),
        shown.low,
        title=f"{name} on {tape.name}",
        ago="seconds since the announced time",
    )
    steps = ", ".join(f"{what} at {second:.1f} s" for second, what in marks)
    caption = f"`{tape.name}`: {steps}. Below the price `{shown.indicator_id}`, dashed what S1 asks for."
    return picture, caption


def results(trades: dict[str, list[float]]) -> Iterator[str]:
    """What came of the positions, as the lines of a table."""
    yield "| template | positions | won | mean | median | worst | best |"
    yield "|---|---|---|---|---|---|---|"
    for name, percents in trades.items():
        won = sum(percent > 0 for percent in percents)
        figures = (f"{value:+.2f} %".replace("-", "−") for value in (mean(percents), median(percents)))
        ends = (f"{value:+.1f} %".replace("-", "−") for value in (min(percents), max(percents)))
        yield f"| `{name}` | {len(percents)} | {won} | {' | '.join((*figures, *ends))} |"


def page(trades: dict[str, list[float]], captions: dict[str, str], tapes: int) -> str:
    """The text of the page."""
    lines = [
        "# The templates",
        "",
        paragraph(
            "Four strategies come with the program, as examples to start from: `tapeflow strategies templates` lists"
            " them, `tapeflow strategies show NAME` prints one. They are no promise of profit: what they gave on"
            f" {tapes} recorded pumps, of coins that were announced to be pumped, is below, with fees and slippage of a"
            " default account. Pumps were chosen because they happened; a market has weeks without one."
        ),
        "",
        *results(trades),
        "",
        paragraph(
            "Results in percent of the position's notional. The tapes have trades only, so that entries and closes fill"
            " at trade prices; a book can be much thinner. Made by `python -m benchmarks.template_cases --page docs`."
        ),
        "",
    ]
    for name in TEMPLATES:
        told = DESCRIPTIONS[name]
        lines += [
            f"## {name}",
            "",
            paragraph(told.idea),
            "",
            f"![{name} on a recorded pump]({IMAGES}/{name}.svg)",
            "",
            paragraph(captions[name]),
            "",
            paragraph(f"It loses {told.loses}"),
            "",
        ]
    return "\n".join(lines)


def _run(name: str, tape: PumpTape) -> tuple[Evaluation, list[ResultRow], CompiledStrategy]:
    strategy = compile_strategy(load_template(name))
    evaluation = evaluate(read_trades(tape.path), strategy.indicator_ids, _CONTRACT)
    return evaluation, run_desk(strategy, evaluation), strategy


def _shown(row: StateTransition, tape: PumpTape) -> bool:
    """Whether a move lies within the picture."""
    return -BEFORE_SECONDS <= (row.timestamp - tape.event) / MICROSECONDS <= AFTER_SECONDS


def _curve(evaluation: Evaluation, tape: PumpTape, indicator_id: str, marks: Sequence[tuple[float, str]]) -> Curve:
    seconds = (evaluation.instants.ts - tape.event) / MICROSECONDS
    visible = (evaluation.instants.kind == GRID_INSTANT) & (seconds >= -BEFORE_SECONDS) & (seconds <= AFTER_SECONDS)
    values = evaluation.values[evaluation.indicator_ids.index(indicator_id)]
    return Curve(
        seconds[visible], np.asarray(evaluation.last_price[visible]), np.asarray(values[visible]), tuple(marks)
    )


if __name__ == "__main__":
    main()
