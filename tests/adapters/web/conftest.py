"""The second listener on a free port, with a real bot behind it: real books (SQLite), a fake broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Protocol

import pytest
from aiohttp import ClientSession, ClientTimeout, CookieJar
from loguru import logger

from tests.bot import CRONS, Bot
from tests.bot_fixtures import MakeBot, empty_books, make_bot  # noqa: F401 - fixtures
from tradebot.listener import take_port
from tradebot.web.ground import Ground, WebOptions
from tradebot.web.serving import open_web

PASSWORD = "seven horses under the bridge"
KEY = "k9Qm3vX7pL2sT8wZ4rB6f0d1c2b3a4958677685a4b3c"


@dataclass
class Site:
    """The open listener, as a client sees it."""

    bot: Bot
    port: int
    client: ClientSession
    logged: list[str]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def ask(self, path: str, method: str = "GET", **more: Any) -> tuple[int, Any]:
        """Status, and what the JSON says."""
        async with self.client.request(method, self.url(path), **more) as answer:
            return answer.status, await answer.json(content_type=None)

    async def raw(self, sent: bytes) -> bytes:
        """All that comes back for bytes that no decent client sends, until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(sent)
            async with asyncio.timeout(60):
                return await reader.read()
        finally:
            writer.close()


class OpenSite(Protocol):
    """Opens one with what differs."""

    async def __call__(self, bot: Bot | None = None, **options: Any) -> Site: ...


@pytest.fixture
async def open_site(make_bot: MakeBot) -> AsyncIterator[OpenSite]:  # noqa: F811 - the fixture above
    logged: list[str] = []
    sink = logger.add(logged.append, level="DEBUG", format="{level} {message} {extra}\n{exception}", diagnose=False)
    async with AsyncExitStack() as house:

        async def open_(bot: Bot | None = None, **options: Any) -> Site:
            bot = bot or await make_bot()
            return await house.enter_async_context(a_site(bot, logged, **options))

        yield open_
    logger.remove(sink)


@asynccontextmanager
async def a_site(bot: Bot, logged: list[str], **options: Any) -> AsyncIterator[Site]:
    given = WebOptions(**{"password": PASSWORD, "api_key": KEY, **options})
    ground = Ground(
        options=given,
        operations=bot.operations,
        queries=bot.queries,
        clock=bot.clock,
        listeners=bot.built.listeners,
        chance=token_hex,
        crons=CRONS,
    )
    with take_port("web", "127.0.0.1", 0) as port:
        async with (
            open_web(given, port, ground),
            ClientSession(cookie_jar=CookieJar(unsafe=True), timeout=ClientTimeout(60)) as client,
        ):
            yield Site(bot, port.port, client, logged)


@pytest.fixture
async def site(open_site: OpenSite) -> Site:
    return await open_site()
