"""What happens to orders, in one or two plain sentences. Pure."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tradebot.domain.alerts import Side
from tradebot.domain.events import Event, EventKind, NewEvent
from tradebot.domain.facts import orders as o
from tradebot.domain.trades import OrderRole, TradeStatus
from tradebot.words import ib_codes, priced_orders, protection_events, sizing
from tradebot.words.figures import market_time, order, price, seconds, shares, signed_usd, usd
from tradebot.words.reasons import reason
from tradebot.words.unknown_orders import price_source

CANCELLED_FOR = {
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


DELAYED = " Sized by a delayed quote, up to 20 minutes old: this login has no live market data for it."


def _intent(facts: o.OrderIntent, _: Event | NewEvent) -> str:
    how = f": {sizing.arithmetic(facts.sizing)}" if sizing.is_worth_telling(facts.sizing) else ""
    return f"{order(facts)} decided as order {facts.order_ref}{how}.{DELAYED if facts.delayed else ''}"


def _cancelling(facts: o.OrderCancelling, event: Event | NewEvent) -> str:
    if facts.code is o.CancelReason.OWNER:
        without = " The shares that it protects stay held without it." if facts.protects else ""
        return f"{order(facts)} is being cancelled, as {event.actor} asked. What filled is booked.{without}"
    why = CANCELLED_FOR.get(facts.code, f"it was not done after {facts.timeout_s:.0f} s")
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
        "stock that opens late. It works until it is done or the session closes. To stop it, cancel it in TWS; "
        "`tradebot kill` stops everything."
    )


def _lifted(facts: o.ProtectionLifted, _: Event | NewEvent) -> str:
    what = f"is made to protect {shares(facts.keeps)} only" if facts.keeps else "is cancelled first"
    return f"{order(facts)} {what}: an exit sells its shares (alert {facts.by_alert})."


def _armed_again(facts: o.ExitArmedAgain, _: Event | NewEvent) -> str:
    return (
        f"{order(facts)}: IB ended the order with {shares(facts.left)} left ({ib_codes.whole(facts.words)}). It is sent again in "
        f"{facts.in_s:.0f} s once IB's answers agree with the books, and up to twice more, later each time. "
        "`tradebot kill` stops that."
    )


def _waits_for_open(facts: o.ExitWaitsForOpen, _: Event | NewEvent) -> str:
    return (
        f"{order(facts)}: the close cut it off with {shares(facts.left)} left. They are sold at the next open, "
        f"{market_time(facts.opens_at)}, unless you take the alert out of the queue."
    )


def _stuck(facts: o.OrderStuck, _: Event | NewEvent) -> str:
    if facts.code is o.Stuck.EXIT_WAITS:
        return (
            f"{order(facts)} protects shares that an exit is to sell, and IB has not answered its cancel for "
            f"{seconds(facts.for_s)}. Nothing is sold beside an order that may live: that could go short. IB is asked on, and "
            f"the exit goes on by itself. To hurry it, cancel the order in TWS (permId {facts.perm_id or 'not known'}, order "
            f"{facts.order_ref}). `tradebot kill` stops the exit, and the order stays."
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
    if facts.took_s is not None:
        parts.append(f"{seconds(facts.took_s)} after the alert")
    rest = " The rest was cancelled." if facts.status is TradeStatus.PARTIAL else ""
    return f"{', '.join(parts)}.{rest}{_of_a_buy(facts) if isinstance(facts, o.BuyFilled) else _of_a_part(facts)}"


def _of_a_buy(facts: o.BuyFilled) -> str:
    how = f" A{sizing.arithmetic(facts.sizing)[1:]}." if sizing.is_worth_telling(facts.sizing) else ""
    return f"{how}{DELAYED if facts.delayed else ''}"


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


WORDS: Mapping[EventKind, Callable[[Any, Event | NewEvent], str]] = {
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
    EventKind.ORDER_TOLD: lambda f, _: (
        f"IB says of order {f.order_ref}, which sells {f.ticker}: {ib_codes.whole(f.text)} ({f.code})."
    ),
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
}
