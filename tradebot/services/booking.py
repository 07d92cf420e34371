"""Books what the broker tells: executions, trade, lots, alert and event in one transaction.

Rules:
- A fold, not an update: a trade's figures and its ticker's lots are computed anew from stored executions each time, so
  that repeats, corrections and late commissions need no path of their own.
- The one consumer of the broker's events. What cannot be stored is tried again, in order, until it is: nothing is dropped.
- Recovery books through the same door (`book`, `conclude`); nothing else moves a trade.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from loguru import logger
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential

from tradebot.domain import lots as lots_of
from tradebot.domain.brokerage import (
    BrokerEvent,
    BrokerOrder,
    ErrorKind,
    Executed,
    Execution,
    OrderError,
    OrderUpdate,
)
from tradebot.domain.model import Alert, Lot, Trade, TradeStatus
from tradebot.domain.orders import ALERT_OF_TRADE, ENDED, next_status, sources_of, step
from tradebot.errors import LedgerUnavailable
from tradebot.ports import Books, Ledger
from tradebot.services import telling

COMMISSION_WAIT_S = 0.25
"""A fill waits this long for its commission, so that both are booked, and told, as one."""
_REFUSALS = frozenset({ErrorKind.REJECTED, ErrorKind.READ_ONLY})


@dataclass(slots=True)
class News:
    """What the broker said of one order since it was last booked."""

    executions: list[Execution] = field(default_factory=list)
    seen: BrokerOrder | None = None
    errors: list[OrderError] = field(default_factory=list)

    def add(self, event: Executed | OrderUpdate | OrderError) -> None:
        match event:
            case Executed(execution):
                self.executions.append(execution)
            case OrderUpdate(order):
                self.seen = order
            case OrderError():
                self.errors.append(event)

    @property
    def lacks_commission(self) -> bool:
        known = {e.exec_id for e in self.executions if e.commission is not None}
        return any(e.exec_id not in known for e in self.executions)


def _unheard(*_: object) -> None:
    """Nobody listens yet."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who hears of what booking sees. Called in order, after the commit; must not block."""

    connection: Callable[[BrokerEvent], None] = _unheard
    ended: Callable[[Trade], None] = _unheard
    doubt: Callable[[str, OrderError | None], None] = _unheard  # this order needs a second look at the broker
    alien: Callable[[str], None] = _unheard  # our prefix, and not in the books


class Booking:
    def __init__(self, ledger: Ledger, events: asyncio.Queue[BrokerEvent], clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._events = events
        self._clock = clock
        self.listeners = Listeners()

    async def run(self) -> None:
        while True:
            for order_ref, news in (await self._collect()).items():
                await self._book_surely(order_ref, news)

    async def book(self, order_ref: str, news: News) -> Trade | None:
        """The trade as it stands afterwards; None when the books do not know the order. Raises LedgerUnavailable."""
        async with self._ledger.begin() as books:
            before = await books.trade_by_ref(order_ref)
            if before is None:
                return None
            changed = [await books.put_execution(before.id, execution) for execution in news.executions]
            after = await self._advance(books, before, news, executions_changed=any(changed))
        self._announce(before, after, news)
        return after

    async def conclude(self, trade_id: int, to: TradeStatus, reason: str) -> Trade:
        """Ends a trade as FAILED (never left), or makes it UNKNOWN, unless the broker has meanwhile told otherwise.

        Raises LedgerUnavailable.
        """
        async with self._ledger.begin() as books:
            before = await books.trade(trade_id)
            assert before is not None, f"trade {trade_id} is stored before it is concluded"
            if before.status in ENDED or before.status is to or (to is TradeStatus.FAILED and before.filled_qty > 0):
                return before
            now = self._clock()
            after = replace(before, status=step(before, to))
            if to is TradeStatus.FAILED:
                after = replace(after, error_message=reason, finished_at=now)
            await books.save_trade(after)
            await self._settle_alert(books, after, reason)
            await telling.concluded(books, before, after, reason, now)
        self._announce(before, after, News())
        return after

    async def _collect(self) -> dict[str, News]:
        """Everything that is there, by order, waiting a moment where a fill still lacks its commission."""
        batch: dict[str, News] = {}
        self._take(batch, await self._events.get())
        try:
            async with asyncio.timeout(COMMISSION_WAIT_S):
                while not self._events.empty() or any(news.lacks_commission for news in batch.values()):
                    self._take(batch, await self._events.get())
        except TimeoutError:
            pass
        return batch

    def _take(self, batch: dict[str, News], event: BrokerEvent) -> None:
        match event:
            case Executed(execution):
                batch.setdefault(execution.order_ref, News()).add(event)
            case OrderUpdate(order):
                batch.setdefault(order.order_ref, News()).add(event)
            case OrderError(order_ref=order_ref):
                batch.setdefault(order_ref, News()).add(event)
            case _:
                self.listeners.connection(event)

    async def _book_surely(self, order_ref: str, news: News) -> None:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(LedgerUnavailable),
            wait=wait_exponential(0.2, max=5),
            before_sleep=_say_not_booked,
        )
        with logger.contextualize(order_ref=order_ref):
            if await retrying(self.book, order_ref, news) is None:
                self.listeners.alien(order_ref)

    async def _advance(self, books: Books, before: Trade, news: News, *, executions_changed: bool) -> Trade:
        """Folds the executions into the trade, its lots, its alert and its events."""
        now = self._clock()
        total = lots_of.summarise(await books.executions(before.id))
        refusal = next((f"IB {e.code}: {e.text}" for e in news.errors if e.kind in _REFUSALS), before.error_message)
        seen = news.seen
        status = next_status(
            before, total.qty, seen.state if seen else None, seen.filled if seen else None, refused=refusal is not None
        )
        ids = _broker_ids(before, news)
        after = replace(
            before,
            filled_qty=total.qty,
            avg_fill_price=total.avg_price,
            commission=total.commission,
            status=step(before, status),
            error_message=refusal,
            ib_order_id=ids[0],
            perm_id=ids[1],
            submitted_at=before.submitted_at or (now if status is not TradeStatus.SUBMITTING else None),
            finished_at=(before.finished_at or now) if status in ENDED else None,
        )
        if after == before and not executions_changed:
            return after
        await books.save_trade(after)
        lots = await self._rewrite_lots(books, after) if executions_changed else await books.lots(ticker=after.ticker)
        alert = await self._settle_alert(books, after, _reason(after))
        told = telling.Told(before, after, alert, tuple(lots), total, now)
        await telling.advanced(books, told)
        return after

    async def _rewrite_lots(self, books: Books, trade: Trade) -> tuple[Lot, ...]:
        executions = await books.executions_of(trade.ticker)
        filled = [_filled(one, executions[one.id]) for one in await books.trades(ticker=trade.ticker) if one.filled_qty]
        folded = lots_of.fold(trade.ticker, filled)
        if folded.oversold:
            logger.critical("{}: {} shares were sold beyond what the books held", trade.ticker, folded.oversold)
        await books.rewrite_lots(trade.ticker, folded.lots)
        return folded.lots

    async def _settle_alert(self, books: Books, trade: Trade, reason: str | None) -> Alert:
        to = ALERT_OF_TRADE[trade.status]
        await books.move_alert(trade.alert_id, (to, *sources_of(to)), to, reason)
        alert = await books.alert(trade.alert_id)
        assert alert is not None, f"trade {trade.id} belongs to a stored alert"
        return alert

    def _announce(self, before: Trade, after: Trade, news: News) -> None:
        """Says what follows from a booking that is committed."""
        if after.status is not before.status:
            logger.info("order {}: {} → {}", after.order_ref, before.status, after.status)
        for error in news.errors:
            logger.warning("IB {} on {}: {}", error.code, after.order_ref, error.text)
            if error.kind not in (ErrorKind.NOTICE, ErrorKind.CANCELLED):
                self.listeners.doubt(after.order_ref, error)
        if after.status in ENDED:
            if before.status not in ENDED:
                self.listeners.ended(after)
        elif news.seen is not None and news.seen.state.value in ("inactive", "cancelled"):
            self.listeners.doubt(after.order_ref, None)


def _broker_ids(trade: Trade, news: News) -> tuple[int | None, int | None]:
    """The order id and permId as IB last told them; completed orders and other clients' views carry none."""
    told = [(e.order_id, e.perm_id) for e in news.executions]
    if news.seen is not None:
        told.append((news.seen.order_id, news.seen.perm_id))
    order_id, perm_id = trade.ib_order_id, trade.perm_id
    for told_order_id, told_perm_id in told:
        order_id = told_order_id or order_id
        perm_id = told_perm_id or perm_id
    return order_id, perm_id


def _reason(trade: Trade) -> str | None:
    """What the alert's row says of its order."""
    match trade.status:
        case TradeStatus.PARTIAL:
            return f"{trade.filled_qty.normalize():f} of {trade.requested_qty.normalize():f}"
        case TradeStatus.CANCELLED:
            return "cancelled unfilled"
        case TradeStatus.FAILED:
            return trade.error_message
    return None


def _say_not_booked(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    logger.error("not booked yet, trying again until the database answers: {}", error)


def _filled(trade: Trade, executions: Sequence[Execution]) -> lots_of.Filled:
    total = lots_of.summarise(executions)
    assert total.first_fill is not None, f"trade {trade.id} filled"
    assert total.last_fill is not None, f"trade {trade.id} filled"
    return lots_of.Filled(
        trade_id=trade.id,
        side=trade.side,
        con_id=trade.con_id,
        qty=total.qty,
        avg_price=total.avg_price,
        commission=total.commission,
        first_fill=total.first_fill,
        last_fill=total.last_fill,
    )
