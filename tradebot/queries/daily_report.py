"""The daily report of one session: its figures, and what its picture is drawn from.

Rules: figures come from the books, cash and equity and prices from IB; what is not known is None, never zero.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from tradebot.domain import pnl
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.brokerage import Account, BrokerPosition
from tradebot.domain.calendar import DAY, Session
from tradebot.domain.events import Event, EventKind, OtherFacts
from tradebot.domain.facts.alerts import AlertBlocked
from tradebot.domain.facts.daemon import DailyReport, ReportedPosition, SessionPoint, StrategyDay, TickerPnl
from tradebot.domain.hours import Hours
from tradebot.domain.limits import Limits, LossBasis
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.refusals import RefusalCode
from tradebot.domain.strategies import Strategies
from tradebot.domain.trades import Trade
from tradebot.ports import Books
from tradebot.queries.status import books_status
from tradebot.queries.strategies import names, of

NAMED_IN_0_1 = {
    "kill switch": RefusalCode.KILL_SWITCH,
    "pause": RefusalCode.PAUSED,
    "unknown order": RefusalCode.UNKNOWN_ORDER,
    "mismatch": RefusalCode.MISMATCH,
    "alert age": RefusalCode.ALERT_AGE,
    "repeat window": RefusalCode.REPEAT_WINDOW,
    "quote known": RefusalCode.NO_QUOTE,
    "size": RefusalCode.SIZE,
    "cash": RefusalCode.CASH,
    "total investment": RefusalCode.MAX_TOTAL_INVESTMENT,
    "open positions": RefusalCode.MAX_OPEN_POSITIONS,
    "per ticker": RefusalCode.MAX_PER_TICKER,
    "daily buys": RefusalCode.MAX_DAILY_BUYS,
    "daily loss": RefusalCode.MAX_DAILY_LOSS,
    "price collar": RefusalCode.PRICE_COLLAR,
    "max order value": RefusalCode.MAX_ORDER_VALUE,
}
"""The checks as events of 0.1.0 name them."""
SERIES = timedelta(days=45)
"""How far back the picture goes: about thirty sessions."""


async def gather(
    books: Books,
    session: Session,
    defaults: Limits,
    hours: Hours,
    now: datetime,
    *,
    account: Account | None,
    broker_positions: Mapping[int, BrokerPosition] | None,
    loss_basis: LossBasis = LossBasis.REALISED,
    strategies: Strategies | None = None,
) -> DailyReport:
    """The session's report, read in one transaction. Raises LedgerUnavailable."""
    begin, end = hours.calendar.day_start(session.date), hours.calendar.day_start(session.date + DAY)
    closed = await books.lots(LotStatus.CLOSED, closed_since=begin - SERIES)
    events = await books.events_since((EventKind.ALERT_BLOCKED, EventKind.ALERT_FAILED, EventKind.ORDER_FAILED), begin)
    events = [event for event in events if event.at < end]
    failures = {event.alert_id for event in events if event.kind is not EventKind.ALERT_BLOCKED}
    trades = [trade for trade in await books.trades_since_or_ended(begin) if trade.avg_fill_price is not None]
    current = await books_status(
        books, defaults, hours, now, account, positions=broker_positions, loss_basis=loss_basis
    )
    earlier = await books.events_since((EventKind.DAILY_REPORT,), begin - SERIES)
    blocked = Counter(rule_of(event) for event in events if event.kind is EventKind.ALERT_BLOCKED)
    prices = {con_id: one.market_price for con_id, one in (broker_positions or {}).items()}
    done, open_ = pnl.summarise(session.date, session.date, closed, trades), pnl.unrealised(current.lots, prices)
    used, each = current.exposure, names(strategies or Strategies(), current.lots, closed, trades)
    return DailyReport(
        session=session.date,
        early_close=(session.name or "") if session.early else None,
        buys=done.buys,
        sells=done.sells,
        commissions=_plain(done.commissions_paid),
        gross=_plain(done.gross),
        net=_plain(done.net),
        by_ticker={ticker: _plain(net) for ticker, net in done.by_ticker.items()},
        closed=done.closed,
        wins=done.wins,
        written_off=done.written_off,
        best=_result(done.best),
        worst=_result(done.worst),
        unrealised=_plain(open_.pnl),
        unrealised_unknown=open_.unknown,
        positions=tuple(ReportedPosition(one.ticker, one.qty, one.cost, one.price) for one in open_.positions),
        blocked=dict(blocked.most_common()),
        failed=await _failed(books, failures),
        waiting=current.received_sells + current.received_buys + current.pending,
        cash=account.cash if account else None,
        equity=account.equity if account else None,
        state=current.state,
        limits=current.limits,
        open_positions=used.open_positions,
        invested=used.invested,
        buys_today=used.buys_today,
        lost_today=used.lost_today,
        ib_daily_pnl=account.daily_pnl if account else None,
        series=_series(session, closed, earlier, account, hours),
        by_strategy=_by_strategy(each, session.date, closed, trades, current.lots, prices),
    )


def _by_strategy(
    each: Sequence[str],
    day: date,
    closed: Sequence[Lot],
    trades: Sequence[Trade],
    lots: Sequence[Lot],
    prices: Mapping[int, Decimal | None],
) -> tuple[StrategyDay, ...]:
    return tuple(
        _strategy_day(
            name,
            pnl.summarise(day, day, of(name, closed), of(name, trades)),
            pnl.unrealised(of(name, lots), prices),
        )
        for name in each
    )


def _strategy_day(name: str, done: pnl.Summary, open_: pnl.Unrealised) -> StrategyDay:
    return StrategyDay(
        name,
        buys=done.buys,
        sells=done.sells,
        net=_plain(done.net),
        closed=done.closed,
        wins=done.wins,
        positions=len(open_.positions),
        unrealised=None if open_.unknown else _plain(open_.pnl),
    )


async def _failed(books: Books, alert_ids: Collection[int | None]) -> int:
    """How many of these did fail: what waits for its next order has not, nor what another order of it has filled."""
    alerts = [await books.alert(one) for one in alert_ids if one is not None]
    return sum(alert is not None and alert.status is AlertStatus.FAILED for alert in alerts)


def rule_of(event: Event) -> str:
    """The code of what stopped an alert. Events of 0.1.0 have no code, but the name of the check that refused."""
    match event.facts:
        case AlertBlocked(code=code):
            return code
        case OtherFacts(values={"checks": [*_, {"name": name, "reason": str()}]}):
            return NAMED_IN_0_1[name]
    return RefusalCode.NOTHING_HELD if event.side is Side.SELL else RefusalCode.SUPERSEDED


def _plain(amount: Decimal) -> Decimal:
    """`18`, not `18.00000000`."""
    return Decimal(f"{amount.normalize() + 0:f}")


def _result(lot: Lot | None) -> TickerPnl | None:
    return None if lot is None or lot.pnl is None else TickerPnl(lot.ticker, _plain(lot.pnl))


def _series(
    session: Session, closed: Sequence[Lot], earlier: Sequence[Event], account: Account | None, hours: Hours
) -> tuple[SessionPoint, ...]:
    """Each session's realised P&L by the books, and the equity that its report knew."""
    known: dict[date, Decimal] = dict(filter(None, map(_equity, earlier)))
    if account is not None and account.equity is not None:
        known[session.date] = account.equity
    days = (session.date - SERIES + DAY * n for n in range(SERIES.days + 1))
    sessions = [day for day in days if hours.calendar.session(day) is not None]
    return tuple(SessionPoint(day, _plain(pnl.realised_on(day, closed)), known.get(day)) for day in sessions)


def _equity(event: Event) -> tuple[date, Decimal] | None:
    """Session and equity of an earlier report; 0.1.0 stored both as text."""
    match event.facts:
        case DailyReport(session=session, equity=Decimal() as equity):
            return session, equity
        case OtherFacts(values={"session": str() as session, "equity": str() as equity}):
            return date.fromisoformat(session), Decimal(equity)
    return None
