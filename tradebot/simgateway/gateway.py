"""The gateway's core: its state, its clock and the order in which things happen.

Everything that happens is an entry: written, folded into the book, notified, in that order (``commit``). Whatever takes time
is a timer of the event loop; nothing sleeps. What answers requests and notifies clients is passed in as ``Handlers``.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from loguru import logger

from tradebot.errors import GatewayError
from tradebot.simgateway import entries as e
from tradebot.simgateway import exchange, replies, requests
from tradebot.simgateway.account import Standing, standing
from tradebot.simgateway.answers import Answers
from tradebot.simgateway.book import Book
from tradebot.simgateway.catalogue import Catalogue
from tradebot.simgateway.days import new_york_date
from tradebot.simgateway.desk import Desk
from tradebot.simgateway.faults import CONNECTION_FAULTS, ERROR_TEXTS, Faults, whole
from tradebot.simgateway.lag import Lag
from tradebot.simgateway.market import Market
from tradebot.simgateway.model import Listing, Order, Position, Quote, Ticket
from tradebot.simgateway.pace import VIOLATIONS_MAX
from tradebot.simgateway.quotes import Quotes
from tradebot.simgateway.session import Session
from tradebot.simgateway.settings import GatewaySettings
from tradebot.simgateway.store import Store
from tradebot.simgateway.upstream import BACK_DATA_LOST, TEXTS, Upstream
from tradebot.simgateway.wire import Message

TICK_S = 1.0
BEAT_S = 0.1
ACCOUNT_REFRESH_S = 180.0
OWNER = 0
FOLLOWED = (e.Executed, e.Cancelled, e.Refused)

RequestHandler = Callable[["Gateway", Session, requests.Request], None]


@dataclass(frozen=True)
class Handlers:
    """What a gateway does beside keeping its state. They know the gateway; it knows only this table."""

    # How a request is answered, by its name.
    requests: Mapping[str, RequestHandler]
    # Which messages a journal entry sends, by its type.
    entries: Mapping[type[e.Entry], Callable[..., None]]
    # What new quotes of these symbols send to one client.
    quotes: tuple[Callable[[Gateway, Session, set[str]], None], ...]
    # What a change of the account's values, and of its positions, sends to one client.
    values: Callable[[Gateway, Session], None]
    positions: Callable[[Gateway, Session], None]


class Gateway:
    """One simulated gateway; ``server.open_gateway`` makes it and puts it on a socket."""

    port: int = 0
    control_port: int | None = None
    listening: bool = False

    def __init__(self, settings: GatewaySettings, store: Store, handlers: Handlers) -> None:
        self.settings = settings
        self._handlers = handlers
        self.store = store
        self.switches = settings.switches
        self.book = Book()
        self.faults = Faults()
        self.upstream = Upstream(self._upstream_changed)
        self._answers = Answers(self.upstream, self.faults, self.later)
        self.sessions: dict[int, Session] = {}
        self.connections: set[Session] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self.values = Lag(self.standing, lambda: self.switches.values_lag_s, self.later, self._values_news)
        self.positions = Lag(self.standing, lambda: self.switches.positions_lag_s, self.later, self._positions_news)
        self.others: dict[str, dict[int, Position]] = defaultdict(dict)
        self._beat_at = 0.0
        for entry in store.load():
            self.book.apply(entry)
        self.catalogue = Catalogue(settings.tickers)
        for action in self.book.corporate_actions:
            self.catalogue.apply(action)
        for listing in self._forgotten():
            self.catalogue.add(listing)
        rng = random.Random(settings.seed)  # noqa: S311 - prices, not secrets
        self.quotes = Quotes(self.catalogue.by_symbol.values(), rng)
        self.market = Market(settings.session, self.now())
        self.desk = Desk(self, settings.fill_latency_s, random.Random(settings.seed))  # noqa: S311 - as above
        self._open_account()
        self.account_changed()

    def _forgotten(self) -> list[Listing]:
        """Stocks that the account knows and the configuration no longer does: they keep trading at their last cost."""
        known = self.catalogue
        used = [Listing(each.ticket.symbol, each.ticket.con_id, Decimal(1)) for each in self.book.orders.values()]
        used += [
            Listing(each.symbol, each.con_id, each.avg_cost or Decimal(1)) for each in self.book.positions.values()
        ]
        return [each for each in used if each.symbol not in known.by_symbol and each.con_id not in known.by_con_id]

    def _open_account(self) -> None:
        if not self.book.account:
            now = self.now()
            self.commit(e.Opened(now, self.settings.account, self.settings.cash, int(now.timestamp())))
            for symbol, quantity, avg_cost in self.settings.positions:
                self.set_position(symbol, quantity, avg_cost)
        if self.book.account != self.settings.account:
            raise GatewayError(
                f"the state file belongs to account {self.book.account}, not {self.settings.account}: "
                "name that account, or give the gateway another state file"
            )

    def start(self) -> None:
        """Resume what an earlier run left unfinished, and let the quotes move."""
        for each in list(self.book.executions.values()):
            if not each.commission_reported and "no_commission" not in self.book.orders[each.perm_id].plan:
                self.commit(e.CommissionReported(self.now(), each.exec_id))
        for order in self.book.live_orders():
            self.schedule(order)
        if self.settings.moving:
            self.later(TICK_S, self._tick)
        self.later(ACCOUNT_REFRESH_S, self._refresh)
        self._beat()

    def stop(self) -> None:
        """Drop every timer and connection."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self.drop_all()

    # -- time ---------------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self.settings.clock() if self.settings.clock else datetime.now(UTC)

    def local_now(self) -> datetime:
        """The gateway's own wall clock, right or wrong, which its times without a zone refer to."""
        return self.local(self.now() + timedelta(seconds=self.switches.clock_ahead_s))

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.settings.zone)

    def later(self, delay_s: float, act: Callable[..., None], *args: Any) -> None:
        """Call ``act`` after a while, unless the gateway stops before."""

        def fire() -> None:
            self._timers.discard(timer)
            act(*args)

        timer = asyncio.get_running_loop().call_later(delay_s, fire)
        self._timers.add(timer)

    def _tick(self) -> None:
        self.later(TICK_S, self._tick)
        self.quotes_changed(self.market.moving(self.quotes.step(self.switches.spread_pct)))

    def _beat(self) -> None:
        self.later(BEAT_S, self._beat)
        self._beat_at = asyncio.get_running_loop().time()

    def _refresh(self) -> None:
        self.later(ACCOUNT_REFRESH_S, self._refresh)
        self.account_changed()

    def today(self, at: datetime) -> bool:
        """Whether answers still contain what happened then: since New York's midnight, or a simulated one."""
        began = self.book.day_began
        return new_york_date(at) == new_york_date(self.now()) and (began is None or at > began)

    # -- what happens -------------------------------------------------------------------------------------------------

    def commit(self, *entries: e.Entry) -> None:
        """Write, fold, notify."""
        self.store.append(*entries)
        for entry in entries:
            self.book.apply(entry)
            if notify := self._handlers.entries.get(type(entry)):
                notify(self, entry)
        if any(isinstance(entry, FOLLOWED) for entry in entries):
            self.desk.follow(*entries)

    def receive(self, session: Session, message: Message) -> None:
        """Answer one message of a client, unless it sends too many."""
        if self._too_fast(session):
            return
        try:
            request = requests.decode(message, session.version)
        except (requests.BadRequest, ValueError, ArithmeticError) as error:
            self._not_understood(session, message, error)
        else:
            self._answers.give(session, request, lambda: self._serve(session, message, request))

    def _too_fast(self, session: Session) -> bool:
        most, now = int(self.switches.messages_per_second_max), asyncio.get_running_loop().time()
        if not most or not session.pace.exceeds(most, now, max(0.0, now - self._beat_at - BEAT_S)):
            return False
        count = session.pace.violations
        self.deny(session, -1, 100, f"{ERROR_TEXTS[100].rstrip('.')}:max={most} rec={most + 1} ({count})")
        if count >= VIOLATIONS_MAX:
            session.close()
        return True

    def _serve(self, session: Session, message: Message, request: requests.Request) -> None:
        try:
            self._handlers.requests[request.name](self, session, request)
        except (ValueError, ArithmeticError) as error:
            self._not_understood(session, message, error)

    def _not_understood(self, session: Session, message: Message, error: Exception) -> None:
        logger.warning("simulated gateway: client {}: {}", session.client_id, error)
        fields = {str(place): field for place, field in enumerate(message.fields)}
        self.store.append(e.Received(self.now(), session.client_id, f"message {message.id}", fields))
        self.deny(session, requests.request_id(message), 321, f"{exchange.INVALID}{error}")

    def deny(self, session: Session, req_id: int, code: int, text: str) -> None:
        self.commit(e.Denied(self.now(), session.client_id, req_id, code, text))

    def schedule(self, order: Order) -> None:
        """Look at an order when its time has come."""
        self.desk.schedule(order)

    def fill(self, perm_id: int, shares: Decimal | None = None, price: Decimal | None = None) -> None:
        """Fill an order now, by default all that is left at the market. Raises ValueError for more than that."""
        self.desk.fill(perm_id, shares, price)

    def quotes_changed(self, symbols: list[str]) -> None:
        """Send the new quotes to their subscribers, and try the limit orders against them."""
        changed = set(symbols)
        for session in self._reachable():
            for send in self._handlers.quotes:
                send(self, session, changed)
        self.desk.quotes_changed(changed)

    def account_changed(self) -> None:
        """Notify the subscribers, soon or with the lag that is set."""
        self.values.changed()
        self.positions.changed()

    def _values_news(self) -> None:
        for session in self._reachable():
            self._handlers.values(self, session)

    def _positions_news(self) -> None:
        for session in self._reachable():
            self._handlers.positions(self, session)

    def standing(self) -> Standing:
        """What the account holds now."""
        return standing(self.book, self.now())

    def _reachable(self) -> list[Session]:
        """The clients that updates from IB reach now."""
        return list(self.sessions.values()) if self.upstream.up else []

    # -- what the account's owner, or a test, does ---------------------------------------------------------------------

    def set_quote(self, symbol: str, bid: Decimal, ask: Decimal, last: Decimal | None = None) -> None:
        """Put a quote somewhere; it stands still from then on. Raises ValueError."""
        self.quotes.set(symbol, bid, ask, last)
        self.quotes_changed([symbol])

    def set_cash(self, cash: Decimal) -> None:
        """Deposit or withdraw until the account holds this much."""
        self.commit(e.CashSet(self.now(), cash))

    def set_position(self, symbol: str, quantity: Decimal, avg_cost: Decimal, account: str = "") -> None:
        """Make an account hold this much of a stock, without touching its cash. Raises ValueError."""
        listing = self.known(symbol)
        if account not in ("", self.book.account):
            if account not in self.switches.others:
                raise ValueError(f"no such account: {account}; the switch other_accounts makes it")
            self.others[account][listing.con_id] = Position(listing.con_id, symbol, quantity, avg_cost)
            self.account_changed()
            return
        self.commit(e.PositionSet(self.now(), listing.con_id, listing.symbol, quantity, avg_cost))

    def owner_order(self, symbol: str, action: str, quantity: Decimal, limit: Decimal | None = None) -> int:
        """An order of the owner's own (client 0, order id 0); its permId. Raises ValueError when it is refused."""
        listing = self.known(symbol)
        kind = "MKT" if limit is None else "LMT"
        ticket = Ticket(OWNER, 0, listing.con_id, listing.symbol, action, quantity, kind, limit)
        if denied := exchange.refusal(self.book, ticket):
            raise ValueError(f"{denied[0]}: {denied[1]}")
        plan = self.faults.order(ticket)
        order = self.desk.take(ticket, plan)
        self.schedule(order)
        return order.perm_id

    def tell_error(self, code: int, text: str) -> None:
        """An error that is about no request, to every client."""
        for session in list(self.sessions.values()):
            session.error(-1, code, text)

    def _upstream_changed(self, codes: tuple[int, ...]) -> None:
        if BACK_DATA_LOST in codes:
            for session in self.sessions.values():
                session.unsubscribe()
        for code in codes:
            self.tell_error(code, TEXTS[code])
        self.account_changed()

    def restart(self, rollback: int) -> None:
        """What a restart does to the book: order ids roll back, and are forgotten where the order is over."""
        self.commit(e.Restarted(self.now(), rollback))

    def midnight(self) -> None:
        """What happened until now is yesterday's: no answer contains it again, and what was sold has settled."""
        self.commit(e.Midnight(self.now()))
        self.quotes.close()
        self.account_changed()

    def degrade(self, name: str, parameters: dict[str, Any]) -> None:
        """Apply a connection fault to every open connection from now on. Raises ValueError."""
        if name not in CONNECTION_FAULTS:
            raise ValueError(
                f"no such fault of a connection: {name!r}; there are {', '.join(sorted(CONNECTION_FAULTS))}"
            )
        plan = {name: whole(name, parameters)}
        for session in list(self.connections):
            session.degrade(plan)

    def known(self, symbol: str) -> Listing:
        """A stock by its symbol. Raises ValueError."""
        listing = self.catalogue.by_symbol.get(symbol)
        if listing is None:
            raise ValueError(f"no such ticker: {symbol}")
        return listing

    # -- stocks and connections ---------------------------------------------------------------------------------------

    def quote(self, symbol: str) -> Quote:
        return self.quotes[symbol]

    def listing(self, con_id: int, symbol: str) -> Listing:
        """The stock of an order or position, also when it has left the catalogue since."""
        return self.catalogue.by_con_id.get(con_id) or Listing(symbol, con_id, Decimal(1))

    def connected(self, session: Session) -> None:
        """A connection was accepted; it meets the faults that are armed for it."""
        self.connections.add(session)
        session.degrade(self.faults.connection())

    def started(self, session: Session, client_id: int) -> None:
        """A client named itself: greet it, or refuse an id that is in use."""
        if client_id in self.sessions:
            logger.warning("simulated gateway: client id {} is in use: second connection refused", client_id)
            text = "Unable to connect as the client id is already in use. Retry with a unique client id."
            session.error(-1, 326, text)
            session.close()
            return
        session.client_id = client_id
        self.sessions[client_id] = session
        logger.info("simulated gateway: client {} connected, server version {}", client_id, session.version)
        session.send(replies.managed_accounts(self.accounts()))
        session.send(replies.next_valid_id(self.book.next_id(client_id)))
        for code, text in self.upstream.greeting:
            session.error(-1, code, text)

    def accounts(self) -> str:
        """The accounts of this login."""
        return ",".join(sorted((self.book.account, *self.switches.others)))

    def forget(self, session: Session) -> None:
        """A connection is gone; its client id is free."""
        self.connections.discard(session)
        if self.sessions.get(session.client_id) is session:
            del self.sessions[session.client_id]
            self.desk.client_gone(session.client_id)
            logger.info("simulated gateway: client {} disconnected", session.client_id)

    def drop_all(self) -> None:
        """Cut every connection."""
        for session in list(self.connections):
            session.abort()
