"""What the owner is notified of about the connection."""

from tests.bot import Bot
from tests.trading.moments import gate_closed
from tradebot.domain.brokerage import Disconnected, UpstreamBack, UpstreamLost
from tradebot.domain.events import EventKind
from tradebot.words import events as words


async def test_a_long_loss_is_told_once_and_its_end_too(bot: Bot) -> None:
    """The owner would not know that nothing is traded, or be told at every hiccup."""
    bot.broker.disconnect()
    await bot.seconds(25)
    assert await bot.events(EventKind.BROKER_LOST) == []
    await bot.seconds(40)
    assert len(await bot.events(EventKind.BROKER_LOST)) == 1
    bot.broker.connect()
    first, again = await bot.told(EventKind.BROKER_CONNECTED, 2)
    assert words.text(first) == "Connected to the broker: PAPER account DU1234567."
    assert words.text(again).startswith("Connected to the broker again after 1 min")


async def test_a_short_loss_is_not_told(bot: Bot) -> None:
    """Every nightly hiccup would wake the owner."""
    bot.broker.disconnect()
    await bot.seconds(10)
    bot.broker.connect()
    await bot.is_open()
    await bot.seconds(40, at_once=5)
    assert await bot.events(EventKind.BROKER_LOST) == []


async def test_a_loss_behind_the_gateway_is_told_each_time_with_its_end(bot: Bot) -> None:
    """The second outage behind a gateway that stays connected would go untold, and so would the end of the first."""
    for number in (1, 2):
        bot.broker.upstream(up=False)
        bot.broker.events.put_nowait(UpstreamLost("1100"))
        await gate_closed(bot)
        await bot.seconds(35, at_once=5)
        assert len(await bot.events(EventKind.BROKER_LOST)) == number
        bot.broker.upstream(up=True)
        bot.broker.events.put_nowait(UpstreamBack(data_lost=False))
        await bot.is_open()
        told = await bot.told(EventKind.BROKER_CONNECTED, 1 + number)
        assert words.text(told[-1]).startswith("IB is back after 3")


async def test_a_gateway_out_of_reach_is_told(bot: Bot) -> None:
    """The bot would try for ever and say nothing."""
    bot.broker.disconnect()
    bot.broker.events.put_nowait(Disconnected(1, "connection refused", attempt=50, exhausted=True))
    (told,) = await bot.told(EventKind.BROKER_UNREACHABLE)
    assert "cannot be reached after 50 attempts (connection refused)" in words.text(told)


async def test_notices_survive_a_database_that_is_away(bot: Bot) -> None:
    """Telling of a lost connection would end the program while the database is away."""
    bot.ledger.away = True
    bot.broker.disconnect()
    bot.broker.connect()
    await bot.seconds(5)
    bot.ledger.away = False

    async def is_open() -> bool:
        return bot.gate.is_open

    await bot.sooner_or_later(is_open, "the gate opens", within_s=10)
    assert not [name for name, task in bot.tasks.items() if task.done()]
