"""What the account was worth, moment by moment: rows of `equity`."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Equity:
    """What the account was worth at a moment, in USD, as IB reports it; None: not reported."""

    account: str
    at: datetime
    net_liquidation: Decimal
    cash: Decimal | None
    unrealised: Decimal | None
    realised_today: Decimal | None
