"""Every alert's way in: TradingView's over the webhook, the bot's own (`/sell_all`, "sell the rest") alike.

Rules:
- Commit, then answer. An answer "queued" or "duplicate" means that the alert is stored durably; LedgerUnavailable means that
  it was not stored within `store_within_s`. Such a transaction runs on and may still commit: the sender sends again, and the
  key makes that a duplicate.
- One alert, one row: the key is unique, and where a message has no key of its own, the same message within
  `SAME_ALERT_WINDOW` is the same alert, whatever becomes of the machine's clock meanwhile.
- A message that is not understood is stored as REJECTED and reported to the owner; the same one again within
  `SAME_MISTAKE_WINDOW` only counts.
- A duplicate that comes later than a resend is reported: whoever sent it meant it to trade.
- The queue gets the id after the commit and never delays an answer. A push that fails is only logged: the requeue repairs it.
- A caller that is cancelled (a client that hung up, a stop) does not stop the storing: `finish` waits for it.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from loguru import logger

from tradebot.domain.alerts import Alert, AlertStatus, NewAlert, Side
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.facts.alerts import AlertConflict, AlertRejected, AlertRepeated, AlertStored, AlertUnreadable
from tradebot.domain.honoured import not_honoured
from tradebot.domain.instructions import stored
from tradebot.domain.payload.dialects import Message, Understood, digest, payload_hash, understand
from tradebot.domain.strategies import MAIN, Strategy
from tradebot.errors import LedgerUnavailable, PayloadError, QueueUnavailable
from tradebot.ports import Books, Clock, Ledger, Queue
from tradebot.trading.notices import store_notice

STORE_DEADLINE_S = 1.5  # TradingView drops a request after 3 s
STORING_MAX = 5_000  # transactions under way; beyond, the database has long been down
SAME_ALERT_WINDOW = timedelta(seconds=60)  # covers TradingView's resends: 5 s after each failure, up to three
SAME_MISTAKE_WINDOW = timedelta(hours=1)
RESENT_WITHIN_S = 15.0
"""TradingView's resends come within this time; the same message later is news to the owner: it was meant to trade."""
REPEATS_REPORTED_EVERY = timedelta(minutes=1)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_OWN = "own:"  # begins the keys of the bot's own alerts


class Outcome(StrEnum):
    """What became of a message."""

    QUEUED = "queued"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"  # another body with the same alert_id is stored: this one is not
    REJECTED = "rejected"  # stored, but never traded


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a message. `alert_id` is the row's: for a duplicate or a conflict, the row that was there before."""

    status: Outcome
    alert_id: int
    reason: str | None = None  # why it was not understood
    conflict: AlertConflict | None = None  # what stands in its way
    ticker: str | None = None  # of that row


class Intake:
    """Stores alerts, then queues them."""

    def __init__(
        self,
        ledger: Ledger,
        queue: Queue,
        clock: Clock,
        *,
        store_within_s: float = STORE_DEADLINE_S,
    ) -> None:
        self._ledger = ledger
        self.store_within_s = store_within_s
        self._queue = queue
        self._clock = clock
        self._ages = _Ages(clock)
        self._storing: set[asyncio.Task[Accepted]] = set()
        self._reporting: set[asyncio.Task[None]] = set()
        self._to_push: list[tuple[Side, Accepted]] = []
        self._pushing: asyncio.Task[None] | None = None

    async def accept(self, content: Message | Mapping[str, object], raw_body: bytes, source_ip: str | None) -> Accepted:
        """Stores an authenticated message; `raw_body` has no secret in it any more. Raises LedgerUnavailable."""
        now = self._clock.now()
        message = content if isinstance(content, Message) else Message(content)
        try:
            understood = _understood(message)
        except PayloadError as error:
            body_hash = payload_hash(message.fields) if message.fields is not None else digest(raw_body)
            return await self._stored(self._reject(str(error), body_hash, raw_body, source_ip, now))
        alert = _new_alert(understood, raw_body, source_ip, now)
        target = understood.instruction.target
        wanted = None if target is None else target.side
        return await self._stored(self._accept(alert, understood.identity.key, target=wanted))

    async def reject(self, reason: str, raw_body: bytes, source_ip: str | None) -> Accepted:
        """Stores an authenticated message that could not even be read as JSON. Raises LedgerUnavailable."""
        return await self._stored(self._reject(reason, digest(raw_body), raw_body, source_ip, self._clock.now()))

    def report_unreadable(self, reason: str, source_ip: str, *, more: int) -> None:
        """Has the owner hear of a message without a readable secret, and of so many `more` before it; returns at once."""
        now = self._clock.now()
        task = asyncio.create_task(
            store_notice(self._ledger, NewEvent(AlertUnreadable(reason, source_ip, more), now)),
            name="report unreadable",
        )
        self._reporting.add(task)
        task.add_done_callback(self._reporting.discard)

    async def own(self, side: Side, ticker: str, key: str, *, actor: str) -> Accepted:
        """An alert of the bot itself, on behalf of `actor`; the same key again is a duplicate. Raises LedgerUnavailable."""
        fields: dict[str, object] = {"action": side, "ticker": ticker, "key": key, "actor": actor}
        alert = NewAlert(
            received_at=self._clock.now(),
            ticker=ticker,
            action=side,
            price=None,
            alert_time=None,
            primary_exchange=None,
            idempotency_key=f"{_OWN}{key}",
            payload_hash=payload_hash(fields),
            raw_body=b"",
            source_ip=None,
        )
        accepted = await self._stored(self._accept(alert, alert.idempotency_key, actor))
        with logger.contextualize(alert_id=accepted.alert_id, ticker=accepted.ticker):
            logger.info("alert {} from {}: {}", accepted.alert_id, actor, accepted.status)
        return accepted

    async def finish(self) -> None:
        """Waits until all that was begun is stored and in the queue. The ledger must still be open."""
        if under_way := self._storing | self._reporting:
            await asyncio.wait(under_way)
        if self._pushing is not None:
            await asyncio.wait([self._pushing])

    # --- storing ----------------------------------------------------------------------------------------------------

    async def _stored(self, storing: Coroutine[Any, Any, Accepted]) -> Accepted:
        if len(self._storing) >= STORING_MAX:
            storing.close()
            raise LedgerUnavailable("The database does not keep up: the alert is not stored. Send it again.")
        task = asyncio.create_task(storing, name="store alert")
        self._storing.add(task)
        task.add_done_callback(self._done)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.store_within_s):
                return await asyncio.shield(task)
        raise LedgerUnavailable(
            f"The database did not answer within {self.store_within_s:g} s: the alert is not stored. Send it again."
        )

    def _done(self, task: asyncio.Task[Accepted]) -> None:
        self._storing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # Its caller is notified too, unless he has stopped waiting.
            logger.warning("an alert was not stored: {}", task.exception())

    async def _accept(
        self, alert: NewAlert, key: str | None, actor: str = "bot", target: str | None = None
    ) -> Accepted:
        async with self._ledger.begin() as books:
            accepted = await self._insert(books, alert, key, actor, target)
        if accepted.status is Outcome.QUEUED and alert.action is not None:
            self._push(alert.action, accepted)
        return accepted

    async def _insert(self, books: Books, alert: NewAlert, key: str | None, actor: str, target: str | None) -> Accepted:
        """The alert with its event, or what stands in its way: its key, or without one the same message a moment ago."""
        if key is None:
            latest = await books.recent_alert(alert.payload_hash, _EVER)
            if latest is not None and self._ages.is_recent(latest, alert.received_at):
                return await self._again(books, latest, alert)
        alert_id = await books.insert_alert(alert)
        if alert_id is None:
            known = await books.alert_by_key(alert.idempotency_key)
            if known is None:
                raise LedgerUnavailable("The alert was stored by another request just now. Send it again.")
            if known.payload_hash != alert.payload_hash:
                return await _conflict(books, known, alert)
            return await self._again(books, known, alert)
        self._ages.born(alert_id)
        ticker, side = _wanted(alert)
        stored = AlertStored(ticker, side, alert.price, alert.source_ip, target)
        await books.add_event(NewEvent(stored, alert.received_at, alert_id, actor=actor))
        return Accepted(Outcome.QUEUED, alert_id, ticker=ticker)

    async def _again(self, books: Books, known: Alert, alert: NewAlert) -> Accepted:
        """A duplicate only counts; later than a resend it is reported, now and then."""
        await books.count_duplicate(known.id)
        now, after_s = alert.received_at, self._ages.age_s(known, alert.received_at)
        if after_s > RESENT_WITHIN_S and not known.idempotency_key.startswith(_OWN):
            lately = await books.events_since((EventKind.ALERT_REPEATED,), now - REPEATS_REPORTED_EVERY)
            if not any(event.alert_id == known.id for event in lately):
                kind, _, name = known.idempotency_key.partition(":")
                repeated = AlertRepeated(known.ticker, known.action, name if kind == "id" else None, known.id, after_s)
                await books.add_event(NewEvent(repeated, now, known.id))
        return Accepted(Outcome.DUPLICATE, known.id, ticker=known.ticker)

    async def _reject(
        self, reason: str, body_hash: str, raw_body: bytes, source_ip: str | None, now: datetime
    ) -> Accepted:
        alert = NewAlert(
            received_at=now,
            ticker=None,
            action=None,
            price=None,
            alert_time=None,
            primary_exchange=None,
            # A name of its own: when the template is corrected, its alert_id must not be taken already.
            idempotency_key=f"rejected:{body_hash}@{now.isoformat()}",
            payload_hash=body_hash,
            raw_body=raw_body,
            source_ip=source_ip,
            status=AlertStatus.REJECTED,
            reason=reason,
        )
        async with self._ledger.begin() as books:
            known = await books.recent_alert(body_hash, now - SAME_MISTAKE_WINDOW)
            if known is not None:
                await books.count_duplicate(known.id)
                return Accepted(Outcome.REJECTED, known.id, reason)
            alert_id = await books.insert_alert(alert)
            if alert_id is None:  # the clock was set back to the very microsecond
                raise LedgerUnavailable("The alert could not be stored under a key of its own. Send it again.")
            await books.add_event(NewEvent(AlertRejected(reason, source_ip), now, alert_id))
        return Accepted(Outcome.REJECTED, alert_id, reason)

    # --- after the commit -------------------------------------------------------------------------------------------

    def _push(self, side: Side, accepted: Accepted) -> None:
        self._to_push.append((side, accepted))
        if self._pushing is None or self._pushing.done():
            self._pushing = asyncio.create_task(self._push_all(), name="push alerts")

    async def _push_all(self) -> None:
        """In the order of the commits; what comes meanwhile goes in the next round, as one message to the queue."""
        while self._to_push:
            waiting, self._to_push = self._to_push, []
            for side in (Side.SELL, Side.BUY):
                pushed = [accepted for its_side, accepted in waiting if its_side is side]
                if not pushed:
                    continue
                try:
                    await self._queue.push(side, [accepted.alert_id for accepted in pushed])
                except QueueUnavailable as error:
                    for one in pushed:
                        logger.bind(alert_id=one.alert_id, ticker=one.ticker).warning(
                            "alert {} is stored, not in the queue yet; the requeue puts it there: {}",
                            one.alert_id,
                            error,
                        )


class _Ages:
    """How old stored alerts are, by monotonic time: a step of the clock makes none older or younger."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = clock.monotonic()
        self._born: dict[int, float] = {}  # ids of the last minute, oldest first

    def born(self, alert_id: int) -> None:
        now = self._clock.monotonic()
        self._born.pop(alert_id, None)  # of a transaction that was not committed
        self._born[alert_id] = now
        while now - next(iter(self._born.values())) >= SAME_ALERT_WINDOW.total_seconds():
            del self._born[next(iter(self._born))]

    def age_s(self, alert: Alert, now: datetime) -> float:
        """How old it is at least: one from before the start is as old as the clock says, and older than this process."""
        age_s = self._clock.monotonic() - self._born.get(alert.id, self._started)
        return age_s if alert.id in self._born else max(age_s, (now - alert.received_at).total_seconds())

    def is_recent(self, alert: Alert, now: datetime) -> bool:
        """One from before the start is as old as the clock says, and older than this process."""
        age_s = self._clock.monotonic() - self._born.get(alert.id, self._started)
        by_clock = alert.id in self._born or now - alert.received_at < SAME_ALERT_WINDOW
        return by_clock and age_s < SAME_ALERT_WINDOW.total_seconds()


def _understood(message: Message) -> Understood:
    """What is asked, all of it honoured. Raises PayloadError."""
    understood = understand(message)
    if (reason := not_honoured(understood.instruction, Strategy(name=MAIN))) is not None:
        raise PayloadError(reason)
    if understood.instruction.test:
        raise PayloadError("The alert says that it is only a test. Nothing was traded.")
    return understood


def _new_alert(understood: Understood, raw_body: bytes, source_ip: str | None, now: datetime) -> NewAlert:
    wanted, identity = understood.instruction, understood.identity
    return NewAlert(
        received_at=now,
        ticker=wanted.ticker,
        action=wanted.side,
        price=wanted.price,
        alert_time=wanted.alert_time,
        primary_exchange=wanted.primary_exchange,
        idempotency_key=identity.key or f"sha256:{identity.payload_hash}@{now.isoformat()}",
        payload_hash=identity.payload_hash,
        raw_body=raw_body,
        source_ip=source_ip,
        dialect=wanted.dialect,
        instruction=stored(wanted),
    )


async def _conflict(books: Books, known: Alert, alert: NewAlert) -> Accepted:
    ticker, side = _wanted(alert)
    conflict = AlertConflict(
        ticker,
        side,
        alert_key=known.idempotency_key.partition(":")[2],
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
