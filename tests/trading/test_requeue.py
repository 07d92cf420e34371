"""The requeue: lists that follow the stored status, alerts that waited for the open, SELLs first, each judged afresh."""

import asyncio
from datetime import timedelta

from redis.asyncio import Redis

from tests.bot import Bot, said
from tests.bot_fixtures import MakeBot
from tests.clockwork import Clockwork, new_york
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.events import EventKind
from tradebot.queues.redis import open_redis_queue
from tradebot.trading.requeue import Requeue
from tradebot.words import events as words

SATURDAY = new_york(2026, 11, 21, 12)
MONDAY_OPEN = new_york(2026, 11, 23, 9, 30)


async def test_the_weekend_s_alerts_run_at_the_open_in_their_order(make_bot: MakeBot) -> None:
    """Broken, entries go before exits, or an older entry is made after its exit was judged."""
    bot: Bot = await make_bot(start=new_york(2026, 11, 20, 15), always=False)
    await bot.start()
    for ticker in ("AAPL", "IBM"):
        await bot.bought(5, ticker)
    sent = len(bot.broker.sent)
    bot.clock.skip((SATURDAY - bot.clock.now()).total_seconds())
    wanted = [("BUY", "AAPL"), ("BUY", "MSFT"), ("SELL", "IBM"), ("BUY", "KO"), ("SELL", "AAPL"), ("BUY", "TSLA")]
    alerts = {pair: await bot.alert(*pair) for pair in wanted}
    for alert_id in alerts.values():
        await bot.becomes(alert_id, AlertStatus.PENDING)
    assert sorted(event.alert_id or 0 for event in await bot.events(EventKind.ALERT_PENDING)) == list(alerts.values())
    bot.broker.fill_at_once()
    bot.clock.skip((MONDAY_OPEN - bot.clock.now()).total_seconds() + 0.01)
    for pair, alert_id in alerts.items():
        await bot.becomes(alert_id, AlertStatus.BLOCKED if pair == ("BUY", "AAPL") else AlertStatus.EXECUTED)
    assert [(order.side, order.contract.ticker) for order in bot.broker.sent[sent:]] == [
        ("SELL", "IBM"), ("SELL", "AAPL"), ("BUY", "MSFT"), ("BUY", "KO"), ("BUY", "TSLA"),
    ]  # fmt: skip
    assert (
        said((await bot.row(alerts["BUY", "AAPL"])).reason)
        == f"superseded by the SELL of alert {alerts['SELL', 'AAPL']}"
    )
    [opened] = [event for event in await bot.events(EventKind.MARKET_OPEN) if event.at >= MONDAY_OPEN]
    assert "2 SELL, then 4 BUY" in words.text(opened)


async def test_slow_answers_change_no_order(make_bot: MakeBot) -> None:
    """Broken, IB's slow answer to an exit lets every entry overtake it."""
    bot: Bot = await make_bot(start=new_york(2026, 11, 20, 15), always=False)
    await bot.start()
    await bot.bought(5, "AAPL")
    sent = len(bot.broker.sent)
    bot.clock.skip((SATURDAY - bot.clock.now()).total_seconds())
    ids = [await bot.alert(*pair) for pair in (("BUY", "MSFT"), ("SELL", "AAPL"), ("BUY", "AAPL"))]
    for alert_id in ids:
        await bot.becomes(alert_id, AlertStatus.PENDING)
    bot.broker.waits["holdings"] = gate = asyncio.Event()
    bot.clock.skip((MONDAY_OPEN - bot.clock.now()).total_seconds() + 0.01)

    async def quotes_are_there() -> bool:
        return bot.broker.asked.count("quote") >= 3

    await bot.until(quotes_are_there, "the BUYs are prepared")
    gate.set()
    await bot.sent(sent + 2)
    assert [order.side for order in bot.broker.sent[sent:]] == [Side.SELL, Side.BUY]


async def test_a_daemon_that_was_down_at_the_open_flushes_when_it_starts(make_bot: MakeBot) -> None:
    """Broken, an exit of the weekend waits until Tuesday because the bot was restarted over Monday's open."""
    bot: Bot = await make_bot(start=new_york(2026, 11, 23, 11), always=False)
    clockwork = Clockwork(bot)
    alert_id = await clockwork.pending("AAPL", Side.SELL, SATURDAY)
    await bot.requeue.run_once()
    assert (await bot.row(alert_id)).status is AlertStatus.RECEIVED
    assert (await bot.queue.contents()).sell == (alert_id,)
    again = Requeue(
        bot.ledger,
        bot.queue,
        bot.worker,
        clockwork.hours,
        bot.clock,
        pulse=bot.pulse,
        pending_max_age=timedelta(hours=96),
    )
    await again.run_once()
    assert len(await bot.events(EventKind.MARKET_OPEN)) == 1, "told once a session, over restarts"


async def test_what_waited_too_long_expires_whenever_that_is(make_bot: MakeBot) -> None:
    """Broken, an alert of last week is traded, or its owner hears of its end only days later at the open."""
    bot: Bot = await make_bot(start=SATURDAY, always=False)
    clockwork = Clockwork(bot)
    old = await clockwork.pending("AAPL", Side.BUY, SATURDAY - timedelta(hours=96, seconds=1))
    young = await clockwork.pending("KO", Side.BUY, SATURDAY - timedelta(hours=95))
    await bot.requeue.run_once()
    row = await bot.row(old)
    assert (row.status, said(row.reason)) == (
        AlertStatus.EXPIRED,
        "waited longer than 96 h for the market to open (trading.pending_max_age_h)",
    )
    assert (await bot.row(young)).status is AlertStatus.PENDING
    [event] = await bot.events(EventKind.ALERT_EXPIRED)
    assert "BUY AAPL expired" in words.text(event)
    assert "Nothing was ordered" in words.text(event)
    assert (await bot.queue.contents()).pending == (young,)


async def test_always_open_has_no_openings(make_bot: MakeBot) -> None:
    """Broken, a bot that trades at all hours tells of openings that mean nothing to it, or keeps alerts waiting."""
    bot: Bot = await make_bot(start=new_york(2026, 11, 20, 12), always=True)
    alert_id = await Clockwork(bot).pending("AAPL", Side.SELL, SATURDAY - timedelta(days=1))
    await bot.requeue.run_once()
    assert (await bot.row(alert_id)).status is AlertStatus.RECEIVED
    assert await bot.events(EventKind.MARKET_OPEN) == []


async def test_lists_follow_the_stored_status(make_bot: MakeBot, redis_url: str) -> None:
    """Broken, a flushed or stale Redis loses alerts, or keeps showing what is long over."""
    bot: Bot = await make_bot(start=SATURDAY, always=False)
    clockwork = Clockwork(bot)
    first = await clockwork.pending("AAPL", Side.SELL, SATURDAY)
    second = await clockwork.pending("KO", Side.BUY, SATURDAY)
    async with open_redis_queue(redis_url) as queue, Redis.from_url(redis_url) as redis:
        requeue = Requeue(
            bot.ledger,
            queue,
            bot.worker,
            clockwork.hours,
            bot.clock,
            pulse=bot.pulse,
            pending_max_age=timedelta(hours=96),
        )
        await requeue.run_once()
        assert (await queue.contents()).pending == (first, second)
        await redis.flushall()
        await requeue.run_once()
        assert (await queue.contents()).pending == (first, second)
        clockwork.set(MONDAY_OPEN)
        await requeue.run_once()
        contents = await queue.contents()
        assert (contents.sell, contents.buy, contents.pending) == ((first,), (second,), ())
        await redis.flushall()
        await requeue.run_once()
        contents = await queue.contents()
        assert (contents.sell, contents.buy, contents.pending) == ((first,), (second,), ())


async def test_an_exit_that_waits_for_ib_holds_back_its_ticker_s_entries(make_bot: MakeBot) -> None:
    """Broken, an entry is made while its own, newer exit waits for IB's answer: shares are bought to be sold at once."""
    bot: Bot = await make_bot()
    await bot.start()
    await bot.bought(5, "AAPL")
    bot.broker.waits["quote"] = slow = asyncio.Event()
    bot.broker.failing.add("holdings")
    entry, exit_ = await bot.alert("BUY", "AAPL"), await bot.alert("SELL", "AAPL")

    async def asked() -> bool:
        return {"quote", "holdings"} <= set(bot.broker.asked[-4:])

    await bot.until(asked, "both are prepared")
    slow.set()
    await bot.seconds(3)
    assert len(bot.broker.sent) == 1, "the entry waits"
    bot.broker.failing.clear()
    await bot.seconds(2)
    await bot.sent(2)
    assert bot.broker.sent[-1].side is Side.SELL
    row = await bot.becomes(entry, AlertStatus.BLOCKED)
    assert said(row.reason) == f"superseded by the SELL of alert {exit_}"
