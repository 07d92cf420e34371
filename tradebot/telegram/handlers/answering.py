"""Each command and each button has a turn: its answers, where Telegram takes them, say what it does, and one of them may ask."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aiogram import BaseMiddleware
from aiogram.types import CallbackQuery, Message, TelegramObject

from tradebot.telegram import questions
from tradebot.telegram.answers import Answers
from tradebot.telegram.confirmations import DO, Confirmations
from tradebot.telegram.handlers.actor import actor
from tradebot.telegram.markup import Buttons
from tradebot.telegram.sender import Sender


class Answering(BaseMiddleware):
    """Gives each handler its turn, and a sender that notes there what became of its answers."""

    def __init__(self, answers: Answers, confirmations: Confirmations) -> None:
        self._answers = answers
        self._confirmations = confirmations

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        assert isinstance(event, Message | CallbackQuery), "people write and press"
        sender: Sender = data["sender"]
        command = event.text if isinstance(event, Message) else None
        with self._answers.turn(actor(event.from_user)) as turn:
            turn.shown = partial(self._shown, command)
            return await handler(event, {**data, "sender": sender.of(turn), "turn": turn})

    def _shown(self, command: str | None, html: str, buttons: Buttons, message_id: int) -> None:
        """A question is known by its buttons."""
        data = next((data for row in buttons for _, data in row if data.startswith(DO)), None)
        if data is not None:
            self._confirmations.shown(data.split(":")[1], message_id, questions.again(command, html))
