"""What stands before every command that changes something, the kill switch excepted.

Rules: one after the other, in their order; a command sent long ago (while the bot was away) is not acted on, and its sender is
notified; each carries an idempotency key, so that one which Telegram delivers again, after a crash or a restart, changes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from aiogram import BaseMiddleware
from aiogram.types import Message, TelegramObject

from tradebot.ports import Clock
from tradebot.telegram.markup import esc
from tradebot.telegram.sender import Sender
from tradebot.words import figures

AGE_MAX = timedelta(seconds=60)
Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class Idempotency(BaseMiddleware):
    """Gives each command that acts its key, and leaves out those that are too old."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._in_order = asyncio.Lock()

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Message), "commands are messages"
        age = self._clock.now() - event.date
        if age > AGE_MAX:
            ago = figures.seconds(age.total_seconds())
            sender: Sender = data["sender"]
            await sender.answer(
                f"⌛ Ignored: sent {ago} ago\n{esc((event.text or '')[:60])} came while I could not hear you "
                "(or this machine's clock is wrong).\nIf you still want it, send it again."
            )
            return None
        async with self._in_order:
            # Update ids start anew after a week, and a chat's messages with another bot: with its time each is one of a kind.
            key = f"telegram:{event.chat.id}:{event.message_id}:{event.date.timestamp():.0f}"
            return await handler(event, {**data, "key": key})
