"""The road of an alert, side by side with the bare floor and with the common design: an alert at a time, in turns, so that
whatever else the machine does meets all of them. Each writes to a simulated gateway of its own through a tap, whose clock is the
one that saw the alert leave."""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from tests.bench.bridges import TICKERS, Bridge, start_daemon, start_floor, start_peer
from tests.bench.figures import Figure, beside_floor, beside_ours
from tests.bench.servers import EMBEDDED, SERVERS, open_servers

ROUNDS, PAUSE_S = 150, 0.2  # long enough for what follows an order: its fill is booked, its status written
WARM = len(TICKERS)  # by then each ticker is known


async def figures() -> AsyncIterator[Figure]:
    """From alert to answer, and to the order's bytes at the gateway."""
    async with open_servers() as servers:
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            floor = await start_floor(stack, folder / "floor", str(folder / "floor.db"))
            daemon = await start_daemon(stack, folder / "daemon")
            files = f"sqlite+aiosqlite:///{folder / 'peer.db'}"
            peer = await start_peer(stack, folder / "peer", files, await servers.queue(1))
            for figure in await _compared(EMBEDDED, floor, daemon, peer):
                yield figure
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            first, second, third = [await stack.enter_async_context(servers.database()) for _ in range(3)]
            floor = await start_floor(stack, folder / "floor", first)
            settings = {"database__url": second, "queue__url": await servers.queue(0)}
            daemon = await start_daemon(stack, folder / "daemon", **settings)
            database = third.replace("postgresql:", "postgresql+asyncpg:")
            peer = await start_peer(stack, folder / "peer", database, await servers.queue(1))
            for figure in await _compared(SERVERS, floor, daemon, peer):
                yield figure


async def _compared(where: str, floor: Bridge, daemon: Bridge, peer: Bridge) -> list[Figure]:
    await _in_turns((floor, daemon, peer))
    return [
        *beside_floor("alert to answer", where, daemon.answered[WARM:], floor.answered[WARM:], 1.3, 2),
        *beside_floor("alert to order's bytes", where, daemon.ordered[WARM:], floor.ordered[WARM:], 2, 3),
        beside_ours("common design's alert to answer", where, peer.answered[WARM:], daemon.answered[WARM:], None),
        beside_ours("common design's alert to order's bytes", where, peer.ordered[WARM:], daemon.ordered[WARM:], 10),
    ]


async def _in_turns(bridges: Sequence[Bridge]) -> None:
    chance = random.Random(1)
    for number in range(ROUNDS):
        for bridge in chance.sample(bridges, len(bridges)):  # nobody always follows the same
            await bridge.alert(f"p{number}", TICKERS[number % len(TICKERS)])
            await asyncio.sleep(chance.uniform(0.5, 1.5) * PAUSE_S)  # in step with nobody's polling
