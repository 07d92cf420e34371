"""Books what the broker tells: executions, trade, lots, alert and event in one transaction.

Rules:
- A fold, not an update: a trade's figures and its ticker's lots from there on (`refold.py`) are computed anew from stored
  executions each time, so that repeats, corrections and late commissions need no path of their own.
- The one consumer of the broker's events. What cannot be stored is tried again, in order, until it is: nothing is dropped.
- Recovery and the owner book through the same door (`book`, `conclude`, `judge_again`, `arm_again`, `write_off`); nothing else
  moves a trade.
- What the owner says about an UNKNOWN order holds until IB shows executions of it: these then take its place.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from loguru import logger
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential

from tradebot.domain.alerts import Alert, AlertStatus, Side
from tradebot.domain.brokerage import (
    BrokerEvent,
    ErrorKind,
    Executed,
    Execution,
    OrderError,
    OrderState,
    OrderUpdate,
)
from tradebot.domain.events import Facts, NewEvent
from tradebot.domain.facts.account import WrittenOff
from tradebot.domain.lots import LotStatus, shares_by_strategy, summarise
from tradebot.domain.orders import ALERT_OF_TRADE, ENDED, moved_by, next_status, step
from tradebot.domain.positions import WriteOff
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.trades import UNRESOLVED, Trade, TradeStatus, alert_of, in_motion
from tradebot.errors import LedgerUnavailable
from tradebot.ports import IDLE_S, Beat, Books, Clock, Ledger, Pulse
from tradebot.trading import order_events, written_off
from tradebot.trading.broker_update import BrokerUpdate, Objections, broker_ids, ibs_words, retracted, ticker_in
from tradebot.trading.exit_rest import exit_waits_for
from tradebot.trading.refold import refold

COMMISSION_WAIT_S = 0.25
"""A fill waits this long for its commission, so that both are booked, and told, as one."""


class Listeners:
    """Who hears of what booking sees: each joins in its own constructor, for it also books, or asks others to.

    Called in the order in which they joined, after the commit; must not block.
    """

    def __init__(self) -> None:
        self.connection: list[Callable[[BrokerEvent], None]] = []
        self.ended: list[Callable[[Trade], None]] = []
        self.filled: list[Callable[[Trade], None]] = []  # in part, or all of it, or corrected
        self.doubt: list[Callable[[str, OrderError | None], None]] = []  # this order needs a second look at the broker
        self.shown: list[Callable[[str, OrderState], None]] = []  # an order that is not over, as the broker shows it
        self.sent: list[Callable[[str], None]] = []  # an order has just been written: called before anything is awaited
        self.orphan: list[Callable[[str], None]] = []  # our prefix, and not in the books


class Booking:
    """Moves trades by what the broker, the reconciliation or the owner reports of them."""

    def __init__(
        self, ledger: Ledger, events: asyncio.Queue[BrokerEvent], clock: Clock, pulse: Pulse, listeners: Listeners
    ) -> None:
        self._ledger = ledger
        self._events = events
        self._clock = clock
        self._pulse = pulse
        self._listeners = listeners
        self._one_at_a_time = asyncio.Lock()  # two foldings of one order must not overwrite each other
        self._objections = Objections()

    async def run(self) -> None:
        beat = self._pulse.of("booking")
        while True:
            beat()
            for order_ref, update in (await self._collect()).items():
                await self._book_surely(order_ref, update, beat)
                beat()

    async def book(self, order_ref: str, update: BrokerUpdate) -> Trade | None:
        """The trade as it stands afterwards; None when the books do not know the order. Raises LedgerUnavailable."""
        async with self._one_at_a_time, self._ledger.begin() as books:
            before = await books.trade_by_ref(order_ref)
            if before is None:
                return None
            if update.by_owner and before.status is not TradeStatus.UNKNOWN:
                return before
            stored = await books.executions(before.id)
            executions = [*update.executions, *retracted(stored, update)]
            changed = [await books.put_execution(before.id, execution) for execution in executions]
            after = await self._advance(books, before, update, executions_changed=any(changed))
            await order_events.told(books, after, update.errors, self._clock.now())
        known = {execution.exec_id for execution in stored}
        with _about(after):
            _log_executions({one.exec_id: one for one in executions if one.exec_id not in known}.values())
            self._announce(before, after, update)
        return after

    async def conclude(
        self, trade_id: int, to: TradeStatus, reason: Reason | str, *, drawn_from: Trade | None = None
    ) -> Trade:
        """Ends a trade as FAILED (never left), or makes it UNKNOWN, unless the broker has meanwhile told otherwise.

        `drawn_from`: the trade as it was when this was concluded; nothing is done if it has changed. Raises LedgerUnavailable.
        """
        async with self._one_at_a_time, self._ledger.begin() as books:
            before = await books.trade(trade_id)
            assert before is not None, f"trade {trade_id} is stored before it is concluded"
            if before.status in ENDED or before.status is to or (to is TradeStatus.FAILED and before.filled_qty > 0):
                return before
            if drawn_from not in (None, before):
                return before
            now = self._clock.now()
            after = replace(before, status=step(before, to))
            if to is TradeStatus.FAILED:
                # An UNKNOWN order that IB shows after all comes to life again, like one that was never seen.
                perm_id = None if before.status is TradeStatus.UNKNOWN else before.perm_id
                after = replace(after, error_message=reason, finished_at=now, perm_id=perm_id)
            await books.save_trade(after)
            await self._move_alert(books, after, reason)
            if to is TradeStatus.FAILED:
                await _end_protection(books, after, reason, now)
            await order_events.concluded(books, before, after, reason, now)
        with _about(after):
            self._announce(before, after, BrokerUpdate())
        return after

    async def judge_again(self, trade_id: int, reason: Reason, *, drawn_from: Trade) -> bool:
        """Ends a trade whose order certainly did not leave, and has its alert judged again: it is RECEIVED.

        False: nothing is judged again, because the trade is not as in `drawn_from` any more, or is not stored at all, or because
        an older order of the alert is alive. Raises LedgerUnavailable.
        """
        now = self._clock.now()
        async with self._one_at_a_time, self._ledger.begin() as books:
            before = await books.trade(trade_id)
            if before is None or before != drawn_from or before.status is not TradeStatus.SUBMITTING:
                return False
            after = replace(before, status=step(before, TradeStatus.FAILED), error_message=reason, finished_at=now)
            await books.save_trade(after)
            await _end_protection(books, after, reason, now)
            alive = [one for one in await books.trades_of_alert(after.alert_id) if one.status in UNRESOLVED]
            moved = not alive and await books.move_alert(
                after.alert_id, (AlertStatus.PROCESSING,), AlertStatus.RECEIVED, reason
            )
            await order_events.judged_again(books, after, reason, now)
        with _about(after):
            logger.info("order {} did not leave and is judged again: {}", after.order_ref, reason)
            self._announce(before, after, BrokerUpdate())
        return moved

    async def arm_again(self, drawn_from: Trade, to: AlertStatus, notice: Facts | None) -> bool:
        """Has the alert of an exit that ended with shares left judged again (RECEIVED), or wait for the open (PENDING).

        False: nothing was done, because the order is not as in `drawn_from` any more, is not the alert's newest, or another one
        must end before it (`exit_waits_for`). Raises LedgerUnavailable.
        """
        async with self._one_at_a_time, self._ledger.begin() as books:
            orders = await books.trades_of_alert(drawn_from.alert_id)
            if orders[-1] != drawn_from or await exit_waits_for(books, drawn_from.strategy, drawn_from.ticker):
                return False
            stands_at = ALERT_OF_TRADE[drawn_from.status]
            if not await books.move_alert(drawn_from.alert_id, (stands_at,), to, Reason(ReasonCode.ARMED_AGAIN)):
                return False
            if notice is not None:
                await books.add_event(NewEvent(notice, self._clock.now(), drawn_from.alert_id, drawn_from.id))
        with _about(drawn_from):
            logger.info("the exit of {} is armed again: its alert is {}", drawn_from.ticker, to)
        return True

    async def write_off(self, loss: WriteOff, by: str, key: str) -> Trade | None:
        """Closes a strategy's lots whose shares are gone, as its SELL without executions: no price, no P&L. It only ever lowers
        the books.

        None: nothing was done, because the books have changed meanwhile, an order is in flight, or `key` was used already.
        Raises LedgerUnavailable.
        """
        now = self._clock.now()
        async with self._one_at_a_time, self._ledger.begin() as books:
            lots = await books.lots(LotStatus.OPEN, ticker=loss.ticker)
            held = shares_by_strategy(lot for lot in lots if lot.con_id == loss.con_id)
            as_asked = (held.get(loss.strategy), sum(held.values())) == (loss.held, loss.held + loss.others)
            if not as_asked or in_motion(await books.trades(UNRESOLVED, ticker=loss.ticker)):
                return None
            alert_id = await books.insert_alert(written_off.alert(loss, by, key, now))
            if alert_id is None:
                return None
            new = written_off.trade(loss, by, alert_id, now)
            trade = Trade.of(
                new,
                id=await books.insert_trade(new),
                filled_qty=loss.qty,
                status=TradeStatus.FILLED,
                submitted_at=now,
                finished_at=now,
            )
            await books.save_trade(trade)
            await self._refold(books, trade)
            whose = loss.strategy if loss.others else None
            facts = WrittenOff(loss.ticker, loss.qty, whose, loss.elsewhere)
            await books.add_event(NewEvent(facts, now, alert_id, trade.id, actor=by))
        return trade

    async def _collect(self) -> dict[str, BrokerUpdate]:
        """Everything that is there, by order, waiting a moment where a fill still lacks its commission."""
        batch: dict[str, BrokerUpdate] = {}
        try:
            async with asyncio.timeout(IDLE_S):
                first = await self._events.get()
        except TimeoutError:
            return batch
        self._take(batch, first)
        try:
            async with asyncio.timeout(COMMISSION_WAIT_S):
                while not self._events.empty() or any(update.lacks_commission for update in batch.values()):
                    self._take(batch, await self._events.get())
        except TimeoutError:
            pass
        return batch

    def _take(self, batch: dict[str, BrokerUpdate], event: BrokerEvent) -> None:
        match event:
            case Executed(execution):
                batch.setdefault(execution.order_ref, BrokerUpdate()).add(event)
            case OrderUpdate(order):
                batch.setdefault(order.order_ref, BrokerUpdate()).add(event)
            case OrderError(order_ref=order_ref):
                batch.setdefault(order_ref, BrokerUpdate()).add(event)
            case _:
                for hear in self._listeners.connection:
                    hear(event)

    async def _book_surely(self, order_ref: str, update: BrokerUpdate, beat: Beat) -> None:
        def say(state: RetryCallState) -> None:
            beat()
            _say_not_booked(state)

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(LedgerUnavailable),
            wait=wait_exponential(0.2, max=5),
            before_sleep=say,
        )
        with logger.contextualize(alert_id=alert_of(order_ref), ticker=ticker_in(update), order_ref=order_ref):
            if await retrying(self.book, order_ref, update) is None:
                for hear in self._listeners.orphan:
                    hear(order_ref)

    async def _advance(self, books: Books, before: Trade, update: BrokerUpdate, *, executions_changed: bool) -> Trade:
        """Folds the executions into the trade, its lots, its alert and its events."""
        now = self._clock.now()
        total = summarise(await books.executions(before.id))
        before = await _as_reduced(books, before, update, total.qty)
        refusal = self._objections.refusal(before, update)
        seen = update.seen
        status = next_status(
            before,
            total.qty,
            seen.state if seen else None,
            seen.filled if seen else None,
            refused=refusal is not None,
            may_live=self._objections.may_live(before),
        )
        if before.status in ENDED and status is not before.status and refusal == before.error_message:
            refusal = None  # what was taken for its end was not
        fills_changed = total.qty != before.filled_qty
        shown = seen is not None or bool(update.executions)
        ids = broker_ids(before, update)
        placed = before.placed_after, before.placed_nth
        if total.qty and before.placed_after is None and before.is_protective:
            placed = await books.next_place(before.strategy, before.ticker)
        after = replace(
            before,
            placed_after=placed[0],
            placed_nth=placed[1],
            filled_qty=total.qty,
            avg_fill_price=total.avg_price,
            commission=total.commission,
            status=step(before, status),
            error_message=refusal,
            ib_order_id=ids[0],
            perm_id=ids[1],
            submitted_at=before.submitted_at or (now if shown else None),
            # Moves with a late fill: until then neither cash nor position at IB can have shown it.
            finished_at=(None if fills_changed else before.finished_at) or now if status in ENDED else None,
        )
        if after == before and not executions_changed:
            return after
        await books.save_trade(after)
        beyond = await self._refold(books, after) if executions_changed else Decimal(0)
        alert = await self._move_alert(books, after, _reason(after))
        change = order_events.OrderChange(before, after, alert, total, now)
        await order_events.advanced(books, change)
        if beyond and fills_changed and not await _awaits_a_buy(books, after):
            await order_events.sold_beyond(books, after, beyond, now)
        return after

    async def _refold(self, books: Books, trade: Trade) -> Decimal:
        """Shares sold beyond what the books held."""
        if oversold := await refold(books, trade):
            with _about(trade):
                logger.critical("{}: {} shares were sold beyond what the books held", trade.ticker, oversold)
        return oversold

    async def _move_alert(self, books: Books, trade: Trade, reason: Reason | str | None) -> Alert:
        to = ALERT_OF_TRADE[trade.status]
        told = reason is not None or to is not AlertStatus.UNKNOWN  # why it became UNKNOWN stays readable
        if told and not trade.is_protective:  # its alert is its entry's
            others = [one for one in await books.trades_of_alert(trade.alert_id) if one.id != trade.id]
            await books.move_alert(trade.alert_id, moved_by(trade, others), to, reason)
        alert = await books.alert(trade.alert_id)
        assert alert is not None, f"trade {trade.id} belongs to a stored alert"
        return alert

    def _announce(self, before: Trade, after: Trade, update: BrokerUpdate) -> None:
        """Says what follows from a booking that is committed."""
        ended = after.status in ENDED and before.status not in ENDED
        if after.filled_qty != before.filled_qty:
            for hear in self._listeners.filled:
                hear(after)
        if after.status is not before.status:
            # Every other step is an event that is logged itself; a cancel's end is not where the alert that cancels tells it.
            level = "INFO" if after.status in (TradeStatus.SUBMITTED, TradeStatus.CANCELLED) else "DEBUG"
            logger.log(level, "order {}: {} → {}", after.order_ref, before.status, after.status)
        for error in update.errors:
            in_event = ended and not after.filled_qty and after.error_message == ibs_words(error)
            logger.log("DEBUG" if in_event else "WARNING", "IB {} on {}: {}", error.code, after.order_ref, error.text)
            if error.kind not in (ErrorKind.NOTICE, ErrorKind.CANCELLED):
                self._doubt(after.order_ref, error)
        if after.status in ENDED:
            self._objections.ended(after)
            if ended:
                for hear in self._listeners.ended:
                    hear(after)
        elif update.seen is not None:
            for hear_state in self._listeners.shown:
                hear_state(after.order_ref, update.seen.state)
            if update.seen.state is not OrderState.WORKING:
                self._doubt(after.order_ref, None)  # over, or nearly, and the fills are not all here

    def _doubt(self, order_ref: str, error: OrderError | None) -> None:
        for hear in self._listeners.doubt:
            hear(order_ref, error)


async def _as_reduced(books: Books, order: Trade, update: BrokerUpdate, filled: Decimal) -> Trade:
    """IB takes off a protective order what another one of its group fills: what it then filled is all of it."""
    seen = update.seen
    # openOrder does not say what has filled: then all that it is for by now.
    done = seen is not None and seen.state is OrderState.FILLED and filled >= (seen.filled or seen.qty) > 0
    if not (order.is_protective and done and filled < order.requested_qty):
        return order
    await books.change_terms(order.id, order.terms, filled)
    return replace(order, requested_qty=filled)


async def _awaits_a_buy(books: Books, trade: Trade) -> bool:
    """Whether fills of a BUY may come after those of the SELL that sold its shares, as after a restart."""
    unresolved = await books.trades(UNRESOLVED, ticker=trade.ticker, strategy=trade.strategy)
    parents = (trade.id, trade.parent_trade_id)
    return any(one.side is Side.BUY and (not one.rests or one.id in parents) for one in unresolved)


async def _end_protection(books: Books, entry: Trade, reason: Reason | str, now: datetime) -> None:
    """What was to leave with an entry that did not leave has not left either."""
    for one in await books.protection_of([entry.id]):
        if one.status is TradeStatus.SUBMITTING:
            failed = replace(one, status=step(one, TradeStatus.FAILED), error_message=reason, finished_at=now)
            await books.save_trade(failed)


def _about(trade: Trade) -> AbstractContextManager[None]:
    """What is logged meanwhile is about this trade."""
    return logger.contextualize(alert_id=trade.alert_id, ticker=trade.ticker, order_ref=trade.order_ref)


def _log_executions(booked: Collection[Execution]) -> None:
    for one in booked:
        commission = "not reported yet" if one.commission is None else f"{one.commission}"
        logger.info(
            "execution {}: {} {:f} {} at {}, commission {}",
            *(one.exec_id, one.side, one.shares, one.ticker, one.price, commission),
        )


def _reason(trade: Trade) -> Reason | str | None:
    """What the alert's row says of its order."""
    match trade.status:
        case TradeStatus.PARTIAL:
            return Reason(ReasonCode.PARTLY_FILLED, {"filled": trade.filled_qty, "requested": trade.requested_qty})
        case TradeStatus.CANCELLED:
            return Reason(ReasonCode.CANCELLED_UNFILLED)
        case TradeStatus.FAILED:
            return trade.error_message
    return None


def _say_not_booked(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    logger.error("not booked yet, trying again until the database answers: {}", error)
