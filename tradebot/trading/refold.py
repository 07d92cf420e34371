"""Folds a strategy's lots of a ticker anew where one of its trades has changed: from just before it to where
nothing differs any more.

Rules: inside the transaction that changed the trade, whose row is saved already. Rows that older trades closed stand. Of the
newest trade that is all there is to do. What follows an older one is folded page by page, so that the loop gets its turns, until
what is open is again what the rows say: at the latest where none of the trade's shares are open and no others than before are.

Shares that went through a split are folded from the trade on that bought them, where they are counted as its fills are, and to
the end: as many shares open as before are not the same ones then.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from tradebot.domain.brokerage import Execution
from tradebot.domain.lots import CorporateAction, Filled, Folding, shares_left, summarise
from tradebot.domain.trades import Trade
from tradebot.ports import Books

PAGE = 50


async def refold(books: Books, changed: Trade, page_size: int = PAGE) -> Decimal:
    """Makes the rows of its strategy and ticker right again; returns the shares sold beyond what was held.

    Raises LedgerUnavailable.
    """
    strategy, ticker = changed.strategy, changed.ticker
    actions = await books.corporate_actions(strategy, ticker)  # first: none comes while the lots are read
    since, folding = await _checkpoint(books, strategy, ticker, changed.id)
    actions = [one for one in actions if one.after_trade_id >= since]
    while True:
        page = await books.trades_from(strategy, ticker, since, page_size)
        closed = [lot for entry in _in_order(await filled(books, page), page, actions) for lot in folding.apply(entry)]
        closing = [trade.id for trade in page]
        if len(page) < page_size:
            await books.rewrite_lots(strategy, ticker, [*closed, *folding.open], closed_by=closing)
            return folding.oversold
        await books.rewrite_lots(strategy, ticker, closed, closed_by=closing, and_open=False)
        since = page[-1].id + 1
        left = folding.left
        before = await books.lots_open_before(strategy, ticker, since)
        if not actions and changed.id not in left and left == shares_left(before):
            return folding.oversold


async def _checkpoint(books: Books, strategy: str, ticker: str, trade_id: int) -> tuple[int, Folding]:
    """The fold as it stood just before this trade, or before an older one: nothing open there went through a split since."""
    rows = await books.lots_open_before(strategy, ticker, trade_id)
    while split := [lot.opening_trade_id for lot in rows if lot.splits]:
        trade_id = min(split)
        rows = await books.lots_open_before(strategy, ticker, trade_id)
    left = shares_left(rows)
    buys = [trade for opening in left if (trade := await books.trade(opening)) is not None]
    return trade_id, Folding(ticker, await filled(books, buys), left, strategy=strategy)


def _in_order(
    trades: Sequence[Filled], page: Sequence[Trade], actions: Sequence[CorporateAction]
) -> Iterator[Filled | CorporateAction]:
    """Each action after its trade, which may have filled nothing."""
    by_trade = {trade.trade_id: trade for trade in trades}
    for trade in page:
        if trade.id in by_trade:
            yield by_trade[trade.id]
        yield from (one for one in actions if one.after_trade_id == trade.id)


async def filled(books: Books, trades: Sequence[Trade]) -> list[Filled]:
    """What these trades filled, those that filled anything. Raises LedgerUnavailable."""
    executions = await books.executions_of([trade.id for trade in trades])
    return [_what_filled(trade, executions[trade.id]) for trade in trades if trade.filled_qty]


def _what_filled(trade: Trade, executions: Sequence[Execution]) -> Filled:
    total = summarise(executions)
    if not total.qty and trade.finished_at is not None:
        at = trade.finished_at  # written off: see `Booking.write_off`
        return Filled(trade.id, trade.side, trade.con_id, trade.filled_qty, None, Decimal(0), at, at)
    assert total.first_fill is not None, f"trade {trade.id} filled"
    assert total.last_fill is not None, f"trade {trade.id} filled"
    return Filled(
        trade_id=trade.id,
        side=trade.side,
        con_id=trade.con_id,
        qty=total.qty,
        avg_price=total.avg_price,
        commission=total.commission,
        first_fill=total.first_fill,
        last_fill=total.last_fill,
    )
