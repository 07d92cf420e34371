"""SQLite's instance lock: the operating system's, on a file beside the database."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tradebot.database.address import SqliteAddress
from tradebot.database.held import Held, held_by
from tradebot.database.sqlite import OpenedFile
from tradebot.errors import LedgerUnavailable

_WAIT_S = 0.25  # between two tries for a file lock, which cannot be waited for


class _FileLock(Held):
    def __init__(self, descriptor: int, path: Path, database: Path) -> None:
        super().__init__()
        self._descriptor, self._path = descriptor, path
        self._database_path = database
        self._database: OpenedFile | None = None

    def database_opened(self) -> None:
        self._database = OpenedFile(self._database_path)

    def _connected(self) -> bool:
        """The file is still the one that others would lock, and the database the one that was opened."""
        if self._database is not None and not self._database.in_place:
            self.why_lost = (
                f"The database file {self._database_path} was deleted or replaced while the bot was running (put the right"
                " file back before the next start)"
            )
            return False
        return _same_file(self._descriptor, self._path)

    async def _beat(self) -> bool:
        return self._connected()


@asynccontextmanager
async def file_lock(place: SqliteAddress, me: str, wait: bool) -> AsyncIterator[Held]:
    path = place.path.with_name(place.path.name + ".lock")
    while (descriptor := _try_lock(path)) is None:
        if not wait:
            raise held_by(place.place, _text(path))
        await asyncio.sleep(_WAIT_S)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, me.encode(), 0)
        yield _FileLock(descriptor, path, place.path)
    finally:
        os.close(descriptor)  # frees the lock; the file stays, for taking it away would let two lock two files


def _try_lock(path: Path) -> int | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise LedgerUnavailable(
            f"the lock file {path} cannot be opened: {error.strerror}: look at its folder's owner and mode"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _same_file(descriptor, path):
            return descriptor
    except BlockingIOError:
        pass
    os.close(descriptor)
    return None


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except OSError:
        return None
