"""Commands that only look. They need no turn and no memory: an old one is answered with today's figures."""

from datetime import datetime

from aiogram import F, Router
from aiogram.filters import Command, CommandStart
from aiogram.types import CallbackQuery, Message

from tradebot.queries.daemon import DaemonQueries
from tradebot.telegram import texts
from tradebot.telegram.pictures import draw
from tradebot.telegram.sender import Sender

WEEK_DAYS = 7


def router() -> Router:
    made = Router(name="look")
    made.message.register(start, CommandStart())
    made.message.register(help_, Command("help", ignore_case=True))
    made.message.register(status, Command("status", ignore_case=True))
    made.message.register(positions, Command("positions", ignore_case=True))
    made.message.register(pnl, Command("pnl", ignore_case=True))
    made.message.register(pnl_week, Command("pnl_week", ignore_case=True))
    made.message.register(market, Command("market", ignore_case=True))
    made.message.register(queue, Command("queue", ignore_case=True))
    made.message.register(settings, Command("settings", ignore_case=True))
    made.callback_query.register(positions_page, F.data.regexp(r"^page:positions:[0-9]{1,6}$"))
    return made


async def start(message: Message, queries: DaemonQueries, sender: Sender) -> None:
    await sender.answer(texts.start(await queries.status()))


async def help_(message: Message, sender: Sender) -> None:
    await sender.answer(texts.help_())


async def status(message: Message, queries: DaemonQueries, sender: Sender) -> None:
    await sender.answer(texts.status(await queries.status()))


async def positions(message: Message, queries: DaemonQueries, sender: Sender) -> None:
    await sender.answer(*texts.positions(await queries.positions(), 0))


async def positions_page(query: CallbackQuery, queries: DaemonQueries, sender: Sender) -> None:
    await sender.notice(query)
    page = (query.data or "").rpartition(":")[2]
    if page.isdecimal():
        await sender.edit(query, *texts.positions(await queries.positions(), int(page)))


async def pnl(message: Message, queries: DaemonQueries, sender: Sender) -> None:
    await _pnl(queries, sender, 1)


async def pnl_week(message: Message, queries: DaemonQueries, sender: Sender) -> None:
    await _pnl(queries, sender, WEEK_DAYS)


async def _pnl(queries: DaemonQueries, sender: Sender, days: int) -> None:
    """Words first: the picture takes a moment."""
    result = await queries.result(days)
    await sender.answer(texts.pnl(result))
    if result.curve and (png := await draw("Realised P&L, net", result.curve)) is not None:
        await sender.picture(png, "Realised P&amp;L, added up")


async def market(message: Message, queries: DaemonQueries, sender: Sender) -> None:
    here = datetime.now().astimezone().tzinfo
    assert here is not None, "an aware time has a zone"
    await sender.answer(texts.market(queries.market(), here))


async def queue(message: Message, queries: DaemonQueries, sender: Sender) -> None:
    await sender.answer(texts.queue(await queries.waiting(), queries.clock.now()))


async def settings(message: Message, queries: DaemonQueries, sender: Sender) -> None:
    limits, use = await queries.limits()
    await sender.answer(texts.settings(limits, use, queries.run.fixed_limits))
