"""What of an instruction is not honoured, under the strategy that it is for. Pure.

Rules: honoured or refused, never silently something else. This is the only place that says so; each check is a function, and
the first that finds something speaks. What makes an instruction contradict itself is refused earlier (`payload/`), what depends
on the books or the market later (`risk.py`).
"""

from collections.abc import Callable

from tradebot.domain.alerts import Side
from tradebot.domain.instructions import Instruction, Size, SizeKind, Verb
from tradebot.domain.strategies import BY_STOP, ExitSize, ExitSource, OrderSource, Sizing, Strategy
from tradebot.domain.terms import NO_EXITS, OrderType, TimeInForce

_ENDING = "Nothing was traded."
_UNITS = {
    SizeKind.SHARES: "{} shares",
    SizeKind.USD: "{} USD",
    SizeKind.EQUITY_PCT: "{} % of the account",
    SizeKind.RISK_USD: "a risk of {} USD",
    SizeKind.RISK_PCT: "a risk of {} % of the account",
    SizeKind.POSITION_PCT: "{} % of the position",
}
_SIZINGS = {
    Sizing.USD: "spends an amount of its own on every buy",
    Sizing.SHARES: "buys a number of shares of its own",
    Sizing.EQUITY_PCT: "spends a share of the account on every buy",
    Sizing.RISK_USD: "sizes every buy by its own risk",
    Sizing.RISK_PCT: "sizes every buy by its own risk",
}
_ORDERS = {
    OrderSource.MARKET: "buys at the market",
    OrderSource.LIMIT: "buys by limit orders at the alert's price",
}
_EXITS = {
    ExitSource.NONE: "places none: the position would be unprotected",
    ExitSource.OWN: "places its own",
}
_RISKS = (SizeKind.RISK_USD, SizeKind.RISK_PCT)


def not_honoured(instruction: Instruction, strategy: Strategy) -> str | None:
    """Why this instruction is not traded, what to do about it included; None where all of it is honoured."""
    return next((reason for check in _CHECKS if (reason := check(instruction, strategy)) is not None), None)


def _order_type(instruction: Instruction, strategy: Strategy) -> str | None:
    kind = instruction.order.type
    if kind is OrderType.MARKET:
        return None
    asked = f"The alert asks for a {kind.name.lower().replace('_', '-')} order"
    if instruction.side is Side.SELL:
        return (
            f"{asked}, and an exit is a market order: it is to be over. {_ENDING}"
            " Take the order's type and prices out of the alert to sell at the market."
        )
    if strategy.orders is OrderSource.ALERT or (strategy.orders is OrderSource.LIMIT and kind is OrderType.LIMIT):
        return None
    return (
        f"{asked}, and the strategy {strategy.name} {_ORDERS[strategy.orders]}. {_ENDING}"
        f' Set orders = "alert" for [strategies.{strategy.name}], or take the order\'s type and prices out of the alert.'
    )


def _limit_price(instruction: Instruction, strategy: Strategy) -> str | None:
    """A strategy of limit orders never buys at the market because a field is missing."""
    if instruction.side is Side.SELL or strategy.orders is not OrderSource.LIMIT:
        return None
    if instruction.order.type is not OrderType.MARKET or instruction.price is not None:
        return None
    return (
        f"The strategy {strategy.name} buys by limit orders at the alert's price, and the alert has none. {_ENDING}"
        ' Send a price, for instance "price": "{{close}}".'
    )


def _order_time(instruction: Instruction, strategy: Strategy) -> str | None:
    order, honoured = instruction.order, _waits(instruction, strategy)
    asked = None
    if order.delay is not None:
        asked = f"an order {order.delay.total_seconds():g} s later, and every order leaves at once"
    elif order.tif is TimeInForce.GTD and order.cancel_after is None and strategy.good_for is None:
        asked = "an order that works GTD, and says no end"
    elif order.tif is TimeInForce.IOC and order.cancel_after is not None:
        asked = "an order that works IOC, which waits for nothing, and to cancel it later"
    elif order.outside_rth and not (honoured and _is_limit(instruction, strategy)):
        asked = "an order outside regular trading hours, where only limit orders work"
    elif not honoured and order.tif is not TimeInForce.DAY:
        asked = f"an order that works {order.tif.value}, and a market order works for the day"
    elif not honoured and order.cancel_after is not None:
        wait = f"{order.cancel_after.total_seconds():g} s"
        asked = f"an order that is cancelled after {wait}, and a market order waits for nothing"
    if asked is None:
        return None
    return f"The alert asks for {asked}. {_ENDING} Take that field out of the alert{_or_set(instruction, strategy)}."


def _waits(instruction: Instruction, strategy: Strategy) -> bool:
    """Whether it becomes an order that waits for its price, for which it matters how long."""
    if instruction.side is Side.SELL or strategy.orders is OrderSource.MARKET:
        return False
    return strategy.orders is OrderSource.LIMIT or instruction.order.type is not OrderType.MARKET


def _is_limit(instruction: Instruction, strategy: Strategy) -> bool:
    return strategy.orders is OrderSource.LIMIT or instruction.order.type is OrderType.LIMIT


def _or_set(instruction: Instruction, strategy: Strategy) -> str:
    priced = instruction.side is Side.BUY and instruction.order.type is not OrderType.MARKET
    return (
        f', or set orders = "alert" for [strategies.{strategy.name}]'
        if priced and not _waits(instruction, strategy)
        else ""
    )


def _protection(instruction: Instruction, strategy: Strategy) -> str | None:
    """Of an entry: what an exit leaves behind has nothing to protect, and is not held up by it."""
    exits = instruction.exits
    if exits == NO_EXITS or instruction.side is Side.SELL:
        return None
    what = "a take-profit" if exits.stop_loss is None and exits.trailing is None else "a stop"
    if strategy.exits is not ExitSource.ALERT:
        return (
            f"The alert asks for {what} of its own, and the strategy {strategy.name} {_EXITS[strategy.exits]}. {_ENDING}"
            f' Set exits = "alert" for [strategies.{strategy.name}], or take it out of the alert.'
        )
    if exits.stop_loss is not None and exits.trailing is not None:
        return (
            f"The alert asks for a stop that stays and for one that trails, and one order protects a position. {_ENDING}"
            " Take one of the two out of the alert."
        )
    return None


def _entry_size(instruction: Instruction, strategy: Strategy) -> str | None:
    if instruction.verb not in (Verb.BUY, Verb.ADD):
        return None
    size, section = instruction.size, f"[strategies.{strategy.name}]"
    if strategy.sizing is Sizing.ALERT:
        return _size_in_alert(size, section)
    if size is None or instruction.by_owner:
        return None
    return (
        f"The alert asks for {_shown(size)}, and the strategy {strategy.name} {_SIZINGS[strategy.sizing]}. {_ENDING}"
        f' Set sizing = "alert" for {section}, or take the size out of the alert.'
    )


def _size_in_alert(size: Size | None, section: str) -> str | None:
    if size is None:
        return (
            f"The alert has no size, and {section} takes it from the alert. {_ENDING} Send a quantity, or set another sizing for"
            f" {section}."
        )
    if size.kind is SizeKind.POSITION_PCT:
        return (
            f"The alert buys {_shown(size)}, which says how much of one to sell, not to buy. {_ENDING} Send another kind of"
            " size."
        )
    return None


def _entry_risk(instruction: Instruction, strategy: Strategy) -> str | None:
    """A size by risk is computed from the stop that is placed."""
    if instruction.side is Side.SELL:
        return None
    size, by_alert = instruction.size, strategy.sizing is Sizing.ALERT
    by_risk = size is not None and size.kind in _RISKS if by_alert else strategy.sizing in BY_STOP
    if not by_risk or _has_stop(instruction, strategy):
        return None
    asked = (
        f"The alert asks for {_shown(size)}"
        if by_alert and size is not None
        else (f"The strategy {strategy.name} sizes its buys by the risk at the stop")
    )
    section = f"[strategies.{strategy.name}]"
    return (
        f"{asked}: how many shares that is follows from a stop, and there is none. {_ENDING} Set stop_loss for {section}, or"
        f' exits = "alert" and send a stop_loss.'
    )


def _has_stop(instruction: Instruction, strategy: Strategy) -> bool:
    if strategy.exits is ExitSource.NONE:
        return False
    said = instruction.exits if strategy.exits is ExitSource.ALERT else NO_EXITS
    exits = said if said != NO_EXITS else strategy.own_exits
    return exits.stop_loss is not None or exits.trailing is not None


def _exit_size(instruction: Instruction, strategy: Strategy) -> str | None:
    size = instruction.size
    if instruction.verb is not Verb.EXIT or not instruction.is_partial or size is None:
        return None
    if instruction.target is not None and instruction.target.reduces:
        return None  # a ratio: honoured whatever the setting
    if strategy.exit_size is ExitSize.ALL:
        return (
            f"The alert sells {_shown(size)}, and an exit of the strategy {strategy.name} sells everything. {_ENDING}"
            f' Set exit_size = "alert" for [strategies.{strategy.name}], or take the size out of the alert.'
        )
    if size.kind not in (SizeKind.SHARES, SizeKind.POSITION_PCT):
        return (
            f"The alert sells {_shown(size)}: exits are sized in shares or in percent of the position. {_ENDING} Send one of"
            " these, or no size to sell everything."
        )
    return None


_CHECKS: tuple[Callable[[Instruction, Strategy], str | None], ...] = (
    _order_type,
    _limit_price,
    _order_time,
    _protection,
    _entry_size,
    _entry_risk,
    _exit_size,
)


def _shown(size: Size) -> str:
    return _UNITS[size.kind].format(f"{size.value:f}")
