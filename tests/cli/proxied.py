"""A web proxy before the daemon: right, or wrong in one of the ways in which they are."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from tests.servers import free_port
from tests.system.harness import Daemon


@asynccontextmanager
async def proxy(daemon: Daemon, headers: Mapping[str, str], *, health: bool = False) -> AsyncIterator[str]:
    """The URL of a proxy that adds these headers; nothing but the webhook is passed on, and the health where that is wrong."""

    async def hand_on(request: web.Request) -> web.Response:
        body, url = await request.read(), f"http://127.0.0.1:{daemon.port}{request.path}"
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, url, data=body, headers=headers) as answer,
        ):
            return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")

    app = web.Application()
    app.router.add_post("/webhook", hand_on)
    if health:
        app.router.add_get("/health", hand_on)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}/webhook"
    finally:
        await runner.cleanup()
