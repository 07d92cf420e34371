"""Performance in words: short lines for a phone. Pure.

Rules: what there are too few data for is "not yet", never a number; a return has its sign; what is not defined (no loss to
divide by) is a dash.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tradebot.domain.analytics.thresholds import Reading, Threshold
from tradebot.domain.events import Event, EventKind, NewEvent
from tradebot.domain.facts.performance import PeriodReport, ThresholdBack, ThresholdCrossed
from tradebot.words.figures import local, seconds, signed_usd, some, usd

if TYPE_CHECKING:  # memory: the daemon has words for reports, and counts nothing
    from tradebot.domain.analytics.latency import Latency
    from tradebot.domain.analytics.performance import AccountFigures, Performance, TradingFigures
    from tradebot.domain.analytics.slippage import Slippage

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
    Threshold.DRAWDOWN: "`tradebot performance` shows since when; `tradebot pause` stops new BUYs.",
    Threshold.LOSS_STREAK: "`tradebot stats` shows what it lost; `tradebot pause` stops its BUYs.",
    Threshold.IN_TIME: "`tradebot stats` shows which stage takes the time.",
    Threshold.SLIPPAGE: "`tradebot stats` shows in which part it is.",
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


def with_value(facts: ThresholdCrossed | ThresholdBack) -> str:
    """`Drawdown 12.0 %`."""
    title = TITLES[facts.threshold]
    return f"{title[0].upper()}{title[1:]}: {threshold_value(facts.threshold, facts.value)}"


def beyond(facts: ThresholdCrossed) -> str:
    """Whose it is, your limit where it is another figure, and what to do."""
    limit, value = (threshold_value(facts.threshold, figure) for figure in (facts.limit, facts.value))
    side = "below" if facts.threshold is Threshold.IN_TIME else "beyond"
    whose = f"Of strategy {facts.strategy}. " if facts.strategy else ""
    reached = "Your limit is reached." if limit == value else f"It is {side} your limit, {limit}."
    return f"{whose}{reached} {_TO_DO[facts.threshold]}"


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
    return [f"{'❗ ' if one.beyond or one.key in crossed_since else ''}{_reading(one)}" for one in found]


def _reading(one: Reading) -> str:
    value = NOT_YET if one.value is None else threshold_value(one.threshold, one.value)
    whose = f"{one.strategy}: " if one.strategy else ""
    return f"{whose}{TITLES[one.threshold]} {value} (limit {threshold_value(one.threshold, one.limit)})"


WORDS: Mapping[EventKind, Callable[[Any, Event | NewEvent], str]] = {
    EventKind.WEEKLY_REPORT: period,
    EventKind.MONTHLY_REPORT: period,
    EventKind.THRESHOLD_CROSSED: crossed,
    EventKind.THRESHOLD_BACK: back,
}


# --- rows of name and value: for chat and command line ---------------------------------------------------------------

Rows = Sequence[tuple[str, str]]


def account_rows(found: "Performance") -> Rows:
    """The whole account, beside SPY."""
    from tradebot.domain.analytics.ratios import RETURNS_MIN, YEARLY_MIN  # noqa: PLC0415 - as above

    account = found.account
    if account is None:
        return [("account", f"{NOT_YET}: its worth is stored every quarter of an hour in a session")]
    ratios = account.ratios
    return [
        ("value", usd(account.value)),
        ("gain", f"{signed_usd(account.gain)}{_flows(account.flows)}" if len(account.days) > 1 else NOT_YET),
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


def _beta(account: "AccountFigures") -> str:
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
    return f"{NOT_YET}, {needed - sessions} more days"


def deepest_fall(found: "TradingFigures") -> str:
    """Of what was realised, by day."""
    worst = found.drawdown.worst
    return _no_fall(found) if worst is None else usd(worst.depth)


def _no_fall(found: "TradingFigures") -> str:
    """On one day alone nothing can be told of ups and downs."""
    return "none" if len(found.curve) > 1 else NOT_YET


def _drawdown(account: "AccountFigures") -> Rows:
    worst, now = account.drawdown.worst, account.drawdown.now
    if worst is None:
        return [("drawdown", "none" if account.ratios.sessions else NOT_YET)]
    return [
        ("drawdown now", "none" if now is None else share(now.depth, 1)),
        *([("since", f"{now.peak:%d %b %Y}")] if now else []),
        ("deepest", f"{share(worst.depth, 1)}, {worst.trough:%d %b %Y}"),
        ("over", NOT_YET if worst.back is None else f"{worst.back:%d %b %Y}"),
    ]


def trading_rows(found: "TradingFigures") -> Rows:
    """Of the bot's lots alone; each fits into a line of a phone."""
    lots, use, now = found.lots, found.use, found.drawdown.now
    return [
        ("realised, net", signed_usd(lots.net)),
        ("commission of these", usd(lots.commissions)),
        ("closed", some(lots.closed, "lots")),
        ("won, lost", f"{lots.won}, {lots.lost}"),
        *([("written off", str(lots.written_off))] if lots.written_off else []),
        ("win rate", share(lots.win_rate)),
        ("profit factor", ratio(lots.profit_factor)),
        ("expectancy, a lot", money(lots.expectancy)),
        ("payoff", ratio(lots.payoff)),
        ("average won", money(lots.average_won)),
        ("average lost", NOT_YET if lots.average_lost is None else signed_usd(-lots.average_lost)),
        ("won in a row", str(lots.streaks.won)),
        ("lost in a row", str(lots.streaks.lost)),
        ("now in a row", _streak(lots.streaks.now)),
        ("held", time(lots.held_s)),
        ("commission of gains", share(lots.commission_share, 1)),
        ("commission of trades", bps(lots.commission_bps)),
        ("deepest fall", deepest_fall(found)),
        ("below its best now", usd(now.depth) if now else _no_fall(found)),
        ("Sharpe", ratio(found.sharpe)),
        ("Sortino", ratio(found.sortino)),
        ("invested on average", NOT_YET if use.average_invested is None else usd(use.average_invested)),
        ("invested at most", NOT_YET if use.most_invested is None else usd(use.most_invested)),
        ("of the account", share(use.exposure, 1)),
        ("in the market", share(use.in_market)),
        ("turnover", NOT_YET if use.turnover is None else f"{use.turnover:.2f} ×"),
        ("on what it used, a year", signed(found.money_weighted)),
    ]


def _streak(now: int) -> str:
    return "none" if not now else f"{abs(now)} {'won' if now > 0 else 'lost'}"


def _not_enough(orders: int) -> str:
    """What some orders have cost is known; in basis points it says something from so many on."""
    from tradebot.domain.analytics.slippage import ORDERS_MIN  # noqa: PLC0415 - loaded where figures are

    return f"{NOT_YET}, {some(ORDERS_MIN - orders, 'more orders')}" if orders else NOT_YET


def slippage_rows(found: "Slippage") -> Rows:
    """Where the money goes on the road, in basis points of what was traded."""
    parts = found.bps
    rows = [("slippage", _not_enough(found.orders) if parts is None else bps(parts.total))]
    if found.orders:
        rows += [("cost", usd(found.usd)), ("orders", f"{found.orders:,}")]
    if parts is not None:
        each = (("signal", parts.signal), ("wait", parts.wait), ("spread", parts.spread), ("impact", parts.impact))
        rows += [(f"· {name}", bps(value)) for name, value in each]
    if found.without_price:
        rows.append(("· without a price", some(found.without_price, "orders")))
    if found.unsplit:
        rows.append(("without a quote", f"{some(found.unsplit, 'orders')}, {bps(found.unsplit_bps)}"))
    if found.stop_bps is not None:
        rows.append(("stops, beyond price", bps(found.stop_bps)))
    return rows


STAGES = {
    "sent": "to the bot",
    "decided": "decided",
    "at_ib": "at IB",
    "filled": "filled",
    "road": "bot in all",
}
"""By stage: what it ends with."""


def service_rows(found: "Latency") -> Rows:
    """The service level."""
    return [
        (f"at IB within {found.within_s:g} s", service(found.share)),
        ("orders in time", f"{found.in_time:,} of {found.orders:,}"),
    ]


STAGE_HEADINGS = ("seconds", "half", "95 %", "99 %")


def stage_rows(found: "Latency") -> Sequence[Sequence[str]]:
    """Each stage: the time that half of the orders keep, that 95 % and that 99 % do; below `STAGE_HEADINGS`."""
    return [
        (STAGES[stage], *(_s(one) for one in (times.median, times.p95, times.p99)))
        for stage, times in found.stages.items()
    ]


def _s(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if value < 100 else f"{value:,.0f}"
