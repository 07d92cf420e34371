"""The second listener in the daemon's hands: opened where it is configured, and never a danger to trading."""

import asyncio

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

import tradebot.web.serving
from tests.bot import Bot
from tradebot.config import Settings
from tradebot.config.settings import Web
from tradebot.listener import take_port
from tradebot.runtime.second_listener import serve_web

ON = Settings(web=Web(password=SecretStr("seven horses under the bridge")))


async def test_it_is_off_without_a_port(bot: Bot) -> None:
    """A door that nobody asked for would be open."""
    await serve_web(Settings(), None, bot.built)
    assert (await bot.queries.health()).parts["web"] == {"state": "off"}


async def test_it_serves_until_it_is_ended_and_health_tells_of_it(bot: Bot) -> None:
    """The dashboard would not be there, would outlive the daemon's end, or nobody would see how it is."""
    with take_port("web", "127.0.0.1", 0) as port:
        serving = asyncio.create_task(serve_web(ON, port, bot.built))

        async def on() -> bool:
            return (await bot.queries.health()).parts["web"].get("state") == "on"

        await bot.until(on, "it serves")
        async with ClientSession() as client, client.get(f"http://127.0.0.1:{port.port}/api/v1/alive") as answer:
            assert answer.status == 200
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        assert (await bot.queries.health()).parts["web"] == {"state": "off"}


async def test_what_fails_there_is_told_and_trading_goes_on(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in a page would take down the process that sells."""

    def broken(*_: object) -> None:
        raise RuntimeError("a page")

    monkeypatch.setattr(tradebot.web.serving, "PARTS", (broken,))
    with take_port("web", "127.0.0.1", 0) as port:
        await serve_web(ON, port, bot.built)
    health = await bot.queries.health()
    assert (health.ok, health.parts["web"]["ok"], health.parts["web"]["state"]) == (True, False, "failed")
