"""The /set_ commands: without a value they show, with one they change."""

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from tradebot.operations.operations import Operations
from tradebot.queries.daemon import DaemonQueries
from tradebot.telegram import texts
from tradebot.telegram.handlers.actor import actor
from tradebot.telegram.markup import prose
from tradebot.telegram.sender import Sender
from tradebot.words.limits import TITLES, WrongValue, parse

_BY_COMMAND = {title.command: title for title in TITLES}


def router() -> Router:
    made = Router(name="limits")
    made.message.register(set_limit, Command(*_BY_COMMAND, ignore_case=True))
    return made


async def set_limit(
    message: Message, command: CommandObject, operations: Operations, queries: DaemonQueries, sender: Sender, key: str
) -> None:
    title = _BY_COMMAND[command.command.lower()]
    if not command.args:
        await sender.answer(texts.limit(title, await queries.limits_in_force()))
        return
    try:
        value = parse(title, command.args)
    except WrongValue as error:
        await sender.answer(f"⚠️ {prose(str(error))}")
        return
    change = await operations.set_limit(title.name, value, actor(message.from_user), key)
    await sender.answer(texts.changed(title, change))
