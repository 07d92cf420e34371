"""The account's worth over the day: stored as IB reports it, in sessions and at their close, and never made up."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.clockwork import Clockwork, new_york
from tests.fakes import ACCOUNT
from tradebot.domain.equity import Equity
from tradebot.domain.events import EventKind
from tradebot.domain.job_plan import EQUITY, next_run

QUARTER = timedelta(minutes=15)
SELDOM = {"health_check": "0 3 * * *"}


@pytest.fixture
async def clockwork(make_bot: MakeBot) -> Clockwork:
    """On the morning before Thanksgiving, connected."""
    bot: Bot = await make_bot(start=new_york(2026, 11, 25, 9, 10), always=False, crons=SELDOM)
    bot.broker.connect()
    return Clockwork(bot)


async def stored(bot: Bot) -> list[Equity]:
    async with bot.ledger.read() as books:
        return list(await books.equity(ACCOUNT, datetime(2000, 1, 1, tzinfo=UTC)))


def quarters(first: datetime, last: datetime) -> list[datetime]:
    return [first + QUARTER * n for n in range(int((last - first) / QUARTER) + 1)]


async def test_every_quarter_of_an_hour_from_open_to_close(clockwork: Clockwork) -> None:
    """Broken, the curve has holes, rows of a closed market, or not the close that the day is judged by."""
    await clockwork.run_to(new_york(2026, 11, 28, 3))
    assert [row.at for row in await stored(clockwork.bot)] == [
        *quarters(new_york(2026, 11, 25, 9, 30), new_york(2026, 11, 25, 16)),
        *quarters(new_york(2026, 11, 27, 9, 30), new_york(2026, 11, 27, 13)),  # closes early
    ]


async def test_the_close_is_stored_whatever_the_line(make_bot: MakeBot) -> None:
    """Broken, an owner's own line that misses 16:00 leaves each day without its last figure."""
    bot: Bot = await make_bot(start=new_york(2026, 11, 20, 9), always=False, crons={**SELDOM, "equity": "40 * * * *"})
    bot.broker.connect()
    await Clockwork(bot).run_to(new_york(2026, 11, 23, 9))
    wanted = [new_york(2026, 11, 20, hour, 40) for hour in range(9, 17)]
    assert [row.at for row in await stored(bot)] == wanted


async def test_a_row_says_what_ib_reports(clockwork: Clockwork) -> None:
    """Broken, a loss is stored as a gain, or what IB does not report as zero."""
    broker = clockwork.bot.broker
    broker.cash, broker.unrealised, broker.realised_today = Decimal("98765.43"), Decimal("-12.5"), Decimal(7)
    await clockwork.at(new_york(2026, 11, 25, 10))
    broker.unrealised = broker.realised_today = None
    await clockwork.at(new_york(2026, 11, 25, 10, 15))
    worth = Decimal("98765.43")
    assert await stored(clockwork.bot) == [
        Equity(ACCOUNT, new_york(2026, 11, 25, 10), worth, worth, Decimal("-12.5"), Decimal(7)),
        Equity(ACCOUNT, new_york(2026, 11, 25, 10, 15), worth, worth, None, None),
    ]


@pytest.mark.parametrize("trouble", ["no connection", "no servers", "no values"])
async def test_what_is_not_known_is_not_stored(clockwork: Clockwork, trouble: str) -> None:
    """Broken, an hour without IB is an hour in which the account seems to stand still, or to be worth nothing."""
    broker = clockwork.bot.broker
    match trouble:
        case "no connection":
            broker.disconnect()
        case "no servers":
            broker.upstream(up=False)
        case "no values":
            broker.cash = None
    await clockwork.run_to(new_york(2026, 11, 25, 9, 35))
    assert await stored(clockwork.bot) == []
    assert await clockwork.told(EventKind.JOB_FAILED, EventKind.JOB_MISSED) == []
    broker.cash = Decimal(1)
    broker.connect()
    await clockwork.run_to(new_york(2026, 11, 25, 9, 50))
    assert [row.at for row in await stored(clockwork.bot)] == [new_york(2026, 11, 25, 9, 45)]


async def test_nothing_is_made_up_and_nothing_told(clockwork: Clockwork) -> None:
    """Broken, the worth of the evening stands in the curve as that of the close, or every outage is told once more."""
    await clockwork.run_to(new_york(2026, 11, 25, 10, 5))
    clockwork.start()
    await clockwork.at(new_york(2026, 11, 25, 16, 10))
    assert [row.at for row in await stored(clockwork.bot)] == quarters(
        new_york(2026, 11, 25, 9, 30), new_york(2026, 11, 25, 10)
    )
    assert await clockwork.told(EventKind.JOB_MISSED) == []


async def test_a_restart_stores_no_second_row(clockwork: Clockwork) -> None:
    """Broken, a slot has two figures, and which of them counts is chance."""
    close = new_york(2026, 11, 25, 16)
    await clockwork.at(close)
    clockwork.bot.broker.cash = Decimal(1)
    clockwork.start()
    await clockwork.at(close + timedelta(seconds=30))
    assert [(row.at, row.net_liquidation) for row in await stored(clockwork.bot)] == [(close, Decimal(100_000))]


async def test_the_next_row_is_the_next_session_s(clockwork: Clockwork) -> None:
    """Broken, `tradebot jobs` promises a row on Thanksgiving."""
    [plan] = [plan for plan in clockwork.plans if plan.name == EQUITY]
    assert next_run(plan, new_york(2026, 11, 25, 15, 50)) == new_york(2026, 11, 25, 16)
    assert next_run(plan, new_york(2026, 11, 25, 16)) == new_york(2026, 11, 27, 9, 30)
