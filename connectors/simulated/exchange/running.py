"""An exchange in a thread of this process, for tests and benchmarks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from connectors.simulated.exchange.fault_orders import FaultOrder
from connectors.simulated.exchange.fault_table import kind_of
from connectors.simulated.exchange.server import ExchangeServer
from connectors.simulated.exchange.serving import MarketRequest, open_exchange

_ANSWER_SECONDS: Final = 30.0

Value = TypeVar("Value")


class RunningExchange:
    """An exchange that runs; its methods may be called from any other thread, and block until they have been heard."""

    def __init__(self, server: ExchangeServer, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self._loop = loop

    @property
    def websocket_url(self) -> str:
        return self.server.websocket_url

    @property
    def rest_url(self) -> str:
        return self.server.rest_url

    @property
    def control_url(self) -> str | None:
        return self.server.control_url

    def ask(self, question: Callable[[ExchangeServer], Value]) -> Value:
        """Call a function in the exchange's thread, between two turns of the market, and give its result."""

        async def answer() -> Value:
            return question(self.server)

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(_ANSWER_SECONDS)

    def fault(self, name: str, *, seconds: float | None = None, **parameters: Any) -> None:
        """Turn a switch on or make a happening happen."""
        order = FaultOrder(name, kind_of(name).values(parameters), seconds=seconds)
        self.ask(lambda server: server.carry_out(order))

    def clear(self, name: str | None = None) -> None:
        """Turn a switch off, or all of them."""
        self.ask(lambda server: server.faults.clear_all() if name is None else server.faults.clear(name))

    def state(self) -> dict[str, Any]:
        return self.ask(lambda server: server.state())


@contextmanager
def running_exchange(request: MarketRequest | None = None) -> Iterator[RunningExchange]:
    """An exchange that runs until the block ends. Errors of the market end it with the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulated exchange", daemon=True)
    thread.start()

    def wait(job: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(job, loop).result(_ANSWER_SECONDS)

    try:
        server = open_exchange(MarketRequest() if request is None else request)
        try:
            wait(server.start())
            yield RunningExchange(server, loop)
            server.check()
        finally:
            wait(server.close())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
