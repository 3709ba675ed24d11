"""Files as people have them: plain, gzip, zip with several members, Parquet. The content tells, not the name."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import pyarrow as pa

from connectors.files.errors import NothingUsable, UnreadableFile

OnBytes = Callable[[int], None]
"""Told how many more bytes of a file on disk have been read."""

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_PARQUET: Final = b"PAR1"
_CHUNK: Final = 1 << 20


def ignore_bytes(_count: int) -> None:
    """For callers who want no progress."""


@dataclass(frozen=True, slots=True)
class Part:
    """One table of rows: a file, or a member of a zip file."""

    path: Path
    member: str | None = None
    parquet: bool = False

    @property
    def label(self) -> str:
        """For messages and dead letters: the file's name without its folder, with the member if it is in a zip."""
        return self.path.name if self.member is None else f"{self.path.name}:{self.member}"

    @property
    def name(self) -> str:
        """The name that may tell something about the content: the member's own, without folders."""
        return self.path.name if self.member is None else self.member.rsplit("/", 1)[-1]

    @contextmanager
    def open(self, on_bytes: OnBytes = ignore_bytes) -> Iterator[IO[bytes]]:
        """The uncompressed bytes. Damage found while reading is raised as `UnreadableFile`."""
        with self.reading(), self.path.open("rb", buffering=0) as disk:
            counted = io.BufferedReader(_Counted(disk, on_bytes), _CHUNK)
            if self.member is None:
                with _unpacked(counted) as stream:
                    yield stream
            else:
                with (
                    zipfile.ZipFile(counted) as archive,
                    archive.open(self.member) as packed,
                    _unpacked(packed) as stream,
                ):
                    yield stream

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turns the errors of the operating system and of the decompressors into ours."""
        try:
            yield
        except EOFError as error:
            raise UnreadableFile(f"{self.label} is cut off: the compressed data ends too early") from error
        except (zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
            raise UnreadableFile(f"{self.label} is damaged: {error}") from error
        except (NotImplementedError, RuntimeError) as error:
            # zipfile's words for encrypted members and compression methods that it does not know
            raise UnreadableFile(f"{self.label} cannot be unpacked: {error}") from error
        except pa.ArrowException as error:
            raise UnreadableFile(f"{self.label} is damaged: {str(error).splitlines()[0]}") from error
        except OSError as error:
            raise UnreadableFile(f"{self.label} cannot be read: {error.strerror or error}") from error


def parts_of(path: Path) -> list[Part]:
    """The tables of a file: one, or all members of a zip file in the order of their names."""
    if not path.exists():
        raise UnreadableFile(f"there is no file {str(path)!r}")
    if path.is_dir():
        raise UnreadableFile(f"{str(path)!r} is a folder; name its files")
    whole = Part(path)
    with whole.reading():
        with path.open("rb") as disk:
            magic = disk.read(4)
        if not magic:
            raise NothingUsable(f"{path.name} is empty")
        if magic == _PARQUET:
            return [Part(path, parquet=True)]
        if magic not in _ZIP:
            return [whole]
        with zipfile.ZipFile(path) as archive:
            members = sorted(
                info.filename for info in archive.infolist() if not info.is_dir() and _is_data(info.filename)
            )
    if not members:
        raise NothingUsable(f"{path.name} has no members to read")
    parts = [Part(path, member) for member in members]
    for part in parts:
        with part.open() as stream:
            if stream.read(4) == _PARQUET:
                raise UnreadableFile(f"{part.label}: Parquet inside a zip file is not read; unpack it first")
    return parts


def file_hash(path: Path, on_bytes: OnBytes = ignore_bytes) -> str:
    """SHA-256 of a file as it is on disk."""
    digest = hashlib.sha256()
    with Part(path).reading(), path.open("rb", buffering=0) as disk:
        while chunk := disk.read(4 * _CHUNK):
            digest.update(chunk)
            on_bytes(len(chunk))
    return digest.hexdigest()


def _is_data(member: str) -> bool:
    names = member.split("/")
    return not any(name.startswith((".", "__MACOSX")) for name in names)


@contextmanager
def _unpacked(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream, _CHUNK)  # type: ignore[type-var]
    if buffered.peek(2)[:2] == _GZIP:
        with gzip.GzipFile(fileobj=buffered) as unpacked:
            yield unpacked  # type: ignore[misc]
    else:
        yield buffered


class _Counted(io.RawIOBase):
    """A file on disk that tells how much of it has been read."""

    def __init__(self, disk: io.FileIO, on_bytes: OnBytes) -> None:
        self._disk = disk
        self._on_bytes = on_bytes

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._disk.seek(offset, whence)

    def tell(self) -> int:
        return self._disk.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self._disk.readinto(buffer)
        if count:
            self._on_bytes(count)
        return count
