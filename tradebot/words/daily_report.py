"""The daily report in words."""

from decimal import Decimal

from tradebot.domain import pnl, wording
from tradebot.domain.exposure import Exposure
from tradebot.domain.limits import Limits
from tradebot.domain.settings import TradingState
from tradebot.queries.daily_report import DailyReport
from tradebot.words.refusals import title


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
    blocked = ", ".join(f"{count} {title(code)}" for code, count in report.blocked.items())
    lines.append(f"Blocked alerts: {blocked or 'none'}")
    if report.failed:
        lines.append(f"Failed alerts: {report.failed}")
    if report.waiting:
        lines.append(f"Alerts waiting: {report.waiting}")
    account = report.account
    lines.append(f"Cash: {usd(account.cash if account else None)}, equity: {usd(account.equity if account else None)}")
    lines += _limits(report.limits, report.exposure)
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


def _limits(limits: Limits, used: Exposure) -> list[str]:
    usd = wording.usd
    return [
        "Limits used:",
        f"• {used.buys_today} of {limits.max_daily_buys} BUYs",
        f"• {used.open_positions} of {limits.max_open_positions} positions",
        f"• {usd(used.invested)} of {usd(limits.max_total_investment)} invested",
        f"• {usd(used.lost_today)} of {usd(limits.max_daily_loss)} lost",
    ]
