"""Runs every check, at once where they do not depend on each other, and ends in time whatever hangs.

Rules: each section has a deadline of its own; what has not ended then is cancelled, said so, and left behind.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tradebot import __version__
from tradebot.errors import ConfigError
from tradebot.runtime.doctor import books, channels, chat, gateway, going_live, machine, queue, strategies, web, webhook
from tradebot.runtime.doctor.report import Line, Report, Section, Status
from tradebot.runtime.doctor.surroundings import Asked, Machine
from tradebot.runtime.log import Redactor

DEADLINE_S = 5.0
GATEWAY_DEADLINE_S = 9.2
"""Its checks follow upon each other, each with a deadline of its own: connecting, contract, quote, what-if order."""
CANCELLED_WITHIN_S = 0.4


class _Examination:
    """The sections, and what one learns that another needs."""

    def __init__(self, asked: Asked, host: Machine) -> None:
        self.asked, self.host = asked, host
        section = partial(Section, clean=Redactor(asked.settings.secrets()))
        self.machine = section(machine.TITLE, machine.CHECKS)
        self.books = section(books.TITLE, books.CHECKS_OF_A_FILE if books.is_file(asked) else books.CHECKS)
        self.queue = section(queue.TITLE, queue.EMBEDDED if queue.is_embedded(asked) else queue.CHECKS)
        self.gateway = section(gateway.TITLE, gateway.SIMULATED if gateway.is_simulated(asked) else gateway.CHECKS)
        self.chat = section(chat.TITLE, chat.OFF if chat.is_off(asked) else chat.CHECKS)
        self.channels = section(channels.TITLE, channels.checks(asked))
        checks = webhook.CHECKS + (webhook.CHECKS_OUTSIDE if asked.public else ())
        self.webhook = section(webhook.TITLE, checks)
        self.web = section(web.TITLE, web.checks(asked))
        self.strategies = section(strategies.TITLE, strategies.checks(asked))
        self.live = section(going_live.TITLE, going_live.CHECKS if asked.live else ())
        self.seen = gateway.Seen(exchange_open=asked.settings.trading.open_hours().calendar.is_open(host.now()))
        self.stored: books.Stored | None = None
        self.telegram_ahead_s: float | None = None

    async def look_at_books(self) -> None:
        self.stored = await books.look(self.books, self.asked, self.host)

    async def look_at_chat(self) -> None:
        self.telegram_ahead_s = await chat.look(self.chat, self.asked, self.host)

    async def look_at_webhook(self) -> None:
        await webhook.look(self.webhook, self.asked, self.host)

    async def look_from_outside(self) -> None:
        assert self.asked.public is not None, "only asked with an address"
        await webhook.look_from_outside(self.webhook, self.asked.public, self.host)

    async def look_at_machine(self) -> None:
        await asyncio.to_thread(machine.look, self.machine, self.asked, self.host)

    def conclude(self) -> None:
        """What several sections together tell."""
        ahead = {"the gateway's": self.seen.clock_ahead_s, "Telegram's": self.telegram_ahead_s}
        machine.clock(self.machine, {whose: by for whose, by in ahead.items() if by is not None})
        gateway.own_account(self.gateway, self.seen, self.stored.account if self.stored else None)
        strategies.look(self.strategies, self.asked, self.stored)
        if self.asked.live:
            try:
                going_live.look(self.live, self.asked, self.host, self.stored, self.seen)
            except OSError as error:  # a folder that may not be looked at
                self.live.unforeseen(error)


async def examine(asked: Asked, host: Machine | None = None) -> Report:
    """Everything. Never raises for what it finds; ends within ten seconds."""
    began = asyncio.get_running_loop().time()
    one = _Examination(asked, host or Machine())
    looks: list[tuple[Section, Callable[[], Coroutine[Any, Any, None]], float]] = [
        (one.machine, one.look_at_machine, DEADLINE_S),
        (one.books, one.look_at_books, DEADLINE_S),
        (one.queue, partial(queue.look, one.queue, asked), DEADLINE_S),
        (one.gateway, partial(gateway.look, one.gateway, asked, one.seen), GATEWAY_DEADLINE_S),
        (one.chat, one.look_at_chat, DEADLINE_S),
        (one.channels, partial(channels.look, one.channels, asked), DEADLINE_S),
        (one.webhook, one.look_at_webhook, DEADLINE_S),
        (one.web, partial(web.look, one.web, asked), DEADLINE_S),
    ]
    if asked.public:
        looks.append((one.webhook, one.look_from_outside, DEADLINE_S))
    in_time = await asyncio.gather(
        *(_within(section, work(), asked.within(limit_s)) for section, work, limit_s in looks)
    )
    one.conclude()
    late = {id(section): limit_s for (section, _, limit_s), ended in zip(looks, in_time, strict=True) if not ended}
    sections = [one.machine, one.books, one.queue, one.gateway, one.chat, one.channels]
    sections += [one.webhook, one.web, one.strategies, one.live]
    for section in sections:
        section.end(in_time=id(section) not in late, deadline_s=late.get(id(section), DEADLINE_S))
    took_s = asyncio.get_running_loop().time() - began
    return Report(__version__, one.host.now(), [each for each in sections if each.checks], took_s, late=bool(late))


async def _within(section: Section, work: Coroutine[Any, Any, None], deadline_s: float) -> bool:
    """Whether it ended in time. What was not foreseen is a failed check, not the end of the others."""
    task = asyncio.create_task(work, name=f"doctor: {section.title}")
    done, _ = await asyncio.wait({task}, timeout=deadline_s)
    if not done:
        task.cancel()
        await asyncio.wait({task}, timeout=CANCELLED_WITHIN_S)
        return False
    if (error := task.exception()) is not None:
        section.unforeseen(error)
    return True


def wrong_configuration(error: ConfigError, now: datetime | None = None) -> Report:
    """The report where there is nothing to examine: each mistake of the configuration is a line."""
    fix = "config.toml.example and docs/configuration.md have every key"
    lines = [Line(machine.CONFIGURATION, Status.FAILURE, line, fix) for line in str(error).splitlines()]
    section = Section.of(machine.TITLE, lines)
    return Report(__version__, now or datetime.now(UTC), [section], wrong_configuration=True)
