"""`tradebot trace`: what became of an alert, as the real bot has stored and logged it over a simulated gateway's socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.broker.helpers import broker_for
from tests.bot import Bot, Setup
from tests.cli.conftest import Type
from tests.cli.shell import Ran
from tradebot.database import migrate, open_ledger
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.gate import GateCode, GateReason
from tradebot.domain.limits import Limits
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.risk import BUY_POLICY
from tradebot.domain.trades import TradeStatus
from tradebot.simgateway import Gateway, GatewaySettings, open_gateway

BODY = b'{"secret": "***", "action": "BUY", "ticker": "NASDAQ:AAPL", "price": "227.00", "alert_id": "mine"}'
FIELDS = {"action": "BUY", "ticker": "NASDAQ:AAPL", "price": "227.00", "alert_id": "mine"}


@dataclass(frozen=True)
class There:
    """A bot at a simulated gateway, and the command line beside it."""

    bot: Bot
    gateway: Gateway
    type: Type
    log_folder: Path

    async def typed(self, *line: str) -> Ran:
        """The command in a thread, for it has an event loop of its own."""
        return await asyncio.to_thread(self.type, *line, database__url=self.bot.url, log__dir=str(self.log_folder))

    async def has_sent(self) -> bool:
        """Whether an order has left, as the log has it."""
        return " sent: " in (self.log_folder / "tradebot.jsonl").read_text("utf-8")

    async def json(self, *line: str) -> Any:
        ran = await self.typed(*line, "--json")
        assert (ran.code, ran.err) == (0, ""), ran.all
        return json.loads(ran.out)


ON_EITHER = pytest.mark.parametrize("url", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if getattr(request, "param", "sqlite") == "sqlite":
        return f"sqlite:///{tmp_path}/books.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def there(url: str, typed: Type, log_folder: Path) -> AsyncIterator[There]:
    await migrate.up(url)
    held = GatewaySettings(port=0, moving=False, fill_latency_s=0, positions=(("MSFT", Decimal(5), Decimal(100)),))
    async with open_gateway(held) as gateway, broker_for(gateway.port) as broker, open_ledger(url) as ledger:
        bot = Bot(ledger, url, Setup(start=datetime.now(UTC), limits=Limits(max_per_ticker=1)), broker)
        await bot.start(connected=False)
        await bot.is_open()
        yield There(bot, gateway, typed, log_folder)
        await bot.stop()


@ON_EITHER
async def test_a_filled_buy_and_a_refused_one(there: There) -> None:
    """The owner asks why, and is not told what was checked, what IB quoted, what filled, and how long each step took."""
    bot = there.bot
    accepted = await bot.intake.accept(FIELDS, BODY, "52.89.214.238")
    await bot.becomes(accepted.alert_id, AlertStatus.EXECUTED)
    trade = await bot.trade_of(accepted.alert_id)
    page = await there.typed("trace", str(accepted.alert_id))
    for words in (
        f"Alert {accepted.alert_id}: BUY AAPL, EXECUTED",
        "from 52.89.214.238",
        f"as it came {BODY.decode()}",
        "understood BUY AAPL at $227.00; listed at NASDAQ; alert_id mine; strategy main",
        f"Order {trade.order_ref}",
        f"contract 265598, IB order {trade.ib_order_id}, permId {trade.perm_id}",
        "quote bid $227.49, ask $227.51, last $227.50, live",
        "outcome FILLED, 2 at $227.51 = $455.02, commission $1.00",
        "passed cash needs $460.57, free $99,000.00 ($100,000.00 at IB − $1,000.00 reserve − $0.00 in flight)",
        "passed price collar $227.51 against the alert's $227.00: +0.22%, any allowed",
        "lot opened 2 AAPL at $227.51, open",
        f"order {trade.order_ref} sent: BUY 2 AAPL MKT DAY",
        "BUY 2 AAPL is at IB.",
        "The largest gap: ",
    ):
        assert words in page.words, (words, page.out)
    assert await there.typed("trace", trade.order_ref) == page
    assert await there.typed("trace", "mine") == page

    refused = await bot.alert("BUY", "AAPL")
    await bot.becomes(refused, AlertStatus.BLOCKED)
    page = await there.typed("trace", str(refused))
    assert (
        "REFUSED per ticker 1 open positions in AAPL, the most is 1: raise it with /set_max_per_ticker in the chat"
        in page.words
    )
    told = await there.json("trace", str(refused))
    assert [check["passed"] for check in told["checks"]] == [True] * 26 + [False]
    assert told["checks"][-1]["facts"] == {"ticker": "AAPL", "count": 1, "limit": 1}
    assert told["orders"] == []
    assert {step["kind"] for step in told["steps"]} == {"received", "quote", "refused"}

    untaken = await bot.intake.accept({"action": "BUY", "ticker": "AAPL", "limit_price": 99}, b"{}", "52.89.214.238")
    page = await there.typed("trace", str(untaken.alert_id))
    assert "understood a limit order; limit $99.00" in page.words, "only its strategy does not take that"

    listed = (await there.json("alerts"))["alerts"]
    assert [(one["id"], one["status"], one["orders"]) for one in listed] == [
        (accepted.alert_id, "EXECUTED", [trade.order_ref]),
        (refused, "BLOCKED", []),
        (untaken.alert_id, "REJECTED", []),
    ]
    table = await there.typed("alerts", "--status", "blocked", "--ticker", "nasdaq:aapl")
    assert [line.split()[0] for line in table.out.splitlines()] == ["alert", str(refused)]
    assert "BLOCKED: per ticker" in table.out


@ON_EITHER
async def test_a_sell_with_its_result(there: There) -> None:
    """The result of an exit cannot be followed from the message to the lots that it closed."""
    bot = there.bot
    await bot.owns(5, "MSFT")
    alert_id = await bot.alert("SELL", "MSFT")
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    told = await there.json("trace", str(alert_id))
    [order] = told["orders"]
    [lot] = order["lots_closed"]
    pnl = (Decimal(order["avg_fill_price"]) - 100) * 5 - Decimal(lot["commission"])
    assert Decimal(lot["pnl"]) == pnl
    assert [Decimal(one["shares"]) for one in order["executions"]] == [Decimal(5)]
    assert order["inputs"]["held"] == "5"
    page = await there.typed("trace", str(alert_id))
    assert "held before 5 shares at IB, 5 in the bot's lots, 0 in SELLs that worked already" in page.words
    assert "lot closed 5 MSFT bought" in page.words

    result = await there.json("pnl", "--days", "2")
    assert [day["wins"] for day in result["days"]] == [0, 1]
    assert (Decimal(result["total"]["net"]), result["total"]["losses"]) == (pnl, 0)
    held = await there.json("positions")
    assert held["positions"] == []
    assert Decimal(held["realised_today"]) == pnl
    page = await there.typed("positions")
    assert "The bot holds nothing." in page.out
    assert "of what is not held any more MSFT +$" in page.out


async def test_an_unknown_order_and_an_alert_that_waits_for_it(there: There) -> None:
    """Of what is in doubt, or waits, the owner sees neither that it does nor for how long."""
    bot = there.bot
    await bot.owns(5, "MSFT")
    there.gateway.faults.arm("swallow", symbol="MSFT")
    alert_id = await bot.alert("SELL", "MSFT")
    await bot.until(there.has_sent, "the order has left")
    trade = await bot.trade_of(alert_id)
    await bot.booking.conclude(trade.id, TradeStatus.UNKNOWN, Reason(ReasonCode.NEVER_SEEN))
    second = await bot.alert("SELL", "MSFT")
    page = await there.typed("trace", trade.order_ref)
    assert f"Alert {alert_id}: SELL MSFT, UNKNOWN" in page.out
    assert "It is UNKNOWN still, " in page.out
    assert "SELL 5 MSFT may or may not have reached IB" in page.words
    page = await there.typed("trace", str(second))
    assert f"Alert {second}: SELL MSFT, RECEIVED" in page.out
    assert "It is RECEIVED still, " in page.out

    listed = (await there.json("orders"))["orders"]
    assert [(one["order_ref"], one["status"]) for one in listed if one["status"] != "FILLED"] == [
        (trade.order_ref, "UNKNOWN")
    ]
    table = await there.typed("orders", "--all")
    assert any(trade.order_ref in line and "UNKNOWN" in line for line in table.out.splitlines())


async def test_an_alert_judged_again(there: There) -> None:
    """Two orders of one alert are shown as one, or the one that never left is not shown."""
    bot = there.bot

    async def interrupted() -> None:
        bot.gate.close("test", GateReason(GateCode.COMPARING))
        bot.gate.open("test")

    await bot.after_decision(interrupted)
    alert_id = await bot.alert("BUY", "AAPL")

    async def executed() -> bool:
        return (await bot.row(alert_id)).status is AlertStatus.EXECUTED

    await bot.sooner_or_later(executed, "its second order has filled")
    told = await there.json("trace", str(alert_id))
    assert [(order["n"], order["status"]) for order in told["orders"]] == [(1, "FAILED"), (2, "FILLED")]
    assert all(len(order["checks"]) == len(BUY_POLICY) for order in told["orders"])
    again = next(number for number, step in enumerate(told["steps"]) if step["kind"] == "judged_again")
    assert told["steps"][again + 1]["gap"] == "waited to be judged again"
    page = await there.typed("trace", str(alert_id))
    assert "outcome FAILED: " in page.words
    assert "Its alert is judged again." in page.words


async def test_what_the_log_cannot_tell_is_said(there: There) -> None:
    """A step that is missing, for its log file is gone, is taken for one that never was."""
    alert_id = await there.bot.alert("BUY", "AAPL")
    await there.bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert (await there.json("trace", str(alert_id)))["log_note"] is None
    file = there.log_folder / "tradebot.jsonl"
    file.write_text('{"time": "2099-01-01T00:00:00+00:00", "level": "INFO", "message": "later"}\n')
    page = await there.typed("trace", str(alert_id))
    assert "The log files begin 2099-01-01 00:00 UTC: what was older is gone" in page.words
    assert "sent: BUY" not in page.words
    assert "quote AAPL bid 227.49" in page.words, "the order has its quote itself"
    file.unlink()
    page = await there.typed("trace", str(alert_id))
    assert f"There is no log file in {there.log_folder}." in page.words


@pytest.mark.parametrize("columns", ["80", "120"])
async def test_a_terminal_is_never_too_narrow(there: There, columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page runs over the edge of the terminal, or a table loses its first column for a long last one."""
    monkeypatch.setenv("COLUMNS", columns)
    await there.bot.owns(5, "MSFT")
    await there.bot.intake.reject("word " * 60, b"{not JSON" + b"x" * 300, "52.89.214.238")
    for side, ticker in (("BUY", "AAPL"), ("SELL", "MSFT"), ("BUY", "AAPL")):
        await there.bot.becomes(await there.bot.alert(side, ticker), AlertStatus.EXECUTED, AlertStatus.BLOCKED)
    for line in ("trace 2", "trace 3", "trace 4", "trace 5", "alerts", "orders", "positions", "pnl"):
        ran = await there.typed(*line.split())
        assert ran.code == 0, ran.all
        assert max(map(len, ran.out.splitlines())) <= int(columns), ran.out
    listed = await there.typed("alerts")
    firsts = [line.split()[0] for line in listed.out.splitlines() if not line.startswith("      ")]
    assert firsts == ["alert", "1", "2", "3", "4", "5"], listed.out


async def test_what_there_is_not(there: There) -> None:
    """A wrong number is answered with a traceback, or with nothing, and nobody is told where ids are found."""
    for name in ("999", "tb-999-deadbeef", "no such id", "99999999999999999999", "٣"):
        for more in ([], ["--json"]):
            ran = await there.typed("trace", name, *more)
            assert (ran.code, ran.out) == (1, ""), ran.all
            assert name in ran.err
            assert "`tradebot alerts` lists the newest with their ids" in ran.err
