"""The scheduler: late starts, failures, a database that is away, clocks that are set; with time as an argument."""

import asyncio
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol

import pytest

from tests.bot_fixtures import MakeBot
from tests.clockwork import Clockwork, new_york
from tradebot.domain.calendar import Calendar
from tradebot.domain.cron import next_fire
from tradebot.domain.events import EventKind
from tradebot.domain.facts.daemon import DailyReport, JobFailed, JobMissed
from tradebot.domain.job_plan import HEALTH_CHECK, next_run
from tradebot.errors import LedgerUnavailable
from tradebot.runtime.scheduler import SLEEP_MAX_S, Work
from tradebot.words import events as words


class Make(Protocol):
    """`await make_clockwork(start)`; `fresh`: on a database in which no job has ever run."""

    async def __call__(self, start: datetime, *, fresh: bool = False) -> Clockwork: ...


@pytest.fixture
async def make_clockwork(make_bot: MakeBot) -> Make:
    async def make(start: datetime, *, fresh: bool = False) -> Clockwork:
        bot = await make_bot(start=start, always=False)
        bot.broker.connect()
        return Clockwork(bot, fresh=fresh)

    return make


async def test_down_at_the_open_is_made_up_in_the_session(make_clockwork: Make) -> None:
    """Broken, a daemon that starts at noon says nothing of the session, or says it at each start."""
    clockwork = await make_clockwork(new_york(2026, 11, 20, 12), fresh=True)
    await clockwork.at(new_york(2026, 11, 20, 12))
    clockwork.start()
    await clockwork.at(new_york(2026, 11, 20, 12, 1))
    [event] = await clockwork.told(EventKind.MARKET_OPEN)
    assert "The market is open until Fri 20 Nov 16:00 New York" in words.text(event)
    assert await clockwork.runs("market_open") == new_york(2026, 11, 20, 9, 30)


async def test_a_first_start_has_missed_nothing(make_clockwork: Make) -> None:
    """Broken, the first thing a new user hears is which jobs he missed before he had the bot."""
    clockwork = await make_clockwork(new_york(2026, 11, 21, 3), fresh=True)
    await clockwork.at(new_york(2026, 11, 21, 3))
    assert await clockwork.told(EventKind.JOB_MISSED, EventKind.DAILY_REPORT, EventKind.MARKET_OPEN) == []


async def test_a_fresh_database_sends_no_report_at_once(make_clockwork: Make) -> None:
    """Broken, the first message of a bot that was started in the evening is a report of a day on which it was not there."""
    clockwork = await make_clockwork(new_york(2026, 11, 20, 20), fresh=True)
    await clockwork.at(new_york(2026, 11, 20, 20))
    assert await clockwork.told(EventKind.DAILY_REPORT, EventKind.POSITIONS_COMPARED, EventKind.MARKET_OPEN) == []
    await clockwork.run_to(new_york(2026, 11, 23, 17))
    assert len(await clockwork.told(EventKind.DAILY_REPORT)) == 1


async def test_the_first_report_survives_a_restart(make_clockwork: Make) -> None:
    """Broken, a bot that is new and restarted over 16:05 says nothing of its first day."""
    clockwork = await make_clockwork(new_york(2026, 11, 20, 15), fresh=True)
    await clockwork.at(new_york(2026, 11, 20, 15))
    clockwork.start()
    await clockwork.at(new_york(2026, 11, 20, 16, 10))
    assert len(await clockwork.told(EventKind.DAILY_REPORT)) == 1


async def test_the_report_is_made_up_on_its_day(make_clockwork: Make) -> None:
    """Broken, a restart over 16:05 costs the day's report, or sends it twice."""
    clockwork = await make_clockwork(new_york(2026, 11, 20, 15))
    await clockwork.at(new_york(2026, 11, 20, 15))
    for _ in range(2):
        clockwork.start()
        await clockwork.at(new_york(2026, 11, 20, 23, 58))
    [report] = await clockwork.told(EventKind.DAILY_REPORT)
    assert isinstance(report.facts, DailyReport)
    assert report.facts.session == date(2026, 11, 20)
    assert await clockwork.told(EventKind.JOB_MISSED) == []


async def test_an_early_close_s_report_is_made_up_after_the_ordinary_slot(make_clockwork: Make) -> None:
    """Broken, a daemon down from 13:00 to 17:00 on a half day reports nothing: the later slot is not its report's."""
    clockwork = await make_clockwork(new_york(2026, 11, 27, 12))
    await clockwork.at(new_york(2026, 11, 27, 12))
    clockwork.start()
    await clockwork.at(new_york(2026, 11, 27, 17))
    [report] = await clockwork.told(EventKind.DAILY_REPORT)
    assert "closed early" in words.text(report)


async def test_what_comes_too_late_is_told_once(make_clockwork: Make) -> None:
    """Broken, a weekend outage hides that reports are missing, or is told again at every start."""
    clockwork = await make_clockwork(new_york(2026, 11, 18, 15))
    await clockwork.run_to(new_york(2026, 11, 18, 17))
    for _ in range(2):
        clockwork.start()
        await clockwork.at(new_york(2026, 11, 21, 12))
    missed = {
        event.facts.job: event
        for event in await clockwork.told(EventKind.JOB_MISSED)
        if isinstance(event.facts, JobMissed)
    }
    assert set(missed) == {"market_open", "daily_report", "position_sync"}
    assert len(await clockwork.told(EventKind.JOB_MISSED)) == 3
    slots = (new_york(2026, 11, 19, 16, 5), new_york(2026, 11, 20, 16, 5))
    assert missed["daily_report"].facts == JobMissed("daily_report", slots)
    assert words.text(missed["position_sync"]) == (
        "The position sync of Fri 20 Nov 10:00 New York, Fri 20 Nov 14:00 New York, Fri 20 Nov 18:00 New York and 4 before "
        "was missed while the bot was down, and comes too late now."
    )


async def test_a_late_run_stands_for_the_day_s_earlier_ones(make_clockwork: Make) -> None:
    """Broken, a start in the afternoon compares positions three times, or calls the morning's comparison lost."""
    clockwork = await make_clockwork(new_york(2026, 11, 20, 8))
    await clockwork.at(new_york(2026, 11, 20, 8))
    clockwork.start()
    clockwork.bot.broker.held = {265598: Decimal(7)}
    await clockwork.at(new_york(2026, 11, 20, 15))
    assert len(await clockwork.told(EventKind.POSITIONS_COMPARED)) == 1
    assert await clockwork.runs("position_sync") == new_york(2026, 11, 20, 14)
    assert await clockwork.told(EventKind.JOB_MISSED) == []


async def test_a_failing_job_is_told_once_and_stops_no_other(make_clockwork: Make) -> None:
    """Broken, one job's error ends the scheduler, is silent, or is told every ten seconds."""
    clockwork = await make_clockwork(new_york(2026, 11, 20, 9, 59))
    clockwork.bot.broker.disconnect()

    async def broken(due: datetime, now: datetime) -> None:
        raise KeyError("a defect")

    clockwork.work["health_check"] = broken
    clockwork.start()
    await clockwork.at(new_york(2026, 11, 20, 9, 59))
    for second in range(3):
        await clockwork.at(new_york(2026, 11, 20, 10, 0, second))
    failed = await clockwork.told(EventKind.JOB_FAILED)
    texts = [words.text(event) for event in failed]
    assert [event.facts.job for event in failed if isinstance(event.facts, JobFailed)] == [
        "health_check",
        "position_sync",
        "health_check",
    ]
    assert "position sync of Fri 20 Nov 10:00 New York did not work: no answer to holdings" in texts[1]
    assert "Its next run is Fri 20 Nov 14:00 New York" in texts[1]
    assert "internal error (KeyError: 'a defect')" in texts[2]
    assert len(await clockwork.told(EventKind.MARKET_OPEN)) == 1


async def test_a_job_that_hangs_is_ended(make_clockwork: Make) -> None:
    """Broken, a question that IB never answers stops every job behind it for ever."""
    clockwork = await make_clockwork(new_york(2026, 11, 20, 10))
    clockwork.bot.broker.waits["holdings"] = asyncio.Event()
    tick = asyncio.create_task(clockwork.at(new_york(2026, 11, 20, 10)))

    async def asked() -> bool:
        return "holdings" in clockwork.bot.broker.asked

    await clockwork.bot.until(asked, "IB is asked")
    clockwork.bot.clock.skip(61)
    await tick
    [failed] = await clockwork.told(EventKind.JOB_FAILED)
    assert "it was not done within 60 s" in words.text(failed)
    assert await clockwork.runs("health_check") == new_york(2026, 11, 20, 10)


async def test_a_database_that_is_away_loses_no_run(make_clockwork: Make) -> None:
    """Broken, a database restart at 16:05 costs the report, or its return brings it twice."""
    clockwork = await make_clockwork(new_york(2026, 11, 20, 16))
    await clockwork.at(new_york(2026, 11, 20, 16))
    report = clockwork.work["daily_report"]
    away = True

    async def maybe(due: datetime, now: datetime) -> None:
        if away:
            raise LedgerUnavailable("it restarts")
        await report(due, now)

    clockwork.work["daily_report"] = maybe
    clockwork.start()
    with pytest.raises(LedgerUnavailable):
        await clockwork.at(new_york(2026, 11, 20, 16, 5))
    assert await clockwork.runs("health_check") == new_york(2026, 11, 20, 16, 5), "the others are done"
    away = False
    for second in (5, 10):
        await clockwork.at(new_york(2026, 11, 20, 16, 5, second))
    assert len(await clockwork.told(EventKind.DAILY_REPORT)) == 1
    assert await clockwork.told(EventKind.JOB_FAILED) == []


async def test_a_clock_that_is_set_back_repeats_nothing(make_clockwork: Make) -> None:
    """Broken, a corrected clock sends the report twice, or silences every job until the wrong time has come."""
    clockwork = await make_clockwork(new_york(2026, 11, 20, 16, 6))
    await clockwork.at(new_york(2026, 11, 20, 16, 6))
    await clockwork.at(new_york(2026, 11, 23, 16, 6))  # days ahead, by mistake
    await clockwork.at(new_york(2026, 11, 20, 15, 59))
    await clockwork.run_to(new_york(2026, 11, 20, 16, 30))
    reports = await clockwork.told(EventKind.DAILY_REPORT)
    assert [event.facts.session for event in reports if isinstance(event.facts, DailyReport)] == [
        date(2026, 11, 20),
        date(2026, 11, 23),
    ]
    assert clockwork.scheduler.next_due() == new_york(2026, 11, 20, 16, 30)


async def test_sleep_is_bounded(make_clockwork: Make) -> None:
    """Broken, a clock that is set forward is noticed only when the old time has come."""
    clockwork = await make_clockwork(new_york(2026, 11, 20, 12, 1))
    await clockwork.at(new_york(2026, 11, 20, 12, 1))
    assert clockwork.scheduler.pause_s(new_york(2026, 11, 20, 12, 1)) == SLEEP_MAX_S
    assert clockwork.scheduler.pause_s(new_york(2026, 11, 20, 12, 4, 59)) == pytest.approx(1.0)
    assert clockwork.scheduler.pause_s(new_york(2026, 11, 20, 12, 6)) == 0.0


@pytest.mark.parametrize("change", [new_york(2026, 3, 8), new_york(2026, 11, 1)])
async def test_every_five_minutes_through_a_clock_change(make_clockwork: Make, change: datetime) -> None:
    """Broken, the health check and the owner's dead-man's switch pause, or run double, in the night of a clock change."""
    clockwork = await make_clockwork(change)
    slots: list[datetime] = []
    check: Work = clockwork.work[HEALTH_CHECK]

    async def noted(due: datetime, now: datetime) -> None:
        slots.append(due)
        await check(due, now)

    clockwork.work[HEALTH_CHECK] = noted
    clockwork.start()
    await clockwork.run_to(change + timedelta(hours=5))
    first = slots[0]
    assert slots == [first + timedelta(minutes=5) * n for n in range(len(slots))]
    assert len(slots) >= 60


async def test_the_scheduler_sleeps_and_runs_by_itself(make_clockwork: Make) -> None:
    """Broken, the loop that the daemon runs never ticks: every other test here ticks by hand."""
    clockwork = await make_clockwork(new_york(2026, 11, 20, 9, 29, 58))
    running = asyncio.create_task(clockwork.scheduler.run())

    async def opened() -> bool:
        return bool(await clockwork.told(EventKind.MARKET_OPEN))

    await clockwork.bot.sooner_or_later(opened, "the opening is told", within_s=10)
    running.cancel()
    [event] = await clockwork.told(EventKind.MARKET_OPEN)
    assert event.at >= new_york(2026, 11, 20, 9, 30)


async def test_the_next_run_skips_what_is_none(make_clockwork: Make) -> None:
    """Broken, `tradebot jobs` promises an opening on Thanksgiving and two reports a day."""
    clockwork = await make_clockwork(new_york(2026, 11, 25, 17))
    comes = {plan.name: next_run(plan, new_york(2026, 11, 25, 17)) for plan in clockwork.plans}
    assert comes["market_open"] == new_york(2026, 11, 27, 9, 30)
    assert comes["daily_report"] == new_york(2026, 11, 27, 13, 5)
    assert comes["health_check"] == next_fire("*/5 * * * *", new_york(2026, 11, 25, 17))
    assert Calendar().session(new_york(2026, 11, 26, 12).date()) is None
