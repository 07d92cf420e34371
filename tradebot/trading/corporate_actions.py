"""Splits that IB's positions show and the owner has not answered yet, and the ticker that the books have for a contract.

Rules: a contract whose order is in flight, UNKNOWN or just filled is not looked at: IB's position may trail the books. What the
owner has called no split is none, as long as the figures are the same. A contract that the books hold keeps the ticker it was
bought under, whatever IB calls it now: one ticker for limits, for the fold of its lots, and for every exit.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.corporate_actions import Split, recognise
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.positions import as_last_filled
from tradebot.domain.trades import UNRESOLVED, TradeStatus, in_motion, recently_filled
from tradebot.ports import Books

_TRADED_LATELY = timedelta(days=1)


async def unanswered_splits(
    books: Books, lots: Iterable[Lot], positions: Mapping[int, BrokerPosition], now: datetime
) -> Sequence[Split]:
    """Of these open lots: recognised, nothing of them in motion, and not answered."""
    found = recognise(lots, positions, await books.settings())
    moving = await moving_contracts(books, now) if found else set()
    return [one for one in found if not moving & {one.con_id, one.new_con_id}]


async def moving_contracts(books: Books, now: datetime, statuses: Collection[TradeStatus] = UNRESOLVED) -> set[int]:
    """Contracts whose position at IB may be about to change, or to be reported, by an order of these statuses."""
    unresolved = {trade.con_id for trade in in_motion(await books.trades(statuses))}
    lately = await books.trades_since_or_ended(now - _TRADED_LATELY)
    fills = await books.executions_of([trade.id for trade in lately if trade.rests and trade.filled_qty])
    lately = as_last_filled(lately, fills)
    return unresolved | {trade.con_id for trade in lately if recently_filled([trade], now)}


async def booked_ticker(books: Books, con_id: int) -> str | None:
    """The ticker under which the books hold this contract, or have it bought; None: they do not."""
    lots = await books.lots(LotStatus.OPEN)
    held = next((lot.ticker for lot in lots if lot.con_id == con_id), None)
    return held or next((one.ticker for one in await books.trades(UNRESOLVED) if one.con_id == con_id), None)
