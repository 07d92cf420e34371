"""No statement that runs again and again looks at more rows after two years than after a few weeks."""

import json
import re
import sqlite3
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.database.release import ask
from tests.adapters.database.samples import a_lot, a_trade, an_action, an_alert, an_execution
from tests.conftest import fresh_database
from tests.facts import every_kind
from tests.servers import GivenServer, PostgresServer
from tests.two_years import analyzed, two_years
from tradebot.database import migrate, named_sql
from tradebot.database.books import SqlBooks
from tradebot.database.driver import Row, Transaction
from tradebot.domain.alerts import WAITING, AlertStatus, Side
from tradebot.domain.api_access import ApiRequest, ApiToken, Scope
from tradebot.domain.daily_bars import DailyBar
from tradebot.domain.equity import Equity
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.exit_ends import AT_IB
from tradebot.domain.lots import LotStatus
from tradebot.domain.terms import MARKET_DAY
from tradebot.domain.trades import UNRESOLVED, Place, Trade, TradeStatus
from tradebot.ports import Books

FEW, MANY = 500, 30_000
DAY = timedelta(days=1)
HISTORIES = ("alert_log", "trade", "execution", "event", "delivery", "position", "job_run", "equity")
FILES = [file.name for file in files("tradebot.database").iterdir() if file.name.endswith(".sql")]
NAMED = {
    name: sql.replace("{columns}", ", ".join(field.name for field in fields(Trade)))
    for name, sql in named_sql.load(*FILES).items()
}
NAMES = {sql: name for name, sql in NAMED.items()}
READ_WHOLE = {
    "histories": "a person moves a ticker to another strategy: all of it is counted, and then moved",
    "reassign_alerts": "the same",
    "reassign_trades": "the same",
    "reassign_lots": "the same",
    "reassign_actions": "the same",
    "realised_since_start": "a person asks what was won since the start: all that was sold is added up",
    "prune_job_runs": "once a night, over the runs of jobs alone, which are kept for database.keep_days",
}
READ_IN_ORDER = {
    "alerts": "where those that ended are asked for",
    "count_waiting": "over the index of what goes on alone",
    "newest_alerts": "backwards from the newest, until so many are found",
    "newest_events": "backwards from the newest, until so many are found",
    "newest_deliveries": "backwards from the newest, until so many are found",
    "trades": "over the index of what is unresolved alone",
    "take_over": "over the index of what waits alone",
    "give_up_taken_over": "over the index of what waits alone",
    "tickers_without_industry": "over the index of what is open alone",
    "lots": "where those that closed are asked for",
    "insert_trade": "what refers to the new order is looked for only where a reference is broken, which is an error",
}


class Watched:
    """A transaction that notes how many rows each statement looked at."""

    def __init__(self) -> None:
        self.looked_at: dict[str, int] = {}

    async def rows(self, sql: str, **values: object) -> Sequence[Row]:
        found, looked_at = await self._run(sql, values)
        if sql in NAMES:
            self.looked_at[NAMES[sql]] = max(looked_at, self.looked_at.get(NAMES[sql], 0))
        return found

    async def script(self, sql: str) -> None:
        raise NotImplementedError

    async def lock(self, *names: str) -> None: ...

    async def share(self, name: str) -> None: ...

    async def _run(self, sql: str, values: Mapping[str, object]) -> tuple[Sequence[Row], int]:
        raise NotImplementedError


class WatchedSqlite(Watched):
    """Counted are the steps of SQLite's virtual machine, in tens: one at least for every few rows that it looks at."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._connection, self._steps = connection, 0
        connection.set_progress_handler(self._step, 10)

    def _step(self) -> int:
        self._steps += 1
        return 0

    async def _run(self, sql: str, values: Mapping[str, object]) -> tuple[Sequence[Row], int]:
        text, flat = named_sql.spread(sql, values)
        self._steps = 0
        found = self._connection.execute(text, {name: _as_text(value) for name, value in flat.items()}).fetchall()
        return [dict(row) for row in found], self._steps


class WatchedPostgres(Watched):
    """Counted are the rows of every node that scans, found or filtered out, of the one plan that a statement has whatever its
    values are; what was done for that is undone."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__()
        self._transaction = transaction

    async def _run(self, sql: str, values: Mapping[str, object]) -> tuple[Sequence[Row], int]:
        text, flat = named_sql.spread(sql, values)
        text, names = named_sql.numbered(text)
        given = f"({', '.join(_literal(flat[name]) for name in names)})" if names else ""
        await self._transaction.script(f"SAVEPOINT before; PREPARE asked AS {text}")
        (row,) = await self._transaction.rows(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked{given}")
        await self._transaction.script("ROLLBACK TO before; DEALLOCATE asked")
        (told,) = json.loads(row["QUERY PLAN"])
        return await self._transaction.rows(sql, **values), _scanned(told["Plan"])


def _scanned(node: Mapping[str, Any]) -> int:
    removed = sum(int(node.get(f"Rows Removed by {what}", 0)) for what in ("Filter", "Index Recheck"))
    own = (node["Actual Rows"] + removed) * node["Actual Loops"] if "Scan" in node["Node Type"] else 0
    return int(own) + sum(_scanned(one) for one in node.get("Plans", ()))


def _literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bytes():
            return f"'\\x{value.hex()}'"
        case _:
            return "'" + str(_as_text(value)).replace("'", "''") + "'"


def _as_text(value: object) -> object:
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat(timespec="microseconds")
        case _:
            return value


@asynccontextmanager
async def watched(url: str) -> AsyncIterator[Watched]:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        try:
            connection.execute("BEGIN")
            yield WatchedSqlite(connection)
        finally:
            connection.close()
    else:
        async with migrate.open_driver(url, 60) as driver, driver.transaction() as transaction:
            yield WatchedPostgres(transaction)


async def the_road(books: Books, now: datetime) -> Trade:
    """What an alert, its order and its fill ask of the books, and leave in them."""
    alert = an_alert(received_at=now, alert_time=now)
    number = await books.insert_alert(alert)
    assert number is not None
    assert await books.insert_alert(alert) is None
    assert await books.alert_by_key(alert.idempotency_key) == await books.alert(number)
    assert await books.alert_by_own_id("never sent") is None
    for text in (alert.payload_hash, "the same text each time: BUY AAPL"):
        await books.recent_alert(text, now - DAY)
    await books.recent_alerts([alert.payload_hash, "the same text each time: BUY AAPL"])
    await books.count_duplicate(number)
    await books.newest_alert_time("main", "AAPL", Side.SELL, now - DAY)
    await books.count_alerts("main", Side.BUY, now - DAY, up_to_id=number)
    await books.move_alert(number, (AlertStatus.RECEIVED,), AlertStatus.PROCESSING, None)
    trade = await books.trade(await a_trade(books, alert_id=number, created_at=now))
    assert trade is not None
    await books.save_trade(replace(trade, status=TradeStatus.SUBMITTED, ib_order_id=await books.last_order_id() + 1))
    await books.change_terms(trade.id, MARKET_DAY, trade.requested_qty)
    await books.decision(trade.id)
    await books.trade_by_ref(trade.order_ref)
    for fill in (an_execution("now.01"), an_execution("now.02", commission=Decimal(1))):
        await books.put_execution(trade.id, fill)
    await books.executions(trade.id)
    await books.executions_of([trade.id])
    await books.next_place("main", "AAPL")
    await books.newest_trade_id("ema", "AAPL")
    place = Place(trade.id, 0, trade.id)
    await books.trades_from("main", "AAPL", place, 100)
    await books.lots_open_before("main", "AAPL", place)
    for lot in (a_lot(trade.id, entry_time=now), a_lot(trade.id, qty=Decimal(9)), None):
        await books.rewrite_lots("main", "AAPL", [lot] if lot else [], closed_by=[trade.id])
    await books.rewrite_lots("main", "AAPL", [a_lot(trade.id, entry_time=now)], closed_by=[trade.id])
    await books.add_corporate_action(an_action(trade.id))
    await books.corporate_actions("main", "AAPL")
    await books.protection_of([trade.id])
    await books.trades_of_alert(number)
    return trade


async def again_and_again(books: Books, now: datetime, trade: Trade) -> None:
    """What the decision, the start, the jobs and the lists ask of all that is stored."""
    for ticker in (None, "AAPL"):
        assert len(await books.trades(UNRESOLVED, ticker=ticker)) == 1
        assert len(await books.lots(LotStatus.OPEN, ticker=ticker)) == 1
        await books.alerts(WAITING, ticker=ticker)
    await books.alerts((AlertStatus.RECEIVED,), strategy="ema")
    await books.count_waiting()
    await books.trades(tuple(AT_IB), since=now - DAY)
    await books.trades(since=now - DAY)
    assert len(await books.trades_since_or_ended(now - DAY / 2)) == 1
    assert len(await books.trades_ended_since("AAPL", now - DAY / 2)) == 1
    await books.executions_since(now - DAY)
    await books.lots(LotStatus.CLOSED, closed_since=now - DAY)
    await books.lots_of([trade.id])
    await books.orders_of_alerts([trade.alert_id])
    for strategy in (None, "main", "ema"):
        await books.newest_alerts(tuple(AlertStatus), 20, strategy=strategy)
        await books.search_alerts(tuple(AlertStatus), 1, strategy=None if strategy == "ema" else strategy)
        await books.search_alerts((AlertStatus.UNKNOWN,), 1, strategy=strategy)  # of which there is none
        await books.search_alerts(tuple(AlertStatus), 1000, received=(now - DAY, now + DAY), strategy=strategy)
    assert len(await books.newest_events(20)) == 20
    await books.settings()
    await books.setting_authors()
    await books.put_setting("a", "b", "bot", now)
    await books.forget_setting("a")
    await books.claim("a", "b", "bot", now)
    await books.was_claimed("a")
    await books.record_job("daily_report", now)
    assert set(await books.job_runs()) >= {"daily_report", "health_check"}
    await books.add_equity(Equity("DU1234567", now, Decimal(1), None, None, None))
    assert await books.equity("DU1234567", now - DAY)
    assert len(await books.newest_trades(20, before_id=None, strategy=None)) == 20
    await performance(books, now)
    await stocks(books)
    await programs(books, now)
    await the_outbox(books, now, trade)


async def performance(books: Books, now: datetime) -> None:
    """A page at a time, however long the history is."""
    await books.closed_lots(now - DAY, 0, 20)
    assert len(await books.sent_orders(now - DAY, 0, 20)) == 1
    await books.alert_outcomes("main", now - DAY, now)
    assert await books.first_equity("DU1234567")
    await books.put_daily_bars([DailyBar("SPY", now.date(), *4 * [Decimal(600)])])
    assert len(await books.daily_bars("SPY", now.date())) == 1


async def stocks(books: Books) -> None:
    """One row a stock that was ever looked up."""
    await books.put_industries({265598: "Technology"})
    assert await books.industries() == {265598: "Technology"}
    assert "AAPL" not in await books.tickers_without_industry()


async def programs(books: Books, now: datetime) -> None:
    """Each request of the API looks at its token and its key."""
    await books.add_token(ApiToken("one", "a phone", Scope.READ, now, "Ann", now + DAY))
    assert await books.token("one") in await books.tokens()
    assert await books.revoke_token("one", now)
    assert await books.begin_request(ApiRequest("key", "what was asked", now))
    await books.answer_request("key", 200, "{}")
    assert await books.request("key")
    assert await books.own_alerts() == []  # among many of senders


async def the_outbox(books: Books, now: datetime, trade: Trade) -> None:
    await books.serve_channels(["log"])
    assert [one.channel for one in await books.backlogs()] == ["log"]
    told = await books.add_event(NewEvent(every_kind()[EventKind.BUY_FILLED], now, trade.alert_id, trade.id))
    assert [event.id for event in await books.undelivered("log", 100)] == [told]
    await books.deliveries([told])
    await books.delivery_failed("log", [told], "it is away")
    assert await books.untold_since(["log"]) is None  # nothing critical waits
    assert len(await books.newest_deliveries(20)) == 20
    assert [event.id for event in await books.events_by_id([told])] == [told]
    lost = await books.add_event(NewEvent(every_kind()[EventKind.BUY_FILLED], now, trade.alert_id, trade.id))
    await books.give_up_delivery("log", [lost], "it does not take it")
    await books.serve_channels(["telegram"])
    await books.mark_delivered("telegram", [told], now)
    assert await books.events_since((EventKind.BUY_FILLED, EventKind.DAILY_REPORT), now - DAY / 2)
    assert await books.events_since((EventKind.DAILY_REPORT,), now - 30 * DAY) == []  # among many others
    await books.events(alert_id=trade.alert_id)
    await books.events(after_id=told - 1, limit=1)
    await books.prune(now - 10 * 365 * DAY, 500)
    await books.prune(now, 50)


async def costs(url: str, alerts: int) -> Mapping[str, int]:
    """Rows, or steps, that each statement looked at, with so many alerts stored."""
    now = datetime.now(UTC)
    await migrate.up(url)
    await two_years(url, alerts, now=now)
    async with watched(url) as transaction:
        books = SqlBooks(transaction)
        await again_and_again(books, now, await the_road(books, now))
        return transaction.looked_at


@pytest.fixture(params=["sqlite", "postgres"])
async def empty_urls(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_server: GivenServer | PostgresServer
) -> AsyncIterator[Sequence[str]]:
    """Two databases without tables, of one kind."""
    if request.param == "sqlite":
        yield [f"sqlite:///{tmp_path / name}.db" for name in ("few", "many")]
        return
    fresh = asynccontextmanager(fresh_database)
    async with fresh(postgres_server.url) as few, fresh(postgres_server.url) as many:
        yield [few, many]


async def test_no_statement_looks_at_more_rows_after_two_years(empty_urls: Sequence[str]) -> None:
    """Broken, an alert, a fill, a look every few seconds or the start gets slower with each month of trading."""
    few, many = [await costs(url, alerts) for url, alerts in zip(empty_urls, (FEW, MANY), strict=True)]
    assert NAMED.keys() - few.keys() == READ_WHOLE.keys() - {"prune_job_runs"}, "each has been run"
    grown = {name: (few[name], looked_at) for name, looked_at in many.items() if looked_at > few[name] * 1.5 + 20}
    assert grown.keys() <= READ_WHOLE.keys(), grown


@pytest.mark.parametrize("with_statistics", [False, True])
async def test_sqlite_scans_no_history(sqlite_url: str, *, with_statistics: bool) -> None:
    """Broken, SQLite reads a table from end to end; also where a tool has left statistics in the file, which lead it there."""
    await migrate.up(sqlite_url)
    await two_years(sqlite_url, MANY)
    if with_statistics:
        analyzed(sqlite_url.removeprefix("sqlite:///"))
    scans = {name: tables for name in NAMED if (tables := await _scanned_whole(sqlite_url, NAMED[name]))}
    assert scans.keys() - READ_WHOLE.keys() == READ_IN_ORDER.keys(), scans


async def _scanned_whole(url: str, sql: str) -> Collection[str]:
    """Tables that the plan of a statement reads from end to end. Which values it has makes no difference to SQLite."""
    text, _ = named_sql.spread(sql, {name: [""] * 3 for name in re.findall(r"(?:IN|VALUES) \(:(\w+)\)", sql)})
    values = dict.fromkeys(re.findall(r":(\w+)", text))
    aliases = {alias: table for table, alias in re.findall(r"(\w+) AS (\w+)", sql)}
    steps = [row["detail"].split() for row in await ask(url, f"EXPLAIN QUERY PLAN {text}", **values)]
    read = {aliases.get(step[1], step[1]) for step in steps if step[0] == "SCAN"}
    return read & set(HISTORIES)
