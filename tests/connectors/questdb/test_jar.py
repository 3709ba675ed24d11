"""The server's jar is fetched once and trusted only byte for byte."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.processes import free_port
from connectors.questdb.errors import JarUnavailable
from connectors.questdb.jar import cache_folder, cached_jar, check_jar, find_jar


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        pass


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A Maven repository over HTTP: its folder and the mapping that names it."""
    folder = tmp_path / "repository"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, {"test": f"http://127.0.0.1:{server.server_port}"}
        server.shutdown()


def test_each_platform_has_its_cache() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/c"}, "linux") == Path("/c/tapeflow")
    assert cache_folder({}, "linux") == Path.home() / ".cache" / "tapeflow"
    assert cache_folder({}, "darwin") == Path.home() / "Library" / "Caches" / "tapeflow"
    assert cache_folder({"LOCALAPPDATA": "/l"}, "win32") == Path("/l/tapeflow")


def test_a_repository_out_of_reach_names_the_way_out(tmp_path: Path) -> None:
    nobody = {"test": f"http://127.0.0.1:{free_port()}"}
    with pytest.raises(JarUnavailable, match=r"cannot be fetched.*QUESTDB_JAR=") as caught:
        find_jar({"XDG_CACHE_HOME": str(tmp_path)}, nobody, timeout=2)
    assert "\n" not in str(caught.value)
    assert not cached_jar({"XDG_CACHE_HOME": str(tmp_path)}).exists()


def test_a_wrong_jar_never_enters_the_cache(tmp_path: Path, repository: tuple[Path, dict[str, str]]) -> None:
    folder, repositories = repository
    release = folder / "org/questdb/questdb/9.3.4"
    release.mkdir(parents=True)
    (release / "questdb-9.3.4.jar").write_bytes(b"something else")
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "LOCALAPPDATA": str(tmp_path / "cache")}
    with pytest.raises(JarUnavailable, match="SHA-256"):
        find_jar(environment, repositories, timeout=2)
    assert not cached_jar(environment).exists()
    assert not list(cache_folder(environment).glob("fetch-*"))


def test_a_jar_is_fetched_once(tmp_path: Path, repository: tuple[Path, dict[str, str]]) -> None:
    folder, repositories = repository
    release = folder / "org/questdb/questdb/9.3.4"
    release.mkdir(parents=True)
    (release / "questdb-9.3.4.jar").write_bytes(find_jar().read_bytes())
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "LOCALAPPDATA": str(tmp_path / "cache")}
    jar = find_jar(environment, repositories, timeout=5)
    check_jar(jar)
    (release / "questdb-9.3.4.jar").unlink()
    assert find_jar(environment, repositories, timeout=2) == jar


def test_a_named_jar_is_used(tmp_path: Path) -> None:
    jar = tmp_path / "mine.jar"
    jar.write_bytes(b"")
    assert find_jar({"QUESTDB_JAR": str(jar)}) == jar
