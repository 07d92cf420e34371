"""What the worker and the requeue rely on in the queue, on every kind of it."""

import asyncio

import pytest

from tradebot.domain.alerts import Side
from tradebot.errors import ConfigError
from tradebot.ports import Queue, QueueContents
from tradebot.queues import open_queue


async def take(queue: Queue, number: int) -> list[int]:
    async with asyncio.timeout(60):
        return [await queue.take() for _ in range(number)]


async def test_sell_comes_before_buy_and_each_in_the_order_of_arrival(queue: Queue) -> None:
    """Otherwise an exit would wait behind entries."""
    await queue.push(Side.BUY, [1, 2])
    await queue.push(Side.SELL, [3])
    await queue.push(Side.BUY, [4])
    await queue.push(Side.SELL, [5, 6])
    assert await take(queue, 4) == [3, 5, 6, 1]
    await queue.push(Side.SELL, [7])
    assert await take(queue, 3) == [7, 2, 4]


async def test_take_waits_and_wakes_at_once(queue: Queue) -> None:
    """Otherwise an alert would wait for the next round of polling."""
    took_s = []
    for _ in range(5):
        taking = asyncio.create_task(take(queue, 1))
        done, _ = await asyncio.wait([taking], timeout=0.1)
        assert not done
        pushed = asyncio.get_running_loop().time()
        await queue.push(Side.BUY, [8])
        assert await taking == [8]
        took_s.append(asyncio.get_running_loop().time() - pushed)
    assert min(took_s) < 0.5, "the quickest: a busy machine may hold up some"


async def test_the_rest_of_the_queue_works_while_a_take_waits(queue: Queue) -> None:
    """Otherwise a waiting worker would hold up the webhook."""
    taking = asyncio.create_task(queue.take())
    await asyncio.wait([taking], timeout=0.1)
    async with asyncio.timeout(60):
        await queue.ping()
        assert await queue.contents() == QueueContents((), (), ())
        await queue.push(Side.BUY, [1])
        assert await taking == 1


async def test_every_id_goes_to_one_of_many_takers(queue: Queue) -> None:
    """Otherwise the worker would meet most alerts twice."""
    takers = [asyncio.create_task(take(queue, 10)) for _ in range(5)]
    await queue.push(Side.BUY, range(1, 26))
    await queue.push(Side.SELL, range(26, 51))
    taken = await asyncio.gather(*takers)
    assert sorted(alert_id for ids in taken for alert_id in ids) == list(range(1, 51))


async def test_pending_ids_are_kept_apart(queue: Queue) -> None:
    """Otherwise an alert would be judged although the market is closed."""
    await queue.put_pending([1, 2])
    await queue.put_pending([3])
    await queue.push(Side.BUY, [4])
    await queue.push(Side.SELL, [5])
    assert await queue.contents() == QueueContents(sell=(5,), buy=(4,), pending=(1, 2, 3))
    assert await take(queue, 2) == [5, 4]
    assert await queue.contents() == QueueContents(sell=(), buy=(), pending=(1, 2, 3))


async def test_remove_takes_ids_out_of_every_list(queue: Queue) -> None:
    """Otherwise cleared alerts would still stand in the queue, as shown to the owner."""
    await queue.push(Side.BUY, [1, 2, 1, 10])
    await queue.push(Side.SELL, [1, 3])
    await queue.put_pending([1, 4])
    await queue.remove([1, 4, 99])
    assert await queue.contents() == QueueContents(sell=(3,), buy=(2, 10), pending=())
    await queue.remove([])
    assert await take(queue, 3) == [3, 2, 10]


async def test_nothing_to_push_is_nothing(queue: Queue) -> None:
    """Otherwise a requeue that finds nothing missing would fail."""
    await queue.push(Side.SELL, [])
    await queue.push(Side.BUY, iter(()))
    await queue.put_pending([])
    assert await queue.contents() == QueueContents((), (), ())


async def test_a_cancelled_take_leaves_the_queue_usable(queue: Queue) -> None:
    """Otherwise a worker stopped while it waits would spoil the queue for the next one."""
    for _ in range(20):
        taking = asyncio.create_task(queue.take())
        await asyncio.wait([taking], timeout=0.005)
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
    await queue.push(Side.BUY, [1, 2])
    contents = (
        await queue.contents()
    )  # a take that was cancelled may have taken an id along: the requeue brings it back
    await queue.remove(contents.buy)
    await queue.push(Side.SELL, [3])
    assert await take(queue, 1) == [3]


async def test_a_take_ends_at_whatever_step_it_is_cancelled(queue: Queue) -> None:
    """Otherwise a daemon that is to end would wait for ever for a worker that does not know of it."""
    for steps in range(100):
        taking = asyncio.create_task(queue.take())
        for _ in range(steps):
            await asyncio.sleep(0)
        taking.cancel()
        await asyncio.wait([taking], timeout=20)
        assert taking.cancelled(), f"goes on after {steps} steps"


@pytest.mark.parametrize(
    "url", ["", "memory://", "http://user:hunter2-hunter2@host", "redis://:hunter2-hunter2@host:port/0"]
)
async def test_a_wrong_url_is_refused_without_its_password(url: str) -> None:
    """Otherwise the bot would run on another queue than meant, or log the password."""
    with pytest.raises(ConfigError, match="redis://") as refused:
        async with open_queue(url):
            pass
    assert "hunter2" not in str(refused.value) + repr(refused.value.__cause__)
