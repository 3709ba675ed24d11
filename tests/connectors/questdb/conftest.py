"""A wire between a client and the database that a test can cut."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from connectors.questdb.database import Database


class Wire:
    """A TCP forwarder on loopback to a port; `cut` drops all connections and refuses new ones, `mend` ends that."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._intact = True
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        with self._lock:
            self._intact = False
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def mend(self) -> None:
        with self._lock:
            self._intact = True

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with self._lock:
                    if not self._intact:
                        client.close()
                        continue
                    server = socket.create_connection(("127.0.0.1", self._target))
                    self._open += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.close()


@pytest.fixture
def wire(database: Database) -> Iterator[Wire]:
    """A wire to the shared server's HTTP port."""
    wire = Wire(database.http_port)
    yield wire
    wire.close()
