"""Opens `[web]` where it is configured. Nothing but people depends on it: what goes wrong there is told, and trading goes on."""

import asyncio
from importlib import import_module

from loguru import logger

from tradebot.config import Settings, api_key
from tradebot.listener import TakenPort
from tradebot.runtime.build import Tradebot


async def serve_web(settings: Settings, port: TakenPort | None, bot: Tradebot) -> None:
    """Until it is cancelled."""
    if port is None:
        return
    part, configured = bot.queries.web, settings.web
    part.state, part.at = "starting", f"{port.host}:{port.port}"
    try:
        await asyncio.to_thread(import_module, "tradebot.web.serving")  # beside the loop
        from tradebot.web.ground import Ground, WebOptions  # noqa: PLC0415 - memory: only where it is configured
        from tradebot.web.serving import open_web  # noqa: PLC0415

        options = WebOptions(
            password=configured.password.get_secret_value() if configured.password else None,
            password_hash=configured.password_hash.get_secret_value() if configured.password_hash else None,
            metrics_token=configured.metrics_token.get_secret_value() if configured.metrics_token else None,
            api_key=await asyncio.to_thread(api_key),
            hosts=configured.hosts,
            trusted_proxies=configured.trusted_proxies,
        )
        ground = Ground(
            options=options,
            operations=bot.operations,
            queries=bot.queries,
            clock=bot.outside.clock,
            listeners=bot.listeners,
            chance=bot.outside.chance,
            crons=settings.schedule.crons(),
        )
        async with open_web(options, port, ground):
            part.state = "on"
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        part.state, part.at = "off", None
        raise
    except Exception as error:
        part.state, part.error = "failed", f"{type(error).__name__}: the log says what"
        logger.exception("dashboard and API have failed and stay off until the next start; trading goes on")
