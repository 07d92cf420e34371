"""Why an alert or an order ended as it did, or waits, in plain words. Pure.

Rules: text from outside is said as it stands; a code or fact that only another version of the program knows is said as it is
stored.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.refusals import Fact, RefusalCode
from tradebot.words import ib_codes, refusals
from tradebot.words.figures import price, shares

_C = ReasonCode
_Facts = Mapping[str, Fact]


def reason(why: Reason | str) -> str:
    """What the alert's or order's row says of it."""
    if isinstance(why, str):
        return ib_codes.whole(why)
    try:
        if any(why.code == code for code in RefusalCode):
            return refusals.refusal(why.code, why.facts)
        return _SENTENCES[ReasonCode(why.code)](why.facts)
    except (KeyError, ValueError, ArithmeticError):
        return str(why)


def _expired(facts: _Facts) -> str:
    hours = float(facts["max_age_s"]) / 3600
    return f"waited longer than {hours:g} h for the market to open (trading.pending_max_age_h)"


def _not_shown(facts: _Facts) -> str:
    before = shares(Decimal(facts["before"])) if "before" in facts else "not known"
    return f"IB shows neither the order nor its end (position was {before}, is {shares(Decimal(facts['now']))}"


_SENTENCES: Mapping[ReasonCode, Callable[[_Facts], str]] = {
    _C.EXPIRED: _expired,
    _C.CLEARED: lambda f: f"cleared by {f['by']}",
    _C.WRITTEN_OFF: lambda f: f"written off: accepted by {f['by']}",
    _C.TEST: lambda f: "a test: judged and reported, never sent",
    _C.PARTLY_FILLED: lambda f: f"{shares(Decimal(f['filled']))} of {shares(Decimal(f['requested']))}",
    _C.CANCELLED_UNFILLED: lambda f: "cancelled unfilled",
    _C.DATABASE_SILENT: lambda f: "the database did not answer at the last moment.",
    _C.KILLED: lambda f: "trading was KILLED at the last moment.",
    _C.PAUSED: lambda f: "trading was PAUSED at the last moment.",
    _C.LOCK_LOST: lambda f: "this instance has lost its lock on the database.",
    _C.LINK_INTERRUPTED: lambda f: "the connection to IB was interrupted while the order was being stored.",
    _C.TOO_LATE: lambda f: f"storing the decision took longer than {f['within_s']} s.",
    _C.THROTTLED: lambda f: "IB's message limit is reached: the order would have left later, unchecked.",
    _C.ARMED_AGAIN: lambda f: "its order ended with shares left, and it is sent again",
    _C.OLDER_ALIVE: lambda f: f"an older order of its alert, {f['order_ref']}, turned out to be at work at IB.",
    _C.NOT_CONNECTED: lambda f: str(f["detail"]),
    _C.NEVER_SEEN: lambda f: "IB shows no such order, asked twice, and the position is unchanged.",
    _C.NOT_SHOWN: lambda f: f"{_not_shown(f)}).",
    _C.NOT_LISTED_ANY_MORE: lambda f: f"{_not_shown(f)}; the day is over, so IB no longer lists it).",
    _C.NOT_ANSWERED: lambda f: f"IB shows no such order, and does not answer the question for {f['question']}.",
    _C.COST_CHANGED: lambda f: (
        f"IB shows no such order, but the position's average cost was {price(Decimal(f['before']))} and is "
        f"{price(Decimal(f['now']))}: shares were traded, though as many are held as before."
    ),
    _C.COUNTED: lambda f: (
        f"IB shows no such order, but it counts on behind it (its next order is {f['next_id']}, this one was {f['order_id']}): "
        "it has come there."
    ),
    _C.FORGOTTEN: lambda f: "IB shows no such order, but has forgotten others of today that it has shown before.",
    _C.OTHER_IN_DOUBT: lambda f: (
        f"IB shows no such order, and order {f['order_ref']} of the same stock is not resolved."
    ),
    _C.NEVER_EXISTED: lambda f: f"{f['by']} has looked and says that it never existed.",
}
