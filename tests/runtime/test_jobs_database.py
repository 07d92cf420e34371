"""A PostgreSQL that is killed while a job has its say: tried again until it is done, and told once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from decimal import Decimal

import pytest
from loguru import logger

from tests.adapters.database.samples import a_lot, a_trade
from tests.bot import Bot, Setup
from tests.clockwork import Clockwork, new_york
from tests.fakes import ACCOUNT
from tests.servers import PostgresServer
from tradebot.database import migrate, open_ledger
from tradebot.domain.analytics.thresholds import Thresholds
from tradebot.domain.events import EventKind
from tradebot.domain.job_plan import DAILY_REPORT, THRESHOLDS, WEEKLY_REPORT
from tradebot.domain.settings import ACCOUNT_KEY
from tradebot.errors import LedgerUnavailable

TOLD = {
    DAILY_REPORT: EventKind.DAILY_REPORT,
    WEEKLY_REPORT: EventKind.WEEKLY_REPORT,
    THRESHOLDS: EventKind.THRESHOLD_CROSSED,
}
SELDOM = dict.fromkeys(("health_check", "position_sync", "equity", "daily_bars", "prune"), "0 3 * * *")
BEFORE, SLOT = new_york(2026, 11, 20, 16, 4), new_york(2026, 11, 20, 16, 5)  # after a Friday's close


@pytest.fixture
async def clockwork(own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Clockwork]:
    """All three are due at once, and there is something to tell of each."""
    # Time is set ahead while figures are counted beside the bot, too: the job must not take that for a process that hangs.
    monkeypatch.setattr("tradebot.runtime.scheduler.JOB_MAX_S", 1_000_000)
    await migrate.up(own_postgres.url)
    crons = {**SELDOM, **dict.fromkeys(TOLD, "5 16 * * 1-5")}
    setup = Setup(start=BEFORE, always=False, crons=crons, thresholds=Thresholds(loss_streak=1))
    # Time is set ahead while statements are under way: their own deadline must not take that for a dead server.
    async with open_ledger(own_postgres.url, timeout_s=1_000_000) as ledger:
        bot = Bot(ledger, own_postgres.url, setup)
        bot.broker.connect()
        async with ledger.begin() as books:
            await books.put_setting(ACCOUNT_KEY, ACCOUNT, "bot", BEFORE)
            opening, closing = await a_trade(books, created_at=BEFORE), await a_trade(books, created_at=BEFORE)
            lost = a_lot(opening, closing, pnl=Decimal(-5), entry_time=BEFORE, exit_time=BEFORE)
            await books.rewrite_lots("main", "AAPL", [lost], closed_by=[closing], and_open=False)
        made = Clockwork(bot)
        await made.at(BEFORE)
        yield made


def _at_first(clockwork: Clockwork, job: str, arm: Callable[[], None], tries: Counter[str]) -> None:
    """Has the job counted, and `arm` called before its first try."""
    work = clockwork.work[job]

    async def noted(due: datetime, now: datetime) -> None:
        tries[job] += 1
        if tries[job] == 1:
            arm()
        await work(due, now)

    clockwork.work[job] = noted


async def _told_in_the_end(clockwork: Clockwork) -> None:
    """Each once, and nothing of what went wrong: not after minutes, and not after a new start."""

    async def done() -> bool:
        return [await clockwork.runs(job) for job in TOLD] == [SLOT] * len(TOLD)

    await clockwork.bot.sooner_or_later(done, "all three are done", within_s=3000)
    await clockwork.bot.seconds(60, at_once=10)
    clockwork.start()
    await clockwork.scheduler.tick(clockwork.bot.clock.now())
    assert await clockwork.told(EventKind.JOB_FAILED, EventKind.JOB_MISSED) == []
    told = Counter(event.kind for event in await clockwork.told(*TOLD.values()))
    assert told == Counter(TOLD.values())


def _once(ledger_hook: str, bot: Bot, happens: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    async def then() -> None:
        setattr(bot.ledger, ledger_hook, None)
        await happens()

    return lambda: setattr(bot.ledger, ledger_hook, then)


@pytest.mark.parametrize("job", TOLD)
async def test_a_server_killed_within_a_job_costs_nothing(
    job: str, clockwork: Clockwork, own_postgres: PostgresServer
) -> None:
    """A report would be lost with its transaction, told twice, or the log filled with a line every five seconds."""
    lines: list[str] = []
    tries: Counter[str] = Counter()
    bot = clockwork.bot
    _at_first(clockwork, job, _once("before_commit", bot, own_postgres.kill), tries)
    clockwork.start()
    sink = logger.add(lines.append, format="{message}", level="INFO")
    running = asyncio.create_task(clockwork.scheduler.run())

    async def tried_in_vain() -> bool:
        return tries[job] >= 4

    await bot.sooner_or_later(tried_in_vain, "the job has been tried without its database")
    await own_postgres.start()
    await _told_in_the_end(clockwork)
    logger.remove(sink)
    running.cancel()
    assert len([line for line in lines if "jobs wait for the database" in line]) == 1, lines


async def test_a_commit_whose_answer_was_lost_is_not_told_again(clockwork: Clockwork) -> None:
    """What is stored, though the bot could not hear of it, would come a second time."""
    tries: Counter[str] = Counter()
    bot = clockwork.bot

    async def lost() -> None:
        raise LedgerUnavailable("the connection broke as the answer was on its way")

    for job in TOLD:
        _at_first(clockwork, job, _once("after_commit", bot, lost), tries)
    clockwork.start()
    running = asyncio.create_task(clockwork.scheduler.run())
    await _told_in_the_end(clockwork)
    running.cancel()
    assert tries == Counter(dict.fromkeys(TOLD, 2))
