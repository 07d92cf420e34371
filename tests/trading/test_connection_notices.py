"""What the owner is notified of about the connection."""

from datetime import UTC, datetime, timedelta
from functools import partial

from tests.bot import Bot
from tests.bot_fixtures import MakeAtGateway
from tests.fakes import ACCOUNT
from tests.trading.moments import gate_closed
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import Connected, Disconnected, UpstreamBack, UpstreamLost
from tradebot.domain.events import EventKind
from tradebot.domain.facts.account import ClockOff
from tradebot.simgateway import GatewaySettings
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


async def _lost(bot: Bot, number: int) -> bool:
    return len(await bot.events(EventKind.BROKER_LOST)) == number


async def test_a_loss_behind_the_gateway_is_told_each_time_with_its_end(bot: Bot) -> None:
    """The second outage behind a gateway that stays connected would go untold, and so would the end of the first."""
    for number in (1, 2):
        bot.broker.upstream(up=False)
        bot.broker.events.put_nowait(UpstreamLost("1100"))
        await gate_closed(bot)
        await bot.sooner_or_later(partial(_lost, bot, number), f"loss {number} is notified", within_s=60)
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


async def test_why_ib_is_away_is_told(bot: Bot) -> None:
    """A gateway that never answers one question at connection would look like one that is down."""
    bot.broker.disconnect("the gateway did not answer the question for account values within 10 s")
    await bot.sooner_or_later(partial(_lost, bot, 1), "the loss is notified", within_s=60)
    [told] = await bot.events(EventKind.BROKER_LOST)
    assert "(the gateway did not answer the question for account values within 10 s)" in words.text(told)


async def test_a_clock_that_is_off_is_told_with_the_figure_and_once(bot: Bot) -> None:
    """Alerts would be too old, or the market closed, by a wrong clock that nobody looks at; or it is told every night."""
    for generation, ahead_s in enumerate((30.0, 31.0, 4.0, -90.0), start=2):
        bot.broker.events.put_nowait(Connected(generation, ACCOUNT, True, 178, clock_ahead_s=ahead_s))
    ahead, behind = await bot.told(EventKind.CLOCK_OFF, 2)
    assert words.text(ahead).startswith("This machine's clock is 30 s ahead of IB Gateway's.")
    assert words.text(behind).startswith("This machine's clock is 1 min 30 s behind IB Gateway's.")
    await bot.told(EventKind.BROKER_CONNECTED, 5)
    assert len(await bot.events(EventKind.CLOCK_OFF)) == 2


async def test_a_clock_that_is_off_is_told_at_connection(make_at_gateway: MakeAtGateway) -> None:
    """The same, by what the gateway's greeting says."""
    settings = GatewaySettings(clock=lambda: datetime.now(UTC) + timedelta(seconds=30))
    there = await make_at_gateway(settings)
    [told] = await there.bot.told(EventKind.CLOCK_OFF)
    assert isinstance(told.facts, ClockOff)
    assert abs(told.facts.ahead_s + 30) <= 1.5, "the greeting has whole seconds"


async def test_a_gateway_that_takes_orders_again_is_told_and_traded(make_at_gateway: MakeAtGateway) -> None:
    """The owner unticks Read-Only API, and nothing is traded until he restarts something."""
    there = await make_at_gateway(options={"read_only_again_s": 0.05})
    there.gateway.faults.arm("deny")
    await there.bot.alert("BUY")
    await there.bot.told(EventKind.TRADING_REFUSED)
    waiting = await there.bot.alert("BUY", "MSFT")
    [told] = await there.bot.told(EventKind.TRADING_ALLOWED)
    assert "takes orders again" in words.text(told)
    await there.bot.becomes(waiting, AlertStatus.EXECUTED)
