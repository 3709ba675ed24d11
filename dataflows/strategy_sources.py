"""Which document a strategy's name means: a template's, one of the library, or a file's.

A template's name means the template; what ends in `.json` or has a slash means a file; any other name means the
library's strategy, `NAME@VERSION` an earlier version of it, and a file only where the library has none of that name.
`library:NAME` means the library whatever the name is like.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from connectors.questdb.database import Database
from dataflows.library import StrategyRefused, find_strategy, stored_strategies, strategy_version
from operators.errors import UsageError
from operators.stored_strategy import StrategyRecord
from operators.strategy.problems import nearest
from operators.strategy.templates import TEMPLATES, template_text

STANDARD_INPUT: Final = "-"
_LIBRARY: Final = "library:"
_NAME: Final = re.compile(r"([A-Za-z0-9_.-]{1,64})(?:@(\d{1,18}))?")


@dataclass(frozen=True, slots=True)
class StrategySource:
    """The text of a document and where it was found. `record` is the version of the library's strategy; `template` the
    template that the document is or was made from."""

    text: str
    origin: Literal["template", "library", "file"]
    template: str | None = None
    record: StrategyRecord | None = None


def strategy_source(written: str, library: Callable[[], Database | None], *, to_run: bool = False) -> StrategySource:
    """The document that `written` means.

    `library` gives the database, None where there is none yet; it is asked only for names that may be in it.
    With `to_run` a disabled strategy is refused. Raises `UsageError` with the nearest names for what means nothing.
    """
    if written in TEMPLATES:
        return StrategySource(template_text(written), "template", written)
    explicit = written.startswith(_LIBRARY)
    name = _NAME.fullmatch(written.removeprefix(_LIBRARY))
    if name is None or (not explicit and _is_path(written)):
        if explicit:
            raise StrategyRefused(f"strategy {written!r}; allowed: library:NAME or library:NAME@VERSION")
        return StrategySource(read_document(written), "file")
    database = library()
    live = {} if database is None else stored_strategies(database)
    if database is not None and (explicit or name[1] in live):
        newest = find_strategy(database, name[1])
        if to_run and not newest.enabled:
            raise StrategyRefused(
                f"the strategy {name[1]} is disabled; `tapeflow strategies enable {name[1]}` lets it run again"
            )
        record = newest if name[2] is None else strategy_version(database, name[1], int(name[2]))
        return StrategySource(record.strategy_json, "library", record.template_id, record)
    if not explicit and Path(written).is_file():
        return StrategySource(read_document(written), "file")
    if database is not None and name[1] in stored_strategies(database, deleted=True):
        raise StrategyRefused(
            f"the strategy {name[1]} was deleted; `tapeflow strategies restore {name[1]}` brings it back"
        )
    alike = nearest(name[1], [*live, *TEMPLATES])
    raise StrategyRefused(
        f"strategy {written!r} is neither a template nor in the library nor a file; "
        + (f"did you mean {alike}? " if alike else "")
        + f"the templates are {', '.join(TEMPLATES)}"
    )


def read_document(file: str) -> str:
    """The text of a file, or of standard input (`-`). Raises `UsageError` where there is none or it is not text."""
    try:
        raw = sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"strategy file {file}: {reason}; allowed: a JSON file, or -") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"strategy file {file}: not UTF-8 at byte {error.start}; allowed: UTF-8 text") from error


def _is_path(written: str) -> bool:
    return written == STANDARD_INPUT or "/" in written or "\\" in written or written.lower().endswith(".json")
