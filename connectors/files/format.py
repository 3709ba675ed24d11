"""What a file format is: how it is recognised, and what reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from connectors.files.blocks import Reading
from connectors.files.containers import OnBytes, Part
from connectors.files.sample import Sample

AUTO: Final = "auto"


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the user says about the files: the `symbol` of all rows, which column plays which role, the time unit."""

    symbol: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    time_unit: str = AUTO


class PartReader(Protocol):
    """One part that can be read. `streams` are `trades`, `books` or both; `symbols` are the names that its rows have,
    None where only the rows tell."""

    @property
    def part(self) -> Part: ...

    @property
    def streams(self) -> tuple[str, ...]: ...

    @property
    def symbols(self) -> tuple[str, ...] | None: ...

    def readings(self, on_bytes: OnBytes = ..., block_bytes: int = ...) -> Iterator[Reading]:
        """Everything in the part, in order, in blocks of bounded size. The blocks' bounds carry no meaning."""
        ...


class Format(Protocol):
    """A file format. `name` is what `--format` takes, `description` what the help says."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    def detect(self, sample: Sample) -> bool:
        """Whether a part that begins like this is of this format."""
        ...

    def open(self, sample: Sample, options: ReadOptions) -> PartReader:
        """A reader for the part; raises `UsageError` where it lacks something, saying what was found."""
        ...
