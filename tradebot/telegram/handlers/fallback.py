"""What is left: edited messages, commands that do not exist, buttons of another time."""

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.types import CallbackQuery, Message

from tradebot.telegram.sender import Sender


def router() -> Router:
    made = Router(name="rest")
    made.edited_message.register(edited, F.text.startswith("/"))
    # In a group people also talk to each other, and to other bots.
    made.message.register(unknown, F.chat.type == ChatType.PRIVATE)
    made.callback_query.register(stale)
    return made


async def edited(message: Message, sender: Sender) -> None:
    await sender.answer("An edited message is not acted on.\nSend the command again.")


async def unknown(message: Message, sender: Sender) -> None:
    await sender.answer("I do not know that.\n/help shows every command.")


async def stale(query: CallbackQuery, sender: Sender) -> None:
    await sender.notice(query, "This button is of another time. Send the command again.")
