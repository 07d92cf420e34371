"""What stands before every command that changes something, the kill switch excepted.

Rules: one after the other, in their order; a command sent long ago (while the bot was away) is not acted on, and its sender is
told; an update that Telegram delivers again, after a crash or a restart, acts once: its id is stored before it acts.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from aiogram import BaseMiddleware
from aiogram.types import Message, TelegramObject, Update
from loguru import logger

from tradebot.domain import wording
from tradebot.ports import Clock, Ledger
from tradebot.telegram.markup import esc
from tradebot.telegram.sender import Sender

AGE_MAX = timedelta(seconds=60)
UPDATES_KEY = "telegram_updates"
REMEMBERED = 200
Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class Once:
    """The updates that have acted, in the database. Their numbers need not rise: after a week's silence Telegram starts anew."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def first(self, update_id: int) -> bool:
        """True the first time, from then on False. Raises LedgerUnavailable."""
        async with self._ledger.begin() as books:
            known: list[int] = json.loads((await books.settings()).get(UPDATES_KEY, "[]"))
            if update_id in known:
                return False
            kept = json.dumps([*known, update_id][-REMEMBERED:])
            await books.put_setting(UPDATES_KEY, kept, "bot", self._clock.now())
        return True


class Idempotency(BaseMiddleware):
    def __init__(self, once: Once, sender: Sender, clock: Clock) -> None:
        self._once = once
        self._sender = sender
        self._clock = clock
        self._in_turn = asyncio.Lock()

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Message), "commands are messages"
        update: Update = data["event_update"]
        age = self._clock.now() - event.date
        if age > AGE_MAX:
            ago = wording.seconds(age.total_seconds())
            await self._sender.answer(
                f"Ignored: {esc((event.text or '')[:60])} was sent {ago} ago, while I could not hear you "
                "(or this machine's clock is wrong).\nIf you still want it, send it again."
            )
            return None
        async with self._in_turn:
            if not await self._once.first(update.update_id):
                logger.info("Telegram: update {} was delivered again and is not acted on twice", update.update_id)
                return None
            return await handler(event, data)
