"""What the bot holds, at IB's prices, beside IB's own positions. What is not known is None, never zero."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain import pnl
from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.lots import Lot
from tradebot.domain.positions import compare


@dataclass(frozen=True, slots=True)
class HeldPositions:
    """What the bot holds, at IB's prices, and how that compares with IB's own positions."""

    open: pnl.Unrealised
    owners: Mapping[str, Decimal]  # shares at IB beyond the bot's, by ticker
    missing: Mapping[str, Decimal]  # shares the books hold and IB does not show, by ticker
    known: bool  # False: IB's positions are not known now


def held_positions(lots: Sequence[Lot], broker_positions: Mapping[int, BrokerPosition] | None) -> HeldPositions:
    rows = compare(lots, broker_positions) if broker_positions is not None else []
    return HeldPositions(
        open=pnl.unrealised(lots, {con_id: one.market_price for con_id, one in (broker_positions or {}).items()}),
        owners={row.ticker: row.owners for row in rows if row.owners},
        missing={row.ticker: row.missing for row in rows if row.missing},
        known=broker_positions is not None,
    )
