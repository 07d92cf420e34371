"""The bot in one line, for `systemctl status`. Pure."""

from tradebot.domain.settings import TradingState
from tradebot.queries.headline import Headline
from tradebot.words.figures import market_time
from tradebot.words.gate import gate_reason

NO_DATABASE = "The database does not answer: alerts are refused until it does. {}"


def headline(now: Headline) -> str:
    """What is traded, or why not, and what waits."""
    by = f" by {now.by}" if now.by else ""
    if now.state is TradingState.KILLED:
        return f"KILLED{by}: nothing leaves; {_holds(now)}{_also(now)}"
    if now.state is TradingState.PAUSED:
        return f"PAUSED{by}: exits only; {_holds(now)}{_also(now)}"
    if now.held_up_by:
        reasons = " ".join(map(gate_reason, now.held_up_by)).rstrip(".")
        return f"Waiting: {reasons}; alerts are taken and wait; {_holds(now)}"
    if now.opens is not None and not now.always:
        opens = market_time(now.opens)
        waits = (
            f", {_count(now.pending, 'alert')} {_waits(now.pending)} for {opens}" if now.pending else f" until {opens}"
        )
        return f"Market closed{waits}; {_account(now)}: {_count(now.positions, 'position')}, IB connected"
    return f"Trading on {_account(now)}: {_holds(now)}, IB connected"


def _also(now: Headline) -> str:
    return "; ".join(["", *(gate_reason(reason).rstrip(".") for reason in now.held_up_by)])


def _account(now: Headline) -> str:
    kind = {True: " (paper)", False: " (LIVE)", None: ""}[now.connection.paper]
    return f"{now.connection.account}{kind}"


def _holds(now: Headline) -> str:
    waiting = now.waiting + now.pending
    alerts = f", {_count(waiting, 'alert')} {_waits(waiting)}" if waiting else ""
    return f"{_count(now.positions, 'position')}{alerts}"


def _waits(number: int) -> str:
    return "waits" if number == 1 else "wait"


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
