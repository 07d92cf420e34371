"""The page of a bot that has traded, as Prometheus reads it: for who holds documents against it."""

import tempfile
from pathlib import Path

from tests.bot import Setup, open_bot
from tradebot.database import migrate
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.strategies import Strategy
from tradebot.web.metrics.page import KEPT_S, Metrics

STRATEGIES = ("main", "ema")


async def exposition() -> str:
    """As text."""
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "empty.db"
        await migrate.up(f"sqlite:///{template}")
        setup = Setup(strategies=[Strategy(name=name) for name in STRATEGIES])
        async with open_bot(template, Path(folder), setup) as bot:
            metrics = Metrics(bot.queries, bot.built.listeners)
            end = metrics.begin()
            async with bot.ledger.begin() as books:
                await books.serve_channels(["telegram"])
            bot.broker.unrealised = bot.broker.realised_today = bot.broker.cash
            await bot.start()
            alert_id = await bot.alert("BUY")
            order = await bot.sent()
            bot.broker.fill(order.order_ref, int(order.qty), 100)
            await bot.becomes(alert_id, AlertStatus.EXECUTED)
            await bot.built.jobs["equity"](bot.clock.now(), bot.clock.now())
            body, _ = await metrics.page("")
            while b"tradebot_database_read 1.0" not in body:  # on a busy machine
                bot.clock.skip(KEPT_S)
                body, _ = await metrics.page("")
            end()
    return body.decode()
