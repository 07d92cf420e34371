"""From alert to fill, the daemon as a process: on embedded defaults, and on PostgreSQL, Redis and a stand-alone gateway."""

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.system.checker import check
from tests.system.harness import SECRET, Daemon, Gateway, running
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.lots import LotStatus
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import TradeStatus


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway.at(tmp_path / "gateway")


async def test_embedded_buy_restart_sell(tmp_path: Path) -> None:
    """Broken, a new user's first session fails: buy, restart, sell with a P&L, without any configuration."""
    daemon = Daemon.at(tmp_path)
    async with running(daemon):
        await daemon.ready()
        code, said = await daemon.command("alert", "BUY", "AAPL")
        assert (code, "FILLED: BUY" in said) == (0, True), said
        assert await daemon.stop() == 0, daemon.output
        await daemon.ready()
        code, said = await daemon.command("alert", "sell", "NASDAQ:AAPL")
        assert (code, "FILLED: SELL" in said, "P&L" in said) == (0, True, True), said
        books = await daemon.books()
        [lot] = books.lots
        assert (lot.status, lot.pnl is not None) == (LotStatus.CLOSED, True)
        assert await daemon.stop() == 0, daemon.output
        assert SECRET not in daemon.output


async def test_servers_and_stand_alone_gateway(
    tmp_path: Path, gateway: Gateway, postgres_url: str, redis_url: str
) -> None:
    """Broken, the same session does not pass with PostgreSQL, Redis and a gateway of its own."""
    daemon = Daemon.at(tmp_path, gateway=gateway, database__url=postgres_url, queue__url=redis_url)
    async with running(daemon, gateway):
        await gateway.ready()
        await daemon.ready()
        body = {"price": "227.10", "time": "2026-11-20T15:04:05Z"}
        bought = await daemon.alert("BUY", "AAPL", **body)
        await daemon.ended(bought)
        await daemon.kill()
        await daemon.ready()
        sold = await daemon.alert("SELL", "AAPL", **body)
        books = await daemon.ended(sold)
        assert [books.alerts[one].status for one in (bought, sold)] == [AlertStatus.EXECUTED] * 2
        await check(books, gateway)


async def test_a_hundred_buys_with_room_for_three(tmp_path: Path, gateway: Gateway) -> None:
    """Broken, a burst buys more than the limits allow."""
    tickers = ["AAPL", "MSFT", "TSLA", "NVDA", "AMZN"]
    settings = {"trading__defaults__max_open_positions": "3", "trading__repeat_window_s": "0"}
    daemon = Daemon.at(tmp_path, gateway=gateway, **settings)
    async with running(daemon, gateway):
        await gateway.ready()
        await daemon.ready()
        ids = await asyncio.gather(*(daemon.alert("BUY", tickers[n % 5], alert_id=f"burst-{n}") for n in range(100)))
        books = await daemon.ended(*ids)
        assert len(await gateway.received()) == 3
        assert sum(alert.status is AlertStatus.EXECUTED for alert in books.alerts.values()) == 3
        assert sum(alert.status is AlertStatus.BLOCKED for alert in books.alerts.values()) == 97
        await check(books, gateway)


async def test_flushed_redis_loses_nothing(tmp_path: Path, gateway: Gateway, redis_url: str) -> None:
    """Broken, FLUSHALL while alerts wait loses an acknowledged alert."""
    daemon = Daemon.at(tmp_path, gateway=gateway, queue__url=redis_url, trading__repeat_window_s="0")
    async with running(daemon, gateway):
        await daemon.start()  # no gateway yet: alerts are stored and wait
        await daemon.listening()
        ids = [await daemon.alert("BUY", ticker) for ticker in ("AAPL", "MSFT", "TSLA")]
        async with Redis.from_url(redis_url) as redis:
            await redis.flushall()
        await gateway.ready()
        books = await daemon.ended(*ids)
        assert {books.alerts[one].status for one in ids} == {AlertStatus.EXECUTED}
        await check(books, gateway)


async def test_kill_from_another_process(tmp_path: Path, gateway: Gateway) -> None:
    """Broken, `tradebot kill` needs more than the database, leaves orders working, or lets one through."""
    daemon = Daemon.at(tmp_path, gateway=gateway)
    async with running(daemon, gateway):
        await gateway.ready()
        await daemon.ready()
        await gateway.fault("hold", symbol="AAPL")
        held = await daemon.alert("BUY", "AAPL")
        code, said = await daemon.command("kill")
        assert (code, "The daemon confirms" in said) == (0, True), said
        blocked = await daemon.alert("BUY", "MSFT")
        books = await daemon.ended(held, blocked)
        assert books.trade_of(held).status is TradeStatus.CANCELLED
        assert books.alerts[blocked].status is AlertStatus.BLOCKED
        code, said = await daemon.command("resume")
        assert (code, "Say what to resume" in said) == (2, True), said
        code, said = await daemon.command("resume", "--everything")
        assert code == 0, said
        again = await daemon.alert("BUY", "MSFT", alert_id="after resume")
        books = await daemon.ended(again)
        assert books.alerts[again].status is AlertStatus.EXECUTED
        code, said = await daemon.command("status")
        assert (code, TradingState.RUNNING in said, "MSFT" in said) == (0, True, True), said
        await check(books, gateway)


async def test_second_instance_is_refused(tmp_path: Path) -> None:
    """Broken, two daemons trade on one database."""
    first = Daemon.at(tmp_path)
    async with running(first):
        await first.ready()
        code, said = await first.command("run")
        assert code == 1, said
        assert "another instance already trades with this database" in said, said
        assert "Traceback" not in said


async def test_stop_while_orders_work(tmp_path: Path) -> None:
    """Broken, a stop in the middle of a burst, with orders that fill in pieces, loses an alert or sends one twice."""
    gateway = Gateway.at(tmp_path / "gateway", realistic=True)
    daemon = Daemon.at(tmp_path, gateway=gateway, trading__repeat_window_s="0")
    async with running(daemon, gateway):
        await gateway.ready()
        await daemon.ready()
        tickers = ["AAPL", "MSFT", "TSLA", "NVDA", "AMZN", "WMT", "KO", "JPM"]
        ids = await asyncio.gather(*(daemon.alert("BUY", ticker) for ticker in tickers))
        assert await daemon.stop() == 0, daemon.output
        await daemon.ready()
        books = await daemon.ended(*ids)
        assert {books.alerts[one].status for one in ids} == {AlertStatus.EXECUTED}
        assert {tuple(order["faults"]) for order in await gateway.orders()} == {("natural",)}
        await check(books, gateway)
