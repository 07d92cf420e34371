"""kill -9, lost connections and a gateway that swallows answers: one order an alert, and true books, whatever happens between."""

import asyncio
from pathlib import Path

import pytest

from tests.system.checker import check
from tests.system.harness import Daemon, Gateway, running, until
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.trades import TradeStatus


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway.at(tmp_path / "gateway")


@pytest.fixture(params=["sqlite", "postgres"])
def daemon(request: pytest.FixtureRequest, tmp_path: Path, gateway: Gateway) -> Daemon:
    if request.param == "sqlite":
        return Daemon.at(tmp_path, gateway=gateway)
    return Daemon.at(tmp_path, gateway=gateway, database__url=request.getfixturevalue("postgres_url"))


async def working(gateway: Gateway) -> bool:
    return any(order["status"] not in ("Filled", "Cancelled") for order in await gateway.orders())


async def test_killed_while_the_order_works(daemon: Daemon, gateway: Gateway) -> None:
    """Broken, a kill -9 between intent and fill ends with a second order or with books that miss the fill."""
    async with running(daemon, gateway):
        await gateway.ready()
        await daemon.ready()
        await gateway.fault("slow_fill", delay_s=2.0)
        alert = await daemon.alert("BUY", "AAPL")
        await until(lambda: working(gateway), "the order at the gateway")
        await daemon.kill()
        await daemon.ready()
        books = await daemon.ended(alert)
        assert books.trade_of(alert).status is TradeStatus.FILLED
        await check(books, gateway)


async def test_filled_while_down(daemon: Daemon, gateway: Gateway) -> None:
    """Broken, a fill that came while the bot was dead is not booked, or its SELL finds nothing to sell."""
    async with running(daemon, gateway):
        await gateway.ready()
        await daemon.ready()
        await gateway.fault("slow_fill", delay_s=1.0)
        alert = await daemon.alert("BUY", "AAPL")
        await until(lambda: working(gateway), "the order at the gateway")
        await daemon.kill()

        async def filled() -> bool:
            return not await working(gateway)

        await until(filled, "the fill while the daemon is down")
        await daemon.ready()
        sell = await daemon.alert("SELL", "AAPL")
        books = await daemon.ended(alert, sell)
        assert [books.trade_of(one).status for one in (alert, sell)] == [TradeStatus.FILLED] * 2
        await check(books, gateway)


@pytest.mark.parametrize(
    ("fault", "parameters", "status"),
    [
        ("drop_before", {}, TradeStatus.FAILED),
        ("drop_after", {"filled": True}, TradeStatus.FILLED),
        ("drop_after", {"filled": False}, TradeStatus.CANCELLED),  # adopted, overdue, cancelled
    ],
)
async def test_connection_lost_around_the_order(
    tmp_path: Path, gateway: Gateway, fault: str, parameters: dict[str, object], status: TradeStatus
) -> None:
    """Broken, an order whose answer was lost is sent again, or its fill is missed."""
    daemon = Daemon.at(tmp_path, gateway=gateway, trading__order_timeout_s="2")
    async with running(daemon, gateway):
        await gateway.ready()
        await daemon.ready()
        await gateway.fault(fault, **parameters)
        alert = await daemon.alert("BUY", "AAPL")
        books = await daemon.ended(alert)
        assert books.trade_of(alert).status is status, daemon.output[-2000:]
        await check(books, gateway)


async def test_gateway_killed_and_back(tmp_path: Path, gateway: Gateway) -> None:
    """Broken, a gateway restart in the middle of an order loses it, and alerts taken meanwhile do not go on by themselves."""
    daemon = Daemon.at(tmp_path, gateway=gateway)
    async with running(daemon, gateway):
        await gateway.ready()
        await daemon.ready()
        await gateway.fault("slow_fill", delay_s=1.0)
        first = await daemon.alert("BUY", "AAPL")
        await until(lambda: working(gateway), "the order at the gateway")
        await gateway.kill()
        second = await daemon.alert("BUY", "MSFT")
        await gateway.ready()
        books = await daemon.ended(first, second)
        assert [books.alerts[one].status for one in (first, second)] == [AlertStatus.EXECUTED] * 2
        await check(books, gateway)


async def test_killed_at_random_under_load(daemon: Daemon, gateway: Gateway) -> None:
    """Broken, some instant of the road loses an alert or doubles an order when the process is killed there."""
    tickers = ["AAPL", "MSFT", "TSLA", "NVDA", "AMZN", "META", "KO", "JPM", "WMT", "DIS"]
    async with running(daemon, gateway):
        await gateway.ready()
        ids: list[int] = []
        for life in range(4):
            await daemon.ready()
            sent = asyncio.gather(*(daemon.alert("BUY", ticker, alert_id=f"{life}-{ticker}") for ticker in tickers))
            await until(gateway.received, "a first order")
            ids += await sent
            await asyncio.sleep(0.11 * life)
            await daemon.kill()
        await daemon.ready()
        books = await daemon.ended(*ids)
        assert AlertStatus.UNKNOWN not in {alert.status for alert in books.alerts.values()}
        await check(books, gateway)
