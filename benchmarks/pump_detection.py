"""How well the S1 of `pump_alert_only` finds recorded pumps: `python -m benchmarks.pump_detection [--page docs]`.

Runs it over every tape beside the project: the file as an import reads it, indicators at every trade and every second,
conditions, state machine and cooldown as in a session. Then the same with thresholds around those of the template: how
they were chosen, what they give on coins that they were not chosen on, and what moving the main one does.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.pump_page import write_page
from benchmarks.pump_scores import BUDGET, SECONDS, Outcome, Score, outcome
from benchmarks.pump_tapes import TAPES, PumpTape, evaluate, pump_tapes, read_trades, signals
from benchmarks.report import console
from dataflows.warming import warm
from operators.strategy.compile import compile_strategy
from operators.strategy.compiled import CompiledStrategy
from operators.strategy.templates import template_text
from operators.strategy.validation import load_strategy

Thresholds = tuple[float, ...]

TWO_HOURS: Final = "PRICE_DEVIATION_PCT(t1=7200,t2=60)"
TRIED: Final[dict[str, tuple[float, ...]]] = {
    TWO_HOURS: (5.0, 5.5, 6.0, 6.5, 7.0),
    "PRICE_DEVIATION_PCT(t1=60,t2=30)": (1.0, 1.5, 2.0, 3.0),
    "VOLUME_SURGE_RATIO(t1=10,t2=0,t3=1800,t4=60)": (30.0, 45.0, 60.0, 80.0),
    "COUNT_TRADES(t1=10,t2=0)": (10.0, 15.0, 20.0, 30.0),
    "ORDER_FLOW_IMBALANCE(t1=10,t2=0)": (-1.0, 0.0, 0.3, 0.5),
}
"""The thresholds that were tried of each indicator, by the order in which the template names them. The deviation from
ten minutes goes along with that from two hours, one point above it."""
SHIPPED: Final[Thresholds] = (6.0, 1.5, 60.0, 15.0, 0.3)
"""Those of the template."""
SWEEP: Final = (2.0, 3.0, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0, 8.0, 9.0, 10.0, 12.0, 15.0)
"""The deviations from two hours of the curve."""
PLAIN: Final = ((3.0, 20.0), (5.0, 30.0))
"""Plain rules to compare with: percent above TWPA(60, 30), trades in ten seconds; thirty times the hour's volume."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What `write_page` and the terminal show."""

    tapes: list[PumpTape]
    shipped: list[Outcome]
    without_own_coin: list[Outcome]
    chosen: dict[str, Thresholds]
    on_all: Thresholds
    curve: list[tuple[float, Score]]
    plain: list[tuple[str, Score]]
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pump_detection", description=__doc__.split(":")[0])
    parser.add_argument("--tapes", type=Path, default=TAPES, help="folder of the recordings with their INDEX.csv")
    parser.add_argument("--page", type=Path, help="write pump-detection.md and its picture into this folder")
    parser.add_argument("--quick", action="store_true", help="only the template as it is, no other thresholds")
    arguments = parser.parse_args()
    if not (arguments.tapes / "INDEX.csv").is_file():
        parser.error(f"no INDEX.csv in {arguments.tapes}; allowed: the folder of the recorded pumps")
    if arguments.quick:
        show(detect(pump_tapes(arguments.tapes)))
        return
    found = search(pump_tapes(arguments.tapes))
    show(found.shipped)
    console.print(f"thresholds chosen without the coin itself: {Score.of(found.without_own_coin)}")
    for coin, thresholds in found.chosen.items():
        if thresholds != found.on_all:
            console.print(f"  without {coin}: {thresholds}")
    for name, score in found.plain:
        console.print(f"{name}: {score}")
    for value, score in found.curve:
        console.print(f"{TWO_HOURS} >= {value:g}: {score}")
    console.print(f"chosen on all coins: {found.on_all}, the template has {SHIPPED}; {found.seconds:.0f} s")
    if arguments.page:
        write_page(arguments.page, found)


def detect(tapes: Sequence[PumpTape]) -> list[Outcome]:
    """The template as it is shipped, over these tapes."""
    warm()
    strategy = compile_strategy(load_strategy(template_text("pump_alert_only"), "pump_alert_only"))
    return [_run(tape, [strategy])[0] for tape in tapes]


def search(tapes: Sequence[PumpTape]) -> Detection:
    """The template with every combination of the thresholds tried, the plain rules and the curve."""
    warm()
    started = time.perf_counter()
    tried = list(itertools.product(*TRIED.values()))
    swept = [(value, *SHIPPED[1:]) for value in SWEEP]
    documents = [with_thresholds(one) for one in (SHIPPED, *tried, *swept)] + [plain_rule(*one) for one in PLAIN]
    with ProcessPoolExecutor(2) as pool:
        outcomes = np.array(list(pool.map(_run_documents, tapes, itertools.repeat(documents))), dtype=object)
    first, last = 1, 1 + len(tried)
    shipped, of_tried, others = outcomes[:, 0], outcomes[:, first:last], outcomes[:, last:]
    coins = [tape.coin for tape in tapes]
    chosen = {coin: tried[choose(of_tried[[one != coin for one in coins]], tried)] for coin in sorted(set(coins))}
    own = [of_tried[place, tried.index(chosen[coin])] for place, coin in enumerate(coins)]
    names = [f"price {rise:g} % above TWPA(60, 30), {count:g} trades in 10 s" for rise, count in PLAIN]
    return Detection(
        tapes=list(tapes),
        shipped=list(shipped),
        without_own_coin=own,
        chosen=chosen,
        on_all=tried[choose(of_tried, tried)],
        curve=[(value, Score.of(others[:, place])) for place, value in enumerate(SWEEP)],
        plain=[(name, Score.of(others[:, len(SWEEP) + place])) for place, name in enumerate(names)],
        seconds=time.perf_counter() - started,
    )


def choose(outcomes: NDArray[Any], tried: Sequence[Thresholds]) -> int:
    """Of the settings that keep to the budget of false signals, those that signal most pumps in time; of these the one
    nearest to their middle, counted in steps of the thresholds tried: not the one that just happens to fit."""
    scores = [Score.of(outcomes[:, place]) for place in range(len(tried))]
    kept = [place for place, score in enumerate(scores) if score.false_per_day <= BUDGET]
    most = max(scores[place].in_time for place in kept)
    best = [place for place in kept if scores[place].in_time == most]
    steps = np.array(
        [[values.index(value) for values, value in zip(TRIED.values(), tried[place], strict=True)] for place in best]
    )
    return best[int(np.argmin(((steps - steps.mean(axis=0)) ** 2).sum(axis=1)))]


def with_thresholds(thresholds: Thresholds) -> dict[str, Any]:
    """The template with other thresholds, in the order of `TRIED`."""
    document: dict[str, Any] = json.loads(template_text("pump_alert_only"))
    level, rise, volume, count, buyers = document["s1_signal"]["when"]["all"]
    for node, value in zip((level["any"][0], rise, volume["any"][0], count, buyers), thresholds, strict=True):
        node["value"] = value
    level["any"][1]["value"] = thresholds[0] + 1
    return document


def plain_rule(rise: float, count: float) -> dict[str, Any]:
    """A rule of three conditions, to compare with."""
    document: dict[str, Any] = json.loads(template_text("pump_alert_only"))
    document["s1_signal"]["when"] = {
        "all": [
            {"indicator": "PRICE_DEVIATION_PCT(t1=60,t2=30)", "op": ">=", "value": rise},
            {"indicator": "VOLUME_SURGE_RATIO(t1=10,t2=0,t3=3600,t4=60)", "op": ">=", "value": 30},
            {"indicator": "COUNT_TRADES(t1=10,t2=0)", "op": ">=", "value": count},
        ]
    }
    return document


def show(outcomes: Sequence[Outcome]) -> None:
    """One line per tape, then the total."""
    for one in outcomes:
        console.print(f"  {one}", soft_wrap=True)
    console.print(f"all {len(outcomes)} tapes: {Score.of(outcomes)}; in time = within {SECONDS:g} s of the first +5 %")


def _run_documents(tape: PumpTape, documents: Sequence[dict[str, Any]]) -> list[Outcome]:
    strategies = [compile_strategy(load_strategy(json.dumps(one), one["name"])) for one in documents]
    return _run(tape, strategies)


def _run(tape: PumpTape, strategies: Sequence[CompiledStrategy]) -> list[Outcome]:
    trades = read_trades(tape.path)
    ids = tuple(dict.fromkeys(one for strategy in strategies for one in strategy.indicator_ids))
    found = signals(strategies, evaluate(trades, ids))
    return [outcome(tape, int(trades.ts[0]), int(trades.ts[-1]), times) for times in found]


if __name__ == "__main__":
    main()
