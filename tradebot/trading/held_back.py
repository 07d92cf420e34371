"""Exits that the kill switch kept from being sent: which they are, when it is lifted.

Rules: blocked, not sent or cancelled because of the kill, since it was last lifted, and still held. A ticker with a SELL that
waits is left out: that one sells it. An exit under a stock's new name is one of the ticker that the books have. Nothing is sent
by itself: what was stopped by the owner's word needs another word.
"""

from collections.abc import Iterable
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
    """By ticker. To be asked before the lifting itself is stored. Raises LedgerUnavailable."""
    lots = await books.lots(LotStatus.OPEN)
    names = new_names(await books.settings())
    booked = {names[lot.con_id]: lot.ticker for lot in lots if lot.con_id in names}
    stopped = _stopped(await books.events_since(_KINDS, now - LOOK_BACK))
    tickers = stopped | {booked[name] for name in stopped if name in booked}
    selling = {alert.ticker for alert in await books.alerts(WAITING) if alert.action is Side.SELL and alert.ticker}
    waiting = selling | {booked[name] for name in selling if name in booked}
    held = {ticker: sum((lot.qty for lot in lots if lot.ticker == ticker), Decimal(0)) for ticker in tickers}
    return tuple(HeldBack(ticker, held[ticker]) for ticker in sorted(tickers - waiting) if held[ticker])


def _stopped(events: Iterable[Event]) -> set[str]:
    tickers: set[str] = set()
    for event in events:
        if isinstance(event.facts, StateChanged) and event.facts.strategy is None:
            if event.facts.to is not TradingState.KILLED:
                tickers.clear()  # a kill that was lifted before
        elif event.ticker is not None and _is_by_kill(event.facts):
            tickers.add(event.ticker)
    return tickers


def _is_by_kill(facts: object) -> bool:
    match facts:
        case AlertBlocked(side=Side.SELL, code=code):
            return code == RefusalCode.KILL_SWITCH
        case OrderFailed(side=Side.SELL, reason=Reason(code=code)):
            return code == ReasonCode.KILLED
        case ExitIncomplete(code=ExitLeft.KILLED):
            return True
    return False
