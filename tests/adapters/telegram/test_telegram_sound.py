"""What rings on the owner's phone, by day and by night."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from tests.adapters.telegram.conftest import Phone
from tests.facts import bought, every_kind
from tradebot.domain.event_groups import EventGroup, Telling, group_of
from tradebot.domain.events import Event, EventKind, Facts, Severity
from tradebot.telegram.sound import QuietHours, Tellings, rings

NIGHT: QuietHours = (time(22), time(7))
NOON, MIDNIGHT = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 11, 20, 0, 30, tzinfo=UTC)
ON: Tellings = dict.fromkeys(EventGroup, Telling.ON)
SILENT: Tellings = dict.fromkeys(EventGroup, Telling.SILENT)
CRITICAL = every_kind()[EventKind.BROKER_UNREACHABLE]


def events(*facts: Facts) -> Sequence[Event]:
    return [Event(one, NOON, id=number) for number, one in enumerate(facts, start=1)]


def test_by_day_what_matters_rings() -> None:
    """A fill or a warning would go unheard, or every start of the bot would ring."""
    for facts in every_kind().values():
        matters = facts.severity in (Severity.WARNING, Severity.CRITICAL) or group_of(facts.kind) is EventGroup.FILLS
        assert rings(events(facts), NOON, None, ON) == matters, facts.kind


def test_at_night_only_what_is_critical_rings() -> None:
    """The owner is woken by a fill, or sleeps through an order that is UNKNOWN."""
    for facts in every_kind().values():
        assert rings(events(facts), MIDNIGHT, NIGHT, ON) == (facts.severity is Severity.CRITICAL), facts.kind


def test_a_message_is_as_loud_as_the_loudest_in_it() -> None:
    """A critical that is told together with fills makes no sound at night."""
    assert CRITICAL.severity is Severity.CRITICAL
    assert rings(events(bought(), CRITICAL), MIDNIGHT, NIGHT, ON)


def test_of_a_silent_group_only_what_is_critical_rings() -> None:
    """A group that was made silent goes on ringing, or takes an order that is UNKNOWN along."""
    for facts in every_kind().values():
        assert rings(events(facts), NOON, None, SILENT) == (facts.severity is Severity.CRITICAL), facts.kind
    assert rings(events(bought(), CRITICAL), NOON, None, SILENT)
    only_fills = {**ON, EventGroup.FILLS: Telling.SILENT}
    warning = every_kind()[EventKind.BROKER_LOST]
    assert not rings(events(bought()), NOON, None, only_fills)
    assert rings(events(bought(), warning), NOON, None, only_fills)


@pytest.mark.parametrize(
    ("at", "quiet_hours", "sounds"),
    [
        (time(21, 59), NIGHT, True),
        (time(22), NIGHT, False),
        (time(6, 59), NIGHT, False),
        (time(7), NIGHT, True),
        (time(12, 59), (time(13), time(14)), True),
        (time(13), (time(13), time(14)), False),
        (time(14), (time(13), time(14)), True),
    ],
)
def test_quiet_hours_begin_and_end_to_the_minute(at: time, quiet_hours: QuietHours, sounds: bool) -> None:
    """Hours past midnight would be quiet by day and loud by night."""
    assert rings(events(bought()), datetime.combine(NOON, at, UTC), quiet_hours, ON) == sounds


async def test_telegram_is_asked_for_no_sound(phone: Phone) -> None:
    """The rule would hold in the bot, and the phone would ring all the same."""
    await phone.hang_up()
    phone.options = replace(phone.options, quiet_hours=(time(0), time(23, 59, 59)))
    await phone.connect()
    for facts in (bought("QUIET"), CRITICAL):
        await phone.is_delivered(await phone.event(facts))
    quiet, loud = phone.messages()[-2:]
    assert (quiet.fields.get("disable_notification"), "QUIET" in quiet.text) == ("true", True)
    assert "disable_notification" not in loud.fields
