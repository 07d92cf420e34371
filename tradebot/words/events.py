"""Events in one or two plain sentences, by kind. Pure.

Rules: a text says everything that matters, numbers first, and what to do where there is something to do. What another version of
the program has stored is shown by the text that it stored, else by its kind and facts.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from tradebot.domain.alerts import Side
from tradebot.domain.events import Event, EventKind, Facts, NewEvent, OtherFacts
from tradebot.domain.facts import alerts as a
from tradebot.domain.facts import daemon as d
from tradebot.domain.facts import orders as o
from tradebot.domain.refusals import RefusalCode
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import OrderRole, TradeStatus
from tradebot.words import (
    account_events,
    daily_report,
    health_events,
    ib_codes,
    performance,
    priced_orders,
    protection_events,
    refusals,
    sizing,
    strategies,
    strategy_events,
)
from tradebot.words.figures import new_york, order, price, seconds, shares, signed_usd, usd
from tradebot.words.limits import BY_NAME, value_text
from tradebot.words.reasons import reason
from tradebot.words.unknown_orders import price_source

Says = Callable[[Any, Event | NewEvent], str]
NAMED_MAX = 3
"""Missed runs of a job that are named; more are counted."""


def text(event: Event | NewEvent) -> str:
    """What happened."""
    stored = event.text if isinstance(event, Event) else None
    if stored:
        return stored
    if isinstance(event.facts, OtherFacts):
        return _other(event.facts)
    try:
        return WORDS[event.facts.kind](event.facts, event)
    except (
        Exception
    ):  # a code or a fact of another version; or a defect here, which must not silence all that comes after
        return _other(_untyped(event.facts))


def _untyped(facts: Facts) -> OtherFacts:
    values = {field.name: getattr(facts, field.name) for field in fields(facts)}  # type: ignore[arg-type]
    beside = values.pop("facts", {})
    return OtherFacts(facts.kind, facts.severity, {**values, **beside})


def _other(facts: OtherFacts) -> str:
    known = ", ".join(f"{name} {value}" for name, value in facts.values.items() if value is not None)
    return f"{facts.kind.replace('_', ' ').capitalize()}{f': {known}' if known else ''}."


# --- alerts ---------------------------------------------------------------------------------------------------------


def conflict(facts: a.AlertConflict) -> str:
    """Why the message is refused, and what its sender can do."""
    return (
        f'"alert_id" {facts.alert_key} was used already by alert {facts.known_alert} '
        f"({facts.known_side} {facts.known_ticker}) with another message."
        ' Give each alert its own, for instance "alert_id": "{{ticker}}-{{strategy.order.id}}-{{timenow}}", or leave the field'
        " out."
    )


def _alert_conflict(facts: a.AlertConflict, _: Event | NewEvent) -> str:
    return f"{facts.side} {facts.ticker} was refused and is NOT traded: {conflict(facts)}"


def _repeated(facts: a.AlertRepeated, event: Event | NewEvent) -> str:
    came = f"{facts.side} {facts.ticker} came again {seconds(facts.after_s)} later and is NOT traded"
    if facts.alert_key is None:
        return (
            f"{came}: it is word for word the message of alert {facts.known_alert}. If it was meant anew, put"
            ' "time": "{{timenow}}" into the alert\'s message: then no two are the same.'
        )
    return (
        f'{came}: it has the same "alert_id" as alert {facts.known_alert}, {facts.alert_key}. If it was meant anew, give each'
        ' alert its own, for instance "alert_id": "{{ticker}}-{{strategy.order.id}}-{{timenow}}", or leave the field out.'
    )


def _rejected(facts: a.AlertRejected, _: Event | NewEvent) -> str:
    if facts.ticker is not None:
        return f"{facts.side} {facts.ticker} was refused and is NOT traded. {facts.reason}"
    return f"An alert was not understood and is NOT traded. {facts.reason}"


def _unreadable(facts: a.AlertUnreadable, _: Event | NewEvent) -> str:
    more = f" {facts.more} more came since the last report of one." if facts.more else ""
    return (
        f"An alert without a readable secret came from {facts.source_ip} and is NOT traded. {facts.reason}{more}"
        " If it is not yours, another user of TradingView sends to your address: without the secret nothing can happen."
    )


def _tested(facts: a.AlertTested, _: Event | NewEvent) -> str:
    found = " ".join(line if line.endswith((".", "?", "!")) else f"{line}." for line in facts.report)
    return (
        f"A test of {facts.side} {facts.ticker}{_of_strategy(facts.strategy)} came: nothing is traded. {found}".rstrip()
    )


def _not_used(facts: a.FieldsNotUsed, _: Event | NewEvent) -> str:
    names = ", ".join(f'"{name}"' for name in facts.fields)
    return (
        f"{facts.side} {facts.ticker}{_of_strategy(facts.strategy)} goes on; its message has fields that change nothing here:"
        f" {names}."
        " Leave them out, or leave them in: for alerts with the same fields this is not said again."
    )


def _of_strategy(name: str | None) -> str:
    return f" of strategy {name}" if name else ""


def _received(facts: a.AlertStored, _: Event | NewEvent) -> str:
    wanted = f" It wants to be {facts.target} afterwards: nothing is opened, what is held is sold."
    return f"{facts.side} {facts.ticker} received.{wanted if facts.target in ('flat', 'short') else ''}"


def _refused(verb: str) -> Says:
    def say(facts: a.RefusedFacts, _: Event | NewEvent) -> str:
        return f"{facts.side} {facts.ticker} {verb}: {refusals.refusal(facts.code, facts.facts)}."

    return say


def _alert_failed(facts: a.AlertFailed, event: Event | NewEvent) -> str:
    if facts.code == RefusalCode.INTERNAL_ERROR:
        why = refusals.refusal(facts.code, facts.facts)
        return f"Alert {event.alert_id} failed: {why}. Please report it; the log has the details."
    return _refused("failed")(facts, event)


def _alert_expired(facts: a.AlertExpired, _: Event | NewEvent) -> str:
    return (
        f"{facts.side} {facts.ticker} expired: it waited longer than {seconds(facts.max_age_s)} for the market to open "
        "(trading.pending_max_age_h). Nothing was ordered."
    )


# --- orders ---------------------------------------------------------------------------------------------------------

_CANCELLED_FOR = {
    o.CancelReason.KILLED: "the kill switch is on",
    o.CancelReason.SESSION_OVER: "the session ended before it was done, and it must not wait at IB for the next one",
    o.CancelReason.SHORT_LOCATE: (
        "IB holds it for a short locate, which must never happen: compare the position with TWS"
    ),
    o.CancelReason.OLDER_ALIVE: "an older order of its alert, taken for ended, is at work at IB after all",
    o.CancelReason.GROUP_IN_PART: "IB does not show all orders of its group, and what is bought must not stand without its stop",
    o.CancelReason.NOTHING_HELD: "the shares that it protects are sold",
    o.CancelReason.OVER_PROTECTED: "more would be sold than IB holds",
    o.CancelReason.NOT_AS_SENT: "IB shows it otherwise than it was sent; another one is placed in its place",
    o.CancelReason.TIME_OVER: "the time that it was good for is over, and IB has not ended it",
    o.CancelReason.GROUP_IN_DOUBT: (
        "it left with its stop and target, and IB shows none of them: should it wait there for the rest, it must not go on later"
    ),
    o.CancelReason.REPLACED: "a newer signal comes in its place",
    o.CancelReason.EXIT_FIRST: "its strategy sells, and an exit must not be followed by its own entry",
    o.CancelReason.CANCEL_ALERT: "an alert asks for it",
    o.CancelReason.FLAT_BY: "its strategy is to hold nothing by now (flat_by)",
    o.CancelReason.INACTIVE: "IB lists it as Inactive and says no reason: it holds it, or has rejected it",
}


_DELAYED = " Sized by a delayed quote, up to 20 minutes old: this login has no live market data for it."


def _intent(facts: o.OrderIntent, _: Event | NewEvent) -> str:
    how = f": {sizing.arithmetic(facts.sizing)}" if sizing.is_worth_telling(facts.sizing) else ""
    return f"{order(facts)} decided as order {facts.order_ref}{how}.{_DELAYED if facts.delayed else ''}"


def _cancelling(facts: o.OrderCancelling, event: Event | NewEvent) -> str:
    if facts.code is o.CancelReason.OWNER:
        without = " The shares that it protects stay held without it." if facts.protects else ""
        return f"{order(facts)} is being cancelled, as {event.actor} asked. What filled is booked.{without}"
    why = _CANCELLED_FOR.get(facts.code, f"it was not done after {facts.timeout_s:.0f} s")
    by = "" if facts.by_alert is None else f" (alert {facts.by_alert})"
    return f"{order(facts)} is being cancelled: {why}{by}. What filled is booked."


def _expires(facts: o.OrderExpires, _: Event | NewEvent) -> str:
    then = (
        "Its alert is not traded then: send another one if it still should be."
        if facts.role is OrderRole.ENTRY
        else "What it protects is unprotected then, unless it is placed anew."
    )
    return (
        f"{order(facts)} ends at IB with the session of {facts.on:%a %d %b %Y}: IB cancels what is good till cancelled with the "
        f"quarter after the one in which it was placed. {then}"
    )


def _works_on(facts: o.ExitWorksOn, event: Event | NewEvent) -> str:
    done = (
        f"{shares(facts.filled_qty)} of {shares(facts.requested_qty)} filled" if facts.filled_qty else "nothing filled"
    )
    return (
        f"{order(facts)} works on: {done} after {seconds((event.at - facts.since).total_seconds())}. A halt does that, and a "
        "stock that opens late. It works until it is done or the session closes. To stop it, cancel it in TWS; /kill stops "
        "everything."
    )


def _lifted(facts: o.ProtectionLifted, _: Event | NewEvent) -> str:
    what = f"is made to protect {shares(facts.keeps)} only" if facts.keeps else "is cancelled first"
    return f"{order(facts)} {what}: an exit sells its shares (alert {facts.by_alert})."


def _armed_again(facts: o.ExitArmedAgain, _: Event | NewEvent) -> str:
    return (
        f"{order(facts)}: IB ended the order with {shares(facts.left)} left ({facts.words}). It is sent again in "
        f"{facts.in_s:.0f} s once IB's answers agree with the books, and up to twice more, later each time. /kill stops that."
    )


def _waits_for_open(facts: o.ExitWaitsForOpen, _: Event | NewEvent) -> str:
    return (
        f"{order(facts)}: the close cut it off with {shares(facts.left)} left. They are sold at the next open, "
        f"{new_york(facts.opens_at)}, unless you take the alert out of the queue."
    )


def _stuck(facts: o.OrderStuck, _: Event | NewEvent) -> str:
    if facts.code is o.Stuck.EXIT_WAITS:
        return (
            f"{order(facts)} protects shares that an exit is to sell, and IB has not answered its cancel for "
            f"{seconds(facts.for_s)}. Nothing is sold beside an order that may live: that could go short. IB is asked on, and "
            f"the exit goes on by itself. To hurry it, cancel the order in TWS (permId {facts.perm_id or 'not known'}, order "
            f"{facts.order_ref}). /kill stops the exit, and the order stays."
        )
    if facts.code is o.Stuck.INACTIVE:
        what = f"is listed by IB as Inactive for {seconds(facts.for_s)}, without a reason: it neither trades nor ends"
    else:
        what = f"does not end: IB has not answered its cancel for {seconds(facts.for_s)}, and it is not asked again"
    return (
        f"{order(facts)} {what}. Orders of {facts.ticker} wait for it. Cancel it in TWS (permId {facts.perm_id or 'not known'}, "
        f"order {facts.order_ref}), look there for a dialog that waits for an answer, or restart the gateway."
    )


def _filled(facts: o.BuyFilled | o.SellFilled, _: Event | NewEvent) -> str:
    """Quantity, price, cost or P&L, commission, time from the alert to the last fill."""
    average, done = facts.avg_fill_price or Decimal(0), shares(facts.filled_qty)
    if facts.filled_qty < facts.requested_qty:
        done += f" of {shares(facts.requested_qty)}"
    verb = "Bought" if facts.side is Side.BUY else "Sold"
    parts = [f"{verb} {done} {facts.ticker} at {price(average)} = {usd(facts.filled_qty * average)}"]
    if isinstance(facts, o.SellFilled):
        parts.append(f"P&L {signed_usd(facts.pnl)}")
    parts.append(f"commission {usd(facts.commission)}" if facts.commission_known else "commission not reported yet")
    parts.append(f"{seconds(facts.took_s)} after the alert")
    rest = " The rest was cancelled." if facts.status is TradeStatus.PARTIAL else ""
    return f"{', '.join(parts)}.{rest}{_of_a_buy(facts) if isinstance(facts, o.BuyFilled) else _of_a_part(facts)}"


def _of_a_buy(facts: o.BuyFilled) -> str:
    how = f" A{sizing.arithmetic(facts.sizing)[1:]}." if sizing.is_worth_telling(facts.sizing) else ""
    return f"{how}{_DELAYED if facts.delayed else ''}"


def _of_a_part(facts: o.SellFilled) -> str:
    """What a partial exit leaves."""
    if facts.left is None:
        return ""
    return f" {shares(facts.left)} of {shares(facts.left + facts.filled_qty)} are left."


def _unfilled(facts: o.OrderFailed | o.OrderResolved) -> str:
    nothing = f"Nothing was {'bought' if facts.side is Side.BUY else 'sold'}."
    why = reason(facts.reason or "")
    match facts.code:
        case "rejected" | "rejected_unseen":
            outcome = nothing if facts.code == "rejected" else "No order is at IB."
            if facts.protects:
                outcome = "The shares that it was to protect stay held without it."
            what_to_do = ib_codes.advice(why)
            return (
                f"{order(facts)} was rejected by {why.rstrip('. ')}. {outcome}{f' {what_to_do}.' if what_to_do else ''}"
            )
        case "not_sent":
            return f"{order(facts)} was not sent: {why} No order is at IB."
    return f"{order(facts)} was cancelled before anything filled. {nothing}"


def _held_up(facts: o.OrderHeldUp, _: Event | NewEvent) -> str:
    until = "until it leaves or is older than max_alert_age_s" if facts.side is Side.BUY else "until it leaves"
    return (
        f"{order(facts)} could not leave, {facts.times} times now: {reason(facts.reason)} No order is at IB. "
        f"It is judged again, at most every 30 s, {until}. See /health, and whether IB Gateway and the database answer quickly."
    )


def _unknown(facts: o.OrderUnknown, _: Event | NewEvent) -> str:
    return (
        f"{order(facts)} may or may not have reached IB: {reason(facts.reason)} {facts.ticker} is frozen until this is resolved "
        f"(SELL waits, BUY is blocked). Look for order {facts.order_ref} in TWS; it is asked for again every minute."
    )


def _resolved(facts: o.OrderResolved, event: Event | NewEvent) -> str:
    match facts.code:
        case o.Resolution.ALIVE:
            return (
                f"{order(facts)} was booked as {facts.before}, but IB shows it alive (order {facts.order_ref}). "
                "You will be notified of its end."
            )
        case o.Resolution.WORKING:
            return f"{order(facts)} was UNKNOWN and is working at IB (order {facts.order_ref}). You will be notified of its end."
        case o.Resolution.FILLED_BY_OWNER:
            return (
                f"{order(facts)} is booked as filled on the word of {event.actor}. Its price is an estimate, "
                f"{price_source(reason(facts.reason or ''))}, and "
                "its commission is not known. If IB shows the executions, they take its place."
            )
        case o.Resolution.ENDED_BY_OWNER:
            return f"{order(facts)} is ended on the word of {event.actor}: no more of it filled."
    return _unfilled(facts)


def _corrected(facts: o.BooksCorrected, _: Event | NewEvent) -> str:
    old = f"{shares(facts.filled_qty_before)} at {price(facts.avg_fill_price_before or Decimal(0))}"
    new = f"{shares(facts.filled_qty)} at {price(facts.avg_fill_price or Decimal(0))}"
    return f"IB changed the books of {order(facts)} after its end: {old} is now {new}. Lots and P&L are rewritten."


# --- what the owner changed -----------------------------------------------------------------------------------------

_STATES = {
    TradingState.RUNNING: "Trading resumed: BUY and SELL alerts are executed.",
    TradingState.PAUSED: "Paused: BUY alerts are blocked, SELL alerts are executed. Resume with `tradebot resume` or /resume.",
    TradingState.KILLED: (
        "KILLED: nothing is traded, entries and exits at work are cancelled, stops and targets stay at IB. "
        "Resume with `tradebot resume` or /resume."
    ),
}


def _state(facts: Any, event: Event | NewEvent) -> str:
    if facts.strategy is not None:
        return f"{strategies.state(facts.strategy, facts.to)} Changed by {event.actor}."
    return f"{_STATES[facts.to]} Was {facts.before}; changed by {event.actor}."


def _setting(facts: Any, event: Event | NewEvent) -> str:
    title = BY_NAME.get(facts.name)
    if title is None:  # of another version
        return f"{facts.name}: {facts.before} → {facts.to}, by {event.actor}."
    before = "none of its own" if facts.before is None else value_text(facts.name, facts.before)
    heading = title.heading if facts.strategy is None else f"{title.heading} of strategy {facts.strategy}"
    return f"{heading}: {before} → {value_text(facts.name, facts.to)}, by {event.actor}."


# --- the day, and the daemon ----------------------------------------------------------------------------------------


def _market_open(facts: d.MarketOpen, _: Event | NewEvent) -> str:
    early = f", early: {facts.early}" if facts.early else ""
    text = f"The market is open until {new_york(facts.closes)}{early}. "
    waited = facts.sells + facts.buys
    text += (
        f"Alerts that waited and go on: {facts.sells} SELL, then {facts.buys} BUY." if waited else "No alerts waited."
    )
    return f"{text} {facts.expired} had waited too long and expired." if facts.expired else text


def _login(facts: d.LoginReminder, event: Event | NewEvent) -> str:
    left, to_open = (seconds((at - event.at).total_seconds()) for at in (facts.dies, facts.opens))
    if not facts.connected:
        state = "IB is NOT connected: log in to IB Gateway now."
    elif facts.since is None or facts.since < facts.ended:
        state = "IB is still connected from before: log in to IB Gateway again now, so that it does not drop out at the open."
    else:
        state = f"IB is connected since {new_york(facts.since)}: it seems to be done."
    return (
        f"Weekly IB login: the gateway's last login ended {new_york(facts.ended)}; a new one takes a person with the "
        f"second factor and lasts until {new_york(facts.dies)}, {left} from now. "
        f"{state} The market opens in {to_open}, {new_york(facts.opens)}."
    )


def _job(facts: d.JobFailed | d.JobMissed) -> str:
    return facts.job.replace("_", " ")


def _job_failed(facts: d.JobFailed, _: Event | NewEvent) -> str:
    why = {
        d.JobFailure.TIMEOUT: f"it was not done within {facts.detail}",
        d.JobFailure.INTERNAL_ERROR: f"internal error ({facts.detail}). Please report it",
    }.get(facts.code, facts.detail.rstrip("."))
    text = f"The {_job(facts)} of {', '.join(map(new_york, facts.slots))} did not work: {why}."
    if facts.next_run is not None:
        text += f" Its next run is {new_york(facts.next_run)}; the other jobs go on."
    return text


def _job_missed(facts: d.JobMissed, _: Event | NewEvent) -> str:
    named = ", ".join(map(new_york, facts.slots[-NAMED_MAX:]))
    more = f" and {len(facts.slots) - NAMED_MAX} before" if len(facts.slots) > NAMED_MAX else ""
    return f"The {_job(facts)} of {named}{more} was missed while the bot was down, and comes too late now."


def _component_stuck(facts: d.ComponentStuck, _: Event | NewEvent) -> str:
    what_now = (
        "The service manager ends the bot and starts it anew within a minute or two"
        if facts.restarts
        else "Nothing does so by itself here: start the bot anew, now"
    )
    return (
        f"A part is stuck: {facts.component} has made no progress for {seconds(facts.for_s)}, which is a mistake in tradebot, "
        f"and a new start heals it. {what_now}. Nothing is lost by that: alerts that were acknowledged are stored, and orders "
        "in flight are looked for at IB. Please report it, with the log of these minutes."
    )


def _where(facts: d.Started | d.Stopped) -> str:
    if facts.gateway is None:
        return "the simulated gateway"
    kind = {True: ", paper account", False: ", LIVE account, real money", None: ""}[facts.paper]
    return f"IB Gateway {facts.gateway}{kind}"


# --- every kind -----------------------------------------------------------------------------------------------------

WORDS: Mapping[EventKind, Says] = {
    EventKind.ALERT_STORED: _received,
    EventKind.ALERT_REJECTED: _rejected,
    EventKind.ALERT_CONFLICT: _alert_conflict,
    EventKind.ALERT_REPEATED: _repeated,
    EventKind.ALERT_UNREADABLE: _unreadable,
    EventKind.ALERT_TESTED: _tested,
    EventKind.FIELDS_NOT_USED: _not_used,
    EventKind.ALERT_PENDING: _refused("waits"),
    EventKind.ALERT_BLOCKED: _refused("blocked"),
    EventKind.ALERT_FAILED: _alert_failed,
    EventKind.ALERT_EXPIRED: _alert_expired,
    EventKind.ALERT_CLEARED: lambda f, e: (
        f"{f.side} {f.ticker} was cleared from the queue by {e.actor}. Nothing was ordered."
    ),
    EventKind.ORDER_INTENT: _intent,
    EventKind.ORDER_ACCEPTED: lambda f, _: f"{order(f)} is at IB.",
    EventKind.ORDER_JUDGED_AGAIN: lambda f, _: (
        f"{order(f)} did not leave: {reason(f.reason)} Its alert is judged again."
    ),
    EventKind.ORDER_HELD_UP: _held_up,
    EventKind.ORDER_CANCELLING: _cancelling,
    EventKind.ORDER_EXPIRES: _expires,
    EventKind.EXIT_WORKS_ON: _works_on,
    EventKind.SHARES_UNPROTECTED: protection_events.unprotected,
    EventKind.PROTECTION_PLACED: protection_events.placed,
    EventKind.PROTECTION_CHANGED: protection_events.changed,
    EventKind.ORDER_STUCK: _stuck,
    EventKind.ORDER_TOLD: lambda f, _: f"IB says of order {f.order_ref}, which sells {f.ticker}: {f.text} ({f.code}).",
    EventKind.PROTECTION_LIFTED: _lifted,
    EventKind.EXIT_ARMED_AGAIN: _armed_again,
    EventKind.EXIT_WAITS_FOR_OPEN: _waits_for_open,
    EventKind.PARTIAL_FILL: lambda f, _: f"{order(f)}: {shares(f.filled_qty)} filled so far, the rest is working.",
    EventKind.BUY_FILLED: _filled,
    EventKind.SELL_FILLED: _filled,
    **priced_orders.WORDS,
    EventKind.ORDER_FAILED: lambda f, _: _unfilled(f),
    EventKind.ORDER_UNKNOWN: _unknown,
    EventKind.ORDER_RESOLVED: _resolved,
    EventKind.BOOKS_CORRECTED: _corrected,
    **account_events.WORDS,
    **strategy_events.WORDS,
    EventKind.STATE_CHANGED: _state,
    EventKind.SETTING_CHANGED: _setting,
    EventKind.API_ACCESS: lambda f, e: (
        f"{e.actor} revoked API token {f.token} ({f.name}): it opens nothing any more."
        if f.revoked
        else f"{e.actor} made API token {f.token} ({f.name}) with scope {f.scope}. Not you? `tradebot token revoke {f.token}`."
    ),
    EventKind.TICKER_BLOCK: lambda f, e: (
        f"No BUY of {f.ticker} until /unblock {f.ticker}. Blocked by {e.actor}."
        if f.blocked
        else f"BUY of {f.ticker} is free again, by {e.actor}."
    ),
    EventKind.REASSIGNED: lambda f, e: f"{strategies.reassigned(f)} Changed by {e.actor}.",
    EventKind.MARKET_OPEN: _market_open,
    EventKind.DAILY_REPORT: lambda f, _: daily_report.text(f),
    **performance.WORDS,
    EventKind.HEALTH_FAILING: health_events.failing,
    EventKind.HEALTH_BACK: health_events.back,
    EventKind.CHANNEL_FAILING: health_events.channel_failing,
    EventKind.CHANNEL_BACK: health_events.channel_back,
    EventKind.LOGIN_REMINDER: _login,
    EventKind.JOB_FAILED: _job_failed,
    EventKind.JOB_MISSED: _job_missed,
    EventKind.COMPONENT_STUCK: _component_stuck,
    EventKind.QUEUE_JUNK: lambda f, _: (
        f"Entries in the lists of {f.queue} were no alerts of this bot and were dropped: {f.entries:,}. No alert is lost. "
        "Something else writes there: give the bot a queue of its own ([queue] url, for instance another number at its end)."
    ),
    EventKind.STARTED: lambda f, _: (
        f"tradebot {f.version} started on {_where(f)}. Alerts are taken; "
        "orders leave once the books have been compared with the broker."
    ),
    EventKind.STOPPED: lambda f, _: (
        f"tradebot {f.version} stopped. It was on {_where(f)}; "
        f"{'its orders wait for the next start' if f.gateway is None else 'orders at IB live on'}."
    ),
}
"""The sentence of each kind: from its facts and the event that carries them."""
