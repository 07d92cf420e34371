"""Where the time of one alert goes, from its request's first bytes to its order's frame, by the rooms of the house: shares, for
the profiler makes everything slower. What has no room of its own (JSON, dataclasses) counts for whoever called it."""

import asyncio
import pstats
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

from tests.bench.bridges import TICKERS, open_bridge, open_gateway, unlimited
from tests.bench.figures import Figure
from tests.bench.servers import EMBEDDED, SERVERS, open_servers
from tests.system.harness import running

Function: TypeAlias = tuple[str, int, str]  # file, line, name
WARM, ALERTS, PAUSE_S = 16, 100, 0.1
WAITING, SENDING, OTHER = "waiting for threads, servers and IB", "handing over to servers and IB", "everything else"
ROOMS = {
    WAITING: ("select.epoll", "select.kqueue", "select.poll"),
    SENDING: ("'send' of '_socket", "'sendmsg' of '_socket"),
    "webhook": ("tradebot/webhook/", "/aiohttp/"),
    "judging": (
        "tradebot/trading/",
        "tradebot/domain/",
        "tradebot/operations/",
        "tradebot/queries/",
        "tradebot/words/",
    ),
    "database": ("tradebot/database/", "aiosqlite", "asyncpg"),
    "queue": ("tradebot/queues/", "/redis/"),
    "broker": ("tradebot/broker/", "/ib_async/", "/eventkit/"),
    "log": ("/loguru/",),
    "event loop": ("/asyncio/", "/selectors.py"),
}
HANDED_ON = 100  # times: a function that calls itself keeps a part each time


async def figures() -> AsyncIterator[Figure]:
    """Shown only."""
    async with open_servers() as servers, servers.database() as database:
        at_servers = {"database__url": database, "queue__url": await servers.queue(0)}
        for where, settings in ((EMBEDDED, dict[str, str]()), (SERVERS, at_servers)):
            stats = await _profile(settings)
            took = by_room(stats)
            whole = sum(took.values())
            for room, seconds in sorted(took.items(), key=lambda one: -one[1]):
                if seconds < whole / 1000:
                    break
                detail = f"{seconds / ALERTS * 1e3:.2f} of {whole / ALERTS * 1e3:.2f} ms under the profiler"
                if room in (WAITING, SENDING):
                    detail += f", {calls(stats, room) / ALERTS:.0f} x"
                yield Figure(room, where, seconds / whole * 100, "%", detail=detail)


def by_room(stats: Mapping[Function, Any]) -> dict[str, float]:
    """Seconds by room; `stats` as pstats has them: by function its own seconds, and by caller all that it took."""
    done = defaultdict[str, float](float)
    left = {function: own for function, (_, _, own, _, _) in stats.items()}
    for _ in range(HANDED_ON):
        handed = defaultdict[Function, float](float)
        for function, seconds in left.items():
            callers = {caller: took for caller, (_, _, _, took) in stats[function][4].items() if took > 0}
            if (room := _room(function)) or not callers:
                done[room or OTHER] += seconds
                continue
            for caller, took in callers.items():
                handed[caller] += seconds * took / sum(callers.values())
        left = handed
    done[OTHER] += sum(left.values())
    return dict(done)


def calls(stats: Mapping[Function, Any], room: str) -> int:
    return sum(times for function, (_, times, *_) in stats.items() if _room(function) == room)


def _room(function: Function) -> str | None:
    name = f"{function[0]} {function[2]}"
    return next((room for room, parts in ROOMS.items() if any(part in name for part in parts)), None)


async def _profile(settings: dict[str, str]) -> Mapping[Function, Any]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        tap = await stack.enter_async_context(open_gateway(folder / "gateway"))
        daemon = unlimited(tap, folder / "daemon", **settings)
        file = folder / "profile"
        daemon.module, daemon.arguments = "tests.bench.profiled", [str(file), str(WARM), *daemon.arguments]
        await stack.enter_async_context(running(daemon))
        await daemon.ready()
        bridge = await open_bridge(stack, daemon.port, tap)
        for number in range(WARM + ALERTS):
            await bridge.alert(f"p{number}", TICKERS[number % len(TICKERS)])
            await asyncio.sleep(PAUSE_S)
        await daemon.stop()
        return dict(pstats.Stats(str(file)).stats)  # type: ignore[attr-defined]
