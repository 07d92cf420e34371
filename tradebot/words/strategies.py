"""Strategies in words: what one of them has that no file names, and what was moved to another."""

from collections.abc import Iterable, Sequence

from tradebot.domain.facts.account import Moved, Reassigned
from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import Strategy
from tradebot.queries.left_behind import LeftBehind
from tradebot.words.figures import counted, shares, some

_STATES = {
    TradingState.RUNNING: "Strategy {0} resumed: its BUY and SELL alerts are executed.",
    TradingState.PAUSED: "Strategy {0} is paused: its BUY alerts are blocked, its SELL alerts are executed. Resume with "
    "`tradebot resume --strategy {0}`.",
}


def state(strategy: str, to: TradingState) -> str:
    """Of one strategy, after a change."""
    return _STATES[to].format(strategy)


def still_paused(names: Sequence[str]) -> str:
    """After that trading goes on: of which strategies no BUY does. Empty for none."""
    if not names:
        return ""
    return f" Still paused by name: {', '.join(names)} (`tradebot resume --strategy {names[0]}`)."


def needs_stops(strategy: Strategy) -> str:
    return (
        f'every BUY of strategy {strategy.name} will be refused: its sizing is "{strategy.sizing}", which counts from a stop, '
        f'and it places none: set stop_loss = "5%" for instance, or exits = "alert", under [strategies.{strategy.name}]'
    )


def left_behind(one: LeftBehind) -> str:
    """What it has; without a full stop."""
    parts = []
    if one.lots:
        parts.append("holds " + ", ".join(f"{shares(qty)} {ticker}" for ticker, qty in one.lots.items()))
    if one.unresolved:
        parts.append(f"has {some(len(one.unresolved), 'orders')} without an end ({_few(one.unresolved)})")
    if one.waiting:
        parts.append(f"has {some(len(one.waiting), 'alerts')} waiting ({_few(one.waiting)})")
    return f"strategy {one.strategy} {' and '.join(parts)}"


def _few(tickers: Sequence[str]) -> str:
    names = sorted(set(tickers))
    return ", ".join(names[:10]) + (", …" if names[10:] else "")


def not_in_the_file(found: Iterable[LeftBehind]) -> str:
    """Why the daemon does not start, and what to do; a line each."""
    return "\n".join(
        f"{left_behind(one)}, and the configuration has no [strategies.{one.strategy}]: nobody would look after it. "
        f"{_remedy(one)}"
        for one in found
    )


def _remedy(one: LeftBehind) -> str:
    back = (
        "Put the section back (enabled = false lets it sell only) until that is over; "
        f"/sell_all {one.strategy} in the chat sells what it holds"
    )
    if one.unresolved:
        return f"{back}. Once its orders have ended, `tradebot reassign` can give it to another strategy."
    return f"{back}. Or give it all to another strategy: `tradebot reassign {one.strategy} NAME`"


def moved_line(one: Moved) -> str:
    return f"{one.ticker}: {counted(one.qty)} held, {some(one.trades, 'orders')}, {some(one.alerts, 'alerts')}"


def reassigned(facts: Reassigned) -> str:
    what = "; ".join(map(moved_line, facts.moved))
    return f"What strategy {facts.from_strategy} has traded of these is strategy {facts.to_strategy}'s now: {what}."
