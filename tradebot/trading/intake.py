"""Every alert's way in: TradingView's over the webhook, the bot's own (`/sell_all`, "sell the rest") alike.

Rules:
- Commit, then answer. An answer "queued" or "duplicate" means that the alert is stored durably; LedgerUnavailable means that
  it was not stored within `store_within_s`. It may still be stored a moment later: the sender sends again, and the
  key makes that a duplicate.
- One alert, one row: the key is unique, and where a message has no key of its own, the same message within
  `SAME_ALERT_WINDOW` is the same alert, whatever becomes of the machine's clock meanwhile.
- Each alert is a strategy's (`domain/addressee.py`). The same message to two strategies is two alerts.
- A message that is not understood, or asks for what is not honoured, is stored as REJECTED and reported to the owner; the
  same one again within `SAME_MISTAKE_WINDOW` only counts. Known fields that change nothing are reported once a template.
- A test is stored BLOCKED from the first moment and goes into no queue: nothing that looks for alerts to trade ever finds it.
- A duplicate that comes later than a resend is reported: whoever sent it meant it to trade.
- The queue gets the id after the commit and never delays an answer. A push that fails is only logged: the requeue repairs it.
- A caller that is cancelled (a client that hung up, a stop) does not stop the storing: `finish` waits for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from contextlib import suppress
from dataclasses import fields
from datetime import timedelta
from typing import Any

from loguru import logger

from tradebot.domain.addressee import addressee, named_in
from tradebot.domain.alerts import Alert, AlertStatus, NewAlert, Side
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.alerts import (
    AlertRejected,
    AlertTested,
    AlertUnreadable,
)
from tradebot.domain.honoured import not_honoured
from tradebot.domain.instructions import Instruction, stored
from tradebot.domain.payload.dialects import Message, Understood, digest, payload_hash, understand
from tradebot.domain.strategies import MAIN, Strategies, Strategy
from tradebot.errors import LedgerUnavailable, PayloadError, QueueUnavailable, TradebotError
from tradebot.ports import Clock, Ledger, Queue
from tradebot.trading import new_alerts
from tradebot.trading.ages import Ages
from tradebot.trading.alert_rows import Accepted, AlertRows, Incoming, Outcome, stored_facts
from tradebot.trading.group_commit import GroupCommit
from tradebot.trading.new_alerts import Report
from tradebot.trading.notices import Notices

STORE_DEADLINE_S = 1.5  # TradingView drops a request after 3 s
STORING_MAX = 5_000  # transactions under way; beyond, the database has long been down
SAME_MISTAKE_WINDOW = timedelta(hours=1)
JUST_STORED_MAX = 256
REPORT_S = 2.0  # for what a test is answered: TradingView drops a request after 3 s
REPORTS_AT_ONCE = 2  # they ask IB, as exits do: a template that is left a test must hold up nothing

ReportOn = Callable[[Instruction, Strategy], Awaitable[Report]]


class Intake:
    """Stores alerts, then queues them."""

    def __init__(
        self,
        ledger: Ledger,
        queue: Queue,
        clock: Clock,
        *,
        strategies: Strategies | None = None,
        report: ReportOn | None = None,
        store_within_s: float = STORE_DEADLINE_S,
    ) -> None:
        """`report` says what would become of a test; without one a test is answered with what was understood."""
        self._ledger = ledger
        self.strategies = strategies or Strategies()
        self._report = report
        self._reports = asyncio.Semaphore(REPORTS_AT_ONCE)
        self.store_within_s = store_within_s
        self._queue = queue
        self._clock = clock
        self._rows = AlertRows(self.strategies, Ages(clock))
        self._commits = GroupCommit(ledger, self._rows.store, self._rows.store_all)
        self._just_stored: dict[int, Alert] = {}  # the newest ones, by id
        self._storing: set[asyncio.Task[Accepted]] = set()
        self._notices = Notices(ledger)
        self._reporting: set[asyncio.Task[None]] = set()
        self._to_push: list[tuple[Side, Accepted]] = []
        self._pushing: asyncio.Task[None] | None = None

    async def accept(
        self,
        content: Message | Mapping[str, object],
        raw_body: bytes,
        source_ip: str | None,
        *,
        path: str | None = None,
        secret_fields: Collection[str] = (),
    ) -> Accepted:
        """Stores an authenticated message, a JSON object's fields for short; no secret is left in it. Raises LedgerUnavailable.

        `path`: the strategy that the address names; `secret_fields`: those that held the secret.
        """
        message = content if isinstance(content, Message) else Message(content)
        arrival = new_alerts.Arrival(raw_body, source_ip, self._clock.now())
        strategy, understood = None, None
        try:
            strategy = addressee(self.strategies, path, named_in(message))
            understood = understand(message, strategy.name, secret_fields)
            if not understood.instruction.test:
                _refuse_not_honoured(understood.instruction, strategy)
        except PayloadError as error:
            name, wanted = strategy.name if strategy else MAIN, understood.instruction if understood else None
            fields = {"text": message.text} if message.fields is None else message.fields
            body_hash = payload_hash(fields, name, secret_fields)
            rejected = new_alerts.rejected(str(error), body_hash, name, arrival, wanted=wanted)
            return await self._stored(self._reject(rejected, str(error), wanted))
        if understood.instruction.test:
            return await self._test(understood, strategy, arrival)
        alert = new_alerts.from_outside(understood, strategy.name, arrival)
        has_key = understood.identity.key is not None
        return await self._stored(self._accept(Incoming(alert, understood.instruction, has_key)))

    async def reject(self, reason: str, raw_body: bytes, source_ip: str | None, *, path: str | None = None) -> Accepted:
        """Stores an authenticated message that could not even be read. Raises LedgerUnavailable."""
        arrival = new_alerts.Arrival(raw_body, source_ip, self._clock.now())
        strategy = path if path in self.strategies.by_name else MAIN
        rejected = new_alerts.rejected(reason, digest(raw_body), strategy or MAIN, arrival)
        return await self._stored(self._reject(rejected, reason))

    def report_unreadable(self, reason: str, source_ip: str, *, more: int, gave_secret: bool) -> None:
        """Has the owner hear of a message without the right secret, and of so many `more` before it; returns at once."""
        now = self._clock.now()
        task = asyncio.create_task(
            self._notices.store(NewEvent(AlertUnreadable(reason, source_ip, more, gave_secret), now)),
            name="report unreadable",
        )
        self._reporting.add(task)
        task.add_done_callback(self._reporting.discard)

    async def own(
        self,
        instruction: Instruction,
        key: str,
        *,
        actor: str,
        strategy: str = MAIN,
    ) -> Accepted:
        """An alert of the bot itself, on behalf of `actor`: it buys for that strategy, or sells what that strategy holds.

        The same key again is a duplicate. Raises LedgerUnavailable.
        """
        wanted: dict[str, object] = {"action": instruction.side, "ticker": instruction.ticker}
        body_hash = payload_hash({**wanted, "key": key, "actor": actor}, strategy)
        now = self._clock.now()
        alert = new_alerts.the_bots_own(instruction, key, body_hash, strategy=strategy, now=now)
        accepted = await self._stored(self._accept(Incoming(alert, None, has_key=True, actor=actor)))
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
            f"The database did not answer within {self.store_within_s:g} s: whether the alert is stored is not known. Send it"
            " again: the same message is stored once."
        )

    def _done(self, task: asyncio.Task[Accepted]) -> None:
        self._storing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # Its caller is notified too, unless he has stopped waiting.
            logger.warning("an alert was not stored: {}", task.exception())

    async def _accept(self, new: Incoming) -> Accepted:
        accepted = await self._commits.store(new)
        if accepted.status is Outcome.QUEUED and new.alert.action is not None:
            self._remember(new.alert, accepted.alert_id)
            self._push(new.alert.action, accepted)
        return accepted

    def just_stored(self, alert_id: int) -> Alert | None:
        """An alert as it was stored a moment ago, once: who is to prepare its order need not read it first."""
        return self._just_stored.pop(alert_id, None)

    def _remember(self, alert: NewAlert, alert_id: int) -> None:
        known = {field.name: getattr(alert, field.name) for field in fields(alert)}
        self._just_stored[alert_id] = Alert(**known, id=alert_id)
        if len(self._just_stored) > JUST_STORED_MAX:
            del self._just_stored[next(iter(self._just_stored))]

    async def _reject(self, alert: NewAlert, reason: str, wanted: Instruction | None = None) -> Accepted:
        async with self._ledger.begin() as books:
            known = await books.recent_alert(alert.payload_hash, alert.received_at - SAME_MISTAKE_WINDOW)
            if known is not None and (known.status, known.reason) == (AlertStatus.REJECTED, reason):
                await books.count_duplicate(known.id)
                return Accepted(Outcome.REJECTED, known.id, reason)
            alert_id = await books.insert_alert(alert)
            if alert_id is None:  # the clock was set back to the very microsecond
                raise LedgerUnavailable("The alert could not be stored under a key of its own. Send it again.")
            ticker, side = (None, None) if wanted is None else (wanted.ticker, wanted.side)
            facts = AlertRejected(reason, alert.source_ip, ticker, side)
            await books.add_event(NewEvent(facts, alert.received_at, alert_id))
        return Accepted(Outcome.REJECTED, alert_id, reason)

    # --- tests ------------------------------------------------------------------------------------------------------

    async def _test(self, understood: Understood, strategy: Strategy, arrival: new_alerts.Arrival) -> Accepted:
        """Each is judged anew, however often it comes: who changes something and asks again wants the new answer."""
        report = await self.judged(understood.instruction, strategy)
        alert = new_alerts.test_of(understood, strategy.name, arrival)
        return await self._stored(self._store_test(alert, understood.instruction, report))

    async def _store_test(self, alert: NewAlert, instruction: Instruction, report: Report) -> Accepted:
        async with self._ledger.begin() as books:
            alert_id = await books.insert_alert(alert)
            if alert_id is None:
                known = await books.alert_by_key(alert.idempotency_key)
                if known is None:
                    raise LedgerUnavailable("The alert was stored by another request just now. Send it again.")
                await books.count_duplicate(known.id)
                return Accepted(Outcome.TESTED, known.id, ticker=known.ticker, report=report)
            await books.add_event(NewEvent(stored_facts(alert, instruction), alert.received_at, alert_id))
            tested = AlertTested(alert.ticker, alert.action, new_alerts.lines(report), self._rows.shown(alert))
            await books.add_event(NewEvent(tested, alert.received_at, alert_id))
        return Accepted(Outcome.TESTED, alert_id, ticker=alert.ticker, report=report)

    async def judged(self, instruction: Instruction, strategy: Strategy) -> Report:
        """What would become of it now, nothing stored: the full report, or what is known without asking anybody."""
        understood: dict[str, object] = {"strategy": strategy.name, "understood": stored(instruction)}
        try:
            _refuse_not_honoured(instruction, strategy)
        except PayloadError as error:
            understood["refused"] = str(error)
        if self._report is None:
            return understood
        try:
            async with asyncio.timeout(REPORT_S), self._reports:
                return await self._report(instruction, strategy)
        except (TimeoutError, TradebotError) as error:
            logger.warning("a test's report is not complete: {}", str(error) or f"it took longer than {REPORT_S:g} s")
            return {**understood, "not known": str(error) or f"The rest was not known within {REPORT_S:g} s."}

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


def _refuse_not_honoured(instruction: Instruction, strategy: Strategy) -> None:
    """Raises PayloadError."""
    if (reason := not_honoured(instruction, strategy)) is not None:
        raise PayloadError(reason)
