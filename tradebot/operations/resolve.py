"""What only the owner can decide: whether an UNKNOWN order filled, and that shares the books hold are gone.

Rules: the owner is asked about things as they stand now, and his word is booked only while they still stand so. It never
raises what the bot may sell: an order that "filled" is booked up to what it asked for, a mismatch only ever lowers the lots. A
price that is not IB's own is said to be an estimate, with its source; executions that IB shows later take its place.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from tradebot.domain import wording
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Execution, OrderReport, OrderState
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.lots import LotStatus
from tradebot.domain.positions import compare
from tradebot.domain.trades import UNRESOLVED, Trade, TradeStatus
from tradebot.ports import Broker, Clock, Ledger
from tradebot.trading.booking import OWNERS_WORD, Booking, BrokerUpdate, WriteOff
from tradebot.trading.snapshot import recently_filled


@dataclass(frozen=True, slots=True)
class Guess:
    """The fill that would be booked on the owner's word."""

    trade: Trade
    qty: Decimal
    price: Decimal | None  # USD a share; None: nothing to go by
    source: str


class Resolutions:
    def __init__(self, ledger: Ledger, broker: Broker, booking: Booking, clock: Clock) -> None:
        self._ledger = ledger
        self._broker = broker
        self._booking = booking
        self._clock = clock

    # --- UNKNOWN orders ---------------------------------------------------------------------------------------------

    async def guess(self, trade_id: int) -> Guess | None:
        """None when the order is not UNKNOWN (any more). Raises LedgerUnavailable."""
        async with self._ledger.read() as books:
            trade = await books.trade(trade_id)
            lots = await books.lots(LotStatus.OPEN, ticker=trade.ticker) if trade else []
        if trade is None or trade.status is not TradeStatus.UNKNOWN:
            return None
        holding = (self._broker.positions() or {}).get(trade.con_id)
        candidates: list[tuple[Decimal | None, str]]
        if trade.side is Side.BUY:
            alone = trade.ib_position_before == 0
            candidates = [
                (holding.avg_cost if holding and alone else None, "IB's average cost of the position"),
                (_ask(trade), "the ask when the order was decided"),
            ]
        else:
            cost = sum((lot.cost for lot in lots), Decimal(0))
            held = sum((lot.qty for lot in lots), Decimal(0))
            candidates = [
                (holding.market_price if holding else None, "IB's price now"),
                (cost / held if held else None, "the entry price, for IB shows none: a P&L of zero"),
            ]
        price, source = next(((p, why) for p, why in candidates if p is not None and p > 0), (None, ""))
        return Guess(trade, trade.requested_qty - trade.filled_qty, price, source)

    async def it_filled(self, trade_id: int, by: str) -> Trade | None:
        """Books the rest of the order as filled; None when there is nothing to decide. Raises LedgerUnavailable."""
        guess = await self.guess(trade_id)
        if guess is None or guess.price is None:
            return None
        trade, now = guess.trade, self._clock.now()
        price = guess.price.quantize(Decimal("0.0001"))
        said = Execution(
            exec_id=f"{OWNERS_WORD}{trade.id}.1",
            order_ref=trade.order_ref,
            order_id=trade.ib_order_id or 0,
            perm_id=trade.perm_id or 0,
            con_id=trade.con_id,
            ticker=trade.ticker,
            side=trade.side,
            shares=guess.qty,
            price=price,
            time=now,
        )
        after = await self._booking.book(trade.order_ref, BrokerUpdate(executions=[said], by_owner=True))
        if after is not None and after.status is TradeStatus.FILLED:
            text = (
                f"{wording.order(trade)} is booked as filled on the word of {by}. Its price is an estimate, {guess.source}, and "
                f"its commission is not known. If IB shows the executions, they take its place."
            )
            await self._tell(after, text, by)
        return after

    async def it_never_existed(self, trade_id: int, by: str) -> Trade | None:
        """Ends the order with what has filled of it; None when there is nothing to decide. Raises LedgerUnavailable."""
        guess = await self.guess(trade_id)
        if guess is None:
            return None
        trade = guess.trade
        if not trade.filled_qty:
            reason = f"{by} has looked and says that it never existed."
            return await self._booking.conclude(trade.id, TradeStatus.FAILED, reason, drawn_from=trade)
        ended = OrderReport(
            order_ref=trade.order_ref,
            order_id=trade.ib_order_id or 0,
            perm_id=trade.perm_id or 0,
            client_id=None,
            con_id=trade.con_id,
            ticker=trade.ticker,
            side=trade.side,
            qty=trade.requested_qty,
            filled=trade.filled_qty,
            state=OrderState.CANCELLED,
            ib_status="ended by the owner's word",
        )
        after = await self._booking.book(trade.order_ref, BrokerUpdate(seen=ended, by_owner=True))
        if after is not None:
            await self._tell(after, f"{wording.order(trade)} is ended on the word of {by}: no more of it filled.", by)
        return after

    async def _tell(self, trade: Trade, text: str, by: str) -> None:
        event = NewEvent(EventKind.ORDER_RESOLVED, self._clock.now(), text, trade.alert_id, trade.id, actor=by)
        async with self._ledger.begin() as books:
            await books.add_event(event)

    # --- mismatches -------------------------------------------------------------------------------------------------

    async def shortfall(self, ticker: str) -> WriteOff | str:
        """What would be written off, as IB and the books stand now; else why nothing is. Raises BrokerUnavailable,
        LedgerUnavailable."""
        position_report = await self._broker.position_report()
        async with self._ledger.read() as books:
            lots = await books.lots(LotStatus.OPEN, ticker=ticker)
            in_flight = await books.trades(UNRESOLVED, ticker=ticker)
            trades = await books.trades(ticker=ticker)
        if in_flight:
            return f"An order of {ticker} is in flight or UNKNOWN: settle that first, then accept."
        if recently_filled(trades, self._clock.now()):
            return f"{ticker} was traded just now and IB's position may trail it: try again in ten seconds."
        rows = compare(lots, {c: h for c, h in position_report.positions.items() if c in {lot.con_id for lot in lots}})
        missing = next((row for row in rows if row.missing), None)
        if missing is None:
            return f"Books and IB agree on {ticker} now: there is nothing to accept."
        # Short at IB: what the books hold is gone, and no more than that.
        return WriteOff(ticker, missing.con_id, missing.booked, min(missing.missing, missing.booked))

    async def accept(self, loss: WriteOff, by: str, key: str) -> Trade | None:
        """Lowers the books to what IB shows; None when things have changed since `shortfall`. Raises LedgerUnavailable."""
        return await self._booking.write_off(loss, by, key)


def _ask(trade: Trade) -> Decimal | None:
    """The ask in the quote that the decision was made on."""
    node: Any = trade.decision
    for key in ("inputs", "quote", "ask"):
        node = node.get(key) if isinstance(node, dict) else None
    try:
        return Decimal(node) if isinstance(node, str) else None
    except InvalidOperation:
        return None
