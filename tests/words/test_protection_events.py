"""What happens to stops and targets, in the owner's words: prices and shares, never IB's abbreviations."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.facts import order
from tradebot.domain.alerts import Side
from tradebot.domain.events import NewEvent
from tradebot.domain.facts import orders as o
from tradebot.domain.terms import OrderType, Terms, TimeInForce
from tradebot.domain.trades import OrderRole
from tradebot.words import events as words

D = Decimal
NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
STOP = Terms(OrderType.STOP, stop_price=D(180), tif=TimeInForce.GTC)
TARGET = Terms(OrderType.LIMIT, limit_price=D(220), tif=TimeInForce.GTC)
RAISED = replace(STOP, stop_price=D("187.32"))


def said(facts: Any) -> str:
    return words.text(NewEvent(facts, NOON))


def changed(code: o.Changed, was: Terms, now: Terms, qty: int, was_qty: int, role: OrderRole = OrderRole.STOP) -> str:
    about = order("AAPL", side=Side.SELL, requested_qty=D(qty), order_terms=now, protects=role)
    texts: dict[str, Any] = {"before": f"{was_qty} {was}", "after": f"{qty} {now}"}
    return said(o.ProtectionChanged(**about, code=code, role=role, **texts, was=was, was_qty=D(was_qty)))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            changed(o.Changed.CUT, STOP, STOP, 3, 5),
            "AAPL: stop $180.00 sells 3 now, 5 before: fewer shares are held.",
        ),
        (
            changed(o.Changed.CUT, TARGET, TARGET, 3, 5, OrderRole.TARGET),
            "AAPL: target $220.00 sells 3 now, 5 before: fewer shares are held.",
        ),
        (
            changed(o.Changed.BREAK_EVEN, STOP, RAISED, 5, 5),
            "AAPL: stop $180.00 is stop $187.32 now: the gain is there, and the stop goes to the entry price.",
        ),
        (
            changed(o.Changed.BY_OWNER, STOP, RAISED, 3, 5),
            "AAPL: stop $180.00 is stop $187.32 now, and sells 3, 5 before: you changed it in TWS, and it stays so.",
        ),
    ],
)
def test_a_change_says_what_it_was_and_what_it_is(told: str, expected: str) -> None:
    """The owner reads "5 STP 180 GTC is now 3 STP 180 GTC", and has to learn IB's language."""
    assert told == expected


def unprotected(code: o.Unprotected, left: int = 1) -> o.SharesUnprotected:
    about = order("AAPL", side=Side.SELL, order_terms=STOP, protects=OrderRole.STOP)
    ibs: dict[str, Any] = {"terms": str(STOP), "words": "IB 202: Order Canceled - reason:"}
    return o.SharesUnprotected(**about, code=code, left=D(left), role="STOP", entry_id=7, **ibs)


def test_who_cancelled_a_stop_is_not_told_that_it_was_somebody_else() -> None:
    """Whoever presses the button is told that the bot did not do it, and looks for the hand that did."""
    asked = unprotected(o.Unprotected.AS_ASKED)
    assert said(asked) == (
        "AAPL: 1 share NOT PROTECTED: its stop ($180.00) was cancelled, as you asked, and it stays so. Protect again, or "
        "sell, when you want that."
    )
    assert asked.may_be_protected_again
    assert "2 shares NOT PROTECTED: its stop ($180.00) was cancelled, and not by the bot." in said(
        unprotected(o.Unprotected.CANCELLED, 2)
    )


def test_what_is_placed_anew_is_named_by_its_price() -> None:
    """The owner is told of a "STP 180 GTC"."""
    about = order("AAPL", side=Side.SELL, order_terms=STOP, protects=OrderRole.STOP)
    assert said(o.ProtectionPlaced(**about, role="STOP", terms=str(STOP))).startswith(
        "AAPL: stop $180.00 is placed anew for 10 shares."
    )
