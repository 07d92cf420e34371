"""What the bot holds, at IB's prices, beside IB's own positions. What is not known is None, never zero."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from tradebot.domain import pnl
from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.events import Event, EventKind
from tradebot.domain.facts.daemon import DailyReport
from tradebot.domain.hours import Hours
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.positions import compare
from tradebot.domain.strategies import Strategies
from tradebot.domain.trades import LIVE, Trade
from tradebot.ports import Ledger
from tradebot.queries.strategies import names, of
from tradebot.queries.working import NONE, Protection, protection_by_contract

REPORTS_WITHIN = timedelta(days=10)
"""An older daily report's price is not called the last one."""


@dataclass(frozen=True, slots=True)
class HeldPositions:
    """What the bot holds, at IB's prices, and how that compares with IB's own positions."""

    open: pnl.Unrealised
    owners: Mapping[str, Decimal]  # shares at IB beyond the bot's, by ticker
    missing: Mapping[str, Decimal]  # shares the books hold and IB does not show, by ticker
    known: bool  # False: IB's positions are not known now
    by_strategy: Mapping[str, pnl.Unrealised] = field(default_factory=dict)  # empty where there is one strategy
    protection: Mapping[tuple[str | None, int], Protection] = field(default_factory=dict)  # by strategy, None: all

    def protected(self, owner: str | None, row: pnl.OpenPosition) -> Protection:
        """The stops and targets of a position, of one strategy or of all that are shown."""
        return self.protection.get((owner, row.con_id), NONE)


def held_positions(
    lots: Sequence[Lot],
    broker_positions: Mapping[int, BrokerPosition] | None,
    strategy: str | None = None,
    strategies: Strategies | None = None,
    orders: Sequence[Trade] = (),
) -> HeldPositions:
    """`lots`: every strategy's, for IB knows only their sum. `strategy`: whose are shown, without that comparison; None: all.
    `orders`: those that have not ended."""
    rows = compare(lots, broker_positions) if broker_positions is not None and strategy is None else []
    prices = {con_id: one.market_price for con_id, one in (broker_positions or {}).items()}
    mine = of(strategy, lots)
    each = names(strategies, mine) if strategies is not None and strategy is None else ()
    return HeldPositions(
        open=pnl.unrealised(mine, prices),
        owners={row.ticker: row.owners for row in rows if row.owners},
        missing={row.ticker: row.missing for row in rows if row.missing},
        known=broker_positions is not None,
        by_strategy={name: open_ for name in each if (open_ := pnl.unrealised(of(name, mine), prices)).positions},
        protection={
            (owner, con_id): one
            for owner in (None, *each)
            for con_id, one in protection_by_contract(orders, owner or strategy).items()
        },
    )


# --- beside the daemon ------------------------------------------------------------------------------------------------


class LastPriceSource(StrEnum):
    """Where the newest price that is stored comes from."""

    DAILY_REPORT = "daily_report"
    QUOTE = "quote"  # at the decision of an order
    FILL = "fill"  # of the newest lot that was opened, or closed today


@dataclass(frozen=True, slots=True)
class LastPrice:
    """USD a share, and when it was the price."""

    price: Decimal
    at: datetime
    source: LastPriceSource


@dataclass(frozen=True, slots=True)
class StoredPosition:
    """The open lots of one contract and strategy, by the database alone."""

    held: pnl.OpenPosition
    strategy: str
    since: datetime  # when the oldest of the lots was bought
    last: LastPrice | None  # None: none is stored
    realised_today: Decimal  # USD, net; of its strategy and ticker, on New York's date
    protection: Protection = NONE


@dataclass(frozen=True, slots=True)
class StoredPositions:
    """All open lots by strategy and contract, and what the day has realised besides."""

    positions: Sequence[StoredPosition]
    realised_today: Decimal  # of every ticker
    realised_by_ticker: Mapping[str, Decimal]
    realised_by_strategy: Mapping[str, Decimal]


async def stored_positions(ledger: Ledger, hours: Hours, now: datetime, strategy: str | None = None) -> StoredPositions:
    """What the database alone knows, for who stands beside the daemon; of one strategy only. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        lots = await books.lots(LotStatus.OPEN, strategy=strategy)
        closed = of(strategy, await books.lots(LotStatus.CLOSED, closed_since=hours.day_start(now)))
        orders = await books.trades(LIVE)
        reports = await books.events_since((EventKind.DAILY_REPORT,), now - REPORTS_WITHIN)
    today = hours.calendar.trading_date(now)
    done = pnl.summarise(today, today, closed, ())
    owners = sorted({lot.strategy for lot in (*lots, *closed)})
    by_strategy = {name: pnl.summarise(today, today, of(name, closed), ()) for name in owners}
    positions = []
    for name in owners:
        owned, protected = of(name, lots), protection_by_contract(orders, name)
        for one in pnl.unrealised(owned, {}).positions:
            mine = [lot for lot in owned if (lot.ticker, lot.con_id) == (one.ticker, one.con_id)]
            sold = [lot for lot in closed if lot.con_id == one.con_id]
            since = min(lot.entry_time for lot in mine)
            last = max(
                (*_filled(mine, sold), *_reported(reports, one.ticker, mine)), key=lambda known: known.at, default=None
            )
            realised = by_strategy[name].by_ticker.get(one.ticker, pnl.ZERO)
            positions.append(StoredPosition(one, name, since, last, realised, protected.get(one.con_id, NONE)))
    nets = {name: each.net for name, each in by_strategy.items()}
    return StoredPositions(positions, done.net, done.by_ticker, nets)


def _filled(bought: Iterable[Lot], sold: Iterable[Lot]) -> Iterable[LastPrice]:
    """An entry price went through the splits with its lot."""
    for lot in bought:
        yield LastPrice(lot.entry_price, lot.entry_time, LastPriceSource.FILL)
    for lot in sold:
        if lot.exit_price is not None and lot.exit_time is not None:
            yield LastPrice(lot.exit_price, lot.exit_time, LastPriceSource.FILL)


def _reported(reports: Iterable[Event], ticker: str, lots: Sequence[Lot]) -> Iterable[LastPrice]:
    """What the daily reports said of it since its last split."""
    splits = [datetime.fromisoformat(str(split["at"])) for lot in lots for split in lot.splits]
    for event in reports:
        if isinstance(event.facts, DailyReport) and all(event.at > at for at in splits):
            for position in event.facts.positions:
                if position.ticker == ticker and position.price is not None:
                    yield LastPrice(position.price, event.at, LastPriceSource.DAILY_REPORT)
