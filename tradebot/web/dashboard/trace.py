"""One alert's way: what came, what was decided and why, what became of its orders, who was told. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from tradebot.domain.alerts import Alert
from tradebot.domain.events import Event, EventKind, Severity
from tradebot.domain.facts.alerts import AlertBlocked
from tradebot.domain.instructions import read
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.reasons import Reason
from tradebot.domain.trades import Trade
from tradebot.queries.alert_trace import AlertTrace, TracedOrder
from tradebot.web.dashboard import alerts, said
from tradebot.web.dashboard.said import Said
from tradebot.words import checks, figures, instructions, refusals, zone
from tradebot.words import events as words
from tradebot.words.lines import lines
from tradebot.words.reasons import reason

PASSED, REFUSED = Said("passed", said.GOOD), Said("REFUSED", said.BAD)
_MOODS = {Severity.WARNING: said.WAIT, Severity.CRITICAL: said.BAD}
_GOOD = (EventKind.BUY_FILLED, EventKind.SELL_FILLED)


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to it. `since`: after what time, where it is worth a word."""

    text: str
    clock: str
    since: str
    mood: str


@dataclass(frozen=True, slots=True)
class Check:
    """A check with its figures."""

    name: str
    word: Said
    text: str


@dataclass(frozen=True, slots=True)
class Order:
    """One of its orders."""

    id: int
    what: str
    word: Said
    facts: Sequence[tuple[str, str]]
    checks: Sequence[Check]


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole page."""

    id: int
    what: str
    at: datetime
    word: Said
    why: str
    longest: str
    steps: Sequence[Step]
    came: Sequence[tuple[str, str]]
    body: str
    checks: Sequence[Check]
    passed: int
    orders: Sequence[Order]
    deliveries: Sequence[str]


def trace(found: AlertTrace) -> Trace:
    alert = found.alert
    refused = list(refused_checks(found.events))
    return Trace(
        id=alert.id,
        what=instructions.wanted(alert),
        at=alert.received_at,
        word=said.ALERTS[alert.status],
        why=said.sentence(alerts.outcome(alert, [one.trade for one in found.orders])),
        longest=_longest(found.events),
        steps=_steps(alert, found.events),
        came=list(_came(alert, _asked_by(found.events))),
        body=alert.raw_body.decode(errors="replace"),
        checks=refused,
        passed=sum(one.word is PASSED for one in refused),
        orders=[_order(one) for one in found.orders],
        deliveries=list(_deliveries(found)),
    )


# --- its way --------------------------------------------------------------------------------------------------------


def _steps(alert: Alert, events: Sequence[Event]) -> list[Step]:
    steps: list[Step] = []
    before = alert.received_at
    for event in events:
        gap = (event.at - before).total_seconds()
        mood = said.GOOD if event.kind in _GOOD else _MOODS.get(event.severity, said.NEUTRAL)
        since = f"{figures.seconds(gap)} later" if steps and gap >= 0.005 else ""
        steps.append(Step(words.text(event), _clock(event.at), since, mood))
        before = event.at
    return steps


def _clock(at: datetime) -> str:
    here = at.astimezone(zone.owners())
    return f"{here:%H:%M:%S}.{here.microsecond // 1000:03}"


def _longest(events: Sequence[Event]) -> str:
    gaps = [(after.at - before.at).total_seconds() for before, after in pairwise(events)]
    return f"the longest step took {figures.seconds(max(gaps))}" if gaps and max(gaps) >= 0.005 else ""


# --- what came ------------------------------------------------------------------------------------------------------


def _asked_by(events: Sequence[Event]) -> str | None:
    """Who had it stored, as far as that is kept."""
    return next((one.actor for one in events if one.kind is EventKind.ALERT_STORED and one.actor != "bot"), None)


def _came(alert: Alert, asked_by: str | None) -> Iterable[tuple[str, str]]:
    asked = [] if alert.instruction is None else list(_phrases(alert.instruction))
    if asked:
        yield "Understood", ", ".join(asked)
    if alert.price is not None:
        yield "Its price", figures.price(alert.price)
    if alert.alert_time:
        yield "Fired", figures.market_time(alert.alert_time)
    yield "Strategy", instructions.whose(alert)
    if alert.dialect:
        yield "Read as", instructions.dialect(alert.dialect)
    if alert.source_ip:
        yield "From", alert.source_ip
    elif asked_by is not None:
        yield "By", asked_by
    if alert.duplicates:
        yield "Repeated", f"{figures.some(alert.duplicates, 'times')} more: such a message only counts"


def _phrases(stored: Mapping[str, object]) -> Iterable[str]:
    try:
        yield from instructions.phrases(read(stored))
    except ValueError:  # as another version of the program understood it
        return


# --- why --------------------------------------------------------------------------------------------------------------


def refused_checks(events: Sequence[Event]) -> Iterable[Check]:
    """Of an alert that was refused: of those that passed only the names are stored."""
    blocked = next((event.facts for event in reversed(events) if isinstance(event.facts, AlertBlocked)), None)
    if blocked is None:
        return
    why = reason(Reason(blocked.code, blocked.facts))
    yield Check(_title(blocked.code), REFUSED, said.why(why))
    for name in blocked.passed:
        yield Check(_title(name), PASSED, "")


def stored_checks(order: TracedOrder) -> Iterable[Check]:
    """Of an order, with their figures."""
    stored = order.decision.get("checks")
    for one in stored if isinstance(stored, list) else ():
        name, code = str(one.get("name", "")), one.get("code")
        text = (
            reason(Reason(code, one.get("facts") or {}))
            if code
            else checks.passed(name, order.decision, one.get("strategy"))
        )
        yield Check(_title(name), REFUSED if code else PASSED, said.why(text))


def _title(code: str) -> str:
    title = refusals.title(code)
    return title[:1].upper() + title[1:]


# --- its orders -------------------------------------------------------------------------------------------------------


def _order(order: TracedOrder) -> Order:
    trade = order.trade
    return Order(
        id=trade.id,
        what=figures.order(trade),
        word=said.ORDERS[trade.status],
        facts=list(_facts(order)),
        checks=list(stored_checks(order)),
    )


def _facts(order: TracedOrder) -> Iterable[tuple[str, str]]:
    trade = order.trade
    yield "Reference", trade.order_ref
    if trade.ib_order_id is not None:
        yield "At IB", f"order {trade.ib_order_id}{f', permId {trade.perm_id}' if trade.perm_id else ''}"
    if trade.error_message:
        yield "Why", said.why(trade.error_message)
    yield from (("Quote", text) for text in _quote(trade))
    for one in order.executions:
        fee = "commission not reported yet" if one.commission is None else f"commission {figures.usd(one.commission)}"
        yield (
            "Fill",
            f"{figures.shares(one.shares)} at {figures.price(one.price)}, {fee}, {_clock(one.time)} by IB's clock",
        )
    for lot in order.opened:
        yield "Lot", _lot(lot)
    for lot in order.closed:
        yield "Sold", _lot(lot)


def _quote(trade: Trade) -> Iterable[str]:
    quote = trade.quote or {}
    known = [
        f"{name} {figures.price(Decimal(str(quote[name])))}"
        for name in ("bid", "ask", "last")
        if quote.get(name) is not None
    ]
    if known:
        yield f"{', '.join(known)}, {'DELAYED' if quote.get('delayed') else 'live'}"


def _lot(lot: Lot) -> str:
    bought = f"{figures.shares(lot.qty)} {lot.ticker} at {figures.price(lot.entry_price)}"
    if lot.status is LotStatus.OPEN:
        return f"{bought}, still held"
    if lot.exit_price is None or lot.pnl is None:
        return f"{bought}, written off: P&L not known"
    return f"{bought}, sold at {figures.price(lot.exit_price)}: {figures.signed_usd(lot.pnl)} after commissions"


def _deliveries(found: AlertTrace) -> Iterable[str]:
    events = {event.id: event for event in found.events}
    for one in found.deliveries:
        text = lines(events[one.event_id]).first
        if one.delivered_at is not None:
            after = (one.delivered_at - events[one.event_id].at).total_seconds()
            yield f"{one.channel}, {figures.seconds(max(after, 0))} after it: {text}"
        else:
            error = f" ({one.error})" if one.error else ""
            yield f"{one.channel}, {'waits' if one.state == 'PENDING' else 'not delivered'}{error}: {text}"
