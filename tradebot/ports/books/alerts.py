"""Alerts: stored, moved, counted and searched."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from tradebot.domain.alerts import Alert, AlertStatus, NewAlert, Side
from tradebot.domain.reasons import Reason


class AlertBook(Protocol):
    """A part of `Books`."""

    async def insert_alert(self, alert: NewAlert) -> int | None:
        """The new id, or None when the idempotency key is already there."""

    async def insert_alerts(self, alerts: Sequence[NewAlert]) -> Mapping[str, int]:
        """The new ids, by idempotency key; none for a key that is already there."""

    async def alert(self, alert_id: int) -> Alert | None: ...

    async def alert_by_key(self, idempotency_key: str) -> Alert | None: ...

    async def alert_by_own_id(self, own_id: str) -> Alert | None:
        """The newest of any strategy whose message had this "alert_id"."""

    async def own_alerts(self) -> Sequence[Alert]:
        """Those that the bot made itself, for a person: all that there ever were, the oldest first."""

    async def recent_alert(self, payload_hash: str, since: datetime) -> Alert | None:
        """The newest alert with this hash received at or after `since`; concurrent inserts of one hash are serialised."""

    async def recent_alerts(self, payload_hashes: Collection[str]) -> Mapping[str, Alert]:
        """The newest alert of each hash, as `recent_alert`."""

    async def count_duplicate(self, alert_id: int) -> None: ...

    async def alerts(
        self,
        statuses: Collection[AlertStatus],
        *,
        ticker: str | None = None,
        strategy: str | None = None,
        limit: int | None = None,
    ) -> Sequence[Alert]:
        """Each filter that is None admits all."""

    async def newest_alerts(
        self, statuses: Collection[AlertStatus], limit: int, *, ticker: str | None = None, strategy: str | None = None
    ) -> Sequence[Alert]: ...

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
        """The newest before this id; `received`: only those from the first moment on and before the second one."""

    async def newest_alert_time(
        self, strategy: str, ticker: str, side: Side, received_since: datetime
    ) -> datetime | None:
        """The latest `alert_time` among these, whatever became of them; None when none has any."""

    async def count_alerts(
        self, strategy: str, side: Side, received_since: datetime, *, up_to_id: int | None = None
    ) -> int:
        """How many were understood and asked for this side, whatever became of them; tests are left out."""

    async def count_waiting(self) -> Mapping[tuple[AlertStatus, Side | None], int]:
        """How many alerts are RECEIVED or PENDING, by side; none has no entry."""

    async def move_alert(
        self, alert_id: int, from_: Collection[AlertStatus], to: AlertStatus, reason: Reason | str | None
    ) -> bool:
        """Compare-and-set on the status: False when the alert is in none of `from_`."""
