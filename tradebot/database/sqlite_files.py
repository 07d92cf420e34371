"""A SQLite database as a file: copied while others use it, examined, and replaced.

Rules: a copy is made by SQLite itself, from one read transaction, so that writers neither wait for it nor make it begin again; it
is one file, examined, and on the disk before it has its name. What replaces a database does so in one step, when nobody has the
old one open and its write-ahead log is in it.
"""

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from tradebot.database.contents import COLUMNS, Contents, Counting
from tradebot.database.sqlite import translated
from tradebot.errors import BackupError, LedgerUnavailable

_PAGES = 1024  # at a time: 4 MB
_BUSY_S = 5.0
_BESIDE = ("-wal", "-shm", "-journal")


def copy(source: Path, target: Path, *, in_use: bool = True) -> None:
    """Makes `target`, which is there and empty, a whole copy of the database. Raises LedgerUnavailable, BackupError."""
    with translated(f"SQLite file {source}"), closing(_open(source, "rw") if in_use else _still(source)) as reading:
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the read transaction begins here
        with closing(sqlite3.connect(target, isolation_level=None)) as writing:
            try:
                reading.backup(writing, pages=_PAGES)
                writing.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
            except sqlite3.Error as error:
                raise BackupError(
                    f"{target.parent}: the copy could not be written: {error}: is the disk full?"
                ) from error
    examine(target)
    sync(target)


def examine(path: Path) -> None:
    """Raises BackupError when the file is no whole database."""
    try:
        with closing(_still(path)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
    except sqlite3.Error as error:
        raise BackupError(f"{path} is not a whole SQLite database: {error}") from error
    if found != ["ok"]:
        raise BackupError(f"{path} is not a whole SQLite database: {'; '.join(found)}")


def contents(path: Path) -> Contents:
    """What the file holds. Raises BackupError when it is no database of the bot's."""
    counting = Counting()
    try:
        with closing(_still(path)) as connection:
            connection.row_factory = sqlite3.Row
            there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for table, columns in COLUMNS.items():
                if table in there:
                    for row in connection.execute(f"SELECT {', '.join(columns)} FROM {table}"):  # noqa: S608  # our own names
                        counting.take(table, dict(row))
    except sqlite3.Error as error:
        raise BackupError(f"{path} cannot be read: {error}") from error
    return counting.done(str(path))


def change(path: Path, sql: str) -> None:
    """Runs these statements on a file that nobody else has open, in one transaction. Raises LedgerUnavailable."""
    with translated(f"SQLite file {path}"), closing(_open(path, "rw")) as connection:
        connection.executescript(f"BEGIN; {sql} COMMIT;")


def one_file(path: Path) -> None:
    """Takes what is written ahead into the file. Raises LedgerUnavailable while anybody has it open."""
    with translated(f"SQLite file {path}"), closing(_open(path, "rw")) as connection:
        mode = connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
    if mode != "delete":
        raise LedgerUnavailable(f"SQLite file {path}: another program has it open: close it first")


def replace(new: Path, place: Path, kept: Path, *, readable: bool) -> None:
    """Puts `new` where the database is, and the old one at `kept`. Killed anywhere, one of both is at `place`, whole.

    An old one that is not `readable` is kept as it lies there, log and all. Raises LedgerUnavailable while anybody has it open.
    """
    if readable:
        one_file(place)
    if place.exists():
        _link(place, kept)
    for ending in _BESIDE:  # left by who was killed, or beside a damaged file: it would be read into the new one
        with suppress(FileNotFoundError):
            place.with_name(place.name + ending).rename(kept.with_name(kept.name + ending))
    sync(place.parent)
    new.replace(place)
    sync(place.parent)


def sync(path: Path) -> None:
    """On the disk, not only on its way there."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link(path: Path, name: Path) -> None:
    try:
        os.link(path, name)
    except OSError:  # a file system without links
        shutil.copy2(path, name)
        sync(name)


def _still(path: Path) -> sqlite3.Connection:
    """A file that nobody changes, perhaps where nothing can be written."""
    written_ahead = path.with_name(f"{path.name}-wal").exists()
    return _open(path, "ro" if written_ahead else "ro&immutable=1")


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=_BUSY_S)
