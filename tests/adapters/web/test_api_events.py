"""Events as they happen: nothing is missed, and nobody waits for who does not read."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import ClientError

from tests.adapters.web.conftest import Site
from tests.adapters.web.programs import API, bearer
from tradebot.operations import api_tokens
from tradebot.queries import pages
from tradebot.web import guard
from tradebot.web.api import streaming


async def lines(answer: Any, wanted: int) -> list[dict[str, str]]:
    """So many events of a stream."""
    found: list[dict[str, str]] = []
    one: dict[str, str] = {}
    async with asyncio.timeout(30):
        while len(found) < wanted:
            line = (await answer.content.readline()).decode().rstrip("\n")
            if not line and "data" in one:
                found.append(one)
                one = {}
            name, _, value = line.partition(": ")
            one[name] = value
    return found


async def test_events_come_as_they_happen_and_nothing_is_missed(site: Site) -> None:
    """A program would learn of a sale minutes later, or never, because its connection was lost meanwhile."""
    bot, headers = site.bot, {**await bearer(site), "Accept": "text/event-stream"}
    async with site.client.get(site.url(f"{API}/events"), headers=headers) as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        await answer.content.readline()
        await bot.operations.pause("Ann", "k1")
        (paused,) = await lines(answer, 1)
    assert (paused["event"], json.loads(paused["data"])["facts"]["to"]) == ("state_changed", "PAUSED")
    await bot.operations.resume("Ann", "k2")
    headers["Last-Event-ID"] = paused["id"]
    async with site.client.get(site.url(f"{API}/events"), headers=headers) as answer:
        await bot.operations.pause("Ann", "k3")
        missed = await lines(answer, 2)
    assert [json.loads(one["data"])["facts"]["to"] for one in missed] == ["RUNNING", "PAUSED"]
    assert [int(one["id"]) for one in missed] == sorted({int(one["id"]) for one in missed})


async def test_who_does_not_read_is_cut_off_and_a_few_may_listen(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that hangs would fill the memory, or keep all others out."""
    client = streaming._Client()
    await site.bot.operations.pause("Ann", "k1")
    event = (await site.bot.events())[0]
    client.give([event] * (streaming.WAITING_MAX + 1))
    assert client.ended.is_set()
    monkeypatch.setattr(streaming, "CLIENTS_MAX", 1)
    headers = {**await bearer(site), "Accept": "text/event-stream"}
    async with site.client.get(site.url(f"{API}/events"), headers=headers) as first:
        assert first.status == 200
        await first.content.readline()
        assert (await site.ask(f"{API}/events", headers=headers))[0] == 503
    assert (await site.ask(f"{API}/events", headers={**headers, "Last-Event-ID": "x"}))[0] == 400


async def test_a_stream_ends_with_its_token(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was shut out would go on listening."""
    monkeypatch.setattr(streaming, "HEARTBEAT_S", 0.01)
    headers = {**await bearer(site), "Accept": "text/event-stream"}
    async with site.client.get(site.url(f"{API}/events"), headers=headers) as answer:
        await answer.content.readline()
        await api_tokens.revoke(site.bot.ledger, "read-1", actor="Ann", now=site.bot.clock.now())
        async with asyncio.timeout(30):
            with suppress(ClientError):
                while not answer.content.at_eof():
                    await answer.content.readline()
    assert (await site.ask(f"{API}/me", headers=headers))[0] == 401


async def test_a_stream_ends_with_its_token_however_much_happens(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was shut out goes on listening for as long as there is something to hear."""
    monkeypatch.setattr(streaming, "HEARTBEAT_S", 0.2)
    headers, bot = {**await bearer(site), "Accept": "text/event-stream"}, site.bot
    ended = asyncio.Event()

    async def be_busy() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            await bot.operations.block("AAPL", "Ann", f"k{number}", blocked=number % 2 == 1)

    async with site.client.get(site.url(f"{API}/events"), headers=headers) as answer:
        await answer.content.readline()
        busy = asyncio.create_task(be_busy())
        await api_tokens.revoke(bot.ledger, "read-1", actor="Ann", now=bot.clock.now())
        try:
            async with asyncio.timeout(30):
                with suppress(ClientError):
                    while not answer.content.at_eof():
                        await answer.content.readline()
        finally:
            ended.set()
            await busy
    assert (await site.ask(f"{API}/me", headers=headers))[0] == 401


async def test_a_page_of_events_that_takes_too_long_is_refused_in_words(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner reads of a mistake in the bot, and nobody tells him to ask for less."""

    async def hang(*_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(guard, "ANSWER_DEADLINE_S", 0.05)
    monkeypatch.setattr(pages, "newest_events", hang)
    status, told = await site.ask(f"{API}/events", headers=await bearer(site))
    assert (status, told["status"], "Ask for less" in told["detail"]) == (503, 503, True)


async def test_a_reader_that_breaks_ends_its_streams_and_the_next_one_is_served(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every program would listen to silence until the next start, and take it for a quiet day."""
    headers = {**await bearer(site), "Accept": "text/event-stream"}
    read = pages.events_after
    broken = False

    async def break_once(*asked: Any) -> Any:
        nonlocal broken
        task = asyncio.current_task()
        if broken and task is not None and task.get_name() == "events for the API":
            broken = False
            raise ValueError("an event that cannot be read")
        return await read(*asked)

    monkeypatch.setattr(pages, "events_after", break_once)
    async with site.client.get(site.url(f"{API}/events"), headers=headers) as answer:
        await answer.content.readline()
        broken = True
        await site.bot.operations.pause("Ann", "k1")
        async with asyncio.timeout(10):
            with suppress(ClientError):
                while not answer.content.at_eof():
                    await answer.content.readline()
    async with site.client.get(site.url(f"{API}/events"), headers=headers) as answer:
        await answer.content.readline()
        await site.bot.operations.resume("Ann", "k2")
        (resumed,) = await lines(answer, 1)
    assert json.loads(resumed["data"])["facts"]["to"] == "RUNNING"
