"""Statements by their names inside one transaction, and their rows as records: what each room of `SqlBooks` stands on."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, TypeVar

from tradebot.database import named_sql, values
from tradebot.database.driver import Row, Transaction
from tradebot.domain.lots import Lot
from tradebot.domain.trades import Trade

T = TypeVar("T")
_FILES = (
    "alerts.sql",
    "trades.sql",
    "lots.sql",
    "settings.sql",
    "events.sql",
    "deliveries.sql",
    "retention.sql",
    "api.sql",
    "performance.sql",
    "industries.sql",
)
_TRADE = ", ".join(one.name for one in fields(Trade))  # all but the decision, which is kilobytes
_SQL = {name: sql.replace("{columns}", _TRADE) for name, sql in named_sql.load(*_FILES).items()}
_TABLES = {name: named_sql.tables(sql) for name, sql in _SQL.items()}
_WRITES = {name for name, sql in _SQL.items() if named_sql.writes(sql)}
_ASKED_AGAIN = {"alert", "alerts", "trades", "trades_of_alert", "trades_since_or_ended", "lots", "lots_closed_since"}
"""By a decision, several times; they are read once, and again after a change of the same transaction."""
_AT_ONCE = 100  # records made without a turn for the loop: some milliseconds
_CHUNK = 500  # ids in one statement: databases allow some 32,000 parameters

EVERY_ONE = {"ticker": "", "strategy": ""}
EVER = datetime(1970, 1, 1, tzinfo=UTC)
ALL = 2**63 - 1
"""No limit; and above every id."""


class Rows:
    """The statements of one transaction. Answers are remembered where somebody asked for that."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._shares_channels = False
        self._remembers = False
        self._known: dict[tuple[str, str], Any] = {}  # answers, by statement and parameters
        self.has_news = False  # something was left to a channel
        self.has_arrivals = False  # an alert was left to be taken

    async def _rows(self, name: str, **parameters: Any) -> Sequence[Row]:
        if name in _WRITES:
            self._forget(name)
        return await self._transaction.rows(_SQL[name], **parameters)

    async def _rows_of(self, name: str, records: Sequence[Mapping[str, Any]]) -> Sequence[Row]:
        """Runs a statement that inserts one row once for all of these."""
        if not records:
            return []
        self._forget(name)
        numbered = {f"{key}_{number}": one for number, each in enumerate(records) for key, one in each.items()}
        return await self._transaction.rows(named_sql.repeated(_SQL[name], len(records)), **numbered)

    def _forget(self, name: str) -> None:
        """What a statement that writes makes untrue."""
        self._known = {key: answer for key, answer in self._known.items() if not _TABLES[key[0]] & _TABLES[name]}

    async def _row(self, name: str, **parameters: Any) -> Row | None:
        rows = await self._rows(name, **parameters)
        return rows[0] if rows else None

    async def _one(self, kind: type[T], name: str, **parameters: Any) -> T | None:
        row = await self._row(name, **parameters)
        return None if row is None else values.read(kind, row)

    async def _all(self, kind: type[T], name: str, **parameters: Any) -> Sequence[T]:
        key = key_of(name, **parameters)
        if key in self._known:
            return self._known[key]  # type: ignore[no-any-return]
        read = values.read_again if kind in (Trade, Lot) else values.read
        found = [read(kind, row) async for row in in_turns(await self._rows(name, **parameters))]
        if self._remembers and name in _ASKED_AGAIN:
            self._known[key] = found
        return found

    async def _of_ids(self, kind: type[T], name: str, parameter: str, ids: Collection[int]) -> list[T]:
        chunks = in_chunks(sorted(ids))
        return [one for chunk in chunks for one in await self._all(kind, name, **{parameter: chunk})]


async def in_turns(rows: Sequence[Row]) -> AsyncIterator[Row]:
    """To make records of many rows without standing in the loop's way."""
    for number, row in enumerate(rows, start=1):
        yield row
        if not number % _AT_ONCE:
            await asyncio.sleep(0)


def in_chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    """So many at a time as one statement takes."""
    all_of_them = list(ids)
    return (all_of_them[start : start + _CHUNK] for start in range(0, len(all_of_them), _CHUNK))


def key_of(name: str, **parameters: object) -> tuple[str, str]:
    """Under which an answer is remembered."""
    return name, repr(parameters)


def is_of(record: Trade | Lot, ticker: str | None, strategy: str | None) -> bool:
    """Whether a record is one of this ticker and this strategy; an empty name stands for every one."""
    return (not ticker or record.ticker == ticker) and (not strategy or record.strategy == strategy)


def names(statuses: Iterable[str]) -> list[str]:
    """As they are stored."""
    return [str(status) for status in statuses]
