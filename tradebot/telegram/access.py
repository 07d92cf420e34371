"""Who may speak to the bot: one filter on the root router, for messages, edits and buttons alike.

A stranger gets no answer at all, so that nobody learns there is a trading bot; he is counted in the log.
"""

from collections.abc import Collection

from aiogram.filters import BaseFilter
from aiogram.types import CallbackQuery, Message
from loguru import logger

TELL_EVERY = 100


class Allowed(BaseFilter):
    """The configured chat and, where user ids are configured, one of these users. A chat's anonymous voices have none of them."""

    def __init__(self, chat_id: int, user_ids: Collection[int]) -> None:
        self._chat_id = chat_id
        self._user_ids = frozenset(user_ids)
        self.strangers = 0

    async def __call__(self, event: Message | CallbackQuery) -> bool:
        message = event.message if isinstance(event, CallbackQuery) else event
        chat_id = message.chat.id if message is not None else None
        user_id = event.from_user.id if event.from_user is not None else None
        if chat_id == self._chat_id and user_id is not None and (not self._user_ids or user_id in self._user_ids):
            return True
        self.strangers += 1
        if self.strangers == 1 or self.strangers % TELL_EVERY == 0:
            logger.warning(
                "Telegram: a stranger (user {}, chat {}) was not answered, {} times so far",
                user_id,
                chat_id,
                self.strangers,
            )
        return False
