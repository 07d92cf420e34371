"""The books against IB, ticker by ticker.

Rules: more at IB than in the books is the owner's own: told once per change, never touched. Less at IB is a mismatch: told
once per change, and BUYs of the ticker are blocked by the risk rules until both agree.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tradebot.domain import wording
from tradebot.domain.brokerage import Holding
from tradebot.domain.model import EventKind, Lot, LotStatus, NewEvent
from tradebot.ports import Books

_TOLD_KEY = "told_positions"


@dataclass(frozen=True, slots=True)
class Position:
    """Shares of one contract: in the bot's lots, and at IB in all."""

    ticker: str
    con_id: int
    booked: Decimal
    at_ib: Decimal

    @property
    def owners(self) -> Decimal:
        return max(self.at_ib - self.booked, Decimal(0))

    @property
    def missing(self) -> Decimal:
        return max(self.booked - self.at_ib, Decimal(0))


def compare(lots: Sequence[Lot], holdings: Mapping[int, Holding]) -> list[Position]:
    """One row a contract that either side knows, by ticker."""
    tickers = {lot.con_id: lot.ticker for lot in lots} | {
        con_id: holding.ticker for con_id, holding in holdings.items()
    }
    rows = []
    for con_id, ticker in sorted(tickers.items(), key=lambda item: item[1]):
        booked = sum((lot.qty for lot in lots if lot.con_id == con_id and lot.status is LotStatus.OPEN), Decimal(0))
        at_ib = holdings[con_id].qty if con_id in holdings else Decimal(0)
        if booked or at_ib:
            rows.append(Position(ticker, con_id, booked, at_ib))
    return rows


async def tell_differences(books: Books, holdings: Mapping[int, Holding], now: datetime) -> None:
    """Adds an event for each difference that was not told yet as it stands."""
    rows = compare(await books.lots(LotStatus.OPEN), holdings)
    told_before: dict[str, str] = json.loads((await books.settings()).get(_TOLD_KEY, "{}"))
    told_now = {str(row.con_id): f"{row.booked:f}/{row.at_ib:f}" for row in rows if row.booked != row.at_ib}
    for row in rows:
        key = str(row.con_id)
        if key in told_now and told_now[key] != told_before.get(key):
            await books.add_event(_difference(row, now))
    if told_now != told_before:
        await books.put_setting(_TOLD_KEY, json.dumps(told_now), "bot", now)


def _difference(row: Position, now: datetime) -> NewEvent:
    booked, at_ib = wording.shares(row.booked), wording.shares(row.at_ib)
    data = {"ticker": row.ticker, "booked": str(row.booked), "at_ib": str(row.at_ib)}
    if row.missing:
        text = (
            f"{row.ticker}: the books hold {booked} shares, IB shows {at_ib}. BUY of {row.ticker} is blocked until they agree. "
            f"Did you sell some yourself, or was there a split? Compare with TWS."
        )
        return NewEvent(EventKind.MISMATCH, now, text, data=data)
    text = (
        f"{row.ticker}: IB shows {at_ib} shares, {booked} of them the bot's. The rest is your own and is never touched."
    )
    return NewEvent(EventKind.OWNER_HOLDINGS, now, text, data=data)
