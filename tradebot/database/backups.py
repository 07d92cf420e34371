"""Backups: made beside a daemon that trades, kept by number, named by time and by the step of their tables.

Rules: a file has its name only when it is whole, examined and on the disk; whatever goes wrong, what was there before is there
still. Only files with a name of this form are ever taken away.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tradebot.database import address, migrate, sqlite_files
from tradebot.database.address import PostgresAddress, SqliteAddress
from tradebot.database.contents import COLUMNS, Contents, Counting
from tradebot.database.postgres_dumps import Tools, server_version
from tradebot.errors import BackupError

_NAME = re.compile(r"tradebot-(\d{8}T\d{6}Z)-(\d{4})\.(db|dump)")
_UNFINISHED = ".unfinished"
_SPARE = 10 * 2**20


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made."""

    path: Path
    size: int  # bytes
    contents: Contents
    took_s: float
    pruned: Sequence[Path]


async def make(url: str, folder: Path, now: datetime, *, keep: int | None = None, prefix: str = "") -> Backup:
    """Makes a backup of the database in `folder`, and then keeps the newest `keep` of them there; None: all.

    Raises BackupError, LedgerUnavailable, ConfigError, MigrationError when the database is newer than the program.
    """
    place, began = address.parse(url), time.monotonic()
    with unfinished(folder) as file:
        if isinstance(place, SqliteAddress):
            _room(folder, place.path.stat().st_size)
            sqlite_files.copy(place.path, file)
            contents, kind = sqlite_files.contents(file), "db"
        else:
            tools = await postgres_tools(place)
            tools.dump(place, migrate.tables(), file)
            contents, kind = tools.contents(file), "dump"
            sqlite_files.sync(file)
        migrate.missing(contents.migrations)
        path = folder / f"{prefix}tradebot-{now:%Y%m%dT%H%M%SZ}-{contents.step}.{kind}"
        while path.exists():
            now += timedelta(seconds=1)
            path = folder / f"{prefix}tradebot-{now:%Y%m%dT%H%M%SZ}-{contents.step}.{kind}"
        file.rename(path)
    sqlite_files.sync(folder)
    pruned = _prune(folder, path, keep) if keep is not None else []
    return Backup(path, path.stat().st_size, contents, time.monotonic() - began, pruned)


async def postgres_tools(place: PostgresAddress) -> Tools:
    """PostgreSQL's programs for this server. Raises BackupError, LedgerUnavailable, ConfigError."""
    version = await server_version(place)
    try:
        return Tools.fitting(version)
    except BackupError as error:
        raise BackupError(f"{place.place}: {error}") from None


async def contents_now(place: PostgresAddress) -> Contents:
    """What the tables of a server hold now. Raises LedgerUnavailable, BackupError."""
    counting = Counting()
    async with migrate.open_driver(place.url, migrate.TIMEOUT_S) as driver, driver.transaction(write=False) as books:
        for table, columns in COLUMNS.items():
            for row in await books.rows(f"SELECT {', '.join(columns)} FROM {table}"):  # noqa: S608  # our own names
                counting.take(table, row)
    return counting.done(place.place)


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """An empty file in `folder` that only this user can read; gone at the end unless it was given a name. Raises BackupError."""
    file = folder / f"tradebot-{os.getpid()}{_UNFINISHED}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(folder)
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield file
    except OSError as error:
        if folder.is_file():
            raise BackupError(f"{folder} is a file: a backup needs a folder") from error
        raise BackupError(f"{folder}: {error.strerror}: look at its owner, its mode and its space") from error
    finally:
        for left in folder.glob(f"{file.name}*"):
            left.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Takes away what a backup that was killed has left."""
    for file in folder.glob(f"tradebot-*{_UNFINISHED}*"):
        pid = file.name.removeprefix("tradebot-").partition(".")[0]
        if pid.isdecimal() and (int(pid) == os.getpid() or not Path(f"/proc/{pid}").exists()):
            file.unlink(missing_ok=True)


def _room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + _SPARE:
        raise BackupError(
            f"{folder}: its disk is full: a backup needs some {size / 1e6:.1f} MB, and {free / 1e6:.1f} MB are free; none was "
            "made, and those that are there were kept"
        )


def _prune(folder: Path, newest: Path, keep: int) -> list[Path]:
    """Takes the oldest away, by the time in their names; never the one that was just made, whatever the clock says."""
    own = [path for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.is_file() and path != newest]
    old = sorted(own, key=lambda path: path.name)[: max(len(own) + 1 - keep, 0)]
    for path in old:
        path.unlink(missing_ok=True)
    return old
