"""The rules of risk: what may be bought, what may be sold, and the reason in plain words when it may not.

Rules: a check is a function `(order, now, limits, controls) -> reason | None`, the policy is a tuple of them, and the first
reason blocks. What is not known, or is not a number, refuses. A SELL is stopped by the kill switch alone: an exit must never
wait for room under a limit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite

from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.settings import TradingState
from tradebot.domain.wording import price, seconds, shares, usd

CASH_BUFFER = Decimal("0.01")  # the price may move between quote and fill
COMMISSION_PER_SHARE = Decimal("0.005")
COMMISSION_MIN = Decimal(1)
FRACTION_STEPS = Decimal(10_000)  # IB takes four decimals where it takes fractions at all


def commission_estimate(qty: Decimal) -> Decimal:
    """USD for an order by IB's fixed pricing: $0.005 a share, at least $1 (interactivebrokers.com, Commissions Stocks)."""
    return max(COMMISSION_MIN, qty * COMMISSION_PER_SHARE)


def whole_shares(amount_usd: Decimal, ask: Decimal, fractional: bool) -> Decimal:
    """How many shares the amount buys, rounded down: whole ones, or four decimals when fractional. 0 without a usable price."""
    if not (_is_price(ask) and amount_usd.is_finite() and amount_usd > 0):
        return Decimal(0)
    # Floor division is exact, where dividing first could round up to a share that the amount does not pay.
    return amount_usd * FRACTION_STEPS // ask / FRACTION_STEPS if fractional else amount_usd // ask


@dataclass(frozen=True, slots=True)
class Buy:
    """A BUY to be judged. `qty` and `ask` are None when IB gave no quote."""

    ticker: str
    qty: Decimal | None
    ask: Decimal | None
    amount_usd: Decimal  # what the quantity was sized from
    alert_price: Decimal | None
    waited_s: float  # now − the later of receipt and session open

    def sized(self) -> tuple[Decimal, Decimal]:
        """Quantity and ask. Raises ValueError without a quote: such a BUY never passes `judge`."""
        if self.qty is None or self.ask is None:
            raise ValueError(f"a BUY of {self.ticker} without a quote has no value")
        return self.qty, self.ask

    @property
    def value(self) -> Decimal:
        """USD at the ask. Raises as `sized`."""
        qty, ask = self.sized()
        return qty * ask

    @property
    def cost(self) -> Decimal:
        """USD that this order reserves: its value, room for a worse price, and the commission. Raises as `sized`."""
        qty, ask = self.sized()
        return qty * ask * (1 + CASH_BUFFER) + commission_estimate(qty)


@dataclass(frozen=True, slots=True)
class Sell:
    ticker: str
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known at one moment, read in the same transaction that stores the decision. USD are Decimal."""

    state: TradingState
    cash: Decimal | None  # spendable at IB; None: unknown
    reserved: Decimal  # taken by BUYs in flight or UNKNOWN, and by fills the last account update may not contain
    invested: Decimal  # cost basis of open lots not opened by a trade in flight
    open_positions: int  # open lots + BUYs in flight, each BUY counted once
    ticker_positions: int  # the same for this ticker
    buys_today: int  # of the New York date: filled anything, in flight or UNKNOWN
    realised_today: Decimal  # of the New York date, commissions included
    in_flight_value: Decimal  # reserved by BUYs in flight, towards total investment
    since_last_buy_s: float | None  # since the last decided BUY of this ticker; None: there was none
    unknown_order: bool  # the ticker is frozen by an UNKNOWN order
    missing_qty: Decimal  # shares in our books that IB does not show; 0 = fine


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    reason: str | None  # None: passed


@dataclass(frozen=True, slots=True)
class RiskDecision:
    """`reason` is None when the order may leave. `checks` are all that ran, the first refusal last."""

    reason: str | None
    checks: tuple[Check, ...]


# --- the checks -----------------------------------------------------------------------------------------------------


def kill_switch(order: Buy | Sell, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> str | None:
    if now.state is TradingState.KILLED:
        return "the kill switch is on: nothing is traded until /resume or tradebot resume"
    return None


def pause(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> str | None:
    if now.state is not TradingState.RUNNING:
        return "trading is paused: no BUY until /resume or tradebot resume"
    return None


def unknown_order(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> str | None:
    if now.unknown_order:
        return (
            f"an earlier {order.ticker} order is UNKNOWN, it may be at IB: "
            f"{order.ticker} is frozen until it is settled, by IB or by the button on its message"
        )
    return None


def mismatch(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> str | None:
    if not now.missing_qty.is_finite():
        return _not_a_number(f"the difference between the books and IB for {order.ticker}")
    if now.missing_qty > 0:
        return (
            f"the books hold {shares(now.missing_qty)} {order.ticker} more than IB shows: "
            "no BUY of it until they agree or the difference is accepted"
        )
    return None


def alert_age(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> str | None:
    if not isfinite(order.waited_s):
        return _not_a_number("the time that the alert waited")
    if order.waited_s > fixed_limits.max_alert_age_s:
        return (
            f"the alert waited {seconds(order.waited_s)}, longer than max_alert_age_s in the configuration "
            f"({fixed_limits.max_alert_age_s} s) allows a BUY"
        )
    return None


def repeat_window(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> str | None:
    window_s, since_s = fixed_limits.repeat_window_s, now.since_last_buy_s
    if window_s == 0 or since_s is None:
        return None
    if not isfinite(since_s):
        return _not_a_number(f"the time since the last BUY of {order.ticker}")
    if abs(since_s) <= window_s:  # a clock that was set back blocks nothing for an hour
        return f"a BUY of {order.ticker} was decided {seconds(abs(since_s))} ago: not again within {window_s} s"
    return None


def quote_known(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> str | None:
    if order.qty is None or order.ask is None or not _is_price(order.ask) or not order.qty.is_finite():
        return (
            f"IB gave no ask price for {order.ticker}, live or delayed, and the alert's own price is not used "
            "for sizing: check the account's market data"
        )
    return None


def size(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> str | None:
    qty, ask = order.sized()
    if not order.amount_usd.is_finite():
        return _not_a_number("the amount for a BUY")
    if qty <= 0:
        hundredths = order.amount_usd * 100 // ask  # down, so that 0.999 is not shown as a whole share
        return (
            f"{usd(order.amount_usd)} / {price(ask)} = {hundredths / 100:.2f} shares of {order.ticker}, "
            "which rounds down to none: raise the amount with /set_amount"
        )
    return None


def cash(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> str | None:
    qty, ask = order.sized()
    if now.cash is None or not now.cash.is_finite():
        return "cash is unknown: IB has not reported it"
    if not now.reserved.is_finite():
        return _not_a_number("the cash taken by orders in flight")
    free = now.cash - limits.min_cash_reserve - now.reserved
    if order.cost > free:
        return (
            f"needs {usd(order.cost)} for {shares(qty)} {order.ticker} at {price(ask)} with commission "
            f"and {CASH_BUFFER:.0%} for a worse price, free cash is {usd(free)} ({usd(now.cash)} at IB − "
            f"{usd(limits.min_cash_reserve)} reserve − {usd(now.reserved)} in flight)"
        )
    return None


def total_investment(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> str | None:
    if not (now.invested.is_finite() and now.in_flight_value.is_finite()):
        return _not_a_number("the money invested")
    total = now.invested + now.in_flight_value + order.cost
    if total > limits.max_total_investment:
        return (
            f"would bring the total invested to {usd(total)} ({usd(now.invested)} held + {usd(now.in_flight_value)} "
            f"in flight + {usd(order.cost)}), the most is {usd(limits.max_total_investment)}: "
            "raise it with /set_max_invest"
        )
    return None


def open_positions(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> str | None:
    return _room("open positions", now.open_positions, limits.max_open_positions, "/set_max_positions")


def per_ticker(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> str | None:
    what = f"open positions in {order.ticker}"
    return _room(what, now.ticker_positions, limits.max_per_ticker, "/set_max_per_ticker")


def daily_buys(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> str | None:
    return _room("buys today", now.buys_today, limits.max_daily_buys, "/set_max_daily")


def daily_loss(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> str | None:
    if not now.realised_today.is_finite():
        return _not_a_number("today's realised P&L")
    if now.realised_today <= -limits.max_daily_loss:
        return (
            f"realised {usd(now.realised_today)} today, the daily loss limit is {usd(limits.max_daily_loss)}: "
            "no BUY until tomorrow (New York), or raise it with /set_max_loss"
        )
    return None


def price_collar(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> str | None:
    _, ask = order.sized()
    alert = order.alert_price
    if alert is None or fixed_limits.price_collar_pct == 0:
        return None
    if not _is_price(alert):
        return f"the alert's price {alert} is no price to hold the quote against: mend the alert's template"
    off = abs(ask - alert)
    if off * 100 > fixed_limits.price_collar_pct * alert:
        return (
            f"{order.ticker} asks {price(ask)}, {off * 100 / alert:.1f}% {'above' if ask > alert else 'below'} the alert's "
            f"{price(alert)}: more than price_collar_pct ({shares(fixed_limits.price_collar_pct)}%) allows"
        )
    return None


def max_order_value(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> str | None:
    qty, ask = order.sized()
    if order.value > fixed_limits.max_order_value_usd:
        return (
            f"{shares(qty)} {order.ticker} at {price(ask)} are {usd(order.value)}, "
            f"max_order_value_usd in the configuration is {usd(fixed_limits.max_order_value_usd)}"
        )
    return None


BUY_POLICY: tuple[tuple[str, Callable[[Buy, Snapshot, Limits, FixedLimits], str | None]], ...] = (
    ("kill switch", kill_switch),
    ("pause", pause),
    ("unknown order", unknown_order),
    ("mismatch", mismatch),
    ("alert age", alert_age),
    ("repeat window", repeat_window),
    ("quote known", quote_known),  # the checks below may rely on a quote …
    ("size", size),  # … and on a quantity above zero
    ("cash", cash),
    ("total investment", total_investment),
    ("open positions", open_positions),
    ("per ticker", per_ticker),
    ("daily buys", daily_buys),
    ("daily loss", daily_loss),
    ("price collar", price_collar),
    ("max order value", max_order_value),
)
SELL_POLICY: tuple[tuple[str, Callable[[Sell, Snapshot, Limits, FixedLimits], str | None]], ...] = (
    ("kill switch", kill_switch),
)


def judge(order: Buy | Sell, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> RiskDecision:
    """Runs the side's policy up to the first refusal."""
    if isinstance(order, Buy):
        results = ((name, check(order, now, limits, fixed_limits)) for name, check in BUY_POLICY)
    else:
        results = ((name, check(order, now, limits, fixed_limits)) for name, check in SELL_POLICY)
    checks: list[Check] = []
    for name, reason in results:
        checks.append(Check(name, reason))
        if reason is not None:
            break
    return RiskDecision(checks[-1].reason, tuple(checks))


# --- helpers --------------------------------------------------------------------------------------------------------


def _room(what: str, count: int, most: int, command: str) -> str | None:
    if count >= most:
        return f"{count:,} {what}, the most is {most:,}: raise it with {command}"
    return None


def _is_price(price: Decimal) -> bool:
    return price.is_finite() and price > 0


def _not_a_number(what: str) -> str:
    return f"{what} is not a number: no BUY until it is known"
