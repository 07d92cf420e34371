"""Alerts that say that they are tests, in a bot that trades: through every way in which a stored alert comes to an order."""

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.events import EventKind
from tradebot.domain.facts.alerts import AlertTested


async def sent_as_tests(bot: Bot) -> list[int]:
    """A BUY, a SELL of what is held, each a test."""
    alerts = [await bot.alert("buy", test=True), await bot.alert("sell", test="true", time="2026-11-20T17:00:00Z")]
    await bot.intake.finish()
    return alerts


async def assert_nothing_came_of(bot: Bot, alerts: list[int]) -> None:
    for alert_id in alerts:
        row = await bot.row(alert_id)
        assert (row.status, row.test) == (AlertStatus.BLOCKED, True)
        assert {event.kind for event in await bot.events(alert_id=alert_id)} <= {
            EventKind.ALERT_STORED,
            EventKind.ALERT_TESTED,
        }
    listed = await bot.queue.contents()
    assert not {*alerts} & {*listed.buy, *listed.sell, *listed.pending}
    assert not {order.order_ref.split("-")[1] for order in bot.broker.sent} & {str(alert_id) for alert_id in alerts}


async def test_a_test_never_trades_not_after_a_restart_either(make_bot: MakeBot) -> None:
    """Who tries his template would find shares in his account, at once or after the next start."""
    first = await make_bot()
    await first.start()
    await first.owns(5)
    alerts = await sent_as_tests(first)
    await first.seconds(5)
    await first.requeue.run_once()
    real, _ = await first.order("SELL")  # what came after the tests has its turn
    await assert_nothing_came_of(first, alerts)
    await first.stop()

    second = await make_bot()
    second.broker.held, second.broker.working = first.broker.held, first.broker.working
    await second.start()
    await second.seconds(5)
    await second.requeue.run_once()
    await assert_nothing_came_of(second, alerts)
    assert second.broker.sent == []
    assert (await second.row(real)).status is AlertStatus.PROCESSING


async def test_a_test_at_night_does_not_wait_for_the_open(make_bot: MakeBot) -> None:
    """It would trade at the open, when nobody thinks of it any more."""
    bot = await make_bot(always=False)
    alerts = await sent_as_tests(bot)
    async with bot.ledger.read() as books:
        waiting = await books.alerts((AlertStatus.RECEIVED, AlertStatus.PENDING))
        counted = await books.count_alerts("main", Side.BUY, bot.clock.now().replace(hour=0))
    assert (list(waiting), counted) == ([], 0)
    await assert_nothing_came_of(bot, alerts)


async def test_a_test_is_answered_with_what_the_bot_would_do(bot: Bot) -> None:
    """Who tries his template would read how it was understood, and not what it comes to with the books and limits of today."""
    await bot.owns(5)
    fields = {"action": "sell", "ticker": "AAPL", "test": True}
    accepted = await bot.intake.accept(fields, b"raw", None)
    assert isinstance(accepted.report, list)
    assert "5" in " ".join(accepted.report), accepted.report  # what is held
    (told,) = await bot.told(EventKind.ALERT_TESTED)
    assert isinstance(told.facts, AlertTested)
    assert list(told.facts.report) == accepted.report
