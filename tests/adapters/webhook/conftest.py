"""A real webhook on a free port, with a real ledger (SQLite, where a test file does not say otherwise) and the embedded queue."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout
from loguru import logger

from tests.fakes import FixedClock
from tradebot.database import migrate, open_ledger
from tradebot.domain.alerts import Alert, AlertStatus
from tradebot.domain.events import Event
from tradebot.domain.strategies import Strategies
from tradebot.listener import take_port
from tradebot.ports import Ledger
from tradebot.queries.health import Health
from tradebot.queues import EmbeddedQueue
from tradebot.trading.intake import Intake, ReportOn
from tradebot.webhook import WebhookOptions, open_webhook

SECRET = "correct/horse\"battery'stäple"
PREVIOUS = "the-secret-of-last-month"
NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


def message(**changes: object) -> bytes:
    """A good alert with changes (… removes a field), as bytes."""
    fields = {"secret": SECRET, "action": "BUY", "ticker": "AAPL", "price": "187.32", "time": "2026-11-20T15:04:05Z"}
    return json.dumps({name: value for name, value in {**fields, **changes}.items() if value is not ...}).encode()


@dataclass
class House:
    ledger: Ledger
    queue: EmbeddedQueue
    port: int
    client: ClientSession
    logged: list[str]
    health: Callable[[], Awaitable[Health]]
    intake: Intake

    async def ask(self) -> Health:
        return await self.health()

    async def post(self, body: bytes, path: str = "/webhook", **headers: str) -> tuple[int, dict[str, object]]:
        """Status and JSON of the answer; header names with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client.post(f"http://127.0.0.1:{self.port}{path}", data=body, headers=named) as response:
            return response.status, json.loads(await response.text())

    async def get(self, path: str) -> tuple[int, dict[str, object]]:
        async with self.client.get(f"http://127.0.0.1:{self.port}{path}") as response:
            return response.status, json.loads(await response.text())

    async def raw(self, sent: bytes, *, until_closed: bool = False) -> bytes:
        """What comes back for bytes that no decent client sends: one answer's header, or all until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(sent)
            async with asyncio.timeout(60):
                return await (reader.read() if until_closed else reader.readuntil(b"\r\n\r\n"))
        except asyncio.IncompleteReadError as error:
            return error.partial
        finally:
            writer.close()

    async def alerts(self) -> list[Alert]:
        async with self.ledger.read() as books:
            return list(await books.alerts(tuple(AlertStatus)))

    async def events(self) -> list[Event]:
        async with self.ledger.read() as books:
            return list(await books.events())


async def healthy() -> Health:
    return Health(True, {})


OpenHouse = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """An empty database."""
    return f"sqlite:///{tmp_path}/tradebot.db"


@pytest.fixture
async def open_house(url: str) -> AsyncIterator[OpenHouse]:
    """Opens a webhook with the options given."""
    logged: list[str] = []
    sink = logger.add(logged.append, level="DEBUG", format="{level} {message} {extra}\n{exception}", diagnose=False)
    await migrate.up(url)

    @asynccontextmanager
    async def open_(
        *, strategies: Strategies | None = None, report: ReportOn | None = None, **options: object
    ) -> AsyncIterator[House]:
        queue = EmbeddedQueue()
        async with open_ledger(url) as ledger, ClientSession(timeout=ClientTimeout(60)) as client:
            full = WebhookOptions(**{"secret": SECRET, **options})  # type: ignore[arg-type]
            clock = FixedClock(lambda: NOON)
            intake = Intake(ledger, queue, clock, strategies=strategies, report=report, store_within_s=60)
            house = House(ledger, queue, 0, client, logged, healthy, intake)
            with take_port("webhook", "127.0.0.1", 0) as port:
                async with open_webhook(full, port, intake, house.ask) as webhook:
                    house.port = webhook.port
                    yield house

    yield open_
    logger.remove(sink)


@pytest.fixture
async def house(open_house: OpenHouse) -> AsyncIterator[House]:
    async with open_house() as house:
        yield house
