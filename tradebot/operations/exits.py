"""The owner sells by hand, through the same door as alerts: everything the bot holds, or the rest that an exit left.

Rules: each exit is an alert of the bot's own, judged, queued and booked like any other (so it waits for the market when it is
closed, and never sells more than is held); its key makes the same button worth one alert.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.lots import LotStatus
from tradebot.ports import Books
from tradebot.trading.intake import Intake, Outcome


@dataclass(frozen=True, slots=True)
class Exit:
    """What selling a ticker would sell. `value` is USD at IB's price; None: IB's price is not known."""

    ticker: str
    qty: Decimal
    value: Decimal | None


async def planned(
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
    return (
        broker_positions[con_id].market_price if broker_positions is not None and con_id in broker_positions else None
    )


async def sell(intake: Intake, tickers: Sequence[str], key: str, by: str) -> list[int]:
    """An alert a ticker; returns the ids of those that are new. Raises LedgerUnavailable: what was stored before stays.

    One after the other: each is a transaction of its own, and alerts from outside must find room between them.
    """
    made = []
    for ticker in tickers:
        accepted = await intake.own(Side.SELL, ticker, f"{key}:{ticker}", actor=by)
        if accepted.status is Outcome.QUEUED:
            made.append(accepted.alert_id)
    return made
