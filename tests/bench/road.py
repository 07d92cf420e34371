"""The road of an alert, side by side with the bare floor: an alert at a time, in turns, so that whatever else the machine does
meets both. Each writes to a simulated gateway of its own through a tap, whose clock is the one that saw the alert leave."""

import asyncio
import json
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
from tests.system.harness import SECRET, Daemon, Gateway, Process, running, until

TICKERS = ("AAPL", "MSFT", "TSLA", "NVDA", "AMZN", "KO", "WMT", "DIS")
ROUNDS, PAUSE_S = 80, 0.1
WARM = len(TICKERS)  # by then each ticker is known
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
        async with self.session.post(self.url, data=json.dumps(body)) as answer:
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
            for figure in await _compared(EMBEDDED, floor, daemon):
                yield figure
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            of_floor, of_daemon = [await stack.enter_async_context(servers.database()) for _ in range(2)]
            floor = await _floor(stack, folder / "floor", of_floor)
            settings = {"database__url": of_daemon, "queue__url": await servers.queue(0)}
            daemon = await _daemon(stack, folder / "daemon", **settings)
            for figure in await _compared(SERVERS, floor, daemon):
                yield figure


async def _compared(where: str, floor: Bridge, daemon: Bridge) -> list[Figure]:
    await _in_turns((floor, daemon))
    return [
        *beside_floor("alert to answer", where, daemon.answered[WARM:], floor.answered[WARM:], 1.3, 2),
        *beside_floor("alert to order's bytes", where, daemon.ordered[WARM:], floor.ordered[WARM:], 2, 3),
    ]


async def _in_turns(bridges: Sequence[Bridge]) -> None:
    for number in range(ROUNDS):
        for bridge in bridges:
            await bridge.alert(f"p{number}", TICKERS[number % len(TICKERS)])
            await asyncio.sleep(PAUSE_S)


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
    floor = Process(arguments, folder, {}, "floor", module="tests.bench.floor")
    await stack.enter_async_context(running(floor))
    await floor.start()

    async def ready() -> bool:
        return "ready" in floor.output

    await until(ready, f"the floor to be ready; it printed {floor.output}")
    return await _bridge(stack, port, tap)


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
