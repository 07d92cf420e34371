"""What the tax return asks for: lots with their two dates, orders that filled, or single executions, of a New York year or all.

Rules: figures are the books' own, to the last digit: `proceeds − cost_basis − commissions = realised_pnl`, and the sum over a
year is what the books realised in it. A closed lot belongs to the year in which it closed, an order to that of its decision, an
execution to its own; open lots are in the list of all years only. What is not known (proceeds of what was written off) is None.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.lots import Lot
from tradebot.domain.trades import Trade
from tradebot.ports import Books, Ledger
from tradebot.queries.strategies import of

CURRENCY = "USD"  # of everything that the bot trades
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class What(StrEnum):
    """The three lists."""

    LOTS = "lots"
    TRADES = "trades"
    EXECUTIONS = "executions"


@dataclass(frozen=True, slots=True)
class LotRecord:
    """Shares bought together and sold together, first in first out."""

    ticker: str
    con_id: int
    currency: str
    strategy: str
    status: str
    shares: Decimal
    opened_date: date  # New York
    opened_at: datetime
    closed_date: date | None
    closed_at: datetime | None
    holding_days: int | None  # from date to date
    entry_price: Decimal
    exit_price: Decimal | None
    proceeds: Decimal | None  # commissions not taken off
    cost_basis: Decimal  # commissions not added
    commissions: Decimal  # of buying and, once closed, of selling
    realised_pnl: Decimal | None
    opening_order_ref: str
    closing_order_ref: str | None
    note: str


@dataclass(frozen=True, slots=True)
class TradeRecord:
    """An order that filled anything."""

    order_ref: str
    alert_id: int
    ticker: str
    con_id: int
    currency: str
    strategy: str
    side: str
    role: str
    status: str
    decided_date: date  # New York
    decided_at: datetime
    finished_at: datetime | None
    shares: Decimal
    average_price: Decimal
    amount: Decimal
    commission: Decimal


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    """One fill as IB reported it, its latest correction."""

    exec_id: str
    order_ref: str
    ticker: str
    con_id: int
    currency: str
    strategy: str
    side: str
    date: date  # New York
    at: datetime
    shares: Decimal
    price: Decimal
    amount: Decimal
    commission: Decimal | None


Record: TypeAlias = LotRecord | TradeRecord | ExecutionRecord
_SUMMED = ("proceeds", "cost_basis", "commissions", "commission", "realised_pnl")


@dataclass(frozen=True, slots=True)
class Export:
    """Records of one kind, in time's order, and their sums; of lots, of those whose realised P&L is known."""

    what: What
    year: int | None
    columns: Sequence[str]
    records: Sequence[Record]
    sums: Mapping[str, Decimal]


async def export(ledger: Ledger, what: What, year: int | None, strategy: str | None = None) -> Export:
    """Of one strategy only, where it is given. Raises LedgerUnavailable."""
    kind, read = _KINDS[what]
    async with ledger.read() as books:
        records = of(strategy, await read(books, year))
    columns = [field.name for field in fields(kind)]
    # A lot that is open, or was written off, would be a cost without its proceeds.
    counted = [one for one in records if not isinstance(one, LotRecord) or one.realised_pnl is not None]
    sums = {
        name: sum((one for record in counted if (one := getattr(record, name)) is not None), Decimal(0))
        for name in columns
        if name in _SUMMED
    }
    return Export(what, year, columns, records, sums)


async def _lots(books: Books, year: int | None) -> list[Record]:
    lots = [lot for lot in await books.lots() if year is None or (lot.exit_time and _date(lot.exit_time).year == year)]
    refs = {trade.id: trade.order_ref for trade in await books.trades()}
    ordered = sorted(lots, key=lambda lot: (lot.exit_time is None, lot.exit_time or lot.entry_time, lot.id))
    return [_lot(lot, refs) for lot in ordered]


def _lot(lot: Lot, refs: Mapping[int, str]) -> LotRecord:
    opened, closed = _date(lot.entry_time), None if lot.exit_time is None else _date(lot.exit_time)
    return LotRecord(
        ticker=lot.ticker,
        con_id=lot.con_id,
        currency=CURRENCY,
        strategy=lot.strategy,
        status=lot.status,
        shares=lot.qty,
        opened_date=opened,
        opened_at=lot.entry_time,
        closed_date=closed,
        closed_at=lot.exit_time,
        holding_days=None if closed is None else (closed - opened).days,
        entry_price=lot.entry_price,
        exit_price=lot.exit_price,
        proceeds=None if lot.exit_price is None else lot.qty * lot.exit_price,
        cost_basis=lot.cost,
        commissions=lot.commission,
        realised_pnl=lot.pnl,
        opening_order_ref=refs[lot.opening_trade_id],
        closing_order_ref=None if lot.closing_trade_id is None else refs[lot.closing_trade_id],
        note="; ".join(_notes(lot)),
    )


def _notes(lot: Lot) -> Iterable[str]:
    for split in lot.splits:
        on = _date(datetime.fromisoformat(str(split["at"])))
        yield f"{split['new']} for {split['old']} split, booked {on}: shares and entry price are those after it"
    if lot.exit_time is not None and lot.exit_price is None:
        yield "written off: gone at IB, proceeds not known to the bot"


async def _trades(books: Books, year: int | None) -> list[Record]:
    return [_trade(trade, trade.avg_fill_price) for trade in await books.trades()
            if trade.filled_qty and trade.avg_fill_price is not None and _in(year, trade.created_at)]  # fmt: skip


def _trade(trade: Trade, price: Decimal) -> TradeRecord:
    return TradeRecord(
        order_ref=trade.order_ref,
        alert_id=trade.alert_id,
        ticker=trade.ticker,
        con_id=trade.con_id,
        currency=CURRENCY,
        strategy=trade.strategy,
        side=trade.side,
        role=trade.role,
        status=trade.status,
        decided_date=_date(trade.created_at),
        decided_at=trade.created_at,
        finished_at=trade.finished_at,
        shares=trade.filled_qty,
        average_price=price,
        amount=trade.filled_qty * price,
        commission=trade.commission,
    )


async def _executions(books: Books, year: int | None) -> list[Record]:
    owners = {trade.order_ref: trade.strategy for trade in await books.trades()}
    return [
        ExecutionRecord(
            exec_id=fill.exec_id,
            order_ref=fill.order_ref,
            ticker=fill.ticker,
            con_id=fill.con_id,
            currency=CURRENCY,
            strategy=owners[fill.order_ref],
            side=fill.side,
            date=_date(fill.time),
            at=fill.time,
            shares=fill.shares,
            price=fill.price,
            amount=fill.shares * fill.price,
            commission=fill.commission,
        )
        for fill in await books.executions_since(_EVER)
        if fill.shares and _in(year, fill.time)
    ]


_KINDS: Mapping[What, tuple[type[Record], Callable[[Books, int | None], Awaitable[list[Record]]]]] = {
    What.LOTS: (LotRecord, _lots),
    What.TRADES: (TradeRecord, _trades),
    What.EXECUTIONS: (ExecutionRecord, _executions),
}


def _in(year: int | None, at: datetime) -> bool:
    return year is None or _date(at).year == year


def _date(at: datetime) -> date:
    return at.astimezone(NEW_YORK).date()
