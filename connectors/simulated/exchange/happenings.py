"""Faults that are over at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from connectors.simulated.exchange.channels import Channels
from connectors.simulated.exchange.connection import Connection
from connectors.simulated.exchange.errors import UnknownSymbol
from connectors.simulated.exchange.stage import Stage


class Happenings:
    """Makes them happen. `connections` are those that are open."""

    def __init__(self, stage: Stage, channels: Channels, connections: Mapping[int, Connection]) -> None:
        self._stage = stage
        self._channels = channels
        self._connections = connections
        self._doings: dict[str, Callable[[dict[str, Any]], None]] = {
            "drop_connections": self._drop_connections,
            "flush_held": self._flush_held,
            "resend_deals": self._resend_deals,
            "skip_frame": self._skip_frame,
            "cross_book": self._cross_book,
            "delist": self._delist,
            "change_contract": self._change_contract,
            "extreme_units": self._extreme_units,
        }

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._doings)

    def make(self, name: str, values: dict[str, Any]) -> None:
        """`values` are complete and checked. Raises `UnknownSymbol` and `InvalidContract`."""
        for symbol in values.get("symbols", ()):
            if not self._stage.venue.trades(symbol):
                raise UnknownSymbol(f"{symbol} is not listed")
        self._doings[name](values)

    def release_held(self) -> None:
        """Send what was kept back."""
        for connection in self._connections.values():
            connection.release()

    def _drop_connections(self, values: dict[str, Any]) -> None:
        for connection in list(self._connections.values()):
            if self._stage.faults.random.random() < values["share"]:
                {"close": connection.close, "abort": connection.abort, "reset": connection.reset}[values["how"]]()

    def _flush_held(self, _values: dict[str, Any]) -> None:
        self.release_held()

    def _resend_deals(self, values: dict[str, Any]) -> None:
        for symbol in self._symbols(values):
            self._channels.deals.resend(symbol, values["count"])

    def _skip_frame(self, values: dict[str, Any]) -> None:
        self._stage.delivery.skip_next.update(self._symbols(values))

    def _cross_book(self, values: dict[str, Any]) -> None:
        self._stage.odd.cross_next.update(self._symbols(values))

    def _delist(self, values: dict[str, Any]) -> None:
        for symbol in values["symbols"]:
            self._stage.venue.delist(symbol)

    def _change_contract(self, values: dict[str, Any]) -> None:
        for symbol in values["symbols"]:
            self._stage.venue.change_contract(symbol, **{values["field"]: values["value"]})

    def _extreme_units(self, values: dict[str, Any]) -> None:
        for symbol in values["symbols"]:
            self._stage.venue.change_contract(symbol, contractSize=values["contract_size"])

    def _symbols(self, values: dict[str, Any]) -> Iterable[str]:
        return values["symbols"] or self._stage.venue.symbols
