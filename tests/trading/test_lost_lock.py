"""An instance whose lock is gone decides nothing: its alerts are the next holder's."""

import asyncio

from loguru import logger

from tests.bot import Bot
from tradebot.domain.alerts import AlertStatus


async def test_an_alert_waits_for_the_next_holder_of_the_lock(bot: Bot) -> None:
    """An exit would end as FAILED, never to be tried again, because the database server was restarted that second."""
    waits = asyncio.Event()
    sink = logger.add(lambda message: waits.set() if "waits for IB" in message else None, format="{message}")
    try:
        bot.lock.lost.set()
        alert_id = await bot.alert("BUY")
        await asyncio.wait_for(waits.wait(), 60)
        assert (await bot.row(alert_id)).status is AlertStatus.RECEIVED
        assert bot.broker.sent == []
        bot.lock.lost.clear()
        await bot.sent()
    finally:
        logger.remove(sink)
