"""Holds the gate until the broker and the books agree, and watches the orders in flight.

Rules:
- Start, reconnect and 1101/1102 close the gate; it opens when every live or UNKNOWN trade was looked for at IB (see settling).
- A database never trades on another account than its own.
- An order with our prefix that the books do not know means that another database has traded here: nothing leaves until the
  owner resumes.
- A timer cancels what is overdue, or works when the session has ended (everything, under the kill switch), again and again
  while it works on, for IB may refuse or lose a cancel; and asks again about what stays in doubt.
- Around the gateway's nightly restart orders wait, until the gateway is back or the window is over, and reconciled; that IB
  is away then is told only if it lasts.
- The machine never resends.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta

from loguru import logger

from tradebot.domain import wording
from tradebot.domain.brokerage import (
    BrokerEvent,
    Connected,
    Disconnected,
    ErrorKind,
    OrderError,
    Refused,
    UpstreamBack,
    UpstreamLost,
)
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.hours import Hours
from tradebot.domain.restart_window import RestartWindow
from tradebot.domain.settings import ORPHANS_KEY, TradingState, accepted_orphans
from tradebot.domain.trades import LIVE, UNRESOLVED, Trade, TradeStatus
from tradebot.errors import BrokerUnavailable, LedgerUnavailable
from tradebot.ports import Broker, Clock, Ledger
from tradebot.trading.booking import Listeners
from tradebot.trading.every import every
from tradebot.trading.gate import Gate
from tradebot.trading.in_doubt import Checked, InDoubtOrders
from tradebot.trading.positions import tell_differences
from tradebot.trading.switch import TradingSwitch

ACCOUNT_KEY = "account"
RETRY_S = 3.0
WATCH_EVERY_S = 1.0
LOOK_AGAIN_S = 2.0
"""After an error about an order, IB's own word on it usually comes within a second."""
CANCEL_GRACE_S = 10.0
CANCEL_AGAIN_S = 15.0
"""Later than the question that the cancel before was given its grace for."""
UNKNOWN_EVERY_S = 60.0
LOST_TOLD_AFTER_S = 30.0
UNKNOWN_MAX = 2
CLOSE_GRACE = timedelta(seconds=2)
"""A fill of the session's last second is still on its way to the books this long."""


class Recovery:
    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        in_doubt_orders: InDoubtOrders,
        listeners: Listeners,
        *,
        gate: Gate,
        switch: TradingSwitch,
        clock: Clock,
        order_timeout_s: float,
        hours: Hours,
        restart: RestartWindow,
    ) -> None:
        self._ledger = ledger
        self._broker = broker
        self._in_doubt_orders = in_doubt_orders
        self._gate = gate
        self._switch = switch
        self._clock = clock
        self._order_timeout_s = order_timeout_s
        self._hours = hours
        self._restart = restart
        self._wanted = asyncio.Event()
        self._doubted = asyncio.Event()
        self._asking = asyncio.Lock()
        self._links: asyncio.Queue[BrokerEvent] = asyncio.Queue()
        self._lost_since: float | None = None
        self._lost_told = False
        self._seen: dict[int, float] = {}  # trade id → loop time when first seen in flight
        self._cancelled: dict[int, float] = {}  # trade id → loop time of the cancel
        self._ask_at: dict[str, float] = {}  # order ref → loop time of the next question
        self._held: set[str] = set()
        self._restarting = False
        self._before_restart = 0  # generation of the connection
        self._unreachable: NewEvent | None = None  # to be told once the restart window is over
        self._breaks = 0  # counts what closed the gate: a comparison that one fell into does not open it
        self._orphans: set[str] = set()  # told by the stream; the questions that are out may not show them yet
        self._weighed: frozenset[int] = frozenset()  # UNKNOWN trades that have had their say
        gate.close("recovery", "IB is not connected yet.")
        self._mind_restart()
        listeners.connection.append(self.connection_changed)
        listeners.doubt.append(self.in_doubt)
        listeners.orphan.append(self.orphan_seen)

    # --- what booking reports: translate and return -----------------------------------------------------------------

    def connection_changed(self, event: BrokerEvent) -> None:
        self._breaks += 1
        match event:
            case Connected() | UpstreamBack():
                self._gate.close("recovery", "Orders and positions are being compared with IB.")
                self._gate.open("read-only")
                self._cancelled.clear()  # a cancel may have been lost with the connection
                self._wanted.set()
            case Disconnected(reason=reason):
                self._gate.close("recovery", f"IB is not connected: {reason}")
            case UpstreamLost(text=text):
                self._gate.close("recovery", f"The gateway has lost IB's servers: {text}")
            case Refused(reason=reason):
                self._gate.close("recovery", reason)
        self._links.put_nowait(event)

    def in_doubt(self, order_ref: str, error: OrderError | None) -> None:
        soon = self._loop_time() + LOOK_AGAIN_S
        self._ask_at[order_ref] = min(soon, self._ask_at.get(order_ref, soon))
        if error is not None and error.kind is ErrorKind.HELD:
            self._held.add(order_ref)
        if error is not None and error.kind is ErrorKind.READ_ONLY:
            reason = "The gateway's API is read-only. In IB Gateway: Configure, API, Settings, untick Read-Only API."
            self._gate.close("read-only", reason)
            self._links.put_nowait(Refused(reason))

    def orphan_seen(self, order_ref: str) -> None:
        self._orphans.add(order_ref)
        self._gate.close("orphans", f"Order {order_ref} at IB is not in this database.")
        self._wanted.set()

    # --- tasks ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Reconciles whenever it is wanted, until it has passed."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            while self._broker.connection.up and self._broker.connection.upstream:
                try:
                    async with self._asking:
                        await self._reconcile()
                    break
                except (BrokerUnavailable, LedgerUnavailable) as error:
                    logger.warning("reconciliation did not pass, again in {:.0f} s: {}", RETRY_S, error)
                    await self._clock.sleep(RETRY_S)

    async def check_in_doubt(self) -> None:
        """Asks about orders in doubt while others trade on; the timer says when."""
        while True:
            await self._doubted.wait()
            self._doubted.clear()
            try:
                async with self._asking:
                    await self._weigh(await self._in_doubt_orders.check())
            except (BrokerUnavailable, LedgerUnavailable) as error:
                logger.warning("orders in doubt not settled, again in {:.0f} s: {}", RETRY_S, error)
                await self._clock.sleep(RETRY_S)
                if self._broker.connection.up:  # a new connection compares everything anyway
                    self._doubted.set()

    async def report(self) -> None:
        """Tells what happens to the connection."""
        while True:
            for event in self._told(await self._links.get()):
                await self._note(event)

    async def watch(self) -> None:
        """Every second, and at once when the trading state changes: overdue orders, doubts, a connection long lost."""
        what, changed = "orders in flight not looked at", self._switch.changed
        await every(WATCH_EVERY_S, self._round, what=what, clock=self._clock, wake=changed)

    # --- reconciliation ---------------------------------------------------------------------------------------------

    async def _reconcile(self) -> None:
        connection, breaks = self._broker.connection, self._breaks
        if not connection.tradable:
            self._gate.close("recovery", connection.why_not or "This account is not traded.")
            return
        if self._hours.always and not connection.paper:
            reason = 'hours = "always" is for simulated and paper accounts: set trading.hours = "exchange" in the configuration.'
            self._gate.close("recovery", reason)
            await self._note(NewEvent(EventKind.TRADING_REFUSED, self._clock.now(), f"Nothing is traded. {reason}"))
            return
        assert connection.account is not None, "a connection that is up knows its account"
        if not await self._is_own_account(connection.account):
            return
        checked = await self._in_doubt_orders.check()
        await self._weigh(checked)
        async with self._ledger.begin() as books:
            await tell_differences(books, checked.answers.position_report.positions, self._clock.now())
            await books.add_event(NewEvent(EventKind.GATE_OPENED, self._clock.now(), "Books and IB compared."))
        if self._breaks == breaks and self._broker.connection.link_session == connection.link_session:
            self._gate.compared = connection.link_session
            self._gate.open("recovery")
            if not self._restarting or connection.generation > self._before_restart:
                self._gate.open("restart")
            logger.info("reconciled with IB: {}", "orders may leave" if self._gate.is_open else self._gate.reasons)

    async def _is_own_account(self, account: str) -> bool:
        async with self._ledger.begin() as books:
            own = (await books.settings()).get(ACCOUNT_KEY)
            if own is None:
                await books.put_setting(ACCOUNT_KEY, account, "bot", self._clock.now())
        if own in (None, account):
            return True
        reason = (
            f"This database belongs to account {own}, the gateway is logged in to {account}. Log in to {own}, "
            f"or configure another database for {account}."
        )
        self._gate.close("recovery", reason)
        await self._note(NewEvent(EventKind.TRADING_REFUSED, self._clock.now(), f"Nothing is traded. {reason}"))
        return False

    async def _weigh(self, checked: Checked) -> None:
        """What the answers mean beyond single orders: too many UNKNOWNs, orders of another database."""
        async with self._ledger.read() as books:
            unknown = await books.trades((TradeStatus.UNKNOWN,))
            settings = await books.settings()
        ids = frozenset(trade.id for trade in unknown)
        if len(ids) >= UNKNOWN_MAX and ids - self._weighed and self._switch.state is TradingState.RUNNING:
            await self._switch.pause(f"the bot ({len(unknown)} orders are UNKNOWN)")
        self._weighed = ids  # who resumes all the same is not paused again for the same orders
        orphans = sorted((self._orphans | set(checked.orphans)) - accepted_orphans(settings))
        if not orphans:
            self._gate.open("orphans")
            return
        names = ", ".join(orphans)
        self._gate.close("orphans", f"Orders of another database are at IB: {names}.")
        if json.loads(settings.get(ORPHANS_KEY, "[]")) != orphans:
            text = (
                f"Nothing is traded: IB shows orders with the bot's mark that this database does not know ({names}). Was an old "
                f"backup restored, or does another tradebot use this account? If you are sure, `tradebot resume` accepts them."
            )
            async with self._ledger.begin() as books:
                await books.put_setting(ORPHANS_KEY, json.dumps(orphans), "bot", self._clock.now())
                await books.add_event(
                    NewEvent(EventKind.ORPHAN_ORDER, self._clock.now(), text, data={"orders": orphans})
                )

    def _mind_restart(self) -> None:
        """Closes the gate when the restart window begins; when it ends without a restart, has books and IB compared."""
        due = self._restart.covers(self._clock.now())
        if due and not self._restarting:
            self._before_restart = self._broker.connection.generation
            self._gate.close("restart", "IB Gateway restarts about now. Orders wait and go on by themselves.")
        elif self._restarting and not due and "restart" in self._gate.holders:
            self._wanted.set()
        self._restarting = due

    # --- orders in flight -------------------------------------------------------------------------------------------

    async def _round(self) -> None:
        self._mind_restart()
        await self._tell_lost()
        if not (self._broker.connection.up and self._broker.connection.upstream):
            return
        async with self._ledger.read() as books:
            unresolved = await books.trades(UNRESOLVED)
            settings = await books.settings()
        self._forget(unresolved)
        for trade in unresolved:
            if trade.status in LIVE:
                await self._cancel_if_due(trade)
        if "orphans" in self._gate.holders and json.loads(settings.get(ORPHANS_KEY, "[]")) == []:
            self._wanted.set()  # the owner has accepted them
        if [trade for trade in unresolved if self._is_due(trade)]:
            self._doubted.set()

    async def _cancel_if_due(self, trade: Trade) -> None:
        now = self._loop_time()
        overdue = now - self._seen.setdefault(trade.id, now) > self._order_timeout_s
        killed = self._switch.state is TradingState.KILLED
        closed = not self._hours.is_open(self._clock.now() - CLOSE_GRACE)
        if not (overdue or killed or closed or trade.order_ref in self._held):
            return
        before = self._cancelled.get(trade.id)
        if before is not None and now - before < CANCEL_AGAIN_S:
            return
        assert trade.ib_order_id is not None, "an intent is stored with its order id"
        self._broker.cancel(trade.ib_order_id, trade.order_ref)
        self._cancelled[trade.id] = now
        if before is not None:
            logger.warning("order {} still works: its cancel is sent again", trade.order_ref)
            return
        why = "the kill switch is on" if killed else f"it was not done after {self._order_timeout_s:.0f} s"
        if closed and not killed:
            why = "the session ended before it was done, and it must not wait at IB for the next one"
        if trade.order_ref in self._held:
            why = "IB holds it for a short locate, which must never happen: compare the position with TWS"
        text = f"{wording.order(trade)} is being cancelled: {why}. What filled is booked."
        logger.warning("order {}: {}", trade.order_ref, text)
        await self._note(NewEvent(EventKind.ORDER_CANCELLING, self._clock.now(), text, trade.alert_id, trade.id))

    def _is_due(self, trade: Trade) -> bool:
        """Whether IB is to be asked about this trade now; if so, the next time is set."""
        now = self._loop_time()
        repeat_s = UNKNOWN_EVERY_S if trade.status is TradeStatus.UNKNOWN else CANCEL_GRACE_S
        repeats = trade.status is TradeStatus.UNKNOWN or trade.id in self._cancelled
        if repeats:
            self._ask_at.setdefault(trade.order_ref, now + repeat_s)
        if now < self._ask_at.get(trade.order_ref, float("inf")):
            return False
        del self._ask_at[trade.order_ref]
        if repeats:
            self._ask_at[trade.order_ref] = now + repeat_s
        return True

    def _forget(self, unresolved: Sequence[Trade]) -> None:
        ids, refs = {trade.id for trade in unresolved}, {trade.order_ref for trade in unresolved}
        self._seen = {key: at for key, at in self._seen.items() if key in ids}
        self._cancelled = {key: at for key, at in self._cancelled.items() if key in ids}
        self._ask_at = {key: at for key, at in self._ask_at.items() if key in refs}
        self._held &= refs

    # --- telling ----------------------------------------------------------------------------------------------------

    def _told(self, event: BrokerEvent) -> list[NewEvent]:
        now = self._clock.now()
        match event:
            case Connected(account=account, paper=paper):
                away = self._loop_time() - self._lost_since if self._lost_since is not None else None
                self._lost_since = None
                kind = "PAPER account" if paper else "LIVE account, REAL MONEY"
                back = f" again after {wording.seconds(away)}" if away is not None and self._lost_told else ""
                self._lost_told, self._unreachable = False, None
                if self._restarting and away is not None and not back:
                    logger.info("connected to IB again after its restart: {} {}", kind, account)
                    return []
                return [NewEvent(EventKind.BROKER_CONNECTED, now, f"Connected to IB{back}: {kind} {account}.")]
            case Disconnected(exhausted=True, attempt=attempt, reason=reason):
                text = (
                    f"IB cannot be reached after {attempt} attempts ({reason}). Nothing is traded; slow retries go on. "
                    f"Is IB Gateway running and logged in? Check its API port and `[broker]` in the configuration."
                )
                self._lost_since = self._lost_since if self._lost_since is not None else self._loop_time()
                unreachable = NewEvent(EventKind.BROKER_UNREACHABLE, now, text)
                self._unreachable = unreachable if self._restarting else None
                return [] if self._restarting else [unreachable]
            case Disconnected() | UpstreamLost():
                self._lost_since = self._lost_since if self._lost_since is not None else self._loop_time()
            case UpstreamBack():
                away, told = self._loop_time() - (self._lost_since or self._loop_time()), self._lost_told
                self._lost_since, self._lost_told = None, False
                if told:
                    text = f"IB is back after {wording.seconds(away)}. Orders and positions are being compared."
                    return [NewEvent(EventKind.BROKER_CONNECTED, now, text)]
            case Refused(reason=reason):
                return [NewEvent(EventKind.TRADING_REFUSED, now, f"Nothing is traded. {reason}")]
        return []

    async def _tell_lost(self) -> None:
        if self._restarting or self._lost_since is None:
            return
        if self._unreachable is not None:
            await self._note(self._unreachable)
            self._unreachable = None
        away = self._loop_time() - self._lost_since
        if self._lost_told or away < LOST_TOLD_AFTER_S:
            return
        self._lost_told = True
        text = f"IB is not connected for {wording.seconds(away)} now. Alerts are stored and wait; orders at IB live on."
        await self._note(NewEvent(EventKind.BROKER_LOST, self._clock.now(), text))

    async def _note(self, event: NewEvent) -> None:
        """A notice that is not part of a booking: when the database is away, the log has it."""
        try:
            async with self._ledger.begin() as books:
                await books.add_event(event)
        except LedgerUnavailable as error:
            logger.error("{} (not stored: {})", event.text, error)

    def _loop_time(self) -> float:
        return self._clock.monotonic()
