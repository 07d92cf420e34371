"""The daily report in words: one figure a line, short enough for a phone. Pure."""

from tradebot.domain.facts.daemon import DailyReport, StrategyDay
from tradebot.domain.settings import TradingState
from tradebot.words import refusals
from tradebot.words.figures import shares, signed_usd, usd


def text(report: DailyReport) -> str:
    return "\n".join(
        [
            f"Daily report of {_day(report)}",
            f"Trades: {report.buys} BUY, {report.sells} SELL; commission {usd(report.commissions)}",
            f"Realised: {signed_usd(report.net)} net, {_closed(report)}",
            *_beyond(report),
        ]
    )


def below(report: DailyReport) -> str:
    """What a message says below the day's trades and its result."""
    closed = _closed(report)
    head = [f"Daily report of {_day(report)}", f"{closed[0].upper()}{closed[1:]}; commission {usd(report.commissions)}"]
    return "\n".join([*head, *_beyond(report)])


def _day(report: DailyReport) -> str:
    early = f" (closed early: {report.early_close})" if report.early_close else ""
    return f"{report.session:%a %d %b %Y}{early}"


def _beyond(report: DailyReport) -> list[str]:
    lines = []
    if report.best is not None and report.worst is not None:
        lines.append(f"Best: {report.best.ticker} {signed_usd(report.best.pnl)}")
        lines.append(f"Worst: {report.worst.ticker} {signed_usd(report.worst.pnl)}")
    lines.append(f"Unrealised: {_unrealised(report)}")
    held = ", ".join(f"{shares(one.qty)} {one.ticker}" for one in report.positions)
    lines.append(f"Open positions: {held or 'none'}")
    lines += _by_strategy(report)
    blocked = ", ".join(f"{count} {refusals.title(code)}" for code, count in report.blocked.items())
    lines.append(f"Blocked alerts: {blocked or 'none'}")
    if report.failed:
        lines.append(f"Failed alerts: {report.failed}")
    if report.waiting:
        lines.append(f"Alerts waiting: {report.waiting}")
    lines.append(f"Cash: {usd(report.cash)}, equity: {usd(report.equity)}")
    if report.ib_daily_pnl is not None:
        lines.append(f"IB's own P&L of the day: {signed_usd(report.ib_daily_pnl)}, your own shares included")
    lines += _limits(report)
    if report.state is not TradingState.RUNNING:
        lines.append(f"Trading is {report.state}.")
    return lines


def _by_strategy(report: DailyReport) -> list[str]:
    """Each that did anything, or holds something."""
    told = [one for one in report.by_strategy if one.buys or one.sells or one.closed or one.positions]
    return ["By strategy:", *map(_strategy, told)] if told else []


def _strategy(one: StrategyDay) -> str:
    unrealised = "unrealised unknown" if one.unrealised is None else f"{signed_usd(one.unrealised)} unrealised"
    holds = f"{one.positions} open, {unrealised}" if one.positions else "holds nothing"
    return f"• {one.strategy}: {signed_usd(one.net)} net, {one.buys} BUY, {one.sells} SELL; {holds}"


def _closed(report: DailyReport) -> str:
    closed = f"{report.closed} closed, {report.wins / report.closed:.0%} won" if report.closed else "nothing closed"
    return f"{closed}, {report.written_off} written off" if report.written_off else closed


def _unrealised(report: DailyReport) -> str:
    unknown = report.unrealised_unknown
    if len(unknown) == len(report.positions) and unknown:
        return "unknown, IB gave no prices"
    missing = f" without {', '.join(unknown)} (no price)" if unknown else ""
    return f"{signed_usd(report.unrealised)}{missing}"


def _limits(report: DailyReport) -> list[str]:
    limits = report.limits
    return [
        "Limits used:",
        f"• {report.buys_today} of {limits.max_daily_buys} BUYs",
        f"• {report.open_positions} of {limits.max_open_positions} positions",
        f"• {usd(report.invested)} of {usd(limits.max_total_investment)} invested",
        f"• {usd(report.lost_today)} of {usd(limits.max_daily_loss)} lost",
    ]
