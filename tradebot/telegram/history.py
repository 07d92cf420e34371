"""What /trades, /last and /trace show: orders that filled, and what became of an alert. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from tradebot.domain.alerts import Alert, Side
from tradebot.domain.events import Event
from tradebot.domain.instructions import of_alert
from tradebot.domain.trades import OrderRole, Trade
from tradebot.queries.alert_trace import AlertTrace, TracedOrder
from tradebot.queries.newest import Fill
from tradebot.telegram.markup import bold, esc, lines, prose
from tradebot.words import events as words
from tradebot.words import figures, instructions, zone
from tradebot.words.reasons import reason

STEPS_MAX = 14
STEP_LENGTH = 220
_SIGNS = {OrderRole.STOP: "🛑", OrderRole.TARGET: "🎯"}
NO_ALERT = "No alert has come yet."
REASON_MAX = 120
"""Characters of why, where many alerts are listed."""


def trades(found: Sequence[Fill], *, several: bool) -> str:
    """By day, the newest last: where the eye is in a chat."""
    if not found:
        return "Nothing was traded in the last year."
    rows: list[str] = []
    day: date | None = None
    for one in found:
        at = (one.order.finished_at or one.order.created_at).astimezone(zone.owners())
        if at.date() != day:
            day = at.date()
            rows += ["", bold(f"{day:%a %d %b}")]
        rows.append(f"{at:%H:%M} {_trade(one, several=several)}")
    gains = [one.pnl for one in found if one.pnl is not None]
    total = f"Together {bold(figures.signed_usd(sum(gains, Decimal(0))))}" if len(gains) > 1 else None
    return lines(bold(f"The last {figures.some(len(found), 'trades')}"), *rows, "" if total else None, total)


def _trade(one: Fill, *, several: bool) -> str:
    order = one.order
    sign = _SIGNS.get(order.role) or ("🟢" if order.side is Side.BUY else "🔴")
    price = "" if order.avg_fill_price is None else f" {figures.price(order.avg_fill_price)}"
    gain = "" if one.pnl is None else f" {bold(figures.signed_usd(one.pnl))}"
    whose = f"\n      {esc(order.strategy)}" if several else ""
    return f"{sign} {order.side} {figures.shares(order.filled_qty)} {esc(order.ticker)}{price}{gain}{whose}"


def alerts(found: Sequence[Alert], *, several: bool) -> str:
    """By day, the newest last, each with what became of it and why."""
    rows: list[str] = []
    day: date | None = None
    for one in found:
        at = one.received_at.astimezone(zone.owners())
        if at.date() != day:
            day = at.date()
            rows += ["", bold(f"{day:%a %d %b}")]
        whose = f", {esc(instructions.whose(one))}" if several else ""
        rows.append(f"{at:%H:%M} {one.id}: {esc(instructions.wanted(one))}, {one.status}{whose}")
        if one.reason:
            rows.append(f"      {prose(reason(one.reason), REASON_MAX)}")
    if not rows:
        return NO_ALERT
    return lines(bold(f"The last {figures.some(len(found), 'alerts')}"), *rows, "", "/trace 12 shows one whole.")


def trace(found: AlertTrace, *, several: bool) -> str:
    """What came, what became of it and why, and each step with the time since the alert."""
    alert = found.alert
    return lines(
        bold(f"Alert {alert.id}: {instructions.wanted(alert)}, {alert.status}"),
        f"{figures.local(alert.received_at)}{f', strategy {esc(instructions.whose(alert))}' if several else ''}",
        *_asked(alert),
        f"❗ {prose(reason(alert.reason), 600)}" if alert.reason else None,
        *(_order(one) for one in found.orders),
        "",
        *_steps(found),
        "Its first events are gone: [database] keep_days takes what is old away." if found.is_pruned else None,
    )


def _asked(alert: Alert) -> Iterable[str]:
    try:
        asked = of_alert(alert)
    except ValueError:  # of another version of the program
        return
    if asked is not None and (phrases := list(instructions.phrases(asked))):
        yield f"Asked: {esc(', '.join(phrases))}"
    if alert.duplicates:
        yield f"Came {figures.some(alert.duplicates, 'times')} more: such a message only counts"


def _order(one: TracedOrder) -> str:
    trade = one.trade
    filled = ""
    if trade.filled_qty and trade.avg_fill_price is not None:
        filled = f", {figures.shares(trade.filled_qty)} at {figures.price(trade.avg_fill_price)}"
    return f"• {esc(figures.order(trade))}: {trade.status}{filled}{_gain(trade, one)}"


def _gain(trade: Trade, one: TracedOrder) -> str:
    known = [lot.pnl for lot in one.closed if lot.pnl is not None]
    if trade.side is Side.BUY or not known or len(known) < len(one.closed):
        return ""
    return f", {bold(figures.signed_usd(sum(known, Decimal(0))))}"


def _steps(found: AlertTrace) -> Iterable[str]:
    """The first and the last of many."""
    events = found.events
    half = STEPS_MAX // 2
    if len(events) <= STEPS_MAX:
        yield from (_step(event, found.alert) for event in events)
        return
    yield from (_step(event, found.alert) for event in events[:half])
    yield f"… {len(events) - 2 * half} steps between: tradebot trace {found.alert.id}"
    yield from (_step(event, found.alert) for event in events[-half:])


def _step(event: Event, alert: Alert) -> str:
    after = max((event.at - alert.received_at).total_seconds(), 0)
    return f"<code>+{figures.seconds(after)}</code> {prose(words.text(event), STEP_LENGTH)}"
