"""A day in the life, from one morning's alerts to the next day's exits, at a gateway that behaves as IB's does.

Alerts before the open, a stock that opens late and one that is halted, fills in pieces and positions that come after them, an
exit that the exchange ends half filled and one that the close cuts off, the nightly restart with questions that are not
answered, a split and a rename over night. Both processes keep one clock, which the test moves on.
"""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from tests.faketime import kept_in, set_ahead
from tests.system.checker import check
from tests.system.harness import BooksNow, Daemon, Gateway, running, until
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.events import EventKind
from tradebot.domain.lots import LotStatus
from tradebot.words import events as words
from tradebot.words.reasons import reason

EXECUTED, PENDING, BLOCKED = AlertStatus.EXECUTED, AlertStatus.PENDING, AlertStatus.BLOCKED
SETTINGS = {
    "trading__hours": "exchange",
    "trading__defaults__buy_amount_usd": "2500",
    "broker__restart_window": "23:40-00:20",
}


class Day:
    """The bot, its gateway, and the time of day that both have."""

    def __init__(self, folder: Path) -> None:
        self._clock = folder / "clock"
        self.gateway = Gateway.at(folder / "gateway", realistic=True)
        self.gateway.arguments += ["--session", "09:30-16:00", "--switch", "lagging_answers=true"]
        self.bot = Daemon.at(folder / "bot", gateway=self.gateway)
        self.bot.env |= {f"TRADEBOT_{key.upper()}": value for key, value in SETTINGS.items()}
        for process in (self.gateway, self.bot):
            process.env |= kept_in(self._clock)
        self.sent: list[int] = []

    async def reaches(self, day: int, hour: int, minute: int, second: int = 0) -> None:
        """November 2026, New York."""
        now = datetime(2026, 11, day, hour, minute, second, tzinfo=NEW_YORK)
        await set_ahead(self._clock, now - datetime.now(UTC))

    async def alert(self, side: str, ticker: str) -> int:
        self.sent.append(await self.bot.alert(side, ticker, alert_id=f"{len(self.sent)} {side} {ticker}"))
        return self.sent[-1]

    async def told(self, kind: EventKind, what: str = "") -> str:
        """The newest message of this kind with these words."""

        async def look() -> str | None:
            said = [words.text(event) for event in (await self.bot.books()).events if event.kind is kind]
            return next((text for text in reversed(said) if what in text), None)

        return await until(look, f"{kind} with {what!r}; the daemon printed {self.bot.output[-3000:]}")

    async def is_met_with_silence(self) -> bool:
        parts = ((await self.bot.health() or {}).get("parts") or {}).get("questions") or {}
        return bool(parts.get("unanswered"))

    async def sold_out(self, ticker: str) -> None:
        async def look() -> bool:
            return all(one.status is LotStatus.CLOSED for one in (await self.bot.books()).lots if one.ticker == ticker)

        await until(look, f"no {ticker} to be held; the daemon printed {self.bot.output[-3000:]}")

    async def stand(self, status: AlertStatus, *alerts: int) -> BooksNow:
        """The books once these alerts are so."""

        async def look() -> BooksNow | None:
            books = await self.bot.books()
            return books if {books.alerts[one].status for one in alerts} == {status} else None

        return await until(look, f"{status} of {alerts}; the daemon printed {self.bot.output[-3000:]}")


async def test_a_day_in_the_life(tmp_path: Path) -> None:
    """Broken, what the bot does well alone goes wrong when a day brings it all: an exit is lost, or the books leave IB's."""
    day = Day(tmp_path)
    async with running(day.bot, day.gateway):
        await before_the_open(day)
        await the_session(day)
        await the_close(day)
        await the_night(day)
        await the_morning_after(day)
        books = await day.stand(EXECUTED, *[one for one in day.sent if (await ended(day, one)) is not BLOCKED])
        assert {lot.status for lot in books.lots} == {LotStatus.CLOSED}
        state = await day.gateway.control("GET", "/state")
        assert [one for one in state["positions"] if Decimal(one["quantity"])] == []
        assert not await day.gateway.working()
        await check(books, day.gateway, acknowledged=day.sent)


async def ended(day: Day, alert_id: int) -> AlertStatus:
    return (await day.bot.books()).alerts[alert_id].status


async def before_the_open(day: Day) -> None:
    """Wednesday, 08:00: what comes now waits for the bell; a SELL supersedes the BUY before it."""
    await day.reaches(18, 8, 0)
    await day.gateway.ready()
    await day.bot.ready()
    await day.gateway.control("POST", "/market/late", symbol="AAPL", seconds=4)
    waiting = [await day.alert(*one) for one in (("BUY", "AAPL"), ("BUY", "MSFT"), ("BUY", "KO"), ("BUY", "META"))]
    older, newer = await day.alert("BUY", "JPM"), await day.alert("SELL", "JPM")
    books = await day.stand(PENDING, *waiting, older, newer)
    assert "Wed 18 Nov 09:30 New York" in reason(books.alerts[waiting[0]].reason or "")


async def the_session(day: Day) -> None:
    """09:30: one stock opens late, one is halted at work; KO is bought and sold while IB's positions come late."""
    await day.reaches(18, 9, 29, 55)
    aapl, msft, ko, meta, older, newer = day.sent
    await day.told(EventKind.MARKET_OPEN, "Wed 18 Nov")
    books = await day.stand(EXECUTED, aapl, msft, ko, meta)
    assert reason(books.alerts[older].reason or "") == f"superseded by the SELL of alert {newer}"
    await day.stand(BLOCKED, older, newer)

    await day.gateway.fault("ended", symbol="KO", action="SELL", filled=3, reason="Cancelled by Exchange")
    sold = await day.alert("SELL", "KO")
    await day.told(EventKind.EXIT_ARMED_AGAIN, "KO")
    await day.reaches(18, 9, 31)
    await day.sold_out("KO")
    books = await day.stand(EXECUTED, sold)
    orders = [one for one in books.trades if one.alert_id == sold]
    assert [one.filled_qty for one in orders] == [3, orders[0].requested_qty - 3]


async def the_close(day: Day) -> None:
    """15:59: MSFT is halted, and the close cuts its exit off; the report comes after it."""
    await day.reaches(18, 15, 59, 50)
    await day.gateway.control("POST", "/halts", symbol="MSFT", halted=True)
    cut_off = await day.alert("SELL", "MSFT")
    await day.told(EventKind.ORDER_ACCEPTED, "MSFT")
    await day.told(EventKind.ORDER_FAILED, "MSFT")
    await day.reaches(18, 16, 1)
    await day.told(EventKind.EXIT_WAITS_FOR_OPEN, "MSFT")
    await day.stand(PENDING, cut_off)
    await day.gateway.control("POST", "/halts", symbol="MSFT", halted=False)
    await day.reaches(18, 16, 4, 58)
    report = await day.told(EventKind.DAILY_REPORT, "Trades: 4 BUY, 2 SELL")
    assert "Alerts waiting: 1" in report
    assert "Failed alerts" not in report


async def the_night(day: Day) -> None:
    """The gateway restarts by its schedule; it is asked what was executed and completed, and does not answer for a while."""
    await day.reaches(18, 23, 44, 55)
    await day.gateway.control("POST", "/midnight")
    for question in ("reqExecutions", "reqCompletedOrders"):
        await day.gateway.fault("no_answer", question=question, times=0)
    await day.gateway.control("POST", "/splits", symbol="AAPL", new=3, old=1)
    await day.gateway.control("POST", "/renames", symbol="META", to="FB")
    await day.gateway.control("POST", "/restart", seconds=3)
    await until(day.is_met_with_silence, f"questions without an answer; the daemon printed {day.bot.output[-3000:]}")
    await day.reaches(19, 0, 20)  # until then a restart is expected, and nobody is woken up
    await day.told(EventKind.QUESTION_SILENT, "executions")
    await day.gateway.control("DELETE", "/faults?fault=no_answer")
    await day.told(EventKind.QUESTION_ANSWERED, "executions")
    await day.told(EventKind.SPLIT_SEEN, "AAPL")
    await day.told(EventKind.RENAMED, "META")
    await day.bot.well()


async def the_morning_after(day: Day) -> None:
    """Thursday: the owner says that it was a split; every exit is done at the open."""
    await day.reaches(19, 8, 0)
    exits = [await day.alert(*one) for one in (("SELL", "AAPL"), ("SELL", "FB"))]
    await day.stand(PENDING, *exits)
    code, said = await day.bot.command("split", "AAPL", "--yes")
    assert code == 0, said
    assert "Stored." in said
    await day.reaches(19, 9, 29, 55)
    await day.told(EventKind.MARKET_OPEN, "Thu 19 Nov")
    await day.stand(EXECUTED, *exits)
