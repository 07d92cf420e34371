"""The books against IB's positions, contract by contract. Pure."""

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import BrokerPosition, Execution
from tradebot.domain.lots import Lot, LotStatus, latest, shares_by_strategy
from tradebot.domain.strategies import MAIN
from tradebot.domain.trades import POSITION_LAG, Trade

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
    by_strategy: Mapping[str, Decimal] = field(default_factory=dict)  # what each has booked, where several have

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
        held = shares_by_strategy(lot for lot in lots if lot.con_id == con_id and lot.status is LotStatus.OPEN)
        booked = sum(held.values(), Decimal(0))
        at_ib = broker_positions[con_id].qty if con_id in broker_positions else Decimal(0)
        if booked or at_ib:
            rows.append(Position(ticker, con_id, booked, at_ib, held if len(held) > 1 else {}))
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
    """Shares of one contract that a strategy's books hold and IB does not show."""

    ticker: str
    con_id: int
    held: Decimal  # in the strategy's books, when the owner was asked
    qty: Decimal  # of these, the shares that are gone
    strategy: str = MAIN
    others: Decimal = Decimal(0)  # shares of it in other strategies' books
    elsewhere: Decimal = Decimal(0)  # shares that are gone besides, and not of this strategy: it has no more


def nothing_else_filled(
    order: Trade, now: Decimal, fills: Iterable[Execution], *, since: Container[str] = (), whole: bool = False
) -> bool:
    """Whether these fills of its contract explain IB's position `now`, so that no more of the order can have filled.

    `ib_position_before` may trail the last fills before it, and IB tells their times in whole seconds, rounded down: with several
    orders on one contract it is not known which of them it has. One reading must leave nothing over, and none a quantity that the
    order may have filled. No reading has it that shares were sold which were not there.

    `since`: references of orders that were decided with this one or after it: none of their fills was there before.
    `whole`: all the others were, for the books come to the same.
    """
    before, decided = order.ib_position_before, order.created_at
    if before is None:
        return False
    known = sorted(latest(fills), key=lambda one: one.time)
    own = [one for one in known if _is_of(one, order)]
    others = [one for one in known if not _is_of(one, order)]
    after = [one for one in others if one.time > decided or one.order_ref in since]
    around = [one for one in others if decided - POSITION_LAG < one.time <= decided and one not in after]
    later = _net([*own, *after])
    lacking = [Decimal(0)] if whole else [_net(around[first:]) for first in range(len(around) + 1)]
    unseen = {now - before - lacks - later for lacks in lacking if before < 0 or before + lacks >= 0}
    sign, left = (1 if order.side is Side.BUY else -1), order.requested_qty - order.filled_qty
    return Decimal(0) in unseen and not any(0 < sign * shares <= left for shares in unseen)


def as_last_filled(trades: Iterable[Trade], fills: Mapping[int, Sequence[Execution]]) -> list[Trade]:
    """An order that rests with a part of it filled may do so for days: by its last fill it is as one that ended then."""
    last = {trade_id: max(one.time for one in of_it) for trade_id, of_it in fills.items() if of_it}
    return [
        replace(trade, finished_at=last[trade.id]) if trade.rests and trade.id in last else trade for trade in trades
    ]


def _is_of(fill: Execution, order: Trade) -> bool:
    return fill.order_ref == order.order_ref or (order.perm_id is not None and fill.perm_id == order.perm_id)


def _net(fills: Iterable[Execution]) -> Decimal:
    return sum((one.shares if one.side is Side.BUY else -one.shares for one in fills), Decimal(0))


def owners_last_known(settings: Mapping[str, str], con_id: int) -> Decimal:
    """Shares that IB showed beyond the books (negative: fewer) when the two were last compared."""
    told: dict[str, str] = json.loads(settings.get(TOLD_KEY, "{}"))
    booked, _, at_ib = told.get(str(con_id), "0/0").partition("/")
    return Decimal(at_ib) - Decimal(booked)
