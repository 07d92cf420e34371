"""When the exchange trades: its session, stocks that open late, and halts. State only; ``sessions`` makes it change.

Without a session of its own the exchange is always open. Limits and stops with ``outside_rth`` work while it is closed.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

from tradebot.simgateway.days import NEW_YORK
from tradebot.simgateway.details import closed_all_day
from tradebot.simgateway.model import Order

Session = tuple[time, time]
USUAL: Session = (time(9, 30), time(16))


class Market:
    """``session`` are New York's hours on the exchange's days; None is always open."""

    def __init__(self, session: Session | None, now: datetime) -> None:
        self.session = session
        self.open = self.planned(now)
        # How many seconds after the exchange a stock opens, and those that the exchange is open without.
        self.late_s: dict[str, float] = {}
        self.not_yet: set[str] = set()
        # Halted stocks, with the value of their tick: 1 in general, 2 for volatility.
        self.halts: dict[str, int] = {}

    def planned(self, now: datetime) -> bool:
        """Whether the exchange is open by its hours."""
        if self.session is None:
            return True
        local = now.astimezone(NEW_YORK)
        opens, closes = self.session
        return opens <= local.time() < closes and not closed_all_day(local.date())

    def waits(self, order: Order) -> bool:
        """Whether an order waits for the session before it goes to the market."""
        always = order.ticket.order_type != "MKT" and order.ticket.outside_rth
        return not self.open and not always

    def trades(self, order: Order) -> bool:
        """Whether an order can fill now."""
        symbol = order.ticket.symbol
        return not (self.waits(order) or symbol in self.not_yet or symbol in self.halts)

    def moving(self, symbols: list[str]) -> list[str]:
        """Those of the stocks whose quotes move now."""
        return [each for each in symbols if each not in self.halts and each not in self.not_yet] if self.open else []

    def opens(self, now: datetime) -> str:
        """When an order that waits now is placed, as IB writes it; the usual hours where the exchange has none of its own."""
        begins = (self.session or USUAL)[0]
        local = now.astimezone(NEW_YORK)
        day = local.date() if local.time() < begins else local.date() + timedelta(days=1)
        while closed_all_day(day):
            day += timedelta(days=1)
        return f"{datetime.combine(day, begins):%Y-%m-%d %H:%M:%S} US/Eastern"
