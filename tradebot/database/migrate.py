"""Brings a database's tables to this program, or back: numbered SQL files, each with its way back.

Rules: each migration runs in one transaction, under a lock, so that two at once are safe; what was applied is remembered with
its checksum, and a file that was changed afterwards, or a database that knows more than the program, is refused.
One text serves both databases; where SQLite needs another one, `NAME.up.sqlite.sql` and `NAME.down.sqlite.sql` stand beside it.
A query under a line `-- REFUSE: sentence` runs first: any row that it finds ends the migration with that sentence.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable

from tradebot.database import address, values
from tradebot.database.driver import Driver, Transaction
from tradebot.database.sqlite import open_sqlite
from tradebot.errors import MigrationError

TIMEOUT_S = 60.0  # a statement of a migration may rewrite a table
SQLITE = "SQLite"
_CREATE = """
CREATE TABLE IF NOT EXISTS schema_migration (name TEXT PRIMARY KEY, checksum TEXT NOT NULL, applied_at TIMESTAMPTZ NOT NULL);
"""
_TABLE = re.compile(r"^CREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.MULTILINE)
_REFUSAL = re.compile(r"^-- REFUSE: (.+)\n(SELECT [^;]+);$", re.MULTILINE)
_WAY_BACK = re.compile(r"\A-- The way back of .+\n((?:-- (?!REFUSE: ).+\n)+)")
"""The first lines of a way back; those behind the first say what it loses."""
_HAS_TABLE = {
    SQLITE: "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'schema_migration'",
    "PostgreSQL": "SELECT 1 WHERE to_regclass('schema_migration') IS NOT NULL",
}


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration, and when it was applied; None: not yet."""

    name: str  # "0001_initial"
    applied_at: datetime | None


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    up: str
    down: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.up.encode()).hexdigest()

    @property
    def loses(self) -> str:
        """What its way back loses, in words."""
        found = _WAY_BACK.match(self.down)
        return "" if found is None else " ".join(line.removeprefix("-- ") for line in found[1].splitlines())


@dataclass(frozen=True, slots=True)
class _Applied:
    name: str
    checksum: str
    applied_at: datetime


async def up(url: str, *, folder: Traversable | None = None) -> list[str]:
    """Applies what is missing, in order, and returns the names. Raises MigrationError, LedgerUnavailable."""
    done = list[str]()
    async with open_driver(url, TIMEOUT_S) as driver:
        known = _files(folder, driver.name)
        while True:
            async with _locked(driver) as transaction:
                applied = await _applied(driver, transaction)
                _verify(known, applied)
                if len(applied) == len(known):
                    return done
                await _apply(driver, transaction, known[len(applied)])
                done.append(known[len(applied)].name)


async def down(url: str, steps: int = 1, *, folder: Traversable | None = None) -> list[str]:
    """Takes the newest `steps` migrations back, newest first, and returns their names.

    Raises MigrationError, also when the tables of before cannot hold what is stored; LedgerUnavailable.
    """
    undone = list[str]()
    async with open_driver(url, TIMEOUT_S) as driver:
        known = _files(folder, driver.name)
        for _ in range(steps):
            async with _locked(driver) as transaction:
                applied = await _applied(driver, transaction)
                _verify(known, applied)
                if not applied:
                    break
                newest = known[len(applied) - 1]
                await _run(driver, transaction, newest.name, newest.down)
                await transaction.rows("DELETE FROM schema_migration WHERE name = :name", name=newest.name)
                undone.append(newest.name)
    return undone


async def losses(url: str, steps: int = 1, *, folder: Traversable | None = None) -> Mapping[str, str]:
    """What the newest `steps` migrations lose on their way back, by name, newest first; changes nothing.

    Raises MigrationError, LedgerUnavailable.
    """
    async with open_driver(url, TIMEOUT_S) as driver:
        known = _files(folder, driver.name)
        async with driver.transaction(write=False) as transaction:
            applied = await _applied(driver, transaction)
    _verify(known, applied)
    return {file.name: file.loses for file in reversed(known[max(len(applied) - steps, 0) : len(applied)])}


async def status(url: str, *, folder: Traversable | None = None) -> list[Migration]:
    """Every migration the program or the database knows; changes nothing."""
    place = address.parse(url)
    applied: Mapping[str, datetime] = {}
    if not isinstance(place, address.SqliteAddress) or place.path.exists():
        async with open_driver(url, TIMEOUT_S) as driver, driver.transaction(write=False) as transaction:
            applied = {row.name: row.applied_at for row in await _applied(driver, transaction)}
    names = sorted({file.name for file in _files(folder, SQLITE)} | set(applied))  # of any database
    return [Migration(name, applied.get(name)) for name in names]


def tables() -> list[str]:
    """Every table that the program makes, in any of its steps."""
    made = [name for file in _files(None, "PostgreSQL") for name in _TABLE.findall(file.up)]
    return [*made, *_TABLE.findall(_CREATE)]


def missing(applied: Sequence[Mapping[str, object]]) -> list[str]:
    """The steps that tables with these rows of `schema_migration` lack. Raises MigrationError when they are not this program's.

    Which of both databases they came from is told by the rows themselves: a step may have other words in each.
    """
    rows = sorted((values.read(_Applied, row) for row in applied), key=lambda row: row.name)
    refused: MigrationError | None = None
    for database in (SQLITE, "PostgreSQL"):
        known = _files(None, database)
        try:
            _verify(known, rows)
        except MigrationError as error:
            refused = refused or error
        else:
            return [file.name for file in known[len(rows) :]]
    raise refused or MigrationError


async def check(driver: Driver) -> None:
    """Raises MigrationError when the tables are not exactly those of this program."""
    known = _files(None, driver.name)
    async with driver.transaction(write=False) as transaction:
        applied = await _applied(driver, transaction)
    _verify(known, applied)
    if not applied:
        raise MigrationError(f"{driver.place}: the bot's tables are not there yet: run `tradebot migrate up`")
    if len(applied) < len(known):
        missing = ", ".join(file.name for file in known[len(applied) :])
        raise MigrationError(f"{driver.place}: the tables are older than this program, which needs {missing}: "
                             "stop the bot, make a backup and run `tradebot migrate up`")  # fmt: skip


@asynccontextmanager
async def open_driver(url: str, timeout_s: float) -> AsyncIterator[Driver]:
    """The database that a URL names. Raises ConfigError, LedgerUnavailable."""
    place = address.parse(url)
    if isinstance(place, address.SqliteAddress):
        async with open_sqlite(place, timeout_s) as sqlite:
            yield sqlite
    else:
        from tradebot.database.postgres import open_postgres  # noqa: PLC0415 - loaded where there is a PostgreSQL only

        async with open_postgres(place, timeout_s) as postgres:
            yield postgres


def _files(folder: Traversable | None, database: str) -> list[_File]:
    """Every migration, in the words of this database."""
    folder = folder or files("tradebot_migrations")
    texts = {entry.name: entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".sql")}
    names = sorted(name.removesuffix(".up.sql") for name in texts if name.endswith(".up.sql"))
    for name in names:
        if f"{name}.down.sql" not in texts:
            raise MigrationError(f"migration {name} has no way back: {name}.down.sql is missing")
        if (f"{name}.up.sqlite.sql" in texts) != (f"{name}.down.sqlite.sql" in texts):
            raise MigrationError(f"migration {name} has only one of {name}.up.sqlite.sql and {name}.down.sqlite.sql")
    own = ".sqlite.sql" if database == SQLITE else ".sql"
    return [_File(name, *(texts.get(f"{name}.{way}{own}", texts[f"{name}.{way}.sql"]) for way in ("up", "down")))
            for name in names]  # fmt: skip


@asynccontextmanager
async def _locked(driver: Driver) -> AsyncIterator[Transaction]:
    async with driver.transaction() as transaction:
        await transaction.lock("migrations")
        yield transaction


async def _applied(driver: Driver, transaction: Transaction) -> Sequence[_Applied]:
    if not await transaction.rows(_HAS_TABLE[driver.name]):
        return []
    rows = await transaction.rows("SELECT name, checksum, applied_at FROM schema_migration")
    return sorted((values.read(_Applied, row) for row in rows), key=lambda row: row.name)


def _verify(known: Sequence[_File], applied: Sequence[_Applied]) -> None:
    """What was applied must be the beginning of what the program knows, unchanged."""
    unknown = [row.name for row in applied if row.name not in {file.name for file in known}]
    if unknown:
        raise MigrationError(f"the database is newer than the program (it has {', '.join(unknown)}): update tradebot")
    for file, row in zip(known, applied, strict=False):
        if file.name != row.name:
            raise MigrationError(f"migration {file.name} is missing in the database although {row.name} was applied: "
                                 "install the release of tradebot that this database was made with")  # fmt: skip
        if file.checksum != row.checksum:
            raise MigrationError(f"migration {file.name} was changed after it was applied on {row.applied_at:%Y-%m-%d}: "
                                 "put the released file back; a change needs a migration of its own")  # fmt: skip


async def _apply(driver: Driver, transaction: Transaction, file: _File) -> None:
    await transaction.script(_CREATE)
    await _run(driver, transaction, file.name, file.up)
    await transaction.rows(
        "INSERT INTO schema_migration (name, checksum, applied_at) VALUES (:name, :checksum, :applied_at)",
        name=file.name,
        checksum=file.checksum,
        applied_at=datetime.now(UTC),
    )


async def _run(driver: Driver, transaction: Transaction, name: str, sql: str) -> None:
    for sentence, query in _REFUSAL.findall(sql):
        if await transaction.rows(query):
            raise MigrationError(f"{driver.place}: migration {name} cannot go on: {sentence}; nothing was changed")
    await transaction.script(sql)
