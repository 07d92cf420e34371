"""A database that 0.1.0 filled, under the daemon of today: it upgrades by itself, trades on with it, and loses nothing."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.adapters.database import release
from tests.botapi import CHAT, OWNER, TOKEN, bot_api
from tests.system.checker import check
from tests.system.harness import Daemon, Gateway, running, until
from tradebot.database import migrate
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.lots import LotStatus
from tradebot.domain.trades import TradeStatus

KEPT = ("id", "at", "kind", "text", "alert_id", "trade_id", "actor")


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway.at(tmp_path / "gateway")


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    file = f"sqlite:///{tmp_path}/data/tradebot.db"
    return file if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


async def test_trading_goes_on_with_the_books_of_before(tmp_path: Path, gateway: Gateway, url: str) -> None:
    """Broken, an upgrade loses shares, orders or words, resends an old order, or cannot be taken back."""
    await release.restore(url)
    release.restore_gateway(url, gateway.folder / "gateway.jsonl")
    before = await release.content(url)
    waited = [row for row in before["event"] if row["delivered_at"] is None]
    async with bot_api() as api:
        telegram = {"bot_token": TOKEN, "chat_id": str(CHAT["id"]), "user_ids": str(OWNER["id"]), "api_url": api.url}
        daemon = Daemon.at(
            tmp_path,
            gateway=gateway,
            database__url=url,
            **{f"telegram__{key}": value for key, value in telegram.items()},
        )
        async with running(daemon, gateway):
            await gateway.ready()
            ordered = len(await gateway.received())
            await daemon.ready()
            # what waited when 0.1.0 ended: no entry is traded so late, the exit is; its last words are told, once
            stale = [row["id"] for row in before["alert_log"] if row["status"] in ("RECEIVED", "PENDING")]
            books = await daemon.ended(*stale)
            ends = {books.alerts[one].ticker: books.alerts[one].status for one in stale}
            assert {name: ends[name] for name in ("BAC", "PFE", "DIS")} == {
                "BAC": AlertStatus.EXPIRED, "PFE": AlertStatus.BLOCKED, "DIS": AlertStatus.EXECUTED
            }  # fmt: skip
            await until(lambda: _all_told(daemon), "what waited to be told")
            told = [sent.text for sent in api.sent]
            assert sum("Alert not understood" in text for text in told) == 1
            assert sum("changed by command line" in text for text in told) == 1
            # the state and the limits of before are in force
            assert books.alerts[20].status is AlertStatus.UNKNOWN
            await api.ask("/settings", "$750.00")
            await api.ask("/resume", "RUNNING", update_id=2000)  # lower ones were acted on before the upgrade
            # an old lot is sold, another one bought
            held = [lot for lot in books.lots if lot.status is LotStatus.OPEN and lot.ticker == "KO"]
            assert sum(lot.qty for lot in held) == 6
            sold = await daemon.alert("SELL", "KO", alert_id="after the upgrade 1")
            bought = await daemon.alert("BUY", "AAPL", alert_id="after the upgrade 2")
            again = await daemon.alert("BUY", "KO", alert_id="ko 1")
            books = await daemon.ended(sold, bought)
            assert again == 8, "an alert of the time before is known"
            assert [books.trade_of(one).status for one in (sold, bought)] == [TradeStatus.FILLED] * 2
            assert books.trade_of(sold).filled_qty == 6
            assert books.trade_of(bought).reserved > 500, "the limit that the owner set"
            assert len(await gateway.received()) == ordered + 3
            await check(books, gateway)
            await until(lambda: _all_told(daemon), "every event to be delivered")
            assert await daemon.stop() == 0, daemon.output
            assert "Traceback" not in daemon.output, daemon.output
    await migrate.down(url, steps=4)
    after = await release.content(url)
    shares = {row["opening_trade_id"]: _shares(after, row["opening_trade_id"]) for row in before["position"]}
    assert shares == {trade: _shares(before, trade) for trade in shares}, (
        "a lot that is sold is another row, of as many shares"
    )
    for table in ("alert_log", "trade", "execution", "event", "job_run"):
        assert {row[_key(table)] for row in before[table]} <= {row[_key(table)] for row in after[table]}, table
    now = {row["id"]: row for row in after["event"]}
    assert all([now[row["id"]][name] for name in KEPT] == [row[name] for name in KEPT] for row in before["event"])
    assert all(now[row["id"]]["delivered_at"] is not None for row in waited)


async def _all_told(daemon: Daemon) -> bool:
    return not (await daemon.books()).untold


def _shares(rows: release.Rows, opening: int) -> Decimal:
    return sum((Decimal(row["qty"]) for row in rows["position"] if row["opening_trade_id"] == opening), Decimal(0))


def _key(table: str) -> str:
    return {"execution": "root", "job_run": "job"}.get(table, "id")
