"""The owner's time zone: in which times are shown to people.

Rules: it is set once, where the configuration is read, and is New York's until then; what a time means for the market is shown in
New York's beside it. Like a locale it belongs to the process and not to a call: every text of a process shows the same.
"""

from contextvars import ContextVar
from datetime import datetime, tzinfo

from tradebot.domain.calendar import NEW_YORK

_ZONE: ContextVar[tzinfo] = ContextVar("owner's time zone", default=NEW_YORK)


def use(zone: tzinfo) -> None:
    """From now on, for whatever is begun here."""
    _ZONE.set(zone)


def owners() -> tzinfo:
    """The zone in which times are shown."""
    return _ZONE.get()


def is_new_yorks(at: datetime) -> bool:
    """Whether the owner's clock shows the same as the exchange's at this moment."""
    return at.astimezone(owners()).utcoffset() == at.astimezone(NEW_YORK).utcoffset()
