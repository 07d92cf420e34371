"""Messages to the owner: the chat, or the log where none is configured, and the channels beside it, each on its own.

Rules: all channels are named to the database at once, the owner's first, which is told everything; from then on each event waits
for each that wants it. None waits for another one, and trading for none of them: no defect of the chat ends more than the chat.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from loguru import logger

from tradebot.config import Settings
from tradebot.errors import LedgerUnavailable
from tradebot.notify.log_channel import CHANNEL as LOG
from tradebot.notify.log_channel import LogChannel
from tradebot.notify.outbox import Outbox
from tradebot.ports import Chance, Pulse
from tradebot.queries.parts import ChannelState
from tradebot.runtime.adapters import once_reachable
from tradebot.runtime.build import Tradebot
from tradebot.runtime.channels import AnyChannel
from tradebot.trading.every import happens

if TYPE_CHECKING:
    from tradebot.operations.operations import Operations
    from tradebot.queries.daemon import DaemonQueries
    from tradebot.telegram.serving import TelegramOptions

    _Serve = Callable[[TelegramOptions, Operations, DaemonQueries, Chance, Pulse, asyncio.Event], Awaitable[None]]

TELEGRAM = "telegram"
TO_LOG = "messages to the log"
WITHIN_S = 300.0
"""A message with its time-outs; what a receiver asks to wait for is waited for in small steps."""
RETRY_S = 2.0


async def send_messages(settings: Settings, bot: Tradebot, channels: Sequence[AnyChannel], stop: asyncio.Event) -> None:
    """Until `stop`, and the last words are out or have had their time."""
    async with asyncio.TaskGroup() as group:
        for channel in channels:
            group.create_task(_send(bot, channel, stop), name=f"messages to {channel.name}")
        group.create_task(_tell_owner(settings, bot, stop), name="messages to the owner")


async def serve_channels(settings: Settings, bot: Tradebot) -> None:
    """Names all channels to the database, before anything happens that they are told of.

    At the start alone: while the database is waited for, systemd hears that no alert is taken yet.
    """
    await once_reachable(
        lambda: _serve_channels(settings, bot, LOG if settings.telegram.bot_token is None else TELEGRAM)
    )


async def _serve_channels(settings: Settings, bot: Tradebot, owners: str) -> None:
    wanted = {name: section.wanted() for name, section in settings.channel_sections.items()}
    names = (owners, *wanted)
    async with bot.outside.ledger.begin() as books:
        await books.serve_channels(names, wanted)
    bot.queries.channels.served = names


async def _send(bot: Tradebot, channel: AnyChannel, stop: asyncio.Event) -> None:
    outside, component = bot.outside, TO_LOG if channel.name == LOG else f"messages to {channel.name}"
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
        except Exception as error:
            why = f"{type(error).__name__}: off until the next start; the log says what"
            bot.queries.chat.state, bot.queries.chat.error = "failed", why
            logger.exception("Telegram has failed and stays off until the next start; messages go to the log")
        await _go_to_log(settings, bot, stop)
    await _send(bot, LogChannel(bot.queries.run.strategies), stop)


async def _go_to_log(settings: Settings, bot: Tradebot, stop: asyncio.Event) -> None:
    """Names the log in the chat's place, as soon as the database takes it: all else runs, whatever is wrong here."""
    beat, is_reported = bot.outside.pulse.of(TO_LOG, WITHIN_S), False
    try:
        while not stop.is_set():
            beat()
            try:
                return await _serve_channels(settings, bot, LOG)
            except Exception as error:
                if not is_reported:
                    unforeseen = None if isinstance(error, LedgerUnavailable) else error
                    logger.opt(exception=unforeseen).error(
                        "messages wait, as the log could not be named for them: {}", error
                    )
                is_reported = True
            await happens(stop, RETRY_S)
    finally:
        bot.outside.pulse.end(TO_LOG)


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
    # Seconds, and half of the memory: only where it is used.
    from tradebot.telegram.lean import import_aiogram  # noqa: PLC0415

    import_aiogram()
    from tradebot.telegram.serving import TelegramOptions, serve  # noqa: PLC0415

    return serve, TelegramOptions
