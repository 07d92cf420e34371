"""An order as its road is measured by: its alert, the quote it was decided on, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from tradebot.domain.alerts import Side
from tradebot.domain.terms import OrderType
from tradebot.domain.trades import OrderRole, TradeStatus


@dataclass(frozen=True, slots=True)
class SentOrder:
    """A row of `trade` beside its alert's. Prices in USD a share."""

    id: int
    strategy: str
    ticker: str
    side: Side
    role: OrderRole
    n: int  # counts the orders of its alert and role
    order_type: OrderType
    stop_price: Decimal | None
    filled_qty: Decimal
    avg_fill_price: Decimal | None
    status: TradeStatus
    quote: Mapping[str, object] | None  # at the decision
    created_at: datetime  # decided, and stored
    submitted_at: datetime | None  # IB has shown it
    finished_at: datetime | None
    received_at: datetime  # its alert
    alert_time: datetime | None  # as the alert says; whole seconds
    alert_price: Decimal | None

    @property
    def bid_ask(self) -> tuple[Decimal, Decimal] | None:
        """At the decision; None: not both were known, they were delayed, or crossed."""
        if self.quote is None or self.quote.get("delayed"):
            return None
        bid, ask = _price(self.quote.get("bid")), _price(self.quote.get("ask"))
        return (bid, ask) if bid is not None and ask is not None and 0 < bid <= ask else None


def _price(stored: object) -> Decimal | None:
    try:
        return None if stored is None else Decimal(str(stored))
    except InvalidOperation:
        return None
