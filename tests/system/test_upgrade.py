"""Databases of older releases under the daemon of today: it upgrades by itself, trades on with them, and loses nothing."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.adapters.database import release
from tests.botapi import CHAT, OWNER, TOKEN, bot_api
from tests.system.checker import check
from tests.system.harness import Daemon, Gateway, running, until
from tests.system.protected import settled
from tradebot.database import migrate
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.lots import LotStatus
from tradebot.domain.trades import TradeStatus
from tradebot.errors import MigrationError

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
            assert sum("An alert was not understood" in text for text in told) == 1
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
    await migrate.down(url, steps=9)
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


BRACKETS = """
[strategies.main]
stop_loss = "5%"
take_profit = "10%"

[strategies.ema]
sizing = "alert"
exit_size = "alert"
orders = "alert"
exits = "alert"
"""


async def test_brackets_beside_the_lots_of_before(tmp_path: Path, gateway: Gateway, url: str) -> None:
    """Who has bought with 0.4.0: a stop of now sells those shares, an exit leaves some, or what waited is done twice."""
    await release.restore(url, "0.4.0")
    release.restore_gateway(url, gateway.folder / "gateway.jsonl", "0.4.0")
    before = await release.content(url, release.TABLES_OF_0_4)
    (tmp_path / "config.toml").write_text(BRACKETS)
    daemon = Daemon.at(tmp_path, gateway=gateway, trading__repeat_window_s="0", database__url=url)
    async with running(daemon, gateway):
        await gateway.ready()
        for ticker in ("AAPL", "TSLA"):
            await _costs(gateway, ticker, "100")
        await daemon.ready()
        await _what_waited_is_done(daemon, gateway, before)
        await _a_stop_leaves_the_old_lot(daemon, gateway)
        await _an_exit_sells_old_and_new(daemon, gateway)
        books = await settled(daemon, gateway)
        await check(books, gateway, owners={"IBM": 3})
        assert await daemon.stop() == 0, daemon.output
        assert "Traceback" not in daemon.output, daemon.output
    after = await release.content(url, release.TABLES_OF_0_4)
    for table in ("alert_log", "trade", "execution", "event", "corporate_action"):
        assert {row[_key(table)] for row in before[table]} <= {row[_key(table)] for row in after[table]}, table
    with pytest.raises(MigrationError, match="there are stops or targets"):
        await migrate.down(url, steps=6)


async def _what_waited_is_done(daemon: Daemon, gateway: Gateway, before: release.Rows) -> None:
    """Nothing is traded days after its open, an exit that was not judged yet is; the one at work is booked; the pause holds."""
    waited = {row["id"]: row for row in before["alert_log"] if row["status"] in ("RECEIVED", "PENDING")}
    books = await daemon.ended(*waited)
    ends = {f"{row['action']} {row['ticker']}": books.alerts[number].status for number, row in waited.items()}
    assert ends.pop("SELL KO") is AlertStatus.EXECUTED
    assert set(ends) == {"BUY BAC", "BUY PFE", "SELL AAPL"}
    assert set(ends.values()) <= {AlertStatus.EXPIRED, AlertStatus.BLOCKED}, ends
    assert (books.held("main", "KO"), books.held("ema", "AAPL"), books.held("main", "AAPL")) == (0, 11, 2)
    [at_work] = [one for one in await gateway.orders() if one["symbol"] == "NVDA" and one["status"] == "Submitted"]
    await gateway.control("POST", f"/orders/{at_work['perm_id']}/fill")

    async def booked() -> bool:
        return (await daemon.books()).held("ema", "NVDA") == 0

    await until(booked, "the exit at work")
    paused = await daemon.alert("BUY", "AAPL", alert_id="while paused", strategy="ema", quantity="1")
    assert (await daemon.ended(paused)).alerts[paused].status is AlertStatus.BLOCKED
    code, said = await daemon.command("resume", "--strategy", "ema")
    assert code == 0, said


async def _a_stop_leaves_the_old_lot(daemon: Daemon, gateway: Gateway) -> None:
    bought = await daemon.alert("BUY", "AAPL", alert_id="with a stop")
    books = await daemon.ended(bought)
    assert books.held("main", "AAPL") == 2 + 7, "of the owner's 750 USD"
    await _works(gateway, "AAPL", ["LMT 7", "STP 7"])
    await _costs(gateway, "AAPL", "94.50")
    await _works(gateway, "AAPL", [])

    async def booked() -> bool:
        return (await daemon.books()).held("main", "AAPL") == 2

    await until(booked, "the stop")
    books = await daemon.books()
    [old] = [lot for lot in books.lots if (lot.strategy, lot.ticker, lot.status) == ("main", "AAPL", LotStatus.OPEN)]
    assert old.opening_trade_id < min(trade.id for trade in books.trades if trade.alert_id == bought)
    [sold] = [lot for lot in books.lots if lot.closing_trade_id and lot.opening_trade_id > old.opening_trade_id
              and (lot.strategy, lot.ticker) == ("main", "AAPL")]  # fmt: skip
    assert (sold.qty, sold.exit_price) == (7, Decimal("94.49"))


async def _an_exit_sells_old_and_new(daemon: Daemon, gateway: Gateway) -> None:
    """TSLA was split under 0.4.0: eight shares of fifteen are left to ema, and six are main's."""
    bought = await daemon.alert("BUY", "TSLA", alert_id="beside a split", strategy="ema", quantity="4", stop_loss="5%")
    await daemon.ended(bought)
    await _works(gateway, "TSLA", ["STP 4"])
    sold = await daemon.alert("SELL", "TSLA", alert_id="old and new", strategy="ema")
    books = await daemon.ended(sold)
    assert books.alerts[sold].status is AlertStatus.EXECUTED
    assert [one.filled_qty for one in books.trades if one.alert_id == sold and one.filled_qty] == [12]
    assert (books.held("ema", "TSLA"), books.held("main", "TSLA")) == (0, 6)
    await _works(gateway, "TSLA", [])


async def _works(gateway: Gateway, ticker: str, wanted: list[str]) -> None:
    async def so() -> bool:
        live = [
            one for one in await gateway.orders() if one["status"] in ("PreSubmitted", "Submitted", "PendingCancel")
        ]
        return sorted(f"{one['order_type']} {one['quantity']}" for one in live if one["symbol"] == ticker) == wanted

    await until(so, f"{wanted} of {ticker} at work")


async def _costs(gateway: Gateway, ticker: str, ask: str) -> None:
    await gateway.control("POST", "/quotes", symbol=ticker, bid=str(Decimal(ask) - Decimal("0.01")), ask=ask, last=ask)


async def _all_told(daemon: Daemon) -> bool:
    return not (await daemon.books()).untold


def _shares(rows: release.Rows, opening: int) -> Decimal:
    return sum((Decimal(row["qty"]) for row in rows["position"] if row["opening_trade_id"] == opening), Decimal(0))


def _key(table: str) -> str:
    return {"execution": "root", "job_run": "job"}.get(table, "id")
