"""Commands that show how it goes: by day, week and month, of the account, of each strategy; and the page to keep."""

import asyncio

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from tradebot.domain.calendar_units import Unit
from tradebot.queries.daemon import DaemonQueries
from tradebot.telegram import performance as texts
from tradebot.telegram.asked import Unclear, count_of, strategy_of
from tradebot.telegram.pictures import Sessions, Theme, draw
from tradebot.telegram.sender import Sender
from tradebot.words import report_page

DAYS, WEEKS, MONTHS = 7, 4, 6
DAYS_MAX, WEEKS_MAX, MONTHS_MAX = 30, 26, 24


def router() -> Router:
    made = Router(name="performance")
    made.message.register(daily, Command("daily", ignore_case=True))
    made.message.register(weekly, Command("weekly", ignore_case=True))
    made.message.register(monthly, Command("monthly", ignore_case=True))
    made.message.register(performance, Command("performance", ignore_case=True))
    made.message.register(stats, Command("stats", ignore_case=True))
    made.message.register(report, Command("report", ignore_case=True))
    return made


async def daily(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender, theme: Theme) -> None:
    await _spans(Unit.DAY, count_of(command.args, "daily", DAYS, DAYS_MAX), queries, sender, theme)


async def weekly(
    message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender, theme: Theme
) -> None:
    await _spans(Unit.WEEK, count_of(command.args, "weekly", WEEKS, WEEKS_MAX), queries, sender, theme)


async def monthly(
    message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender, theme: Theme
) -> None:
    await _spans(Unit.MONTH, count_of(command.args, "monthly", MONTHS, MONTHS_MAX), queries, sender, theme)


async def _spans(unit: Unit, count: int, queries: DaemonQueries, sender: Sender, theme: Theme) -> None:
    """Words first: the picture takes a moment."""
    found = await queries.performance.spans(unit, count)
    await sender.answer(texts.spans(found, unit))
    nets = [(one.first, one.net) for one in found]
    if any(net for _, net in nets):
        title = f"Realised P&L by {'session' if unit is Unit.DAY else unit.value}"
        if (png := await draw(Sessions(title, nets), theme)) is not None:
            await sender.picture(png, title.replace("&", "&amp;"))


async def performance(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    only = strategy_of(command.args, queries.run.strategies)
    await sender.answer(texts.performance(await queries.performance.since_start(), only))


async def stats(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    only = strategy_of(command.args, queries.run.strategies)
    found = await queries.performance.since_start()
    readings = await queries.thresholds.readings(queries.clock.now()) if queries.thresholds.limits.any else ()
    await sender.answer(texts.stats(found, only, readings, await queries.thresholds.crossed()))


async def report(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    """A month, a year, or everything; without a word this month."""
    now = queries.clock.now()
    try:
        period = await queries.performance.period_of(command.args or "")
    except ValueError as error:
        raise Unclear(f"{error} For example: /report 2026-11, /report 2026, /report all") from None
    found = await queries.performance.of(period)
    since, title = await queries.performance.first_day(), report_page.title_of(found)
    html = await asyncio.to_thread(report_page.page, found, title, now, queries.run.simulated, since)
    caption = texts.caption(found, now, since)
    await sender.document(html.encode(), report_page.name_of(found.first, found.last), caption)
