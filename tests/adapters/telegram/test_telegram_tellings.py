"""/notify: what the chat is told is the owner's choice, and what is critical is not."""

from dataclasses import replace
from datetime import time

import pytest
from loguru import logger

from tests.adapters.telegram.conftest import Phone, open_phone
from tests.bot import Bot
from tests.botapi import Sent
from tests.facts import bought, every_kind
from tradebot.domain.event_groups import EventGroup, Telling, group_of
from tradebot.domain.events import EventKind, Severity
from tradebot.domain.facts.account import TellingChanged
from tradebot.telegram.markup import plain
from tradebot.telegram.tellings import ABOUT, TELL

CRITICAL = every_kind()[EventKind.BROKER_UNREACHABLE]


def loud(sent: Sent) -> bool:
    return "disable_notification" not in sent.fields


async def told(phone: Phone, *tickers: str) -> list[Sent]:
    """What comes of fills of these tickers, once each is done with."""
    mark = len(phone.api.sent)
    for ticker in tickers:
        await phone.is_delivered(await phone.event(bought(ticker)))
    return phone.messages(mark)


async def test_each_group_is_shown_with_a_button_that_changes_it_in_place(phone: Phone) -> None:
    """A group could not be found, a press would fill the chat, or a second press would go on to something else."""
    shown = await phone.api.ask("/notify", "What this chat is told")
    assert set(shown.buttons) == {f"🔔 {group}" for group in EventGroup}
    assert all(f"🔔 <b>{group}</b>: " in shown.text for group in EventGroup)
    assert "always told, and rings" in shown.text
    edited = shown
    for sign, to in (("🔔", "🔕"), ("🔕", "🚫"), ("🚫", "🔔")):
        edited = await phone.api.pressed(edited, f"{sign} fills", f"{to} <b>fills</b>")
        assert (edited.method, edited.message_id) == ("editMessageText", shown.message_id)
        assert f"{to} fills" in edited.buttons
    await phone.api.pressed(shown, "🔔 fills", "🔕 <b>fills</b>")
    await phone.api.pressed(shown, "🔔 fills")
    await phone.api.ask("/notify", "🔕 <b>fills</b>")
    changes = await phone.bot.events(EventKind.TELLING_CHANGED)
    assert [event.facts for event in changes][-1:] == [TellingChanged(EventGroup.FILLS, Telling.ON, Telling.SILENT)], (
        "the second press of one button changes nothing"
    )
    assert (len(changes), {event.actor for event in changes}) == (4, {"Ann Owner <b>& (Telegram 4242)"})


def test_every_group_is_explained_and_its_button_is_short_enough() -> None:
    """A new group could not be set, or Telegram would refuse the whole message for one button."""
    assert set(ABOUT) == set(EventGroup)
    assert all(len(f"{TELL}{group}:{Telling.SILENT}".encode()) <= 64 for group in EventGroup)


async def test_silent_and_off_hold_for_the_next_message_and_outlive_a_restart(phone: Phone) -> None:
    """The owner is woken by what he has made silent, is told what he has turned off, or has to do it again each day."""
    assert [loud(sent) for sent in await told(phone, "LOUD")] == [True]
    await phone.api.ask("/notify fills silent", "fills: on → <b>silent</b>")
    assert [loud(sent) for sent in await told(phone, "QUIET")] == [False]
    await phone.drop()
    await phone.connect()
    assert [loud(sent) for sent in await told(phone, "AGAIN")] == [False]
    await phone.api.ask("/notify FILLS Off", "silent → <b>off</b>")
    assert await told(phone, "GONE") == []
    await phone.api.ask("/notify fills off", "is <b>off</b> already")
    await phone.api.ask("/notify fills on", "off → <b>on</b>")
    assert [loud(sent) for sent in await told(phone, "BACK")] == [True]
    assert not any("GONE" in sent.text for sent in phone.messages())


async def test_what_is_off_is_logged_and_goes_to_other_channels(phone: Phone) -> None:
    """Turning the chat off would take it from the log, from e-mail, or let it wait for ever."""
    lines: list[str] = []
    sink = logger.add(lines.append, level="INFO", format="{message}")
    await phone.api.ask("/notify fills off", "<b>off</b>")
    async with phone.bot.ledger.begin() as books:
        await books.serve_channels(["telegram", "mail"])
    event_id = await phone.event(bought("ELSEWHERE"))
    await phone.is_delivered(event_id)
    logger.remove(sink)
    async with phone.bot.ledger.read() as books:
        waits = [event.id for event in await books.undelivered("mail", 1000)]
    assert event_id in waits
    assert any("ELSEWHERE" in line for line in lines)


async def test_what_is_critical_is_told_and_rings_whatever_is_off(phone: Phone) -> None:
    """An order that is UNKNOWN would go unheard, because somebody wanted to hear less of orders."""
    for group in EventGroup:
        await phone.api.ask(f"/notify {group} off", "<b>off</b>")
    for word in ("critical", "criticals off"):
        assert "cannot be turned off" in (await phone.api.ask(f"/notify {word}")).text
    mark = len(phone.api.sent)
    facts = every_kind()
    for one in facts.values():
        await phone.is_delivered(await phone.event(one))
    heard = phone.messages(mark)
    criticals = [one for one in facts.values() if one.severity is Severity.CRITICAL]
    assert len(heard) == len(criticals)
    assert all(map(loud, heard))
    assert {group_of(one.kind) for one in criticals} > {EventGroup.ORDERS, EventGroup.IB}


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("fill silent", "“fill” is no group.\nThere are fills, alerts,"),
        ("fills", "Fills: on, silent or off?"),
        ("fills loud", "/notify fills silent"),
        ("fills on off", "Fills: on, silent or off?"),
        ("off", "“off” is no group"),
        ("<b>&", "“<b>&” is no group"),
    ],
)
async def test_what_is_not_understood_changes_nothing(phone: Phone, typed: str, answer: str) -> None:
    """A slip of the finger would silence something, or be met with nothing to go on with."""
    assert answer in plain((await phone.api.ask(f"/notify {typed}")).text)
    assert set((await phone.queries.tellings()).values()) == {Telling.ON}


async def test_a_change_sent_again_is_made_once(bot: Bot) -> None:
    """After a crash Telegram delivers the command anew, and what was turned on since is off again."""
    async with open_phone(bot) as phone:
        update = await phone.api.say("/notify fills off")
        await phone.api.heard("<b>off</b>")
        await phone.api.ask("/notify fills on", "<b>on</b>")
        await phone.drop()
        await phone.connect()
        await phone.api.say("/notify fills off", update_id=update)
        await phone.api.heard("fills is <b>on</b> already")
        await phone.api.ask("/notify", "🔔 <b>fills</b>")


async def test_the_quiet_hours_are_shown(phone: Phone) -> None:
    """The owner would look for what keeps the phone silent at night where it does not stand."""
    await phone.api.ask("/notify", "No quiet hours")
    await phone.hang_up()
    phone.options = replace(phone.options, quiet_hours=(time(22), time(7)))
    await phone.connect()
    await phone.api.ask("/notify", "Quiet hours 22:00 to 07:00")
