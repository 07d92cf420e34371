"""The rules of risk: what may be bought, what may be sold, and a code with its facts when it may not.

Rules: a check is a function `(order, now, limits, fixed_limits) -> Refusal | None`, the policy is a tuple of them, and the first
refusal blocks. What is not known, or is not a number, refuses. A SELL is stopped by the kill switch alone: an exit must never
wait for room under a limit. Nothing here is worded: `words/refusals.py` says each code, and how to change what it depends on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite

from tradebot.domain.limits import FixedLimits, Limits, LossBasis
from tradebot.domain.refusals import Fact, Figure, Refusal, RefusalCode
from tradebot.domain.settings import TradingState

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
    bid: Decimal | None = None  # None: there is none, or IB has not told it
    delayed: bool = False  # the quote is up to 20 minutes old
    quote_code: int | None = None  # IB's, of why it gave no quote
    quote_text: str = ""

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
    """An exit as the checks see it."""

    ticker: str
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known at one moment, read in the same transaction that stores the decision. USD are Decimal."""

    state: TradingState
    cash: Decimal | None  # spendable at IB; None: unknown
    reserved: Decimal  # taken by BUYs in flight or UNKNOWN, and by fills the last account update may not contain
    held: Decimal  # cost basis of open lots not opened by a trade in flight
    in_flight: Decimal  # reserved by BUYs in flight, towards total investment
    open_positions: int  # open lots + BUYs in flight, each BUY counted once
    ticker_positions: int  # the same for this ticker
    buys_today: int  # of the New York date: filled anything, in flight or UNKNOWN
    realised_today: Decimal  # of the New York date, commissions included
    since_last_buy_s: float | None  # since the last decided BUY of this ticker; None: there was none
    unknown_order: bool  # the ticker is frozen by an UNKNOWN order
    missing_qty: Decimal  # shares in our books that IB does not show; 0 = fine
    split: Mapping[str, Fact] | None = None  # figures of one that is recognised and not answered yet
    other_contract: bool = False  # the ticker's lots are of another contract than the one to be bought
    short_qty: Decimal = Decimal(0)  # shares of the stock that IB shows as sold short: the owner's own doing
    live: bool = False  # real money
    base_currency: str | None = None  # the account's, where it is not USD …
    base_cash: Decimal | None = None  # … and its cash in it
    open_change: Decimal | None = Decimal(
        0
    )  # what open lots add to today's result (`exposure.open_change`); None: unknown
    unpriced: str = ""  # tickers of open lots that IB gives no price for


_C = RefusalCode


@dataclass(frozen=True, slots=True)
class Check:
    """One check that ran, named by the code it refuses with."""

    name: RefusalCode
    refusal: Refusal | None  # None: passed


@dataclass(frozen=True, slots=True)
class RiskDecision:
    """`refusal` is None when the order may leave. `checks` are all that ran, the first refusal last."""

    refusal: Refusal | None
    checks: tuple[Check, ...]


# --- the checks -----------------------------------------------------------------------------------------------------


def kill_switch(order: Buy | Sell, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    return _refuse(_C.KILL_SWITCH) if now.state is TradingState.KILLED else None


def paused(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    return _refuse(_C.PAUSED) if now.state is not TradingState.RUNNING else None


def unknown_order(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    return _refuse(_C.UNKNOWN_ORDER, ticker=order.ticker) if now.unknown_order else None


def split(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    return _refuse(_C.SPLIT, ticker=order.ticker, **now.split) if now.split is not None else None


def other_contract(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    return _refuse(_C.OTHER_CONTRACT, ticker=order.ticker) if now.other_contract else None


def short_at_ib(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    if not now.short_qty.is_finite():
        return _not_known(Figure.MISSING_QTY, order)
    if now.short_qty > 0:
        return _refuse(_C.SHORT_AT_IB, ticker=order.ticker, short_qty=now.short_qty)
    return None


def mismatch(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    if not now.missing_qty.is_finite():
        return _not_known(Figure.MISSING_QTY, order)
    if now.missing_qty > 0:
        return _refuse(_C.MISMATCH, ticker=order.ticker, missing_qty=now.missing_qty)
    return None


def alert_age(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    if not isfinite(order.waited_s):
        return _not_known(Figure.WAITED_S, order)
    if order.waited_s > fixed_limits.max_alert_age_s:
        return _refuse(_C.ALERT_AGE, waited_s=_seconds(order.waited_s), limit_s=fixed_limits.max_alert_age_s)
    return None


def repeat_window(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    window_s, since_s = fixed_limits.repeat_window_s, now.since_last_buy_s
    if window_s == 0 or since_s is None:
        return None
    if not isfinite(since_s):
        return _not_known(Figure.SINCE_LAST_BUY_S, order)
    if abs(since_s) <= window_s:  # a clock that was set back blocks nothing for an hour
        since = _seconds(abs(since_s))
        return _refuse(_C.REPEAT_WINDOW, ticker=order.ticker, since_s=since, window_s=window_s)
    return None


def quote_known(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    if order.qty is None or order.ask is None or not _is_price(order.ask) or not order.qty.is_finite():
        why: dict[str, Fact] = {}
        if order.quote_code is not None:
            why = {"ib_code": order.quote_code, "ib_text": order.quote_text}
        return _refuse(_C.NO_QUOTE, ticker=order.ticker, **why)
    return None


def delayed_quote(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    _, ask = order.sized()
    if order.delayed and now.live and not fixed_limits.allow_delayed_quotes:
        return _refuse(_C.DELAYED_QUOTE, ticker=order.ticker, ask=ask)
    return None


def spread(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    """An ask alone is a quote: without a bid there is no spread to judge."""
    _, ask = order.sized()
    limit, bid = fixed_limits.max_spread_pct, order.bid
    if limit == 0 or bid is None or not _is_price(bid):
        return None
    if (ask - bid) * 200 > limit * (ask + bid):
        return _refuse(_C.MAX_SPREAD, ticker=order.ticker, bid=bid, ask=ask, limit_pct=limit)
    return None


def size(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    qty, ask = order.sized()
    if not order.amount_usd.is_finite():
        return _not_known(Figure.AMOUNT_USD, order)
    if qty <= 0:
        return _refuse(_C.SIZE, ticker=order.ticker, amount_usd=order.amount_usd, ask=ask)
    return None


def cash(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    qty, ask = order.sized()
    if now.cash is None and now.base_currency is not None and now.base_cash is not None:
        return _not_known(Figure.NO_USD, order, base_currency=now.base_currency, base_cash=now.base_cash)
    if now.cash is None or not now.cash.is_finite():
        return _not_known(Figure.CASH, order)
    if not now.reserved.is_finite():
        return _not_known(Figure.RESERVED, order)
    free = now.cash - limits.min_cash_reserve - now.reserved
    if order.cost > free:
        return _refuse(
            _C.CASH,
            ticker=order.ticker,
            qty=qty,
            ask=ask,
            price_buffer=CASH_BUFFER,
            cost=order.cost,
            free=free,
            cash=now.cash,
            min_cash_reserve=limits.min_cash_reserve,
            reserved=now.reserved,
        )
    return None


def total_investment(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    if not (now.held.is_finite() and now.in_flight.is_finite()):
        return _not_known(Figure.INVESTED, order)
    total, limit = now.held + now.in_flight + order.cost, limits.max_total_investment
    if total > limit:
        return _refuse(
            _C.MAX_TOTAL_INVESTMENT,
            total=total,
            held=now.held,
            in_flight=now.in_flight,
            cost=order.cost,
            limit=limit,
        )
    return None


def open_positions(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    return _room(_C.MAX_OPEN_POSITIONS, now.open_positions, limits.max_open_positions, order)


def per_ticker(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    return _room(_C.MAX_PER_TICKER, now.ticker_positions, limits.max_per_ticker, order)


def daily_buys(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    return _room(_C.MAX_DAILY_BUYS, now.buys_today, limits.max_daily_buys, order)


def daily_loss(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    if not now.realised_today.is_finite():
        return _not_known(Figure.REALISED_TODAY, order)
    realised, limit = now.realised_today, limits.max_daily_loss
    if fixed_limits.daily_loss_basis is LossBasis.REALISED:
        return _refuse(_C.MAX_DAILY_LOSS, realised_today=realised, limit=limit) if realised <= -limit else None
    change = now.open_change
    if change is None or not change.is_finite():
        return _not_known(Figure.OPEN_CHANGE, order, unpriced=now.unpriced)
    if realised + change <= -limit:
        return _refuse(_C.MAX_DAILY_LOSS, realised_today=realised, open_change=change, limit=limit)
    return None


def price_collar(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    _, ask = order.sized()
    alert = order.alert_price
    if alert is None or fixed_limits.price_collar_pct == 0:
        return None
    if not _is_price(alert):
        return _refuse(_C.NOT_KNOWN, figure=Figure.ALERT_PRICE, ticker=order.ticker, alert_price=alert)
    if abs(ask - alert) * 100 > fixed_limits.price_collar_pct * alert:
        pct = fixed_limits.price_collar_pct
        how: dict[str, Fact] = {"delayed": 1} if order.delayed else {}
        return _refuse(_C.PRICE_COLLAR, ticker=order.ticker, ask=ask, alert_price=alert, limit_pct=pct, **how)
    return None


def max_order_value(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    qty, ask = order.sized()
    if order.value > (limit := fixed_limits.max_order_value_usd):
        return _refuse(_C.MAX_ORDER_VALUE, ticker=order.ticker, qty=qty, ask=ask, value=order.value, limit=limit)
    return None


BUY_POLICY: tuple[tuple[RefusalCode, Callable[[Buy, Snapshot, Limits, FixedLimits], Refusal | None]], ...] = (
    (_C.KILL_SWITCH, kill_switch),
    (_C.PAUSED, paused),
    (_C.UNKNOWN_ORDER, unknown_order),
    (_C.SPLIT, split),
    (_C.OTHER_CONTRACT, other_contract),
    (_C.SHORT_AT_IB, short_at_ib),
    (_C.MISMATCH, mismatch),
    (_C.ALERT_AGE, alert_age),
    (_C.REPEAT_WINDOW, repeat_window),
    (_C.NO_QUOTE, quote_known),  # the checks below may rely on a quote …
    (_C.DELAYED_QUOTE, delayed_quote),
    (_C.MAX_SPREAD, spread),
    (_C.SIZE, size),  # … and on a quantity above zero
    (_C.CASH, cash),
    (_C.MAX_TOTAL_INVESTMENT, total_investment),
    (_C.MAX_OPEN_POSITIONS, open_positions),
    (_C.MAX_PER_TICKER, per_ticker),
    (_C.MAX_DAILY_BUYS, daily_buys),
    (_C.MAX_DAILY_LOSS, daily_loss),
    (_C.PRICE_COLLAR, price_collar),
    (_C.MAX_ORDER_VALUE, max_order_value),
)
SELL_POLICY: tuple[tuple[RefusalCode, Callable[[Sell, Snapshot, Limits, FixedLimits], Refusal | None]], ...] = (
    (_C.KILL_SWITCH, kill_switch),
)


def judge(order: Buy | Sell, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> RiskDecision:
    """Runs the side's policy up to the first refusal."""
    if isinstance(order, Buy):
        results = ((name, check(order, now, limits, fixed_limits)) for name, check in BUY_POLICY)
    else:
        results = ((name, check(order, now, limits, fixed_limits)) for name, check in SELL_POLICY)
    checks: list[Check] = []
    for name, refusal in results:
        checks.append(Check(name, refusal))
        if refusal is not None:
            break
    return RiskDecision(checks[-1].refusal, tuple(checks))


# --- helpers --------------------------------------------------------------------------------------------------------


def _room(code: RefusalCode, count: int, most: int, order: Buy) -> Refusal | None:
    return _refuse(code, ticker=order.ticker, count=count, limit=most) if count >= most else None


def _is_price(price: Decimal) -> bool:
    return price.is_finite() and price > 0


def _refuse(code: RefusalCode, **facts: Fact) -> Refusal:
    return Refusal(code, facts)


def _not_known(figure: Figure, order: Buy, **facts: Fact) -> Refusal:
    return _refuse(_C.NOT_KNOWN, figure=figure, ticker=order.ticker, **facts)


def _seconds(value: float) -> Decimal:
    """To the millisecond."""
    return Decimal(f"{value:.3f}")
