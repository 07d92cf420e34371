"""A ticker's lots: a pure fold of its filled trades, first in first out.

Rules: the rows are computed anew from the whole history each time, so a correction, a repeated report or a late commission needs
no path of its own. A BUY opens one lot; a SELL closes the oldest open lots of its contract and splits the last one it reaches.
What a company did to its shares (a split, another contract) changes the lots that are open at its place among the trades.
Commissions are shared out by quantity and the pieces add up to the whole. Shares are never closed that the books did not hold.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Execution
from tradebot.domain.strategies import MAIN

PRICE_STEP = Decimal("1E-8")  # average prices and commission shares are kept to eight decimals
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
    fills = [fill for fill in _latest(executions) if fill.shares != 0]
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


def fold(ticker: str, trades: Sequence[Filled], actions: Sequence[CorporateAction] = ()) -> Fold:
    """The ticker's lots after these trades, taken in id order, and what the company did between them.

    `oversold` counts the shares that SELLs sold beyond what was held. Raises ValueError for a negative quantity or a BUY without
    a price: such a history cannot be booked.
    """
    openings: list[_Opening] = []
    oversold = ZERO
    history: list[Filled | CorporateAction] = [*trades, *actions]
    for trade in sorted(history, key=_place):
        if isinstance(trade, CorporateAction):
            _rebase(openings, trade)
            continue
        if trade.qty < 0 or (trade.side is Side.BUY and trade.qty and trade.avg_price is None):
            raise ValueError(f"trade {trade.trade_id} cannot be booked: {trade.qty} {ticker} at {trade.avg_price}")
        if trade.side is Side.SELL:
            oversold += _close(openings, trade, ticker)
        elif trade.qty and trade.avg_price is not None:
            openings.append(_Opening(trade, trade.avg_price, trade.qty, []))
    return Fold(tuple(lot for opening in openings for lot in opening.rows(ticker)), oversold)


@dataclass(slots=True)
class _Opening:
    """A BUY while the fold runs: what is left of it, and the rows that SELLs have closed."""

    buy: Filled
    price: Decimal
    left: Decimal
    closed: list[Lot]
    splits: tuple[Mapping[str, object], ...] = ()

    def take(self, qty: Decimal) -> Decimal:
        """Takes shares out of what is left; returns the BUY's commission share that goes with them."""
        share = _share(self.buy, self.buy.qty - self.left, qty)
        self.left -= qty
        return share

    def rows(self, ticker: str) -> list[Lot]:
        if not self.left:
            return self.closed
        still_open = Lot(
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
        )
        return [*self.closed, still_open]


def _close(openings: Sequence[_Opening], sell: Filled, ticker: str) -> Decimal:
    """Closes the oldest open shares of the SELL's contract; returns the shares it sold beyond them."""
    left = sell.qty
    for opening in openings:
        # Another contract id is another stock, even under the same ticker.
        qty = min(left, opening.left) if opening.buy.con_id == sell.con_id else ZERO
        if not qty:
            continue
        commission = opening.take(qty) + _share(sell, sell.qty - left, qty)
        left -= qty
        pnl = None if sell.avg_price is None else (sell.avg_price - opening.price) * qty - commission
        opening.closed.append(
            Lot(
                ticker=ticker,
                con_id=sell.con_id,
                qty=qty,
                entry_price=opening.price,
                entry_time=opening.buy.first_fill,
                status=LotStatus.CLOSED,
                exit_price=sell.avg_price,
                exit_time=sell.last_fill,
                pnl=pnl,
                commission=commission,
                opening_trade_id=opening.buy.trade_id,
                closing_trade_id=sell.trade_id,
                splits=opening.splits,
            )
        )
    return left


def _place(one: Filled | CorporateAction) -> tuple[int, bool, int]:
    """An action comes after its trade."""
    if isinstance(one, CorporateAction):
        return one.after_trade_id, True, one.id
    return one.trade_id, False, 0


def _rebase(openings: Sequence[_Opening], action: CorporateAction) -> None:
    """Makes new shares of the contract's open ones: as many as IB has, for the same money. What was closed before stays.

    Each opening gets the difference of two running totals, so that rounding never makes or loses a share over all of them.
    """
    mine = [opening for opening in openings if opening.buy.con_id == action.con_id and opening.left]
    held = sum((opening.left for opening in mine), ZERO)
    if not held:
        return
    total, before, given = action.total(held), ZERO, ZERO
    for opening in mine:
        before += opening.left
        running = total if before == held else (total * before / held).quantize(PRICE_STEP)
        commission = _share(opening.buy, opening.buy.qty - opening.left, opening.left)
        opening.left, given = running - given, running
        opening.price = (opening.price * action.old_shares / action.new_shares).quantize(PRICE_STEP)
        opening.buy = replace(opening.buy, con_id=action.new_con_id, qty=opening.left, commission=commission)
        opening.splits += ({"at": action.at.isoformat(), "new": action.new_shares, "old": action.old_shares},)


def _share(trade: Filled, before: Decimal, qty: Decimal) -> Decimal:
    """The commission of `qty` shares that come after the first `before` ones.

    Taken as the difference of two running totals, so that rounding never makes or loses a digit over all pieces.
    """
    return _running(trade, before + qty) - _running(trade, before)


def _running(trade: Filled, qty: Decimal) -> Decimal:
    if qty == trade.qty:
        return trade.commission
    return (trade.commission * qty / trade.qty).quantize(PRICE_STEP)


def _latest(executions: Iterable[Execution]) -> Iterable[Execution]:
    """One execution a root: the highest revision, with the commission of the highest revision that has one."""
    roots: dict[str, list[Execution]] = {}
    for execution in executions:
        roots.setdefault(execution.root, []).append(execution)
    for versions in roots.values():
        versions.sort(key=lambda e: e.revision)
        known = [version.commission for version in versions if version.commission is not None]
        yield replace(versions[-1], commission=known[-1] if known else None)
