"""What of an instruction cannot be honoured yet, under the strategy that it is for. Pure.

Rules: honoured or refused, never silently something else. This is the only place that says so; each check is a function, and
the first that finds something speaks. What makes an instruction contradict itself is refused earlier (`payload/`), what depends
on the books or the market later (`risk.py`).
"""

from collections.abc import Callable

from tradebot.domain.alerts import Side
from tradebot.domain.instructions import Exits, Instruction, Size, SizeKind, Verb
from tradebot.domain.strategies import ExitSize, Sizing, Strategy
from tradebot.domain.trades import OrderType, TimeInForce

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
_RISKS = (SizeKind.RISK_USD, SizeKind.RISK_PCT)


def not_honoured(instruction: Instruction, strategy: Strategy) -> str | None:
    """Why this instruction is not traded, what to do about it included; None where all of it is honoured."""
    return next((reason for check in _CHECKS if (reason := check(instruction, strategy)) is not None), None)


def _cancel(instruction: Instruction, _: Strategy) -> str | None:
    if instruction.verb is not Verb.CANCEL:
        return None
    return (
        "The alert cancels orders that wait for a price, and there are none: every order is a market order."
        f" {_ENDING} To sell what is held, write exit."
    )


def _order_type(instruction: Instruction, _: Strategy) -> str | None:
    kind = instruction.order.type
    if kind is OrderType.MARKET:
        return None
    return (
        f"The alert asks for a {kind.name.lower().replace('_', '-')} order, and only market orders are placed yet. {_ENDING}"
        " Take the order's type and prices out of the alert to trade at the market."
    )


def _order_time(instruction: Instruction, _: Strategy) -> str | None:
    order = instruction.order
    asked = (
        f"an order that works {order.tif.value}, and every order works for the day"
        if order.tif is not TimeInForce.DAY
        else "an order outside regular trading hours, and none is placed there yet"
        if order.outside_rth
        else f"an order that is cancelled after {order.cancel_after.total_seconds():g} s, and no such order is placed yet"
        if order.cancel_after is not None
        else f"an order {order.delay.total_seconds():g} s later, and every order leaves at once"
        if order.delay is not None
        else None
    )
    return None if asked is None else f"The alert asks for {asked}. {_ENDING} Take that field out of the alert."


def _protection(instruction: Instruction, _: Strategy) -> str | None:
    """Of an entry: what an exit leaves behind has nothing to protect, and is not held up by it."""
    exits = instruction.exits
    if exits == Exits() or instruction.side is Side.SELL:
        return None
    what = "a take-profit" if exits.stop_loss is None and exits.trailing is None else "a stop"
    return (
        f"The alert asks for {what} of its own, and the bot places none yet: the position would be unprotected. {_ENDING}"
        " Take it out of the alert to trade without."
    )


def _entry_size(instruction: Instruction, strategy: Strategy) -> str | None:
    if instruction.verb not in (Verb.BUY, Verb.ADD):
        return None
    size, section = instruction.size, f"[strategies.{strategy.name}]"
    if strategy.sizing is Sizing.ALERT:
        return _size_in_alert(size, section)
    if size is None:
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
    if size.kind in _RISKS:
        return (
            f"The alert asks for {_shown(size)}: how many shares that is follows from a stop, and the bot places none yet."
            f" {_ENDING} Send another kind of size."
        )
    return None


def _entry_risk(instruction: Instruction, strategy: Strategy) -> str | None:
    if instruction.verb not in (Verb.BUY, Verb.ADD) or strategy.sizing not in (Sizing.RISK_USD, Sizing.RISK_PCT):
        return None
    return (
        f"The strategy {strategy.name} sizes its buys by the risk at the stop, and the bot places no stops yet. {_ENDING}"
        f" Set another sizing for [strategies.{strategy.name}]."
    )


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
    _cancel,
    _order_type,
    _order_time,
    _protection,
    _entry_size,
    _entry_risk,
    _exit_size,
)


def _shown(size: Size) -> str:
    return _UNITS[size.kind].format(f"{size.value:f}")
