"""Events, as `tradebot.ports.Books` has them; each is left to the channels that want it as it is added."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from tradebot.database import event_facts, values
from tradebot.database.driver import Row
from tradebot.database.rows import Rows, in_chunks, names
from tradebot.domain.events import Event, EventKind, NewEvent, Severity, code_of


class EventRows(Rows):
    """A part of `SqlBooks`."""

    async def add_events(self, events: Sequence[NewEvent]) -> None:
        traces = [event for event in events if event.severity is Severity.TRACE]  # they wait for no channel
        await self._rows_of("add_event", [_columns_of(event) for event in traces])
        for event in events:
            if event.severity is not Severity.TRACE:
                await self.add_event(event)

    async def add_event(self, event: NewEvent) -> int:
        (row,) = await self._rows("add_event", **_columns_of(event))
        if event.severity is not Severity.TRACE:
            # Channels do not change between the look at them and the commit: the event would wait for one that is gone.
            if not self._shares_channels:
                await self._transaction.share("channels")
                self._shares_channels = True
            like_severity, like_kind = f"% {event.severity} %", f"% {event.facts.kind} %"
            await self._rows("add_deliveries", event_id=row["id"], like_severity=like_severity, like_kind=like_kind)
            self.has_news = True
        return int(row["id"])

    async def events(self, *, alert_id: int | None = None, after_id: int = 0, limit: int = 1000) -> Sequence[Event]:
        if alert_id is None:
            rows = await self._rows("events", after_id=after_id, limit=limit)
        else:
            rows = await self._rows("events_of_alert", alert_id=alert_id, after_id=after_id, limit=limit)
        return [event_of(row) for row in rows]

    async def events_since(self, kinds: Collection[EventKind], since: datetime) -> Sequence[Event]:
        rows = await self._rows("events_since", kinds=names(kinds), since=values.outgoing(since))
        return [event_of(row) for row in rows]

    async def newest_events(self, limit: int, severities: Collection[Severity] = tuple(Severity)) -> Sequence[Event]:
        rows = await self._rows("newest_events", severities=names(severities), limit=limit)
        return [event_of(row) for row in reversed(rows)]

    async def events_by_id(self, event_ids: Collection[int]) -> Sequence[Event]:
        chunks = in_chunks(sorted(event_ids))
        return [event_of(row) for chunk in chunks for row in await self._rows("events_by_id", ids=chunk)]


def _columns_of(event: NewEvent) -> dict[str, Any]:
    facts = event.facts
    return {
        "at": values.outgoing(event.at),
        "kind": str(facts.kind),
        "severity": str(event.severity),
        "code": code_of(facts),
        "facts": event_facts.outgoing(facts),
        "alert_id": event.alert_id,
        "trade_id": event.trade_id,
        "actor": values.outgoing(event.actor),
    }


def event_of(row: Row) -> Event:
    """0.1.0 stored words, and facts of no type."""
    kind, severity, text = row["kind"], Severity(row["severity"]), row["text"]
    read = event_facts.untyped if text is not None else event_facts.incoming
    return Event(
        read(kind, severity, row["facts"]),
        values.time(row["at"]),
        row["alert_id"],
        row["trade_id"],
        row["actor"],
        id=row["id"],
        text=text,
        strategy=row["strategy"],
        told=severity is not Severity.TRACE,
    )
