"""Performance in words: short lines for a phone. Pure.

Rules: what there are too few data for is "not yet", never a number; a return has its sign; what is not defined (no loss to
divide by) is a dash.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from tradebot.domain.analytics.latency import Latency
from tradebot.domain.analytics.performance import AccountFigures, Performance, TradingFigures
from tradebot.domain.analytics.ratios import RETURNS_MIN, YEARLY_MIN
from tradebot.domain.analytics.slippage import Slippage
from tradebot.domain.analytics.thresholds import Reading, Threshold
from tradebot.domain.events import Event, EventKind, NewEvent
from tradebot.domain.facts.performance import PeriodReport, ThresholdBack, ThresholdCrossed
from tradebot.words.figures import local, seconds, signed_usd, some, usd

NOT_YET = "not yet"
TITLES: Mapping[Threshold, str] = {
    Threshold.DRAWDOWN: "drawdown",
    Threshold.LOSS_STREAK: "losses in a row",
    Threshold.IN_TIME: "orders at IB within 1 s",
    Threshold.SLIPPAGE: "slippage",
    Threshold.REJECTED: "refused alerts",
    Threshold.SILENT: "sessions without an alert",
}
_TO_DO: Mapping[Threshold, str] = {
    Threshold.DRAWDOWN: "/performance shows since when; /pause stops new BUYs.",
    Threshold.LOSS_STREAK: "/stats shows what it lost; /pause stops its BUYs.",
    Threshold.IN_TIME: "/stats shows which stage takes the time.",
    Threshold.SLIPPAGE: "/stats shows in which part it is.",
    Threshold.REJECTED: "`tradebot alerts --status rejected` shows why.",
    Threshold.SILENT: "Is its alert in TradingView still active? It ends after some weeks.",
}


# --- figures --------------------------------------------------------------------------------------------------------


def signed(fraction: float | None, digits: int = 1) -> str:
    """`+1.2 %`, `−0.4 %`; "not yet" for None."""
    if fraction is None:
        return NOT_YET
    value = round(100 * fraction, digits) + 0.0
    return f"{'−' if value < 0 else '+' if value else ''}{abs(value):,.{digits}f} %"


def share(fraction: float | None, digits: int = 0) -> str:
    """`62 %`; "not yet" for None."""
    return NOT_YET if fraction is None else f"{100 * fraction:.{digits}f} %"


def service(fraction: float | None) -> str:
    """`99.7 %`: rounded down, so that 100 % means all of them."""
    return NOT_YET if fraction is None else f"{int(1000 * fraction) / 10:.1f} %".replace("100.0", "100")


def ratio(value: float | None) -> str:
    """`1.24`, `−0.30`; "not yet" for None."""
    if value is None:
        return NOT_YET
    return f"{'−' if round(value, 2) < 0 else ''}{abs(value):,.2f}"


def bps(value: float | None) -> str:
    """`4.2 bps`, a cost above zero; "not yet" for None."""
    if value is None:
        return NOT_YET
    return f"{'−' if round(value, 1) < 0 else ''}{abs(value):,.1f} bps"


def money(amount: Decimal | None) -> str:
    return NOT_YET if amount is None else signed_usd(amount)


def time(value: float | None) -> str:
    return NOT_YET if value is None else seconds(value)


# --- reports and thresholds, as events ------------------------------------------------------------------------------


def period(facts: PeriodReport, _: Event | NewEvent) -> str:
    """The first line holds what a lock screen shows."""
    lines = [
        f"Realised {signed_usd(facts.net)}{_account(facts)}",
        f"{facts.first:%d %b} – {facts.last:%d %b %Y}, {some(facts.sessions, 'sessions')}",
        f"Closed: {_closed(facts)}",
    ]
    if facts.best is not None and facts.worst is not None and facts.closed > 1:
        lines.append(f"Best: {facts.best.ticker} {signed_usd(facts.best.pnl)}")
        lines.append(f"Worst: {facts.worst.ticker} {signed_usd(facts.worst.pnl)}")
    lines.append(f"Commission: {usd(facts.commissions)}")
    if facts.equity is not None:
        lines.append(f"Account: {usd(facts.equity)}")
    if facts.flows:
        lines.append(f"{'Paid in' if facts.flows > 0 else 'Taken out'}: {usd(abs(facts.flows))}")
    if facts.spy is not None:
        lines.append(f"SPY: {signed(facts.spy)}")
    if facts.drawdown:
        lines.append(f"Deepest drawdown: {share(facts.drawdown, 1)}")
    if facts.slippage_bps is not None:
        lines.append(f"Slippage: {bps(facts.slippage_bps)}")
    if facts.in_time is not None:
        lines.append(f"At IB within 1 s: {service(facts.in_time)} of {facts.orders:,}")
    lines += [f"• {one.strategy}: {signed_usd(one.net)}, {one.closed} closed" for one in facts.by_strategy]
    return "\n".join(lines)


def _account(facts: PeriodReport) -> str:
    return "" if facts.earned is None else f", account {signed(facts.earned)}"


def _closed(facts: PeriodReport) -> str:
    if not facts.closed:
        return "nothing"
    return f"{some(facts.closed, 'lots')}, {facts.won} won"


def threshold_value(threshold: Threshold, value: float) -> str:
    """A figure with its unit, as its threshold counts it."""
    match threshold:
        case Threshold.LOSS_STREAK | Threshold.SILENT:
            return f"{value:.0f}"
        case Threshold.SLIPPAGE:
            return f"{value:.1f} bps"
    return f"{value:.1f} %"


def crossed(facts: ThresholdCrossed, _: Event | NewEvent) -> str:
    side = "below" if facts.threshold is Threshold.IN_TIME else "at or above"
    return (
        f"{_about(facts)}: {threshold_value(facts.threshold, facts.value)}, {side} your limit of "
        f"{threshold_value(facts.threshold, facts.limit)}. {_TO_DO[facts.threshold]}"
    )


def back(facts: ThresholdBack, _: Event | NewEvent) -> str:
    return (
        f"{_about(facts)}: back at {threshold_value(facts.threshold, facts.value)}; your limit is "
        f"{threshold_value(facts.threshold, facts.limit)}. It was crossed {local(facts.since)}."
    )


def _about(facts: ThresholdCrossed | ThresholdBack) -> str:
    title = TITLES[facts.threshold]
    return f"{title[0].upper()}{title[1:]}{f' of {facts.strategy}' if facts.strategy else ''}"


def readings(found: Sequence[Reading], crossed_since: Mapping[str, object]) -> Sequence[str]:
    """One line a threshold: `drawdown 3.2 % (limit 10.0 %)`, with a mark where it is crossed."""
    return [
        f"{'❗ ' if one.key in crossed_since else ''}{f'{one.strategy}: ' if one.strategy else ''}{TITLES[one.threshold]} "
        f"{NOT_YET if one.value is None else threshold_value(one.threshold, one.value)} "
        f"(limit {threshold_value(one.threshold, one.limit)})"
        for one in found
    ]


WORDS: Mapping[EventKind, Callable[[Any, Event | NewEvent], str]] = {
    EventKind.WEEKLY_REPORT: period,
    EventKind.MONTHLY_REPORT: period,
    EventKind.THRESHOLD_CROSSED: crossed,
    EventKind.THRESHOLD_BACK: back,
}


# --- rows of name and value: for chat and command line ---------------------------------------------------------------

Rows = Sequence[tuple[str, str]]


def account_rows(found: Performance) -> Rows:
    """The whole account, beside SPY."""
    account = found.account
    if account is None:
        return [("account", f"{NOT_YET}: its worth is stored every quarter of an hour in a session")]
    ratios = account.ratios
    return [
        ("value", usd(account.value)),
        ("gain", f"{signed_usd(account.gain)}{_flows(account.flows)}"),
        ("return", signed(account.time_weighted, 2)),
        ("money-weighted", signed(account.money_weighted, 2)),
        ("a year", _long(ratios.annual, signed(ratios.annual), ratios.sessions, YEARLY_MIN)),
        ("SPY", signed(account.benchmark.total, 2)),
        ("ahead of SPY", signed(account.benchmark.ahead, 2)),
        ("beta, alpha", _beta(account)),
        ("volatility", _long(ratios.volatility, share(ratios.volatility, 1), ratios.sessions, RETURNS_MIN)),
        ("Sharpe", ratio(ratios.sharpe)),
        ("Sortino", ratio(ratios.sortino)),
        ("Calmar", ratio(ratios.calmar)),
        *_drawdown(account),
    ]


def _beta(account: AccountFigures) -> str:
    found = account.benchmark
    return NOT_YET if found.beta is None else f"{ratio(found.beta)}, {signed(found.alpha)}"


def _flows(flows: Decimal) -> str:
    if not flows:
        return ""
    return f"; {'paid in' if flows > 0 else 'taken out'} {usd(abs(flows))}"


def _long(value: float | None, text: str, sessions: int, needed: int) -> str:
    """With what is missing, as far as it is time that is missing."""
    if value is not None or sessions >= needed:
        return text
    return f"{NOT_YET} ({needed - sessions} more sessions)"


def _drawdown(account: AccountFigures) -> Rows:
    worst, now = account.drawdown.worst, account.drawdown.now
    if worst is None:
        return [("drawdown", "none" if account.ratios.sessions else NOT_YET)]
    ended = "not over" if worst.back is None else f"over {worst.back:%d %b %Y}"
    return [
        ("drawdown now", "none" if now is None else f"{share(now.depth, 1)} since {now.peak:%d %b %Y}"),
        ("deepest", f"{share(worst.depth, 1)}, {worst.trough:%d %b %Y}, {ended}"),
    ]


def trading_rows(found: TradingFigures) -> Rows:
    """Of the bot's lots alone."""
    lots = found.lots
    written_off = f", {lots.written_off} written off" if lots.written_off else ""
    streaks = lots.streaks
    fall = found.drawdown
    return [
        ("realised", f"{signed_usd(lots.net)} net, {usd(lots.commissions)} commission"),
        ("closed", f"{some(lots.closed, 'lots')}, {lots.won} won, {lots.lost} lost{written_off}"),
        ("win rate", share(lots.win_rate)),
        ("profit factor", ratio(lots.profit_factor)),
        ("expectancy", f"{money(lots.expectancy)} a lot" if lots.expectancy is not None else NOT_YET),
        ("payoff", ratio(lots.payoff)),
        ("average", _average(found)),
        ("in a row", f"{streaks.won} won, {streaks.lost} lost at most; now {_streak(streaks.now)}"),
        ("held", time(lots.held_s)),
        (
            "commission",
            f"{share(lots.commission_share, 1)} of gains, {bps(lots.commission_bps)}"
            if lots.commission_share
            else NOT_YET,
        ),
        (
            "drawdown",
            f"{usd(fall.worst.depth)}, now {usd(fall.now.depth) if fall.now else 'none'}" if fall.worst else "none",
        ),
        ("Sharpe, Sortino", f"{ratio(found.sharpe)}, {ratio(found.sortino)}"),
        ("invested", _invested(found)),
        ("in the market", share(found.use.in_market)),
        ("turnover", NOT_YET if found.use.turnover is None else f"{found.use.turnover:.2f} × the account"),
        ("on what it used", f"{signed(found.money_weighted)} a year" if found.money_weighted is not None else NOT_YET),
    ]


def _average(found: TradingFigures) -> str:
    won, lost = found.lots.average_won, found.lots.average_lost
    if won is None and lost is None:
        return NOT_YET
    return ", ".join([*([f"{signed_usd(won)} won"] if won else []), *([f"{signed_usd(-lost)} lost"] if lost else [])])


def _streak(now: int) -> str:
    return "none" if not now else f"{abs(now)} {'won' if now > 0 else 'lost'}"


def _invested(found: TradingFigures) -> str:
    use = found.use
    if use.average_invested is None:
        return NOT_YET
    of = f" ({share(use.exposure, 1)} of the account)" if use.exposure is not None else ""
    return f"{usd(use.average_invested)} on average{of}, {usd(use.most_invested)} at most"


def slippage_rows(found: Slippage) -> Rows:
    """Where the money goes on the road, in basis points of what was traded."""
    parts = found.bps
    total = bps(None if parts is None else parts.total)
    rows = [("slippage", f"{total}; {usd(found.usd)} in {some(found.orders, 'orders')}" if found.orders else NOT_YET)]
    if parts is not None:
        each = (("signal", parts.signal), ("wait", parts.wait), ("spread", parts.spread), ("impact", parts.impact))
        rows += [(f"  {name}", bps(value)) for name, value in each]
    if found.without_price:
        rows.append(("  no price", f"{some(found.without_price, 'orders')}: no signal is known of them"))
    if found.stop_bps is not None:
        rows.append(("  stops", f"{bps(found.stop_bps)} beyond their price"))
    return rows


STAGES = {
    "sent": "alert to bot",
    "decided": "to the decision",
    "at_ib": "to IB",
    "filled": "to the fill",
    "road": "alert in, order at IB",
}


def latency_rows(found: Latency) -> Rows:
    """The service level, and each stage by its median and its 95th and 99th percentile."""
    level = service(found.share)
    of = f" of {found.orders:,} orders" if found.share is not None else f" ({some(found.orders, 'orders')} so far)"
    rows = [("at IB within 1 s", f"{level}{of}")]
    for stage, times in found.stages.items():
        told = (
            f"{time(times.median)}, 95 % {time(times.p95)}, 99 % {time(times.p99)}"
            if times.median is not None
            else NOT_YET
        )
        rows.append((f"  {STAGES[stage]}", told))
    return rows
