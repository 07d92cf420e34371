"""The road of an alert, side by side with the bare floor and with the common design: an alert at a time, in turns, so that
whatever else the machine does meets all of them. Each writes to a simulated gateway of its own through a tap, whose clock is the
one that saw the alert leave."""

import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.bench.figures import Figure, beside_floor
from tests.bench.servers import EMBEDDED, SERVERS, open_servers
from tests.bench.tap import Tap, open_tap
from tests.servers import free_port
from tests.system.harness import ROOT, SECRET, Daemon, Gateway, Process, running, until

TICKERS = ("AAPL", "MSFT", "TSLA", "NVDA", "AMZN", "KO", "WMT", "DIS")
ROUNDS, PAUSE_S = 200, 0.1
WARM = len(TICKERS)  # by then each ticker is known
PEER = Path(sys.prefix) / "peer"
UNLIMITED = {
    "repeat_window_s": "0",
    "hours": "always",
    "price_collar_pct": "0",
    "defaults__max_per_ticker": "10000",
    "defaults__max_daily_buys": "10000",
    "defaults__max_total_investment": "10000000",
}


@dataclass
class Bridge:
    """Something that takes alerts and writes orders."""

    url: str
    tap: Tap
    session: aiohttp.ClientSession
    answered: list[float] = field(default_factory=list)  # seconds from request to answer
    ordered: list[float] = field(default_factory=list)  # seconds from request to the order's bytes

    async def alert(self, key: str, ticker: str) -> None:
        body = {"secret": SECRET, "action": "BUY", "ticker": ticker, "alert_id": key}
        began = time.perf_counter()
        async with self.session.post(self.url, json=body) as answer:
            told = await answer.json()
            assert answer.status == 200, told
        self.answered.append(time.perf_counter() - began)
        self.ordered.append(await self.tap.order(int(told["alert_id"])) - began)


async def figures() -> AsyncIterator[Figure]:
    """From alert to answer, and to the order's bytes at the gateway."""
    async with open_servers() as servers:
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            floor = await _floor(stack, folder / "floor", str(folder / "floor.db"))
            daemon = await _daemon(stack, folder / "daemon")
            files = f"sqlite+aiosqlite:///{folder / 'peer.db'}"
            peer = await _peer(stack, folder / "peer", files, await servers.queue(1))
            for figure in await _compared(EMBEDDED, floor, daemon, peer):
                yield figure
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            first, second, third = [await stack.enter_async_context(servers.database()) for _ in range(3)]
            floor = await _floor(stack, folder / "floor", first)
            settings = {"database__url": second, "queue__url": await servers.queue(0)}
            daemon = await _daemon(stack, folder / "daemon", **settings)
            database = third.replace("postgresql:", "postgresql+asyncpg:")
            peer = await _peer(stack, folder / "peer", database, await servers.queue(1))
            for figure in await _compared(SERVERS, floor, daemon, peer):
                yield figure


async def _compared(where: str, floor: Bridge, daemon: Bridge, peer: Bridge) -> list[Figure]:
    await _in_turns((floor, daemon, peer))
    theirs, ours = (statistics.median(one.ordered[WARM:]) for one in (peer, daemon))
    beside = f"{theirs * 1e3:.2f} ms beside {ours * 1e3:.2f} ms"
    what = "common design's alert to order's bytes, median"
    return [
        *beside_floor("alert to answer", where, daemon.answered[WARM:], floor.answered[WARM:], 1.3, 2),
        *beside_floor("alert to order's bytes", where, daemon.ordered[WARM:], floor.ordered[WARM:], 2, 3),
        Figure(what, where, theirs / ours, "x ours", 10, at_least=True, detail=beside),
    ]


async def _in_turns(bridges: Sequence[Bridge]) -> None:
    chance = random.Random(1)
    for number in range(ROUNDS):
        for bridge in bridges:
            await bridge.alert(f"p{number}", TICKERS[number % len(TICKERS)])
            await asyncio.sleep(chance.uniform(0.5, 1.5) * PAUSE_S)  # in step with nobody's polling


@asynccontextmanager
async def _gateway(folder: Path) -> AsyncIterator[Tap]:
    gateway = Gateway.at(folder)
    async with running(gateway):
        await gateway.ready()
        async with open_tap(gateway.port) as tap:
            yield tap


async def _floor(stack: AsyncExitStack, folder: Path, database: str) -> Bridge:
    tap = await stack.enter_async_context(_gateway(folder / "gateway"))
    port = free_port()
    arguments = ["--port", str(port), "--gateway-port", str(tap.port), "--database", database]
    await _saying(stack, Process(arguments, folder, {}, "floor", module="tests.bench.floor"), "ready")
    return await _bridge(stack, port, tap)


async def _peer(stack: AsyncExitStack, folder: Path, database: str, queue: str) -> Bridge:
    """Its webhook first, which makes the table, then the process that places orders."""
    assert PEER.is_dir(), f"{PEER} is missing: `make bench` puts the common design's packages there"
    tap = await stack.enter_async_context(_gateway(folder / "gateway"))
    port = free_port()
    env = {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{PEER}",
        "DATABASE_URL": database,
        "REDIS_URL": queue,
        "WEBHOOK_SECRET": SECRET,
    }
    served = ["tests.bench.peer.webhook:app", "--port", str(port), "--no-access-log"]
    await _saying(stack, Process(served, folder, env, "webhook", module="uvicorn"), "running on")
    await _saying(stack, Process([str(tap.port)], folder, env, "orders", module="tests.bench.peer.orders"), "ready")
    return await _bridge(stack, port, tap)


async def _saying(stack: AsyncExitStack, process: Process, words: str) -> None:
    """Starts it, and waits until it has printed these words."""
    await stack.enter_async_context(running(process))
    await process.start()

    async def said() -> bool:
        assert process.running is not None
        assert process.running.returncode is None, process.output
        return words in process.output

    await until(said, f"{process.name} to say {words}; it printed {process.output}")


async def _daemon(stack: AsyncExitStack, folder: Path, **settings: str) -> Bridge:
    tap = await stack.enter_async_context(_gateway(folder / "gateway"))
    settings |= {"broker__mode": "gateway", "broker__port": str(tap.port), "broker__restart_window": "00:00-00:00"}
    settings |= {f"trading__{key}": value for key, value in UNLIMITED.items()}
    daemon = Daemon.at(folder, gateway=None, **settings)
    await stack.enter_async_context(running(daemon))
    await daemon.ready()
    return await _bridge(stack, daemon.port, tap)


async def _bridge(stack: AsyncExitStack, port: int, tap: Tap) -> Bridge:
    session = await stack.enter_async_context(aiohttp.ClientSession())
    return Bridge(f"http://127.0.0.1:{port}/webhook", tap, session)
