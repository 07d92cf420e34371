"""Whether the books show that something was done already, for whoever asks again because the first answer was lost."""

from tradebot.domain.alert_keys import KeyKind, key_of
from tradebot.domain.facts.orders import OrderResolved, Resolution
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.strategies import MAIN
from tradebot.domain.trades import Trade, TradeStatus
from tradebot.ports import Books, Ledger
from tradebot.trading.broker_update import OWNERS_WORD


async def under_key(ledger: Ledger, key: str) -> bool:
    """A split that was answered, or shares that were written off, under this key. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        return await books.was_claimed(key) or await books.alert_by_key(key_of(MAIN, KeyKind.OWN, key)) is not None


async def settled(ledger: Ledger, trade_id: int, *, filled: bool) -> Trade | None:
    """The order, where a person's word has settled it so; None: the books do not show that. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        trade = await books.trade(trade_id)
        if trade is None or trade.status is TradeStatus.UNKNOWN:
            return None
        shown = await _was_filled(books, trade) if filled else await _was_ended(books, trade)
        return trade if shown else None


async def _was_filled(books: Books, trade: Trade) -> bool:
    return any(one.exec_id.startswith(OWNERS_WORD) for one in (await books.executions_of([trade.id]))[trade.id])


async def _was_ended(books: Books, trade: Trade) -> bool:
    if isinstance(trade.error_message, Reason) and trade.error_message.code == ReasonCode.NEVER_EXISTED:
        return True
    told = [one.facts for one in await books.events(alert_id=trade.alert_id) if one.trade_id == trade.id]
    return any(isinstance(one, OrderResolved) and one.code is Resolution.ENDED_BY_OWNER for one in told)
