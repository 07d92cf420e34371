"""The books at one moment, and with them the running daemon: what `tradebot status` and /status show."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from tradebot.domain.alerts import Alert, AlertStatus, Side
from tradebot.domain.brokerage import Account, BrokerPosition
from tradebot.domain.corporate_actions import market_prices
from tradebot.domain.exposure import Exposure, exposure, recent_since
from tradebot.domain.gate import GateReason
from tradebot.domain.hours import Hours
from tradebot.domain.instance import Instance, instance_in
from tradebot.domain.limits import Limits, LossBasis
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.questions import Silent
from tradebot.domain.settings import TradingState, blocked_tickers, limits_in, state_in
from tradebot.domain.strategies import Strategies
from tradebot.domain.trades import UNRESOLVED, Trade, TradeStatus, in_motion
from tradebot.ports import Books, Connection, Ledger, QueueContents
from tradebot.queries.strategies import StrategyStatus, of, strategy_status

NO_LIMIT = Decimal(0)


@dataclass(frozen=True, slots=True)
class BooksStatus:
    """The books at one moment. USD are Decimal."""

    state: TradingState
    limits: Limits
    received_sells: int
    received_buys: int
    pending: int
    in_flight: Sequence[Trade]  # on their way: neither resting nor UNKNOWN
    unknown: Sequence[Trade]
    lots: Sequence[Lot]
    exposure: Exposure  # the sums that the risk checks compare with the limits
    resting: Sequence[Trade] = ()  # at IB, waiting for their price
    instance: Instance | None = None  # who took the lock last
    strategies: Sequence[StrategyStatus] = ()  # in the file's order
    blocked: Collection[str] = ()  # tickers that the owner lets nothing buy

    @property
    def several(self) -> bool:
        """Whether it has to be said whose something is."""
        return len(self.strategies) > 1

    @property
    def at_daily_loss(self) -> bool:
        """Whether the whole account buys nothing more today."""
        return self.exposure.at_daily_loss(self.limits.max_daily_loss)


@dataclass(frozen=True, slots=True)
class StatusRows:
    """What the status is made of."""

    settings: Mapping[str, str]
    waiting: Mapping[tuple[AlertStatus, Side | None], int]
    unresolved: Sequence[Trade]
    lots: Sequence[Lot]
    recent: Sequence[Trade]
    closed: Sequence[Lot]  # today
    industries: Mapping[int, str]  # by contract


async def books_status(
    books: Books,
    defaults: Limits,
    hours: Hours,
    now: datetime,
    account: Account | None = None,
    *,
    positions: Mapping[int, BrokerPosition] | None = None,
    loss_basis: LossBasis = LossBasis.REALISED,
    strategies: Strategies | None = None,
) -> BooksStatus:
    """What the database knows; with IB's account values also what of them is spent already, and with its prices what open lots
    have lost. Raises LedgerUnavailable."""
    day_start = hours.day_start(now)
    rows = StatusRows(
        settings=await books.settings(),
        waiting=await books.count_waiting(),
        unresolved=await books.trades(UNRESOLVED),
        lots=await books.lots(LotStatus.OPEN),
        recent=await books.trades_since_or_ended(recent_since(day_start)),
        closed=await books.lots(LotStatus.CLOSED, closed_since=day_start),
        industries=await books.industries(),
    )
    return status_of(rows, defaults, day_start, now, account, positions, loss_basis, strategies)


def status_of(
    rows: StatusRows,
    defaults: Limits,
    day_start: datetime,
    now: datetime,
    account: Account | None,
    positions: Mapping[int, BrokerPosition] | None,
    loss_basis: LossBasis,
    strategies: Strategies | None,
) -> BooksStatus:
    """What the rows come to."""
    settings, unresolved, lots, recent, closed = rows.settings, rows.unresolved, rows.lots, rows.recent, rows.closed
    received = {side: count for (status, side), count in rows.waiting.items() if status is AlertStatus.RECEIVED}
    prices = market_prices(lots, positions or {}, settings)
    total = partial(
        exposure,
        account=account,
        day_start=day_start,
        now=now,
        prices=prices,
        loss_basis=loss_basis,
        industries=rows.industries,
    )
    each = [
        strategy_status(
            one,
            settings,
            total(of(one.name, lots), of(one.name, unresolved), of(one.name, recent), of(one.name, closed)),
            len(of(one.name, lots)),
            now,
        )
        for one in strategies or ()
    ]
    return BooksStatus(
        state=state_in(settings),
        limits=limits_in(settings, defaults),
        received_sells=received.get(Side.SELL, 0),
        received_buys=received.get(Side.BUY, 0),
        pending=sum(rows.waiting.values()) - sum(received.values()),
        in_flight=[trade for trade in in_motion(unresolved) if trade.status is not TradeStatus.UNKNOWN],
        resting=[trade for trade in unresolved if trade.rests],
        unknown=[trade for trade in unresolved if trade.status is TradeStatus.UNKNOWN],
        lots=lots,
        exposure=total(lots, unresolved, recent, closed),
        instance=instance_in(settings),
        strategies=each,
        blocked=sorted(blocked_tickers(settings)),
    )


async def stored_status(
    ledger: Ledger,
    defaults: Limits,
    hours: Hours,
    now: datetime,
    loss_basis: LossBasis,
    strategies: Strategies | None = None,
) -> BooksStatus:
    """What the database alone knows, for who stands beside the daemon. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        return await books_status(books, defaults, hours, now, loss_basis=loss_basis, strategies=strategies)


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """The running daemon at one moment: its books and its parts."""

    books: BooksStatus
    state: TradingState  # in force, which a kill that is not stored yet counts for
    connection: Connection
    account: Account | None
    depths: QueueContents | None  # None: the queue does not answer
    held_up_by: Sequence[GateReason]  # why no order leaves; empty when orders leave
    silent: Sequence[Silent]  # questions that IB does not answer
    uptime_s: float
    version: str
    simulated: Sequence[str]
    not_traded: Sequence[Alert] = ()  # of this New York date
    max_risk_usd: Decimal = NO_LIMIT  # the most that may be at risk down to the stops; 0: no limit
