"""How quick the road is, measured on the daemon as a process: `make bench`. Figures, no verdict: machines differ."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from tests.bench.booking import bookings
from tests.bench.road import road
from tests.system.harness import SECRET, Daemon, Gateway, running
from tradebot.domain.events import EventKind

TICKERS = ("AAPL", "MSFT", "TSLA", "NVDA", "AMZN", "KO", "WMT", "DIS")


def row(name: str, seconds: Sequence[float], floor: Sequence[float] = ()) -> None:
    """`floor`: what the bare road took beside it."""
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    figures = (
        f"median {statistics.median(ordered) * 1e3:8.1f} ms   p99 {p99 * 1e3:8.1f} ms   max {ordered[-1] * 1e3:8.1f} ms"
    )
    ratio = f"   {statistics.median(ordered) / statistics.median(floor):.1f} x the floor" if floor else ""
    print(f"{name:<46} {figures}   n={len(ordered)}{ratio}", flush=True)  # noqa: T201


async def answers(daemon: Daemon, count: int, at_once: int) -> list[float]:
    """Seconds from request to answer for each alert of a burst."""
    slots = asyncio.Semaphore(at_once)
    url = f"http://127.0.0.1:{daemon.port}/webhook"
    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one(number: int) -> float:
            body = {"secret": SECRET, "action": "BUY", "ticker": TICKERS[number % 8], "alert_id": f"b{number}"}
            async with slots:
                began = time.perf_counter()
                async with session.post(url, json=body) as answer:
                    assert answer.status == 200, await answer.text()
                return time.perf_counter() - began

        return list(await asyncio.gather(*(one(number) for number in range(count))))


async def fills(daemon: Daemon, count: int) -> list[float]:
    """Seconds from the alert's receipt to its fill being booked, one after another."""
    ids = []
    for number in range(count):
        ids.append(await daemon.alert("BUY", TICKERS[number % 8], alert_id=f"f{number}"))
        await daemon.ended(ids[-1])
    books = await daemon.books()
    done = {event.alert_id: event.at for event in books.events if event.kind is EventKind.BUY_FILLED}
    return [(done[one] - books.alerts[one].received_at).total_seconds() for one in ids if one in done]


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway.at(Path(folder) / "gateway")
        settings = {"trading__repeat_window_s": "0", "trading__defaults__max_per_ticker": "1000"}
        daemon = Daemon.at(Path(folder), gateway=gateway, **settings)
        async with running(daemon, gateway):
            await gateway.ready()
            began = time.perf_counter()
            await daemon.ready()
            row("start to ready for orders", [time.perf_counter() - began])
            row("alert to booked fill (gateway fills after 50 ms)", await fills(daemon, 30))
            row("webhook answer, 1,000 alerts, 100 at once", await answers(daemon, 1000, 100))
    await road(row)
    await bookings(row)


asyncio.run(main())
