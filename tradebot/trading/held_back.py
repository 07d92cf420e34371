"""Exits that the kill switch kept from being sent: which they are, when it is lifted.

Rules: blocked, not sent or cancelled because of the kill, since it was last lifted, and still held by its strategy. Where a SELL
of the strategy waits it is left out: that one sells it. Partial exits are listed with what they ask for, no more. An exit under a
stock's new name is one of the ticker that the books have. Nothing is sent by itself: what was stopped by the owner's word needs
another word.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tradebot.domain.alerts import WAITING, Side
from tradebot.domain.events import Event, EventKind
from tradebot.domain.facts.account import ExitIncomplete, ExitLeft, HeldBack, StateChanged
from tradebot.domain.facts.alerts import AlertBlocked
from tradebot.domain.facts.orders import OrderFailed
from tradebot.domain.instructions import Instruction, of_alert
from tradebot.domain.lots import LotStatus
from tradebot.domain.positions import new_names
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.refusals import RefusalCode
from tradebot.domain.settings import TradingState
from tradebot.domain.sizing import exit_size
from tradebot.ports import Books

LOOK_BACK = timedelta(days=30)
_KINDS = (EventKind.STATE_CHANGED, EventKind.ALERT_BLOCKED, EventKind.ORDER_FAILED, EventKind.EXIT_INCOMPLETE)


@dataclass(frozen=True, slots=True)
class _Stopped:
    """One exit that a kill has stopped."""

    instruction: Instruction | None
    left: Decimal | None  # shares that its order left, where there was one

    def sells(self, held: Decimal) -> Decimal:
        """Of so many shares; none where it does not say how many."""
        if self.left is not None:
            return self.left
        try:
            sized = exit_size(self.instruction, held, fractional=False)
        except ValueError:
            return Decimal(0)
        return held if sized is None else sized.qty


async def held_back(books: Books, now: datetime) -> tuple[HeldBack, ...]:
    """By ticker and strategy. To be asked before the lifting itself is stored. Raises LedgerUnavailable."""
    lots = await books.lots(LotStatus.OPEN)
    names = new_names(await books.settings())
    booked = {names[lot.con_id]: lot.ticker for lot in lots if lot.con_id in names}
    stopped = await _stopped(books, await books.events_since(_KINDS, now - LOOK_BACK))
    waiting = [alert for alert in await books.alerts(WAITING) if alert.action is Side.SELL and alert.ticker]
    selling = {(alert.ticker, alert.strategy) for alert in waiting if alert.ticker}
    held = {(lot.ticker, lot.strategy): Decimal(0) for lot in lots}
    for lot in lots:
        held[lot.ticker, lot.strategy] += lot.qty
    exits = _under_the_books_names(set(stopped), booked) - _under_the_books_names(selling, booked)
    listed = [_of(stopped, booked, held, *one) for one in sorted(exits & set(held))]
    return tuple(one for one in listed if one.qty)


def _of(
    stopped: Mapping[tuple[str, str], Sequence[_Stopped]],
    booked: Mapping[str, str],
    held: Mapping[tuple[str, str], Decimal],
    ticker: str,
    strategy: str,
) -> HeldBack:
    """All that is held, or where every exit of it was a partial one, no more than these come to one after the other."""
    names = {ticker, *(name for name, of_books in booked.items() if of_books == ticker)}
    exits = [one for name in sorted(names) for one in stopped.get((name, strategy), ())]
    all_, left = held[ticker, strategy], held[ticker, strategy]
    for one in exits:
        if one.instruction is None or not one.instruction.is_partial:
            return HeldBack(ticker, all_, strategy)
        left -= min(left, one.sells(left))
    return HeldBack(ticker, all_ - left, strategy, part=True)


def _under_the_books_names(exits: set[tuple[str, str]], booked: Mapping[str, str]) -> set[tuple[str, str]]:
    return exits | {(booked[name], strategy) for name, strategy in exits if name in booked}


async def _stopped(books: Books, events: Iterable[Event]) -> Mapping[tuple[str, str], Sequence[_Stopped]]:
    """The exits that a kill has stopped, oldest first, by ticker and strategy."""
    stopped: dict[tuple[str, int], Decimal | None] = {}
    for event in events:
        if isinstance(event.facts, StateChanged) and event.facts.strategy is None:
            if event.facts.to is not TradingState.KILLED:
                stopped.clear()  # a kill that was lifted before
        elif event.ticker is not None and event.alert_id is not None and _is_by_kill(event.facts):
            left = event.facts.qty if isinstance(event.facts, ExitIncomplete) else None
            stopped[event.ticker, event.alert_id] = left
    found: dict[tuple[str, str], list[_Stopped]] = {}
    for (ticker, alert_id), left in sorted(stopped.items(), key=lambda one: one[0]):
        if (alert := await books.alert(alert_id)) is not None:
            found.setdefault((ticker, alert.strategy), []).append(_Stopped(of_alert(alert), left))
    return found


def _is_by_kill(facts: object) -> bool:
    match facts:
        case AlertBlocked(side=Side.SELL, code=code):
            return code == RefusalCode.KILL_SWITCH
        case OrderFailed(side=Side.SELL, reason=Reason(code=code)):
            return code == ReasonCode.KILLED
        case ExitIncomplete(code=ExitLeft.KILLED):
            return True
    return False
