"""What selling would sell: everything the bot holds, or the rest that an exit left."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.lots import LotStatus
from tradebot.ports import Books


@dataclass(frozen=True, slots=True)
class Exit:
    """What selling a ticker would sell. `value` is USD at IB's price; None: IB's price is not known."""

    ticker: str
    qty: Decimal
    value: Decimal | None


async def read_exits(
    books: Books, broker_positions: Mapping[int, BrokerPosition] | None, ticker: str | None = None
) -> list[Exit]:
    """One exit a ticker, by name; only `ticker` when given. Raises LedgerUnavailable."""
    lots = await books.lots(LotStatus.OPEN, ticker=ticker)
    exits = []
    for name in sorted({lot.ticker for lot in lots}):
        mine = [lot for lot in lots if lot.ticker == name]
        prices = {lot.con_id: _price(broker_positions, lot.con_id) for lot in mine}
        values = [lot.qty * price for lot in mine if (price := prices[lot.con_id]) is not None]
        qty = sum((lot.qty for lot in mine), Decimal(0))
        exits.append(Exit(name, qty, sum(values, Decimal(0)) if len(values) == len(mine) else None))
    return exits


def _price(broker_positions: Mapping[int, BrokerPosition] | None, con_id: int) -> Decimal | None:
    if broker_positions is None or con_id not in broker_positions:
        return None
    return broker_positions[con_id].market_price
