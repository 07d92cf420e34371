"""Trades and their executions."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from tradebot.domain.brokerage import (
    Execution,
)
from tradebot.domain.terms import Terms
from tradebot.domain.trades import NewTrade, Place, Trade, TradeStatus


class TradeBook(Protocol):
    """A part of `Books`."""

    async def insert_trade(self, trade: NewTrade, ib_order_id: int | None = None) -> int: ...

    async def trade(self, trade_id: int) -> Trade | None: ...

    async def trade_by_ref(self, order_ref: str) -> Trade | None: ...

    async def trade_of_alert(self, alert_id: int) -> Trade | None:
        """The newest ENTRY or EXIT order of the alert."""

    async def trades_of_alert(self, alert_id: int) -> Sequence[Trade]:
        """Every ENTRY or EXIT order of the alert: `n` of them, and never two alive."""

    async def protection_of(self, trade_ids: Collection[int]) -> Sequence[Trade]:
        """The stops and targets of these entries, whatever became of them."""

    async def orders_of_alerts(self, alert_ids: Collection[int]) -> Sequence[Trade]:
        """Every order of these alerts, whatever it is for."""

    async def trades(
        self,
        statuses: Collection[TradeStatus] | None = None,
        *,
        ticker: str | None = None,
        strategy: str | None = None,
        since: datetime | None = None,
    ) -> Sequence[Trade]:
        """By status, ticker, strategy and creation time; each filter that is None admits all."""

    async def newest_trades(self, limit: int, *, before_id: int | None, strategy: str | None) -> Sequence[Trade]:
        """The newest first, of those before this id."""

    async def trades_since_or_ended(self, since: datetime) -> Sequence[Trade]:
        """Decided at or after this moment, or ended then, or not at all: what waits for its price may fill days after it was
        decided."""

    async def trades_from(self, strategy: str, ticker: str, place: Place, limit: int) -> Sequence[Trade]:
        """The strategy's trades of the ticker from this place on, at most so many, in the order of their places."""

    async def newest_trade_id(self, strategy: str, ticker: str) -> int:
        """Of the strategy's trades of the ticker; 0 when there is none."""

    async def next_place(self, strategy: str, ticker: str) -> tuple[int, int]:
        """Where a protective order that fills now for the first time stands: behind which trade, and the how manyth there."""

    async def trades_ended_since(self, ticker: str, since: datetime) -> Sequence[Trade]:
        """The ticker's trades, of every strategy, that have not ended, or ended at or after `since`."""

    async def decision(self, trade_id: int) -> Mapping[str, object] | None:
        """Checks and inputs that the order was decided on; None when there is no such trade."""

    async def save_trade(self, trade: Trade) -> None:
        """Writes the columns that change: fills, status, broker ids, times."""

    async def change_terms(self, trade_id: int, terms: Terms, qty: Decimal) -> None:
        """What the order is to be from now on: how it works, and how many shares it is for in all."""

    async def last_order_id(self) -> int:
        """The highest order id ever stored; 0 when none."""

    async def put_execution(self, trade_id: int, execution: Execution) -> bool:
        """Replaces by root, highest revision wins, a known commission stays. True when anything changed."""

    async def executions(self, trade_id: int) -> Sequence[Execution]: ...

    async def executions_since(self, at: datetime) -> Sequence[Execution]:
        """Every execution of the trades created at or after this moment."""

    async def executions_of(self, trade_ids: Collection[int]) -> Mapping[int, Sequence[Execution]]:
        """The executions of each of these trades, by its id."""
