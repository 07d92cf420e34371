"""Forum groups have topics: an answer goes where it was asked; events go to the group's general topic, as Telegram has it."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import BaseMiddleware
from aiogram.types import CallbackQuery, Message, TelegramObject

from tradebot.telegram.sender import Sender


class InTopic(BaseMiddleware):
    """Gives each handler a sender that answers in the topic of the question."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        return await handler(event, {**data, "sender": self._sender.in_topic(topic_of(event))})


def topic_of(event: TelegramObject) -> int | None:
    """The topic in which somebody wrote or pressed; None in the general one, and where there are none."""
    message = event.message if isinstance(event, CallbackQuery) else event
    # In other groups a thread is a chain of replies, which cannot be written to.
    return message.message_thread_id if isinstance(message, Message) and message.is_topic_message else None
