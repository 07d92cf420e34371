"""The daily report of one session: its figures, and what its picture is drawn from (`words/daily_report.py` says it).

Rules: figures come from the books, cash and equity and prices from IB; what is not known is said to be, never shown as zero. The
event's data is `DailyReport.data()`: amounts as text, and a series of past sessions for the picture.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from tradebot.domain import pnl
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Account, BrokerPosition
from tradebot.domain.calendar import DAY, Session
from tradebot.domain.events import Event, EventKind
from tradebot.domain.exposure import Exposure
from tradebot.domain.hours import Hours
from tradebot.domain.limits import Limits
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.risk import RefusalCode
from tradebot.domain.settings import TradingState
from tradebot.ports import Books
from tradebot.queries.status import status

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


@dataclass(frozen=True, slots=True)
class Point:
    """One session in the picture. USD."""

    day: date
    net: Decimal  # realised
    equity: Decimal | None  # as that day's report knew it


@dataclass(frozen=True, slots=True)
class DailyReport:
    session: Session
    summary: pnl.Summary
    open: pnl.Unrealised
    blocked: Mapping[RefusalCode, int]
    failed: int  # alerts whose order failed, or could not be made
    waiting: int
    account: Account | None
    state: TradingState
    limits: Limits
    exposure: Exposure
    series: Sequence[Point]

    def data(self) -> dict[str, object]:
        """JSON for the picture and for whoever reads the event: amounts as text."""
        done, best, worst = self.summary, self.summary.best, self.summary.worst
        account = self.account
        return {
            "session": self.session.date.isoformat(),
            "early_close": self.session.early,
            "buys": done.buys,
            "sells": done.sells,
            "commissions": _plain(done.commissions_paid),
            "gross": _plain(done.gross),
            "net": _plain(done.net),
            "by_ticker": {ticker: _plain(net) for ticker, net in done.by_ticker.items()},
            "closed": done.closed,
            "wins": done.wins,
            "best": best and {"ticker": best.ticker, "pnl": _plain(best.pnl)},
            "worst": worst and {"ticker": worst.ticker, "pnl": _plain(worst.pnl)},
            "unrealised": _plain(self.open.pnl),
            "unrealised_unknown": list(self.open.unknown),
            "positions": [_position(one) for one in self.open.positions],
            "blocked": dict(self.blocked),
            "failed": self.failed,
            "waiting": self.waiting,
            "cash": _plain(account.cash if account else None),
            "equity": _plain(account.equity if account else None),
            "series": [
                {"day": p.day.isoformat(), "net": _plain(p.net), "equity": _plain(p.equity)} for p in self.series
            ],
        }


async def gather(
    books: Books,
    session: Session,
    defaults: Limits,
    hours: Hours,
    now: datetime,
    *,
    account: Account | None,
    broker_positions: Mapping[int, BrokerPosition] | None,
) -> DailyReport:
    """The session's report, read in one transaction. Raises LedgerUnavailable."""
    begin, end = hours.calendar.day_start(session.date), hours.calendar.day_start(session.date + DAY)
    closed = await books.lots(LotStatus.CLOSED, closed_since=begin - SERIES)
    events = await books.events_since((EventKind.ALERT_BLOCKED, EventKind.ALERT_FAILED, EventKind.ORDER_FAILED), begin)
    events = [event for event in events if event.at < end]
    trades = [trade for trade in await books.trades(since=begin) if trade.avg_fill_price is not None]
    current = await status(books, defaults, hours, now, account)
    earlier = await books.events_since((EventKind.DAILY_REPORT,), begin - SERIES)
    blocked = Counter(rule_of(event) for event in events if event.kind is EventKind.ALERT_BLOCKED)
    return DailyReport(
        session=session,
        summary=pnl.summarise(session.date, session.date, closed, trades),
        open=pnl.unrealised(
            current.lots, {con_id: one.market_price for con_id, one in (broker_positions or {}).items()}
        ),
        blocked=dict(blocked.most_common()),
        failed=sum(event.kind is not EventKind.ALERT_BLOCKED for event in events),
        waiting=current.received_sells + current.received_buys + current.pending,
        account=account,
        state=current.state,
        limits=current.limits,
        exposure=current.exposure,
        series=_series(session, closed, earlier, account, hours),
    )


def rule_of(event: Event) -> RefusalCode:
    """What stopped an alert. Events of 0.1.0 have no code, but the name of the check that refused."""
    if (code := event.data.get("code")) is not None:
        return RefusalCode(str(code))
    checks = event.data.get("checks")
    if isinstance(checks, list) and checks and checks[-1].get("reason"):
        return NAMED_IN_0_1[checks[-1]["name"]]
    return RefusalCode.NOTHING_HELD if event.data.get("side") == Side.SELL else RefusalCode.SUPERSEDED


def _plain(amount: Decimal | None) -> str | None:
    """`18`, not `18.00000000`; None stays None."""
    return None if amount is None else f"{amount.normalize() + 0:f}"


def _position(one: pnl.OpenPosition) -> dict[str, object]:
    return {"ticker": one.ticker, "qty": _plain(one.qty), "cost": _plain(one.cost), "price": _plain(one.price)}


def _series(
    session: Session, closed: Sequence[Lot], earlier: Sequence[Event], account: Account | None, hours: Hours
) -> list[Point]:
    """Each session's realised P&L by the books, and the equity that its report knew."""
    known: dict[str, Decimal] = {
        str(event.data["session"]): Decimal(str(event.data["equity"])) for event in earlier if event.data.get("equity")
    }
    if account is not None and account.equity is not None:
        known[session.date.isoformat()] = account.equity
    days = (session.date - SERIES + DAY * n for n in range(SERIES.days + 1))
    sessions = [day for day in days if hours.calendar.session(day) is not None]
    return [Point(day, pnl.realised_on(day, closed), known.get(day.isoformat())) for day in sessions]
