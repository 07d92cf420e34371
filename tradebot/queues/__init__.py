"""Redis and the embedded queue behind one port: lists of alert ids, which may be lost at any moment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tradebot.errors import ConfigError
from tradebot.ports import Queue
from tradebot.queues.embedded import EmbeddedQueue

__all__ = ["EmbeddedQueue", "open_queue"]


@asynccontextmanager
async def open_queue(url: str) -> AsyncIterator[Queue]:
    """`embedded://`, or `redis://`, `rediss://` or `unix://` as Redis writes them. Raises ConfigError for anything else."""
    scheme = url.partition("://")[0]
    if scheme == "embedded":
        yield EmbeddedQueue()
    elif scheme in ("redis", "rediss", "unix"):
        from tradebot.queues.redis import open_redis_queue  # noqa: PLC0415 - loaded where there is a Redis only

        async with open_redis_queue(url) as queue:
            yield queue
    else:
        raise ConfigError("the queue's URL is of no known kind: write embedded:// or redis://host:6379/0")
