"""Alerts, as `tradebot.ports.Books` has them: stored, moved, counted and searched."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from tradebot.database import values
from tradebot.database.rows import ALL, Rows, names
from tradebot.domain.alert_keys import KeyKind, key_of
from tradebot.domain.alerts import Alert, AlertStatus, NewAlert, Side
from tradebot.domain.reasons import Reason
from tradebot.domain.strategies import MAIN


class AlertRows(Rows):
    """A part of `SqlBooks`."""

    async def insert_alert(self, alert: NewAlert) -> int | None:
        # Ids of one ticker are given in the order of the commits: an exit that is seen has every older entry beside it.
        await self._transaction.lock(f"alerts of {alert.ticker}")
        row = await self._row("insert_alert", **values.parameters(alert))
        self.has_arrivals |= row is not None and alert.status is AlertStatus.RECEIVED
        return None if row is None else row["id"]

    async def insert_alerts(self, alerts: Sequence[NewAlert]) -> Mapping[str, int]:
        await self._transaction.lock(*sorted({f"alerts of {alert.ticker}" for alert in alerts}))
        rows = await self._rows_of("insert_alert", [values.parameters(alert) for alert in alerts])
        self.has_arrivals |= any(alert.status is AlertStatus.RECEIVED for alert in alerts)
        return {row["idempotency_key"]: row["id"] for row in rows}

    async def alert(self, alert_id: int) -> Alert | None:
        found = await self._all(Alert, "alert", id=alert_id)
        return found[0] if found else None

    async def alert_by_key(self, idempotency_key: str) -> Alert | None:
        return await self._one(Alert, "alert_by_key", idempotency_key=values.outgoing(idempotency_key))

    async def alert_by_own_id(self, own_id: str) -> Alert | None:
        of_main = values.outgoing(key_of(MAIN, KeyKind.ID, own_id))
        return await self._one(Alert, "alert_by_own_id", of_main=of_main, own_id=values.outgoing(own_id))

    async def own_alerts(self) -> Sequence[Alert]:
        return await self._all(Alert, "own_alerts")

    async def recent_alert(self, payload_hash: str, since: datetime) -> Alert | None:
        await self._transaction.lock(f"alert {payload_hash}")
        return await self._one(Alert, "recent_alert", payload_hash=payload_hash, since=values.outgoing(since))

    async def recent_alerts(self, payload_hashes: Collection[str]) -> Mapping[str, Alert]:
        if not payload_hashes:
            return {}
        await self._transaction.lock(*sorted({f"alert {one}" for one in payload_hashes}))
        found = await self._all(Alert, "recent_alerts", payload_hashes=list(payload_hashes))
        return {alert.payload_hash: alert for alert in found}

    async def count_duplicate(self, alert_id: int) -> None:
        await self._rows("count_duplicate", id=alert_id)

    async def alerts(
        self,
        statuses: Collection[AlertStatus],
        *,
        ticker: str | None = None,
        strategy: str | None = None,
        limit: int | None = None,
    ) -> Sequence[Alert]:
        filters = {"ticker": ticker or "", "strategy": strategy or "", "limit": ALL if limit is None else limit}
        return await self._all(Alert, "alerts", statuses=names(statuses), **filters)

    async def newest_alerts(
        self, statuses: Collection[AlertStatus], limit: int, *, ticker: str | None = None, strategy: str | None = None
    ) -> Sequence[Alert]:
        filters = {"ticker": values.outgoing(ticker or ""), "strategy": values.outgoing(strategy or "")}
        found = await self._all(Alert, "newest_alerts", statuses=names(statuses), limit=limit, **filters)
        return found[::-1]

    async def search_alerts(
        self,
        statuses: Collection[AlertStatus],
        limit: int,
        *,
        received: tuple[datetime, datetime] | None = None,
        ticker: str | None = None,
        strategy: str | None = None,
        before_id: int | None = None,
    ) -> Sequence[Alert]:
        filters = {"ticker": values.outgoing(ticker or ""), "strategy": values.outgoing(strategy or "")}
        filters |= {"statuses": names(statuses), "before_id": ALL if before_id is None else before_id}
        if received is None:
            return (await self._all(Alert, "search_alerts", limit=limit, **filters))[::-1]
        since, until = map(values.outgoing, received)
        found = await self._all(Alert, "search_alerts_between", since=since, until=until, limit=limit, **filters)
        return found[::-1]

    async def newest_alert_time(
        self, strategy: str, ticker: str, side: Side, received_since: datetime
    ) -> datetime | None:
        row = await self._row(
            "newest_alert_time",
            strategy=strategy,
            ticker=ticker,
            side=str(side),
            since=values.outgoing(received_since),
        )
        return None if row is None else values.time(row["alert_time"])

    async def count_alerts(
        self, strategy: str, side: Side, received_since: datetime, *, up_to_id: int | None = None
    ) -> int:
        (row,) = await self._rows(
            "count_alerts",
            strategy=strategy,
            side=str(side),
            since=values.outgoing(received_since),
            up_to_id=ALL if up_to_id is None else up_to_id,
        )
        return int(row["count"])

    async def count_waiting(self) -> Mapping[tuple[AlertStatus, Side | None], int]:
        return {
            (AlertStatus(row["status"]), Side(row["action"]) if row["action"] else None): int(row["count"])
            for row in await self._rows("count_waiting")
        }

    async def move_alert(
        self, alert_id: int, from_: Collection[AlertStatus], to: AlertStatus, reason: Reason | str | None
    ) -> bool:
        return await self._moved(alert_id, from_, to, reason) is not None

    async def _moved(
        self, alert_id: int, from_: Collection[AlertStatus], to: AlertStatus, reason: Reason | str | None
    ) -> str | None:
        """Whose alert was moved; None: none was."""
        moved = await self._row(
            "move_alert", id=alert_id, from_=names(from_), to=values.outgoing(to), reason=values.outgoing(reason)
        )
        self.has_arrivals |= moved is not None and to is AlertStatus.RECEIVED
        return None if moved is None else moved["strategy"]
