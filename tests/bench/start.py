"""What a start costs, and a bot that has nothing to do: seconds until orders may leave beside the bare import of what the daemon
stands on, the first alert beside those after it, memory, and CPU. `python -m tests.bench.start --help` for a longer look."""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import aiohttp
import psutil

from tests.bench.bridges import TICKERS, UNLIMITED, Bridge
from tests.bench.figures import Figure
from tests.bench.tap import Tap, open_tap
from tests.botapi import CHAT, OWNER, TOKEN, bot_api
from tests.system.harness import SECRET, Daemon, Gateway, running, until
from tradebot.database import open_ledger
from tradebot.domain.alerts import AlertStatus

STANDS_ON = "aiohttp.web, aiosqlite, croniter, dotenv, ib_async, loguru, pydantic, tenacity, typer"
"""What a daemon on SQLite with the embedded queue imports of other people's."""
INSIDE, APART, CHAT_TOO = "SQLite, simulated gateway inside", "SQLite, gateway apart", "SQLite, gateway apart, Telegram"
STARTS, FIRSTS = 7, 7
IDLE_S, SETTLED_S, JUDGED_WITHIN_S = 60.0, 3.0, 7200.0
GROWTH = 3_000
"""Alerts; a longer look takes 100,000."""
WARM, AT_ONCE, CONNECTIONS = 2_000, 500, 20
MB = 1024 * 1024  # as ps and top have it


async def figures(alerts: int = GROWTH, idle_s: float = IDLE_S) -> AsyncIterator[Figure]:
    for part in (starts(), first_alerts(), idle(idle_s), growth(alerts)):
        async for figure in part:
            yield figure


# --- a start --------------------------------------------------------------------------------------------------------


async def starts() -> AsyncIterator[Figure]:
    """In turns: whatever else the machine does meets all of them. The database is there, as at every start but the first."""
    bare: list[float] = []
    took: dict[str, list[float]] = {INSIDE: [], APART: []}
    async with _places() as daemons:
        for daemon in daemons.values():
            await _ready_s(daemon)
        for _ in range(STARTS):
            bare.append(await _import_s())
            for where, daemon in daemons.items():
                took[where].append(await _ready_s(daemon))
    least = statistics.median(bare)
    for where, seconds in took.items():
        median = statistics.median(seconds)
        told = f"{median * 1e3:.0f} ms beside {least * 1e3:.0f} ms for the bare imports, n={STARTS}"
        yield Figure("start to ready for orders, median", where, median / least, "x floor", 2.0, detail=told)


async def _import_s() -> float:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", f"import {STANDS_ON}")
    assert await process.wait() == 0
    return time.perf_counter() - began


async def _ready_s(daemon: Daemon) -> float:
    """From the start of the process to its word that orders may leave; then it is stopped."""
    daemon.folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tradebot", "run"),
        cwd=daemon.folder,
        env=daemon.surroundings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = ""
    try:
        async for line in process.stdout:
            said += line.decode()
            if b"orders may leave" in line:
                return time.perf_counter() - began
        raise AssertionError(f"the daemon ended: {said}")
    finally:
        process.terminate()
        await process.communicate()


# --- the first alert ------------------------------------------------------------------------------------------------


async def first_alerts() -> AsyncIterator[Figure]:
    """The first alert after a start beside later ones. Each is for a ticker that was not asked about since the start, or for one
    that was: IB has to be asked about the first one's."""
    firsts, others, again = Taken(), Taken(), Taken()
    keys = count()
    async with _tapped() as (daemon, tap):
        for _ in range(FIRSTS):
            async with running(daemon), aiohttp.ClientSession() as session:
                await daemon.ready()
                bridge = Bridge(f"http://127.0.0.1:{daemon.port}/webhook", tap, session)
                await asyncio.sleep(0.5)
                for taken, tickers in ((firsts, TICKERS[:1]), (others, TICKERS[1:]), (again, TICKERS)):
                    for ticker in tickers:
                        await bridge.alert(f"s{next(keys)}", ticker)
                        taken.add(bridge)
                        await asyncio.sleep(0.15)
                await daemon.stop()
    for what in ("answer", "order's bytes"):
        first, other, known = (statistics.median(getattr(one, _FIELD[what])) for one in (firsts, others, again))
        told = f"{first * 1e3:.1f} ms beside {other * 1e3:.1f} ms, n={FIRSTS}; {known * 1e3:.1f} ms for a ticker seen before"
        yield Figure(
            f"first alert to {what} beside later ones, median", "SQLite", first / other, "x later", 2.0, detail=told
        )


_FIELD = {"answer": "answered", "order's bytes": "ordered"}


class Taken:
    """Seconds of some alerts."""

    def __init__(self) -> None:
        self.answered: list[float] = []
        self.ordered: list[float] = []

    def add(self, bridge: Bridge) -> None:
        """The bridge's newest."""
        self.answered.append(bridge.answered[-1])
        self.ordered.append(bridge.ordered[-1])


# --- nothing to do --------------------------------------------------------------------------------------------------


async def idle(idle_s: float) -> AsyncIterator[Figure]:
    """CPU and memory of daemons that have nothing to do, all in the same minute."""
    async with bot_api() as api:
        telegram = {"telegram__bot_token": TOKEN, "telegram__chat_id": str(CHAT["id"]), "telegram__api_url": api.url}
        telegram |= {"telegram__user_ids": str(OWNER["id"]), "broker__client_id": "2"}
        async with _places(chat=telegram) as daemons, running(*daemons.values()):
            for daemon in daemons.values():
                await daemon.ready()
            await api.heard("started")
            await asyncio.sleep(SETTLED_S)
            before = {where: _cpu_s(daemon) for where, daemon in daemons.items()}
            began = time.perf_counter()
            await asyncio.sleep(idle_s)
            took = time.perf_counter() - began
            for where, daemon in daemons.items():
                percent = (_cpu_s(daemon) - before[where]) / took * 100
                yield Figure("CPU while there is nothing to do", where, percent, "%", 0.5, detail=f"over {took:.0f} s")
            for where, daemon in daemons.items():
                goal = 190.0 if where == CHAT_TOO else 80.0
                yield Figure("memory while there is nothing to do", where, _rss(daemon) / MB, "MB", goal)


async def growth(alerts: int) -> AsyncIterator[Figure]:
    """How much more is resident after so many alerts, once caches are full: BUYs that are judged, and refused by a limit."""
    limits = {"trading__defaults__max_per_ticker": "1", "trading__repeat_window_s": "0"}
    limits |= {"webhook__trusted_proxies": "127.0.0.1", "webhook__allowed_ips": "10.0.0.0/8"}
    async with _places(limits) as daemons, running(daemons[APART]):
        daemon = daemons[APART]
        await daemon.ready()
        keys = count()
        for _ in range(0, max(WARM, alerts // 10), AT_ONCE):
            await _alerts(daemon, keys, AT_ONCE)
        before = _rss(daemon)
        for _ in range(0, alerts, AT_ONCE):  # a backlog's own rows are no growth
            await _alerts(daemon, keys, AT_ONCE)
        after = _rss(daemon)
    told = f"{before / MB:.1f} MB, and {after / MB:.1f} MB after {alerts:,} more"
    yield Figure("memory grown by alerts", APART, (after / before - 1) * 100, "%", 2.0, detail=told)


async def _alerts(daemon: Daemon, keys: "count[int]", number: int) -> None:
    """Each is judged before this returns. They come from many addresses: each has a rate limit of its own."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:

        async def sender() -> None:
            while to_send:
                key = to_send.pop()
                body = {"secret": SECRET, "action": "BUY", "ticker": TICKERS[key % 8], "alert_id": f"g{key}"}
                headers = {"X-Forwarded-For": f"10.0.0.{key % 200}"}
                while True:
                    async with session.post(
                        f"http://127.0.0.1:{daemon.port}/webhook", json=body, headers=headers
                    ) as answer:
                        if answer.status == 200:
                            break
                        assert answer.status in {429, 503}, await answer.text()
                    await asyncio.sleep(0.2)

        to_send = [next(keys) for _ in range(number)]
        await asyncio.gather(*(sender() for _ in range(CONNECTIONS)))

    async def judged() -> bool:
        async with open_ledger(daemon.database) as ledger, ledger.read() as books:
            return not await books.alerts((AlertStatus.RECEIVED, AlertStatus.PROCESSING))

    await until(judged, "all alerts to be judged", JUDGED_WITHIN_S, every_s=0.5)


# --- the daemons ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _places(
    settings: Mapping[str, str] | None = None, *, chat: Mapping[str, str] | None = None
) -> AsyncIterator[Mapping[str, Daemon]]:
    """Daemons by where their gateway is, none running yet; with `chat` one more, which has these settings."""
    async with _folder_and_gateway() as (folder, gateway):
        common = dict(settings or {})
        daemons = {
            INSIDE: Daemon.at(folder / "inside", gateway=None, **common),
            APART: Daemon.at(folder / "apart", gateway=gateway, **common),
        }
        if chat is not None:
            daemons[CHAT_TOO] = Daemon.at(folder / "chat", gateway=gateway, **common, **chat)
        yield daemons


@asynccontextmanager
async def _folder_and_gateway() -> AsyncIterator[tuple[Path, Gateway]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gateway = Gateway.at(folder / "gateway")
        async with running(gateway):
            await gateway.ready()
            yield folder, gateway


@asynccontextmanager
async def _tapped() -> AsyncIterator[tuple[Daemon, Tap]]:
    async with _folder_and_gateway() as (folder, gateway), open_tap(gateway.port) as tap:
        settings = {"broker__mode": "gateway", "broker__port": str(tap.port), "broker__restart_window": "00:00-00:00"}
        settings |= {f"trading__{key}": value for key, value in UNLIMITED.items()}
        yield Daemon.at(folder / "daemon", gateway=None, **settings), tap


def _process(daemon: Daemon) -> psutil.Process:
    assert daemon.running is not None
    return psutil.Process(daemon.running.pid)


def _cpu_s(daemon: Daemon) -> float:
    times = _process(daemon).cpu_times()
    return float(times.user + times.system)


def _rss(daemon: Daemon) -> float:
    return float(_process(daemon).memory_info().rss)


async def _shown(alerts: int, idle_s: float) -> None:
    async for figure in figures(alerts, idle_s):
        print(figure)  # noqa: T201


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.start", description=__doc__)
    parser.add_argument("--alerts", type=int, default=GROWTH, help="for the growth of memory")
    parser.add_argument("--idle", type=float, default=IDLE_S, help="seconds")
    given = parser.parse_args()
    asyncio.run(_shown(given.alerts, given.idle))
