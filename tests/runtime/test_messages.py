"""What tells the owner, in the daemon's hands: whatever fails there, trading goes on and nothing untrue is said of it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

import pytest
from loguru import logger
from pydantic import SecretStr

from tests.bot import Bot
from tests.facts import bought
from tradebot.config import Settings
from tradebot.config.settings import Telegram
from tradebot.domain.events import NewEvent
from tradebot.runtime.messages import WITHIN_S, send_messages

TO_LOG = "messages to the log"
BROKEN = Settings(telegram=Telegram.model_construct(bot_token=SecretStr("no token at all"), chat_id=1, user_ids=()))
"""A chat that cannot begin: aiogram itself refuses this token, which the configuration would have refused before."""


@asynccontextmanager
async def _chat_has_failed(bot: Bot) -> AsyncIterator[asyncio.Task[None]]:
    """Its messages are on their way to the log when the block begins, as far as the database lets them."""
    lines: list[str] = []
    stop = asyncio.Event()

    async def failed() -> bool:
        return any("Telegram has failed" in line for line in lines) and TO_LOG in bot.pulse.components

    # On a busy machine that takes longer than anything here is waited for.
    await asyncio.to_thread(import_module, "tradebot.telegram")
    sink = logger.add(lines.append, format="{message}")
    messages = asyncio.create_task(send_messages(BROKEN, bot.built, (), stop))
    try:
        await bot.until(failed, "Telegram has failed")
        yield messages
        stop.set()
        async with asyncio.timeout(10):
            await messages
    finally:
        logger.remove(sink)
        messages.cancel()


async def _is_told(bot: Bot) -> None:
    """Something happens, and the log tells it in the chat's place."""
    async with bot.ledger.begin() as books:
        event = await books.add_event(NewEvent(bought("AAPL"), bot.clock.now()))

    async def delivered() -> bool:
        async with bot.ledger.read() as books:
            return any((one.event_id, one.state) == (event, "DELIVERED") for one in await books.newest_deliveries(100))

    await bot.sooner_or_later(delivered, "the log has told it")


async def test_a_chat_that_fails_without_a_database_says_nothing_to_systemd(
    bot: Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd would show a start that waits, for good, and be fed by what does not trade while something else is stuck."""
    bot.ledger.away = True
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        async with _chat_has_failed(bot):
            for _ in range(int(WITHIN_S) // 10 + 2):
                await bot.second(10)
                assert TO_LOG not in bot.pulse.stuck()
            bot.ledger.away = False
            await _is_told(bot)
        with pytest.raises(BlockingIOError):
            ear.recv(4096)


async def test_a_defect_after_the_chats_own_ends_nothing(bot: Bot) -> None:
    """The task that dies takes the daemon with it: a chat would have ended the selling of shares."""

    async def defect() -> None:
        raise RuntimeError("not foreseen")

    bot.ledger.before_commit = defect
    async with _chat_has_failed(bot) as messages:
        await bot.seconds(5)
        assert not messages.done()
        bot.ledger.before_commit = None
        await _is_told(bot)


async def test_a_chat_that_has_failed_is_no_chat_that_is_off(bot: Bot) -> None:
    """Nobody would be told that commands are not heard and messages go nowhere: it would pass for one that nobody wants."""
    async with _chat_has_failed(bot):
        health = await bot.queries.health()
        telegram = health.parts["telegram"]
        assert (health.ok, telegram["ok"], telegram["state"]) == (True, False, "failed")
        assert "TokenValidationError" in str(telegram["error"])


async def test_the_end_is_not_held_up_by_a_chat_that_has_failed(bot: Bot) -> None:
    """Who waits for the database in vain would be cut off at the end of the daemon, instead of ending with it."""
    bot.ledger.away = True
    async with _chat_has_failed(bot) as messages:
        assert not messages.done()
