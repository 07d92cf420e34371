"""The queue in Redis: the lists `orders:sell`, `orders:buy` and `orders:pending`, which hold alert ids and nothing else.

Rules: what is no id was put there by somebody else: it is dropped and counted; so is a list longer than all that can be waiting,
for its ids come back from the database. A write is never repeated by the client (each repeat of a lost reply would leave one more
entry); `take` blocks in Redis, so it wakes at once and never polls; an id lost with a cancelled or broken `take` is brought back
by the requeue. Whatever Redis cannot do now is QueueUnavailable, and the next call tries again.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from tradebot.domain.alerts import Side
from tradebot.errors import ConfigError, QueueUnavailable
from tradebot.ports import QueueContents

LISTED_MAX = 20_000
_ID_DIGITS_MAX = 18  # more than that is no id of any database
_BLOCK_S = 2  # one round of waiting inside Redis …
_BLOCK_TIMEOUT_S = 10.0  # … and how long its answer may take: the same length for both would make each round a failure


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """What Redis tells of itself; None where the user may not ask."""

    version: str | None = None
    role: str | None = None  # "master", "slave"
    policy: str | None = None  # maxmemory-policy
    bounded: bool = False  # by maxmemory


class RedisQueue:
    """See `tradebot.ports.Queue`."""

    name = "Redis"

    def __init__(self, redis: Redis, blocking: Redis, place: str, prefix: str) -> None:
        self._redis, self._blocking, self._place = redis, blocking, place
        self.junk = 0
        self._sell, self._buy, self._pending = (f"{prefix}orders:{name}" for name in ("sell", "buy", "pending"))
        self._never = f"{prefix}orders:never"

    async def push(self, side: Side, alert_ids: Iterable[int]) -> None:
        await self._append(self._sell if side is Side.SELL else self._buy, alert_ids)

    async def take(self) -> int:
        while True:
            with self._translated():
                async with asyncio.timeout(_BLOCK_TIMEOUT_S):
                    found: Any = await self._blocking.blpop([self._sell, self._buy], timeout=_BLOCK_S)
            if found is None:
                continue
            if (alert_id := _id(found[1])) is not None:
                return alert_id
            self.junk += 1

    async def put_pending(self, alert_ids: Iterable[int]) -> None:
        await self._append(self._pending, alert_ids)

    async def contents(self) -> QueueContents:
        keys = (self._sell, self._buy, self._pending)
        with self._translated():
            async with self._redis.pipeline(transaction=True) as pipe:
                for key in keys:
                    pipe.llen(key)
                    pipe.lrange(key, 0, LISTED_MAX - 1)
                answers = await pipe.execute()
        lengths, lists = answers[::2], answers[1::2]
        return QueueContents(*[await self._cleaned(*one) for one in zip(keys, lengths, lists, strict=True)])

    async def _cleaned(self, key: str, length: int, entries: Sequence[bytes]) -> tuple[int, ...]:
        """The list's ids, once what is none is out of it."""
        if length > LISTED_MAX:
            await self._command("DEL", key)
            self.junk += length
            return ()
        ids = {entry: _id(entry) for entry in entries}
        for entry in (entry for entry, alert_id in ids.items() if alert_id is None):
            await self._command("LREM", key, "0", entry)
            self.junk += 1
        return tuple(alert_id for entry in entries if (alert_id := ids[entry]) is not None)

    async def remove(self, alert_ids: Collection[int]) -> None:
        if not alert_ids:
            return
        with self._translated():
            async with self._redis.pipeline(transaction=True) as pipe:
                for key in (self._sell, self._buy, self._pending):
                    for alert_id in alert_ids:
                        pipe.lrem(key, 0, str(alert_id))
                await pipe.execute()

    async def ping(self) -> None:
        await self._command("DEL", self._never)  # a write: one that is refused would be refused for an id, too

    async def facts(self) -> RedisFacts:
        """Raises QueueUnavailable."""
        try:
            with self._translated():
                told: Any = await self._redis.info()
        except QueueUnavailable as error:
            if isinstance(error.__cause__, ResponseError):  # an ACL without INFO
                return RedisFacts()
            raise
        version = f"{told.get('server_name', 'redis')} {told.get('valkey_version') or told.get('redis_version')}"
        return RedisFacts(version, told.get("role"), told.get("maxmemory_policy"), bool(told.get("maxmemory")))

    async def _append(self, key: str, alert_ids: Iterable[int]) -> None:
        if ids := [str(alert_id) for alert_id in alert_ids]:
            await self._command("RPUSH", key, *ids)

    async def _command(self, *words: str | bytes) -> None:
        with self._translated():
            await self._redis.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
            _heed_cancellation()
        except ResponseError as error:
            raise QueueUnavailable(
                f"{self._place}: {str(error).rstrip('.')}: it answers, but does not do what the queue needs: correct it"
            ) from error
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            raise QueueUnavailable(
                f"{self._place}: {str(error).rstrip('.') or 'no answer in time'}: is it running, and is the queue's URL right?"
            ) from error


@asynccontextmanager
async def open_redis_queue(url: str, *, prefix: str = "", timeout_s: float = 5.0) -> AsyncIterator[RedisQueue]:
    """Connects with the first command, so that the bot starts while Redis is away.

    `prefix` goes before the lists' names; `timeout_s` bounds connecting and each command, but not `take`. Raises ConfigError.
    """
    redis, blocking = _client(url, timeout_s, timeout_s), _client(url, timeout_s, None)
    settings = redis.connection_pool.connection_kwargs
    place = settings.get("path") or f"{settings.get('host', 'localhost')}:{settings.get('port', 6379)}"
    async with redis, blocking:
        yield RedisQueue(redis, blocking, f"Redis at {place}", prefix)


def _client(url: str, connect_timeout_s: float, timeout_s: float | None) -> Redis:
    try:
        return Redis.from_url(
            url, retry=Retry(NoBackoff(), 0), socket_timeout=timeout_s, socket_connect_timeout=connect_timeout_s
        )
    except ValueError:  # its text may quote the URL, and with it the password
        raise ConfigError(
            "the queue's URL cannot be read: write embedded:// or redis://user:password@host:6379/0"
        ) from None


def _heed_cancellation() -> None:
    """Raises CancelledError when this task was asked to end and does not know.

    redis-py writes with asyncio's `wait_for` where it has a time limit, which before Python 3.12 loses a cancellation that
    comes as the write ends: so the client that blocks has none, and the others look afterwards.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _id(entry: bytes) -> int | None:
    return int(entry) if entry.isdigit() and len(entry) <= _ID_DIGITS_MAX else None
