"""The floor that no bridge can beat: one handler, one durable insert, one order frame. `python -m tests.bench.floor --help`.

It checks nothing, knows its contract beforehand, and forgets what it sent: what any bridge needs at the least, and no more.
"""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiosqlite
import asyncpg
import ib_async
from aiohttp import web

TABLE = "CREATE TABLE alert (id INTEGER PRIMARY KEY, body TEXT NOT NULL)"
CONTRACT = ib_async.Contract(secType="STK", conId=265598, symbol="AAPL", exchange="SMART", currency="USD")
Insert = Callable[[int, str], Awaitable[None]]


@asynccontextmanager
async def _sqlite(path: str) -> AsyncIterator[Insert]:
    async with aiosqlite.connect(path, isolation_level=None) as database:
        for line in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", TABLE):
            await database.execute_fetchall(line)
        lock = asyncio.Lock()

        async def insert(number: int, body: str) -> None:
            async with lock:
                await database.execute_fetchall("INSERT INTO alert VALUES (?, ?)", (number, body))

        yield insert


@asynccontextmanager
async def _postgres(url: str) -> AsyncIterator[Insert]:
    async with asyncpg.create_pool(url) as pool:
        await pool.execute(TABLE)

        async def insert(number: int, body: str) -> None:
            await pool.execute("INSERT INTO alert VALUES ($1, $2)", number, body)

        yield insert


async def main(port: int, gateway_port: int, database: str) -> None:
    ib = ib_async.IB()
    await ib.connectAsync("127.0.0.1", gateway_port, clientId=1)
    opened = _postgres(database) if "://" in database else _sqlite(database)
    async with opened as insert:
        numbers = iter(range(1, 1_000_000))

        async def alert(request: web.Request) -> web.Response:
            body, number = await request.text(), next(numbers)
            side = json.loads(body)["action"]
            await insert(number, body)
            asyncio.get_running_loop().call_soon(send, number, side)
            return web.json_response({"status": "queued", "alert_id": number})

        def send(number: int, side: str) -> None:
            order = ib_async.MarketOrder(side, 1, tif="DAY", orderRef=f"tb-{number}-floor")
            ib.client.placeOrder(ib.client.getReqId(), CONTRACT, order)  # type: ignore[no-untyped-call]

        app = web.Application()
        app.router.add_post("/webhook", alert)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        print("ready", flush=True)  # noqa: T201
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--gateway-port", type=int, required=True)
    parser.add_argument("--database", required=True, help="a file, or postgresql://…")
    given = parser.parse_args()
    asyncio.run(main(given.port, given.gateway_port, given.database))
