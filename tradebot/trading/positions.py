"""The books against IB, ticker by ticker.

Rules: more at IB than in the books is the owner's own: told once per change, never touched. Less at IB is a mismatch: told
once per change and by every position sync, and BUYs of the ticker are blocked by the risk rules until both agree. A ticker
whose order is in flight, UNKNOWN or just filled is not compared: IB's position may trail the books.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from tradebot.domain import wording
from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.lots import LotStatus
from tradebot.domain.positions import Position, compare
from tradebot.domain.trades import UNRESOLVED, recently_filled
from tradebot.ports import Books

_TOLD_KEY = "told_positions"
_TRADED_LATELY = timedelta(days=1)
_SPLITS = frozenset(Decimal(n) for n in (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100))


async def tell_differences(
    books: Books, broker_positions: Mapping[int, BrokerPosition], now: datetime, *, mismatches_again: bool = False
) -> list[Position]:
    """Adds an event for each difference that was not told yet as it stands; returns what was compared."""
    moving = await _moving(books, now)
    rows = [row for row in compare(await books.lots(LotStatus.OPEN), broker_positions) if row.ticker not in moving]
    told_before: dict[str, str] = json.loads((await books.settings()).get(_TOLD_KEY, "{}"))
    compared = {str(row.con_id) for row in rows}
    differences = {str(row.con_id): f"{row.booked:f}/{row.at_ib:f}" for row in rows if row.booked != row.at_ib}
    for row in rows:
        key = str(row.con_id)
        if key in differences and (differences[key] != told_before.get(key) or (mismatches_again and row.missing)):
            await books.add_event(_difference(row, now))
    told_now = differences | {key: as_told for key, as_told in told_before.items() if key not in compared and moving}
    if told_now != told_before:
        await books.put_setting(_TOLD_KEY, json.dumps(told_now), "bot", now)
    return rows


async def _moving(books: Books, now: datetime) -> set[str]:
    """Tickers whose position at IB may be about to change, or to be told."""
    unresolved = {trade.ticker for trade in await books.trades(UNRESOLVED)}
    lately = await books.trades(since=now - _TRADED_LATELY)
    return unresolved | {trade.ticker for trade in lately if recently_filled([trade], now)}


def _difference(row: Position, now: datetime) -> NewEvent:
    booked, at_ib = wording.shares(row.booked), wording.shares(row.at_ib)
    data = {"ticker": row.ticker, "con_id": row.con_id, "booked": str(row.booked), "at_ib": str(row.at_ib)}
    if row.missing:
        text = (
            f"{row.ticker}: the books hold {booked} shares, IB shows {at_ib}. BUY of {row.ticker} is blocked until they agree. "
            f"{likely_cause(row)} Compare with TWS, then accept IB's figure."
        )
        return NewEvent(EventKind.MISMATCH, now, text, data=data)
    split = f" {likely_cause(row)}" if row.booked and row.at_ib / row.booked in _SPLITS else ""
    text = (
        f"{row.ticker}: IB shows {at_ib} shares, {booked} of them the bot's. The rest is your own and is never touched."
        f"{split}"
    )
    return NewEvent(EventKind.OWNER_HOLDINGS, now, text, data=data)


def likely_cause(row: Position) -> str:
    """What most often makes such a difference, as a question to the owner."""
    if row.at_ib == 0:
        return "Did you sell or transfer them yourself?"
    if row.at_ib < 0:
        return "Did you sell short yourself?"
    if row.missing and row.booked / row.at_ib in _SPLITS:
        return f"Was there a reverse split, 1 for {wording.shares(row.booked / row.at_ib)}?"
    if row.owners and row.booked and row.at_ib / row.booked in _SPLITS:
        return f"Was there a split, {wording.shares(row.at_ib / row.booked)} for 1?"
    return f"Did you sell {wording.shares(row.missing)} of them yourself?"
