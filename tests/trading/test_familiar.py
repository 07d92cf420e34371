"""Contracts of the tickers that alerts have named, asked for before an alert needs them."""

from tests.bot import Bot
from tests.bot_fixtures import MakeBot


async def asked(bot: Bot, times: int) -> None:
    async def so_often() -> bool:
        return bot.broker.asked.count("contract") >= times

    await bot.sooner_or_later(so_often, f"{times} look-ups")


async def test_each_connection_looks_up_what_alerts_have_named(bot: Bot) -> None:
    """A burst in the morning would need a look-up for each ticker; or trade the contract of before a split over night."""
    for ticker in ("AAPL", "KO"):
        await bot.alert("BUY", ticker)
    await bot.sent(2)
    for connection in (1, 2):
        bot.broker.disconnect()
        bot.broker.asked.clear()
        bot.broker.connect()
        await asked(bot, 2)
        await bot.seconds(130)
        assert bot.broker.asked.count("contract") == 2, f"once on connection {connection}"


async def test_one_that_is_not_answered_holds_up_no_other(make_bot: MakeBot) -> None:
    """A ticker that IB is silent about would keep all others unknown."""
    bot = await make_bot()
    await bot.start()
    for ticker in ("AAPL", "KO", "MSFT"):
        await bot.alert("BUY", ticker)
    await bot.sent(3)
    bot.broker.disconnect()
    bot.broker.asked.clear()
    bot.broker.failing.add("contract")
    bot.broker.connect()
    await asked(bot, 1)
    bot.broker.failing.clear()
    await asked(bot, 3)
    await bot.seconds(130)
    assert bot.broker.asked.count("contract") == 3


async def test_it_waits_until_orders_may_leave(make_bot: MakeBot) -> None:
    """Its look-ups would take the messages with which books and IB are compared."""
    bot = await make_bot()
    await bot.start()
    await bot.alert("BUY")
    await bot.sent()
    bot.broker.disconnect()
    bot.broker.asked.clear()
    bot.broker.failing.add("open_orders")
    bot.broker.connect()
    await bot.seconds(70)
    assert "contract" not in bot.broker.asked
    bot.broker.failing.clear()
    await asked(bot, 1)
