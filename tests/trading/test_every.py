"""The loop of everything that looks again after some seconds: time is skipped, nothing sleeps."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from loguru import logger

from tests.fakes import FixedClock
from tradebot.errors import LedgerUnavailable, LockLost
from tradebot.trading.every import Step, every


class Pauses(FixedClock):
    """A clock that notes what it is asked to wait for, and waits not at all."""

    def __init__(self) -> None:
        super().__init__(lambda: datetime.now(UTC))
        self.asked: list[float] = []
        self.beats = 0

    def beat(self) -> None:
        self.beats += 1

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0)


@asynccontextmanager
async def _looping(step: Step, clock: Pauses, wake: asyncio.Event | None = None) -> AsyncIterator[None]:
    task = asyncio.create_task(every(60, step, what="the parts", clock=clock, beat=clock.beat, wake=wake))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_outage_is_logged_once_and_survived() -> None:
    """Broken, a database that is away for an hour fills the log, or ends the loop for good."""
    clock, done, runs = Pauses(), asyncio.Event(), 0

    async def step() -> None:
        nonlocal runs
        runs += 1
        if runs in (2, 3, 5):
            raise LedgerUnavailable("the database is away")
        if runs == 6:
            done.set()

    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}")
    try:
        async with _looping(step, clock):
            await asyncio.wait_for(done.wait(), 10)
    finally:
        logger.remove(sink)
    assert [line.strip() for line in lines] == ["the parts: the database is away; tried again every 60 s"] * 2
    assert set(clock.asked) == {60}


async def test_a_defect_and_a_lost_lock_end_the_loop() -> None:
    """Broken, a daemon that has lost its lock, or that is wrong, goes on as if nothing were."""

    async def step() -> None:
        raise LockLost

    with pytest.raises(LockLost):
        await asyncio.wait_for(every(60, step, what="the parts", clock=Pauses(), beat=lambda: None), 10)


async def test_a_step_may_say_how_long_to_wait() -> None:
    """Broken, the scheduler sleeps past what is due."""
    clock, done = Pauses(), asyncio.Event()

    async def step() -> float:
        if clock.asked:
            done.set()
        return 0.5

    async with _looping(step, clock):
        await asyncio.wait_for(done.wait(), 10)
    assert clock.asked[0] == 0.5


async def test_a_pause_can_be_ended_early() -> None:
    """Broken, orders at work are cancelled a second after the kill, not at once; or the loop spins for ever after it."""
    runs: asyncio.Queue[None] = asyncio.Queue()
    wake = asyncio.Event()

    async def step() -> None:
        runs.put_nowait(None)

    async with _looping(step, Pauses(), wake):
        await asyncio.wait_for(runs.get(), 10)
        wake.set()
        await asyncio.wait_for(runs.get(), 10)
        assert not wake.is_set()
        assert runs.empty()
