"""The channels: whether each would take a message. None is sent."""

import asyncio

from tradebot.errors import ConfigError
from tradebot.notify.channel import NotDelivered
from tradebot.runtime.channels import AnyChannel, channels_of
from tradebot.runtime.clock import SystemClock
from tradebot.runtime.doctor.report import Section
from tradebot.runtime.doctor.surroundings import Asked

TITLE = "Channels"
TIMEOUT_S = 4.0
_FIX = "its keys in [channels.{}], the network; `tradebot channels test {}` sends a message"


def checks(asked: Asked) -> tuple[str, ...]:
    return tuple(asked.settings.channel_sections)


async def look(section: Section, asked: Asked) -> None:
    """All at once: each has its own time-out."""
    if not section.checks:
        return
    try:
        channels = await asyncio.to_thread(channels_of, asked.settings, SystemClock())
    except ConfigError as error:
        section.complaint(section.checks[0], error)
        return
    await asyncio.gather(*(_look_at(section, channel, asked) for channel in channels))


async def _look_at(section: Section, channel: AnyChannel, asked: Asked) -> None:
    limit_s = asked.within(TIMEOUT_S)
    try:
        async with asyncio.timeout(limit_s):
            section.ok(channel.name, await channel.check())
    except TimeoutError:
        section.fail(channel.name, f"no answer within {limit_s:g} s", _FIX.format(channel.name, channel.name))
    except NotDelivered as error:
        section.fail(channel.name, error.why, _FIX.format(channel.name, channel.name))
    finally:
        await channel.close()
