"""A full disk under the database ends a session with one clear sentence; nothing is half shown."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.questdb.server import open_database, stop_server
from connectors.questdb.sessions import SessionStore


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("needs Linux and root to mount a small file system")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.decode().strip()}")
    yield folder
    stop_server(folder / "home")
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_one_clear_sentence(small_disk, tapeflow):
    home = small_disk / "home"
    open_database(home, None)
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file:
        file.write(bytes(max(0, shutil.disk_usage(small_disk).free - 12 * 2**20)))
    failed = tapeflow(
        *("generate", "--symbols", "2", "--trades", "400000", "--hours", "2", "--pumps", "2", "--json"),
        env={"TAPEFLOW_HOME": str(home)},
        expect=1,
    )
    assert "Traceback" not in failed.err
    assert [json.loads(line)["event"] for line in failed.out.splitlines()] == ["failed"]
    words = " ".join(failed.err.split())
    assert "disk" in words, words
    ballast.unlink()
    stop_server(home)
    sessions = SessionStore(open_database(home, None)).newest()
    assert all(session.status != "STOPPED" for session in sessions)
