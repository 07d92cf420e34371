"""Busy days in little time: alerts without pause, faults sprinkled in, and what the process holds measured between them.

Rules: memory, open files, connections, threads and tasks are read while nothing is on the way, so that a figure that grows is a
leak and no load. After each day the gateway restarts and has forgotten its orders, as IB's does each night, and
the daemon's clock is set ahead; what the bot remembers of a day may go. The first quarter is for warming up; the second is
compared with the last.

Every other round, by chance, is of a strategy with stops and targets, too, and meets faults of its own: a line that is cut within
a group leaves orders that only their owner can answer for.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from datetime import timedelta
from pathlib import Path

import psutil

from tests.faketime import kept_in, set_ahead
from tests.soak import brackets
from tests.system.checker import check
from tests.system.harness import Daemon, Gateway, running, until
from tests.system.protected import settled
from tradebot.domain.events import EventKind

TICKERS = ("AAPL", "MSFT", "TSLA", "NVDA", "AMZN", "KO", "WMT", "DIS")
FAULTS: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("drop_after", {"filled": True}),
    ("drop_before", {}),
    ("partial", {"filled": 1, "action": "BUY"}),  # a SELL works on until the close
    ("reject", {}),
    ("late_commission", {"delay_s": 0.5}),
    ("repeat_status", {}),
    ("mute_status", {}),
    ("correction", {"price": "101"}),
)
PROTECTED_WITHIN_S = 180.0


@dataclass(frozen=True)
class Figures:
    memory_mb: float
    files: int
    connections: int
    threads: int
    tasks: int


@dataclass(frozen=True)
class Soaked:
    alerts: int
    faults: int
    days: int
    stops: int
    targets: int
    figures: tuple[Figures, ...]

    def quarter(self, number: int) -> Figures:
        """The least of each figure in a quarter of the run, from 0: what is under way comes and goes, what leaks stays."""
        size = max(1, len(self.figures) // 4)
        rows = [astuple(one) for one in self.figures[number * size : (number + 1) * size]]
        return Figures(*(min(column) for column in zip(*rows, strict=True)))

    def grown(self) -> dict[str, float]:
        """What the last quarter has more than the second."""
        second, last = self.quarter(1), self.quarter(3)
        return {field.name: getattr(last, field.name) - getattr(second, field.name) for field in fields(Figures)}


async def soak(
    folder: Path, *, minutes: float = 0, rounds: int = 0, rounds_a_day: int = 30, seed: int = 1, realistic: bool = False
) -> Soaked:
    """Runs daemon and gateway for so long, and for so many rounds of ten alerts; the checker has the last word.

    Raises AssertionError.
    """
    chance = random.Random(seed)
    gateway = Gateway.at(folder / "gateway", realistic=realistic)
    unlimited = {"trading__repeat_window_s": "0", "trading__order_timeout_s": "2", "trading__orders_per_second": "40"}
    unlimited |= {f"trading__defaults__{name}": "10000" for name in ("max_daily_buys", "max_per_ticker")}
    unlimited |= {f"trading__defaults__{name}": "10000000" for name in ("max_total_investment", "max_daily_loss")}
    daemon = Daemon.at(folder, gateway=gateway, **unlimited, **brackets.SWING)
    daemon.module = "tests.soak.entry"
    daemon.env |= {"TASKS_FILE": str(folder / "tasks")} | kept_in(folder / "clock")
    ids: list[int] = []
    figures: list[Figures] = []
    faults = days = 0
    async with running(daemon, gateway):
        await gateway.ready()
        await gateway.control("POST", "/cash", cash="5000000")
        for ticker in TICKERS:
            await brackets.move(gateway, chance, ticker)
        await daemon.ready()
        loop = asyncio.get_running_loop()
        began = loop.time()
        while len(figures) < rounds or loop.time() < began + minutes * 60:
            if len(figures) == (days + 1) * rounds_a_day:
                days += 1
                await settled(daemon, gateway, PROTECTED_WITHIN_S)
                await _night(gateway, folder / "clock", days)
            with_brackets = chance.random() < 0.5
            if chance.random() < 0.5:
                name, parameters = chance.choice(brackets.FAULTS if with_brackets else FAULTS)
                await gateway.fault(name, **parameters)
                faults += 1
            if chance.random() < 0.25:
                await gateway.control("POST", "/connections/drop")
                faults += 1
            round_ = [chance.choice(("BUY", "BUY", "SELL")) for _ in range(10)]
            names = [f"{len(ids)}-{number}" for number in range(10)]
            sent = [
                daemon.alert(
                    side,
                    chance.choice(TICKERS),
                    alert_id=name,
                    **brackets.asked(chance, side) if with_brackets else {},
                )
                for side, name in zip(round_, names, strict=True)
            ]
            new = await asyncio.gather(*sent)
            ids += new
            await daemon.ended(*new, deadline_s=600)
            await gateway.control("DELETE", "/faults")
            await brackets.move(gateway, chance, chance.choice(TICKERS))
            figures.append(await _measure(daemon))
        books = await settled(daemon, gateway, PROTECTED_WITHIN_S)
        await check(books, gateway)
    kinds = Counter(event.kind for event in books.events)
    stops, targets = kinds[EventKind.STOPPED_OUT], kinds[EventKind.TARGET_REACHED]
    return Soaked(len(ids), faults, days, stops, targets, tuple(figures))


async def _night(gateway: Gateway, clock: Path, days: int) -> None:
    await asyncio.sleep(1)  # the last commissions come: after midnight nobody tells of them
    await gateway.control("POST", "/midnight")
    await set_ahead(clock, timedelta(days=days))
    await gateway.control("POST", "/restart")


async def _measure(daemon: Daemon) -> Figures:
    await until(daemon.health, "an answer of the daemon")
    assert daemon.running is not None
    process = psutil.Process(daemon.running.pid)
    with process.oneshot():
        return Figures(
            memory_mb=process.memory_info().rss / 2**20,
            files=process.num_fds(),
            connections=len(process.net_connections()),
            threads=process.num_threads(),
            tasks=int(Path(daemon.env["TASKS_FILE"]).read_text() or 0),  # noqa: ASYNC240
        )
