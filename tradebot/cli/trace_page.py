"""An alert's life as a page for people: New York's clock, as everywhere else people read."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tradebot.cli import tables
from tradebot.cli.steps import Step, longest
from tradebot.cli.trace_document import refused_checks, stored_checks
from tradebot.domain.alert_keys import KeyKind, kind_and_name
from tradebot.domain.alerts import WAITING, Alert, AlertStatus
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.events import Event
from tradebot.domain.facts.alerts import AlertStored
from tradebot.domain.instructions import Instruction, read
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.trades import Trade
from tradebot.queries.alert_trace import AlertTrace, TracedOrder
from tradebot.runtime.log import visible
from tradebot.words import events as words
from tradebot.words import figures, instructions, refusals
from tradebot.words.reasons import reason

Rows = Iterable[tuple[str, str]]
_GOES_ON = (*WAITING, AlertStatus.PROCESSING, AlertStatus.UNKNOWN)
_STYLES = {AlertStatus.EXECUTED: "bold green", **dict.fromkeys(_GOES_ON, "bold yellow")}


def show(out: Console, trace: AlertTrace, steps: Sequence[Step], log_note: str, now: datetime) -> None:
    alert = trace.alert
    out.print(_title(alert), style=_STYLES.get(alert.status, "bold red"))
    _section(out, "Message", _message(trace))
    if refused := refused_checks(trace):
        _checks(out, "Checks", refused)
    for order in trace.orders:
        _section(out, f"Order {order.trade.order_ref}", _order(order, trace.orders))
        _checks(out, f"Checks of {order.trade.order_ref}", stored_checks(order))
    _steps(out, steps, alert, now)
    _deliveries(out, trace)
    pruned = "Events of this alert are gone: [database] keep_days takes what is old away." if trace.is_pruned else ""
    for note in filter(None, (pruned, log_note)):
        out.print(f"\n{note}", style="dim")


def clock(at: datetime, *, with_date: bool = False) -> str:
    """`12:00:01.042`, or with its date `Fri 20 Nov 12:00:01.042`: on New York's clock."""
    local = at.astimezone(NEW_YORK)
    time = f"{local:%H:%M:%S}.{local.microsecond // 1000:03}"
    return f"{local:%a %d %b} {time}" if with_date else time


def day_and_time(at: datetime) -> str:
    """`2026-11-20 12:00:01`, New York."""
    return f"{at.astimezone(NEW_YORK):%Y-%m-%d %H:%M:%S}"


def _span(value_s: float) -> str:
    """To the millisecond while it is short: a clock that was set back makes nothing negative."""
    return f"{max(value_s, 0):.3f} s" if value_s < 10 else figures.seconds(value_s)


def _title(alert: Alert) -> str:
    what = instructions.wanted(alert)
    why = f": {reason(alert.reason)}" if alert.reason else ""
    return f"Alert {alert.id}: {what}, {alert.status}{why}"


# --- what came ------------------------------------------------------------------------------------------------------


def _message(trace: AlertTrace) -> Rows:
    alert = trace.alert
    sender = f", from {alert.source_ip}" if alert.source_ip else ""
    local = alert.received_at.astimezone(NEW_YORK)
    yield "received", f"{local:%a %Y-%m-%d} {clock(alert.received_at)} New York{sender}"
    yield "as it came", visible(alert.raw_body.decode(errors="replace")) or _no_body(alert)
    yield "understood", "; ".join(_understood(trace)) or "not at all"
    if alert.action is None:
        yield "strategy", instructions.whose(alert)
    if alert.duplicates:
        yield "repeated", f"{alert.duplicates} times more: such a message only counts"


def _no_body(alert: Alert) -> str:
    if kind_and_name(alert.idempotency_key)[0] == KeyKind.OWN:
        return "no message: the bot made it, when somebody asked for it"
    return "not kept any more ([database] keep_days)"


def _understood(trace: AlertTrace) -> Iterable[str]:
    alert = trace.alert
    if alert.action is None:
        refused = _instruction(alert)  # what asks for something that its strategy does not take was understood so far
        if refused is not None:
            yield from instructions.phrases(refused)
        return
    at = f" at {figures.price(alert.price)}" if alert.price is not None else ""
    yield f"{alert.action} {alert.ticker}{at}"
    asked = _instruction(alert)
    target = next((one.facts.target for one in trace.events if isinstance(one.facts, AlertStored)), None)
    if asked is not None:
        yield from instructions.phrases(asked)
    if target and (asked is None or asked.target is None):
        yield f"wants to be {target} afterwards"
    if alert.primary_exchange:
        yield f"listed at {alert.primary_exchange}"
    if alert.alert_time:
        yield f"fired {day_and_time(alert.alert_time)} New York"
    kind, key = kind_and_name(alert.idempotency_key)
    if kind == KeyKind.ID:
        yield f"alert_id {key}"
    yield f"strategy {instructions.whose(alert)}"
    if alert.dialect is not None:
        yield f"read as {instructions.dialect(alert.dialect)}"
    if alert.test:
        yield "a test: judged, never sent"


def _instruction(alert: Alert) -> Instruction | None:
    """None: none is stored, or one that another version of the program understood."""
    try:
        return None if alert.instruction is None else read(alert.instruction)
    except ValueError:
        return None


# --- what was decided -----------------------------------------------------------------------------------------------


def _checks(out: Console, title: str, checks: Sequence[dict[str, Any]]) -> None:
    if not checks:
        return
    out.print(f"\n{title}", style="bold")
    table = _table("", "", "")
    for one in checks:
        name = refusals.title(str(one["name"]))
        outcome = Text("passed", "green") if one["passed"] else Text("REFUSED", "bold red")
        table.add_row(outcome, name, Text(one["text"]))
    out.print(table)


def _order(order: TracedOrder, beside: Sequence[TracedOrder]) -> Rows:
    trade = order.trade
    ids = [f"contract {trade.con_id}"]
    ids += [f"IB order {trade.ib_order_id}"] if trade.ib_order_id is not None else []
    ids += [f"permId {trade.perm_id}"] if trade.perm_id else []
    outside = ", outside regular hours too" if trade.outside_rth else ""
    yield "order", f"{figures.order(trade)} {trade.order_type} {trade.tif}{outside} ({trade.role} {trade.n})"
    yield "known as", ", ".join(ids)
    if group := list(_group(trade, [one.trade for one in beside])):
        yield "group", ", ".join(group)
    if trade.quote:
        yield "quote", _quote(trade.quote)
    yield "outcome", _outcome(order)
    if trade.ib_position_before is not None:
        yield "held before", f"{figures.counted(trade.ib_position_before)} at IB{_sized(order.decision)}"
    for one in order.executions:
        fee = "not reported yet" if one.commission is None else figures.usd(one.commission)
        done = f"{figures.shares(one.shares)} at {figures.price(one.price)}, commission {fee}"
        yield "fill", f"{done}, {day_and_time(one.time)} New York by IB's clock (execution {one.exec_id})"
    yield from (("lot opened", _opened(lot)) for lot in order.opened)
    yield from (("lot closed", _closed(lot)) for lot in order.closed)


def _group(trade: Trade, beside: Sequence[Trade]) -> Iterable[str]:
    """What it hangs together with."""
    for one in beside:
        if one.parent_trade_id == trade.id:
            yield f"{one.role} {one.order_ref}"
        elif one.id == trade.parent_trade_id:
            yield f"protects what {one.order_ref} bought"


def _quote(quote: Any) -> str:
    told = ", ".join(
        f"{name} {figures.price(Decimal(str(quote[name])))}" if quote.get(name) is not None else f"no {name}"
        for name in ("bid", "ask", "last")
    )
    came = f", {clock(datetime.fromisoformat(quote['at']))}" if quote.get("at") else ""
    return f"{told}, {'DELAYED' if quote.get('delayed') else 'live'}{came}"


def _sized(decision: Mapping[str, Any]) -> str:
    """What a SELL was sized by."""
    inputs = decision.get("inputs") or {}
    if "held" not in inputs:
        return ""
    held, selling = (figures.shares(Decimal(str(inputs.get(name) or 0))) for name in ("held", "selling_at_ib"))
    return f", {held} in the bot's lots, {selling} in SELLs that worked already"


def _outcome(order: TracedOrder) -> str:
    trade = order.trade
    why = f": {reason(trade.error_message)}" if trade.error_message else ""
    if trade.avg_fill_price is None or not trade.filled_qty:
        return f"{trade.status}{why}"
    filled = f"{figures.shares(trade.filled_qty)} at {figures.price(trade.avg_fill_price)}"
    money = f"= {figures.usd(trade.filled_qty * trade.avg_fill_price)}, commission {figures.usd(trade.commission)}"
    return f"{trade.status}, {filled} {money}{why}"


def _opened(lot: Lot) -> str:
    bought = f"{figures.shares(lot.qty)} {lot.ticker} at {figures.price(lot.entry_price)}"
    return f"{bought}, open" if lot.status is LotStatus.OPEN else f"{bought}, {_sold(lot)}"


def _closed(lot: Lot) -> str:
    bought = f"{figures.shares(lot.qty)} {lot.ticker} bought {day_and_time(lot.entry_time)} at {figures.price(lot.entry_price)}"
    return f"{bought}, {_sold(lot)}"


def _sold(lot: Lot) -> str:
    if lot.exit_price is None or lot.pnl is None:
        return "written off: no price, no P&L"
    pnl, fees = figures.signed_usd(lot.pnl), figures.usd(lot.commission)
    return f"sold at {figures.price(lot.exit_price)}: P&L {pnl} after {fees} commission"


# --- when, and who was told -------------------------------------------------------------------------------------------


def _steps(out: Console, steps: Sequence[Step], alert: Alert, now: datetime) -> None:
    if not steps:
        return
    first, last = steps[0].at, steps[-1].at
    days = first.astimezone(NEW_YORK).date() != last.astimezone(NEW_YORK).date()
    slowest = longest(steps)
    out.print("\nSteps", style="bold")
    table = _table("New York", ">since alert", ">since step", "")
    for step in steps:
        gap = "" if step.gap_s is None else f"+{_span(step.gap_s)}"
        since = _span((step.at - alert.received_at).total_seconds())
        table.add_row(
            clock(step.at, with_date=days),
            since,
            Text(gap, "bold" if slowest and (step.at, step.text) == (slowest.at, slowest.text) else ""),
            Text(visible(step.text)),
        )
    out.print(table)
    if slowest is not None and slowest.gap_s:
        out.print(f"The largest gap: {_span(slowest.gap_s)}, {slowest.gap}.")
    if alert.status in _GOES_ON:
        waits = figures.seconds((now - last).total_seconds())
        out.print(f"It is {alert.status} still, {waits} after the last step.", style="bold yellow")


def _deliveries(out: Console, trace: AlertTrace) -> None:
    if not trace.deliveries:
        return
    events = {event.id: event for event in trace.events}
    out.print("\nTold", style="bold")
    rows = [
        (one.channel, _delivery(one, events[one.event_id]), visible(words.text(events[one.event_id])))
        for one in trace.deliveries
    ]
    tables.show(out, ("channel", "delivered", "what"), rows)


def _delivery(one: Any, event: Event) -> str:
    tries = f", attempt {one.attempts}" if one.attempts > 1 else ""
    error = f": {one.error}" if one.error else ""
    if one.delivered_at is not None:
        after = _span((one.delivered_at - event.at).total_seconds())
        return f"{clock(one.delivered_at)}, {after} after it{tries}"
    return f"{'waits' if one.state == 'PENDING' else one.state}, {one.attempts} attempts{error}"


# --- tables ---------------------------------------------------------------------------------------------------------


def _section(out: Console, title: str, rows: Rows) -> None:
    out.print(f"\n{title}", style="bold")
    table = _table("", "")
    for name, value in rows:
        table.add_row(name, Text(value))
    out.print(table)


def _table(*headings: str) -> Table:
    """The last column takes what is left; one whose heading begins with ">" stands to the right."""
    table = Table(box=None, pad_edge=False, show_header=any(headings))
    for number, heading in enumerate(headings, start=1):
        last = number == len(headings)
        table.add_column(
            heading.lstrip(">"), justify="right" if heading[:1] == ">" else "left", no_wrap=not last, overflow="fold"
        )
    return table
