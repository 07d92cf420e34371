"""Puts a backup in the place of the database.

Rules: nothing is touched before the backup has been read to its end and its tables are known to this program. The old database or
the new one is there, whole, at every moment. What the old one had stopped stays stopped, and what it had done is not done again:
the restored books are PAUSED at least, and an alert that waited in the backup waits on only if it waits in the old books too, and
nothing was traded for it since.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from tradebot.database import address, backups, migrate, sqlite_files
from tradebot.database.address import PostgresAddress, SqliteAddress
from tradebot.database.contents import Contents, Waiting
from tradebot.database.lock import alone
from tradebot.database.postgres_dumps import Tools
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.instance import EPOCH_KEY
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.settings import RESTORED_KEY, STATE_KEY, TradingState
from tradebot.errors import BackupError, MigrationError, TradebotError

ACTOR = "restore"
_CHANGED = "the backup or the database has changed meanwhile; nothing was restored: begin again"
_SQLITE_MARK, _DUMP_MARK = b"SQLite format 3\0", b"PGDMP"


@dataclass(frozen=True, slots=True)
class Plan:
    """A backup that was read and fits, beside the database that it is to replace."""

    file: Path
    place: str  # the database that it is to replace
    backup: Contents
    present: Contents | None  # None: there is none, or it cannot be read
    why_unreadable: str | None
    missing_steps: Sequence[str]  # migrations that the backup's tables lack

    @property
    def cleared(self) -> list[int]:
        """Alerts that waited in the backup, and in the present books wait no more or have sold since: not judged again."""
        still = set(self.present.waiting.values()) if self.present else set[Waiting]()
        return sorted(number for number, alert in self.backup.waiting.items() if alert not in still)

    @property
    def state(self) -> TradingState:
        states = {self.backup.state, self.present.state if self.present else TradingState.PAUSED}
        return TradingState.KILLED if TradingState.KILLED in states else TradingState.PAUSED


@dataclass(frozen=True, slots=True)
class Done:
    """What was done."""

    kept: Path | None  # the database that was replaced
    applied: Sequence[str]  # migrations


async def plan(url: str, file: Path) -> Plan:
    """Looks at both while no daemon runs. Raises BackupError, LockHeld, MigrationError, LedgerUnavailable, ConfigError."""
    place = address.parse(url)
    _right_kind(file, place)
    async with alone(url):
        return await _plan(place, file)


async def carry_out(url: str, agreed: Plan, folder: Path, now: datetime) -> Done:
    """Replaces the database. On PostgreSQL the old one is kept in `folder`, on SQLite beside the new one.

    Raises BackupError, also when something has changed since it was agreed; LockHeld, LedgerUnavailable. The old one stands then.
    """
    place = address.parse(url)
    async with alone(url):
        if await _plan(place, agreed.file) != agreed:
            raise BackupError(_CHANGED)
        if isinstance(place, SqliteAddress):
            return await _replace_file(place, agreed, now)
    kept = await _replace_tables(place, agreed, folder, now)
    return Done(kept, await migrate.up(url))


async def _plan(place: SqliteAddress | PostgresAddress, file: Path) -> Plan:
    if isinstance(place, PostgresAddress):
        backup = (await backups.postgres_tools(place)).contents(file)
    else:
        sqlite_files.examine(file)
        backup = sqlite_files.contents(file)
    try:
        missing = migrate.missing(backup.migrations)
    except MigrationError as error:
        raise MigrationError(
            f"{file} cannot be used with this program: {error}. Its tables are of step {backup.migrations[-1]['name']}"
        ) from None
    there = f"SQLite file {place.path.absolute()}" if isinstance(place, SqliteAddress) else place.place
    present, why_unreadable = await _present(place)
    if why_unreadable is not None and isinstance(place, PostgresAddress):  # a file is kept as it lies there
        raise BackupError(
            f"{there}: the tables that are there cannot be read, so they cannot be kept: {why_unreadable}. Try again once they "
            "can, or restore into an empty database (createdb) and name that one in [database] url"
        )
    return Plan(file, there, backup, present, why_unreadable, missing)


async def _replace_file(place: SqliteAddress, plan: Plan, now: datetime) -> Done:
    with backups.unfinished(place.path.parent) as new:
        sqlite_files.copy(plan.file, new, in_use=False)
        sqlite_files.change(new, _what_changes(plan, now))
        applied = await migrate.up(f"sqlite:///{quote(str(new))}")
        sqlite_files.one_file(new)
        sqlite_files.examine(new)
        sqlite_files.sync(new)
        while (kept := place.path.with_name(f"{place.path.name}.replaced-{now:%Y%m%dT%H%M%SZ}")).exists():
            now += timedelta(seconds=1)
        was_there = place.path.exists()
        if plan.present is not None and sqlite_files.contents(place.path) != plan.present:
            raise BackupError(_CHANGED)
        sqlite_files.replace(new, place.path, kept, readable=plan.present is not None)
    return Done(kept if was_there else None, applied)


async def _replace_tables(place: PostgresAddress, plan: Plan, folder: Path, now: datetime) -> Path | None:
    tools: Tools = await backups.postgres_tools(place)
    kept = None
    if plan.present is not None:
        kept = (await backups.make(place.url, folder, now, prefix="replaced-")).path
    drop = "".join(f"DROP TABLE IF EXISTS {name} CASCADE;\n" for name in migrate.tables())
    with backups.unfinished(folder) as script:
        tools.script(plan.file, script, _unchanged(plan) + drop, _what_changes(plan, now))
        tools.bring_back(place, script)
    return kept


def _right_kind(file: Path, place: SqliteAddress | PostgresAddress) -> None:
    """Raises BackupError for a file that is no backup, or one of the other kind of database."""
    try:
        with file.open("rb") as reading:
            begins = reading.read(len(_SQLITE_MARK))
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror}") from error
    kinds = {SqliteAddress: begins == _SQLITE_MARK, PostgresAddress: begins.startswith(_DUMP_MARK)}
    if not any(kinds.values()):
        raise BackupError(
            f"{file} is no backup of tradebot's: neither a SQLite file nor a dump of pg_dump --format=custom"
        )
    if not kinds[type(place)]:
        raise BackupError(
            f"{file} is a backup of another kind of database than the configured one ({place.place}): books are not carried "
            "over from one to the other"
        )
    if isinstance(place, SqliteAddress) and place.path.exists() and file.samefile(place.path):
        raise BackupError(f"{file} is the database itself")


async def _present(place: SqliteAddress | PostgresAddress) -> tuple[Contents | None, str | None]:
    """What is there now; else why that cannot be told. Raises MigrationError when it is newer than the program."""
    try:
        if isinstance(place, SqliteAddress):
            if not place.path.exists():
                return None, None
            sqlite_files.examine(place.path)
            return sqlite_files.contents(place.path), None
        present = await _tables_now(place)
    except MigrationError:
        raise
    except TradebotError as error:
        return None, str(error)
    if present is not None:
        migrate.missing(present.migrations)  # tables that this program does not know would stand in the way
    return present, None


async def _tables_now(place: PostgresAddress) -> Contents | None:
    if not any(one.applied_at for one in await migrate.status(place.url)):
        return None
    return await backups.contents_now(place)


def _unchanged(plan: Plan) -> str:
    """SQL that ends the restore where somebody has killed, or an instance begun, while the old tables were dumped."""
    if plan.present is None:
        return ""
    other = " OR ".join(
        f"(SELECT coalesce(max(value), '') FROM bot_settings WHERE key = {_text(key)}) "  # noqa: S608  # quoted
        f"<> {_text(plan.present.settings.get(key, ''))}"
        for key in (STATE_KEY, EPOCH_KEY)
    )
    return (
        "LOCK TABLE bot_settings IN ACCESS EXCLUSIVE MODE;\n"
        f"DO $$ BEGIN IF {other} THEN RAISE EXCEPTION '{_CHANGED}'; END IF; END $$;\n"
    )


def _what_changes(plan: Plan, now: datetime) -> str:
    """SQL that both databases take, for tables of any step."""
    epoch = max(plan.backup.epoch, plan.present.epoch if plan.present else 0)
    settings = {STATE_KEY: str(plan.state), EPOCH_KEY: str(epoch), RESTORED_KEY: now.isoformat()}
    sql = "".join(
        "INSERT INTO bot_settings (key, value, updated_at, updated_by) "  # noqa: S608  # each value is quoted
        f"VALUES ({_text(key)}, {_text(value)}, {_text(now.isoformat(timespec='microseconds'))}, {_text(ACTOR)}) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at, "
        "updated_by = excluded.updated_by;\n"
        for key, value in settings.items()
    )
    if plan.cleared:
        why = Reason(ReasonCode.CLEARED, {"by": ACTOR})
        sql += (
            f"UPDATE alert_log SET status = {_text(AlertStatus.CLEARED)}, "  # noqa: S608  # as above
            f"reason = {_text(json.dumps({'code': why.code, 'facts': dict(why.facts)}))} "
            f"WHERE id IN ({', '.join(map(str, plan.cleared))});\n"
        )
    return sql


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
