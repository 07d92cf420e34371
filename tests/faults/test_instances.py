"""Two daemons on one database: one trades; the other waits, or takes over; and who has lost the lock sends nothing."""

import asyncio
import json
import signal
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from tests.system.checker import check
from tests.system.harness import Daemon, Gateway, Process, running, until
from tradebot.domain.alerts import AlertStatus

STANDS_STILL_S = 60.0
TICKERS = ("AAPL", "MSFT", "NVDA", "AMZN", "GOOGL", "AMD", "INTC", "CSCO", "PEP", "PLTR", "JPM", "BAC")


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway.at(tmp_path / "gateway")


def two(tmp_path: Path, gateway: Gateway, database: str) -> tuple[Daemon, Daemon]:
    first, second = (Daemon.at(tmp_path / n, gateway=gateway, database__url=database) for n in ("first", "second"))
    second.arguments.append("--wait")
    return first, second


async def test_the_one_that_waits_takes_over(tmp_path: Path, gateway: Gateway, postgres_url: str) -> None:
    """Broken, `--wait` trades beside the holder, or never comes up when the holder is killed."""
    first, second = two(tmp_path, gateway, postgres_url)
    async with running(first, second, gateway):
        await gateway.ready()
        await first.ready()
        await second.start()
        alert = await first.alert("BUY", "AAPL")
        await first.ended(alert)
        assert await second.health() is None, "the second listens beside the first"
        await gateway.fault("slow_fill", delay_s=1.5)
        working = await first.alert("BUY", "MSFT")
        await until(gateway.working, "the order at the gateway")
        await first.kill()
        await second.well()
        sold = await second.alert("SELL", "AAPL")
        books = await second.ended(working, sold)
        assert {books.alerts[one].status for one in (alert, working, sold)} == {AlertStatus.EXECUTED}
        await check(books, gateway, acknowledged=[alert, working, sold])


async def test_a_drill_measures_the_take_over(tmp_path: Path, gateway: Gateway, postgres_url: str) -> None:
    """Broken, alerts are lost or traded twice while a standby takes over; or the owner is told a time that was not measured."""
    first, second = two(tmp_path, gateway, postgres_url)
    for one in (first, second):
        one.env["TRADEBOT_TRADING__REPEAT_WINDOW_S"] = "0"
    drill = Process(["drill", "--json"], tmp_path / "second", second.env, "drill")
    answered: list[int] = []

    async def feed() -> None:
        """As a proxy with both of them behind it, and TradingView before it, which sends again."""
        for number in count(1):
            send = partial(_taken, first, second, TICKERS[number % len(TICKERS)], f"fed-{number}")
            answered.append(await until(send, f"alert {number} to be taken"))
            await asyncio.sleep(0.05)

    async with running(first, second, drill, gateway):
        await gateway.ready()
        await first.ready()
        alone, _ = await first.command("drill")
        await second.start()
        await until(_said(second, "waiting until the other instance ends"), "the second to wait")
        await drill.start()
        await until(lambda: _watched(postgres_url), "the drill to watch")
        feeding = asyncio.create_task(feed())
        await until(_more_than(answered, 3), "alerts to be taken by the first")
        await first.kill()
        taken_over = len(answered)
        assert drill.running is not None
        assert await asyncio.wait_for(drill.running.wait(), 120) == 0, drill.output
        await until(_more_than(answered, taken_over + 3), "alerts to be taken by the second")
        feeding.cancel()
        told = json.loads(drill.output)
        assert alone == 1, "without one that waits there is nothing to measure"
        assert told["taken_over"], told
        assert [moment["kind"] for moment in told["moments"]][:2] == ["freed", "taken"]
        assert {moment["kind"] for moment in told["moments"]} == {"freed", "taken", "started", "gate_opened"}
        assert told["nobody_traded_s"] == max(moment["after_s"] for moment in told["moments"])
        assert told["before"] != told["after"]
        _, status = await second.command("status")
        assert f"process {second.running.pid if second.running else 0}, since " in status, status
        books = await second.ended(*answered)
        orders = {trade.alert_id for trade in books.trades}
        assert orders & set(answered[:taken_over]), "orders of the first"
        assert orders & set(answered[taken_over:]), "orders of the second"
        await check(books, gateway, acknowledged=answered)


def _said(daemon: Daemon, words: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return words in daemon.output

    return look


def _more_than(answered: list[int], number: int) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return len(answered) > number

    return look


async def _taken(first: Daemon, second: Daemon, ticker: str, own_id: str) -> int | None:
    """The alert's number where one of them answered it with 200."""
    for one in (first, second):
        try:
            status, body = await one.post(action="BUY", ticker=ticker, alert_id=own_id)
        except aiohttp.ClientError:
            continue
        if status == 200:
            return int(body["alert_id"])
    return None


async def _watched(database: str) -> bool:
    connection = await asyncpg.connect(database)
    try:
        look = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tradebot drill' AND state = 'idle'"
        return bool(await connection.fetchval(look))
    finally:
        await connection.close()


@pytest.mark.timeout(300)
async def test_a_frozen_one_whose_lock_is_gone_sends_nothing(tmp_path: Path, postgres_url: str) -> None:
    """Broken, a daemon that stood still, and was replaced meanwhile, goes on trading beside its successor."""
    sqlite = tmp_path / "sqlite"
    sqlite.mkdir()
    await asyncio.gather(  # each stands still for a minute
        _frozen_and_replaced(sqlite, f"sqlite:///{sqlite}/shared.db"),
        _frozen_and_replaced(tmp_path / "postgres", postgres_url),
    )


async def _frozen_and_replaced(folder: Path, database: str) -> None:
    gateway = Gateway.at(folder / "gateway")
    first, second = two(folder, gateway, database)
    async with running(first, second, gateway):
        await gateway.ready()
        await first.ready()
        await until(lambda: _frozen(first), "a moment in which the first may stand still")
        assert first.running is not None
        frozen_at = time.monotonic()
        waiting = asyncio.create_task(_post(first))  # the first thing it will see when it goes on
        await _take_lock_away(database)
        await asyncio.sleep(STANDS_STILL_S - 8)  # the time it stands still is what is tried
        await second.start()
        await second.listening()  # it trades when the gateway has let go of the first
        await asyncio.sleep(frozen_at + STANDS_STILL_S - time.monotonic())
        first.running.send_signal(signal.SIGCONT)
        assert await asyncio.wait_for(first.running.wait(), 120) == 1, first.output
        assert "lock" in first.output.splitlines()[-1], first.output
        assert " sent: " not in first.output, "it has sent an order"
        if not await waiting:
            await second.alert("BUY", "AAPL", alert_id="the one")
        await second.well()
        books = await second.ended(*(await second.books()).alerts)
        [alert] = books.alerts.values()
        assert alert.status is AlertStatus.EXECUTED, alert
        await check(books, gateway, acknowledged=[alert.id])


async def _frozen(daemon: Daemon) -> bool:
    """Whether it stands still now, and not in the midst of a transaction: who holds locks is no one to take over from."""
    assert daemon.running is not None
    daemon.running.send_signal(signal.SIGSTOP)
    if await _nobody_writes(daemon.database):
        return True
    daemon.running.send_signal(signal.SIGCONT)
    return False


async def _nobody_writes(database: str) -> bool:
    if database.startswith("sqlite"):
        return await asyncio.to_thread(_takes_a_writer, database.removeprefix("sqlite:///"))
    connection = await asyncpg.connect(database)
    try:
        busy = "datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
        return not await connection.fetchval(f"SELECT count(*) FROM pg_stat_activity WHERE {busy}")
    finally:
        await connection.close()


def _takes_a_writer(path: str) -> bool:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True


async def _post(daemon: Daemon) -> bool:
    """Whether the alert was answered with 200."""
    try:
        status, _ = await daemon.post(action="BUY", ticker="AAPL", alert_id="the one")
    except aiohttp.ClientError:
        return False
    return status == 200


async def _take_lock_away(database: str) -> None:
    """As an owner does who clears up what he takes for dead, or a server that has lost its client."""
    if database.startswith("sqlite"):
        path = Path(database.removeprefix("sqlite:///"))
        await asyncio.to_thread(path.with_name(path.name + ".lock").unlink)
        return
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'tradebot instance lock' AND datname = current_database()"
        )
    finally:
        await connection.close()


async def test_a_lost_advisory_lock_ends_the_daemon(tmp_path: Path, gateway: Gateway, postgres_url: str) -> None:
    """Broken, a daemon whose lock the server has dropped trades on, with no fence against a second one."""
    daemon = Daemon.at(tmp_path, gateway=gateway, database__url=postgres_url)
    async with running(daemon, gateway):
        await gateway.ready()
        await daemon.ready()
        await _take_lock_away(postgres_url)
        assert daemon.running is not None
        assert await asyncio.wait_for(daemon.running.wait(), 120) == 1, daemon.output
        assert "lock on the database is gone" in daemon.output, daemon.output
        assert "Traceback" not in daemon.output, daemon.output
        await daemon.ready()
        alert = await daemon.alert("BUY", "AAPL")
        await check(await daemon.ended(alert), gateway, acknowledged=[alert])
