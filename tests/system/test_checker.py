"""The checker's own eyes for stops and targets: what they must see, of a journal and of books that were written by hand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.adapters.database.samples import a_lot
from tests.system.harness import BooksNow
from tests.system.protected import gaps
from tests.system.replay import replayed
from tradebot.domain.alerts import Side
from tradebot.domain.events import Event
from tradebot.domain.facts.orders import SharesUnprotected, Unprotected
from tradebot.domain.terms import OrderType, TimeInForce
from tradebot.domain.trades import OrderRole, Trade, TradeStatus
from tradebot.simgateway import entries as e
from tradebot.simgateway.model import Ticket

D = Decimal
NOW = datetime(2026, 6, 1, 15, tzinfo=UTC)
KO = 8894
BUY, STOP, TARGET, EXIT = 1, 2, 3, 4


def accepted(number: int, side: str, qty: int, kind: str = "MKT", **more: object) -> e.Accepted:
    ticket = Ticket(1, number, KO, "KO", side, D(qty), kind, order_ref=f"tb-1-{number}", **more)  # type: ignore[arg-type]
    return e.Accepted(NOW, number, ticket)


def executed(number: int, shares: int) -> e.Executed:
    return e.Executed(NOW, number, f"0.0{number}.01", D(shares), D(70), "NYSE")


BOUGHT = (e.Opened(NOW, "DU1", D(10_000), 1), accepted(BUY, "BUY", 10), executed(BUY, 10))
GROUP = {"oca_group": "g", "parent_id": BUY, "tif": "GTC"}
AT_STOP = accepted(STOP, "SELL", 10, "STP", stop=D(65), **GROUP)
AT_TARGET = accepted(TARGET, "SELL", 10, "LMT", limit=D(80), **GROUP)


@pytest.mark.parametrize(
    ("after", "seen"),
    [
        ((AT_STOP, AT_TARGET, executed(STOP, 10), e.Cancelled(NOW, TARGET, "OCA")), ""),
        ((AT_STOP, AT_TARGET, e.Reduced(NOW, STOP, D(6)), e.Reduced(NOW, TARGET, D(6)), accepted(EXIT, "SELL", 4)), ""),
        ((AT_STOP, accepted(EXIT, "SELL", 1)), "11 are being sold, 10 are held"),
        ((AT_STOP, e.Modified(NOW, STOP, D(12), None, D(65))), ""),  # its parent has bought no more than 10
        ((accepted(EXIT, "SELL", 4), executed(EXIT, 4), replace(AT_STOP, perm_id=9)), "10 are being sold, 6 are held"),
        ((AT_STOP, AT_TARGET, executed(STOP, 10), executed(TARGET, 4)), "went short, to -4"),
    ],
    ids=["one of a group", "reduced", "an exit beside a stop", "beyond its parent", "too large", "both filled"],
)
def test_a_journal_shows_what_was_sold_beyond(after: Sequence[e.Entry], seen: str) -> None:
    """The sweep would call a bot safe that sells more than it holds, and gets away with it."""
    lines = [e.to_json(entry) for entry in (*BOUGHT, *after)]
    if not seen:
        replayed(lines)
        return
    with pytest.raises(AssertionError, match=seen):
        replayed(lines)


def a_trade(number: int, role: OrderRole, status: TradeStatus, **more: object) -> Trade:
    known = {
        "id": number,
        "alert_id": 1,
        "ticker": "KO",
        "con_id": KO,
        "side": Side.BUY if role is OrderRole.ENTRY else Side.SELL,
        "requested_qty": D(10),
        "order_ref": f"tb-1-{number}",
        "ib_position_before": D(0),
        "reserved": D(0),
        "created_at": NOW,
        "role": role,
        "status": status,
        "parent_trade_id": None if role is OrderRole.ENTRY else BUY,
    }
    return Trade(**{**known, **more})  # type: ignore[arg-type]


ENTRY = a_trade(BUY, OrderRole.ENTRY, TradeStatus.FILLED, filled_qty=D(10))
A_STOP = a_trade(
    *(STOP, OrderRole.STOP, TradeStatus.SUBMITTED),
    order_type=OrderType.STOP,
    stop_price=D(65),
    tif=TimeInForce.GTC,
)
OVER = replace(A_STOP, status=TradeStatus.CANCELLED)


def told(shares: int) -> Event:
    facts = SharesUnprotected.of(
        A_STOP, code=Unprotected.CANCELLED, left=D(shares), role=OrderRole.STOP, terms="STP 65 GTC", entry_id=BUY
    )
    return Event(facts=facts, at=NOW, alert_id=1, trade_id=STOP, id=1)


@pytest.mark.parametrize(
    ("stop", "held", "events", "at_ib", "seen"),
    [
        (A_STOP, 10, (), (AT_STOP,), []),
        (OVER, 10, (), (), ["10 of tb-1-1 are held, 0 protected, told as unprotected: None"]),
        (OVER, 10, (told(10),), (), []),
        (OVER, 10, (told(4),), (), ["10 of tb-1-1 are held, 0 protected, told as unprotected: 4"]),
        (A_STOP, 6, (), (AT_STOP,), ["STOP of tb-1-1 may sell 10, and 6 are held"]),
        (A_STOP, 0, (), (AT_STOP,), ["STOP of tb-1-1 may sell 10, and 0 are held"]),
        (OVER, 0, (), (AT_STOP,), ["STOP tb-1-2 is CANCELLED", "STOP of tb-1-1 may sell 10, and 0 are held"]),
        (replace(A_STOP, stop_price=D(66)), 10, (), (AT_STOP,), ["STOP tb-1-2 works as"]),
    ],
    ids=["protected", "not told", "told", "told of less", "too much", "outlives", "not known", "another price"],
)
def test_a_gap_is_seen(
    stop: Trade, held: int, events: Sequence[Event], at_ib: Sequence[e.Entry], seen: Sequence[str]
) -> None:
    """The sweep would call a bot safe that leaves shares without their stop."""
    lots = [replace(a_lot(BUY), con_id=KO, ticker="KO", qty=D(held))] if held else []
    books = BooksNow({}, [ENTRY, stop], {}, lots, [], list(events), set(), {})
    found = gaps(books, replayed([e.to_json(entry) for entry in (*BOUGHT, *at_ib)]))
    assert len(found) == len(seen), found
    assert all(one.startswith(start) for one, start in zip(found, seen, strict=True)), found
