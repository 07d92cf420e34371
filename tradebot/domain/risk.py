"""The rules of risk: what may be bought, what may be sold, and a code with its facts when it may not.

Rules: a check is a function `(order, now, limits, fixed_limits) -> Refusal | None`, the policy is a tuple of them, and the first
refusal blocks. What is not known, or is not a number, refuses. A SELL is stopped by the kill switch alone: an exit must never
wait for room under a limit. Nothing here is worded: `words/refusals.py` says each code, and how to change what it depends on.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from math import isfinite

from tradebot.domain import strategy_rules
from tradebot.domain.limits import COUNT_MAX, USD_MAX, FixedLimits, Limits, LossBasis
from tradebot.domain.order_plan import LIMITED, EntryPlan
from tradebot.domain.refusals import Fact, Figure, Refusal, RefusalCode
from tradebot.domain.settings import TradingState
from tradebot.domain.sizing import CASH_BUFFER, Room
from tradebot.domain.snapshot import Buy, Sell, Snapshot
from tradebot.domain.strategies import MAIN
from tradebot.domain.strategy_rules import StrategyView

_C = RefusalCode


@dataclass(frozen=True, slots=True)
class Check:
    """One check that ran, named by the code it refuses with."""

    name: RefusalCode
    refusal: Refusal | None  # None: passed
    strategy: str | None = None  # whose own limit it looked at; None: the account's


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


def ticker_blocked(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    return _refuse(_C.TICKER_BLOCKED, ticker=now.blocked) if now.blocked is not None else None


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
    """An ask alone is a quote: without a bid there is no spread to judge. A limit pays no more than it says."""
    _, ask = order.sized()
    limit, bid = fixed_limits.max_spread_pct, order.bid
    limited = order.plan is not None and order.plan.terms.type in LIMITED
    if limit == 0 or limited or bid is None or not _is_price(bid):
        return None
    if (ask - bid) * 200 > limit * (ask + bid):
        return _refuse(_C.MAX_SPREAD, ticker=order.ticker, bid=bid, ask=ask, limit_pct=limit)
    return None


def exit_levels(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    if order.misfit is None:
        return None
    return _refuse(order.misfit.code, ticker=order.ticker, **order.misfit.facts)


def size(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    qty, _ = order.sized()
    if order.unsized is not None:
        return _not_known(order.unsized, order, strategy=now.own.name if now.own is not None else MAIN)
    if not order.amount_usd.is_finite():
        return _not_known(Figure.AMOUNT_USD, order)
    if qty <= 0:
        how = dict(order.arithmetic.facts) if order.arithmetic is not None else {}
        if now.own is not None and now.own.terms.has_own_amount and "lowered_by" not in how:
            how["strategy"] = now.own.name
        return _refuse(_C.SIZE, ticker=order.ticker, amount_usd=order.amount_usd, ask=order.price, **how)
    return None


def cash(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    qty, _ = order.sized()
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
            ask=order.price,
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
    """Of the price that the alert was sent at, and of the one that its order is to wait for."""
    _, ask = order.sized()
    asked = None if order.plan is None else order.plan.asked_price
    for alert in (order.alert_price, asked):
        if alert is None or fixed_limits.price_collar_pct == 0:
            continue
        if not _is_price(alert):
            return _refuse(_C.NOT_KNOWN, figure=Figure.ALERT_PRICE, ticker=order.ticker, alert_price=alert)
        if abs(ask - alert) * 100 > fixed_limits.price_collar_pct * alert:
            pct = fixed_limits.price_collar_pct
            how: dict[str, Fact] = {"delayed": 1} if order.delayed else {}
            return _refuse(_C.PRICE_COLLAR, ticker=order.ticker, ask=ask, alert_price=alert, limit_pct=pct, **how)
    return None


def max_order_value(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    qty, _ = order.sized()
    if order.value > (limit := fixed_limits.max_order_value_usd):
        return _refuse(
            _C.MAX_ORDER_VALUE, ticker=order.ticker, qty=qty, ask=order.price, value=order.value, limit=limit
        )
    return None


def max_risk(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    """The strategy's own first, then all together. Without a stop all that an order costs is at risk."""
    for at_risk, limit, strategy in _risk_limits(now, fixed_limits):
        if not at_risk.is_finite():
            return _not_known(Figure.AT_RISK, order)
        if at_risk + order.at_risk > limit:
            qty, _ = order.sized()
            facts: dict[str, Fact] = {"ticker": order.ticker, "qty": qty, "price": order.price, "risk": order.at_risk}
            facts |= {"at_risk": at_risk, "limit": limit}
            stop: dict[str, Fact] = {} if order.stop is None else {"stop": order.stop}
            own: dict[str, Fact] = {} if strategy is None else {"strategy": strategy}
            return _refuse(_C.MAX_RISK, **facts, **stop, **own)
    return None


def _risk_limits(now: Snapshot, fixed_limits: FixedLimits) -> Iterator[tuple[Decimal, Decimal, str | None]]:
    """What is at risk already, the most that may be, and whose limit it is."""
    if now.own is not None and (most := now.own.terms.strategy.max_risk_usd) is not None:
        yield now.own.figures.at_risk, most, now.own.name
    if fixed_limits.max_risk_usd:
        yield now.at_risk, fixed_limits.max_risk_usd, None


def margin(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
    """IB is asked of an order of some value only; what it said of fewer shares says nothing of these."""
    qty, _ = order.sized()
    if fixed_limits.what_if_above_usd == 0 or order.value <= fixed_limits.what_if_above_usd:
        return None
    answer = order.margin
    facts: dict[str, Fact] = {"ticker": order.ticker, "qty": qty, "price": order.price}
    if answer is None or answer.qty < qty:
        return _not_known(Figure.MARGIN, order)
    if answer.refused is not None:
        code, text = answer.refused
        return _refuse(_C.MARGIN, **facts, ib_code=code, ib_text=text)
    taken, there = answer.margin, answer.equity
    if taken is None or there is None or not (taken.is_finite() and there.is_finite()):
        return _not_known(Figure.MARGIN, order)
    return _refuse(_C.MARGIN, **facts, margin=taken, equity=there) if taken > there else None


BuyCheck = Callable[[Buy, Snapshot, Limits, FixedLimits], Refusal | None]


def _own(check: Callable[[str, StrategyView], Refusal | None]) -> BuyCheck:
    """A rule of the strategy, where the snapshot has one."""

    def judged(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Refusal | None:
        return None if now.own is None else check(order.ticker, now.own)

    return judged


BUY_POLICY: tuple[tuple[RefusalCode, BuyCheck], ...] = (
    (_C.KILL_SWITCH, kill_switch),
    (_C.PAUSED, paused),
    (_C.TICKER_BLOCKED, ticker_blocked),
    (_C.STRATEGY_DISABLED, _own(strategy_rules.enabled)),
    (_C.STRATEGY_PAUSED, _own(strategy_rules.not_paused)),
    (_C.TICKER_NOT_ALLOWED, _own(strategy_rules.ticker_allowed)),
    (_C.AT_TARGET, _own(strategy_rules.at_target)),
    (_C.OVERTAKEN, _own(strategy_rules.overtaken)),
    (_C.TRADING_WINDOW, _own(strategy_rules.trading_window)),
    (_C.UNKNOWN_ORDER, unknown_order),
    (_C.SPLIT, split),
    (_C.OTHER_CONTRACT, other_contract),
    (_C.SHORT_AT_IB, short_at_ib),
    (_C.MISMATCH, mismatch),
    (_C.ALERT_AGE, alert_age),
    (_C.REPEAT_WINDOW, repeat_window),
    (_C.COOLDOWN, _own(strategy_rules.cooldown)),
    (_C.MAX_ALERTS_PER_DAY, _own(strategy_rules.alerts_today)),
    (_C.NO_QUOTE, quote_known),  # the checks below may rely on a quote …
    (_C.DELAYED_QUOTE, delayed_quote),
    (_C.MAX_SPREAD, spread),
    (_C.EXIT_LEVELS, exit_levels),
    (_C.SIZE, size),  # … and on a quantity above zero
    (_C.CASH, cash),
    (_C.MAX_TOTAL_INVESTMENT, total_investment),
    (_C.MAX_OPEN_POSITIONS, open_positions),
    (_C.MAX_PER_TICKER, per_ticker),
    (_C.MAX_DAILY_BUYS, daily_buys),
    (_C.MAX_DAILY_LOSS, daily_loss),
    (_C.MAX_RISK, max_risk),
    (_C.PRICE_COLLAR, price_collar),
    (_C.MAX_ORDER_VALUE, max_order_value),
    (_C.MARGIN, margin),  # when nothing else refuses: it is asked of IB
)
SELL_POLICY: tuple[tuple[RefusalCode, Callable[[Sell, Snapshot, Limits, FixedLimits], Refusal | None]], ...] = (
    (_C.KILL_SWITCH, kill_switch),
)
LIMIT_OF: Mapping[RefusalCode, str] = {
    _C.CASH: "min_cash_reserve",
    _C.MAX_TOTAL_INVESTMENT: "max_total_investment",
    _C.MAX_OPEN_POSITIONS: "max_open_positions",
    _C.MAX_PER_TICKER: "max_per_ticker",
    _C.MAX_DAILY_BUYS: "max_daily_buys",
    _C.MAX_DAILY_LOSS: "max_daily_loss",
}
"""The checks that a strategy may have a limit of its own for. They look at its own part first, then at the sum of all."""
_NO_LIMITS = Limits(USD_MAX, COUNT_MAX, COUNT_MAX, USD_MAX, COUNT_MAX, USD_MAX, Decimal(0))


def judge(order: Buy | Sell, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> RiskDecision:
    """Runs the side's policy up to the first refusal."""
    results: Iterator[Check]
    if isinstance(order, Buy):
        results = _of_buy(order, now, limits, fixed_limits)
    else:
        results = (Check(name, check(order, now, limits, fixed_limits)) for name, check in SELL_POLICY)
    checks: list[Check] = []
    for check in results:
        checks.append(check)
        if check.refusal is not None:
            break
    return RiskDecision(checks[-1].refusal, tuple(checks))


def _of_buy(order: Buy, now: Snapshot, limits: Limits, fixed_limits: FixedLimits) -> Iterator[Check]:
    for name, check in BUY_POLICY:
        if now.own is not None and LIMIT_OF.get(name) in now.own.terms.limits:
            refusal = check(order, _own_part(now, now.own), _own_limits(now.own), fixed_limits)
            if refusal is not None:
                refusal = replace(refusal, facts={**refusal.facts, "strategy": now.own.name})
            yield Check(name, refusal, now.own.name)
        yield Check(name, check(order, now, limits, fixed_limits))


def rooms(now: Snapshot, limits: Limits, fixed_limits: FixedLimits, planned: EntryPlan) -> Sequence[Room]:
    """What each limit in USD leaves for one more order; a figure that is not known leaves it to its check to refuse."""
    found = [Room("max_order_value_usd", fixed_limits.max_order_value_usd, of_cost=False)]
    if now.own is not None:
        own, name = now.own.terms.limits, now.own.name
        if (amount := own.get("buy_amount_usd")) is not None:
            found.append(Room("buy_amount_usd", Decimal(amount), of_cost=False, strategy=name))
        found += [one for one in _rooms(_own_part(now, now.own), _own_limits(now.own), name) if one.limit in own]
    found += _rooms(now, limits, None)
    each = planned.price - (planned.risk_price or Decimal(0))
    for at_risk, most, strategy in _risk_limits(now, fixed_limits):
        found.append(Room("max_risk_usd", most - at_risk, each=each, strategy=strategy))
    return [one for one in found if one.usd.is_finite()]


def _rooms(now: Snapshot, limits: Limits, strategy: str | None) -> Iterator[Room]:
    yield Room("max_total_investment", limits.max_total_investment - now.held - now.in_flight, strategy=strategy)
    if now.cash is not None:
        yield Room("min_cash_reserve", now.cash - limits.min_cash_reserve - now.reserved, strategy=strategy)


def _own_part(now: Snapshot, own: StrategyView) -> Snapshot:
    return replace(now, **asdict(own.figures))


def _own_limits(own: StrategyView) -> Limits:
    return replace(_NO_LIMITS, **own.terms.limits)  # type: ignore[arg-type]


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
