"""How an open page hears that something has changed."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientResponse

from tests.adapters.web.conftest import Site
from tests.adapters.web.dashboard import inside
from tradebot.queries.search import newest_events
from tradebot.web.dashboard import live
from tradebot.web.sessions import IDLE_S


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


async def test_a_stream_ends_with_its_session(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has left, or was away for too long, goes on hearing of the bot."""
    monkeypatch.setattr(live, "BEAT_EVERY_S", 0.01)
    browser = await inside(site)
    csrf = (await browser.get("/")).fields["csrf"]
    async with site.client.get(site.url("/live")) as answer:
        await until(answer, b": still here\n\n: still here")
        await browser.post("/logout", {"csrf": csrf})
        async with asyncio.timeout(30):
            await answer.read()


async def test_a_stream_is_no_use_of_its_session(site: Site) -> None:
    """A browser that was left open in a café shows the account for twelve hours."""
    await inside(site)
    for _ in range(4):
        site.bot.clock.skip(IDLE_S / 3)
        async with site.client.get(site.url("/live"), allow_redirects=False) as answer:
            status = answer.status
    assert status == 303


async def test_a_defect_does_not_end_the_look(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """After one defect the open pages stand still for good, and look well."""
    await site.bot.start()
    await inside(site)
    broken = asyncio.Event()

    async def break_once(*asked: Any) -> Any:
        if not broken.is_set():
            broken.set()
            raise ValueError("an event that cannot be read")
        return await newest_events(*asked)

    async with site.client.get(site.url("/live")) as answer:
        await until(answer, b": still here")
        monkeypatch.setattr(live, "newest_events", break_once)
        async with asyncio.timeout(60):
            await broken.wait()
        await until(answer, b"event: changed")  # what is known no longer
        await site.bot.operations.pause("owner", "a-pause")
        await until(answer, b"event: changed")
    assert "an event that cannot be read" in "".join(site.logged)


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
