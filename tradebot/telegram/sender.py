"""The one way out to the chat: Telegram's pace is kept for all, and an answer that cannot be sent never stops its command."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest, TelegramRetryAfter
from aiogram.types import BufferedInputFile, CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message
from loguru import logger

from tradebot.ports import Clock
from tradebot.telegram.markup import Buttons, fit, plain

T = TypeVar("T")
TIMEOUT_S = 15
CHAT_NOT_FOUND = "chat not found"
ANSWER_TRIES = 4
BETWEEN_TRIES_S = 1.0
GROUP_PACE_S = 3.0  # Telegram: twenty messages a minute to a group,
CHAT_PACE_S = 1.0  # and about one a second to anybody


class Sender:
    def __init__(self, bot: Bot, chat_id: int, clock: Clock) -> None:
        self._bot = bot
        self._chat_id = chat_id
        self._clock = clock
        self._pace_s = GROUP_PACE_S if chat_id < 0 else CHAT_PACE_S
        self._next_at = 0.0  # monotonic time at which the next event may go out
        self._blocked_until = 0.0  # monotonic time: Telegram asked to wait until then

    async def answer(self, html: str, buttons: Buttons = ()) -> None:
        """A reply to the owner: at once, tried some times; in the end it is only logged that it could not be sent."""
        await self._surely(lambda: self._send(html, buttons))

    async def picture(self, png: bytes, caption: str) -> None:
        file = BufferedInputFile(png, "pnl.png")

        async def send() -> object:
            return await self._bot.send_photo(self._chat_id, file, caption=caption, request_timeout=2 * TIMEOUT_S)

        await self._surely(send)

    async def notice(self, query: CallbackQuery, text: str | None = None) -> None:
        """Ends the button's spinning, with a pop-up where there is something to say. Nothing depends on it."""
        with suppress(AiogramError, OSError):
            await query.answer(text, show_alert=text is not None, request_timeout=TIMEOUT_S)

    async def edit(self, query: CallbackQuery, html: str, buttons: Buttons = ()) -> None:
        """Shows something else in place of the message whose button was pressed; a new message where that cannot be."""
        message = query.message

        async def send() -> object:
            if not isinstance(message, Message):  # so old that Telegram has taken it away
                return await self._send(html, buttons)
            try:
                return await self._bot.edit_message_text(
                    text=fit(html),
                    chat_id=message.chat.id,
                    message_id=message.message_id,
                    reply_markup=keyboard(buttons),
                    request_timeout=TIMEOUT_S,
                )
            except TelegramBadRequest as error:
                if "not modified" in error.message:
                    return None
                return await self._send(html, buttons)

        await self._surely(send)

    async def deliver(self, html: str, buttons: Buttons = ()) -> None:
        """An event, in its time. Raises AiogramError: the caller keeps what was not sent."""
        await self._clock.sleep(max(0.0, self._next_at - self._clock.monotonic()))
        await self._paced(lambda: self._send(html, buttons))

    def said(self, error: BaseException) -> str:
        """Why something was not sent, in one line that holds no secret."""
        return said(error, self._bot.token)

    async def _send(self, html: str, buttons: Buttons) -> object:
        markup, text = keyboard(buttons), fit(html)
        try:
            return await self._bot.send_message(self._chat_id, text, reply_markup=markup, request_timeout=TIMEOUT_S)
        except TelegramBadRequest as error:
            if CHAT_NOT_FOUND in error.message:
                raise
            logger.error("Telegram refuses how this is written, it is sent as plain words: {}", error.message)
            return await self._bot.send_message(self._chat_id, plain(text), parse_mode=None, request_timeout=TIMEOUT_S)

    async def _paced(self, call: Callable[[], Awaitable[T]]) -> T:
        """Waits where Telegram asked for it, and remembers when it does."""
        await self._clock.sleep(max(0.0, self._blocked_until - self._clock.monotonic()))
        try:
            return await call()
        except TelegramRetryAfter as error:
            self._blocked_until = self._clock.monotonic() + error.retry_after
            raise
        finally:
            self._next_at = self._clock.monotonic() + self._pace_s

    async def _surely(self, call: Callable[[], Awaitable[object]]) -> None:
        for attempt in range(ANSWER_TRIES):
            try:
                await self._paced(call)
            except TelegramBadRequest as error:
                logger.error("an answer was refused by Telegram: {}", error.message)
                return
            except TelegramRetryAfter:
                continue
            except (AiogramError, OSError) as error:
                logger.warning("an answer was not sent ({} of {} tries): {}", attempt + 1, ANSWER_TRIES, said(error))
                await self._clock.sleep(BETWEEN_TRIES_S)
            else:
                return


def said(error: BaseException, token: str = "") -> str:
    """An error of aiogram in one short line; what a broken server sent may be a whole page. The token is cut out."""
    words = f"{type(error).__name__}: {error}".split("\n", 1)[0]
    return (words.replace(token, "***") if token else words)[:200]


def keyboard(buttons: Sequence[Sequence[tuple[str, str]]]) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    rows = [[InlineKeyboardButton(text=label, callback_data=data) for label, data in row] for row in buttons]
    return InlineKeyboardMarkup(inline_keyboard=rows)
