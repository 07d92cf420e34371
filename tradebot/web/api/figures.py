"""How a period went, as the API answers it. Fractions are numbers (0.05 is five percent), seconds and basis points too; amounts
are strings. Null: too few data yet."""

from datetime import date

from tradebot.domain.analytics.thresholds import Threshold
from tradebot.web.api.values import Amount, Moment, Shown


class Fall(Shown):
    """From a best to the next one. `depth`: a fraction of the account's worth."""

    depth: float
    peak: date
    trough: date
    back: date | None
    sessions: int


class Drawdown(Shown):
    """Null: there was none."""

    worst: Fall | None
    longest: Fall | None
    now: Fall | None


class FallUsd(Shown):
    """From a best to the next one, USD."""

    depth: Amount
    peak: date
    trough: date
    back: date | None
    sessions: int


class DrawdownUsd(Shown):
    """Null: there was none."""

    worst: FallUsd | None
    longest: FallUsd | None
    now: FallUsd | None


class Ratios(Shown):
    """Of daily returns."""

    total: float | None
    annual: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None


class Benchmark(Shown):
    """SPY on the same days."""

    total: float | None
    beta: float | None
    alpha: float | None
    correlation: float | None


class AccountFigures(Shown):
    """The whole account's, the owner's own shares included."""

    value: Amount
    flows: Amount
    gain: Amount
    time_weighted: float | None
    money_weighted: float | None
    ratios: Ratios
    drawdown: Drawdown
    benchmark: Benchmark


class Streaks(Shown):
    """Lots won or lost in a row; `now` below zero: lost."""

    won: int
    lost: int
    now: int
    since: Moment | None


class LotFigures(Shown):
    """Of the lots closed in the period."""

    closed: int
    won: int
    lost: int
    written_off: int
    net: Amount
    gross: Amount
    commissions: Amount
    traded: Amount
    win_rate: float | None
    profit_factor: float | None
    expectancy: Amount | None
    expectancy_pct: float | None
    payoff: float | None
    average_won: Amount | None
    average_lost: Amount | None
    streaks: Streaks
    held_s: float | None
    held_won_s: float | None
    held_lost_s: float | None
    commission_share: float | None
    commission_bps: float | None


class CapitalUse(Shown):
    """How much was invested."""

    average_invested: Amount | None
    most_invested: Amount | None
    in_market: float | None
    exposure: float | None
    turnover: float | None
    bought: Amount
    sold: Amount


class Parts(Shown):
    """Where slippage came from, basis points."""

    total: float
    signal: float
    wait: float
    spread: float
    impact: float


class Slippage(Shown):
    """What fills cost beside the alerts' prices."""

    orders: int
    without_price: int
    usd: Amount
    bps: Parts | None
    worst_bps: float | None
    unsplit: int
    unsplit_bps: float | None
    stops: int
    stop_bps: float | None


class TradingFigures(Shown):
    """Of the bot's lots alone."""

    lots: LotFigures
    drawdown: DrawdownUsd
    sharpe: float | None
    sortino: float | None
    money_weighted: float | None
    use: CapitalUse
    slippage: Slippage


class Span(Shown):
    """A day, week or month, or the part of it in the period."""

    first: date
    last: date
    earned: float | None
    spy: float | None
    net: Amount
    closed: int
    won: int


class Correlation(Shown):
    """Of two strategies' daily P&L, or of two positions' daily returns."""

    one: str
    other: str
    days: int
    value: float | None


class StageTimes(Shown):
    """Seconds of one stage of an order's way."""

    orders: int
    median: float | None
    p95: float | None
    p99: float | None
    longest: float | None


class Latency(Shown):
    """How fast alerts became orders; `share` of them within `within_s` seconds."""

    stages: dict[str, StageTimes]
    orders: int
    in_time: int
    within_s: float
    share: float | None


class Performance(Shown):
    """How a period of New York dates went."""

    first: date
    last: date
    sessions: int
    account: AccountFigures | None
    trading: TradingFigures
    by_strategy: dict[str, TradingFigures]
    months: list[Span]
    strategies_together: list[Correlation]
    positions_together: list[Correlation]
    latency: Latency


class Spans(Shown):
    """The oldest first."""

    items: list[Span]


class Reading(Shown):
    """A figure beside the limit that the file has for it; of the account where `strategy` is null."""

    threshold: Threshold
    strategy: str | None
    value: float | None
    limit: float
    beyond: bool


class Readings(Shown):
    """Every figure that has a limit."""

    items: list[Reading]
