"""What works at IB or is on its way there, and what of it protects which shares. What is not known is None, never zero."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain.brokerage import BrokerPosition, Contract, Quote
from tradebot.domain.terms import OrderType, Terms
from tradebot.domain.trades import LIVE, UNRESOLVED, OrderRole, Trade
from tradebot.errors import BrokerUnavailable
from tradebot.ports import Broker, Ledger
from tradebot.queries.strategies import of

QUOTES_MAX = 10
"""Contracts that IB is asked a price of, those that are not held first."""


@dataclass(frozen=True, slots=True)
class AtWork:
    """An order that has not ended, beside the market."""

    order: Trade
    price: Decimal | None  # the market's, USD a share
    waits: bool = False  # a stop or target whose entry has not filled: it begins with it

    @property
    def level(self) -> Decimal | None:
        """The price at which something happens; None: at market."""
        return level(self.order.terms)

    @property
    def distance(self) -> Decimal | None:
        """How far the market has to go to it, USD a share: negative is down."""
        return None if self.level is None or self.price is None else self.level - self.price


def level(terms: Terms) -> Decimal | None:
    """The price at which an order does something: a stop's trigger, a limit; None: at market."""
    return terms.limit_price if terms.type is OrderType.LIMIT else terms.stop_price


async def working_orders(
    ledger: Ledger, broker: Broker, strategy: str | None, known: Mapping[int, Decimal] | None = None
) -> Sequence[AtWork]:
    """The oldest first, of one strategy or of all. `known`: prices by contract to go by, so that IB is asked for none. Raises
    LedgerUnavailable."""
    async with ledger.read() as books:
        orders = of(strategy, await books.trades(UNRESOLVED))
    if known is not None:
        prices = {**known, **market_prices(broker.positions())}
    else:
        prices = dict(await _prices(broker, [one for one in orders if level(one.terms) is not None]))
    waiting = waiting_for_entry(orders)
    return [AtWork(one, prices.get(one.con_id), one.id in waiting) for one in orders]


def waiting_for_entry(orders: Iterable[Trade]) -> frozenset[int]:
    """Of these orders at work the stops and targets that protect nothing yet, by id."""
    there = list(orders)
    unfilled = {one.id for one in there if one.role is OrderRole.ENTRY and not one.filled_qty}
    return frozenset(one.id for one in there if one.is_protective and one.parent_trade_id in unfilled)


async def _prices(broker: Broker, orders: Iterable[Trade]) -> Mapping[int, Decimal]:
    """Quotes of these orders' stocks; where there is none, IB's price of what is held, which is up to three minutes old."""
    held = market_prices(broker.positions())
    asked = {one.con_id: one for one in sorted(orders, key=lambda one: one.con_id in held)}
    wanted = list(asked)[:QUOTES_MAX]
    quoted = await asyncio.gather(*(_quoted(broker, asked[con_id]) for con_id in wanted))
    return held | {con_id: price for con_id, price in zip(wanted, quoted, strict=True) if price is not None}


async def _quoted(broker: Broker, order: Trade) -> Decimal | None:
    try:
        quote = await broker.quote(Contract(order.con_id, order.ticker, ""))
    except BrokerUnavailable:
        return None
    return (quote.last or quote.ask) if isinstance(quote, Quote) else None


def market_prices(positions: Mapping[int, BrokerPosition] | None) -> dict[int, Decimal]:
    """By contract, where IB has one."""
    known = {con_id: one.market_price for con_id, one in (positions or {}).items()}
    return {con_id: price for con_id, price in known.items() if price is not None and price.is_finite() and price > 0}


# --- what protects ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Level:
    """So many shares are sold at this level."""

    terms: Terms
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Protection:
    """The stops and targets that work for some shares, each level once."""

    stops: Sequence[Level] = ()
    targets: Sequence[Level] = ()

    @property
    def stopped(self) -> Decimal:
        """Shares that stops sell."""
        return sum((one.qty for one in self.stops), Decimal(0))

    def __bool__(self) -> bool:
        return bool(self.stops or self.targets)


NONE = Protection()


def protection_by_contract(orders: Iterable[Trade], strategy: str | None = None) -> Mapping[int, Protection]:
    """Of what works: one strategy's, or all together."""
    mine = [one for one in of(strategy, list(orders)) if one.is_protective and one.status in LIVE]
    return {con_id: _of([one for one in mine if one.con_id == con_id]) for con_id in {one.con_id for one in mine}}


def _of(orders: Sequence[Trade]) -> Protection:
    return Protection(_levels(orders, OrderRole.STOP), _levels(orders, OrderRole.TARGET))


def _levels(orders: Iterable[Trade], role: OrderRole) -> Sequence[Level]:
    found: dict[Terms, Decimal] = {}
    for one in orders:
        if one.role is role:
            found[one.terms] = found.get(one.terms, Decimal(0)) + one.requested_qty - one.filled_qty
    return [Level(terms, qty) for terms, qty in found.items()]
