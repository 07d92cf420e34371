"""The daily report of one session: its figures, its text, and what its picture is drawn from.

Rules: figures come from the books, cash and equity and prices from IB; what is not known is said to be, never shown as zero. The
event's data is `DailyReport.data()`: amounts as text, and a series of past sessions for the picture.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from tradebot.domain import pnl, wording
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Account, BrokerPosition
from tradebot.domain.calendar import DAY, Session
from tradebot.domain.events import Event, EventKind
from tradebot.domain.hours import Hours
from tradebot.domain.limits import Limits
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.settings import TradingState
from tradebot.ports import Books
from tradebot.queries.limits import Use, use
from tradebot.queries.status import books_status

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
    blocked: Mapping[str, int]  # by rule
    failed: int  # alerts whose order failed, or could not be made
    waiting: int
    account: Account | None
    state: TradingState
    limits: Limits
    use: Use
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
    current = await books_status(books, defaults, hours, now)
    in_flight = [*current.in_flight, *current.unknown]
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
        use=use(current.lots, in_flight, current.buys_today, current.realised_today),
        series=_series(session, closed, earlier, account, hours),
    )


def text(report: DailyReport) -> str:
    """One figure a line, short enough for a phone."""
    done, usd, gain = report.summary, wording.usd, wording.signed_usd
    session = report.session
    early = f" (closed early: {session.name})" if session.early else ""
    lines = [
        f"Daily report of {session.date:%a %d %b %Y}{early}",
        f"Trades: {done.buys} BUY, {done.sells} SELL; commission {usd(done.commissions_paid)}",
        f"Realised: {gain(done.net)} net, {_closed(done)}",
    ]
    if done.best is not None and done.worst is not None:
        best, worst = done.best, done.worst
        lines.append(f"Best: {best.ticker} {gain(best.pnl or Decimal(0))}")
        lines.append(f"Worst: {worst.ticker} {gain(worst.pnl or Decimal(0))}")
    lines.append(f"Unrealised: {_unrealised(report.open)}")
    held = ", ".join(f"{wording.shares(one.qty)} {one.ticker}" for one in report.open.positions)
    lines.append(f"Open positions: {held or 'none'}")
    blocked = ", ".join(f"{count} {rule}" for rule, count in report.blocked.items())
    lines.append(f"Blocked alerts: {blocked or 'none'}")
    if report.failed:
        lines.append(f"Failed alerts: {report.failed}")
    if report.waiting:
        lines.append(f"Alerts waiting: {report.waiting}")
    account = report.account
    lines.append(f"Cash: {usd(account.cash if account else None)}, equity: {usd(account.equity if account else None)}")
    lines += _limits(report.limits, report.use)
    if report.state is not TradingState.RUNNING:
        lines.append(f"Trading is {report.state}.")
    return "\n".join(lines)


def _closed(done: pnl.Summary) -> str:
    rate = done.win_rate
    closed = "nothing closed" if rate is None else f"{done.closed} closed, {rate:.0%} won"
    return f"{closed}, {done.written_off} written off" if done.written_off else closed


def _unrealised(now: pnl.Unrealised) -> str:
    if len(now.unknown) == len(now.positions) and now.positions:
        return "unknown, IB gave no prices"
    missing = f" without {', '.join(now.unknown)} (no price)" if now.unknown else ""
    return f"{wording.signed_usd(now.pnl)}{missing}"


def _limits(limits: Limits, used: Use) -> list[str]:
    usd = wording.usd
    return [
        "Limits used:",
        f"• {used.buys_today} of {limits.max_daily_buys} BUYs",
        f"• {used.open_positions} of {limits.max_open_positions} positions",
        f"• {usd(used.invested)} of {usd(limits.max_total_investment)} invested",
        f"• {usd(used.lost_today)} of {usd(limits.max_daily_loss)} lost",
    ]


def rule_of(event: Event) -> str:
    """What stopped an alert, without its figures: the rule's name where a rule did."""
    checks = event.data.get("checks")
    if isinstance(checks, list) and checks and checks[-1].get("reason"):
        return str(checks[-1]["name"])
    return "nothing to sell" if event.data.get("side") == Side.SELL else "superseded by a SELL"


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
