"""Where orders wait for their time and meet the market: when they are looked at, how they fill, and how they end."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from tradebot.simgateway import entries as e
from tradebot.simgateway import exchange, groups, natural, triggers
from tradebot.simgateway.book import Book
from tradebot.simgateway.market import Market
from tradebot.simgateway.model import ZERO, Listing, Order, Quote, Ticket
from tradebot.simgateway.switches import Switches

IMMEDIATE_OR_NEVER = ("IOC", "FOK")


class DeskOwner(Protocol):
    """What a desk needs of its gateway."""

    book: Book
    market: Market
    switches: Switches

    def now(self) -> datetime: ...

    def later(self, delay_s: float, act: Callable[..., None], *args: Any) -> None: ...

    def commit(self, *entries: e.Entry) -> None:
        """Write, fold, notify."""

    def quote(self, symbol: str) -> Quote: ...

    def listing(self, con_id: int, symbol: str) -> Listing: ...


class Desk:
    """The orders of one gateway; ``latency_s`` is how long one takes to the market."""

    def __init__(self, owner: DeskOwner, latency_s: float, rng: random.Random) -> None:
        self._owner, self._book, self._latency_s, self._rng = owner, owner.book, latency_s, rng
        self._scheduled: set[int] = set()
        self._ending: set[int] = set()

    def take(self, ticket: Ticket, plan: dict[str, Any]) -> Order:
        """An order that passed ``exchange.refusal`` exists, or its client's change of one; nothing happens to it yet."""
        plan = plan | natural.draw(self._rng, self._owner.switches, ticket, plan)
        happens = exchange.place(
            self._book, ticket, lambda symbol: self._owner.quote(symbol).ask, plan, self._owner.now()
        )
        self._owner.commit(*happens)
        for entry in happens:
            if isinstance(entry, e.Transmitted) and (sent := self._book.orders[entry.perm_id]).live:
                self.schedule(sent)
        mine = next(entry for entry in happens if isinstance(entry, e.Accepted | e.Modified))
        return self._book.orders[mine.perm_id]

    def follow(self, *entries: e.Entry) -> None:
        """What a fill or an end does to the orders that hang together with it."""
        for entry in entries:
            self._owner.commit(*groups.follows(self._book, entry, self._owner.switches, self._owner.now()))
            if isinstance(entry, e.Executed):
                for child in groups.children(self._book, self._book.orders[entry.perm_id]):
                    self.schedule(child)

    def client_gone(self, client_id: int) -> None:
        """What its client has not transmitted goes with the connection, unseen, unless a switch keeps it."""
        if self._owner.switches.untransmitted_stay:
            return
        for order in self._book.live_orders():
            if order.ticket.client_id == client_id and not order.sent:
                self._owner.commit(e.Cancelled(self._owner.now(), order.perm_id, code=0))

    def schedule(self, order: Order) -> None:
        """Look at an order when its time has come."""
        if order.perm_id in self._scheduled or not order.sent:
            return
        if order.ticket.good_till is not None:
            self._ends_at(order, order.ticket.good_till)
        if order.why_held:
            if (found_s := order.plan["locate"]["delay_s"]) is not None:
                self._owner.later(float(found_s), self._located, order.perm_id)
            return
        self._scheduled.add(order.perm_id)
        slow, piece = order.plan.get("slow_fill"), natural.following(order)
        if order.status == "PendingCancel":
            self._owner.later(self._latency_s, self._fill_late, order.perm_id)
        else:
            delay_s = slow["delay_s"] if slow else max(self._latency_s, piece.after_s if piece else 0.0)
            self._owner.later(delay_s, self._consider, order.perm_id)

    def quotes_changed(self, symbols: set[str]) -> None:
        """Try the stops and the limit orders against the new quotes."""
        for order in self._book.live_orders():
            if order.ticket.symbol not in symbols or not (order := self._watched(order)).live:
                continue
            if self.due(order):
                if "slow_fill" in order.plan:
                    self.schedule(order)
                elif order.perm_id not in self._scheduled:
                    self._consider(order.perm_id)

    def cancel(self, order: Order) -> None:
        """Take a cancel; a fault may let the order fill after it."""
        self._owner.commit(*exchange.cancel(order, self._owner.now()))
        if late := order.plan.get("fill_after_cancel"):
            self._owner.later(late["delay_s"], self._fill_late, order.perm_id)

    def _consider(self, perm_id: int) -> None:
        self._scheduled.discard(perm_id)
        order = self._book.orders[perm_id]
        if not order.live or self._owner.market.waits(order):
            return
        order = self._watched(order)
        if shares := self.due(order):
            self._take(order, shares)
        elif exchange.reaches_market(order) and self._may_work(order):
            self._owner.commit(e.Working(self._owner.now(), perm_id))
        order = self._book.orders[perm_id]
        if order.live and order.ticket.tif in IMMEDIATE_OR_NEVER:
            self._owner.commit(*exchange.cancel(order, self._owner.now()))
        if ended := order.plan.get("ended"):
            self._owner.later(float(ended["delay_s"]), self._end, perm_id, int(ended["code"]), ended["reason"])

    def _take(self, order: Order, shares: Decimal) -> None:
        """The market takes shares that are due; further pieces follow."""
        piece = natural.following(order)
        if piece is None:
            self.fill(order.perm_id, shares)
            return
        quote = self._owner.quote(order.ticket.symbol)
        self.fill(order.perm_id, shares, natural.price(order, quote, piece.worse_pct))
        if (order := self._book.orders[order.perm_id]).live:
            self.schedule(order)

    def due(self, order: Order) -> Decimal:
        """How many shares of an order would fill now."""
        if not order.sent or not self._owner.market.trades(order):
            return ZERO
        may = groups.working(self._book, order, self._owner.switches) - order.filled
        return max(ZERO, min(may, exchange.due(order, self._owner.quote(order.ticket.symbol))))

    def _may_work(self, order: Order) -> bool:
        return order.sent and groups.working(self._book, order, self._owner.switches) > order.filled

    def _watched(self, order: Order) -> Order:
        """The order after the market has taken its trailing stop along, or triggered it; no longer if it is not to work yet."""
        if not (order.waits_for_trigger and self._may_work(order) and self._owner.market.trades(order)):
            return order
        quote, switches, now = self._owner.quote(order.ticket.symbol), self._owner.switches, self._owner.now()
        if (stop := triggers.trailed(order, quote, switches)) is not None:
            self._owner.commit(e.Trailed(now, order.perm_id, stop))
        if triggers.fires(self._book.orders[order.perm_id], quote, switches):
            self._owner.commit(e.Triggered(now, order.perm_id))
        return self._book.orders[order.perm_id]

    def _ends_at(self, order: Order, at: datetime) -> None:
        """Ends an order that is good till a moment, once, when it has come."""
        if order.perm_id not in self._ending:
            self._ending.add(order.perm_id)
            wait_s = max(0.0, (at - self._owner.now()).total_seconds())
            self._owner.later(wait_s, self._end, order.perm_id, 202, "Good till date has passed")

    def _located(self, perm_id: int) -> None:
        """Shares to sell short were found."""
        order = self._book.orders[perm_id]
        if order.live and order.why_held:
            self._owner.commit(e.Working(self._owner.now(), perm_id))
            self._consider(perm_id)

    def _fill_late(self, perm_id: int) -> None:
        """What a cancel came too late for."""
        if self._book.orders[perm_id].remaining:
            self.fill(perm_id)

    def fill(self, perm_id: int, shares: Decimal | None = None, price: Decimal | None = None) -> None:
        """Fill an order now, by default all that is left at the market. Raises ValueError for more than that."""
        order = self._book.orders[perm_id]
        quote = self._owner.quote(order.ticket.symbol)
        at = price or (quote.ask if order.signed > 0 else quote.bid)
        venue = self._owner.listing(order.ticket.con_id, order.ticket.symbol).primary
        amount = order.remaining if shares is None else shares
        self._owner.commit(*exchange.fill(self._book, order, amount, at, venue=venue, now=self._owner.now()))

    def _end(self, perm_id: int, code: int, reason: str) -> None:
        if self._book.orders[perm_id].live:
            self.end(perm_id, code, reason)

    def end(self, perm_id: int, code: int = 202, reason: str = "") -> None:
        """IB itself ends an order, with what it has filled; code 0: without an error."""
        self._owner.commit(e.Cancelled(self._owner.now(), perm_id, reason, code))
