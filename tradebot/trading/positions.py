"""The books against IB, ticker by ticker.

Rules: more at IB than in the books is the owner's: reported once per change, never touched. Less at IB is a mismatch: reported
once per change and by every position sync, and BUYs of the ticker are blocked by the risk rules until both agree. A ticker
whose order is in flight, UNKNOWN or just filled is not compared: IB's position may trail the books.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.account import Mismatch, OwnerHoldings
from tradebot.domain.lots import LotStatus
from tradebot.domain.positions import TOLD_KEY, Position, compare
from tradebot.domain.trades import UNRESOLVED, recently_filled
from tradebot.ports import Books

_TRADED_LATELY = timedelta(days=1)


async def tell_differences(
    books: Books, broker_positions: Mapping[int, BrokerPosition], now: datetime, *, mismatches_again: bool = False
) -> list[Position]:
    """Adds an event for each difference that was not reported yet as it stands; returns what was compared."""
    moving = await _moving(books, now)
    rows = [row for row in compare(await books.lots(LotStatus.OPEN), broker_positions) if row.ticker not in moving]
    told_before: dict[str, str] = json.loads((await books.settings()).get(TOLD_KEY, "{}"))
    compared = {str(row.con_id) for row in rows}
    differences = {str(row.con_id): f"{row.booked:f}/{row.at_ib:f}" for row in rows if row.booked != row.at_ib}
    for row in rows:
        key = str(row.con_id)
        if key in differences and (differences[key] != told_before.get(key) or (mismatches_again and row.missing)):
            await books.add_event(NewEvent(Mismatch(row) if row.missing else OwnerHoldings(row), now))
    told_now = differences | {key: as_told for key, as_told in told_before.items() if key not in compared and moving}
    if told_now != told_before:
        await books.put_setting(TOLD_KEY, json.dumps(told_now), "bot", now)
    return rows


async def _moving(books: Books, now: datetime) -> set[str]:
    """Tickers whose position at IB may be about to change, or to be reported."""
    unresolved = {trade.ticker for trade in await books.trades(UNRESOLVED)}
    lately = await books.trades(since=now - _TRADED_LATELY)
    return unresolved | {trade.ticker for trade in lately if recently_filled([trade], now)}
