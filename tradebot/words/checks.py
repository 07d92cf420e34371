"""The figures that a check which passed was decided on, from the decision as it is stored. Pure.

Rules: one short phrase a check; nothing where the stored decision does not have its figures (another version made it).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tradebot.domain.refusals import RefusalCode
from tradebot.words.figures import amount, price, seconds, shares, signed_usd, usd

_C = RefusalCode


def passed(code: str, decision: Mapping[str, object], strategy: str | None = None) -> str:
    """What the check `code` compared with what, when this decision was made. `strategy`: whose own limit it looked at."""
    say = next((say for known, say in _PHRASES.items() if known == code), None)
    if say is None:
        return ""
    try:
        return say(_Decision(decision) if strategy is None else _OwnDecision(decision))
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return ""


class _Decision:
    """A stored decision's inputs: a figure is text there."""

    def __init__(self, decision: Mapping[str, Any]) -> None:
        inputs = decision["inputs"]
        self.reserved = Decimal(decision["reserved"])
        self.order: Mapping[str, Any] = inputs.get("order") or {}
        self.now: Mapping[str, Any] = inputs["snapshot"]
        self.limits: Mapping[str, Any] = inputs.get("limits") or {}
        self.fixed: Mapping[str, Any] = inputs.get("fixed_limits") or {}

    def pct(self, name: str) -> str:
        """A limit of the file, 0 where it is switched off."""
        limit = Decimal(self.fixed[name])
        return f"{shares(limit)}% allowed" if limit else "any allowed"

    @property
    def ask(self) -> Decimal:
        return Decimal(self.order["ask"])

    @property
    def plan(self) -> Mapping[str, Any] | None:
        """As the entry is to leave; None: decided by a version that knew market orders alone."""
        return self.order.get("plan")

    @property
    def price(self) -> Decimal:
        """What it was sized by: the ask, or its own price."""
        return self.ask if self.plan is None else Decimal(self.plan["price"])

    @property
    def stop(self) -> Decimal | None:
        stop = None if self.plan is None else self.plan["stop"]
        return None if stop is None else Decimal(stop["stop_price"])

    @property
    def qty(self) -> Decimal:
        return Decimal(self.order["qty"])


class _OwnDecision(_Decision):
    """The same of the strategy's own part and limits."""

    def __init__(self, decision: Mapping[str, Any]) -> None:
        super().__init__(decision)
        own = self.now["own"]
        self.now = {**self.now, **own["figures"]}
        self.limits = own["terms"]["limits"]


def _state(d: _Decision) -> str:
    return f"trading is {d.now['state']}"


def _alert_age(d: _Decision) -> str:
    return f"waited {seconds(float(d.order['waited_s']))} of {d.fixed['max_alert_age_s']} s"


def _repeat(d: _Decision) -> str:
    since, window = d.now["since_last_buy_s"], d.fixed["repeat_window_s"]
    if since is None:
        return "no BUY of it before, today"
    return f"the BUY before was {seconds(abs(float(since)))} ago, {window} s are asked for"


def _quote(d: _Decision) -> str:
    return f"IB asks {price(d.ask)}"


def _delayed(d: _Decision) -> str:
    account = "a live account" if d.now["live"] else "no live account"
    return f"a {'delayed' if d.order['delayed'] else 'live'} quote, {account}"


def _spread(d: _Decision) -> str:
    if d.order["bid"] is None:
        return "no bid to compare with"
    bid = Decimal(d.order["bid"])
    return f"{(d.ask - bid) * 200 / (d.ask + bid):.2f}%, {d.pct('max_spread_pct')}"


def _own(say: Callable[[Mapping[str, Any]], str]) -> Callable[[_Decision], str]:
    """Of a rule of the strategy."""
    return lambda d: say(d.now["own"]) if d.now.get("own") else "no strategy"


def _overtaken(own: Mapping[str, Any]) -> str:
    return "no exit of it lately" if own["newest_exit"] is None else "no exit of it is newer"


def _window(own: Mapping[str, Any]) -> str:
    window = own["terms"]["strategy"]["window"]
    return "at any time" if window is None else f"from {window[0][:5]} to {window[1][:5]} New York"


def _cooldown(own: Mapping[str, Any]) -> str:
    wait_s, since = own["terms"]["strategy"]["cooldown_s"], own["since_entry_s"]
    if not wait_s:
        return "none is set"
    return f"no BUY of it within {wait_s} s" if since is None else f"the BUY before was {seconds(float(since))} ago"


def _alerts_today(own: Mapping[str, Any]) -> str:
    most = own["terms"]["strategy"]["max_alerts_per_day"]
    return "any number" if most is None else f"{own['alerts_today']} with it, of {most}"


def _size(d: _Decision) -> str:
    how = d.order.get("arithmetic")
    if how is not None and (how["size"]["kind"] != "usd" or how["lowered_by"]):
        room = how["lowered_by"]
        by = f", {shares(Decimal(how['qty']))} by {room['limit']}" if room else ""
        return f"{how['size']['kind'].replace('_', ' ')} {how['size']['value']} → {shares(Decimal(how['asked']))}{by}"
    amount = d.order["amount_usd"] if how is None else how["size"]["value"]
    return f"{usd(Decimal(amount))} / {price(d.price)} → {shares(d.qty)}"


def _cash(d: _Decision) -> str:
    cash, reserve, taken = (
        Decimal(d.now["cash"]),
        Decimal(d.limits["min_cash_reserve"]),
        Decimal(d.now["reserved"]),
    )
    return (
        f"needs {usd(d.reserved)}, free {usd(cash - reserve - taken)} "
        f"({usd(cash)} at IB − {usd(reserve)} reserve − {usd(taken)} in flight)"
    )


def _investment(d: _Decision) -> str:
    total = Decimal(d.now["held"]) + Decimal(d.now["in_flight"]) + d.reserved
    return f"{usd(total)} with it, of {usd(Decimal(d.limits['max_total_investment']))}"


def _count(figure: str, limit: str) -> Callable[[_Decision], str]:
    return lambda d: f"{d.now[figure]} before it, of {d.limits[limit]}"


def _loss(d: _Decision) -> str:
    realised = f"{signed_usd(Decimal(d.now['realised_today']))} realised today"
    if d.fixed.get("daily_loss_basis") == "total":
        realised += f", {signed_usd(Decimal(d.now['open_change']))} in open lots"
    return f"{realised}, limit {usd(-Decimal(d.limits['max_daily_loss']))}"


def _collar(d: _Decision) -> str:
    if d.order["alert_price"] is None:
        return "the alert has no price"
    alert = Decimal(d.order["alert_price"])
    off = (d.ask - alert) * 100 / alert
    return f"{price(d.ask)} against the alert's {price(alert)}: {off:+.2f}%, {d.pct('price_collar_pct')}"


def _value(d: _Decision) -> str:
    return f"{usd(d.qty * d.price)} of {usd(Decimal(d.fixed['max_order_value_usd']))}"


def _levels(d: _Decision) -> str:
    if d.plan is None or (d.plan["terms"]["type"] == "MKT" and d.plan["stop"] is None and d.plan["target"] is None):
        return "a market order, without stop and target"
    parts = [f"{d.plan['terms']['type']} at {price(d.price)}"]
    if d.stop is not None:
        parts.append(f"stop {price(d.stop)}")
    if d.plan["target"] is not None:
        parts.append(f"target {price(Decimal(d.plan['target']['limit_price']))}")
    return ", ".join(parts)


def _risk(d: _Decision) -> str:
    risk = d.qty * (d.price - (d.stop or 0))
    own = (d.now.get("own") or {}).get("terms", {}).get("strategy", {}).get("max_risk_usd")
    account = Decimal(d.fixed.get("max_risk_usd", 0))
    most = [usd(Decimal(limit)) for limit in (own, account) if limit]
    return f"{usd(risk)} at risk, " + (f"the most is {' and '.join(most)}" if most else "any allowed")


def _margin(d: _Decision) -> str:
    above, answer = Decimal(d.fixed.get("what_if_above_usd", 0)), d.order.get("margin")
    if not above or d.qty * d.price <= above or answer is None:
        return "not asked for an order of this value"
    return f"IB would want {amount(Decimal(answer['margin']))} of {amount(Decimal(answer['equity']))}"


_PHRASES: Mapping[RefusalCode, Callable[[_Decision], str]] = {
    _C.KILL_SWITCH: _state,
    _C.PAUSED: _state,
    _C.TICKER_BLOCKED: lambda _: "not blocked",
    _C.STRATEGY_DISABLED: _own(lambda _: "switched on"),
    _C.STRATEGY_PAUSED: _own(lambda _: "not paused by name"),
    _C.TICKER_NOT_ALLOWED: _own(
        lambda own: "any" if own["terms"]["strategy"]["tickers"] is None else "one of its tickers"
    ),
    _C.AT_TARGET: _own(lambda own: f"it holds {shares(Decimal(own['held_qty']))}"),
    _C.OVERTAKEN: _own(_overtaken),
    _C.TRADING_WINDOW: _own(_window),
    _C.UNKNOWN_ORDER: lambda d: "none of this ticker",
    _C.SPLIT: lambda d: "none seen",
    _C.OTHER_CONTRACT: lambda d: "none held",
    _C.SHORT_AT_IB: lambda d: "not short",
    _C.MISMATCH: lambda d: "books and IB agree",
    _C.ALERT_AGE: _alert_age,
    _C.REPEAT_WINDOW: _repeat,
    _C.COOLDOWN: _own(_cooldown),
    _C.MAX_ALERTS_PER_DAY: _own(_alerts_today),
    _C.NO_QUOTE: _quote,
    _C.DELAYED_QUOTE: _delayed,
    _C.MAX_SPREAD: _spread,
    _C.SIZE: _size,
    _C.CASH: _cash,
    _C.MAX_TOTAL_INVESTMENT: _investment,
    _C.MAX_OPEN_POSITIONS: _count("open_positions", "max_open_positions"),
    _C.MAX_PER_TICKER: _count("ticker_positions", "max_per_ticker"),
    _C.MAX_DAILY_BUYS: _count("buys_today", "max_daily_buys"),
    _C.MAX_DAILY_LOSS: _loss,
    _C.PRICE_COLLAR: _collar,
    _C.MAX_ORDER_VALUE: _value,
    _C.EXIT_LEVELS: _levels,
    _C.MAX_RISK: _risk,
    _C.MARGIN: _margin,
}
