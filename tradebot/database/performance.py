"""What performance is measured by, as `tradebot.ports.Books` has it: what the account was worth, what has ended, daily prices."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from tradebot.database import values
from tradebot.database.rows import Rows
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.analytics.sent_orders import SentOrder
from tradebot.domain.daily_bars import DailyBar
from tradebot.domain.equity import Equity
from tradebot.domain.lots import Lot

_AT_ONCE = 200  # rows in one statement
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class PerformanceRows(Rows):
    """A part of `SqlBooks`."""

    async def add_equity(self, equity: Equity) -> None:
        await self._rows("add_equity", **values.parameters(equity))

    async def equity(self, account: str, since: datetime, until: datetime | None = None) -> Sequence[Equity]:
        between = {"since": values.outgoing(since), "until": values.outgoing(until or _NEVER)}
        return await self._all(Equity, "equity", account=values.outgoing(account), **between)

    async def closed_lots(self, at: datetime, after_id: int, limit: int) -> Sequence[Lot]:
        rows = await self._rows("closed_lots", at=values.outgoing(at), id=after_id, limit=limit)
        return [values.read(Lot, row) for row in rows]

    async def sent_orders(self, at: datetime, after_id: int, limit: int) -> Sequence[SentOrder]:
        rows = await self._rows("sent_orders", at=values.outgoing(at), id=after_id, limit=limit)
        return [values.read(SentOrder, row) for row in rows]

    async def alert_outcomes(self, strategy: str, since: datetime, until: datetime) -> Mapping[AlertStatus, int]:
        between = {"since": values.outgoing(since), "until": values.outgoing(until)}
        rows = await self._rows("alert_outcomes", strategy=values.outgoing(strategy), **between)
        return {AlertStatus(row["status"]): row["count"] for row in rows}

    async def first_equity(self, account: str) -> datetime | None:
        [row] = await self._rows("first_equity", account=values.outgoing(account))
        return None if row["first"] is None else values.time(row["first"])

    async def put_daily_bars(self, bars: Sequence[DailyBar]) -> None:
        records = [{**values.parameters(bar), "day": bar.day.isoformat()} for bar in bars]
        if len(records) == 1:  # as on most evenings
            await self._rows("put_daily_bar", **records[0])
            return
        for start in range(0, len(records), _AT_ONCE):
            await self._rows_of("put_daily_bar", records[start : start + _AT_ONCE])

    async def daily_bars(self, ticker: str, since: date) -> Sequence[DailyBar]:
        rows = await self._rows("daily_bars", ticker=values.outgoing(ticker), since=since.isoformat())
        return [replace(values.read(DailyBar, row), day=date.fromisoformat(row["day"])) for row in rows]
