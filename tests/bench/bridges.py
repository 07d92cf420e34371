"""What is measured side by side: tradebot's daemon, the bare floor, and the common design, each behind a tap of its own."""

import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.bench.tap import Tap, open_tap
from tests.servers import free_port
from tests.system.harness import ROOT, SECRET, Daemon, Gateway, Process, running, until

TICKERS = ("AAPL", "MSFT", "TSLA", "NVDA", "AMZN", "KO", "WMT", "DIS")
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


@asynccontextmanager
async def open_gateway(folder: Path) -> AsyncIterator[Tap]:
    gateway = Gateway.at(folder)
    async with running(gateway):
        await gateway.ready()
        await gateway.control("POST", "/cash", cash="100000000")  # no order is refused for want of it
        async with open_tap(gateway.port) as tap:
            yield tap


async def start_floor(stack: AsyncExitStack, folder: Path, database: str) -> Bridge:
    tap = await stack.enter_async_context(open_gateway(folder / "gateway"))
    port = free_port()
    arguments = ["--port", str(port), "--gateway-port", str(tap.port), "--database", database]
    await _saying(stack, Process(arguments, folder, {}, "floor", module="tests.bench.floor"), "ready")
    return await open_bridge(stack, port, tap)


async def start_peer(stack: AsyncExitStack, folder: Path, database: str, queue: str) -> Bridge:
    """Its webhook first, which makes the table, then the process that places orders."""
    assert PEER.is_dir(), f"{PEER} is missing: `make bench` puts the common design's packages there"
    tap = await stack.enter_async_context(open_gateway(folder / "gateway"))
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
    return await open_bridge(stack, port, tap)


async def _saying(stack: AsyncExitStack, process: Process, words: str) -> None:
    """Starts it, and waits until it has printed these words."""
    await stack.enter_async_context(running(process))
    await process.start()

    async def said() -> bool:
        assert process.running is not None
        assert process.running.returncode is None, process.output
        return words in process.output

    await until(said, f"{process.name} to say {words}; it printed {process.output}")


async def start_daemon(stack: AsyncExitStack, folder: Path, **settings: str) -> Bridge:
    tap = await stack.enter_async_context(open_gateway(folder / "gateway"))
    daemon = unlimited(tap, folder, **settings)
    await stack.enter_async_context(running(daemon))
    await daemon.ready()
    return await open_bridge(stack, daemon.port, tap)


def unlimited(tap: Tap, folder: Path, **settings: str) -> Daemon:
    """A daemon that no limit of its owner's holds back: each is checked all the same."""
    settings |= {"broker__mode": "gateway", "broker__port": str(tap.port), "broker__restart_window": "00:00-00:00"}
    settings |= {f"trading__{key}": value for key, value in UNLIMITED.items()}
    return Daemon.at(folder, gateway=None, **settings)


async def open_bridge(stack: AsyncExitStack, port: int, tap: Tap) -> Bridge:
    session = await stack.enter_async_context(aiohttp.ClientSession())
    return Bridge(f"http://127.0.0.1:{port}/webhook", tap, session)
