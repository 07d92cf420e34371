"""Commands that only look. They need no turn and no memory: an old one is answered with today's figures."""

from difflib import get_close_matches

from aiogram import F, Router
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import CallbackQuery, Message

from tradebot.queries.daemon import DaemonQueries
from tradebot.telegram import pnl as of_pnl
from tradebot.telegram import positions as of_positions
from tradebot.telegram import strategies as of_strategies
from tradebot.telegram import texts
from tradebot.telegram.asked import Unclear, strategy_of
from tradebot.telegram.commands import COMMANDS, NAMES
from tradebot.telegram.curves import picture_of
from tradebot.telegram.handlers import screens
from tradebot.telegram.pictures import Theme, draw
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
    await sender.answer(*await screens.start(queries))


async def help_(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    """All of them, or the one that is named, in any letter case and with or without its slash."""
    strategy = queries.run.strategies.names[0] if queries.run.several else None
    typed = (command.args or "").strip().lower().removeprefix("/")
    one = next((one for one in COMMANDS if one.name == typed), None)
    if one is None and typed:
        near = get_close_matches(typed, NAMES, 1)
        raise Unclear(
            f"There is no command /{typed[:40]}.{f' Did you mean /{near[0]}?' if near else ''} /help has all."
        )
    await sender.answer(texts.help_(strategy) if one is None else texts.help_of(one, strategy))


async def status(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    only = strategy_of(command.args, queries.run.strategies)
    if only is None:
        await sender.answer(*await screens.status(queries))
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
    await sender.answer(*of_positions.view(await queries.positions(only), 0, only))


async def positions_page(query: CallbackQuery, queries: DaemonQueries, sender: Sender) -> None:
    await sender.notice(query)
    _, _, page, *only = (query.data or "").split(":")
    one = strategy_of(only[0] if only else None, queries.run.strategies)
    text, buttons = of_positions.view(await queries.positions(one), int(page), one)
    await sender.edit(query, screens.stamped(text, queries), buttons)


async def pnl(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender, theme: Theme) -> None:
    await _pnl(command, queries, sender, theme, 1)


async def pnl_week(
    message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender, theme: Theme
) -> None:
    await _pnl(command, queries, sender, theme, WEEK_DAYS)


async def _pnl(command: CommandObject, queries: DaemonQueries, sender: Sender, theme: Theme, days: int) -> None:
    """Words first: the picture takes a moment. It is of all, or of the strategy asked for."""
    only = strategy_of(command.args, queries.run.strategies)
    result = await queries.result(days, only)
    await sender.answer(of_pnl.pnl(result, only))
    picture = picture_of(result, queries.run.hours.calendar, queries.clock.now(), only)
    if picture is not None and (png := await draw(picture, theme)) is not None:
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
