"""The switches that are on now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any

from connectors.simulated.exchange.fault_kinds import FaultKind, InvalidFault
from connectors.simulated.exchange.fault_table import kind_of


class Setting:
    """A switch that is on, with its parameters; `since` and `until` are monotonic seconds. `used` counts per symbol
    what a switch with a limited effect has done."""

    __slots__ = ("_channels", "_symbols", "kind", "since", "until", "used", "values")

    def __init__(self, kind: FaultKind, values: dict[str, Any], since: float, until: float | None) -> None:
        self.kind = kind
        self.values = values
        self.since = since
        self.until = until
        self.used: dict[str, int] = {}
        self._symbols = frozenset(values.get("symbols", ()))
        self._channels = frozenset(values.get("channels", ()))

    def number(self, name: str) -> float:
        return float(self.values[name])

    def count(self, name: str) -> int:
        return int(self.values[name])

    def flag(self, name: str) -> bool:
        return bool(self.values[name])

    def word(self, name: str) -> str:
        return str(self.values[name])

    def names(self, name: str) -> tuple[str, ...]:
        return tuple(self.values[name])

    def picks(self, symbol: str, channel: str | None = None) -> bool:
        """Whether it is about this symbol (and channel). A channel of the whole exchange has no symbol: it is meant
        where no symbols are named."""
        if self._symbols and symbol not in self._symbols:
            return False
        return channel is None or not self._channels or channel in self._channels


class Faults:
    """Which switches are on. `random` decides where only a share is affected; it follows from the `seed`.

    `on_change` is told each switch that goes on (True) or off (False).
    """

    def __init__(self, seed: int = 0, *, now: Callable[[], float] = time.monotonic) -> None:
        self.random = Random(seed)  # noqa: S311 - not cryptographic
        self.on_change: list[Callable[[Setting, bool], None]] = []
        self._now = now
        self._settings: dict[str, Setting] = {}

    def __bool__(self) -> bool:
        return bool(self._settings)

    def set(self, name: str, given: Mapping[str, Any] | None = None, seconds: float | None = None) -> Setting:
        """Turn a switch on, for so many seconds of wall time or until it is cleared; one that is on already starts
        anew. Raises `InvalidFault`."""
        kind = kind_of(name)
        if kind.happening:
            raise InvalidFault(f"{name} happens at once and cannot be switched on")
        values = kind.values(given or {})
        now = self._now()
        setting = Setting(kind, values, now, None if seconds is None else now + seconds)
        self.clear(name)
        self._settings[name] = setting
        self._tell(setting, True)
        return setting

    def clear(self, name: str) -> bool:
        """Turn a switch off. Whether it was on. Raises `InvalidFault` where there is none of that name."""
        kind_of(name)
        setting = self._settings.pop(name, None)
        if setting is None:
            return False
        self._tell(setting, False)
        return True

    def clear_all(self) -> None:
        for name in list(self._settings):
            self.clear(name)

    def expire(self) -> None:
        """Turn off what is over."""
        now = self._now()
        for name, setting in list(self._settings.items()):
            if setting.until is not None and setting.until <= now:
                self.clear(name)

    def get(self, name: str) -> Setting | None:
        """The switch if it is on."""
        return self._settings.get(name)

    def of(self, name: str, symbol: str, channel: str | None = None) -> Setting | None:
        """The switch if it is on and about this symbol (and channel)."""
        setting = self._settings.get(name)
        return setting if setting is not None and setting.picks(symbol, channel) else None

    def strikes(self, name: str, symbol: str = "", channel: str | None = None) -> bool:
        """Whether a switch with a `share` is on and hits this time."""
        setting = self.of(name, symbol, channel) if symbol else self._settings.get(name)
        return setting is not None and self.random.random() < setting.number("share")

    def any_of(self, names: Iterable[str]) -> bool:
        """Whether one of them is on."""
        return not self._settings.keys().isdisjoint(names)

    def settings(self) -> list[Setting]:
        """All that are on."""
        return list(self._settings.values())

    def remaining(self, setting: Setting) -> float | None:
        """Seconds until it goes off by itself."""
        return None if setting.until is None else max(setting.until - self._now(), 0.0)

    def _tell(self, setting: Setting, is_on: bool) -> None:
        for listener in self.on_change:
            listener(setting, is_on)
