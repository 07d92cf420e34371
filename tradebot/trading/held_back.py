"""Exits that the kill switch kept from being sent: which they are, when it is lifted.

Rules: blocked, not sent or cancelled because of the kill, since it was last lifted, and still held by its strategy. Where a SELL
of the strategy waits it is left out: that one sells it. An exit under a stock's new name is one of the ticker that the books
have. Nothing is sent by itself: what was stopped by the owner's word needs another word.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from tradebot.domain.alerts import WAITING, Side
from tradebot.domain.events import Event, EventKind
from tradebot.domain.facts.account import ExitIncomplete, ExitLeft, HeldBack, StateChanged
from tradebot.domain.facts.alerts import AlertBlocked
from tradebot.domain.facts.orders import OrderFailed
from tradebot.domain.lots import LotStatus
from tradebot.domain.positions import new_names
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.refusals import RefusalCode
from tradebot.domain.settings import TradingState
from tradebot.ports import Books

LOOK_BACK = timedelta(days=30)
_KINDS = (EventKind.STATE_CHANGED, EventKind.ALERT_BLOCKED, EventKind.ORDER_FAILED, EventKind.EXIT_INCOMPLETE)


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
    exits = _under_the_books_names(stopped, booked) - _under_the_books_names(selling, booked)
    return tuple(HeldBack(ticker, held[ticker, strategy], strategy) for ticker, strategy in sorted(exits & set(held)))


def _under_the_books_names(exits: set[tuple[str, str]], booked: Mapping[str, str]) -> set[tuple[str, str]]:
    return exits | {(booked[name], strategy) for name, strategy in exits if name in booked}


async def _stopped(books: Books, events: Iterable[Event]) -> set[tuple[str, str]]:
    """Ticker and strategy of each exit that a kill has stopped."""
    stopped: set[tuple[str, int]] = set()
    for event in events:
        if isinstance(event.facts, StateChanged) and event.facts.strategy is None:
            if event.facts.to is not TradingState.KILLED:
                stopped.clear()  # a kill that was lifted before
        elif event.ticker is not None and event.alert_id is not None and _is_by_kill(event.facts):
            stopped.add((event.ticker, event.alert_id))
    alerts = [(ticker, await books.alert(alert_id)) for ticker, alert_id in sorted(stopped)]
    return {(ticker, alert.strategy) for ticker, alert in alerts if alert is not None}


def _is_by_kill(facts: object) -> bool:
    match facts:
        case AlertBlocked(side=Side.SELL, code=code):
            return code == RefusalCode.KILL_SWITCH
        case OrderFailed(side=Side.SELL, reason=Reason(code=code)):
            return code == ReasonCode.KILLED
        case ExitIncomplete(code=ExitLeft.KILLED):
            return True
    return False
