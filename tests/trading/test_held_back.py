"""Exits that the kill switch stopped are listed when it is lifted, and not sold by themselves."""

from decimal import Decimal

from tests.bot import Bot
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import ErrorKind, OrderState
from tradebot.domain.events import EventKind
from tradebot.domain.facts.account import ExitsHeldBack, HeldBack
from tradebot.domain.settings import TradingState
from tradebot.trading.switch import store_state
from tradebot.words import events as words


async def test_exits_that_a_kill_stopped_are_listed_at_its_end(bot: Bot) -> None:
    """The owner resumes, and never hears that the strategy had left its positions meanwhile."""
    await bot.owns(5, "AAPL")
    await bot.owns(2, "KO")
    await bot.owns(1, "IBM")
    _, cancelled = await bot.order("SELL", "IBM")
    await bot.switch.kill("owner")
    blocked = await bot.alert("SELL", "AAPL")
    await bot.becomes(blocked, AlertStatus.BLOCKED)
    bot.broker.error(cancelled, 202, ErrorKind.CANCELLED, "Order Canceled - reason:")
    bot.broker.show(cancelled, OrderState.CANCELLED)

    async def told() -> bool:
        return bool(await bot.events(EventKind.EXIT_INCOMPLETE))

    await bot.sooner_or_later(told, "the exit that the kill ended is told")
    await bot.switch.resume("owner", to=TradingState.PAUSED)
    [event] = await bot.events(EventKind.EXITS_HELD_BACK)
    assert event.facts == ExitsHeldBack((HeldBack("AAPL", Decimal(5)), HeldBack("IBM", Decimal(1))))
    assert "still held: 5 AAPL, 1 IBM" in words.text(event)
    await bot.seconds(30)
    assert len(bot.broker.sent) == 1


async def test_a_resume_in_a_shell_lists_them_too(bot: Bot) -> None:
    """Who resumes beside the daemon would not hear of them."""
    await bot.owns(5)
    await bot.switch.kill("owner")
    await bot.becomes(await bot.alert("SELL"), AlertStatus.BLOCKED)
    await store_state(bot.ledger, TradingState.RUNNING, "shell", bot.clock.now())
    assert len(await bot.events(EventKind.EXITS_HELD_BACK)) == 1


async def test_what_is_sold_or_was_listed_before_is_not_listed_again(bot: Bot) -> None:
    """Every resume for a month would list the same exits."""
    await bot.owns(5)
    await bot.switch.kill("owner")
    await bot.becomes(await bot.alert("SELL"), AlertStatus.BLOCKED)
    await bot.switch.resume("owner")
    await bot.switch.kill("owner")
    await bot.switch.resume("owner")
    await bot.switch.pause("owner")
    await bot.switch.resume("owner")
    assert len(await bot.events(EventKind.EXITS_HELD_BACK)) == 1
