"""How an open page hears that something has changed."""

import asyncio

from aiohttp import ClientResponse

from tests.adapters.web.conftest import Site
from tests.adapters.web.dashboard import inside
from tradebot.web.dashboard import live


async def until(answer: ClientResponse, words: bytes) -> bytes:
    """All that comes until this has come."""
    found = b""
    async with asyncio.timeout(60):
        while words not in found:
            piece = await answer.content.readany()
            assert piece, f"the stream has ended: {found!r}"
            found += piece
    return found


async def test_a_page_hears_of_a_change_and_of_nothing_else(site: Site) -> None:
    """A page is fetched anew all the time, or not when a person pauses the trading elsewhere."""
    await site.bot.start()
    await inside(site)
    async with site.client.get(site.url("/live")) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        await until(answer, b": still here")
        await site.bot.operations.pause("owner", "a-pause")
        assert (await until(answer, b"event: changed")).count(b"event: changed") == 1


async def test_the_oldest_stream_makes_room(site: Site) -> None:
    """Pages that were left open keep the newest one from hearing anything."""
    await inside(site)
    first = await site.client.get(site.url("/live"))
    await until(first, b": still here")
    others = []
    for _ in range(live.STREAMS_MAX):
        others.append(await site.client.get(site.url("/live")))
        await until(others[-1], b": still here")
    async with asyncio.timeout(60):
        assert b"changed" in await first.read()
    for one in others:
        one.close()
