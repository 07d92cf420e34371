"""What events look like in the chat, and how a burst of them becomes one message. Pure.

Rules: an event's text says everything, a title says at a glance what it is about; what was not sent at once says when it
happened; alerts that share a fate are counted when there are many.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from tradebot.domain.events import Event, EventKind, Severity
from tradebot.domain.facts.account import SplitSeen
from tradebot.domain.facts.daemon import DailyReport
from tradebot.domain.facts.orders import WANTED, OrderCancelling, OrderEnd, OrderFailed, SharesUnprotected
from tradebot.domain.facts.performance import PeriodReport
from tradebot.domain.strategies import Strategies
from tradebot.queries.daily_report import rule_of
from tradebot.telegram.markup import LENGTH_MAX, bold, esc, italic, prose
from tradebot.words import figures, refusals
from tradebot.words.told import ONE, told

LATE = timedelta(seconds=60)
ALIKE_MAX = 5
"""More alerts than this with one fate become one paragraph."""
BUTTON_ROWS_MAX = 8
_K = EventKind
TITLES: Mapping[str, str] = {
    _K.ALERT_REJECTED: "🚫 Alert not understood",
    _K.ALERT_CONFLICT: "❗ Alert refused",
    _K.ALERT_REPEATED: "🔁 {} came again, not traded",
    _K.ALERT_UNREADABLE: "🚫 An alert without a readable secret",
    _K.ALERT_TESTED: "🧪 Test of {}: nothing is traded",
    _K.FIELDS_NOT_USED: "ℹ️ Fields that are not used: {}",
    _K.QUEUE_JUNK: "🧹 Foreign entries in the queue",
    _K.ALERT_PENDING: "⏳ Waiting for the open: {}",
    _K.ALERT_BLOCKED: "🚫 {} blocked",
    _K.ALERT_AT_TARGET: "🎯 {}: nothing to do",
    _K.ENTRIES_CANCELLED: "🧹 Entries cancelled",
    _K.TARGET_GAP: "⚠️ An alert is missing: {}",
    _K.ALERT_FAILED: "⚠️ {} failed",
    _K.ALERT_EXPIRED: "⌛ {} expired",
    _K.ALERT_CLEARED: "🗑 {} cleared",
    _K.ORDER_WAITS: "⏳ {} waits for its price",
    _K.ORDER_CANCELLING: "⚠️ Order is being cancelled",
    _K.ORDER_EXPIRES: "⌛ IB is about to end an order",
    _K.EXIT_WORKS_ON: "⏳ {} works on",
    _K.ORDER_STUCK: "❗ {} is stuck",
    _K.SOLD_BEYOND: "❗ More {} sold than was held",
    _K.EXIT_ARMED_AGAIN: "🔁 {} is sent again",
    _K.EXIT_WAITS_FOR_OPEN: "⏳ Waiting for the open: {}",
    _K.PARTIAL_FILL: "◐ {} partly filled",
    _K.BUY_FILLED: "🟢 {} filled",
    _K.SELL_FILLED: "🔵 {} filled",
    _K.STOPPED_OUT: "🛑 {} stopped out",
    _K.TARGET_REACHED: "🎯 {} at its target",
    _K.PROTECTION_WORKS: "🛡 {} is protected",
    _K.SHARES_UNPROTECTED: "❗ {} is NOT protected",
    _K.PROTECTION_PLACED: "🛡 {} is protected again",
    _K.PROTECTION_CHANGED: "🛡 {}: protection changed",
    _K.ORDER_FAILED: "⚠️ {} failed",
    _K.ORDER_HELD_UP: "⚠️ {} cannot leave",
    _K.ORDER_UNKNOWN: "❗ {} is UNKNOWN",
    _K.ORDER_RESOLVED: "✅ Order resolved",
    _K.BOOKS_CORRECTED: "✏️ Books corrected",
    _K.WRITTEN_OFF: "✏️ Books corrected",
    _K.EXIT_INCOMPLETE: "❗ Shares left: {}",
    _K.EXITS_HELD_BACK: "❗ Exits that the kill stopped",
    _K.ORPHAN_ORDER: "❗ Unknown orders at IB",
    _K.MISMATCH: "❗ Mismatch: {}",
    _K.OWNER_HOLDINGS: "👤 Your own shares: {}",
    _K.SPLIT_SEEN: "❗ A split? {}",
    _K.SPLIT_BOOKED: "✏️ Split booked: {}",
    _K.SPLIT_DENIED: "✏️ No split: {}",
    _K.RENAMED: "🏷 Renamed: {}",
    _K.STATE_CHANGED: "⚙️ Trading state",
    _K.SETTING_CHANGED: "⚙️ Limit changed",
    _K.API_ACCESS: "🟡 API token",
    _K.TICKER_BLOCK: "🚫 Blocked: {}",
    _K.REASSIGNED: "⚙️ Reassigned",
    _K.BROKER_CONNECTED: "🔌 IB connected",
    _K.BROKER_LOST: "❗ IB is away",
    _K.BROKER_UNREACHABLE: "❗ IB cannot be reached",
    _K.TRADING_REFUSED: "⛔ Nothing is traded",
    _K.TRADING_ALLOWED: "✅ Orders are taken again",
    _K.QUESTION_SILENT: "❗ IB does not answer",
    _K.QUESTION_ANSWERED: "✅ IB answers again",
    _K.CLOCK_OFF: "⚠️ The clock is off",
    _K.MARKET_OPEN: "🔔 The market is open",
    _K.DAILY_REPORT: "📊 Daily report",
    _K.WEEKLY_REPORT: "📊 Weekly report",
    _K.MONTHLY_REPORT: "📊 Monthly report",
    _K.THRESHOLD_CROSSED: "⚠️ Limit crossed",
    _K.THRESHOLD_BACK: "✅ Back within its limit",
    _K.POSITIONS_COMPARED: "⚖️ Positions compared",
    _K.HEALTH_FAILING: "❗ Not well",
    _K.HEALTH_BACK: "✅ Well again",
    _K.CHANNEL_FAILING: "⚠️ A channel is silent",
    _K.CHANNEL_BACK: "✅ The channel is back",
    _K.LOGIN_REMINDER: "🔑 IB login",
    _K.JOB_FAILED: "⚠️ A job failed",
    _K.JOB_MISSED: "⚠️ A job was missed",
    _K.COMPONENT_STUCK: "❗ A part is stuck",
    _K.STARTED: "🚀 Started",
    _K.STOPPED: "🛑 Stopped",
}
_COUNTED = frozenset(
    {_K.ALERT_PENDING, _K.ALERT_BLOCKED, _K.ALERT_AT_TARGET, _K.ALERT_FAILED, _K.ALERT_EXPIRED, _K.ALERT_CLEARED}
)
_OF_SHARES = frozenset(
    {
        *(_K.STOPPED_OUT, _K.TARGET_REACHED, _K.SOLD_BEYOND, _K.PROTECTION_WORKS),
        *(_K.SHARES_UNPROTECTED, _K.PROTECTION_PLACED, _K.PROTECTION_CHANGED),
    }
)
"""About what is held, and no order of one side."""


@dataclass(frozen=True, slots=True)
class Folded:
    """One message for these events. Rows of buttons hold (label, callback data)."""

    events: Sequence[Event]
    html: str
    buttons: Sequence[Sequence[tuple[str, str]]]


def fold(events: Sequence[Event], now: datetime, strategies: Strategies = ONE) -> Folded:
    """As many of these events as one message holds, at least the first, in their order."""
    counts = Counter(map(_fate, events))
    folded: list[Event] = []
    paragraphs: list[str] = []
    rows: list[Sequence[tuple[str, str]]] = []
    length, counted = 0, set[tuple[str, str]]()
    for event in events:
        if _fate(event) in counted:
            continue
        alike = event.kind in _COUNTED and counts[_fate(event)] > ALIKE_MAX
        mine = [other for other in events if _fate(other) == _fate(event)] if alike else [event]
        paragraph = _alike(mine, now, strategies) if alike else paragraph_of(event, now, strategies)
        buttons = buttons_of(event)
        if folded and (length + len(paragraph) > LENGTH_MAX or len(rows) + bool(buttons) > BUTTON_ROWS_MAX):
            break
        if alike:
            counted.add(_fate(event))
        folded += mine
        paragraphs.append(paragraph)
        length += len(paragraph) + 2
        if buttons:
            rows.append(buttons)
        if nets_of(event):
            break  # its picture comes right after it
    return Folded(folded, "\n\n".join(paragraphs), rows)


def paragraph_of(event: Event, now: datetime, strategies: Strategies = ONE) -> str:
    return "\n".join([bold(_title(event)), *_when([event], now), prose(told(event, strategies))])


def buttons_of(event: Event) -> Sequence[tuple[str, str]]:
    """What the owner can do about it right from the message."""
    ticker, about = event.ticker or "", event.id
    facts = event.facts
    ratio = f": {facts.split.new} for {facts.split.old}" if isinstance(facts, SplitSeen) else ""
    buttons: Mapping[str, Sequence[tuple[str, str]]] = {
        EventKind.EXIT_INCOMPLETE: [(f"Sell the rest of {ticker}", f"rest:{about}")],
        EventKind.SHARES_UNPROTECTED: _unprotected(event),
        EventKind.EXITS_HELD_BACK: [("Sell now", f"held:{about}")],
        EventKind.EXIT_WAITS_FOR_OPEN: [(f"Do not sell {ticker}", f"keep:{about}")],
        EventKind.ORDER_UNKNOWN: [
            (f"{ticker}: it filled", f"filled:{event.trade_id}"),
            ("it never existed", f"never:{event.trade_id}"),
        ],
        EventKind.MISMATCH: [(f"Accept what IB shows of {ticker}", f"accept:{about}")],
        EventKind.SPLIT_SEEN: [(f"{ticker} was split{ratio}", f"split:{about}"), ("it was not", f"nosplit:{about}")],
    }
    return buttons.get(event.kind, [])


def _unprotected(event: Event) -> Sequence[tuple[str, str]]:
    again = isinstance(event.facts, SharesUnprotected) and event.facts.may_be_protected_again
    sell = (f"Sell {event.ticker} now", f"rest:{event.id}")
    return [("Protect again", f"protect:{event.id}"), sell] if again else [sell]


def nets_of(event: Event) -> Sequence[tuple[date, Decimal]]:
    """A report's realised P&L, session by session from the first that made any; empty when there is nothing to draw."""
    series = event.facts.series if isinstance(event.facts, DailyReport | PeriodReport) else ()
    first = next((point.day for point in series if point.net), None)
    return [] if first is None else [(point.day, point.net) for point in series if point.day >= first]


def _title(event: Event) -> str:
    pattern = TITLES.get(event.kind)
    if pattern is None:  # a kind of another version
        name = event.kind.replace("_", " ").capitalize()
        return f"❗ {name}" if event.severity is Severity.CRITICAL else name
    side = "" if event.kind in _OF_SHARES else event.side or ""
    about = f"{side} {event.ticker or ''}".strip()
    if event.kind == _K.ALERT_REJECTED and about:
        return f"🚫 {about} refused"
    facts = event.facts
    if isinstance(facts, OrderCancelling) and facts.code in WANTED:
        return f"✂️ {about} is being cancelled"
    if isinstance(facts, OrderFailed) and facts.code is OrderEnd.CANCELLED:
        return f"✂️ {about} cancelled"
    return pattern.format(about or "alert")


def _fate(event: Event) -> tuple[str, str]:
    """What became of an alert; an exit is not counted among entries."""
    return event.kind, event.side or ""


def _alike(events: Sequence[Event], now: datetime, strategies: Strategies) -> str:
    """`312 BUY alerts blocked`, by strategy if there are several, by ticker, with the commonest reasons, an example each."""
    first = events[0]
    title = TITLES[first.kind].format(f"{len(events)} {first.side or ''} alerts".replace("  ", " "))
    tickers = Counter(event.ticker or "?" for event in events)
    named = ", ".join(f"{esc(ticker)} {count}" for ticker, count in tickers.most_common(12))
    more = f" and {len(tickers) - 12} more tickers" if len(tickers) > 12 else ""
    owners = Counter(event.strategy or "?" for event in events)
    whose = [] if strategies.only else [esc(", ".join(f"{name} {count}" for name, count in owners.most_common()))]
    return "\n".join([bold(title), *_when(events, now), *whose, f"{named}{more}", *_reasons(events, strategies)])


def _reasons(events: Sequence[Event], strategies: Strategies) -> list[str]:
    rules = Counter(rule_of(event) if event.kind is _K.ALERT_BLOCKED else None for event in events)
    if len(rules) == 1:
        return ["The first: " + prose(told(events[0], strategies), 400)]
    by_rule = {rule_of(event): event for event in reversed(events)}
    reasons = [
        f"{count} × {esc(refusals.title(rule))}, for instance: {prose(told(by_rule[rule], strategies), 200)}"
        for rule, count in rules.most_common(4)
        if rule is not None
    ]
    return reasons if len(rules) <= 4 else [*reasons, f"and {len(rules) - 4} more reasons"]


def _when(events: Sequence[Event], now: datetime) -> list[str]:
    """When it happened, if that is not now."""
    if now - events[0].at < LATE:
        return []
    first, last = figures.new_york(events[0].at), figures.new_york(events[-1].at)
    return [italic(first if first == last else f"{first} to {last}")]
