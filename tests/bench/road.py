"""The road of an alert, side by side with the bare floor: an alert at a time, in turns, so that whatever else the machine does
meets both. Each writes to a simulated gateway of its own through a tap, whose clock is the one that saw the alert leave."""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.bench.tap import Tap, open_tap
from tests.conftest import fresh_database
from tests.servers import free_port, session_postgres
from tests.system.harness import SECRET, Daemon, Gateway, Process, running, until

TICKERS = ("AAPL", "MSFT", "TSLA", "NVDA", "AMZN", "KO", "WMT", "DIS")
ROUNDS, PAUSE_S = 80, 0.1
UNLIMITED = {
    "repeat_window_s": "0",
    "hours": "always",
    "price_collar_pct": "0",
    "defaults__max_per_ticker": "10000",
    "defaults__max_daily_buys": "10000",
    "defaults__max_total_investment": "10000000",
}
Row = Callable[..., None]


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


async def road(row: Row) -> None:
    """Two rows a bridge and database."""
    server = await asyncio.to_thread(session_postgres)
    try:
        fresh = asynccontextmanager(fresh_database)
        async with fresh(server.url) as first, fresh(server.url) as second:
            await _compared("SQLite", None, row)
            await _compared("PostgreSQL", (first, second), row)
    finally:
        server.close()


async def _compared(name: str, urls: tuple[str, str] | None, row: Row) -> None:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        floor = await _floor(stack, folder / "floor", urls[0] if urls else str(folder / "floor.db"))
        daemon = await _daemon(stack, folder / "daemon", **({"database__url": urls[1]} if urls else {}))
        await _in_turns((floor, daemon))
        for what, of in (("answer", "answered"), ("order's bytes", "ordered")):
            least, ours = (getattr(one, of)[len(TICKERS) :] for one in (floor, daemon))  # each ticker is known by then
            row(f"{name}: alert to {what}, bare floor", least)
            row(f"{name}: alert to {what}", ours, floor=least)


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
