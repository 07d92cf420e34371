"""What releases left behind (`data/README.md`), put into an empty database, and any database laid open to be compared."""

import gzip
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg

from tradebot.database import address, migrate

DATA = Path(__file__).parent / "data"
TABLES = ("alert_log", "trade", "position", "execution", "event", "bot_settings", "job_run", "schema_migration")
TABLES_OF_0_4 = (*TABLES, "delivery", "corporate_action", "equity")
Rows = Mapping[str, Sequence[Mapping[str, Any]]]

_POSTGRES_CATALOG = """
SELECT 'column' AS what, table_name || '.' || column_name AS name, concat_ws(' ', data_type, is_nullable, column_default,
       is_identity, rank() OVER (PARTITION BY table_name ORDER BY ordinal_position)) AS text
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
          FROM pg_constraint WHERE connamespace = 'public'::regnamespace
ORDER BY what, name
"""
_SQLITE_CATALOG = "SELECT type AS what, name, sql AS text FROM sqlite_master ORDER BY type, name"


async def restore(url: str, version: str = "0.1.0") -> None:
    """Makes an empty database the one that this release left."""
    place = address.parse(url)
    if isinstance(place, address.SqliteAddress):
        place.path.parent.mkdir(parents=True, exist_ok=True)
        place.path.write_bytes(gzip.decompress((DATA / f"{version}.sqlite.gz").read_bytes()))
        return
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(gzip.decompress((DATA / f"{version}.postgres.sql.gz").read_bytes()).decode())
    finally:
        await connection.close()


def restore_gateway(url: str, file: Path, version: str = "0.1.0") -> None:
    """The state file of the simulated gateway that belongs to this database."""
    kind = "postgres" if url.startswith("postgres") else "sqlite"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.decompress((DATA / f"{version}.{kind}.gateway.jsonl.gz").read_bytes()))


async def catalog(url: str) -> Sequence[tuple[str, str, str]]:
    """Every table, column, index and constraint, as the database itself describes it."""
    rows = await ask(url, _POSTGRES_CATALOG if url.startswith("postgres") else _SQLITE_CATALOG)
    return [(row["what"], row["name"], row["text"]) for row in rows]


async def content(url: str, tables: Sequence[str] = TABLES) -> Rows:
    """Every row of these tables, by primary key."""
    return {name: await ask(url, f"SELECT * FROM {name} ORDER BY 1, 2") for name in tables}


async def sequences(url: str) -> Mapping[str, int]:
    """The last id that each table gave."""
    if url.startswith("postgres"):
        rows = await ask(url, "SELECT sequencename AS name, last_value AS seq FROM pg_sequences")
        return {row["name"].removesuffix("_id_seq"): row["seq"] for row in rows}
    return {row["name"]: row["seq"] for row in await ask(url, "SELECT name, seq FROM sqlite_sequence ORDER BY name")}


async def ask(url: str, sql: str, **values: object) -> Sequence[Mapping[str, Any]]:
    async with migrate.open_driver(url, 30) as driver, driver.transaction() as transaction:
        return await transaction.rows(sql, **values)


def sqlite_is_whole(path: Path) -> bool:
    """Whether every reference in the file holds."""
    connection = sqlite3.connect(path)
    try:
        return not connection.execute("PRAGMA foreign_key_check").fetchall()
    finally:
        connection.close()
