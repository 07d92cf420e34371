"""Judges one alert on one snapshot and stores the outcome in the same transaction.

Rules:
- The alert's status is compared and set: an id that comes twice, or late, decides nothing.
- One order in flight per strategy and ticker, and one exit per contract, for all strategies share IB's position: the alert of a
  busy one stays RECEIVED. An UNKNOWN order keeps its contract's SELLs waiting, of whichever strategy.
- Lots are looked up by contract: where the books hold it under another ticker (IB renamed it), the order goes under that one.
- A SELL of shares that a split seems to have changed waits for the owner's answer: it would sell too few, at a false P&L.
- What cannot be known now waits; it is neither refused nor guessed, except that a BUY grows too old.
- A refusal is a code with facts, in the alert's row and in the event.
"""

from collections.abc import Collection

from tradebot.domain.alerts import WAITING, Alert, AlertStatus, Side
from tradebot.domain.brokerage import Contract
from tradebot.domain.instructions import of_alert
from tradebot.domain.lots import LotStatus
from tradebot.domain.refusals import Refusal, RefusalCode
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import UNRESOLVED, Trade, TradeStatus
from tradebot.ports import Books
from tradebot.trading.corporate_actions import booked_ticker
from tradebot.trading.exit_rest import holds_up_an_exit, left_of
from tradebot.trading.judging import Decided, Ending, Judging, Policy, PreTradeData, Wait
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
    order_id: int,
    token: str,
) -> Decided:
    """One alert's outcome, written through `books`. `token` makes its order's reference unique. Raises LedgerUnavailable, and
    ValueError for an instruction that cannot be read."""
    alert = await books.alert(alert_id)
    if alert is None or alert.status is not AlertStatus.RECEIVED or alert.ticker is None or alert.action is None:
        return None
    killed = view.state is TradingState.KILLED
    if not killed and not policy.hours.is_open(view.now):
        opens = policy.hours.calendar.next_open(view.now)
        closed = Refusal(RefusalCode.MARKET_CLOSED, {"opens_at": opens.isoformat()})
        await Ending(view.now).write(books, alert, AlertStatus.PENDING, closed)
        return None
    earlier = await books.trades_of_alert(alert.id)
    if any(one.status in UNRESOLVED for one in earlier):
        return Wait.TICKER  # whatever this alert's status says: nothing has two orders alive
    ticker = await _ticker_in_books(books, alert, pre_trade.contract) or alert.ticker
    if not killed and await _is_busy(books, alert, {ticker, alert.ticker}, pre_trade.con_ids):
        return Wait.TICKER
    one = Judging(
        books=books,
        alert=alert,
        instruction=of_alert(alert),
        ticker=ticker,
        pre_trade=pre_trade,
        policy=policy,
        view=view,
        order_id=order_id,
        token=token,
        n=1 + max((one.n for one in earlier), default=0),
        left=await left_of(books, earlier),
    )
    return await (judge_entry(one) if alert.action is Side.BUY else judge_exit(one))


async def _ticker_in_books(books: Books, alert: Alert, contract: Contract | None) -> str | None:
    """Under which the books hold the contract: of the strategy's own lots, else of any: one ticker for the limits of all."""
    if contract is None:
        return None
    lots = await books.lots(LotStatus.OPEN, strategy=alert.strategy)
    own = next((lot.ticker for lot in lots if lot.con_id == contract.con_id), None)
    return own or await booked_ticker(books, contract.con_id)


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
    if alert.action is Side.BUY:
        return trade.strategy == alert.strategy and trade.status is not TradeStatus.UNKNOWN
    return holds_up_an_exit(trade, alert.strategy)
