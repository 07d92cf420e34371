"""What events look like in the chat, and how a burst of them becomes one message. Pure.

Rules: the first line says what happened with its figures, the lines below what it leaves out; what was not sent at once says
when it happened; alerts that share a fate are counted when there are many. A lock screen shows the begin of a message: what the
owner must know first stands there, the rest in the order in which it happened.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from tradebot.domain.events import Event, EventKind, Severity
from tradebot.domain.facts.account import SplitSeen, StateChanged
from tradebot.domain.facts.daemon import DailyReport
from tradebot.domain.facts.orders import SharesUnprotected
from tradebot.domain.facts.performance import PeriodReport
from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import Strategies
from tradebot.queries.daily_report import rule_of
from tradebot.telegram.markup import LENGTH_MAX, bold, esc, italic, prose
from tradebot.words import figures, refusals
from tradebot.words.told import ONE, said, told

LATE = timedelta(seconds=60)
ALIKE_MAX = 5
"""More alerts than this with one fate become one paragraph."""
BUTTON_ROWS_MAX = 8
_K = EventKind
_TRADED = frozenset({_K.PARTIAL_FILL, _K.BUY_FILLED, _K.SELL_FILLED, _K.STOPPED_OUT, _K.TARGET_REACHED})
_COUNTED: Mapping[str, str] = {
    _K.ALERT_PENDING: "🟡 {} wait for the open",
    _K.ALERT_BLOCKED: "🚫 {} not sent",
    _K.ALERT_AT_TARGET: "🎯 {}: nothing to do",
    _K.ALERT_FAILED: "⚠️ {} failed",
    _K.ALERT_EXPIRED: "⌛ {} expired",
    _K.ALERT_CLEARED: "🗑 {} taken out of the queue",
}
"""The kinds of which many become one paragraph, with its first line."""


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
    paragraphs: list[tuple[Event, str]] = []
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
        paragraphs.append((event, paragraph))
        length += len(paragraph) + 2
        if buttons:
            rows.append(buttons)
        if nets_of(event):
            break  # its picture comes right after it
    halts = _halts(folded)
    paragraphs.sort(key=lambda one: _gravity(one[0], halts))
    return Folded(folded, "\n\n".join(paragraph for _, paragraph in paragraphs), rows)


def _halts(events: Sequence[Event]) -> Collection[int]:
    """The events that keep trading from going on, as it stands after all of these: for all strategies, or for one."""
    newest = {one.facts.strategy: (one.id, one.facts.to) for one in events if isinstance(one.facts, StateChanged)}
    return {event_id for event_id, to in newest.values() if to is not TradingState.RUNNING}


def _gravity(event: Event, halts: Collection[int]) -> int:
    """A halt comes before what was traded, that before what was not, and news come last."""
    if event.id in halts:
        return 0
    if event.kind in _TRADED:
        return 1
    return 2 if event.severity is Severity.WARNING else 3


def paragraph_of(event: Event, now: datetime, strategies: Strategies = ONE) -> str:
    what = said(event, strategies)
    return "\n".join([bold(what.first), *_when([event], now), *([prose(what.below)] if what.below else [])])


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


def _fate(event: Event) -> tuple[str, str]:
    """What became of an alert; an exit is not counted among entries."""
    return event.kind, event.side or ""


def _alike(events: Sequence[Event], now: datetime, strategies: Strategies) -> str:
    """`312 BUY alerts blocked`, by strategy if there are several, by ticker, with the commonest reasons, an example each."""
    first = events[0]
    title = _COUNTED[first.kind].format(f"{len(events)} {first.side or ''} alerts".replace("  ", " "))
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
    first, last = figures.local(events[0].at), figures.local(events[-1].at)
    return [italic(first if first == last else f"{first} to {last}")]
