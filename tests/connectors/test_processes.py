"""Processes are recognised, however often their ids are used again, and say what they say to a file."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil

from connectors.processes import ProcessIdentity, free_port, is_alive, port_is_free, spawn


def test_a_process_is_known_by_its_id_and_its_birth():
    own = ProcessIdentity.of(os.getpid())
    assert own.process() == psutil.Process()
    assert ProcessIdentity(own.pid, own.created - 60).process() is None


def test_a_process_that_has_ended_is_dead_even_before_its_parent_notices():
    child = subprocess.Popen([sys.executable, "-c", ""])
    identity, process = ProcessIdentity.of(child.pid), psutil.Process(child.pid)
    while is_alive(process):
        pass
    assert identity.process() is None
    child.wait()
    assert identity.process() is None


def test_what_a_process_says_is_added_to_what_was_said_or_replaces_it(tmp_path: Path):
    log = tmp_path / "log"
    for word in ("one", "two"):
        assert spawn([sys.executable, "-c", f"print('{word}')"], log).wait() == 0
    assert log.read_text().split() == ["one", "two"]
    spawn([sys.executable, "-c", "print('three')"], log, append=False).wait()
    assert log.read_text().split() == ["three"]


def test_a_free_port_is_free_until_somebody_takes_it():
    port = free_port()
    assert port_is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not port_is_free(port)
