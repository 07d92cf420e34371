"""Events about what protects held shares, in plain words. Pure."""

from decimal import Decimal

from tradebot.domain.events import Event, NewEvent
from tradebot.domain.facts import orders as o
from tradebot.domain.terms import Terms
from tradebot.domain.trades import OrderRole
from tradebot.words.figures import counted, shares, target, terms

_U, _C = o.Unprotected, o.Changed
_WHY = {
    _U.CANCELLED: (
        "its stop ({terms}) was cancelled, and not by the bot",
        "If that was you in TWS, it stays so. Else: protect again, or sell",
    ),
    _U.AS_ASKED: (
        "its stop ({terms}) was cancelled, as you asked, and it stays so",
        "Protect again, or sell, when you want that",
    ),
    _U.REFUSED: ("IB does not take its stop ({terms})", "Place one in TWS, or sell"),
    _U.NOT_SHOWN: (
        "IB never showed its stop ({terms}): it may wait behind a dialog in TWS or IB Gateway",
        "Look there first, then protect again, or sell",
    ),
    _U.IN_DOUBT: (
        "IB does not show its stop ({terms}), and it may live: a second one could sell twice",
        "Look in TWS, and answer what /status in the chat asks about it",
    ),
    _U.NOT_EQUAL: (
        "IB has ended its stop ({terms}), and its shares or their cost are not as in the books",
        "Compare in TWS, answer what /status in the chat asks, then protect again, or sell",
    ),
    _U.NO_PRICE: (
        "IB has ended its stop ({terms}), and there is no live bid",
        "It is placed anew as soon as one stands above it; until then only you can sell",
    ),
    _U.CROSSED: (
        "IB has ended its stop ({terms}), and the market stands at it or below",
        "Sell now, or place another stop in TWS",
    ),
    _U.NOT_AT_IB: (
        "IB does not hold so many shares, or other orders sell them: a stop could go short",
        "Compare positions and orders in TWS",
    ),
    _U.NOT_AS_SENT: (
        "IB works its stop otherwise than it was sent ({terms}), twice",
        "Look in TWS, and at the presets there: one that lasts for the day protects nobody at night",
    ),
    _U.NOT_TRIGGERED: (
        "the market has crossed its stop ({terms}), and it has not filled within 10 s, as in a halt",
        "Look in TWS, or sell now",
    ),
}
"""Why, and what to do."""


def unprotected(facts: o.SharesUnprotected, _: Event | NewEvent) -> str:
    """How many, why, and what to do."""
    why, what, words = why_not(facts)
    return f"{facts.ticker}: {counted(facts.left)} NOT PROTECTED{f' ({words})' if words else ''}: {why}. {what}."


def why_not(facts: o.SharesUnprotected) -> tuple[str, str, str]:
    """Why; what to do; and IB's words, where it has any."""
    why, what = _WHY[facts.code]
    bare = facts.words.endswith("reason:")  # IB gives none
    return why.format(terms=_terms(facts.order_terms, facts.terms)), what, "" if bare else facts.words


def _terms(how: Terms | None, in_ibs_words: str) -> str:
    """Where it stands: `$195.00`, `trailing stop $195.00 (2 %)`."""
    return in_ibs_words if how is None else terms(how).removeprefix("stop ")


def placed(facts: o.ProtectionPlaced, _: Event | NewEvent) -> str:
    return (
        f"{facts.ticker}: {named(facts)} is placed anew for {counted(facts.requested_qty)}. "
        "The one before it had ended, and the shares are held."
    )


def named(facts: o.ProtectionPlaced) -> str:
    """`stop $195.00`."""
    if facts.order_terms is None:
        return f"a {facts.role.lower()} ({facts.terms})"
    return target(facts.order_terms) if facts.role == OrderRole.TARGET else terms(facts.order_terms)


_CHANGED = {
    _C.CUT: "fewer shares are held",
    _C.RAISED: "more shares are held",
    _C.BREAK_EVEN: "the gain is there, and the stop goes to the entry price",
    _C.NOT_SENT: "the change before could not be sent, and is tried again",
    _C.NOT_TAKEN: "IB did not take the change before, or it never left; it works on as it was",
    _C.BY_OWNER: "you changed it in TWS, and it stays so",
}


def changed(facts: o.ProtectionChanged, _: Event | NewEvent) -> str:
    if facts.was is None or facts.was_qty is None or facts.order_terms is None:
        now, was, resized = f"{facts.role.lower()} {facts.after}", f"{facts.role.lower()} {facts.before}", False
    else:
        said = target if facts.role == OrderRole.TARGET else terms
        now, was, resized = said(facts.order_terms), said(facts.was), facts.requested_qty != facts.was_qty
    if facts.before == facts.after:  # the books had it so all the time
        sells = f"{now} for {counted(facts.requested_qty)}"
        return f"{facts.ticker}: {sells} had another size at IB, not by the bot, and gets this one again: so many are held."
    what = f"{was} is {now} now" if now != was else was
    if resized:
        what += ", and sells" if now != was else " sells"
        what += f" {shares(facts.requested_qty)}{'' if now != was else ' now'}, {shares(facts.was_qty or Decimal(0))} before"
    return f"{facts.ticker}: {what}: {why_changed(facts)}."


def why_changed(facts: o.ProtectionChanged) -> str:
    return _CHANGED[facts.code]
