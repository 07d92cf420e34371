"""The books against IB's positions, contract by contract. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.lots import Lot, LotStatus

TOLD_KEY = "told_positions"
"""The setting with the differences between books and IB that the owner was told of: `booked/at_ib` by contract."""
_NAME = "name "


@dataclass(frozen=True, slots=True)
class Position:
    """Shares of one contract: in the bot's lots, and at IB in all."""

    ticker: str
    con_id: int
    booked: Decimal
    at_ib: Decimal

    @property
    def owners(self) -> Decimal:
        return max(self.at_ib - self.booked, Decimal(0))

    @property
    def missing(self) -> Decimal:
        return max(self.booked - self.at_ib, Decimal(0))


def compare(lots: Sequence[Lot], broker_positions: Mapping[int, BrokerPosition]) -> list[Position]:
    """One row a contract that either side knows, by ticker: the books' own, where IB has another name for it by now."""
    tickers = {con_id: holding.ticker for con_id, holding in broker_positions.items()}
    tickers |= {lot.con_id: lot.ticker for lot in lots}
    rows = []
    for con_id, ticker in sorted(tickers.items(), key=lambda item: item[1]):
        booked = sum((lot.qty for lot in lots if lot.con_id == con_id and lot.status is LotStatus.OPEN), Decimal(0))
        at_ib = broker_positions[con_id].qty if con_id in broker_positions else Decimal(0)
        if booked or at_ib:
            rows.append(Position(ticker, con_id, booked, at_ib))
    return rows


def name_key(con_id: int) -> str:
    """Under which it is kept that the owner was told of a contract's new name."""
    return f"{_NAME}{con_id}"


def new_names(settings: Mapping[str, str]) -> dict[int, str]:
    """What IB calls contracts that the books hold under another ticker, as it was told last."""
    told: dict[str, str] = json.loads(settings.get(TOLD_KEY, "{}"))
    return {int(key.removeprefix(_NAME)): name for key, name in told.items() if key.startswith(_NAME)}


@dataclass(frozen=True, slots=True)
class WriteOff:
    """Shares of one contract that the books hold and IB does not show."""

    ticker: str
    con_id: int
    held: Decimal  # in the books, when the owner was asked
    qty: Decimal  # of these, the shares that are gone


def owners_last_known(settings: Mapping[str, str], con_id: int) -> Decimal:
    """Shares that IB showed beyond the books (negative: fewer) when the two were last compared."""
    told: dict[str, str] = json.loads(settings.get(TOLD_KEY, "{}"))
    booked, _, at_ib = told.get(str(con_id), "0/0").partition("/")
    return Decimal(at_ib) - Decimal(booked)
