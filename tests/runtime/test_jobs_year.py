"""A whole year of the market's clock through the scheduler, with time as an argument: real jobs, real requeue, real SQLite."""

from collections import Counter
from datetime import date, datetime, timedelta

import pytest

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.clockwork import Clockwork, new_york
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.events import EventKind
from tradebot.domain.facts.daemon import DailyReport, MarketOpen
from tradebot.runtime.scheduler import Work

CLOSED = {  # nyse.com, Holidays & Trading Hours 2026
    date(2026, 1, 1), date(2026, 1, 19), date(2026, 2, 16), date(2026, 4, 3), date(2026, 5, 25), date(2026, 6, 19),
    date(2026, 7, 3), date(2026, 9, 7), date(2026, 11, 26), date(2026, 12, 25),
}  # fmt: skip
EARLY = {date(2026, 11, 27), date(2026, 12, 24)}
DAYS = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
SESSIONS = [day for day in DAYS if day.weekday() < 5 and day not in CLOSED]
# Every five minutes would be 105,120 runs; the clock changes are gone through at that pace elsewhere.
CRONS = {"health_check": "0 */6 * * *", "equity": "0 10,13,16 * * 1-5", "thresholds": "0 16 * * 1-5"}


def after(day: date) -> date:
    """The session after this one."""
    return next((one for one in SESSIONS if one > day), date(2027, 1, 4))


def week(day: date) -> tuple[int, int]:
    return day.isocalendar()[:2]


@pytest.fixture
async def clockwork(make_bot: MakeBot) -> Clockwork:
    bot: Bot = await make_bot(start=new_york(2026, 1, 1), always=False, crons=CRONS)
    bot.broker.connect()
    return Clockwork(bot)


def note_runs(clockwork: Clockwork) -> dict[str, list[str]]:
    """The slots that each job is run for from now on, New York time."""
    ran: dict[str, list[str]] = {name: [] for name in clockwork.work}

    def noted(name: str, work: Work) -> Work:
        async def run(due: datetime, now: datetime) -> None:
            ran[name].append(due.astimezone(NEW_YORK).strftime("%Y-%m-%d %H:%M"))
            await work(due, now)

        return run

    clockwork.work = {name: noted(name, work) for name, work in clockwork.work.items()}
    clockwork.start()
    return ran


async def live_through(clockwork: Clockwork) -> dict[date, tuple[int, int]]:
    """The year, with a restart of the daemon now and then; a SELL and a BUY on each Saturday and holiday."""
    waiting = {}
    for day in DAYS:
        await clockwork.run_to(new_york(day.year, day.month, day.day, 7))
        if day in CLOSED or day.weekday() == 5:
            at = clockwork.bot.clock.now()
            waiting[day] = await clockwork.pending("AAPL", Side.SELL, at), await clockwork.pending("KO", Side.BUY, at)
        if day.day % 9 == 0:
            clockwork.start()
        await clockwork.run_to(new_york(day.year, day.month, day.day, 14, 30))
        if day.day % 7 == 0:
            clockwork.start()
    await clockwork.run_to(new_york(2027, 1, 1))
    return waiting


async def test_a_year(clockwork: Clockwork) -> None:
    """Broken, some session is not opened or not reported, or twice: on a holiday, an early close or a clock change."""
    ran = note_runs(clockwork)
    waiting = await live_through(clockwork)

    weekdays = [day for day in DAYS if day.weekday() < 5]
    assert ran == {
        "market_open": [f"{day} 09:30" for day in SESSIONS],
        "daily_report": [f"{day} {'13:05' if day in EARLY else '16:05'}" for day in SESSIONS],
        "position_sync": [f"{day} {hour}:00" for day in weekdays for hour in (10, 14, 18)],
        "sunday_reminder": [f"{day} 10:00" for day in DAYS if day.weekday() == 6],
        "health_check": [f"{day} {hour}:00" for day in DAYS for hour in ("00", "06", "12", "18")],
        "equity": [f"{day} {hour}:00" for day in SESSIONS for hour in ((10, 13) if day in EARLY else (10, 13, 16))],
        "daily_bars": [f"{day} 16:40" for day in SESSIONS],
        "weekly_report": [f"{day} 16:45" for day in SESSIONS if week(day) != week(after(day))],
        "monthly_report": [f"{day} 16:50" for day in SESSIONS if day.month != after(day).month],
        "thresholds": [f"{day} 16:00" for day in SESSIONS],
        "prune": [f"{day} 03:30" for day in DAYS],
    }
    opened = await clockwork.told(EventKind.MARKET_OPEN)
    reports = await clockwork.told(EventKind.DAILY_REPORT)
    assert [event.at.astimezone(NEW_YORK).strftime("%Y-%m-%d %H:%M") for event in opened] == ran["market_open"]
    assert [event.at.astimezone(NEW_YORK).strftime("%Y-%m-%d %H:%M") for event in reports] == ran["daily_report"]
    assert [event.facts.session for event in reports if isinstance(event.facts, DailyReport)] == SESSIONS
    assert len(await clockwork.told(EventKind.LOGIN_REMINDER)) == 52
    assert await clockwork.told(EventKind.JOB_FAILED, EventKind.JOB_MISSED, EventKind.ALERT_EXPIRED) == []

    # What waited over each closed day went on at the next session's open.
    expected = Counter(next((one for one in SESSIONS if one > day), None) for day in waiting)
    del expected[None]
    sessions = [event.facts for event in opened if isinstance(event.facts, MarketOpen)]
    woken = {one.session: (one.sells, one.buys) for one in sessions if one.sells}
    assert woken == {day: (number, number) for day, number in expected.items()}
    for day, alerts in waiting.items():
        rows = [await clockwork.bot.row(alert) for alert in alerts]
        over = day < SESSIONS[-1]
        assert {row.status for row in rows} == {AlertStatus.RECEIVED if over else AlertStatus.PENDING}
