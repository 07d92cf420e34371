"""What looks like a split of a ticker, as IB and the books stand now."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from tradebot.domain.corporate_actions import Split, denied_splits, recognise
from tradebot.domain.events import EventKind
from tradebot.domain.facts.account import SplitSeen
from tradebot.domain.lots import LotStatus
from tradebot.domain.positions import as_last_filled
from tradebot.domain.trades import POSITION_LAG, UNRESOLVED, in_motion, recently_filled
from tradebot.ports import Broker, Clock, Ledger

_TOLD_WITHIN = timedelta(days=30)


class NoSplit(StrEnum):
    """Why there is nothing to answer now."""

    ORDER_UNRESOLVED = "order_unresolved"  # in flight or UNKNOWN: that first
    JUST_TRADED = "just_traded"  # IB's position may trail
    NOT_SEEN = "not_seen"  # booked, denied, or the figures fit no ratio any more


async def seen_split(ledger: Ledger, broker: Broker, clock: Clock, ticker: str) -> Split | NoSplit:
    """Raises BrokerUnavailable, LedgerUnavailable."""
    report = await broker.position_report()
    async with ledger.read() as books:
        lots = await books.lots(LotStatus.OPEN, ticker=ticker)
        in_flight = in_motion(await books.trades(UNRESOLVED, ticker=ticker))
        trades = await books.trades_ended_since(ticker, clock.now() - POSITION_LAG)
        fills = await books.executions_of([trade.id for trade in trades if trade.rests])
        settings = await books.settings()
    if in_flight:
        return NoSplit.ORDER_UNRESOLVED
    if recently_filled(as_last_filled(trades, fills), clock.now()):
        return NoSplit.JUST_TRADED
    return next(iter(recognise(lots, report.positions, settings)), NoSplit.NOT_SEEN)


async def told_split(ledger: Ledger, ticker: str, now: datetime) -> tuple[Split, datetime] | None:
    """The newest that the owner was told of and has not answered, and when; as the books stand now. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        events = await books.events_since((EventKind.SPLIT_SEEN, EventKind.SPLIT_BOOKED), now - _TOLD_WITHIN)
        lots = await books.lots(LotStatus.OPEN, ticker=ticker)
        settings = await books.settings()
    told = next((one for one in reversed(events) if one.ticker == ticker), None)
    if told is None or not isinstance(told.facts, SplitSeen):
        return None
    split = told.facts.split
    booked = sum((lot.qty for lot in lots if lot.con_id == split.con_id), Decimal(0))
    return (split, told.at) if booked == split.booked and split.key not in denied_splits(settings) else None
