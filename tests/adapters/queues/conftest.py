"""Every test of the contract runs on the embedded queue and on a real Redis."""

from collections.abc import AsyncIterator

import pytest

from tradebot.ports import Queue
from tradebot.queues import open_queue


@pytest.fixture(params=["embedded", "redis"])
def queue_url(request: pytest.FixtureRequest) -> str:
    return "embedded://" if request.param == "embedded" else str(request.getfixturevalue("redis_url"))


@pytest.fixture
async def queue(queue_url: str) -> AsyncIterator[Queue]:
    async with open_queue(queue_url) as opened:
        yield opened
