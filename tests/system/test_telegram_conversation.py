"""A conversation with the running daemon: every command, every button, every kind of message, over a Bot API server."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.botapi import CHAT, OWNER, STRANGER, TOKEN, BotApi, Sent, bot_api
from tests.facts import every_kind
from tests.system.harness import Daemon, Gateway, running, until
from tradebot.database import open_ledger
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.events import NewEvent, Severity
from tradebot.domain.trades import POSITION_LAG, TradeStatus
from tradebot.telegram.commands import COMMANDS
from tradebot.telegram.markup import plain
from tradebot.words.lines import lines


@asynccontextmanager
async def talking(folder: Path, gateway: Gateway, **settings: str) -> AsyncIterator[tuple[Daemon, BotApi]]:
    """A daemon that has said "Started" on Telegram."""
    async with bot_api() as api:
        given = {
            "telegram__bot_token": TOKEN,
            "telegram__chat_id": str(CHAT["id"]),
            "telegram__user_ids": str(OWNER["id"]),
            "telegram__api_url": api.url,
            "trading__repeat_window_s": "0",
            "trading__order_timeout_s": "2",
            **settings,
        }
        daemon = Daemon.at(folder, gateway=gateway, **given)
        async with running(daemon):
            await daemon.ready()
            await api.heard(" started")
            yield daemon, api


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    made = Gateway.at(tmp_path / "gateway")
    async with running(made):
        await made.ready()
        await made.control("POST", "/quotes/frozen", frozen=True)
        yield made


ANSWERS = {
    "/start": "Trades TradingView alerts",
    "/help": "/clear_queue",
    "/status": "PAPER DU1234567",
    "/positions": "KO",
    "/orders": "No order works at IB",
    "/pnl": "Won 0 of 1 closed",
    "/pnl_week": "2 buys, 1 sell",
    "/daily 7": "lot closed",
    "/weekly 4": "The last",
    "/monthly 6": "The last",
    "/performance": "since",
    "/stats": "of 1 won",
    "/report all": "sessions",
    "/trades 20": "The last 3 trades",
    "/last": "Alert 3: BUY KO, EXECUTED",
    "/trace 1": "Alert 1: BUY AAPL, EXECUTED",
    "/risk": "Open positions <b>1</b>",
    "/health": "All is well",
    "/logs 10": "log",
    "/notify fills on": "is <b>on</b> already",
    "/version": "Python",
    "/block MSFT": "is blocked",
    "/unblock MSFT": "may be bought again",
    "/sell KO": "KO 7",
    "/buy KO 100": "allow_buy = true",
    "/strategies": "main",
    "/market": "Next open",
    "/queue": "Nothing waits",
    "/settings": "Price collar off",
    "/set_amount 750": "$500.00 → <b>$750.00</b>",
    "/set_max_positions 20": "200 → <b>20</b>",
    "/set_max_daily 10": "50 → <b>10</b>",
    "/set_max_invest 25000": "$50,000.00 → <b>$25,000.00</b>",
    "/set_max_per_ticker 1": "5 → <b>1</b>",
    "/set_max_loss 500": "$1,000.00 → <b>$500.00</b>",
    "/set_reserve 2000": "$1,000.00 → <b>$2,000.00</b>",
    "/pause": "PAUSED",
    "/resume": "RUNNING",
    "/clear_queue": "No alert waits",
    "/sell_all": "KO 7",
    "/kill": "No order was at work",
}
"""What each command is asked, and words of its answer, in the order in which they are sent."""


async def test_looking_and_setting(tmp_path: Path, gateway: Gateway) -> None:
    """Broken, a command that looks or sets fails against the real daemon."""
    async with talking(tmp_path, gateway) as (daemon, api):
        await daemon.alert("BUY", "AAPL")
        await api.heard("Bought 2 AAPL @ ")
        await daemon.alert("SELL", "AAPL")
        sold = await api.heard("Sold 2 AAPL ")
        assert "At $" in sold.text
        await daemon.alert("BUY", "KO")
        await api.heard("Bought 7 KO @ ")
        assert {text.split()[0] for text in ANSWERS} == {f"/{command.name}" for command in COMMANDS}
        for text, expected in ANSWERS.items():
            await api.ask(text, expected)
        await until(lambda: _enough(api, 2), "two pictures")
        pictures = [sent for sent in api.sent if sent.method == "sendPhoto"]
        assert all(sent.files for sent in pictures)
        assert all(file.startswith(b"\x89PNG") for sent in pictures for file in sent.files.values())
        last = await api.say("/resume", user=STRANGER)
        await api.until_taken(last)
        health = await daemon.health()
        assert health is not None
        assert (health["parts"]["trading"]["state"], health["parts"]["telegram"]["ok"]) == ("KILLED", True)
        assert await daemon.stop() == 0, daemon.output
        await api.heard(" stopped")
        assert TOKEN not in daemon.output
        assert "Traceback" not in daemon.output, daemon.output


async def _enough(api: BotApi, count: int) -> bool:
    return sum(sent.method == "sendPhoto" for sent in api.sent) >= count


async def test_control_and_what_goes_wrong(tmp_path: Path, gateway: Gateway) -> None:
    """Broken, the owner is not told of trouble, or his buttons do not mend it."""
    async with talking(tmp_path, gateway, trading__defaults__max_per_ticker="1") as (daemon, api):
        # alerts that lead to nothing
        await daemon.post(action="HOLD", ticker="AAPL")
        await api.heard("Alert not understood")
        await daemon.alert("BUY", "ZZZZ")
        await api.heard("BUY ZZZZ failed: no such stock")
        await daemon.alert("BUY", "AAPL", alert_id="one")
        await daemon.post(action="SELL", ticker="AAPL", alert_id="one")
        await api.heard("SELL AAPL refused: same alert_id")
        await api.heard("Bought 2 AAPL @ ")
        await daemon.alert("BUY", "AAPL")
        await api.heard("BUY AAPL not sent: 1 open in it")
        await gateway.fault("reject", symbol="MSFT")
        await daemon.alert("BUY", "MSFT")
        await api.heard(" MSFT rejected")
        # an exit that leaves shares, and the button that sells them
        await daemon.alert("BUY", "KO")
        await api.heard("Bought 7 KO @ ")
        await gateway.fault("partial", symbol="KO", action="SELL", filled=3)
        await daemon.alert("SELL", "KO")
        await api.heard("◐ Sold 3 of 7 KO @ ")
        await api.heard("SELL 7 KO works on")
        [order] = [one for one in await gateway.orders() if one["status"] == "Submitted"]
        await gateway.control("POST", f"/orders/{order['perm_id']}/end")  # as the owner cancels it in TWS
        left = await api.heard(lambda sent: "Sell the rest of KO" in sent.buttons)
        question = await api.pressed(left, "Sell the rest of KO", "KO 4")
        mark = len(api.sent)
        await api.pressed(question, "Sell KO", "in the queue")
        await api.heard("Sold 4 KO ", mark)
        # the kill switch with an order at work, and the ways back
        await gateway.fault("hold", symbol="F")
        await daemon.alert("BUY", "F")
        await until(lambda: _at_work(daemon), "the order to be at work")
        killed = await api.ask("/kill", "KILLED")
        assert "BUY 46 F" in killed.text
        await api.heard("The kill switch is on")
        await api.heard("BUY 46 F cancelled")
        sells = await api.ask("/resume", "kill switch")
        await api.pressed(sells, "Sells only", "PAUSED")
        await api.ask("/kill", "KILLED")
        everything = await api.ask("/resume", "kill switch")
        await api.pressed(everything, "Everything: BUY and SELL", "RUNNING")
        # sell everything
        question = await api.ask("/sell_all", "AAPL 2")
        await api.pressed(question, "No, leave it", "Left as it is")
        question = await api.ask("/sell_all", "AAPL 2")
        await api.pressed(question, "Sell all 1", "in the queue")
        await api.heard("Sold 2 AAPL ")
        # alerts that wait while IB is away, and are cleared
        await gateway.control("POST", "/listening/pause", seconds=600)
        await until(lambda: _gate_is(daemon, open_=False), "the gate to close")
        first = await daemon.alert("BUY", "AAPL", alert_id="while IB is away")
        await api.ask("/queue", "BUY AAPL")
        question = await api.ask("/clear_queue", "Clear the waiting alert?")
        await api.pressed(question, "Clear 1", "1 cleared")
        assert (await daemon.books()).alerts[first].status is AlertStatus.CLEARED
        assert "Traceback" not in daemon.output, daemon.output


async def _at_work(daemon: Daemon) -> bool:
    return any(trade.status is TradeStatus.SUBMITTED for trade in (await daemon.books()).trades)


async def _at_rest(daemon: Daemon) -> bool:
    ends = [trade.finished_at for trade in (await daemon.books()).trades]
    return all(end is not None and datetime.now(UTC) - end > POSITION_LAG for end in ends)


async def _gate_is(daemon: Daemon, *, open_: bool) -> bool:
    health = await daemon.health()
    return health is not None and health["parts"]["trading"]["ok"] is open_


async def test_unknown_orders_are_settled_from_the_phone(tmp_path: Path, gateway: Gateway) -> None:
    """Broken, an order that IB never shows again freezes its ticker for ever."""
    async with talking(tmp_path, gateway) as (daemon, api):
        # the connection breaks before the order is taken, and the position is not what it was: nobody can tell
        for ticker, button, answer, status in (
            ("IBM", "IBM: it filled", "Yes, it filled", TradeStatus.FILLED),
            ("DIS", "it never existed", "Yes, I looked in TWS", TradeStatus.FAILED),
        ):
            mark = len(api.sent)
            await gateway.fault("drop_before", symbol=ticker)
            alert_id = await daemon.alert("BUY", ticker)
            await until(lambda: _gate_is(daemon, open_=False), "the connection to break")
            await gateway.control("POST", "/positions", symbol=ticker, quantity="9", avg_cost="90")
            unknown = await api.heard(_offers(f"{ticker}: it filled"), mark)
            question = await api.pressed(unknown, button)
            await api.pressed(question, answer, f"is {status}")
            assert (await daemon.books()).trade_of(alert_id).status is status
            await daemon.well()
        assert "Traceback" not in daemon.output, daemon.output


async def test_other_hands_and_another_database(tmp_path: Path, gateway: Gateway) -> None:
    """Broken, a mismatch cannot be accepted from the phone, or orders of another database go untold."""
    async with talking(tmp_path, gateway) as (daemon, api):
        await daemon.alert("BUY", "AAPL")
        await api.heard("Bought 2 AAPL @ ")
        # shares that the owner sold, and others that he bought, by hand
        await gateway.control("POST", "/positions", symbol="IBM", quantity="9", avg_cost="90")
        await gateway.control("POST", "/positions", symbol="AAPL", quantity="1", avg_cost="227.5")
        await until(lambda: _at_rest(daemon), "IB's position to trail no fill any more")
        await gateway.control("POST", "/connections/drop")
        mismatch = await api.heard(lambda sent: "Accept what IB shows of AAPL" in sent.buttons)
        question = await api.pressed(mismatch, "Accept what IB shows of AAPL", "Write off 1 AAPL?")
        await api.pressed(question, "Write off AAPL", "1 AAPL written off")
        await api.heard("IBM: 9 your own")
        positions = await api.ask("/positions", "Positions")
        assert ["AAPL", "1"] in [line.split()[:2] for line in plain(positions.text).splitlines()]
        assert "Traceback" not in daemon.output, daemon.output
        await daemon.stop()
    # the same account with another database: orders that it does not know, and a market that is closed
    today = datetime.now(UTC).astimezone(ZoneInfo("America/New_York")).date()
    closed = {"trading__hours": "exchange", "trading__extra_closures": str(today)}
    other = tmp_path / "other"
    async with bot_api() as api:
        settings = {"telegram__bot_token": TOKEN, "telegram__chat_id": str(CHAT["id"]), "telegram__api_url": api.url}
        daemon = Daemon.at(other, gateway=gateway, **settings, telegram__user_ids=str(OWNER["id"]))
        daemon.env |= {f"TRADEBOT_{key.upper()}": value for key, value in closed.items()}
        async with running(daemon):
            await daemon.start()
            await api.heard("Nothing is traded: strange orders")
            await api.ask("/status", "Orders wait: Orders of another database")
            await api.ask("/resume", "RUNNING")
            await until(lambda: _gate_is(daemon, open_=True), "the orders to be accepted")
            await daemon.alert("BUY", "AAPL")
            await api.heard("BUY AAPL waits for the open")
            await _tell_the_rest(daemon, api)


def _offers(label: str) -> Callable[[Sent], bool]:
    return lambda sent: label in sent.buttons


async def _tell_the_rest(daemon: Daemon, api: BotApi) -> None:
    """What only another hour, or half a minute without IB, would bring: told by the same daemon from the same table."""
    events = [NewEvent(facts, datetime.now(UTC)) for facts in every_kind("<b>&").values()]
    async with open_ledger(daemon.database) as ledger, ledger.begin() as books:
        for event in events:
            await books.add_event(event)
    texts = [lines(event).first for event in events if event.facts.severity is not Severity.TRACE]

    async def all_told() -> bool:
        told = "\n".join(plain(sent.text) for sent in api.sent)
        return all(text in told for text in texts)

    await until(all_told, "every kind of message")
