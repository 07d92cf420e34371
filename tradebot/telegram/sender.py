"""The one way out to the chat: Telegram's pace is kept for all, and an answer never holds up what is asked next.

An answer is waited for a moment, so that answers come in their order; one that Telegram holds up for longer (429, away) is sent
when it can be, while commands go on being acted on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest, TelegramRetryAfter
from aiogram.types import BufferedInputFile, CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message
from loguru import logger

from tradebot.notify.retry import RETRY_AFTER_MAX_S
from tradebot.ports import IDLE_S, Beat, Clock
from tradebot.telegram.answers import Turn
from tradebot.telegram.markup import Buttons, fit, plain

T = TypeVar("T")
TIMEOUT_S = 15
CHAT_NOT_FOUND = "chat not found"
TOPIC_NOT_FOUND = "message thread not found"
ANSWER_TRIES = 4
BETWEEN_TRIES_S = 1.0
ANSWER_WITHIN_S = 3.0  # longer is not waited for an answer to be taken
LATE_MAX = 20
GROUP_PACE_S = 3.0  # Telegram: twenty messages a minute to a group,
CHAT_PACE_S = 1.0  # and about one a second to anybody


@dataclass(slots=True)
class _Pace:
    """What all senders of a chat keep to."""

    next_at: float = 0.0  # monotonic time at which the next event may go out
    blocked_until: float = 0.0  # monotonic time: Telegram asked to wait until then
    late: set[asyncio.Task[bool]] = field(default_factory=set)  # answers that nobody waits for any more


class Sender:
    """Sends to the one chat, at Telegram's pace; answers to one of its topics, where it has such."""

    def __init__(
        self,
        bot: Bot,
        chat_id: int,
        clock: Clock,
        pace: _Pace | None = None,
        topic: int | None = None,
        turn: Turn | None = None,
    ) -> None:
        self._bot = bot
        self._chat_id = chat_id
        self._clock = clock
        self._pace_s = GROUP_PACE_S if chat_id < 0 else CHAT_PACE_S
        self._pace = pace or _Pace()
        self._topic = topic
        self._turn = turn

    def in_topic(self, topic: int | None) -> "Sender":
        """The same one, for answers in this topic."""
        return Sender(self._bot, self._chat_id, self._clock, self._pace, topic, self._turn)

    def of(self, turn: Turn) -> "Sender":
        """The same one, for the answers of this turn: it learns what became of them."""
        return Sender(self._bot, self._chat_id, self._clock, self._pace, self._topic, turn)

    @property
    def silent_until_s(self) -> float:
        """Until when Telegram wants silence, by the clock that only goes on."""
        return self._pace.blocked_until

    def give_up(self) -> None:
        """What is still to be answered is not."""
        for task in self._pace.late:
            task.cancel()

    async def answer(self, html: str, buttons: Buttons = ()) -> None:
        """A reply to the owner: at once, tried some times; in the end it is only logged that it could not be sent."""

        async def send() -> object:
            sent = await self._send(html, buttons)
            if self._turn is not None:
                self._turn.shown(html, buttons, sent.message_id)
            return sent

        await self._soon(send)

    async def picture(self, png: bytes, caption: str) -> None:
        file = BufferedInputFile(png, "pnl.png")

        async def send() -> object:
            return await self._bot.send_photo(
                self._chat_id, file, message_thread_id=self._topic, caption=caption, request_timeout=2 * TIMEOUT_S
            )

        await self._soon(send)

    async def document(self, content: bytes, name: str, caption: str) -> None:
        """A file to keep."""
        file = BufferedInputFile(content, name)

        async def send() -> object:
            return await self._bot.send_document(
                self._chat_id, file, message_thread_id=self._topic, caption=caption, request_timeout=2 * TIMEOUT_S
            )

        await self._soon(send)

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

        await self._soon(send)

    async def amend(self, message_id: int, html: str) -> None:
        """Shows this in place of a message, without buttons. Tried once, and not while Telegram wants silence: nothing depends on
        it."""
        if self._pace.blocked_until > self._clock.monotonic():
            return
        edit = partial(self._bot.edit_message_text, chat_id=self._chat_id, message_id=message_id)
        with suppress(AiogramError, OSError):
            await self._paced(lambda: edit(text=fit(html), request_timeout=TIMEOUT_S))

    async def deliver(self, html: str, buttons: Buttons, beat: Beat, *, silent: bool) -> None:
        """An event, in its time; `beat` while Telegram wants silence. Raises AiogramError: the caller keeps what was not sent."""
        await self._clock.sleep(max(0.0, self._pace.next_at - self._clock.monotonic()))
        await self._paced(lambda: self._send(html, buttons, silent=silent), beat)

    def error_text(self, error: BaseException) -> str:
        """Why something was not sent, in one line that holds no secret."""
        return error_text(error, self._bot.token)

    async def _send(self, html: str, buttons: Buttons, *, silent: bool = False) -> Message:
        markup, text = keyboard(buttons), fit(html)
        send = partial(
            self._bot.send_message,
            self._chat_id,
            message_thread_id=self._topic,
            disable_notification=silent or None,
            request_timeout=TIMEOUT_S,
        )
        try:
            return await send(text, reply_markup=markup)
        except TelegramBadRequest as error:
            if CHAT_NOT_FOUND in error.message:
                raise
            if TOPIC_NOT_FOUND in error.message and self._topic is not None:
                logger.warning(
                    "Telegram: topic {} is gone, the general one is taken ([telegram] topic_id)", self._topic
                )
                return await self.in_topic(None)._send(html, buttons, silent=silent)
            logger.error("Telegram refuses how this is written, it is sent as plain words: {}", error.message)
            return await send(plain(text), parse_mode=None)

    async def _paced(self, call: Callable[[], Awaitable[T]], beat: Beat = lambda: None) -> T:
        """Waits where Telegram asked for it, perhaps for hours, and remembers when it does."""
        while (silent_s := self._pace.blocked_until - self._clock.monotonic()) > 0:
            beat()
            await self._clock.sleep(min(silent_s, IDLE_S))
        try:
            return await call()
        except TelegramRetryAfter as error:
            self._pace.blocked_until = self._clock.monotonic() + min(error.retry_after, RETRY_AFTER_MAX_S)
            raise
        finally:
            self._pace.next_at = self._clock.monotonic() + self._pace_s

    async def _soon(self, call: Callable[[], Awaitable[object]]) -> None:
        """Sent when this returns, or after a moment left to be sent when Telegram lets it."""
        if self._turn is not None:
            self._turn.sends()
        if len(self._pace.late) >= LATE_MAX:
            logger.warning("an answer is left out: {} others wait for Telegram", LATE_MAX)
            self._note(taken=False)
            return
        task = asyncio.create_task(self._surely(call), name="telegram: answer")
        self._pace.late.add(task)
        task.add_done_callback(self._over)
        await asyncio.wait([task], timeout=ANSWER_WITHIN_S)

    def _over(self, task: asyncio.Task[bool]) -> None:
        self._pace.late.discard(task)
        self._note(taken=not task.cancelled() and task.exception() is None and task.result())

    def _note(self, *, taken: bool) -> None:
        if self._turn is not None:
            self._turn.sent(taken=taken)

    async def _surely(self, call: Callable[[], Awaitable[object]]) -> bool:
        """Whether Telegram has taken it."""
        for attempt in range(ANSWER_TRIES):
            try:
                await self._paced(call)
            except TelegramBadRequest as error:
                logger.error("an answer was refused by Telegram: {}", error.message)
                return False
            except TelegramRetryAfter:
                continue
            except (AiogramError, OSError) as error:
                logger.warning(
                    "an answer was not sent ({} of {} tries): {}", attempt + 1, ANSWER_TRIES, error_text(error)
                )
                await self._clock.sleep(BETWEEN_TRIES_S)
            else:
                return True
        return False


def error_text(error: BaseException, token: str = "") -> str:
    """An error of aiogram in one short line; what a broken server sent may be a whole page. The token is cut out."""
    words = f"{type(error).__name__}: {error}".split("\n", 1)[0]
    return (words.replace(token, "***") if token else words)[:200]


def keyboard(buttons: Sequence[Sequence[tuple[str, str]]]) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    rows = [[InlineKeyboardButton(text=label, callback_data=data) for label, data in row] for row in buttons]
    return InlineKeyboardMarkup(inline_keyboard=rows)
