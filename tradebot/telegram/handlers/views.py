"""Commands that only look. They need no turn and no memory: an old one is answered with today's figures."""

from aiogram import F, Router
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import CallbackQuery, Message

from tradebot.queries.daemon import DaemonQueries
from tradebot.telegram import strategies as of_strategies
from tradebot.telegram import texts
from tradebot.telegram.asked import strategy_of
from tradebot.telegram.pictures import draw
from tradebot.telegram.sender import Sender
from tradebot.words import zone

WEEK_DAYS = 7


def router() -> Router:
    made = Router(name="look")
    made.message.register(start, CommandStart())
    made.message.register(help_, Command("help", ignore_case=True))
    made.message.register(status, Command("status", ignore_case=True))
    made.message.register(positions, Command("positions", ignore_case=True))
    made.message.register(pnl, Command("pnl", ignore_case=True))
    made.message.register(pnl_week, Command("pnl_week", ignore_case=True))
    made.message.register(strategies, Command("strategies", ignore_case=True))
    made.message.register(market, Command("market", ignore_case=True))
    made.message.register(queue, Command("queue", ignore_case=True))
    made.message.register(settings, Command("settings", ignore_case=True))
    made.callback_query.register(positions_page, F.data.regexp(r"^page:positions:[0-9]{1,6}(:[a-z0-9_-]+)?$"))
    made.callback_query.register(strategies_page, F.data.regexp(r"^page:strategies:[0-9]{1,6}$"))
    return made


async def start(message: Message, queries: DaemonQueries, sender: Sender) -> None:
    await sender.answer(texts.start(await queries.status()))


async def help_(message: Message, queries: DaemonQueries, sender: Sender) -> None:
    several = queries.run.strategies.names if queries.run.several else ()
    await sender.answer(texts.help_(next(iter(several), None)))


async def status(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    only = strategy_of(command.args, queries.run.strategies)
    if only is None:
        await sender.answer(texts.status(await queries.status()))
    else:
        await sender.answer(*of_strategies.view(await queries.strategies(), queries.clock.now(), only=only))


async def strategies(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    only = strategy_of(command.args, queries.run.strategies)
    await sender.answer(*of_strategies.view(await queries.strategies(), queries.clock.now(), only=only))


async def strategies_page(query: CallbackQuery, queries: DaemonQueries, sender: Sender) -> None:
    await sender.notice(query)
    page = int((query.data or "").rpartition(":")[2])
    await sender.edit(query, *of_strategies.view(await queries.strategies(), queries.clock.now(), page))


async def positions(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    only = strategy_of(command.args, queries.run.strategies)
    await sender.answer(*texts.positions(await queries.positions(only), 0, only))


async def positions_page(query: CallbackQuery, queries: DaemonQueries, sender: Sender) -> None:
    await sender.notice(query)
    _, _, page, *only = (query.data or "").split(":")
    one = strategy_of(only[0] if only else None, queries.run.strategies)
    await sender.edit(query, *texts.positions(await queries.positions(one), int(page), one))


async def pnl(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    await _pnl(command, queries, sender, 1)


async def pnl_week(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    await _pnl(command, queries, sender, WEEK_DAYS)


async def _pnl(command: CommandObject, queries: DaemonQueries, sender: Sender, days: int) -> None:
    """Words first: the picture takes a moment. It has one line, the sum's or that of the strategy asked for."""
    only = strategy_of(command.args, queries.run.strategies)
    result = await queries.result(days, only)
    await sender.answer(texts.pnl(result, only))
    title = f"{only}: realised P&L, net" if only else "Realised P&L, net"
    if result.curve and (png := await draw(title, result.curve)) is not None:
        await sender.picture(png, f"Realised P&amp;L{f' of {only}' if only else ''}, added up")


async def market(message: Message, queries: DaemonQueries, sender: Sender) -> None:
    await sender.answer(texts.market(queries.market(), zone.owners()))


async def queue(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    only = strategy_of(command.args, queries.run.strategies)
    await sender.answer(texts.queue(await queries.waiting(only), queries.clock.now(), only))


async def settings(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    only = strategy_of(command.args, queries.run.strategies)
    now = await queries.limits()
    if only is None:
        await sender.answer(
            texts.settings(now.limits, now.exposure, queries.run.fixed_limits, now.strategies, now.blocked)
        )
        return
    one = next(one for one in now.strategies if one.strategy.name == only)
    await sender.answer(of_strategies.settings(one, now.limits))
