"""Moments that tests of more than one module wait for."""

from tests.bot import Bot


async def gate_closed(bot: Bot) -> None:
    async def closed() -> bool:
        return not bot.gate.is_open

    await bot.until(closed, "the gate is closed")


async def question_asked(bot: Bot, question: str, times: int) -> None:
    async def enough() -> bool:
        return bot.broker.asked.count(question) >= times

    await bot.until(enough, f"{question} is asked {times} times")
