"""What happens to orders, as a message says it: the line that is seen first, and what it leaves out. Pure."""

from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.events import Event, EventKind, NewEvent
from tradebot.domain.facts import orders as o
from tradebot.domain.trades import OrderRole, TradeStatus
from tradebot.words import ib_codes, order_events, sizing
from tradebot.words.figures import (
    about,
    market_time,
    order,
    percent,
    price,
    seconds,
    shares,
    signed_usd,
    usd,
    whole_usd,
)
from tradebot.words.priced_orders import level, until
from tradebot.words.reasons import reason
from tradebot.words.said import WIDTH, Said, Says
from tradebot.words.unknown_orders import price_source

_CENT = Decimal("0.01")
_Fill = o.BuyFilled | o.SellFilled | o.ProtectionFilled


def _about(sign: str, facts: o.OrderFacts, what: str, below: str = "") -> Said:
    """`⏳ BUY 10 AAPL limit $187.00 waits at IB`; the terms go below where they do not fit."""
    first = f"{sign} {order(facts)} {what}"
    if len(first) <= WIDTH:
        return Said(first, below)
    plain = f"{facts.side} {shares(facts.requested_qty)} {facts.ticker}"
    terms = order(facts).removeprefix(plain).strip()
    said = f"{terms[0].upper()}{terms[1:]}." if terms else ""
    return Said(f"{sign} {plain} {what}", _lines(said, below))


def _lines(*parts: str) -> str:
    return "\n".join(filter(None, parts))


# --- fills ----------------------------------------------------------------------------------------------------------


def _done(facts: o.OrderFacts) -> str:
    """`4 AAPL`, `1 of 2 AAPL`."""
    of = f" of {shares(facts.requested_qty)}" if facts.filled_qty < facts.requested_qty else ""
    return f"{shares(facts.filled_qty)}{of} {facts.ticker}"


def _paid(sign: str, verb: str, facts: o.OrderFacts, below: str) -> Said:
    """With the price to the cent, and what it comes to where there is room for that."""
    average = facts.avg_fill_price or Decimal(0)
    cents = price(average.quantize(_CENT) if average >= 1 else average)
    first = f"{sign} {verb} {_done(facts)} @ {cents}"
    whole = f"{first} = {whole_usd(facts.filled_qty * average)}"
    exact = "" if cents == price(average) else f"On average {price(average)}."
    return Said(whole if len(whole) <= WIDTH - 2 else first, _lines(exact, below))


def _part(facts: o.PartialFill, _: Event | NewEvent) -> Said:
    return _paid("◐", "Bought" if facts.side is Side.BUY else "Sold", facts, "The rest is working.")


def _bought(facts: o.BuyFilled, _: Event | NewEvent) -> Said:
    sign = "◐" if facts.filled_qty < facts.requested_qty else "🟢"
    how = f"A{sizing.arithmetic(facts.sizing)[1:]}." if sizing.is_worth_telling(facts.sizing) else ""
    delayed = order_events.DELAYED.strip() if facts.delayed else ""
    return _paid(sign, "Bought", facts, _lines(_rest(facts), _took(facts), how, delayed))


def _sold(facts: o.SellFilled, _: Event | NewEvent) -> Said:
    part = facts.filled_qty < facts.requested_qty
    sign = "◐" if part else "🔴" if facts.pnl < 0 else "🔵"
    left = f"Still held: {shares(facts.left)}." if facts.left else ""
    return Said(
        f"{sign} Sold {_done(facts)} {_gain(facts.pnl, facts.cost)}{_held(facts.held_s)}",
        _lines(_at(facts), _rest(facts), _took(facts), left),
    )


def _protection_filled(sign: str, verb: str) -> Says:
    def say(facts: o.ProtectionFilled, _: Event | NewEvent) -> Said:
        gain = _gain(facts.pnl, facts.cost) if facts.cost else "P&L not known"
        stood = "" if facts.order_terms is None else f"It stood at {level(facts.order_terms)}."
        left = f"Still held of its entry: {shares(facts.left)}." if facts.left else ""
        return Said(
            f"{sign} {verb} {_done(facts)} {gain}{_held(facts.held_s)}", _lines(_at(facts), stood, _fee(facts), left)
        )

    return say


def _gain(pnl: Decimal, cost: Decimal | None) -> str:
    return f"{signed_usd(pnl)}{f' ({percent(pnl, cost)})' if cost else ''}"


def _held(held_s: float | None) -> str:
    return "" if held_s is None else f", held {about(held_s)}"


def _at(facts: _Fill) -> str:
    average = facts.avg_fill_price or Decimal(0)
    return f"At {price(average)}, for {usd(facts.filled_qty * average)}."


def _rest(facts: _Fill) -> str:
    return "The rest was cancelled." if facts.status is TradeStatus.PARTIAL else ""


def _took(facts: o.BuyFilled | o.SellFilled) -> str:
    """How long it took, where that is known, and the commission."""
    took = "" if facts.took_s is None else f"Filled {seconds(facts.took_s)} after the alert. "
    return f"{took}{_fee(facts)}"


def _fee(facts: o.BuyFilled | o.SellFilled | o.ProtectionFilled) -> str:
    return f"Commission {usd(facts.commission)}." if facts.commission_known else "Commission not reported yet."


# --- orders at work -------------------------------------------------------------------------------------------------


def _waits(facts: o.OrderWaits, _: Event | NewEvent) -> Said:
    how = f"U{until(facts.order_terms)[1:]}. " if facts.order_terms and until(facts.order_terms)[0] == "u" else ""
    asked = "" if facts.ask is None else f"{price(facts.ask)} was asked when it was decided. "
    return _about(
        "⏳", facts, "waits at IB", _lines(f"{how}{asked}".strip(), "/orders in the chat shows it, and cancels it.")
    )


def _cancelling(facts: o.OrderCancelling, event: Event | NewEvent) -> Said:
    sign = "✂️" if facts.code in o.WANTED else "⚠️"
    if facts.code is o.CancelReason.OWNER:
        why, by = f"As {event.actor} asked", ""
    else:
        why = order_events.CANCELLED_FOR.get(facts.code, f"it was not done after {facts.timeout_s:.0f} s")
        by = "" if facts.by_alert is None else f" (alert {facts.by_alert})"
    without = " The shares that it protects stay held without it." if facts.protects else ""
    return _about(sign, facts, "is being cancelled", f"{why[0].upper()}{why[1:]}{by}. What filled is booked.{without}")


def _expires(facts: o.OrderExpires, _: Event | NewEvent) -> Said:
    then = (
        "Its alert is not traded then: send another one if it still should be."
        if facts.role is OrderRole.ENTRY
        else "What it protects is unprotected then, unless it is placed anew."
    )
    return _about(
        "⌛", facts, f"ends on {facts.on:%d %b}", f"IB keeps no order beyond the quarter after its own.\n{then}"
    )


def _works_on(facts: o.ExitWorksOn, event: Event | NewEvent) -> Said:
    so_far = f"Sold {shares(facts.filled_qty)} so far. " if 0 < facts.filled_qty < facts.requested_qty else ""
    return _about(
        "⏳",
        facts,
        "works on",
        f"{so_far}It is not done after {seconds((event.at - facts.since).total_seconds())}, as in a halt or a late open.\n"
        "It works until the close. To stop it, cancel it in TWS; `tradebot kill` stops everything.",
    )


def _armed_again(facts: o.ExitArmedAgain, _: Event | NewEvent) -> Said:
    return Said(
        f"🔁 Selling {shares(facts.left)} {facts.ticker} again",
        f"IB ended the order before it was done ({ib_codes.whole(facts.words)}).\n"
        f"The rest is sent in {facts.in_s:.0f} s, once IB and books agree; up to three times. `tradebot kill` stops that.",
    )


def _waits_for_open(facts: o.ExitWaitsForOpen, _: Event | NewEvent) -> Said:
    return Said(
        f"🟡 Selling {shares(facts.left)} {facts.ticker} waits for the open",
        f"The close cut it off. The rest is sold {market_time(facts.opens_at)}.\nTo keep it, take the alert out of the queue.",
    )


def _stuck(facts: o.OrderStuck, _: Event | NewEvent) -> Said:
    lasting, ref = seconds(facts.for_s), facts.order_ref
    waits = f"Orders of {facts.ticker} wait for it.\nCancel it in TWS ({ref})"
    match facts.code:
        case o.Stuck.EXIT_WAITS:
            why = f"IB has not answered its cancel for {lasting}: nothing is sold beside it."
            hurry = f"The exit goes on by itself. To hurry it, cancel the order in TWS ({ref})."
            return _about("❗", facts, "holds up an exit", _lines(why, hurry))
        case o.Stuck.INACTIVE:
            why = f"So IB lists it for {lasting}, without a reason."
            return _about("❗", facts, "is Inactive", f"{why} {waits}, or restart the gateway.")
    why = f"IB has not answered its cancel for {lasting}."
    return _about("❗", facts, "does not end", f"{why} {waits}, look for an open dialog there, or restart the gateway.")


# --- orders that did not go as meant --------------------------------------------------------------------------------


def _failed(facts: o.OrderFailed | o.OrderResolved, _: Event | NewEvent) -> Said:
    why = reason(facts.reason or "")
    told = f"{why[:1].upper()}{why[1:]}"
    nothing = f"Nothing was {'bought' if facts.side is Side.BUY else 'sold'}."
    match facts.code:
        case "rejected" | "rejected_unseen":
            outcome = nothing if facts.code == "rejected" else "No order is at IB."
            if facts.protects:
                outcome = "The shares that it was to protect stay held without it."
            advice = ib_codes.advice(why)
            return _about(
                "🚫", facts, "rejected", _lines(f"{told.rstrip('. ')}.", outcome, f"{advice}." if advice else "")
            )
        case "not_sent":
            return _about("🚫", facts, "not sent", f"{told} No order is at IB.")
    return _about("✂️", facts, "cancelled", nothing)


def _held_up(facts: o.OrderHeldUp, _: Event | NewEvent) -> Said:
    end = "until it leaves or is too old" if facts.side is Side.BUY else "until it leaves"
    why = reason(facts.reason)
    return _about(
        "🟡",
        facts,
        "cannot leave",
        f"Tried {facts.times} times. {why[0].upper()}{why[1:]} No order is at IB.\n"
        f"It is judged again, every 30 s at most, {end}.\n/health shows what is slow.",
    )


def _unknown(facts: o.OrderUnknown, _: Event | NewEvent) -> Said:
    why = reason(facts.reason)
    return _about(
        "❗",
        facts,
        "is UNKNOWN",
        f"It may be at IB. {why[:1].upper()}{why[1:]}\n{facts.ticker} is frozen: SELLs wait, no BUY.\n"
        f"Look for order {facts.order_ref} in TWS.",
    )


def _resolved(facts: o.OrderResolved, event: Event | NewEvent) -> Said:
    at_work = f"As order {facts.order_ref}. You will be notified of its end."
    match facts.code:
        case o.Resolution.ALIVE:
            return _about("✅", facts, "works at IB", f"It was booked as {facts.before}. {at_work}")
        case o.Resolution.WORKING:
            return _about("✅", facts, "works at IB", f"It was UNKNOWN. {at_work}")
        case o.Resolution.FILLED_BY_OWNER:
            source = price_source(reason(facts.reason or ""))
            return _about(
                "✅",
                facts,
                "is booked",
                f"As filled, on the word of {event.actor}. Its price is an estimate, {source}, and its commission is not known. "
                "If IB shows the executions, they take its place.",
            )
        case o.Resolution.ENDED_BY_OWNER:
            return _about("✅", facts, "is ended", f"On the word of {event.actor}: no more of it filled.")
    return _failed(facts, event)


def _corrected(facts: o.BooksCorrected, event: Event | NewEvent) -> Said:
    sentence = order_events.WORDS[EventKind.BOOKS_CORRECTED](facts, event)
    return Said(f"✏️ IB corrected a fill of {facts.ticker}", sentence.removeprefix("IB changed the books of "))


LINES: dict[EventKind, Says] = {
    EventKind.PARTIAL_FILL: _part,
    EventKind.BUY_FILLED: _bought,
    EventKind.SELL_FILLED: _sold,
    EventKind.STOPPED_OUT: _protection_filled("🛑", "Stopped out"),
    EventKind.TARGET_REACHED: _protection_filled("🎯", "Target sold"),
    EventKind.ORDER_WAITS: _waits,
    EventKind.ORDER_CANCELLING: _cancelling,
    EventKind.ORDER_EXPIRES: _expires,
    EventKind.EXIT_WORKS_ON: _works_on,
    EventKind.EXIT_ARMED_AGAIN: _armed_again,
    EventKind.EXIT_WAITS_FOR_OPEN: _waits_for_open,
    EventKind.ORDER_STUCK: _stuck,
    EventKind.ORDER_FAILED: _failed,
    EventKind.ORDER_HELD_UP: _held_up,
    EventKind.ORDER_UNKNOWN: _unknown,
    EventKind.ORDER_RESOLVED: _resolved,
    EventKind.BOOKS_CORRECTED: _corrected,
}
