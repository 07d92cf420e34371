"""What the bot holds, as rows of a table. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from tradebot.domain.pnl import OpenPosition
from tradebot.domain.strategies import MAIN, Strategies
from tradebot.queries.positions import HeldPositions
from tradebot.words import working


@dataclass(frozen=True, slots=True)
class Row:
    """All that a strategy holds of a stock. USD; None: not known."""

    ticker: str
    strategy: str
    qty: Decimal
    entry: Decimal
    cost: Decimal
    price: Decimal | None
    value: Decimal | None
    gain: Decimal | None
    protection: Sequence[str]
    sell: str  # the page that asks


@dataclass(frozen=True, slots=True)
class Other:
    """Shares that are only on one side."""

    ticker: str
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Holdings:
    """The whole page. `gain` and `cost` are of what has a price."""

    rows: Sequence[Row]
    several: bool
    known: bool
    value: Decimal | None
    gain: Decimal
    cost: Decimal
    missing: Sequence[Other]
    owners: Sequence[Other]


def holdings(held: HeldPositions, strategies: Strategies) -> Holdings:
    """The largest first; what has no price by what it cost."""
    only = strategies.only
    owned: list[tuple[str, OpenPosition]] = [
        (name, row) for name, open_ in held.by_strategy.items() for row in open_.positions
    ] or [(MAIN if only is None else only.name, row) for row in held.open.positions]
    rows = [_row(name, one, held, several=bool(held.by_strategy)) for name, one in owned]
    priced = [row for row in rows if row.gain is not None]
    values = [row.value for row in priced if row.value is not None]
    return Holdings(
        rows=sorted(rows, key=lambda row: (-(row.value or row.cost), row.ticker, row.strategy)),
        several=strategies.only is None,
        known=held.known,
        value=sum(values, Decimal(0)) if priced else None,
        gain=sum((row.gain for row in priced if row.gain is not None), Decimal(0)),
        cost=sum((row.cost for row in priced), Decimal(0)),
        missing=[Other(ticker, qty) for ticker, qty in held.missing.items()],
        owners=[Other(ticker, qty) for ticker, qty in held.owners.items()],
    )


def _row(strategy: str, one: OpenPosition, held: HeldPositions, *, several: bool) -> Row:
    found = held.protected(strategy if several else None, one)
    return Row(
        ticker=one.ticker,
        strategy=strategy,
        qty=one.qty,
        entry=one.entry_price,
        cost=one.cost,
        price=one.price,
        value=one.value,
        gain=one.pnl,
        protection=working.protection(found, one.qty, one.price),
        sell=f"/act/sell?{urlencode({'strategy': strategy, 'ticker': one.ticker})}",
    )
