"""A person lets no strategy buy a ticker, until he lifts it. Exits pass always: what is held can be sold.

Rules: one row of `bot_settings` a ticker; the decision transaction reads it, so that there is nobody else to tell. A BUY that
waits is judged by it when its turn comes; one whose order was decided before goes on.
"""

from datetime import datetime

from tradebot.domain.events import NewEvent
from tradebot.domain.facts.account import TickerBlock
from tradebot.domain.settings import blocked_key, blocked_tickers
from tradebot.ports import Ledger


async def block(ledger: Ledger, ticker: str, actor: str, key: str, now: datetime, *, blocked: bool) -> bool:
    """False where it is so already, or `key` was used: nothing is changed then, and nothing told. Raises LedgerUnavailable."""
    async with ledger.begin() as books:
        if not await books.claim(key, "block" if blocked else "unblock", actor, now):
            return False
        if blocked == (ticker in blocked_tickers(await books.settings())):
            return False
        if blocked:
            await books.put_setting(blocked_key(ticker), "blocked", actor, now)
        else:
            await books.forget_setting(blocked_key(ticker))
        await books.add_event(NewEvent(TickerBlock(ticker, blocked=blocked), now, actor=actor))
    return True
