"""New alerts as rows, one or many in a transaction: each with its event, or what stands in its way.

Rules: the key is unique; where a message has none of its own, the same message a moment ago is the same alert. Many are stored in
as many statements as one, where each is new; what is not is looked at alone.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from tradebot.domain.alert_keys import KeyKind, kind_and_name
from tradebot.domain.alerts import Alert, AlertStatus, NewAlert, Side
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.facts.alerts import AlertConflict, AlertRepeated, AlertStored, FieldsNotUsed
from tradebot.domain.instructions import Instruction
from tradebot.domain.payload.dialects import digest
from tradebot.domain.strategies import Strategies
from tradebot.errors import LedgerUnavailable
from tradebot.ports import Books
from tradebot.trading.ages import Ages
from tradebot.trading.new_alerts import Report

RESENT_WITHIN_S = 15.0
"""TradingView's resends come within this time; the same message later is news to the owner: it was meant to trade."""
REPEATS_REPORTED_EVERY = timedelta(minutes=1)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class Outcome(StrEnum):
    """What became of a message."""

    QUEUED = "queued"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"  # another body with the same alert_id is stored: this one is not
    REJECTED = "rejected"  # stored, but never traded
    TESTED = "tested"  # stored, judged and reported, never traded


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a message. `alert_id` is the row's: for a duplicate or a conflict, the row that was there before."""

    status: Outcome
    alert_id: int
    reason: str | None = None  # why it was not understood
    conflict: AlertConflict | None = None  # what stands in its way
    ticker: str | None = None  # of that row
    report: Report | None = None  # what would become of a test


@dataclass(frozen=True, slots=True)
class Incoming:
    """An understood alert that is to be stored."""

    alert: NewAlert
    instruction: Instruction | None  # None: the bot's own
    has_key: bool  # of its own
    actor: str = "bot"


class AlertRows:
    """Stores new alerts, one or many in a transaction."""

    def __init__(self, strategies: Strategies, ages: Ages) -> None:
        self._strategies = strategies
        self._ages = ages

    async def store(self, books: Books, new: Incoming) -> Accepted:
        """The alert with its event, or what stands in its way: its key, or without one the same message a moment ago."""
        alert = new.alert
        if not new.has_key:
            latest = await books.recent_alert(alert.payload_hash, _EVER)
            if latest is not None and self._is_resent(latest, alert):
                return await self._again(books, latest, alert)
        alert_id = await books.insert_alert(alert)
        if alert_id is None:
            known = await books.alert_by_key(alert.idempotency_key)
            if known is None:
                raise LedgerUnavailable("The alert was stored by another request just now. Send it again.")
            if known.payload_hash != alert.payload_hash:
                return await _conflict(books, known, alert)
            return await self._again(books, known, alert)
        await books.add_event(_event(new, alert_id))
        return await self._born(books, new, alert_id)

    async def store_all(self, books: Books, news: Sequence[Incoming]) -> Sequence[Accepted]:
        """As `store` each of them, in order."""
        keys = {new.alert.idempotency_key for new in news}
        hashes = [new.alert.payload_hash for new in news if not new.has_key]
        if len(keys) < len(news) or len({*hashes}) < len(hashes):  # one of them may be another once more
            return [await self.store(books, new) for new in news]
        latest = await books.recent_alerts(hashes)
        fresh = [
            new for new in news if new.has_key or not self._is_resent(latest.get(new.alert.payload_hash), new.alert)
        ]
        ids = await books.insert_alerts([new.alert for new in fresh])
        stored = [(new, ids[new.alert.idempotency_key]) for new in fresh if new.alert.idempotency_key in ids]
        await books.add_events([_event(new, alert_id) for new, alert_id in stored])
        outcomes = {alert_id: await self._born(books, new, alert_id) for new, alert_id in stored}
        return [
            outcomes[ids[key]] if (key := new.alert.idempotency_key) in ids else await self.store(books, new)
            for new in news
        ]

    def _is_resent(self, latest: Alert | None, alert: NewAlert) -> bool:
        """Whether a message without a key is the one that was stored last; one that was refused is honoured by now."""
        if latest is None or latest.status is AlertStatus.REJECTED:
            return False
        return self._ages.is_recent(latest, alert.received_at)

    async def _born(self, books: Books, new: Incoming, alert_id: int) -> Accepted:
        self._ages.born(alert_id)
        if new.instruction is not None and new.instruction.unused:
            await self._report_unused(books, new.alert, alert_id, new.instruction)
        return Accepted(Outcome.QUEUED, alert_id, ticker=new.alert.ticker)

    async def _report_unused(self, books: Books, alert: NewAlert, alert_id: int, instruction: Instruction) -> None:
        """Once a strategy and template."""
        names = sorted(instruction.unused)
        key = f"unused:{alert.strategy}:{digest(json.dumps(names).encode())}"
        if await books.claim(key, "report unused fields", "bot", alert.received_at):
            unused = FieldsNotUsed(alert.ticker, alert.action, tuple(names), instruction.dialect, self.shown(alert))
            await books.add_event(NewEvent(unused, alert.received_at, alert_id))

    def shown(self, alert: NewAlert) -> str | None:
        """Whose it is, where there is more than one strategy."""
        return None if self._strategies.only else alert.strategy

    async def _again(self, books: Books, known: Alert, alert: NewAlert) -> Accepted:
        """A duplicate only counts; later than a resend it is reported, now and then."""
        await books.count_duplicate(known.id)
        now, after_s = alert.received_at, self._ages.age_s(known, alert.received_at)
        kind, name = kind_and_name(known.idempotency_key)
        if after_s > RESENT_WITHIN_S and kind != KeyKind.OWN:
            lately = await books.events_since((EventKind.ALERT_REPEATED,), now - REPEATS_REPORTED_EVERY)
            if not any(event.alert_id == known.id for event in lately):
                alert_key = name if kind == KeyKind.ID else None
                repeated = AlertRepeated(known.ticker, known.action, alert_key, known.id, after_s)
                await books.add_event(NewEvent(repeated, now, known.id))
        return Accepted(Outcome.DUPLICATE, known.id, ticker=known.ticker)


def _event(new: Incoming, alert_id: int) -> NewEvent:
    return NewEvent(stored_facts(new.alert, new.instruction), new.alert.received_at, alert_id, actor=new.actor)


def stored_facts(alert: NewAlert, instruction: Instruction | None) -> AlertStored:
    ticker, side = _wanted(alert)
    target = str(instruction.target.side) if instruction and instruction.target else None
    return AlertStored(ticker, side, alert.price, alert.source_ip, target)


async def _conflict(books: Books, known: Alert, alert: NewAlert) -> Accepted:
    ticker, side = _wanted(alert)
    conflict = AlertConflict(
        ticker,
        side,
        alert_key=kind_and_name(known.idempotency_key)[1],
        known_alert=known.id,
        known_ticker=known.ticker,
        known_side=known.action,
        source_ip=alert.source_ip,
    )
    await books.add_event(NewEvent(conflict, alert.received_at, known.id))
    return Accepted(Outcome.CONFLICT, known.id, conflict=conflict, ticker=known.ticker)


def _wanted(alert: NewAlert) -> tuple[str, Side]:
    assert alert.ticker is not None, "an understood alert names its ticker"
    assert alert.action is not None, "an understood alert names its side"
    return alert.ticker, alert.action
