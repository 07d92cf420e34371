"""Messages to the owner: the chat, or the log where none is configured, and the channels beside it, each on its own.

Rules: all channels are named to the database at once, the owner's first, which is told everything; from then on each event waits
for each that wants it. None waits for another one, and trading for none of them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from loguru import logger

from tradebot.config import Settings
from tradebot.notify.log_channel import CHANNEL as LOG
from tradebot.notify.log_channel import LogChannel
from tradebot.notify.outbox import Outbox
from tradebot.ports import Chance, Pulse
from tradebot.queries.parts import ChannelState
from tradebot.runtime.adapters import once_reachable
from tradebot.runtime.build import Tradebot
from tradebot.runtime.channels import AnyChannel

if TYPE_CHECKING:
    from tradebot.operations.operations import Operations
    from tradebot.queries.daemon import DaemonQueries
    from tradebot.telegram import TelegramOptions

    _Serve = Callable[[TelegramOptions, Operations, DaemonQueries, Chance, Pulse, asyncio.Event], Awaitable[None]]

TELEGRAM = "telegram"
WITHIN_S = 300.0
"""A message with its time-outs; what a receiver asks to wait for is waited for in small steps."""


async def send_messages(settings: Settings, bot: Tradebot, channels: Sequence[AnyChannel], stop: asyncio.Event) -> None:
    """Until `stop`, and the last words are out or have had their time."""
    async with asyncio.TaskGroup() as group:
        for channel in channels:
            group.create_task(_send(bot, channel, stop), name=f"messages to {channel.name}")
        group.create_task(_tell_owner(settings, bot, stop), name="messages to the owner")


async def serve_channels(settings: Settings, bot: Tradebot, owners: str | None = None) -> None:
    """Names all channels to the database, before anything happens that they are told of. `owners`: where the owner is told
    everything; None: as it is configured."""
    base = owners or (LOG if settings.telegram.bot_token is None else TELEGRAM)
    wanted = {name: section.wanted() for name, section in settings.channel_sections.items()}
    names = (base, *wanted)

    async def serve() -> None:
        async with bot.outside.ledger.begin() as books:
            await books.serve_channels(names, wanted)

    await once_reachable(serve)
    bot.queries.channels.served = names


async def _send(bot: Tradebot, channel: AnyChannel, stop: asyncio.Event) -> None:
    outside, component = bot.outside, f"messages to {'the log' if channel.name == LOG else channel.name}"
    state = ChannelState()
    if channel.name != LOG:
        bot.queries.channels.states[channel.name] = state
    beat = outside.pulse.of(component, WITHIN_S)
    try:
        await Outbox(channel, outside.ledger, outside.clock, beat, state).run(stop)
    finally:
        outside.pulse.end(component)


# --- the owner's ----------------------------------------------------------------------------------------------------


async def _tell_owner(settings: Settings, bot: Tradebot, stop: asyncio.Event) -> None:
    """Events to Telegram, or to the log where none is configured. Telegram takes seconds to import: trading is ready by then."""
    if settings.telegram.bot_token is not None:
        try:
            return await _serve_telegram(settings, bot, stop)
        except Exception:
            logger.exception("Telegram has failed and stays off until the next start; messages go to the log")
            await serve_channels(settings, bot, LOG)
    await _send(bot, LogChannel(bot.queries.run.strategies), stop)


async def _serve_telegram(settings: Settings, bot: Tradebot, stop: asyncio.Event) -> None:
    telegram = settings.telegram
    assert telegram.bot_token is not None, "only called with a token"
    assert telegram.chat_id is not None, "the configuration asks for it"
    serve, telegram_options = await asyncio.to_thread(_import_telegram)
    access = telegram_options(
        telegram.bot_token.get_secret_value(),
        telegram.chat_id,
        telegram.user_ids,
        telegram.api_url,
        topic_id=telegram.topic_id,
        theme=telegram.theme,
        quiet_hours=telegram.quiet_hours,
    )
    await serve(access, bot.operations, bot.queries, bot.outside.chance, bot.outside.pulse, stop)


def _import_telegram() -> "tuple[_Serve, type[TelegramOptions]]":
    from tradebot.telegram import TelegramOptions, serve  # noqa: PLC0415 - seconds, and 125 MB: only where it is used

    return serve, TelegramOptions
