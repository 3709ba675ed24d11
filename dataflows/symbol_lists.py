"""Named lists of symbols: those of the program, and the user's own in `symbols.toml` of the state folder."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from operators.errors import UsageError

DEFAULT_LIST: Final = "thin_coins"
USER_FILE: Final = "symbols.toml"
_SYMBOL: Final = re.compile(r"[A-Z0-9]+_[A-Z0-9]+")


def symbol_lists(home: Path) -> dict[str, tuple[str, ...]]:
    """All lists by name. A file that cannot be read or holds anything but lists of symbols is refused with its name."""
    lists = _read(files("dataflows").joinpath("symbol_lists.toml").read_text(encoding="utf-8"), "symbol_lists.toml")
    own = home / USER_FILE
    if own.is_file():
        lists |= _read(own.read_text(encoding="utf-8"), str(own))
    return lists


def expand(chosen: Iterable[str], home: Path) -> tuple[str, ...]:
    """Symbols from what a user wrote: symbols, `@list`, or several of both separated by commas; each once, in order."""
    lists = symbol_lists(home)
    symbols: dict[str, None] = {}
    for word in (part.strip() for words in chosen for part in words.split(",")):
        if word.startswith("@"):
            symbols.update(dict.fromkeys(_list(word[1:], lists)))
        elif _SYMBOL.fullmatch(word.upper()):
            # the exchange acknowledges a lower-case symbol and then never sends anything
            symbols[word.upper()] = None
        elif word:
            raise UsageError(f"{word!r} is no symbol; allowed: names such as AEVO_USDT, or @list of {', '.join(lists)}")
    return tuple(symbols)


def _list(name: str, lists: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if name not in lists:
        near = difflib.get_close_matches(name, lists, n=1)
        hint = f"; did you mean @{near[0]}?" if near else ""
        raise UsageError(f"there is no list of symbols named {name!r}; there are {', '.join(lists)}{hint}")
    return lists[name]


def _read(text: str, where: str) -> dict[str, tuple[str, ...]]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is no TOML: {error}") from error
    for name, symbols in content.items():
        wrong = (
            [symbol for symbol in symbols if not (isinstance(symbol, str) and _SYMBOL.fullmatch(symbol))]
            if (isinstance(symbols, list))
            else [symbols]
        )
        if wrong:
            raise UsageError(f'{where}: {name} holds {wrong[0]!r}; allowed: a list of symbols such as "AEVO_USDT"')
    return {name: tuple(symbols) for name, symbols in content.items()}
