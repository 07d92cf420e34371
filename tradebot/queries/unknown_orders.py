"""An UNKNOWN order as a person is asked about it: the fill that would be booked on his word, with the source of its price."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from tradebot.domain.alerts import Side
from tradebot.domain.lots import LotStatus
from tradebot.domain.trades import POSITION_LAG, Trade, TradeStatus
from tradebot.ports import Broker, Ledger


class PriceSource(StrEnum):
    """Where the price of a presumed fill is from, the best first."""

    AVERAGE_COST = "average_cost"  # IB's average cost of a position that this BUY alone has opened
    ORDERS_PRICE = "orders_price"  # its own limit, or where its stop stood: what it waited for
    ASK_AT_DECISION = "ask_at_decision"
    MARKET_PRICE = "market_price"  # IB's price now
    ENTRY_PRICE = "entry_price"  # of its strategy's lots, which a SELL closes: a P&L of zero


@dataclass(frozen=True, slots=True)
class PresumedFill:
    """The fill that would be booked on a person's word. `price` is USD a share; None: nothing to go by."""

    trade: Trade
    qty: Decimal
    price: Decimal | None
    source: PriceSource | None


async def presumed_fill(ledger: Ledger, broker: Broker, trade_id: int) -> PresumedFill | None:
    """None when the order is not UNKNOWN (any more). Raises LedgerUnavailable."""
    async with ledger.read() as books:
        trade = await books.trade(trade_id)
        lots = await books.lots(LotStatus.OPEN, ticker=trade.ticker, strategy=trade.strategy) if trade else []
        others = await books.trades_ended_since(trade.ticker, trade.created_at - POSITION_LAG) if trade else []
        decision = await books.decision(trade_id)
    if trade is None or trade.status is not TradeStatus.UNKNOWN:
        return None
    position = (broker.positions() or {}).get(trade.con_id)
    candidates: list[tuple[Decimal | None, PriceSource]]
    if trade.side is Side.BUY:
        alone = trade.ib_position_before == 0 and not any(one.filled_qty for one in others if one.id != trade.id)
        candidates = [
            (position.avg_cost if position and alone else None, PriceSource.AVERAGE_COST),
            (trade.limit_price or trade.stop_price, PriceSource.ORDERS_PRICE),
            (_ask(decision), PriceSource.ASK_AT_DECISION),
        ]
    else:
        cost = sum((lot.cost for lot in lots), Decimal(0))
        held = sum((lot.qty for lot in lots), Decimal(0))
        candidates = [
            (trade.limit_price or trade.stop_price, PriceSource.ORDERS_PRICE),
            (position.market_price if position else None, PriceSource.MARKET_PRICE),
            (cost / held if held else None, PriceSource.ENTRY_PRICE),
        ]
    price, source = next(((p, why) for p, why in candidates if p is not None and p > 0), (None, None))
    return PresumedFill(trade, trade.requested_qty - trade.filled_qty, price, source)


def _ask(decision: Mapping[str, object] | None) -> Decimal | None:
    """The ask in the quote that the decision was made on."""
    node: Any = decision
    for key in ("inputs", "quote", "ask"):
        node = node.get(key) if isinstance(node, dict) else None
    try:
        return Decimal(node) if isinstance(node, str) else None
    except InvalidOperation:
        return None
