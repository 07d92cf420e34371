"""A Redis that goes away, forgets, stands still or refuses: said plainly, and healed by itself."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.servers import RedisServer, free_port
from tradebot.domain.alerts import Side
from tradebot.errors import QueueUnavailable
from tradebot.ports import Queue, QueueContents
from tradebot.queues import open_queue
from tradebot.queues.redis import open_redis_queue


@pytest.fixture
async def own_queue(own_redis: RedisServer) -> AsyncIterator[Queue]:
    async with open_queue(own_redis.url) as queue:
        yield queue


async def test_killed_and_back_it_heals(own_redis: RedisServer, own_queue: Queue) -> None:
    """Otherwise a restart of Redis would need a restart of the bot."""
    await own_queue.push(Side.BUY, [1, 2])
    await own_redis.kill()
    for call in (own_queue.take, own_queue.ping, own_queue.contents, lambda: own_queue.push(Side.SELL, [3])):
        with pytest.raises(QueueUnavailable, match=rf"127\.0\.0\.1:{own_redis.port}.*is it running"):
            await call()
    await own_redis.start()
    await own_queue.push(Side.SELL, [3])
    assert [await own_queue.take() for _ in range(3)] == [3, 1, 2]


async def test_a_take_that_waits_when_redis_dies_says_so(own_redis: RedisServer, own_queue: Queue) -> None:
    """Otherwise the worker would wait for ever on a dead connection."""
    taking = asyncio.create_task(own_queue.take())
    await asyncio.wait([taking], timeout=0.2)
    await own_redis.kill()
    async with asyncio.timeout(60):
        with pytest.raises(QueueUnavailable):
            await taking


async def test_flushall_while_a_take_waits(own_redis: RedisServer, own_queue: Queue) -> None:
    """Otherwise losing the lists would be more than a matter for the requeue."""
    await own_queue.push(Side.BUY, [1, 2])
    assert await own_queue.take() == 1
    async with Redis.from_url(own_redis.url) as admin:
        await admin.flushall()
    assert await own_queue.contents() == QueueContents((), (), ())
    taking = asyncio.create_task(own_queue.take())
    await asyncio.wait([taking], timeout=0.1)
    await own_queue.push(Side.BUY, [2])
    assert await taking == 2


async def test_a_push_that_gets_no_answer_is_not_repeated(own_redis: RedisServer) -> None:
    """Otherwise each lost reply would leave one more entry in the list."""
    async with open_redis_queue(own_redis.url, timeout_s=0.5) as queue:
        await queue.ping()
        own_redis.pause()
        with pytest.raises(QueueUnavailable, match=f"127.0.0.1:{own_redis.port}"):
            await queue.push(Side.BUY, [7])
        own_redis.resume()
        async with asyncio.timeout(60):
            assert await queue.take() == 7
        assert await queue.contents() == QueueContents((), (), ())


async def test_what_others_put_into_the_lists_is_passed_over(redis_url: str) -> None:
    """Otherwise one stray entry would stop the worker for good."""
    async with Redis.from_url(redis_url) as admin, open_redis_queue(redis_url, prefix="bot:") as queue:
        await admin.rpush("bot:orders:buy", "x", "", "-1", "5")
        assert (await queue.contents()).buy == (5,)
        assert await queue.take() == 5
        await admin.set("bot:orders:sell", "no list")
        with pytest.raises(QueueUnavailable, match="WRONGTYPE"):
            await queue.push(Side.SELL, [1])


async def test_take_waits_longer_than_one_round(redis_url: str) -> None:
    """Otherwise a quiet market would make the worker fail every few seconds."""
    async with open_queue(redis_url) as queue:
        taking = asyncio.create_task(queue.take())
        done, _ = await asyncio.wait([taking], timeout=2.5)
        assert not done
        await queue.push(Side.SELL, [9])
        async with asyncio.timeout(60):
            assert await taking == 9


async def test_prefixes_keep_two_bots_apart(redis_url: str) -> None:
    """Otherwise two bots on one Redis would take each other's alerts."""
    async with open_redis_queue(redis_url, prefix="a:") as one, open_redis_queue(redis_url, prefix="b:") as other:
        await one.push(Side.BUY, [1])
        assert await other.contents() == QueueContents((), (), ())
        async with Redis.from_url(redis_url) as admin:
            assert await admin.keys("*") == [b"a:orders:buy"]


async def test_opening_does_not_need_redis_and_errors_hide_the_password() -> None:
    """Otherwise the bot could not start while Redis is away, or would log its password."""
    port = free_port()
    async with open_queue(f"redis://bot:hunter2-hunter2@127.0.0.1:{port}/0") as queue:
        with pytest.raises(QueueUnavailable, match=f"127.0.0.1:{port}") as refused:
            await queue.ping()
    assert "hunter2" not in str(refused.value) + repr(refused.value.__cause__)


async def test_a_wrong_password_is_said(own_redis: RedisServer) -> None:
    """Otherwise the owner would look for a network fault."""
    async with Redis.from_url(own_redis.url) as admin:
        await admin.config_set("requirepass", "hunter2-hunter2")
    async with open_queue(own_redis.url) as queue:
        with pytest.raises(QueueUnavailable, match=r"(?i)auth"):
            await queue.push(Side.BUY, [1])
    async with open_queue(own_redis.url.replace("redis://", "redis://:hunter2-hunter2@")) as queue:
        await queue.push(Side.BUY, [1])
        assert await queue.take() == 1
