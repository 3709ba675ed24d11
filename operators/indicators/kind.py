"""What is known of a kind of indicator: its entry in the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from operators.indicators.arithmetic import Value
from operators.indicators.parameters import COMMON, Parameter, Parameters, ParameterValue
from operators.indicators.plan import PlanBuilder
from operators.indicators.windows import Rule
from operators.tape import BOOKS_STREAM, MICROSECONDS, TRADES_STREAM

Category = Literal["price", "momentum", "volume", "order book", "microstructure", "position", "composite"]
Chart = Literal["price axis", "own axis"]

POSITION: Final = "position"
TRADES_INPUT: Final = frozenset({TRADES_STREAM})
BOOKS_INPUT: Final = frozenset({BOOKS_STREAM})
POSITION_INPUT: Final = frozenset({POSITION})


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of indicator.

    `describe` writes the computation into a plan; it is None for what only the desk knows (`inputs` has "position").
    `formula` and the parameters' meanings are what people read; `rules` bind parameters together.
    """

    name: str
    category: Category
    unit: str
    inputs: frozenset[str]
    parameters: tuple[Parameter, ...]
    formula: str
    chart: Chart
    describe: Callable[[PlanBuilder, Parameters], Value] | None
    rules: tuple[Rule, ...] = ()
    aliases: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    """Inputs without which it has a value too."""
    unavailable: str | None = None
    """Why it never has a value in this version, if so."""

    @property
    def on_position(self) -> bool:
        """Whether the desk computes it from its position instead of from the market."""
        return self.describe is None

    @property
    def all_parameters(self) -> tuple[Parameter, ...]:
        """The kind's own parameters and those that every market-data kind has."""
        return self.parameters if self.on_position else self.parameters + COMMON

    @property
    def defaults(self) -> dict[str, ParameterValue]:
        """The default of every parameter."""
        return {parameter.name: parameter.default for parameter in self.all_parameters}

    def warm_up_seconds(self, parameters: Parameters | None = None) -> float:
        """How much tape before the reference time it reads; with its defaults where nothing else is said."""
        if self.describe is None:
            return 0.0
        builder = PlanBuilder()
        self.describe(builder, Parameters(self.defaults) if parameters is None else parameters)
        return builder.build().longest_us / MICROSECONDS
