"""The side door: faults over HTTP, `/control/…`. Only there where it was asked for, and only for this machine.

    GET    /control                  how the exchange is
    GET    /control/faults           the table of faults, and which switches are on
    POST   /control/faults/NAME      turn a switch on, or make a happening happen; JSON object of parameters, and "for"
                                     (seconds) where the switch is to go off by itself
    DELETE /control/faults/NAME      turn a switch off
    DELETE /control/faults           turn all off

A request that comes from a web page (it has an Origin) or that names another host is refused.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from typing import Any, Final, Protocol

from aiohttp import web

from connectors.simulated.exchange.fault_kinds import InvalidFault
from connectors.simulated.exchange.fault_orders import FaultOrder
from connectors.simulated.exchange.fault_table import KINDS, kind_of
from connectors.simulated.exchange.faults import Faults
from operators.errors import TapeflowError

CONTROL: Final = "/control"
_LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1", "")


class Controlled(Protocol):
    """What the side door leads to."""

    def carry_out(self, order: FaultOrder) -> None:
        """Do at once what is ordered."""
        ...

    def state(self) -> dict[str, Any]:
        """How the exchange is, as JSON has it."""
        ...


class Control:
    """Answers at the side door."""

    def __init__(self, exchange: Controlled, faults: Faults) -> None:
        self._exchange = exchange
        self._faults = faults

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(CONTROL, self._guarded(self._state)),
            web.get(f"{CONTROL}/faults", self._guarded(self._list)),
            web.post(f"{CONTROL}/faults/{{name}}", self._guarded(self._set)),
            web.delete(f"{CONTROL}/faults/{{name}}", self._guarded(self._clear)),
            web.delete(f"{CONTROL}/faults", self._guarded(self._clear_all)),
        ]

    def _guarded(self, answer: Callable[[str, Any], dict[str, Any]]) -> Any:
        async def handle(request: web.Request) -> web.Response:
            if not _is_local(request):
                return web.json_response({"error": "only programs of this machine may do that"}, status=403)
            try:
                body = await request.text()
                given = json.loads(body) if body else {}
                if not isinstance(given, dict):
                    raise InvalidFault(f"parameters: found {body[:80]!r}, allowed is a JSON object")
                return web.json_response(answer(request.match_info.get("name", ""), given))
            except (TapeflowError, ValueError) as error:
                return web.json_response({"error": str(error)}, status=400)

        return handle

    def _state(self, _name: str, _given: dict[str, Any]) -> dict[str, Any]:
        return self._exchange.state()

    def _list(self, _name: str, _given: dict[str, Any]) -> dict[str, Any]:
        kinds = [
            {
                "name": kind.name,
                "rows": kind.rows,
                "meaning": kind.meaning,
                "happening": kind.happening,
                "parameters": {
                    each.name: {"default": each.default, "allowed": each.allowed, "meaning": each.meaning}
                    for each in kind.parameters
                },
            }
            for kind in KINDS.values()
        ]
        return {"on": switches_on(self._faults), "faults": kinds}

    def _set(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        kind = kind_of(name)
        seconds = given.pop("for", None)
        if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0):
            raise InvalidFault(f"for: found {seconds!r}, allowed is a number of seconds above 0")
        if seconds is not None and kind.happening:
            raise InvalidFault(f"fault {name} happens at once; it cannot go on for {seconds:g} s")
        self._exchange.carry_out(FaultOrder(name, kind.values(given), seconds=seconds))
        return {"on": switches_on(self._faults)}

    def _clear(self, name: str, _given: dict[str, Any]) -> dict[str, Any]:
        was_on = self._faults.clear(name)
        return {"was_on": was_on, "on": switches_on(self._faults)}

    def _clear_all(self, _name: str, _given: dict[str, Any]) -> dict[str, Any]:
        self._faults.clear_all()
        return {"on": []}


def switches_on(faults: Faults) -> list[dict[str, Any]]:
    """The switches that are on, as JSON has them."""
    return [
        {"name": setting.kind.name, "parameters": setting.values, "remaining": faults.remaining(setting)}
        for setting in faults.settings()
    ]


def _is_local(request: web.Request) -> bool:
    try:
        is_near = ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False
    host = (request.url.host or "").lower()
    return is_near and host in _LOCAL_NAMES and "Origin" not in request.headers
