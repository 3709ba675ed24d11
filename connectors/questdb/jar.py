"""The server's jar: fetched once from Maven Central into a cache outside the checkout, its SHA-256 pinned."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from connectors.questdb.errors import JarUnavailable
from connectors.questdb.lock import exclusive

VERSION: Final = "9.3.4"
SHA256: Final = "939bc53ab22f93dbaa6545143a6e7c536d4904c07b7f2d381e8eef10436be062"
ENVIRONMENT: Final = "QUESTDB_JAR"
"""Names a jar to use instead of the fetched one (another machine's copy; a later 9.3 release at your own risk)."""


def cache_folder(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """The platform's folder for files that can be fetched again."""
    if platform == "win32":
        base = Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "tapeflow"


def cached_jar(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the fetched jar is kept, whether it is there or not."""
    return cache_folder(environment) / f"questdb-{VERSION}.jar"


def find_jar(
    environment: Mapping[str, str] = os.environ, repositories: Mapping[str, str] | None = None, timeout: int = 30
) -> Path:
    """The jar: `QUESTDB_JAR`, or the cached one, or fetched now. `repositories` (name to URL) replaces Maven Central.

    The SHA-256 is checked when the jar enters the cache; a jar that the user names is taken as it is.
    """
    if named := environment.get(ENVIRONMENT):
        jar = Path(named).absolute()
        if not jar.is_file():
            raise JarUnavailable(
                f"{ENVIRONMENT} names {jar}, which is not a file; unset it or name questdb-{VERSION}.jar"
            )
        return jar
    jar = cached_jar(environment)
    if not jar.is_file():
        with exclusive(jar.with_suffix(".lock"), timeout=300):
            if not jar.is_file():
                _fetch(jar, repositories, timeout)
    return jar


def check_jar(jar: Path) -> None:
    """Raise unless the file is the pinned release, byte for byte."""
    with jar.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise JarUnavailable(
            f"{jar.name} is not QuestDB {VERSION}: its SHA-256 begins with {found[:12]} where {SHA256[:12]} is right; "
            f"delete {jar} and try again, or name a good one with {ENVIRONMENT}"
        )


def _fetch(jar: Path, repositories: Mapping[str, str] | None, timeout: int) -> None:
    from jgo.maven import MavenContext

    jar.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, so that the last step is an atomic rename.
    scratch = Path(tempfile.mkdtemp(prefix="fetch-", dir=jar.parent))
    try:
        context = MavenContext(
            repo_cache=scratch, remote_repos=dict(repositories) if repositories else None, timeout=timeout
        )
        fetched = context.project("org.questdb", "questdb").at_version(VERSION).artifact().resolve()
        check_jar(fetched)
        fetched.replace(jar)
    except (OSError, RuntimeError, AssertionError) as error:
        raise JarUnavailable(
            f"the QuestDB {VERSION} jar cannot be fetched from Maven Central ({_line(error)}); fetch "
            f"org.questdb:questdb:{VERSION} elsewhere and name the file with {ENVIRONMENT}=/path/questdb-{VERSION}.jar"
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _line(error: BaseException) -> str:
    """The innermost cause: the outer ones repeat it in many words."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return " ".join(str(error).split())[:200] or type(error).__name__
