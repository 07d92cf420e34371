"""Each command and each button has a turn: what it does is said by its answers, where Telegram takes them."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import BaseMiddleware
from aiogram.types import CallbackQuery, Message, TelegramObject

from tradebot.telegram.answers import Answers
from tradebot.telegram.handlers.actor import actor
from tradebot.telegram.sender import Sender


class Answering(BaseMiddleware):
    """Gives each handler its turn, and a sender that notes there what became of its answers."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        assert isinstance(event, Message | CallbackQuery), "people write and press"
        sender: Sender = data["sender"]
        with self._answers.turn(actor(event.from_user)) as turn:
            return await handler(event, {**data, "sender": sender.of(turn), "turn": turn})
