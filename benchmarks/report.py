"""One way to print measurements: what, how fast, compared with what, at which memory."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
from rich.console import Console
from rich.table import Table

console = Console(highlight=False)


@dataclass(slots=True)
class Measurement:
    """A line of the results: `amount` of `unit` in `seconds`; `bare` is the rate of the bare call in the same run."""

    what: str
    amount: float
    unit: str
    seconds: float
    bare: float | None = None
    target: str = ""
    note: str = ""

    @property
    def rate(self) -> float:
        return self.amount / self.seconds


@dataclass(slots=True)
class Results:
    """Lines in the order they were measured, printed as they come."""

    lines: list[Measurement] = field(default_factory=list)

    def add(self, line: Measurement) -> None:
        self.lines.append(line)
        ratio = f", {line.rate / line.bare:.2f} of the bare call" if line.bare else ""
        console.print(f"  {line.what}: {line.rate:,.0f} {line.unit}/s{ratio} {line.note}", soft_wrap=True)

    def print(self) -> None:
        table = Table(box=None, header_style="bold", pad_edge=False)
        table.add_column("measured")
        for name in ("amount", "seconds", "rate", "of bare call", "target"):
            table.add_column(name, justify="right")
        table.add_column("note")
        for line in self.lines:
            table.add_row(
                line.what,
                f"{line.amount:,.0f} {line.unit}",
                f"{line.seconds:.2f}",
                f"{line.rate:,.0f}/s",
                f"{line.rate / line.bare:.2f}" if line.bare else "",
                line.target,
                line.note,
            )
        console.print()
        console.print(
            f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB memory, "
            f"Python {platform.python_version()}"
        )
        Console(width=160, highlight=False).print(table)


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Seconds of the body, in the list that it yields."""
    spent: list[float] = []
    started = time.perf_counter()
    yield spent
    spent.append(time.perf_counter() - started)
