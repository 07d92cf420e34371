"""Daily prices, reports of weeks and months, and thresholds: once each, and told once."""

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.adapters.database.samples import a_lot, a_trade, an_alert
from tests.bot import CRONS
from tests.bot_fixtures import MakeBot
from tests.clockwork import Clockwork, new_york
from tests.fakes import ACCOUNT
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.analytics.thresholds import Threshold, Thresholds
from tradebot.domain.calendar import Calendar
from tradebot.domain.daily_bars import DailyBar
from tradebot.domain.equity import Equity
from tradebot.domain.events import EventKind
from tradebot.domain.facts.performance import MonthlyReport, ThresholdBack, ThresholdCrossed, WeeklyReport
from tradebot.domain.job_plan import DAILY_BARS, MONTHLY_REPORT, THRESHOLDS, WEEKLY_REPORT, next_run, plans
from tradebot.domain.settings import ACCOUNT_KEY
from tradebot.ports import Books

SELDOM = {"health_check": "0 3 * * *", "position_sync": "0 3 * * *"}
FRIDAY = new_york(2026, 11, 20, 9, 10)
DAY = timedelta(days=1)


async def a_bot(make_bot: MakeBot, start: datetime = FRIDAY, **changes: object) -> Clockwork:
    bot = await make_bot(start=start, always=False, **{"crons": SELDOM, **changes})
    bot.broker.connect()
    async with bot.ledger.begin() as books:
        await books.put_setting(ACCOUNT_KEY, ACCOUNT, "bot", start)
    return Clockwork(bot)


async def closed(books: Books, pnl: str, at: datetime) -> None:
    opening, closing = await a_trade(books, created_at=at), await a_trade(books, created_at=at)
    lot = a_lot(opening, closing, pnl=Decimal(pnl), entry_time=at, exit_time=at)
    await books.rewrite_lots("main", "AAPL", [lot], closed_by=[closing], and_open=False)


def test_reports_belong_to_the_last_session_of_their_time() -> None:
    """The report of Thanksgiving's week would come a day early, or that of a month on a Saturday."""
    by_name = {plan.name: plan for plan in plans(CRONS, Calendar())}
    week, month = by_name[WEEKLY_REPORT], by_name[MONTHLY_REPORT]
    assert next_run(week, FRIDAY) == new_york(2026, 11, 20, 16, 45)
    assert next_run(week, new_york(2026, 11, 20, 17)) == new_york(2026, 11, 27, 16, 45)
    assert next_run(week, new_york(2026, 12, 19)) == new_york(2026, 12, 24, 16, 45)  # Friday is Christmas
    assert next_run(month, FRIDAY) == new_york(2026, 11, 30, 16, 50)
    assert next_run(month, new_york(2027, 1, 1)) == new_york(2027, 1, 29, 16, 50)  # the 30th is a Saturday


async def test_a_week_and_a_month_are_told_once(make_bot: MakeBot) -> None:
    """The owner would not hear how the week went, or hear it twice after a restart."""
    crons = {**SELDOM, "equity": "0 13 * * 1-5", "thresholds": "0 13 * * 1-5"}
    clockwork = await a_bot(make_bot, start=new_york(2026, 11, 27, 9), crons=crons)
    bot = clockwork.bot
    async with bot.ledger.begin() as books:
        await closed(books, "18", new_york(2026, 11, 25, 12))
        await closed(books, "-7", new_york(2026, 11, 3, 12))
        for day, usd in ((20, 1000), (27, 1030)):
            at = new_york(2026, 11, day, 13)
            await books.add_equity(Equity(ACCOUNT, at, Decimal(usd), None, None, None))
        bars = [DailyBar("SPY", date(2026, 11, day), *4 * [Decimal(price)]) for day, price in ((20, 600), (27, 603))]
        await books.put_daily_bars(bars)
    bot.broker.cash = Decimal(1030)
    await clockwork.run_to(new_york(2026, 11, 28))
    clockwork.start()
    await clockwork.run_to(new_york(2026, 12, 1))
    [week] = [event.facts for event in await clockwork.told(EventKind.WEEKLY_REPORT)]
    [month] = [event.facts for event in await clockwork.told(EventKind.MONTHLY_REPORT)]
    assert isinstance(week, WeeklyReport)
    assert isinstance(month, MonthlyReport)
    assert (week.first, week.last, week.sessions) == (date(2026, 11, 23), date(2026, 11, 29), 4)
    assert (week.net, week.closed, week.won, week.equity) == (18, 1, 1, 1030)
    assert week.earned == pytest.approx(0.03)
    assert week.spy == pytest.approx(0.005)
    assert [point.net for point in week.series] == [18, 0]
    assert (month.net, month.closed, month.last) == (11, 2, date(2026, 11, 30))


async def test_daily_prices_are_stored_after_the_close(make_bot: MakeBot) -> None:
    """There would be nothing to compare with, a day that is not over, or prices of before a dividend beside those after."""
    clockwork = await a_bot(make_bot)
    bot = clockwork.bot
    days = [date(2026, 11, day) for day in (18, 19, 20, 23)]
    bot.broker.bars["SPY"] = [DailyBar("SPY", day, *4 * [Decimal(600)]) for day in days]
    async with bot.ledger.begin() as books:
        await books.put_daily_bars([DailyBar("SPY", days[0], *4 * [Decimal(601)])])
        await books.rewrite_lots("main", "KO", [a_lot(await a_trade(books, ticker="KO"), ticker="KO")], closed_by=[])
    bot.broker.bars["KO"] = [DailyBar("KO", days[2], *4 * [Decimal(70)])]
    await clockwork.run_to(new_york(2026, 11, 20, 17))
    async with bot.ledger.read() as books:
        spy, ko = await books.daily_bars("SPY", days[0]), await books.daily_bars("KO", days[0])
    assert [(bar.day, bar.close) for bar in spy] == [(day, 600) for day in days[:3]]
    assert [bar.day for bar in ko] == [days[2]]
    assert await clockwork.runs(DAILY_BARS) == new_york(2026, 11, 20, 16, 40)


async def test_prices_that_ib_does_not_give_are_no_failure(make_bot: MakeBot) -> None:
    """The owner would be told every evening of something that he cannot change and that nothing depends on."""
    clockwork = await a_bot(make_bot)
    clockwork.bot.broker.failing.add("daily_bars")
    await clockwork.run_to(new_york(2026, 11, 20, 17))
    assert await clockwork.told(EventKind.JOB_FAILED) == []
    assert await clockwork.runs(DAILY_BARS) == new_york(2026, 11, 20, 16, 40)


async def test_prices_that_come_too_late_hold_up_no_job(make_bot: MakeBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """The health check would come too late, and the dead man's switch call the owner, because IB is slow."""
    monkeypatch.setattr("tradebot.runtime.jobs.daily_bars.WITHIN_S", 0.05)
    clockwork = await a_bot(make_bot)
    clockwork.bot.broker.waits["daily_bars"] = asyncio.Event()
    await clockwork.run_to(new_york(2026, 11, 20, 17))
    assert await clockwork.told(EventKind.JOB_FAILED) == []
    assert await clockwork.runs(DAILY_BARS) == new_york(2026, 11, 20, 16, 40)


async def test_a_threshold_is_told_once_and_once_when_it_is_back(make_bot: MakeBot) -> None:
    """The owner would be told every quarter of an hour, again after each restart, or not when it is over."""
    clockwork = await a_bot(make_bot, thresholds=Thresholds(loss_streak=2, drawdown_pct=10))
    bot = clockwork.bot
    async with bot.ledger.begin() as books:
        for minute in (1, 2):
            await closed(books, "-5", new_york(2026, 11, 19, 12, minute))
        await books.add_equity(Equity(ACCOUNT, new_york(2026, 11, 19, 16), Decimal(100_000), None, None, None))
    bot.broker.cash = Decimal(95_000)
    await clockwork.run_to(new_york(2026, 11, 20, 10))
    clockwork.start()
    await clockwork.run_to(new_york(2026, 11, 20, 11))
    [crossed] = await clockwork.told(EventKind.THRESHOLD_CROSSED)
    assert crossed.facts == ThresholdCrossed(Threshold.LOSS_STREAK, None, 2.0, 2.0)
    bot.broker.cash = Decimal(89_000)
    await clockwork.run_to(new_york(2026, 11, 20, 11, 20))
    [_, fell] = await clockwork.told(EventKind.THRESHOLD_CROSSED)
    assert fell.facts == ThresholdCrossed(Threshold.DRAWDOWN, None, 11.0, 10.0)
    async with bot.ledger.begin() as books:
        await closed(books, "1", new_york(2026, 11, 20, 11, 22))
    bot.broker.cash = Decimal(90_500)  # 9.5 %: not back yet
    await clockwork.run_to(new_york(2026, 11, 20, 11, 40))
    [back] = await clockwork.told(EventKind.THRESHOLD_BACK)
    assert back.facts == ThresholdBack(Threshold.LOSS_STREAK, None, 0.0, 2.0, crossed.at)
    assert list(await bot.queries.thresholds.crossed()) == [Threshold.DRAWDOWN]


async def test_what_is_dear_to_count_is_looked_at_after_the_close(make_bot: MakeBot) -> None:
    """Rejected alerts, and a strategy that went silent, would never be told; or thousands of orders be read in a session."""
    clockwork = await a_bot(
        make_bot, thresholds=Thresholds(rejected_pct=50, silent_sessions=2, in_time_pct=99, slippage_bps=5)
    )
    async with clockwork.bot.ledger.begin() as books:
        for day in range(15):
            status = AlertStatus.REJECTED if day % 3 else AlertStatus.RECEIVED
            alert = an_alert(received_at=new_york(2026, 11, 18, 12) - day * DAY, status=status)
            await books.insert_alert(replace(alert, ticker=None if day % 3 else "AAPL"))
    await clockwork.run_to(new_york(2026, 11, 20, 15, 59))
    assert await clockwork.told(EventKind.THRESHOLD_CROSSED) == []
    await clockwork.run_to(new_york(2026, 11, 20, 16, 1))
    told = [event.facts for event in await clockwork.told(EventKind.THRESHOLD_CROSSED)]
    assert told == [
        ThresholdCrossed(Threshold.REJECTED, None, 66.6667, 50.0),
        ThresholdCrossed(Threshold.SILENT, None, 2.0, 2.0),
    ]
    readings = await clockwork.bot.queries.thresholds.readings(clockwork.bot.clock.now())
    assert {one.threshold: one.value for one in readings}[Threshold.IN_TIME] is None
    assert await clockwork.runs(THRESHOLDS) == new_york(2026, 11, 20, 16)
