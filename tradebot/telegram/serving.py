"""Runs the chat: polling, commands, delivery, each on its own and each until it is stopped; none can end the daemon.

Rules: Telegram down, slow, rate-limiting, answering nonsense or refusing the token is reported once, shown in /health, and tried
again for ever; so is the recovery. Updates are handled side by side, so that nothing that hangs can keep a /kill waiting.
A /kill is confirmed to Telegram only when it is stored: if this process dies before, Telegram delivers it to the next one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiogram import BaseMiddleware, Bot, Dispatcher
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.client.telegram import TelegramAPIServer
from aiogram.enums import ParseMode
from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramNotFound,
    TelegramUnauthorizedError,
)
from aiogram.methods import GetUpdates, Response, SendMessage, TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import BotCommand, ErrorEvent, TelegramObject, Update
from loguru import logger

from tradebot.errors import TradebotError
from tradebot.notify.retry import pause
from tradebot.operations.operations import Operations
from tradebot.ports import Beat, Chance, Clock, Pulse
from tradebot.queries.daemon import DaemonQueries
from tradebot.queries.parts import ChatPart
from tradebot.telegram.access import Allowed
from tradebot.telegram.answers import Answers
from tradebot.telegram.asked import Unclear
from tradebot.telegram.commands import COMMANDS
from tradebot.telegram.confirmations import Confirmations
from tradebot.telegram.delivery import LAST_WORDS_S, Delivery
from tradebot.telegram.handlers import routers
from tradebot.telegram.handlers.answering import Answering
from tradebot.telegram.idempotency import Idempotency
from tradebot.telegram.markup import did_not_work, headed
from tradebot.telegram.pictures import Theme
from tradebot.telegram.reading import Session
from tradebot.telegram.sender import CHAT_NOT_FOUND, Sender, error_text
from tradebot.telegram.sound import QuietHours
from tradebot.telegram.topics import InTopic, topic_of
from tradebot.words import figures

POLL_S = 10  # with REQUEST_S: how long a dead line keeps a /kill from being heard
REQUEST_S = 15.0  # a poll may take both
RETRY_S = 5.0
UNAUTHORIZED_RETRY_S = 60.0
_TOKEN_REFUSED = (TelegramUnauthorizedError, TelegramNotFound)  # revoked or unknown; not of a token's form: 404
KILL_S = 3.0  # how long a /kill that cannot be stored keeps the next poll waiting
POLLING, DELIVERY = "telegram: polling", "telegram: delivery"
WITHIN_S = 300.0
"""Polls, and messages with pictures, each with its time-outs; what Telegram asks to wait for is waited for in small steps."""
UPDATES = ["message", "edited_message", "callback_query"]


@dataclass(frozen=True, slots=True)
class TelegramOptions:
    """Which bot, which chat, and who may command it."""

    token: str
    chat_id: int
    user_ids: tuple[int, ...]  # empty: everybody in the chat
    api_url: str
    topic_id: int | None = None  # of a forum group: where messages go that answer nothing
    theme: Theme = "dark"  # of the pictures
    quiet_hours: QuietHours | None = None


async def serve(
    options: TelegramOptions,
    operations: Operations,
    queries: DaemonQueries,
    chance: Chance,
    pulse: Pulse,
    stop: asyncio.Event,
) -> None:
    """Until `stop`; what is in the outbox then is still sent, for a few seconds."""
    polled, delivered = pulse.of(POLLING, WITHIN_S), pulse.of(DELIVERY, WITHIN_S)
    try:
        await _serve(options, operations, queries, chance, polled, delivered, stop)
    finally:
        for component in (POLLING, DELIVERY):
            pulse.end(component)


async def _serve(
    options: TelegramOptions,
    operations: Operations,
    queries: DaemonQueries,
    chance: Chance,
    polled: Beat,
    delivered: Beat,
    stop: asyncio.Event,
) -> None:
    session = Session(api=TelegramAPIServer.from_base(options.api_url), timeout=REQUEST_S)
    properties = DefaultBotProperties(parse_mode=ParseMode.HTML, link_preview_is_disabled=True)
    bot = Bot(options.token, session=session, default=properties)
    chat = queries.chat
    chat.state = "connecting"
    handling = Handling()
    session.middleware(KillFirst(handling))
    session.middleware(Watch(chat, options.token, queries.clock, polled))
    sender = Sender(bot, options.chat_id, queries.clock, topic=options.topic_id)
    confirmations, answers = Confirmations(queries.clock, chance), Answers(queries.clock)
    dispatcher = _dispatcher(options, operations, queries, sender, confirmations, answers, handling)
    tasks = [
        asyncio.create_task(_poll(dispatcher, bot), name=POLLING),
        asyncio.create_task(_introduce(bot), name="telegram: commands registered"),
        asyncio.create_task(confirmations.run(sender.amend), name="telegram: questions that end"),
    ]
    outbox = Delivery(
        *(queries.ledger, sender, answers, queries.clock, delivered, queries.run.strategies),
        theme=options.theme,
        quiet_hours=options.quiet_hours,
    )
    delivery = asyncio.create_task(_deliver(outbox, stop, queries.clock, delivered), name=DELIVERY)
    try:
        await stop.wait()
        await asyncio.wait([delivery], timeout=LAST_WORDS_S)
    finally:
        with suppress(RuntimeError):  # it was not polling just then
            await dispatcher.stop_polling()
        await handling.finish()
        await confirmations.close(sender.amend)
        sender.give_up()
        for task in (*tasks, delivery):
            task.cancel()
        await asyncio.gather(*tasks, delivery, return_exceptions=True)
        await session.close()
        chat.state = "off"


def _dispatcher(
    options: TelegramOptions,
    operations: Operations,
    queries: DaemonQueries,
    sender: Sender,
    confirmations: Confirmations,
    answers: Answers,
    handling: "Handling",
) -> Dispatcher:
    dispatcher = Dispatcher(
        operations=operations,
        queries=queries,
        sender=sender,
        confirmations=confirmations,
        theme=options.theme,
        quiet_hours=options.quiet_hours,
    )
    allowed = Allowed(options.chat_id, options.user_ids)
    for observer in (dispatcher.message, dispatcher.edited_message, dispatcher.callback_query):
        observer.filter(allowed)
        observer.outer_middleware(InTopic(sender))
        observer.middleware(Answering(answers, confirmations))
    dispatcher.update.outer_middleware(handling)
    dispatcher.errors.register(_failed)
    free, changing, fallback = routers()
    changing.message.middleware(Idempotency(queries.clock))
    dispatcher.include_routers(free, changing, fallback)
    return dispatcher


async def _failed(event: ErrorEvent, sender: Sender) -> None:
    """A command that did not work says so: an expected error in its own words, a defect without them."""
    error, asked = event.exception, event.update.message or event.update.callback_query
    sender = sender.in_topic(topic_of(asked)) if asked else sender
    if isinstance(error, Unclear):
        await sender.answer(headed(f"⚠️ {error}", "⚠️ That is not clear"))
    elif isinstance(error, TradebotError):
        await sender.answer(did_not_work(str(error)))
    else:
        logger.opt(exception=error).error("Telegram: a command failed")
        await sender.answer(did_not_work("An internal error. The log has the details."))


class Handling(BaseMiddleware):
    """Keeps count of the updates at work, so that the end can wait for them; an update delivered twice is handled once."""

    SEEN_MAX = 1000

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._kills: set[asyncio.Task[Any]] = set()
        self._seen: dict[int, None] = {}

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        update_id = getattr(event, "update_id", 0)
        if update_id in self._seen or (isinstance(event, Update) and not event.model_fields_set - {"update_id"}):
            return None  # handled already; or nothing of it could be read
        self._seen[update_id] = None
        if len(self._seen) > self.SEEN_MAX:
            del self._seen[next(iter(self._seen))]
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        if (
            isinstance(event, Update)
            and event.message is not None
            and (event.message.text or "").lower().startswith("/kill")
        ):
            self._kills.add(task)
        try:
            return await handler(event, data)
        finally:
            self._tasks.discard(task)
            self._kills.discard(task)

    async def kills(self) -> None:
        """Until every /kill that has been heard is done with."""
        await asyncio.sleep(0)  # what has just been heard has a task, which begins now
        if self._kills:
            await asyncio.wait(self._kills, timeout=KILL_S)

    async def finish(self) -> None:
        """What was begun is finished, or ended after a moment."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_WORDS_S)
        for task in list(self._tasks):
            task.cancel()


class KillFirst(BaseRequestMiddleware):
    """The next poll confirms what the last one brought, and Telegram forgets it then."""

    def __init__(self, handling: Handling) -> None:
        self._handling = handling

    async def __call__(
        self, make_request: NextRequestMiddlewareType[TelegramType], bot: Bot, method: TelegramMethod[TelegramType]
    ) -> Response[TelegramType]:
        if isinstance(method, GetUpdates):
            await self._handling.kills()
        return await make_request(bot, method)


async def _poll(dispatcher: Dispatcher, bot: Bot) -> None:
    """aiogram polls on through every error, but not through one in its very first question."""
    while True:
        try:
            return await dispatcher.start_polling(
                bot,
                polling_timeout=POLL_S,
                handle_signals=False,
                close_bot_session=False,
                allowed_updates=UPDATES,
            )
        except _TOKEN_REFUSED:
            await asyncio.sleep(UNAUTHORIZED_RETRY_S)
        except Exception as error:
            logger.debug("polling did not start: {}", error_text(error))
            await asyncio.sleep(RETRY_S)


async def _deliver(outbox: Delivery, stop: asyncio.Event, clock: Clock, beat: Beat) -> None:
    """A defect in how something is worded must not silence all the rest."""
    while True:
        try:
            return await outbox.run(stop)
        except Exception:
            logger.exception("Telegram: the delivery of messages has failed, it starts anew")
            await pause(clock.monotonic() + RETRY_S, stop, clock, beat)
            if stop.is_set():
                return


async def _introduce(bot: Bot) -> None:
    """Registers the commands, so that clients complete them; a webhook set by another program would keep updates from us."""
    while True:
        try:
            await bot.delete_webhook()
            await bot.set_my_commands([BotCommand(command=one.name, description=one.help) for one in COMMANDS])
        except TelegramBadRequest as error:
            logger.warning("Telegram did not take the list of commands: {}", error.message)
        except (AiogramError, OSError):
            await asyncio.sleep(RETRY_S)
            continue
        return


_LISTENING = frozenset({"getMe", "getUpdates"})
_TELLING = frozenset({"sendMessage", "sendPhoto", "editMessageText"})


class Watch(BaseRequestMiddleware):
    """Sees every request: how Telegram is, reported when it changes and never in between.

    Receiving and sending are watched apart: who blocked the bot is still heard, and is sent nothing.
    """

    def __init__(self, chat: ChatPart, token: str, clock: Clock, heard: Beat) -> None:
        self._chat = chat
        self._token = token
        self._clock = clock
        self._heard = heard
        self._errors: dict[bool, str] = {}  # by whether it is about telling
        self._since = 0.0
        # Every failed poll would be a line of its own, every five seconds, for as long as an outage lasts.
        logging.getLogger("aiogram.dispatcher").setLevel(logging.CRITICAL)

    async def __call__(
        self, make_request: NextRequestMiddlewareType[TelegramType], bot: Bot, method: TelegramMethod[TelegramType]
    ) -> Response[TelegramType]:
        if method.__api_method__ in _LISTENING:
            self._heard()
        try:
            response = await make_request(bot, method)
        except TelegramBadRequest as error:
            if CHAT_NOT_FOUND in error.message:
                self._note(
                    method.__api_method__,
                    "chat not found: is telegram.chat_id right, and has somebody written to the bot?",
                )
            elif (
                isinstance(method, SendMessage) and method.parse_mode is None
            ):  # tried as plain words, after the markup was
                self._note(method.__api_method__, f"it refuses a message however it is written: {error.message}")
            raise  # any other is about this one request, not about Telegram
        except (AiogramError, OSError) as error:
            self._note(method.__api_method__, self._words(error))
            raise
        self._note(method.__api_method__, None)
        return response

    def _note(self, method: str, error: str | None) -> None:
        if method not in _LISTENING | _TELLING:
            return
        telling = method in _TELLING
        before = self._chat.error
        self._errors.pop(telling, None)
        if error is not None:
            self._errors[telling] = error
        self._chat.error = next(iter(self._errors.values()), None)
        self._chat.state = "connected" if self._chat.error is None else "failing"
        now = self._clock.monotonic()
        if before is None and error is not None:
            self._since = now
            logger.warning("Telegram: {}. Trading goes on; messages wait; it is tried again for ever", error)
        elif before is not None and self._chat.error is None:
            logger.info("Telegram answers again after {}", figures.seconds(now - self._since))

    def _words(self, error: Exception) -> str:
        if isinstance(error, _TOKEN_REFUSED):
            return (
                "Telegram refuses the token: is telegram.bot_token right, or was it revoked? "
                "@BotFather shows the valid one (/token)"
            )
        words = error_text(error, self._token)
        if isinstance(error, TelegramConflictError):
            return f"another program polls with this token ({words}): stop it, or give this bot a token of its own"
        return words
