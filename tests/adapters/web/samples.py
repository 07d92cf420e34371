"""A bot on a busy day, for pages to show."""

from decimal import Decimal

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.strategies import Strategy

HOSTILE = "<script>alert(1)</script>"


async def a_busy_bot(make_bot: MakeBot) -> Bot:
    """Holds 10 AAPL of `main` and 20 MSFT of `ema`, has refused, misread and sold something, and has an order at work."""
    bot = await make_bot(strategies=(Strategy(name="main"), Strategy(name="ema")))
    await bot.start()
    await bot.owns(10, "AAPL")
    await bot.owns(20, "MSFT", strategy="ema")
    await bot.owns(3, "KO")
    bot.broker.prices = {bot.broker.con_ids["AAPL"]: Decimal("131.20"), bot.broker.con_ids["MSFT"]: Decimal("88.40")}
    sold = await bot.alert("SELL", "KO")
    order = await bot.sent(1)
    bot.broker.fill(order.order_ref, 3, "97.5")
    await bot.becomes(sold, AlertStatus.EXECUTED)
    refused = await bot.alert("SELL", "IBM")
    await bot.becomes(refused, AlertStatus.BLOCKED)
    await bot.intake.accept({"action": "BUY", "ticker": HOSTILE}, HOSTILE.encode(), "192.0.2.7")
    await bot.order("BUY", "TSLA")
    return bot
