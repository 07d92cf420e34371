"""A queue that does not take, does not give, or is full of what is none of ours: alerts go on from the database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from redis.asyncio import Redis

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.servers import RedisServer, free_port
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.events import EventKind
from tradebot.domain.facts.daemon import QueueJunk
from tradebot.ports import Queue, QueueContents
from tradebot.queues import EmbeddedQueue
from tradebot.queues.redis import open_redis_queue


@pytest.fixture
async def queue(own_redis: RedisServer) -> AsyncIterator[Queue]:
    async with open_redis_queue(own_redis.url) as opened:
        yield opened


async def a_replica(redis: Redis) -> None:
    await redis.execute_command("REPLICAOF", "127.0.0.1", str(free_port()))  # type: ignore[no-untyped-call]


async def no_right_to_write(redis: Redis) -> None:
    await redis.execute_command("ACL", "SETUSER", "default", "-@write")  # type: ignore[no-untyped-call]


async def out_of_memory(redis: Redis) -> None:
    await redis.config_set("maxmemory-policy", "noeviction")
    await redis.config_set("maxmemory", "1")


@pytest.mark.parametrize("spoil", [a_replica, no_right_to_write, out_of_memory])
async def test_alerts_go_on_from_the_database(
    make_bot: MakeBot, own_redis: RedisServer, queue: Queue, spoil: Callable[[Redis], Awaitable[None]]
) -> None:
    """Broken, an exit waits for minutes for a Redis that reads and does not write, and health says well."""
    bot: Bot = await make_bot(queue=queue)
    bot.broker.fill_at_once()
    await bot.start()
    await bot.bought(5, "AAPL")
    async with Redis.from_url(own_redis.url) as redis:
        await spoil(redis)
        for side in ("SELL", "BUY"):
            alert_id = await bot.alert(side, "AAPL")
            await bot.becomes(alert_id, AlertStatus.EXECUTED)
        health = await bot.queries.health()
    part = next(values for name, values in health.parts.items() if name == "queue")
    assert (health.ok, part["ok"]) == (False, False)
    assert any(word in str(part["error"]) for word in ("read only", "NOPERM", "maxmemory", "permissions"))


class NeverGiving(EmbeddedQueue):
    """Takes ids, and gives none."""

    async def take(self) -> int:
        await asyncio.Event().wait()
        raise AssertionError("never")


async def test_a_sell_that_the_queue_does_not_give_is_brought(make_bot: MakeBot) -> None:
    """Broken, an exit waits for as long as a queue that answers, and does nothing, pleases."""
    bot: Bot = await make_bot(queue=NeverGiving())
    bot.broker.fill_at_once()
    await bot.start()
    await bot.owns(5)
    alert_id = await bot.alert("SELL", "AAPL")
    await bot.becomes(alert_id, AlertStatus.EXECUTED)


@pytest.mark.parametrize(
    ("key", "entry"),
    [("orders:pending", "7" * 5_000), ("orders:buy", "7" * 5_000), ("orders:sell", "9" * 20), ("orders:sell", "x")],
)
async def test_junk_in_a_list_is_dropped_and_told(
    make_bot: MakeBot, own_redis: RedisServer, queue: Queue, key: str, entry: str
) -> None:
    """Broken, one entry that is no id ends the daemon, and each start of it."""
    bot: Bot = await make_bot(queue=queue)
    bot.broker.fill_at_once()
    await bot.start()
    async with Redis.from_url(own_redis.url) as redis:
        await redis.rpush(key, entry)

        async def told() -> bool:
            return [event.facts for event in await bot.events(EventKind.QUEUE_JUNK)] == [QueueJunk("Redis", 1)]

        for _ in range(3):
            await bot.requeue.run_once()
        await bot.until(told, "the owner is told")
        assert await redis.lrange(key, 0, -1) == []
    await bot.becomes(await bot.alert("BUY", "AAPL"), AlertStatus.EXECUTED)


async def test_two_hundred_thousand_foreign_ids_hold_up_nothing(
    make_bot: MakeBot, own_redis: RedisServer, queue: Queue
) -> None:
    """Broken, alerts are answered with 503 and orders wait for minutes behind another program's numbers."""
    bot: Bot = await make_bot(queue=queue)
    bot.broker.fill_at_once()
    await bot.start()
    await bot.owns(5)
    async with Redis.from_url(own_redis.url) as redis:
        for start in range(1_000_000, 1_200_000, 20_000):
            await redis.rpush("orders:buy", *range(start, start + 20_000))
    alerts = [await bot.alert(*pair) for pair in (("SELL", "AAPL"), ("BUY", "MSFT"))]
    await bot.requeue.run_once()
    for alert_id in alerts:
        await bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert len((await queue.contents()).buy) < 200_000 // 2


async def test_a_sell_of_what_is_not_held_holds_up_no_exit(bot: Bot) -> None:
    """Broken, an exit waits for IB's answer about the name of another stock, which may never come."""
    await bot.owns(5)
    bot.broker.waits["contract"] = gate = asyncio.Event()
    other = await bot.alert("SELL", "KO")

    async def asked() -> bool:
        return "contract" in bot.broker.asked

    await bot.until(asked, "IB is asked what KO is")
    before = bot.clock.monotonic()
    await bot.alert("SELL", "AAPL")
    await bot.sent(1)
    assert bot.clock.monotonic() - before < 5, "before the question has ended"
    gate.set()
    await bot.becomes(other, AlertStatus.BLOCKED)


async def test_forty_buys_that_hang_do_not_hold_up_a_sell(bot: Bot) -> None:
    """Broken, an exit waits nine seconds for a place among entries whose contracts nobody answers for."""
    await bot.owns(5)
    bot.broker.waits["contract"] = gate = asyncio.Event()
    buys = [await bot.alert("BUY", f"T{number}") for number in range(40)]

    async def all_taken() -> bool:
        return await bot.queue.contents() == QueueContents((), (), ())

    await bot.until(all_taken, "every BUY is taken")
    before = bot.clock.monotonic()
    await bot.alert("SELL", "AAPL")
    await bot.sent(1)
    assert bot.clock.monotonic() - before < 5, "before any of the questions has ended"
    assert [order.side for order in bot.broker.sent] == [Side.SELL]
    gate.set()
    assert len(buys) == 40
