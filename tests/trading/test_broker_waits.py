"""Alerts that IB's silence holds up are seen where people look, and fill no log."""

from loguru import logger

from tests.bot import Bot
from tradebot.domain.gate import GateCode


async def test_alerts_that_wait_for_ib_are_what_holds_orders_up(bot: Bot) -> None:
    """Dozens of alerts wait and nothing leaves, status names nothing, and the log has a line a second for each."""
    logged: list[str] = []
    sink = logger.add(logged.append, level="INFO", format="{message}")
    try:
        bot.broker.failing.add("quote")
        for ticker in ("AAPL", "MSFT"):
            await bot.alert("BUY", ticker)
        for times in range(2, 10, 2):

            async def asked(times: int = times) -> bool:
                return bot.broker.asked.count("quote") >= times

            await bot.until(asked, f"quotes are asked for {times} times")
            bot.clock.skip(3)
        [reason] = (await bot.queries.status()).held_up_by
        assert (reason.code, reason.facts["alerts"]) == (GateCode.WAITING_FOR_IB, "2")
        trading = (await bot.queries.health()).parts["trading"]
        assert (trading["ok"], trading["waiting_for"]) == (True, [reason])
        assert len([line for line in logged if "waits for IB" in line]) == 2
        bot.broker.failing.clear()
        await bot.sent(2)

        async def nothing() -> bool:
            return (await bot.queries.headline()).held_up_by == ()

        await bot.until(nothing, "nothing holds orders up")
    finally:
        logger.remove(sink)
