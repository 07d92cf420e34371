"""Compares the books with IB, and holds the gate until they agree.

Rules:
- Start, reconnect and 1101/1102 close the gate; it opens when every live or UNKNOWN trade was looked for at IB (see in_doubt).
- Without executions or completed orders it opens all the same, for exits where books and IB agree; what is in doubt keeps its own
  ticker waiting. Silent questions are asked again every few seconds; once all are answered, everything is compared.
- A database never trades on another account than its own.
- An order with our prefix that the books do not know means that another database has traded here: nothing leaves until the
  owner resumes.
- Too many UNKNOWN orders pause trading, once for the same orders.
- One question at a time: orders in doubt are asked about while others trade on, but never during a reconciliation.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from loguru import logger

from tradebot.domain.brokerage import (
    BrokerEvent,
    Connected,
    Disconnected,
    ErrorKind,
    OrderError,
    OrdersTaken,
    Refused,
    UpstreamBack,
    UpstreamLost,
)
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.account import GateOpened, OrphanOrder, TradingRefused
from tradebot.domain.gate import GateCode, GateReason
from tradebot.domain.hours import Hours
from tradebot.domain.settings import ACCOUNT_KEY, ORPHANS_KEY, TradingState, accepted_orphans
from tradebot.domain.trades import Trade, TradeStatus
from tradebot.errors import BrokerUnavailable, LedgerUnavailable
from tradebot.ports import ASKS_IB_S, IDLE_S, Beat, Broker, Clock, Ledger, Pulse
from tradebot.trading.every import every, happens
from tradebot.trading.gate import Gate
from tradebot.trading.in_doubt import Checked, InDoubtOrders
from tradebot.trading.notices import Notices
from tradebot.trading.positions import tell_differences
from tradebot.trading.questions import Questions
from tradebot.trading.switch import TradingSwitch

RETRY_S = 3.0
SILENT_RETRY_S = 5.0
"""Beside the time-out of the question itself."""
UNKNOWN_MAX = 2


class Reconciler:
    """Holds the gate closed from each break of the connection until books and IB agree."""

    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        in_doubt_orders: InDoubtOrders,
        notices: Notices,
        *,
        questions: Questions,
        gate: Gate,
        switch: TradingSwitch,
        hours: Hours,
        clock: Clock,
        pulse: Pulse,
        wanted: asyncio.Event,
        repair_protection: Callable[[], Awaitable[None]],
        reconciled: Callable[[int], None],
    ) -> None:
        """`wanted`: set when a reconciliation is wanted. `repair_protection` compares what protects held shares, before
        anything trades. `reconciled` hears of one that has opened the gate, with the generation of the connection."""
        self._ledger = ledger
        self._broker = broker
        self._in_doubt_orders = in_doubt_orders
        self._notices = notices
        self._questions = questions
        self._gate = gate
        self._switch = switch
        self._hours = hours
        self._clock = clock
        self._pulse = pulse
        self._wanted = wanted
        self._repair_protection = repair_protection
        self._reconciled = reconciled
        self._in_doubt = asyncio.Event()
        self._asking = asyncio.Lock()
        self._breaks = 0  # counts what closed the gate: a comparison that one fell into does not open it
        self._streamed_orphans: set[str] = set()  # seen in the stream; the questions that are out may not show them yet
        self._known_unknown: frozenset[int] = frozenset()  # ids of UNKNOWN trades that were counted before
        gate.close("recovery", GateReason(GateCode.NOT_CONNECTED_YET))

    # --- what booking and the order monitor report: note and return -------------------------------------------------

    def connection_changed(self, event: BrokerEvent) -> None:
        self._breaks += 1
        match event:
            case Connected() | UpstreamBack() | OrdersTaken():
                self._gate.close("recovery", GateReason(GateCode.COMPARING))
                self._gate.open("read-only")
                self._wanted.set()
            case Disconnected(reason=reason):
                self._gate.close("recovery", GateReason(GateCode.DISCONNECTED, {"reason": reason}))
            case UpstreamLost(text=text):
                self._gate.close("recovery", GateReason(GateCode.UPSTREAM_LOST, {"text": text}))
            case Refused(reason=reason):
                self._gate.close("recovery", GateReason(GateCode.REFUSED, {"reason": reason}))

    def order_in_doubt(self, error: OrderError | None) -> None:
        if error is not None and error.kind is ErrorKind.READ_ONLY:
            self._gate.close("read-only", GateReason(GateCode.READ_ONLY))

    def orphan_seen(self, order_ref: str) -> None:
        self._streamed_orphans.add(order_ref)
        self._gate.close("orphans", GateReason(GateCode.UNKNOWN_ORDER, {"order_ref": order_ref}))
        self._wanted.set()

    def ask_about_in_doubt(self) -> None:
        """Has IB asked about all trades in doubt, beside trading."""
        self._in_doubt.set()

    # --- the loop ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._reconcile_when_wanted(), name="reconciliation")
            group.create_task(self._check_when_in_doubt(), name="orders in doubt")
            group.create_task(self._ask_again_while_silent(), name="silent questions")

    async def _reconcile_when_wanted(self) -> None:
        """Reconciles whenever it is wanted, until it has passed."""
        beat = self._pulse.of("reconciliation", ASKS_IB_S)
        while True:
            await self._until_wanted(beat)
            self._wanted.clear()
            while self._broker.connection.up and self._broker.connection.upstream:
                beat()
                try:
                    async with self._asking:
                        await self._reconcile()
                    break
                except (BrokerUnavailable, LedgerUnavailable) as error:
                    logger.warning("reconciliation did not pass, again in {:.0f} s: {}", RETRY_S, error)
                    await self._clock.sleep(RETRY_S)

    async def _check_when_in_doubt(self) -> None:
        """Asks about orders in doubt while others trade on; the order monitor says when."""
        beat = self._pulse.of("orders in doubt", ASKS_IB_S)
        while True:
            beat()
            if not await happens(self._in_doubt, IDLE_S):
                continue
            self._in_doubt.clear()
            try:
                async with self._asking:
                    await self._act_on(await self._in_doubt_orders.check())
            except (BrokerUnavailable, LedgerUnavailable) as error:
                logger.warning("orders in doubt not resolved, again in {:.0f} s: {}", RETRY_S, error)
                await self._clock.sleep(RETRY_S)
                if self._broker.connection.up:  # a new connection compares everything anyway
                    self._in_doubt.set()

    async def _ask_again_while_silent(self) -> None:
        what = "silent questions"
        beat = self._pulse.of(what, ASKS_IB_S)
        await every(SILENT_RETRY_S, self._ask_the_silent, what=what, clock=self._clock, beat=beat)

    async def _ask_the_silent(self) -> None:
        """Compares everything once more as soon as all is answered. Raises BrokerUnavailable, LedgerUnavailable."""
        link = self._broker.connection
        if not (self._questions.silent and link.up and link.upstream and self._gate.compared == link.link_session):
            return  # without a comparison on this link one is wanted, and asks by itself
        async with self._asking:
            checked = await self._in_doubt_orders.check()
            await self._act_on(checked)
        if checked.whole:
            self._wanted.set()

    async def _until_wanted(self, beat: Beat) -> None:
        """Until somebody wants it, or the owner has accepted the orders of another database."""
        beat()
        while not await happens(self._wanted, 1):
            beat()
            if await self._orphans_accepted():
                return

    async def _orphans_accepted(self) -> bool:
        if "orphans" not in self._gate.holders:
            return False
        try:
            async with self._ledger.read() as books:
                waiting: list[str] = json.loads((await books.settings()).get(ORPHANS_KEY, "[]"))
        except LedgerUnavailable as error:
            logger.warning("not known whether the orders of another database are accepted: {}", error)
            return False
        return not waiting

    # --- reconciliation ---------------------------------------------------------------------------------------------

    async def _reconcile(self) -> None:
        connection, breaks = self._broker.connection, self._breaks
        if not connection.tradable:
            why = connection.why_not
            refused = GateReason(GateCode.REFUSED, {"reason": why}) if why else GateReason(GateCode.ACCOUNT_NOT_TRADED)
            self._gate.close("recovery", refused)
            return
        if self._hours.always and not connection.paper:
            await self._refuse(GateReason(GateCode.HOURS_ALWAYS))
            return
        assert connection.account is not None, "a connection that is up knows its account"
        if not await self._is_own_account(connection.account):
            return
        checked = await self._in_doubt_orders.check()
        await self._act_on(checked)
        await self._repair_protection()
        async with self._ledger.begin() as books:
            if checked.whole:
                await tell_differences(books, checked.answers.position_report.positions, self._clock.now())
            await books.add_event(NewEvent(GateOpened(), self._clock.now()))
        if self._breaks == breaks and self._broker.connection.link_session == connection.link_session:
            self._gate.compared = connection.link_session
            self._gate.open("recovery")
            self._reconciled(connection.generation)
            why_not = "; ".join(map(str, self._gate.reasons))
            free = "orders may leave" if checked.whole else "exits may leave"
            logger.info("reconciled with the broker: {}", f"orders wait: {why_not}" if why_not else free)

    async def _is_own_account(self, account: str) -> bool:
        async with self._ledger.begin() as books:
            own = (await books.settings()).get(ACCOUNT_KEY)
            if own is None:
                await books.put_setting(ACCOUNT_KEY, account, "bot", self._clock.now())
        if own is None or own == account:
            return True
        await self._refuse(GateReason(GateCode.OTHER_ACCOUNT, {"own": own, "account": account}))
        return False

    async def _refuse(self, reason: GateReason) -> None:
        self._gate.close("recovery", reason)
        refused = TradingRefused(reason.code, reason.facts)
        await self._notices.store(NewEvent(refused, self._clock.now()))

    # --- what the answers mean beyond single orders -----------------------------------------------------------------

    async def _act_on(self, checked: Checked) -> None:
        async with self._ledger.read() as books:
            unknown = await books.trades((TradeStatus.UNKNOWN,))
            settings = await books.settings()
        await self._pause_for(unknown)
        shown = set(checked.orphans)
        if not checked.whole:  # what was shown before is not gone because IB is silent
            shown |= set(json.loads(settings.get(ORPHANS_KEY, "[]")))
        await self._hold_for_orphans(shown, settings)

    async def _pause_for(self, unknown: Sequence[Trade]) -> None:
        ids = frozenset(trade.id for trade in unknown)
        apart = {trade.group_id or trade.order_ref for trade in unknown}  # an entry and what protects it are one doubt
        if len(apart) >= UNKNOWN_MAX and ids - self._known_unknown and self._switch.state is TradingState.RUNNING:
            await self._switch.pause(f"the bot ({len(unknown)} orders are UNKNOWN)")
        self._known_unknown = ids  # who resumes all the same is not paused again for the same orders

    async def _hold_for_orphans(self, shown: Collection[str], settings: Mapping[str, str]) -> None:
        orphans = sorted((self._streamed_orphans | set(shown)) - accepted_orphans(settings))
        if not orphans:
            self._gate.open("orphans")
            return
        self._gate.close("orphans", GateReason(GateCode.ORPHANS, {"order_refs": ", ".join(orphans)}))
        if json.loads(settings.get(ORPHANS_KEY, "[]")) != orphans:
            async with self._ledger.begin() as books:
                await books.put_setting(ORPHANS_KEY, json.dumps(orphans), "bot", self._clock.now())
                await books.add_event(NewEvent(OrphanOrder(tuple(orphans)), self._clock.now()))
