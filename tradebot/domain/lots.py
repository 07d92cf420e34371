"""A strategy's lots of a ticker: a pure fold of its filled trades in id order, first in first out.

Rules: a BUY opens one lot; a SELL closes the oldest open lots of its contract and splits the last one it reaches; a stop or
target closes its own BUY's first. Commissions are
shared out by quantity and the pieces add up to the whole. Shares are never closed that the books did not hold. What a company did
to its shares (a split, another contract) changes the lots that are open at its place among the trades.

What a trade closed depends on nothing later. So when a trade changes, the rows that older ones closed stand, and the fold goes
on from its checkpoint: what was open just before the trade (`shares_left`). A correction, a repeated report or a late commission
needs no path of its own, and the cost does not grow with the ticker's history. `fold` is the whole fold, from the first trade on;
the rows are the same either way.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Execution
from tradebot.domain.strategies import MAIN
from tradebot.domain.trades import Place

PRICE_STEP = Decimal("1E-8")  # average prices and commission shares are kept to eight decimals
BEHIND_ALL = 1_000_000  # more than will ever fill at one place
ZERO = Decimal(0)


class LotStatus(StrEnum):
    """A lot is open until one SELL closes it."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class Lot:
    """A row of `position`: shares of one BUY, open, or closed by one SELL. Unique by (opening, closing) trade.

    `commission` is the BUY's share for an open lot, both shares for a closed one; `pnl` is net of them.
    """

    ticker: str
    con_id: int
    qty: Decimal
    entry_price: Decimal
    entry_time: datetime
    status: LotStatus
    exit_price: Decimal | None
    exit_time: datetime | None
    pnl: Decimal | None
    commission: Decimal
    opening_trade_id: int
    closing_trade_id: int | None
    id: int = 0
    strategy: str = MAIN
    splits: tuple[Mapping[str, object], ...] = ()  # those it went through, oldest first, JSON: at, new, old

    @property
    def cost(self) -> Decimal:
        """Cost basis in USD, commission excluded."""
        return self.qty * self.entry_price


@dataclass(frozen=True, slots=True)
class Filled:
    """What a trade filled, all of it. No price on a SELL: written off, the owner accepted that these shares are gone."""

    trade_id: int
    side: Side
    con_id: int
    qty: Decimal
    avg_price: Decimal | None
    commission: Decimal
    first_fill: datetime
    last_fill: datetime
    place: Place | None = None  # None: at its own id
    of_entry: int | None = None  # a protective order's: the BUY whose shares it sells first


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """A row of `corporate_action`: open lots of `con_id` become lots of `new_con_id`.

    It comes after the trade `after_trade_id` and before every newer one.
    """

    at: datetime
    ticker: str
    con_id: int
    new_con_id: int
    new_shares: int  # so many ...
    old_shares: int  # ... for so many
    qty_before: Decimal  # open shares of the contract, when the owner was asked ...
    qty_after: Decimal  # ... and after it: what IB showed
    after_trade_id: int
    actor: str
    id: int = 0
    strategy: str = MAIN

    def total(self, held: Decimal) -> Decimal:
        """Shares after it. Of other shares than the owner was asked about (an older fill was corrected) by the ratio alone."""
        return (
            self.qty_after
            if held == self.qty_before
            else (held * self.new_shares / self.old_shares).quantize(PRICE_STEP)
        )


@dataclass(frozen=True, slots=True)
class Fold:
    """Lots by opening trade, within it by closing trade with the open rest last. `oversold` must be 0: see `fold`."""

    lots: tuple[Lot, ...]
    oversold: Decimal


@dataclass(frozen=True, slots=True)
class ExecutionSummary:
    """A trade's figures, computed from its executions. Price and times are None while nothing filled."""

    qty: Decimal
    avg_price: Decimal | None  # eight decimals
    commission: Decimal  # of the executions whose commission is known
    first_fill: datetime | None
    last_fill: datetime | None
    all_commissions_known: bool


def summarise(executions: Iterable[Execution]) -> ExecutionSummary:
    """Sums up executions in any order; of corrections the highest revision counts, and a known commission stays."""
    fills = [fill for fill in latest(executions) if fill.shares != 0]
    qty = sum((fill.shares for fill in fills), ZERO)
    paid = sum((fill.shares * fill.price for fill in fills), ZERO)
    return ExecutionSummary(
        qty=qty,
        avg_price=(paid / qty).quantize(PRICE_STEP) if qty else None,
        commission=sum((fill.commission for fill in fills if fill.commission is not None), ZERO),
        first_fill=min((fill.time for fill in fills), default=None),
        last_fill=max((fill.time for fill in fills), default=None),
        all_commissions_known=all(fill.commission is not None for fill in fills),
    )


def average_price(executions: Iterable[Execution]) -> Decimal | None:
    """USD a share, weighted by shares, to eight decimals; None while nothing filled."""
    return summarise(executions).avg_price


def fold(
    ticker: str, trades: Iterable[Filled], actions: Iterable[CorporateAction] = (), *, strategy: str = MAIN
) -> Fold:
    """The strategy's lots of the ticker after these trades and corporate actions, all it ever had.

    `oversold` counts the shares that SELLs sold beyond what was held.

    Raises ValueError for a negative quantity or a BUY without a price: such a history cannot be booked.
    """
    folding = Folding(ticker, strategy=strategy)
    history: list[Filled | CorporateAction] = sorted([*trades, *actions], key=_when)
    closed = [lot for entry in history for lot in folding.apply(entry)]
    return Fold(tuple(sorted([*closed, *folding.open], key=_place)), folding.oversold)


def shares_left(lots: Iterable[Lot]) -> dict[int, Decimal]:
    """Shares of each BUY that were open at a moment, from the rows that are open still or were closed since."""
    left: dict[int, Decimal] = defaultdict(Decimal)
    for lot in lots:
        left[lot.opening_trade_id] += lot.qty
    return dict(left)


class Folding:
    """A fold under way, entry after entry: from nothing, or from a checkpoint, which is what was open there.

    `buys`: the trades that opened what was open, as they stand now; `left`: the shares of each that were open.
    """

    def __init__(
        self,
        ticker: str,
        buys: Iterable[Filled] = (),
        left: Mapping[int, Decimal] | None = None,
        *,
        strategy: str = MAIN,
    ) -> None:
        self._ticker = ticker
        self._strategy = strategy
        self._openings = [
            _Opening(buy, _price(buy, ticker), (left or {})[buy.trade_id])
            for buy in sorted(buys, key=lambda t: t.trade_id)
        ]
        self.oversold = ZERO

    def apply(self, trade: Filled | CorporateAction) -> list[Lot]:
        """The next entry in id order; returns the rows that it closes. Raises ValueError as `fold` does."""
        if isinstance(trade, CorporateAction):
            self._rebase(trade)
            return []
        if trade.qty < 0:
            raise _unbookable(trade, self._ticker)
        if trade.side is Side.SELL:
            return self._close(trade)
        if trade.qty:
            self._openings.append(_Opening(trade, _price(trade, self._ticker), trade.qty))
        return []

    @property
    def left(self) -> dict[int, Decimal]:
        """Shares open now, by the BUY that opened them."""
        return {opening.buy.trade_id: opening.left for opening in self._openings}

    @property
    def open(self) -> list[Lot]:
        """The rows that are open now."""
        return [opening.still_open(self._ticker, self._strategy) for opening in self._openings]

    def _rebase(self, action: CorporateAction) -> None:
        """Makes new shares of the contract's open ones: as many as IB has, for the same money. What was closed before stays.

        Each opening gets the difference of two running totals, so that rounding never makes or loses a share over all of them.
        """
        mine = [opening for opening in self._openings if opening.buy.con_id == action.con_id]
        held = sum((opening.left for opening in mine), ZERO)
        before, given = ZERO, ZERO
        for opening in mine:
            before += opening.left
            total = action.total(held)
            running = total if before == held else (total * before / held).quantize(PRICE_STEP)
            opening.rebase(action, running - given)
            given = running

    def _close(self, sell: Filled) -> list[Lot]:
        left, closed = sell.qty, []
        for opening in sorted(self._openings, key=lambda opening: opening.buy.trade_id != sell.of_entry):
            # Another contract id is another stock, even under the same ticker.
            qty = min(left, opening.left) if opening.buy.con_id == sell.con_id else ZERO
            if qty:
                closed.append(opening.close(sell, sell.qty - left, qty, self._ticker, self._strategy))
                left -= qty
        self._openings = [opening for opening in self._openings if opening.left]
        self.oversold += left
        return closed


@dataclass(slots=True)
class _Opening:
    """A BUY while the fold runs, and what is left of it."""

    buy: Filled
    price: Decimal
    left: Decimal
    splits: tuple[Mapping[str, object], ...] = ()

    def rebase(self, action: CorporateAction, qty: Decimal) -> None:
        """What is left becomes this many shares of the new contract, with the commission that goes with it."""
        commission = _share(self.buy, self.buy.qty - self.left, self.left)
        self.buy = replace(self.buy, con_id=action.new_con_id, qty=qty, commission=commission)
        self.left = qty
        self.price = (self.price * action.old_shares / action.new_shares).quantize(PRICE_STEP)
        self.splits += ({"at": action.at.isoformat(), "new": action.new_shares, "old": action.old_shares},)

    def close(self, sell: Filled, sold_before: Decimal, qty: Decimal, ticker: str, strategy: str) -> Lot:
        """Takes shares out of what is left, for a SELL that has closed others before."""
        commission = _share(self.buy, self.buy.qty - self.left, qty) + _share(sell, sold_before, qty)
        self.left -= qty
        return Lot(
            ticker=ticker,
            con_id=sell.con_id,
            qty=qty,
            entry_price=self.price,
            entry_time=self.buy.first_fill,
            status=LotStatus.CLOSED,
            exit_price=sell.avg_price,
            exit_time=sell.last_fill,
            pnl=None if sell.avg_price is None else (sell.avg_price - self.price) * qty - commission,
            commission=commission,
            opening_trade_id=self.buy.trade_id,
            closing_trade_id=sell.trade_id,
            splits=self.splits,
            strategy=strategy,
        )

    def still_open(self, ticker: str, strategy: str) -> Lot:
        return Lot(
            ticker=ticker,
            con_id=self.buy.con_id,
            qty=self.left,
            entry_price=self.price,
            entry_time=self.buy.first_fill,
            status=LotStatus.OPEN,
            exit_price=None,
            exit_time=None,
            pnl=None,
            commission=_share(self.buy, self.buy.qty - self.left, self.left),
            opening_trade_id=self.buy.trade_id,
            closing_trade_id=None,
            splits=self.splits,
            strategy=strategy,
        )


def _place(lot: Lot) -> tuple[int, bool, int]:
    return lot.opening_trade_id, lot.closing_trade_id is None, lot.closing_trade_id or 0


def _when(entry: Filled | CorporateAction) -> tuple[int, int, int]:
    """An action comes after its trade, and after what was sold there."""
    if isinstance(entry, CorporateAction):
        return entry.after_trade_id, BEHIND_ALL, entry.id
    return entry.place or (entry.trade_id, 0, entry.trade_id)


def _price(buy: Filled, ticker: str) -> Decimal:
    if buy.avg_price is None:
        raise _unbookable(buy, ticker)
    return buy.avg_price


def _unbookable(trade: Filled, ticker: str) -> ValueError:
    return ValueError(f"trade {trade.trade_id} cannot be booked: {trade.qty} {ticker} at {trade.avg_price}")


def _share(trade: Filled, before: Decimal, qty: Decimal) -> Decimal:
    """The commission of `qty` shares that come after the first `before` ones.

    Taken as the difference of two running totals, so that rounding never makes or loses a digit over all pieces.
    """
    return _running(trade, before + qty) - _running(trade, before)


def _running(trade: Filled, qty: Decimal) -> Decimal:
    if qty == trade.qty:
        return trade.commission
    return (trade.commission * qty / trade.qty).quantize(PRICE_STEP)


def latest(executions: Iterable[Execution]) -> Iterable[Execution]:
    """One execution a root: the highest revision, with the commission of the highest revision that has one."""
    roots: dict[str, list[Execution]] = {}
    for execution in executions:
        roots.setdefault(execution.root, []).append(execution)
    for versions in roots.values():
        versions.sort(key=lambda e: e.revision)
        known = [version.commission for version in versions if version.commission is not None]
        yield replace(versions[-1], commission=known[-1] if known else None)


def shares_by_contract(lots: Iterable[Lot]) -> dict[int, Decimal]:
    """Shares of these lots, by con_id."""
    held: dict[int, Decimal] = defaultdict(Decimal)
    for lot in lots:
        held[lot.con_id] += lot.qty
    return dict(held)


def shares_by_strategy(lots: Iterable[Lot]) -> dict[str, Decimal]:
    """Shares of these lots, by strategy, in the strategies' order."""
    held: dict[str, Decimal] = defaultdict(Decimal)
    for lot in sorted(lots, key=lambda one: one.strategy):
        held[lot.strategy] += lot.qty
    return dict(held)
