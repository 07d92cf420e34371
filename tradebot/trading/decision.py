"""Judges one alert on one snapshot and stores the outcome in the same transaction.

Rules:
- The alert's status is compared and set: an id that comes twice, or late, decides nothing.
- One order in flight per strategy and ticker, and one exit per contract, for all strategies share IB's position: the alert of a
  busy one stays RECEIVED. An UNKNOWN order keeps its contract's SELLs waiting, of whichever strategy.
- An entry that waits at IB for its price may do so for days. A SELL of its strategy and ticker has it cancelled first, whatever
  it sells and also while the market is closed; a BUY is refused for it, or replaces it. Being cancelled it holds both up.
- Lots are looked up by contract: where the books hold it under another ticker (IB renamed it), the order goes under that one.
- A SELL of shares that a split seems to have changed waits for the owner's answer: it would sell too few, at a false P&L.
- What cannot be known now waits; it is neither refused nor guessed, except that a BUY grows too old.
- A refusal is a code with facts, in the alert's row and in the event.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime

from tradebot.domain.alerts import WAITING, Alert, AlertStatus, Side
from tradebot.domain.brokerage import Contract
from tradebot.domain.exposure import recent_since
from tradebot.domain.facts.orders import CancelReason
from tradebot.domain.instructions import of_alert
from tradebot.domain.lots import LotStatus
from tradebot.domain.refusals import Refusal, RefusalCode
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import UNRESOLVED, OrderRole, Trade, TradeStatus
from tradebot.ports import Books
from tradebot.trading.corporate_actions import booked_ticker
from tradebot.trading.entries_at_work import cancels_wanted, entries_at_work, is_cancel, want_cancelled
from tradebot.trading.exit_rest import holds_up_an_exit, left_of
from tradebot.trading.judging import Decided, Ending, Judging, NewOrder, Policy, PreTradeData, Wait
from tradebot.trading.judging_cancels import judge_cancel
from tradebot.trading.judging_entries import judge_entry
from tradebot.trading.judging_exits import judge_exit
from tradebot.trading.snapshot import BrokerView


async def decide(
    books: Books,
    alert_id: int,
    pre_trade: PreTradeData,
    policy: Policy,
    view: BrokerView,
    *,
    new_order: NewOrder,
) -> Decided:
    """One alert's outcome, written through `books`. Raises LedgerUnavailable, and
    ValueError for an instruction that cannot be read."""
    alert = await books.alert(alert_id)
    if alert is None or alert.status is not AlertStatus.RECEIVED or alert.ticker is None or alert.action is None:
        return None
    killed = view.state is TradingState.KILLED
    ticker = await _ticker_in_books(books, alert, pre_trade.contract) or alert.ticker
    names = {ticker, alert.ticker}
    if is_cancel(alert):
        return await judge_cancel(books, alert, names, view.now)
    if alert.action is Side.SELL:
        await _cancel_entries(books, alert, names, pre_trade.con_ids, view.now)
    if not killed and not policy.hours.is_open(view.now):
        opens = policy.hours.calendar.next_open(view.now)
        closed = Refusal(RefusalCode.MARKET_CLOSED, {"opens_at": opens.isoformat()})
        await Ending(view.now).write(books, alert, AlertStatus.PENDING, closed)
        return None
    earlier = await books.trades_of_alert(alert.id)
    if any(one.status in UNRESOLVED for one in earlier):
        return Wait.TICKER  # whatever this alert's status says: nothing has two orders alive
    resting = () if killed else await _resting_beside(books, alert, names, pre_trade.con_ids)
    if not killed and (waits := await _waits_for(books, alert, names, pre_trade.con_ids, resting)) is not None:
        return waits
    one = Judging(
        books=books,
        alert=alert,
        instruction=of_alert(alert),
        ticker=ticker,
        pre_trade=pre_trade,
        policy=policy,
        view=view,
        new_order=new_order,
        n=1 + max((one.n for one in earlier), default=0),
        left=await left_of(books, earlier),
        resting=resting,
    )
    return await (judge_entry(one) if alert.action is Side.BUY else judge_exit(one))


async def read_ahead(books: Books, alert: Alert, day_start: datetime) -> None:
    """At once what nearly every entry's decision asks for, so that it need not wait for each. Raises LedgerUnavailable.

    An exit is judged by what is booked when it looks: a stop of its shares may have filled just now.
    """
    if alert.action is not Side.BUY:
        return
    books.remember()
    outcomes = await asyncio.gather(
        books.settings(),  # their lock first
        books.alert(alert.id),
        books.trades(UNRESOLVED),
        books.trades_of_alert(alert.id),
        books.lots(LotStatus.OPEN),
        books.trades_since_or_ended(recent_since(day_start)),
        books.lots(LotStatus.CLOSED, closed_since=day_start),
        books.last_order_id(),
        books.alerts(WAITING, ticker=alert.ticker, strategy=alert.strategy),
        return_exceptions=True,  # each has ended before the transaction does
    )
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


async def _ticker_in_books(books: Books, alert: Alert, contract: Contract | None) -> str | None:
    """Under which the books hold the contract: of the strategy's own lots, else of any: one ticker for the limits of all."""
    if contract is None:
        return None
    lots = await books.lots(LotStatus.OPEN, strategy=alert.strategy)
    own = next((lot.ticker for lot in lots if lot.con_id == contract.con_id), None)
    return own or await booked_ticker(books, contract.con_id)


async def _cancel_entries(
    books: Books, alert: Alert, tickers: Collection[str], con_ids: Collection[int], now: datetime
) -> None:
    """An exit must never be followed by its own entry. A market order is let go on: it fills in a moment, and is sold."""
    entries = await entries_at_work(books, alert.strategy, tickers, con_ids)
    older = [one for one in entries if one.alert_id < alert.id and one.waits_for_its_price]
    await want_cancelled(books, older, CancelReason.EXIT_FIRST, now, by_alert=alert.id)


async def _resting_beside(
    books: Books, alert: Alert, tickers: Collection[str], con_ids: Collection[int]
) -> Sequence[Trade]:
    """What a BUY would be the second entry beside."""
    if alert.action is Side.SELL:
        return ()
    return [one for one in await entries_at_work(books, alert.strategy, tickers, con_ids) if one.rests]


async def _waits_for(
    books: Books, alert: Alert, tickers: Collection[str], con_ids: Collection[int], resting: Collection[Trade]
) -> Wait | None:
    if await _is_busy(books, alert, tickers, con_ids):
        return Wait.TICKER
    return Wait.ENTRY if await cancels_wanted(books, resting) else None


async def _is_busy(books: Books, alert: Alert, tickers: Collection[str], con_ids: Collection[int]) -> bool:
    """An UNKNOWN order makes a SELL wait; a BUY is judged, and refused for it. A BUY lets every waiting SELL of its strategy go
    first."""
    if alert.action is Side.SELL:
        lots = await books.lots(LotStatus.OPEN, strategy=alert.strategy)
        con_ids = {*con_ids, *(lot.con_id for lot in lots if lot.ticker in tickers)}
    for trade in await books.trades(UNRESOLVED):
        of_these = trade.ticker in tickers or trade.con_id in con_ids
        if of_these and holds_back(trade, alert):
            return True
    if alert.action is Side.SELL:
        return False
    for ticker in tickers:
        # PENDING ones too: at the open they are about to go on
        waiting = await books.alerts(WAITING, ticker=ticker, strategy=alert.strategy)
        if any(other.action is Side.SELL for other in waiting):  # a newer one ends this BUY
            return True
    return False


def holds_back(trade: Trade, alert: Alert) -> bool:
    """Whether this order, in flight or UNKNOWN and of the alert's ticker or contract, makes the alert wait."""
    own = trade.strategy == alert.strategy
    if is_cancel(alert):
        mine = own and trade.role is OrderRole.ENTRY and trade.alert_id < alert.id
        return mine and trade.status is not TradeStatus.UNKNOWN
    if alert.action is Side.BUY:
        in_motion = not trade.rests and not trade.is_protective
        return own and in_motion and trade.status is not TradeStatus.UNKNOWN
    if trade.role is OrderRole.ENTRY and trade.rests and trade.alert_id > alert.id:
        return False  # of a signal after it: it may wait for its price for days
    return holds_up_an_exit(trade, alert.strategy)
