"""Contracts of the tickers that alerts have named, asked for before an alert needs them."""

import pytest

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tradebot.trading import familiar


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


async def stored(bot: Bot, industries: dict[int, str]) -> None:
    async def as_told() -> bool:
        async with bot.ledger.read() as books:
            return await books.industries() == industries

    await bot.sooner_or_later(as_told, "the industries are stored")


async def test_what_a_stock_is_in_is_stored_once_it_was_looked_up(bot: Bot) -> None:
    """What is bought would be in an unknown sector until the next connection; a new word of IB's would never be heard."""
    bot.broker.of_industries = {265598: "Technology"}
    await stored(bot, {265598: "Technology"})
    bot.broker.of_industries = {265598: "Communications", 8894: "Consumer, Non-cyclical"}
    await stored(bot, {265598: "Communications", 8894: "Consumer, Non-cyclical"})


async def test_what_is_held_and_in_no_sector_is_looked_up_once(
    make_bot: MakeBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shares of before would stay in an unknown sector; or each connection cost a message for each share held."""
    monkeypatch.setattr(familiar, "ALERTS", 1)
    bot = await make_bot()
    for ticker in ("AAPL", "KO", "MSFT"):  # only the last one is named by a new alert
        await bot.owns(5, ticker)
    async with bot.ledger.begin() as books:
        await books.put_industries({bot.broker.con_ids["KO"]: "Consumer, Non-cyclical"})
    bot.broker.asked.clear()
    await bot.start()
    await asked(bot, 2)
    await bot.seconds(130)
    assert bot.broker.asked.count("contract") == 2
