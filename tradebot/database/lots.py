"""Lots and corporate actions, as `tradebot.ports.Books` has them, and whose they are."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from tradebot.database import values
from tradebot.database.rows import EVERY_ONE, Rows, in_chunks, is_of, key_of, names
from tradebot.domain.lots import CorporateAction, Lot, LotStatus
from tradebot.domain.strategies import History
from tradebot.domain.trades import Place


class LotRows(Rows):
    """A part of `SqlBooks`."""

    async def lots(
        self,
        status: LotStatus | None = None,
        *,
        ticker: str | None = None,
        strategy: str | None = None,
        closed_since: datetime | None = None,
    ) -> Sequence[Lot]:
        statuses = names(LotStatus if status is None else [status])
        filters = {"statuses": statuses, "ticker": ticker or "", "strategy": strategy or ""}
        if closed_since is None:
            of_all = self._known.get(key_of("lots", statuses=statuses, **EVERY_ONE))
            if of_all is not None:
                return [lot for lot in of_all if is_of(lot, ticker, strategy)]
            return await self._all(Lot, "lots", **filters)
        return await self._all(Lot, "lots_closed_since", closed_since=values.outgoing(closed_since), **filters)

    async def realised_since_start(self, strategy: str | None) -> tuple[Decimal, datetime | None]:
        (row,) = await self._rows("realised_since_start", strategy=strategy or "")
        first = row["first"]
        return Decimal(row["realised"]), None if first is None else values.time(first)

    async def lots_closed_by(self, trade_ids: Collection[int]) -> Sequence[Lot]:
        return await self._all(Lot, "lots_closed_by", trade_ids=list(trade_ids))

    async def lots_of(self, trade_ids: Collection[int]) -> Sequence[Lot]:
        found = {lot.id: lot for lot in await self._of_ids(Lot, "lots_of", "trade_ids", trade_ids)}
        return list(found.values())

    async def lots_open_before(self, strategy: str, ticker: str, place: Place) -> Sequence[Lot]:
        filters = {"strategy": strategy, "ticker": values.outgoing(ticker), **place._asdict()}
        return await self._all(Lot, "lots_open_before", **filters)

    async def rewrite_lots(
        self,
        strategy: str,
        ticker: str,
        lots: Iterable[Lot],
        *,
        closed_by: Collection[int] = (),
        and_open: bool = True,
    ) -> None:
        there = [*await self.lots_closed_by(closed_by)]
        if and_open:
            there += await self.lots(LotStatus.OPEN, ticker=ticker, strategy=strategy)
        stored = {(lot.opening_trade_id, lot.closing_trade_id): lot for lot in there}
        wanted = {(lot.opening_trade_id, lot.closing_trade_id): lot for lot in lots}
        gone = [lot.id for key, lot in stored.items() if key not in wanted]
        for chunk in in_chunks(gone):
            await self._rows("delete_lots", ids=chunk)
        for key, lot in wanted.items():
            if (lot.strategy, lot.ticker) != (strategy, ticker):
                raise ValueError(f"a lot of {lot.ticker}, {lot.strategy}, among the lots of {ticker}, {strategy}")
            if key not in stored:
                await self._rows("insert_lot", **values.parameters(lot))
            elif replace(lot, id=stored[key].id) != stored[key]:
                await self._rows("update_lot", **values.parameters(replace(lot, id=stored[key].id)))

    async def add_corporate_action(self, action: CorporateAction) -> None:
        await self._transaction.lock(f"actions of {action.ticker}")
        await self._rows("insert_corporate_action", **values.parameters(action))

    async def corporate_actions(self, strategy: str, ticker: str) -> Sequence[CorporateAction]:
        await self._transaction.share(f"actions of {ticker}")
        rows = await self._rows("corporate_actions", strategy=strategy, ticker=values.outgoing(ticker))
        return [values.read(CorporateAction, row) for row in rows]

    async def histories(self, strategy: str) -> Sequence[History]:
        return [values.read(History, row) for row in await self._rows("histories", strategy=strategy)]

    async def reassign(self, from_strategy: str, to_strategy: str, ticker: str) -> None:
        both = {"from_strategy": from_strategy, "to_strategy": to_strategy, "ticker": ticker}
        await self._transaction.lock(f"actions of {ticker}")
        for table in ("alerts", "trades", "lots", "actions"):
            await self._rows(f"reassign_{table}", **both)
