"""A mismatch as a person is asked about it: the shares that would be written off, as IB and the books stand now."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

from tradebot.domain.corporate_actions import recognise
from tradebot.domain.lots import LotStatus, shares_by_strategy
from tradebot.domain.positions import WriteOff, as_last_filled, compare
from tradebot.domain.trades import POSITION_LAG, UNRESOLVED, in_motion, recently_filled
from tradebot.ports import Broker, Clock, Ledger


class NothingToWriteOff(StrEnum):
    """Why there is nothing to write off now."""

    ORDER_UNRESOLVED = "order_unresolved"  # in flight or UNKNOWN: that first
    JUST_TRADED = "just_traded"  # IB's position may trail
    BOOKS_AGREE = "books_agree"
    SPLIT = "split"  # it looks like one: that is to be answered first


async def missing_shares(
    ledger: Ledger, broker: Broker, clock: Clock, ticker: str
) -> Sequence[WriteOff] | NothingToWriteOff:
    """One a strategy that holds the contract: whose shares are gone only the owner knows. Raises BrokerUnavailable,
    LedgerUnavailable."""
    report = await broker.position_report()
    async with ledger.read() as books:
        lots = await books.lots(LotStatus.OPEN, ticker=ticker)
        in_flight = in_motion(await books.trades(UNRESOLVED, ticker=ticker))
        settings = await books.settings()
        trades = await books.trades_ended_since(ticker, clock.now() - POSITION_LAG)
        fills = await books.executions_of([trade.id for trade in trades if trade.rests])
    if in_flight:
        return NothingToWriteOff.ORDER_UNRESOLVED
    if recently_filled(as_last_filled(trades, fills), clock.now()):
        return NothingToWriteOff.JUST_TRADED
    if recognise(lots, report.positions, settings):
        return NothingToWriteOff.SPLIT
    con_ids = {lot.con_id for lot in lots}
    rows = compare(lots, {con_id: held for con_id, held in report.positions.items() if con_id in con_ids})
    row = next((row for row in rows if row.missing), None)
    if row is None:
        return NothingToWriteOff.BOOKS_AGREE
    # Short at IB: what the books hold is gone, and no more than that.
    gone = min(row.missing, row.booked)
    held = shares_by_strategy(lot for lot in lots if lot.con_id == row.con_id)
    return [
        WriteOff(
            ticker,
            row.con_id,
            held=shares,
            qty=min(gone, shares),
            strategy=strategy,
            others=row.booked - shares,
            elsewhere=max(gone - shares, Decimal(0)),
        )
        for strategy, shares in held.items()
    ]
