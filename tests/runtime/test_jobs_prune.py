"""The nightly pruning: in steps between which others get their turn, bounded, and ended cleanly by whatever ends it."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.clockwork import Clockwork, new_york
from tests.facts import bought
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.job_plan import PRUNE
from tradebot.errors import LedgerUnavailable
from tradebot.runtime.jobs.prune import NIGHT_S, PAUSE_S, STEP_ROWS

EVENING = new_york(2026, 11, 20, 20)
NIGHT = new_york(2026, 11, 21, 3, 30)
OLD = NIGHT - timedelta(days=366)
STEPS = 5
CRONS = {"health_check": "0 3 * * *", "equity": "0 12 * * *"}  # not every few minutes of many nights


@pytest.fixture
async def clockwork(make_bot: MakeBot) -> Clockwork:
    """A bot in whose database `STEPS` steps of old events wait for the night."""
    bot: Bot = await make_bot(start=EVENING, always=False, crons=CRONS)
    await fill(bot)
    return Clockwork(bot)


async def fill(bot: Bot) -> None:
    async with bot.ledger.begin() as books:
        old = [await books.add_event(NewEvent(bought(), OLD)) for _ in range(STEPS * STEP_ROWS)]
        await books.mark_delivered("owner", old, OLD)


async def left(bot: Bot) -> int:
    async with bot.ledger.read() as books:
        return len(await books.events_since((bought().kind,), OLD))


async def test_what_is_old_goes_in_one_night_step_by_step(clockwork: Clockwork) -> None:
    """Broken, the database grows for ever, or one long transaction stands before an exit."""
    bot, steps = clockwork.bot, []

    async def look() -> None:
        steps.append((await left(bot), bot.clock.now()))

    await clockwork.run_to(NIGHT)
    bot.ledger.after_commit = look
    await clockwork.work[PRUNE](NIGHT, bot.clock.now())
    bot.ledger.after_commit = None
    assert [rows for rows, _ in steps] == [STEP_ROWS * n for n in (4, 3, 2, 1, 0, 0)]
    times = [at for _, at in steps]
    assert all(later - earlier >= timedelta(seconds=PAUSE_S) for earlier, later in pairwise(times))
    assert await clockwork.runs(PRUNE) == NIGHT


async def test_a_great_backlog_takes_several_nights(clockwork: Clockwork) -> None:
    """Broken, the first night after an upgrade holds up every other job, and is told as a job that did not work."""
    bot = clockwork.bot

    async def slow() -> None:
        bot.clock.skip(NIGHT_S / 2)

    async def at_night(at: datetime) -> int:
        await clockwork.run_to(at)
        bot.ledger.after_commit = slow
        await clockwork.at(at)
        bot.ledger.after_commit = None
        return await left(bot)

    assert await at_night(NIGHT) == 3 * STEP_ROWS
    assert await at_night(NIGHT + timedelta(days=1)) == 1 * STEP_ROWS
    assert await at_night(NIGHT + timedelta(days=2)) == 0
    assert await clockwork.told(EventKind.JOB_FAILED) == []


async def test_a_stop_in_the_middle_leaves_the_rest_to_the_next_night(clockwork: Clockwork) -> None:
    """Broken, the end of the daemon waits for the pruning, or a restart begins the night's work again."""
    bot, begun = clockwork.bot, asyncio.Event()
    await clockwork.run_to(NIGHT)

    async def wait() -> None:
        begun.set()
        await asyncio.Event().wait()

    bot.ledger.after_commit = wait
    pruning: asyncio.Future[None] = asyncio.ensure_future(clockwork.work[PRUNE](NIGHT, bot.clock.now()))
    await begun.wait()
    pruning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pruning
    bot.ledger.after_commit = None
    clockwork.start()
    await clockwork.at(NIGHT + timedelta(minutes=1))
    assert await left(bot) == (STEPS - 1) * STEP_ROWS
    await clockwork.run_to(NIGHT + timedelta(days=1, minutes=1))
    assert await left(bot) == 0


async def test_a_database_that_goes_away_loses_nothing(clockwork: Clockwork) -> None:
    """Broken, a database restart at night is told as a failing job, or takes half a step away."""
    bot = clockwork.bot
    await clockwork.run_to(NIGHT)

    async def goes_away() -> None:
        bot.ledger.away, bot.ledger.after_commit = True, None

    bot.ledger.after_commit = goes_away
    with pytest.raises(LedgerUnavailable):
        await clockwork.work[PRUNE](NIGHT, bot.clock.now())
    bot.ledger.away = False
    assert await left(bot) == (STEPS - 1) * STEP_ROWS
    await clockwork.run_to(NIGHT + timedelta(days=1, minutes=1))
    assert await left(bot) == 0
    assert await clockwork.told(EventKind.JOB_FAILED, EventKind.JOB_MISSED) == []


async def test_a_night_that_was_slept_through_is_made_up_on_its_day(clockwork: Clockwork) -> None:
    """Broken, a machine that is off at night never prunes, or tells every morning that it did not."""
    await clockwork.run_to(EVENING + timedelta(minutes=1))
    clockwork.start()
    await clockwork.at(new_york(2026, 11, 22, 11))
    assert await clockwork.runs(PRUNE) == new_york(2026, 11, 22, 3, 30)
    assert await left(clockwork.bot) == 0
    assert PRUNE not in [getattr(event.facts, "job", "") for event in await clockwork.told(EventKind.JOB_MISSED)]


async def test_who_wants_everything_kept_loses_nothing(make_bot: MakeBot) -> None:
    """Broken, `keep_days = 0` takes everything away."""
    bot: Bot = await make_bot(start=EVENING, always=False, keep=None, crons=CRONS)
    await fill(bot)
    clockwork = Clockwork(bot)
    await clockwork.run_to(NIGHT + timedelta(minutes=1))
    assert await left(bot) == STEPS * STEP_ROWS
    assert await clockwork.runs(PRUNE) == NIGHT


async def test_days_that_are_kept_stay(make_bot: MakeBot) -> None:
    """Broken, the owner keeps less, or for less long, than he chose."""
    bot: Bot = await make_bot(start=EVENING, always=False, keep=timedelta(days=400), crons=CRONS)
    await fill(bot)
    clockwork = Clockwork(bot)
    await clockwork.run_to(NIGHT + timedelta(minutes=1))
    assert await left(bot) == STEPS * STEP_ROWS
    await clockwork.run_to(NIGHT + timedelta(days=35))
    assert await left(bot) == 0
