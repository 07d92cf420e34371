"""The owner says whether it was a split: lots are rebased on his word, or it is a difference like any other.

Rules: for the daemon and for a process beside it. It is recognised on the shares of all strategies together, for IB knows no
others, and booked for each with its own: the parts add up to what IB shows. A row says what happened, between the newest trade
and the next one, and the fold applies it: a correction of an older fill, or a late commission, goes through it. Nothing is
decided or booked meanwhile.
"""

import json
from datetime import datetime
from decimal import Decimal

from loguru import logger

from tradebot.domain.corporate_actions import NO_SPLITS_KEY, Split, denied_splits, handed_out
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.account import SplitBooked, SplitDenied
from tradebot.domain.lots import CorporateAction, LotStatus, shares_by_strategy
from tradebot.domain.trades import UNRESOLVED
from tradebot.ports import Books, Ledger
from tradebot.trading.refold import refold


async def book(ledger: Ledger, split: Split, actor: str, key: str, now: datetime) -> bool:
    """Makes the contract's open lots what IB shows.

    False: nothing was done, because the books have changed meanwhile, an order is in flight, or the key was seen before. Raises
    LedgerUnavailable.
    """
    async with ledger.begin() as books:
        await books.settings()  # their lock: no order is decided meanwhile
        lots = await books.lots(LotStatus.OPEN, ticker=split.ticker)
        mine = [lot for lot in lots if lot.con_id == split.con_id]
        if sum(lot.qty for lot in mine) != split.booked or await books.trades(UNRESOLVED, ticker=split.ticker):
            return False
        if not await books.claim(key, "book_split", actor, now):
            return False
        held = shares_by_strategy(mine)
        after = handed_out(split, held)
        for strategy in held:
            await _rebase(books, split, strategy, (held[strategy], after[strategy]), actor, now)
        told = SplitBooked(split, after if len(after) > 1 else {})
        await books.add_event(NewEvent(told, now, actor=actor))
    return True


async def _rebase(
    books: Books, split: Split, strategy: str, shares: tuple[Decimal, Decimal], actor: str, now: datetime
) -> None:
    """The strategy's part of it: `shares` before and after."""
    newest = (await books.trades(ticker=split.ticker, strategy=strategy))[-1]
    action = CorporateAction(
        at=now,
        ticker=split.ticker,
        con_id=split.con_id,
        new_con_id=split.new_con_id,
        new_shares=split.new,
        old_shares=split.old,
        qty_before=shares[0],
        qty_after=shares[1],
        after_trade_id=newest.id,
        actor=actor,
        strategy=strategy,
    )
    await books.add_corporate_action(action)  # no fill of the ticker is booked from here on
    if oversold := await refold(books, newest):
        logger.critical("{}: {} shares were sold beyond what the books held", split.ticker, oversold)


async def deny(ledger: Ledger, split: Split, actor: str, key: str, now: datetime) -> bool:
    """False when the key was seen before. Raises LedgerUnavailable."""
    async with ledger.begin() as books:
        denied = denied_splits(await books.settings())
        if not await books.claim(key, "deny_split", actor, now):
            return False
        await books.put_setting(NO_SPLITS_KEY, json.dumps(sorted(denied | {split.key})), actor, now)
        await books.add_event(NewEvent(SplitDenied(split), now, actor=actor))
    return True
