"""A person decides how he is told of a group of events in the chat. Other channels have their own kinds, in the file.

Rules: one row of `bot_settings` a group; the delivery reads it with the events, so that there is nobody else to tell.
"""

from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.event_groups import EventGroup, Telling
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.account import TellingChanged
from tradebot.domain.settings import telling_key, tellings_in
from tradebot.ports import Ledger


@dataclass(frozen=True, slots=True)
class TellingChange:
    """Before and after; equal where nothing was changed."""

    group: EventGroup
    old: Telling
    new: Telling


async def tell(ledger: Ledger, group: EventGroup, to: Telling, actor: str, key: str, now: datetime) -> TellingChange:
    """The same again changes, and tells, nothing; nor does a key that was seen. Raises LedgerUnavailable."""
    async with ledger.begin() as books:
        old = tellings_in(await books.settings())[group]
        if not await books.claim(key, "tell", actor, now):
            return TellingChange(group, old, old)
        if to is not old:
            await books.put_setting(telling_key(group), to, actor, now)
            await books.add_event(NewEvent(TellingChanged(group, old, to), now, actor=actor))
    return TellingChange(group, old, to)
