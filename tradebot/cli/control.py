"""Pause, resume and kill from beside the daemon: stored in its database, which it reads in every decision and once a second."""

import asyncio
from datetime import UTC, datetime

import aiohttp
from rich.console import Console

from tradebot.cli.sending import address
from tradebot.config import Settings
from tradebot.database import open_ledger
from tradebot.domain.model import TradingState
from tradebot.errors import ConfigError
from tradebot.ports import Ledger
from tradebot.services.control import state_in, store_state

BY = "command line"
CONFIRM_WITHIN_S = 5.0
_SAID = {
    TradingState.RUNNING: "RUNNING: BUY and SELL alerts are executed.",
    TradingState.PAUSED: "PAUSED: BUY alerts are blocked, SELL alerts are executed.",
    TradingState.KILLED: "KILLED: nothing is traded; working orders are being cancelled.",
}


async def change(settings: Settings, to: TradingState) -> int:
    """Stores the state and waits for the daemon to say that it has heard. Raises LedgerUnavailable."""
    async with open_ledger(settings.database.url.get_secret_value()) as ledger:
        stored = await store_state(ledger, to, BY, datetime.now(UTC), keep_killed=to is TradingState.PAUSED)
    return await _said(settings, stored)


async def resume(settings: Settings, to: TradingState | None) -> int:
    """Raises ConfigError when the bot is KILLED and nobody said what to resume; LedgerUnavailable."""
    async with open_ledger(settings.database.url.get_secret_value()) as ledger:
        if to is None and await _stored(ledger) is TradingState.KILLED:
            raise ConfigError(
                "the kill switch is on. Say what to resume: `tradebot resume --sells-only` (SELL alerts only) "
                "or `tradebot resume --everything` (BUY and SELL alerts)"
            )
        stored = await store_state(ledger, to or TradingState.RUNNING, BY, datetime.now(UTC))
    return await _said(settings, stored)


async def _stored(ledger: Ledger) -> TradingState:
    async with ledger.read() as books:
        return state_in(await books.settings())


async def _said(settings: Settings, state: TradingState) -> int:
    out = Console(highlight=False, soft_wrap=True)
    out.print(f"Stored. {_SAID[state]}", markup=False)
    heard = await _daemon_heard(settings, state)
    if heard is None:
        out.print("No daemon answers on this machine: it finds this state when it starts.")
    else:
        out.print("The daemon confirms." if heard else "The daemon has NOT confirmed yet: look at `tradebot status`.")
    return 0 if heard is not False else 1


async def _daemon_heard(settings: Settings, state: TradingState) -> bool | None:
    """Whether the daemon's own health report shows the state in time; None: no daemon answers."""
    try:
        async with asyncio.timeout(CONFIRM_WITHIN_S):
            while (report := await health(settings)) is not None:
                if report.get("trading", {}).get("state") == state:
                    return True
                await asyncio.sleep(0.1)
    except TimeoutError:
        return False
    return None


async def health(settings: Settings) -> "dict[str, dict[str, object]] | None":
    """The parts of `GET /health` of the daemon on this machine; None when nobody answers."""
    url = address(settings.webhook.host, settings.webhook.port).replace("/webhook", "/health")
    try:
        timeout = aiohttp.ClientTimeout(total=CONFIRM_WITHIN_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            report = await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None
    parts = report.get("parts") if isinstance(report, dict) else None
    return parts if isinstance(parts, dict) else None
