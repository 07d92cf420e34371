"""Trades and their executions, as `tradebot.ports.Books` has them."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from tradebot.database import values
from tradebot.database.rows import ALL, EVER, EVERY_ONE, Rows, in_turns, is_of, key_of, names
from tradebot.domain.brokerage import Execution
from tradebot.domain.terms import Terms, columns
from tradebot.domain.trades import NewTrade, Place, Trade, TradeStatus


class TradeRows(Rows):
    """A part of `SqlBooks`."""

    async def insert_trade(self, trade: NewTrade, ib_order_id: int | None = None) -> int:
        new = values.parameters(Trade.of(trade, ib_order_id=ib_order_id)) | {
            "decision": values.outgoing(trade.decision)
        }
        (row,) = await self._rows("insert_trade", **new)
        return int(row["id"])

    async def decision(self, trade_id: int) -> Mapping[str, object] | None:
        row = await self._row("decision", id=trade_id)
        return None if row is None else json.loads(row["decision"])

    async def trade(self, trade_id: int) -> Trade | None:
        return await self._one(Trade, "trade", id=trade_id)

    async def trade_by_ref(self, order_ref: str) -> Trade | None:
        return await self._one(Trade, "trade_by_ref", order_ref=values.outgoing(order_ref))

    async def trade_of_alert(self, alert_id: int) -> Trade | None:
        trades = await self.trades_of_alert(alert_id)
        return trades[-1] if trades else None

    async def trades_of_alert(self, alert_id: int) -> Sequence[Trade]:
        return await self._all(Trade, "trades_of_alert", alert_id=alert_id)

    async def protection_of(self, trade_ids: Collection[int]) -> Sequence[Trade]:
        return await self._of_ids(Trade, "protection_of", "trade_ids", trade_ids)

    async def orders_of_alerts(self, alert_ids: Collection[int]) -> Sequence[Trade]:
        return await self._of_ids(Trade, "orders_of_alerts", "alert_ids", alert_ids)

    async def trades(
        self,
        statuses: Collection[TradeStatus] | None = None,
        *,
        ticker: str | None = None,
        strategy: str | None = None,
        since: datetime | None = None,
    ) -> Sequence[Trade]:
        filters = {"ticker": ticker or "", "strategy": strategy or "", "since": values.outgoing(since or EVER)}
        if statuses is None:
            return await self._all(Trade, "trades_since", **filters)
        of_all = self._known.get(key_of("trades", statuses=names(statuses), **EVERY_ONE, since=EVER))
        if of_all is not None:
            return [one for one in of_all if is_of(one, ticker, strategy) and one.created_at >= (since or EVER)]
        return await self._all(Trade, "trades", statuses=names(statuses), **filters)

    async def newest_trades(self, limit: int, *, before_id: int | None, strategy: str | None) -> Sequence[Trade]:
        before = ALL if before_id is None else before_id
        return await self._all(Trade, "newest_trades", limit=limit, before=before, strategy=strategy or "")

    async def trades_since_or_ended(self, since: datetime) -> Sequence[Trade]:
        return await self._all(Trade, "trades_since_or_ended", since=values.outgoing(since))

    async def trades_from(self, strategy: str, ticker: str, place: Place, limit: int) -> Sequence[Trade]:
        filters = {"strategy": strategy, "ticker": values.outgoing(ticker), **place._asdict()}
        return await self._all(Trade, "trades_from", limit=limit, **filters)

    async def newest_trade_id(self, strategy: str, ticker: str) -> int:
        (row,) = await self._rows("newest_trade_id", strategy=strategy, ticker=values.outgoing(ticker))
        return int(row["newest"])

    async def next_place(self, strategy: str, ticker: str) -> tuple[int, int]:
        after = await self.newest_trade_id(strategy, ticker)
        (row,) = await self._rows("count_placed", strategy=strategy, ticker=values.outgoing(ticker), after=after)
        return after, int(row["found"]) + 1

    async def trades_ended_since(self, ticker: str, since: datetime) -> Sequence[Trade]:
        return await self._all(
            Trade, "trades_ended_since", ticker=values.outgoing(ticker), since=values.outgoing(since)
        )

    async def save_trade(self, trade: Trade) -> None:
        if await self._row("save_trade", **values.parameters(trade)) is None:
            raise LookupError(f"trade {trade.id} is not in the database")

    async def change_terms(self, trade_id: int, terms: Terms, qty: Decimal) -> None:
        changed = {name: values.outgoing(value) for name, value in columns(terms).items()}
        if await self._row("change_terms", id=trade_id, qty=values.outgoing(qty), **changed) is None:
            raise LookupError(f"trade {trade_id} is not in the database")

    async def last_order_id(self) -> int:
        key = key_of("last_order_id")
        if key not in self._known:
            (row,) = await self._rows("last_order_id")
            self._known[key] = int(row["last"])
        return self._known[key]  # type: ignore[no-any-return]

    async def put_execution(self, trade_id: int, execution: Execution) -> bool:
        if await self._is_new(trade_id, execution):
            return True
        while True:
            stored = values.read(Execution, (await self._rows("execution", root=execution.root))[0])
            merged = _merge(stored, execution)
            if merged == stored:
                return False
            if await self._row("replace_execution", known_revision=stored.revision, **_columns(merged)) is not None:
                return True

    async def _is_new(self, trade_id: int, execution: Execution) -> bool:
        return await self._row("insert_execution", trade_id=trade_id, **_columns(execution)) is not None

    async def executions(self, trade_id: int) -> Sequence[Execution]:
        return await self._all(Execution, "executions", trade_id=trade_id)

    async def executions_since(self, at: datetime) -> Sequence[Execution]:
        return await self._all(Execution, "executions_since", since=values.outgoing(at))

    async def executions_of(self, trade_ids: Collection[int]) -> Mapping[int, Sequence[Execution]]:
        by_trade: dict[int, list[Execution]] = defaultdict(list)
        if not trade_ids:
            return by_trade
        async for row in in_turns(await self._rows("executions_of", trade_ids=list(trade_ids))):
            by_trade[int(row["trade_id"])].append(values.read(Execution, row))
        return by_trade


def _columns(execution: Execution) -> dict[str, Any]:
    return {**values.parameters(execution), "root": execution.root, "revision": execution.revision}


def _merge(stored: Execution, new: Execution) -> Execution:
    """Two reports of one fill: the higher revision counts; a commission once known is replaced, never lost."""
    if new.revision < stored.revision:
        return stored
    return replace(
        new if new.revision > stored.revision else stored,
        commission=stored.commission if new.commission is None else new.commission,
        realised=stored.realised if new.realised is None else new.realised,
    )
