"""What waits at IB for its price, and what protects shares, in a sentence each. Pure."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tradebot.domain.events import Event, EventKind, NewEvent
from tradebot.domain.facts import orders as o
from tradebot.domain.terms import Terms, TimeInForce
from tradebot.words.figures import counted, market_time, order, percent, price, shares, signed_usd, target, terms, usd


def until(how: Terms) -> str:
    """How long an order works at the longest."""
    match how.tif:
        case TimeInForce.GTC:
            return "until it is cancelled"
        case TimeInForce.GTD if how.good_till is not None:
            return f"until {market_time(how.good_till)}"
        case TimeInForce.IOC:
            return "for this moment only"
    return "until the close"


def _waits(facts: o.OrderWaits, _: Event | NewEvent) -> str:
    works = facts.order_terms or Terms()
    asked = "" if facts.ask is None else f", {price(facts.ask)} was asked when it was decided"
    return f"{order(facts)} waits at IB {until(works)}{asked}. /orders in the chat shows it, and cancels it."


def _filled(verb: str) -> Callable[[o.ProtectionFilled, Event | NewEvent], str]:
    def say(facts: o.ProtectionFilled, _: Event | NewEvent) -> str:
        average, cost = price(facts.avg_fill_price or Decimal(0)), percent(facts.pnl, facts.cost)
        done = shares(facts.filled_qty)
        if facts.filled_qty < facts.requested_qty:
            done += f" of {shares(facts.requested_qty)}"
        fee = f"commission {usd(facts.commission)}" if facts.commission_known else "commission not reported yet"
        stood = "" if facts.order_terms is None else f" It stood at {level(facts.order_terms)}."
        left = f" {shares(facts.left)} of its entry are left." if facts.left else ""
        gain = f"{signed_usd(facts.pnl)} ({cost})" if facts.cost else "P&L not known"
        return f"{verb} {done} {facts.ticker} at {average}, {gain}, {fee}.{stood}{left}"

    return say


def level(how: Terms) -> str:
    at = how.stop_price if how.stop_price is not None else how.limit_price
    return "its price" if at is None else price(at)


def _works(facts: o.ProtectionWorks, _: Event | NewEvent) -> str:
    levels = [terms(facts.stop)] if facts.stop else []
    levels += [target(facts.target)] if facts.target else []
    without = "" if facts.stop else " No stop sells these shares."
    return f"{facts.ticker}: {', '.join(levels)} working for {counted(facts.filled_qty)}.{without}"


def _sold_beyond(facts: o.SoldBeyond, _: Event | NewEvent) -> str:
    were = "was" if facts.beyond == 1 else "were"
    return (
        f"{facts.ticker}: {counted(facts.beyond)} more {were} sold than the books held: two orders have sold the same. "
        "The account is short of them, unless you held so many yourself: compare with TWS, and buy them back there. The bot "
        "never does."
    )


WORDS: Mapping[EventKind, Callable[[Any, Event | NewEvent], str]] = {
    EventKind.ORDER_WAITS: _waits,
    EventKind.STOPPED_OUT: _filled("Stopped out"),
    EventKind.TARGET_REACHED: _filled("Target reached:"),
    EventKind.SOLD_BEYOND: _sold_beyond,
    EventKind.PROTECTION_WORKS: _works,
    EventKind.PROTECTION_ENDED: lambda f, _: f"{order(f)} has ended, and nothing of it filled.",
}
