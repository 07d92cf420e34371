"""Fixtures of the bot: one of the test's own, made as the test wants it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.broker.helpers import broker_for
from tests.bot import Bot, Setup, open_bot
from tradebot.broker import IbBroker
from tradebot.database import migrate
from tradebot.simgateway import Gateway, GatewaySettings, open_gateway

MakeBot = Callable[..., Awaitable[Bot]]


@pytest.fixture(scope="session")
def empty_books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, to be copied."""
    path = tmp_path_factory.mktemp("books") / "empty.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


async def _migrate(url: str) -> None:
    await migrate.up(url)


@pytest.fixture
async def make_bot(empty_books: Path, tmp_path: Path) -> AsyncIterator[MakeBot]:
    """`await make_bot(...)` with the settings of `Setup` that differ: a bot that is not running yet."""
    async with AsyncExitStack() as house:

        async def make(folder: Path = tmp_path, **setup: Any) -> Bot:
            return await house.enter_async_context(open_bot(empty_books, folder, Setup(**setup)))

        yield make


@dataclass(frozen=True)
class AtGateway:
    """A bot that trades over the socket of a simulated gateway, with the broker between them."""

    bot: Bot
    gateway: Gateway
    broker: IbBroker


MakeAtGateway = Callable[..., Awaitable[AtGateway]]


@pytest.fixture
async def make_at_gateway(empty_books: Path, tmp_path: Path) -> AsyncIterator[MakeAtGateway]:
    """`await make_at_gateway(GatewaySettings(…), …)` with what differs in `Setup`: a bot whose gate is open."""
    async with AsyncExitStack() as house:

        async def make(
            settings: GatewaySettings | None = None,
            arm: Callable[[Gateway], None] = lambda gateway: None,
            options: Mapping[str, Any] | None = None,
            **setup: Any,
        ) -> AtGateway:
            still = replace(settings or GatewaySettings(), port=0, moving=False, fill_latency_s=0)
            gateway = await house.enter_async_context(open_gateway(still))
            arm(gateway)
            broker = await house.enter_async_context(broker_for(gateway.port, **(options or {})))
            now = Setup(
                **{"start": datetime.now(UTC), **setup}
            )  # as at the gateway, whose word is compared with the books
            made = await house.enter_async_context(open_bot(empty_books, tmp_path, now, broker))
            await made.start(connected=False)
            await made.is_open()
            return AtGateway(made, gateway, broker)

        yield make


@pytest.fixture
async def bot(make_bot: MakeBot) -> Bot:
    """A bot that runs, connected, its gate open."""
    made = await make_bot()
    await made.start()
    return made
