"""How the managed server is started: its folder, its configuration, its command line."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

USER: Final = "tapeflow"
PORTS_MARK: Final = "-Dtapeflow.ports="
SERVER_CLASS: Final = "io.questdb/io.questdb.ServerMain"
_MODULE: Final = "io.questdb"


def command_line(java: Path, jar: Path, root: Path, http_port: int, pg_port: int) -> list[str]:
    """The server's process. Its data lives outside the Java heap, so the heap is small.

    The ports are configured in a file; here they only let a running server be recognised.
    """
    return [
        str(java),
        "-Xms64m",
        "-Xmx1g",
        "-XX:+UseParallelGC",
        f"-Djava.io.tmpdir={root / 'tmp'}",
        f"-XX:ErrorFile={root / 'log' / 'crash-%p.log'}",
        f"{PORTS_MARK}{http_port},{pg_port}",
        "-DQuestDB-Runtime-66535",
        "-ea",
        "-Dnoebug",
        "--sun-misc-unsafe-memory-access=allow",
        f"--enable-native-access={_MODULE}",
        "--add-exports",
        f"java.base/jdk.internal.math={_MODULE}",
        "-p",
        str(jar),
        "-m",
        SERVER_CLASS,
        "-d",
        str(root),
    ]


def server_configuration(http_port: int, pg_port: int, password: SecretStr, cpus: int | None = None) -> str:
    """`conf/server.conf`: loopback only, one user, no surprises in the schema, little memory."""
    workers = min(max(cpus or os.cpu_count() or 2, 2), 8)
    settings = {
        "config.validation.strict": "true",
        # who may come in, and where
        "http.bind.to": f"127.0.0.1:{http_port}",
        "http.user": USER,
        "http.password": password.get_secret_value(),
        "pg.net.bind.to": f"127.0.0.1:{pg_port}",
        "pg.user": USER,
        "pg.password": password.get_secret_value(),
        "http.min.enabled": "false",
        "line.tcp.enabled": "false",
        "line.udp.enabled": "false",
        "telemetry.enabled": "false",
        # rows never make tables or columns
        "line.auto.create.new.tables": "false",
        "line.auto.create.new.columns": "false",
        # exports of whole tapes take longer than the minute that is the default
        "query.timeout": "600s",
        "http.export.timeout": "600s",
        # by default as many as processors: too few for two sessions and a dashboard
        "http.export.connection.limit": "64",
        "cairo.sql.copy.root": "import",
        # many small tables: 16 MiB pages per column would cost gigabytes
        "cairo.writer.data.append.page.size": "1M",
        "cairo.wal.writer.data.append.page.size": "512k",
        "cairo.system.writer.data.append.page.size": "128k",
        "cairo.writer.data.index.key.append.page.size": "128k",
        "cairo.writer.data.index.value.append.page.size": "1M",
        "cairo.o3.column.memory.size": "256k",
        "shared.network.worker.count": str(workers),
        "shared.query.worker.count": str(workers),
        "shared.write.worker.count": str(workers),
    }
    for pool in ("shared", "export", "wal.apply", "mat.view.refresh", "view.compiler"):
        # workers that find nothing to do spin for long by default, on processors that the flows beside them need
        settings[f"{pool}.worker.nap.threshold"] = "50"
        settings[f"{pool}.worker.sleep.threshold"] = "100"
    return "".join(f"{key}={value}\n" for key, value in settings.items())


_LOG_CONFIGURATION: Final = """\
writers=file,stdout
w.file.class=io.questdb.log.LogRollingFileWriter
w.file.location=${log.dir}/questdb.log.${date:yyyyMMdd}
w.file.level=ERROR,CRITICAL
w.file.rollSize=8m
w.file.lifeDuration=30d
w.file.sizeLimit=64m
w.stdout.class=io.questdb.log.LogConsoleWriter
w.stdout.level=CRITICAL
"""


def prepare_root(root: Path, http_port: int, pg_port: int, password: SecretStr) -> None:
    """Make the server's folder and (re)write its configuration; data stays as it is."""
    for folder in ("conf", "tmp", "log", "import"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    if sys.platform != "win32":
        root.chmod(0o700)
    write_private(root / "conf" / "server.conf", server_configuration(http_port, pg_port, password))
    (root / "conf" / "log.conf").write_text(_LOG_CONFIGURATION, encoding="utf-8")


def read_password(root: Path) -> SecretStr:
    """The password of this root, generated the first time; only its owner can read the file."""
    path = root / "password"
    if not path.is_file():
        root.mkdir(parents=True, exist_ok=True)
        write_private(path, secrets.token_urlsafe(24))
    return SecretStr(path.read_text(encoding="utf-8").strip())


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(content)
    scratch.replace(path)


def server_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without the variables `QDB_*`, which would override the configuration."""
    return {key: value for key, value in environment.items() if not key.startswith("QDB_")}
