"""Groups of event kinds: what an owner wants to hear of, hear silently or not at all. Pure.

Rules: every kind is in exactly one group; a kind of another version is in none, and is told as its severity says. A new kind
joins the group in which its reader would look for it.
"""

from collections.abc import Mapping
from enum import StrEnum

from tradebot.domain.events import EventKind

_K = EventKind


class Telling(StrEnum):
    """How the owner is told of a group in the chat. What is critical is told whatever stands here."""

    ON = "on"
    SILENT = "silent"  # without a sound
    OFF = "off"


class EventGroup(StrEnum):
    """What an event is about, as the channels name it."""

    FILLS = "fills"
    ALERTS = "alerts"
    REFUSED = "refused"
    WAITING = "waiting"
    ORDERS = "orders"
    PROTECTION = "protection"
    BOOKS = "books"
    SETTINGS = "settings"
    IB = "ib"
    HEALTH = "health"
    JOBS = "jobs"
    REPORTS = "reports"


KINDS: Mapping[EventGroup, tuple[EventKind, ...]] = {
    EventGroup.FILLS: (
        *(_K.PARTIAL_FILL, _K.BUY_FILLED, _K.SELL_FILLED),
        *(_K.STOPPED_OUT, _K.TARGET_REACHED),
    ),
    EventGroup.ALERTS: (_K.ALERT_STORED, _K.ALERT_TESTED, _K.ALERT_CLEARED, _K.FIELDS_NOT_USED),
    EventGroup.REFUSED: (
        *(_K.ALERT_REJECTED, _K.ALERT_CONFLICT, _K.ALERT_REPEATED, _K.ALERT_UNREADABLE),
        *(_K.ALERT_BLOCKED, _K.ALERT_AT_TARGET, _K.ALERT_FAILED, _K.ALERT_EXPIRED, _K.TARGET_GAP),
    ),
    EventGroup.WAITING: (
        *(_K.ALERT_PENDING, _K.ORDER_WAITS, _K.EXIT_WAITS_FOR_OPEN),
        *(_K.EXIT_WORKS_ON, _K.MARKET_OPEN),
    ),
    EventGroup.ORDERS: (
        *(_K.ORDER_INTENT, _K.ORDER_ACCEPTED, _K.ORDER_CANCELLING, _K.ORDER_EXPIRES, _K.ENTRIES_CANCELLED),
        *(_K.ORDER_STUCK, _K.ORDER_TOLD, _K.EXIT_ARMED_AGAIN, _K.ORDER_FAILED, _K.ORDER_JUDGED_AGAIN),
        *(_K.ORDER_HELD_UP, _K.ORDER_UNKNOWN, _K.ORDER_RESOLVED, _K.ORPHAN_ORDER),
        *(_K.EXIT_INCOMPLETE, _K.EXITS_HELD_BACK),
    ),
    EventGroup.PROTECTION: (
        *(_K.PROTECTION_LIFTED, _K.PROTECTION_PLACED, _K.PROTECTION_CHANGED),
        *(_K.PROTECTION_WORKS, _K.PROTECTION_ENDED, _K.SHARES_UNPROTECTED),
    ),
    EventGroup.BOOKS: (
        *(_K.BOOKS_CORRECTED, _K.WRITTEN_OFF, _K.SOLD_BEYOND, _K.MISMATCH, _K.OWNER_HOLDINGS, _K.RENAMED),
        *(_K.SPLIT_SEEN, _K.SPLIT_BOOKED, _K.SPLIT_DENIED, _K.POSITIONS_COMPARED, _K.REASSIGNED),
    ),
    EventGroup.SETTINGS: (_K.STATE_CHANGED, _K.SETTING_CHANGED, _K.TICKER_BLOCK, _K.TELLING_CHANGED, _K.API_ACCESS),
    EventGroup.IB: (
        *(_K.BROKER_CONNECTED, _K.BROKER_LOST, _K.BROKER_UNREACHABLE, _K.TRADING_REFUSED, _K.TRADING_ALLOWED),
        *(_K.QUESTION_SILENT, _K.QUESTION_ANSWERED, _K.GATE_OPENED, _K.LOGIN_REMINDER),
    ),
    EventGroup.HEALTH: (
        *(_K.HEALTH_FAILING, _K.HEALTH_BACK, _K.COMPONENT_STUCK, _K.CLOCK_OFF),
        *(_K.CHANNEL_FAILING, _K.CHANNEL_BACK),
        *(_K.QUEUE_JUNK, _K.STARTED, _K.STOPPED),
    ),
    EventGroup.JOBS: (_K.JOB_FAILED, _K.JOB_MISSED),
    EventGroup.REPORTS: (
        *(_K.DAILY_REPORT, _K.WEEKLY_REPORT, _K.MONTHLY_REPORT),
        *(_K.THRESHOLD_CROSSED, _K.THRESHOLD_BACK),
    ),
}
"""The kinds of each group."""

_GROUP_OF: Mapping[str, EventGroup] = {kind: group for group, kinds in KINDS.items() for kind in kinds}


def group_of(kind: str) -> EventGroup | None:
    """The group of an event's kind; None for a kind of another version."""
    return _GROUP_OF.get(kind)
