"""The seven /set_ commands: without a value they show, with one they change."""

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from tradebot.operations.limits import TITLES, Title, WrongValue, said
from tradebot.operations.operations import Operations
from tradebot.telegram import texts
from tradebot.telegram.handlers.actor import who
from tradebot.telegram.markup import prose
from tradebot.telegram.sender import Sender

_BY_COMMAND = {title.command: title for title in TITLES}


def router() -> Router:
    made = Router(name="limits")
    made.message.register(set_limit, Command(*_BY_COMMAND, ignore_case=True))
    return made


async def set_limit(message: Message, command: CommandObject, operations: Operations, sender: Sender) -> None:
    title = _BY_COMMAND[command.command.lower()]
    if not command.args:
        await sender.answer(texts.limit(title, await operations.limits.current()))
        return
    await sender.answer(await _changed(operations, title, command.args, who(message.from_user)))


async def _changed(operations: Operations, title: Title, value: str, by: str) -> str:
    try:
        change = await operations.limits.change(title, value, by)
    except WrongValue as error:
        return f"⚠️ {prose(str(error))}"
    return texts.changed(title, said(title.name, change.old), said(title.name, change.new))
