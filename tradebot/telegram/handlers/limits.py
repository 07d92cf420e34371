"""The /set_ commands: without a value they show, with one they change; the account's, or with its name a strategy's own."""

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from tradebot.operations.operations import Operations
from tradebot.queries.daemon import DaemonQueries
from tradebot.telegram import texts
from tradebot.telegram.asked import Unclear, split
from tradebot.telegram.handlers.actor import actor
from tradebot.telegram.markup import headed
from tradebot.telegram.sender import Sender
from tradebot.words.limits import TITLES, WrongValue, parse
from tradebot.words.standing import no_such

_BY_COMMAND = {title.command: title for title in TITLES}


def router() -> Router:
    made = Router(name="limits")
    made.message.register(set_limit, Command(*_BY_COMMAND, ignore_case=True))
    return made


async def set_limit(
    message: Message, command: CommandObject, operations: Operations, queries: DaemonQueries, sender: Sender, key: str
) -> None:
    title, strategies = _BY_COMMAND[command.command.lower()], queries.run.strategies
    strategy, value_typed = split(command.args, strategies)
    if strategy is None and value_typed[:1].isalpha() and queries.run.several:
        example = f"/{title.command} {strategies.names[0]} {title.example}"
        raise Unclear(f"{no_such(value_typed.split()[0], strategies)} For example: {example}")
    if not value_typed:
        limits = await queries.limits_in_force()
        if strategy is None:
            await sender.answer(texts.limit(title, limits))
        else:
            own = (await queries.own_limits(strategy)).get(title.name)
            await sender.answer(texts.own_limit(title, strategy, own, limits))
        return
    try:
        value = parse(title, value_typed, f"/{title.command} {title.example}")
    except WrongValue as error:
        await sender.answer(headed(f"⚠️ {error}", "⚠️ Not changed"))
        return
    change = await operations.set_limit(title.name, value, actor(message.from_user), key, strategy)
    await sender.answer(texts.changed(title, change))
