"""What selling would sell: everything the bot holds, or the rest that an exit left."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.lots import LotStatus
from tradebot.domain.strategies import MAIN
from tradebot.ports import Books


@dataclass(frozen=True, slots=True)
class Exit:
    """What selling a strategy's shares of a ticker would sell. `value` is USD at IB's price; None: IB's price is not known."""

    ticker: str
    qty: Decimal
    value: Decimal | None
    strategy: str = MAIN

    @property
    def lots(self) -> tuple[str, str]:
        """Whose of what: strategy and ticker."""
        return self.strategy, self.ticker


async def read_exits(
    books: Books,
    broker_positions: Mapping[int, BrokerPosition] | None,
    ticker: str | None = None,
    strategy: str | None = None,
) -> list[Exit]:
    """One exit a ticker and strategy, by their names; only of `ticker` and `strategy` where given. Raises LedgerUnavailable."""
    lots = await books.lots(LotStatus.OPEN, ticker=ticker, strategy=strategy)
    exits = []
    for name, whose in sorted({(lot.ticker, lot.strategy) for lot in lots}):
        mine = [lot for lot in lots if (lot.ticker, lot.strategy) == (name, whose)]
        prices = {lot.con_id: _price(broker_positions, lot.con_id) for lot in mine}
        values = [lot.qty * price for lot in mine if (price := prices[lot.con_id]) is not None]
        qty = sum((lot.qty for lot in mine), Decimal(0))
        value = sum(values, Decimal(0)) if len(values) == len(mine) else None
        exits.append(Exit(name, qty, value, whose))
    return exits


def _price(broker_positions: Mapping[int, BrokerPosition] | None, con_id: int) -> Decimal | None:
    if broker_positions is None or con_id not in broker_positions:
        return None
    return broker_positions[con_id].market_price
