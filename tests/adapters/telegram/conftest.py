"""The real dispatcher against a Bot API server, on the real services around a fake broker."""

import asyncio
import importlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.bot import Bot
from tests.bot_fixtures import MakeBot, empty_books, make_bot  # noqa: F401 - fixtures
from tests.botapi import TOKEN, BotApi, Sent, bot_api
from tradebot.domain.events import EventKind, Facts, NewEvent
from tradebot.operations.operations import Operations
from tradebot.queries.daemon import DaemonQueries
from tradebot.runtime.clock import SystemClock
from tradebot.runtime.pulse import Pulse
from tradebot.telegram.lean import import_aiogram

if TYPE_CHECKING:
    from tradebot.telegram.serving import TelegramOptions

CHANNEL = "telegram"
"""As it is stored."""
OTHER = {"id": 4343, "is_bot": False, "first_name": "Bob"}
USERS = (4242, 4343)


@dataclass
class Phone:
    """A bot and the chat with it."""

    bot: Bot
    api: BotApi
    operations: Operations
    queries: DaemonQueries
    options: "TelegramOptions"
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _serving: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        from tradebot.telegram.serving import serve

        self._stop = asyncio.Event()
        self._serving = asyncio.create_task(
            serve(self.options, self.operations, self.queries, secrets.token_hex, Pulse(SystemClock()), self._stop)
        )

    async def hang_up(self) -> None:
        """As the daemon stops: what was begun is finished, what is in the outbox is told."""
        if self._serving is not None:
            self._stop.set()
            await self._serving
            self._serving = None

    async def drop(self) -> None:
        """As a crash of another part ends it."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
            self._serving = None

    async def event(self, facts: Facts, trade_id: int | None = None) -> int:
        event = NewEvent(facts, self.bot.clock.now(), trade_id=trade_id)
        async with self.bot.ledger.begin() as books:
            return await books.add_event(event)

    async def is_delivered(self, event_id: int) -> None:
        async def marked() -> bool:
            async with self.bot.ledger.read() as books:
                return event_id not in {event.id for event in await books.undelivered(CHANNEL, 1000)}

        await self.bot.until(marked, f"event {event_id} is marked as delivered")

    async def is_not_said_again(self, kind: EventKind, number: int = 1) -> None:
        """What somebody did in the chat was told by the answer alone: a message about it would name him."""
        for event in await self.bot.told(kind, number):
            await self.is_delivered(event.id)
        assert not [sent.text for sent in self.messages() if "Ann Owner" in sent.text]

    def messages(self, after: int = 0) -> list[Sent]:
        return [sent for sent in self.api.sent[after:] if sent.method in ("sendMessage", "editMessageText")]


@asynccontextmanager
async def open_phone(
    bot: Bot,
    *,
    token: str = TOKEN,
    chat_id: int = 4242,
    user_ids: tuple[int, ...] = USERS,
    up: bool = True,
    topic_id: int | None = None,
) -> AsyncIterator[Phone]:
    """Connected, with nothing in the outbox."""
    from tradebot.telegram.serving import TelegramOptions

    async with bot_api() as api:
        api.clock = bot.clock
        phone = Phone(
            bot, api, bot.operations, bot.queries, TelegramOptions(token, chat_id, user_ids, api.url, topic_id)
        )
        async with bot.ledger.begin() as books:
            await books.serve_channels([CHANNEL])
            await books.mark_delivered(CHANNEL, [e.id for e in await books.undelivered(CHANNEL, 1000)], bot.clock.now())
        if not up:
            await api.down()
        await phone.connect()
        try:
            yield phone
        finally:
            await phone.drop()


@pytest.fixture(autouse=True)
def chat_library(request: pytest.FixtureRequest) -> None:
    """Imported before a bot runs, for it takes seconds; whoever makes no bot goes without."""
    if "make_bot" in request.fixturenames:
        import_aiogram()
        importlib.import_module("tradebot.telegram.serving")


@pytest.fixture
async def bot(make_bot: MakeBot) -> Bot:  # noqa: F811
    made = await make_bot(simulated=["broker: simulated <b>&"])
    await made.start()
    return made


@pytest.fixture
async def phone(bot: Bot) -> AsyncIterator[Phone]:
    async with open_phone(bot) as opened:
        yield opened
