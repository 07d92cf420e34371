"""A burst of alerts, stored and answered, and what an alert takes until its fill is booked."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from tests.bench.figures import Figure, milliseconds
from tests.bench.servers import EMBEDDED, SERVERS, open_servers
from tests.system.harness import SECRET, Daemon, Gateway, running
from tradebot.domain.events import EventKind

TICKERS = ("AAPL", "MSFT", "TSLA", "NVDA", "AMZN", "KO", "WMT", "DIS")
BURST, AT_ONCE, FILLS = 1000, 100, 30


async def figures() -> AsyncIterator[Figure]:
    """The burst comes last: its orders leave for long afterwards."""
    async with open_servers() as servers, servers.database() as database:
        for where, settings in (
            (EMBEDDED, {}),
            (SERVERS, {"database__url": database, "queue__url": await servers.queue(0)}),
        ):
            with tempfile.TemporaryDirectory() as folder:
                for figure in await _of_a_daemon(where, Path(folder), settings):
                    yield figure


async def _of_a_daemon(where: str, folder: Path, settings: dict[str, str]) -> list[Figure]:
    settings = {"trading__repeat_window_s": "0", "trading__defaults__max_per_ticker": "1000", **settings}
    gateway = Gateway.at(folder / "gateway")
    daemon = Daemon.at(folder, gateway=gateway, **settings)
    async with running(daemon, gateway):
        await gateway.ready()
        await daemon.ready()
        filled = await _fills(daemon)
        began = time.perf_counter()
        answers, again = await _answers(daemon)
        took = time.perf_counter() - began
    detail = f"{BURST / took:.0f} a second over {AT_ONCE} connections, {again} sent again"
    return [
        milliseconds("alert to booked fill (the gateway fills after 50 ms)", where, filled)[0],  # too few for a p99
        Figure(f"burst of {BURST:,} alerts, all stored and answered", where, took, "s", 1, detail=detail),
        *milliseconds(f"alert to answer in a burst of {BURST:,}", where, answers),
    ]


async def _answers(daemon: Daemon) -> tuple[list[float], int]:
    """Seconds from request to answer for each alert of the burst, and how often one was refused as not stored: it is sent again
    at once, as its sender would."""
    again = 0
    slots = asyncio.Semaphore(AT_ONCE)
    url = f"http://127.0.0.1:{daemon.port}/webhook"
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one(number: int) -> float:
            nonlocal again
            body = {"secret": SECRET, "action": "BUY", "ticker": TICKERS[number % 8], "alert_id": f"b{number}"}
            async with slots:
                began = time.perf_counter()
                while True:
                    async with session.post(url, json=body) as answer:
                        if answer.status != 503:
                            assert answer.status == 200, await answer.text()
                            return time.perf_counter() - began
                        again += 1

        return list(await asyncio.gather(*(one(number) for number in range(BURST)))), again


async def _fills(daemon: Daemon) -> list[float]:
    """Seconds from the alert's receipt to its fill being booked, one after another."""
    ids = []
    for number in range(FILLS):
        ids.append(await daemon.alert("BUY", TICKERS[number % 8], alert_id=f"f{number}"))
        await daemon.ended(ids[-1])
    books = await daemon.books()
    done = {event.alert_id: event.at for event in books.events if event.kind is EventKind.BUY_FILLED}
    return [(done[one] - books.alerts[one].received_at).total_seconds() for one in ids if one in done]
