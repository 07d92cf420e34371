"""A backup made while alerts are traded, kill -9, the backup restored, and the daemon started on it: what differs is found."""

import asyncio
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from tests.backup.conftest import programs  # noqa: F401  # a fixture
from tests.system.harness import Daemon, Gateway, running, until
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.events import EventKind
from tradebot.domain.lots import LotStatus

TICKERS = ("MSFT", "TSLA", "NVDA", "AMZN", "KO")


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway.at(tmp_path / "gateway")


@pytest.fixture(params=["sqlite", "postgres"])
def daemon(request: pytest.FixtureRequest, tmp_path: Path, gateway: Gateway) -> Daemon:
    if request.param == "sqlite":
        return Daemon.at(tmp_path, gateway=gateway)
    request.getfixturevalue("programs")
    return Daemon.at(tmp_path, gateway=gateway, database__url=request.getfixturevalue("postgres_url"))


async def test_restored_after_a_kill_under_alerts(daemon: Daemon, gateway: Gateway, tmp_path: Path) -> None:
    """Broken, a backup under load is torn, or restored books send an order again or sell what was sold since."""
    async with running(daemon, gateway):
        await gateway.ready()
        await daemon.ready()
        kept, gone = await daemon.alert("BUY", "AAPL"), await daemon.alert("BUY", "DIS")
        dis = (await daemon.ended(kept, gone)).trade_of(gone).filled_qty
        stream = asyncio.gather(*(daemon.alert("BUY", ticker) for ticker in TICKERS))
        code, said = await daemon.command("backup", str(tmp_path / "backups"))
        assert code == 0, said
        later = await stream
        await daemon.ended(*later, await daemon.alert("SELL", "DIS"))
        (file,) = (tmp_path / "backups").iterdir()
        code, said = await daemon.command("restore", str(file), "--yes")
        assert (code, "another instance already trades with this database" in said) == (1, True), said
        await daemon.kill()
        before = {symbol: await gateway.position(symbol) for symbol in ("AAPL", "DIS", *TICKERS)}
        ordered = len(await gateway.received())

        code, said = await daemon.command("restore", str(file), "--yes")
        assert code == 0, said
        assert f"DIS: the books hold 0 now and {dis} afterwards: {dis} will be a mismatch." in said
        await daemon.start()

        async def told() -> bool:
            return any(event.kind is EventKind.ORPHAN_ORDER for event in (await daemon.books()).events)

        await until(told, "the orders that the restored books do not know")
        restored = await daemon.books()
        assert len(await gateway.received()) == ordered, "nothing is sent by a restore"
        assert AlertStatus.RECEIVED not in {alert.status for alert in restored.alerts.values()}
        held = {lot.ticker: lot.qty for lot in restored.lots if lot.status is LotStatus.OPEN}
        assert (held["AAPL"], held["DIS"]) == (Decimal(before["AAPL"]), dis), "what was held when the backup was made"

        code, said = await daemon.command("resume")
        assert code == 0, said
        await daemon.well()
        sells = {ticker: await daemon.alert("SELL", ticker, alert_id=f"after {ticker}") for ticker in ("AAPL", "DIS")}
        books = await daemon.ended(*sells.values())
        assert books.alerts[sells["AAPL"]].status is AlertStatus.EXECUTED
        assert books.alerts[sells["DIS"]].status is not AlertStatus.EXECUTED, "sold already, after the backup"
        orders = await gateway.received()
        assert [order["symbol"] for order in orders[ordered:]] == ["AAPL"]
        assert set(Counter(order["orderRef"] for order in orders).values()) == {1}
        assert await gateway.position("DIS") == "0"
