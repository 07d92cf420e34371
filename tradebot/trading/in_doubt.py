"""Asks IB what became of orders, twice where it has to, and books the answer.

Rules:
- Each question has its own time-out. Open orders and positions must be answered. Executions and completed orders may be silent:
  then what IB shows is booked all the same, and what it does not show is left as it is, and UNKNOWN when the silence lasts.
- An empty answer is not proof of nothing, so absence counts only when it is seen twice, some seconds apart; and executions that
  are empty though the books have fills of today are no answer at all.
- What was certainly not sent (`not_sent.py`) has failed. Everything else that IB does not show is UNKNOWN, never called failed.
- What waits for its price and IB lists at work is known: it freezes nothing. What protects an entry that is itself in doubt, and
  is not listed, is concluded on with that entry. So is what IB never showed of an entry's group while nothing of the entry has
  filled: the rest of such a group is cancelled (`domain/protection.py`), and IB works no child of an entry that ended unfilled.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from tradebot.domain.brokerage import Execution, OrderReport, OrderState
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.orders import ENDED
from tradebot.domain.questions import PAST, Question
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.trades import ORDER_REF_PREFIX, UNRESOLVED, Trade, TradeStatus
from tradebot.errors import BrokerSilent
from tradebot.ports import Books, Broker, Clock, Ledger, PositionReport
from tradebot.trading.booking import Booking
from tradebot.trading.broker_update import OWNERS_WORD, BrokerUpdate
from tradebot.trading.not_sent import Evidence, doubt
from tradebot.trading.questions import Questions
from tradebot.trading.snapshot import position_before

T = TypeVar("T", OrderReport, Execution)
SECOND_LOOK_DELAY_S = 5.0
_SEEN_LATELY = timedelta(days=2)
"""Orders that IB's count of orders is compared with."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What IB shows of the bot's orders today. Orders and executions without our reference are left out."""

    working: Sequence[OrderReport]
    completed: Sequence[OrderReport]
    executions: Sequence[Execution]
    position_report: PositionReport
    silent: Sequence[Question] = ()  # what was not answered, or with nothing though the books know better
    unlisted: bool = False  # the executions lack one that the books have of today

    @property
    def refs(self) -> list[str]:
        """Every order of ours that IB shows, in the order of first appearance."""
        shown: list[OrderReport | Execution] = [*self.working, *self.completed, *self.executions]
        return list(dict.fromkeys(one.order_ref for one in shown if one.order_ref.startswith(ORDER_REF_PREFIX)))

    def about(self, order_ref: str) -> BrokerUpdate:
        """A working order counts before a completed one: it is the newer word."""
        orders = [order for order in (*self.working, *self.completed) if order.order_ref == order_ref]
        fills = [execution for execution in self.executions if execution.order_ref == order_ref]
        return BrokerUpdate(executions=fills, seen=orders[0] if orders else None)


@dataclass(frozen=True, slots=True)
class Checked:
    """What one round of questions has shown."""

    orphans: tuple[str, ...]  # orders with our prefix that the books do not know
    answers: Answers

    @property
    def whole(self) -> bool:
        """Whether IB has answered every question."""
        return not self.answers.silent


class InDoubtOrders:
    """Asks IB about trades that are in doubt, and books what it answers."""

    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        booking: Booking,
        questions: Questions,
        clock: Clock,
        *,
        second_look_delay_s: float = SECOND_LOOK_DELAY_S,
    ) -> None:
        self._ledger = ledger
        self._broker = broker
        self._booking = booking
        self._questions = questions
        self._clock = clock
        self._second_look_delay_s = second_look_delay_s

    async def check(self) -> Checked:
        """Books all that IB shows, and concludes on every live or UNKNOWN trade as far as IB answers.

        Raises BrokerUnavailable, LedgerUnavailable.
        """
        unresolved = await self._unresolved()
        answers = await self._ask(unresolved)
        alive, orphans = await self._adopt(answers)
        in_doubt = [
            trade for trade in await self._unresolved() if trade.order_ref not in alive and _older(trade, unresolved)
        ]
        if in_doubt and self._may_conclude(answers):
            await self._clock.sleep(self._second_look_delay_s)
            answers = await self._ask(in_doubt)
            alive, orphans = await self._adopt(answers)
            for trade in await self._unresolved() if self._may_conclude(answers) else ():
                if trade.order_ref not in alive and _older(trade, in_doubt):
                    await self._conclude(trade, answers)
        return Checked(orphans, answers)

    def _may_conclude(self, answers: Answers) -> bool:
        """A question that has only just become silent may be answered soon."""
        return not answers.silent or any(one.question in PAST for one in self._questions.lasting)

    async def _unresolved(self) -> Sequence[Trade]:
        async with self._ledger.read() as books:
            return await books.trades(UNRESOLVED)

    async def _ask(self, trades: Iterable[Trade]) -> Answers:
        named = {trade.perm_id: trade.order_ref for trade in trades if trade.perm_id}
        ask = self._questions.ask
        async with self._ledger.read() as books:
            known = {one.root for one in await _fills_of_today(books, self._clock.now())}
        working = await ask(self._broker.open_orders, Question.OPEN_ORDERS)
        completed, executions = await asyncio.gather(
            self._unless_silent(self._broker.completed_orders, Question.COMPLETED_ORDERS),
            self._unless_silent(self._broker.executions, Question.EXECUTIONS, some=bool(known)),
        )
        report = await ask(self._broker.position_report, Question.OPEN_ORDERS, Question.POSITIONS)
        answered = {Question.COMPLETED_ORDERS: completed, Question.EXECUTIONS: executions}
        return Answers(
            working=[_named(order, named) for order in working],
            completed=[_over(_named(order, named)) for order in completed or ()],
            executions=[_named(execution, named) for execution in executions or ()],
            position_report=report,
            silent=[question for question, answer in answered.items() if answer is None],
            unlisted=not known <= {one.root for one in executions or ()},
        )

    async def _unless_silent(
        self, ask: Callable[[], Awaitable[Sequence[T]]], question: Question, *, some: bool = False
    ) -> Sequence[T] | None:
        try:
            return await self._questions.ask(ask, question, some=some)
        except BrokerSilent:
            return None

    async def _adopt(self, answers: Answers) -> tuple[set[str], tuple[str, ...]]:
        """Books each order that IB shows. Returns those that are resolved or at work, and those the books do not know."""
        alive: set[str] = set()
        orphans: list[str] = []
        for order_ref in answers.refs:
            update = answers.about(order_ref)
            after = await self._booking.book(order_ref, update)
            if after is None:
                orphans.append(order_ref)
            elif after.status in ENDED or (update.seen is not None and _is_working(update.seen)):
                alive.add(order_ref)
        return alive, tuple(orphans)

    async def _conclude(self, trade: Trade, answers: Answers) -> None:
        entry = await self._left_with(trade)
        if entry is not None and _follows(trade, entry):
            return
        with_its_entry = entry is not None and _ended_with(trade, entry)
        reason = None if with_its_entry else doubt(trade, await self._evidence(trade, answers))
        if reason is None:
            not_sent = trade.error_message or Reason(ReasonCode.NEVER_SEEN)
            await self._booking.conclude(trade.id, TradeStatus.FAILED, not_sent, drawn_from=trade)
            return
        await self._booking.conclude(trade.id, TradeStatus.UNKNOWN, reason, drawn_from=trade)

    async def _left_with(self, trade: Trade) -> Trade | None:
        """Its entry, where the two were written in one piece."""
        if trade.parent_trade_id is None:
            return None
        async with self._ledger.read() as books:
            entry = await books.trade(trade.parent_trade_id)
        return entry if entry is not None and entry.left_with(trade) else None

    async def _evidence(self, trade: Trade, answers: Answers) -> Evidence:
        now, connection = self._clock.now(), self._broker.connection
        holding = answers.position_report.positions.get(trade.con_id)
        async with self._ledger.read() as books:
            decision = await books.decision(trade.id) or {}
            lately = await books.trades(since=trade.created_at - _SEEN_LATELY)
            unresolved = await books.trades(UNRESOLVED)
            fills = await _fills_of_today(books, now)
            whole = trade.ib_position_before == await position_before(books, trade)
        renewed = connection.since is not None and connection.since > trade.created_at
        return Evidence(
            now=now,
            silent=answers.silent,
            held=holding.qty if holding else Decimal(0),
            avg_cost=holding.avg_cost if holding else None,
            avg_cost_before=_amount(decision.get("avg_cost_before")),
            trades=[*lately, *unresolved],
            fills=fills,
            unlisted=answers.unlisted,
            at_work={one.order_ref: one.filled for one in answers.working if _is_working(one)},
            next_order_id=connection.next_order_id if renewed else None,
            whole=whole,
        )


def _follows(trade: Trade, entry: Trade) -> bool:
    """Whether what becomes of the entry decides about it, too."""
    in_doubt = entry.status in (TradeStatus.SUBMITTING, TradeStatus.UNKNOWN)
    return in_doubt or (_was_never_shown(trade) and entry.status in UNRESOLVED and not entry.filled_qty)


def _ended_with(trade: Trade, entry: Trade) -> bool:
    """IBKR: children are cancelled with a parent that ends unfilled, and none is taken without its parent (10006)."""
    return _was_never_shown(trade) and entry.status is TradeStatus.CANCELLED and not entry.filled_qty


def _was_never_shown(trade: Trade) -> bool:
    return trade.perm_id is None and not trade.filled_qty


async def _fills_of_today(books: Books, now: datetime) -> Sequence[Execution]:
    """What IB's executions must contain, if they are whole: those since New York's midnight that IB itself has shown."""
    midnight = datetime.combine(now.astimezone(NEW_YORK).date(), time(), NEW_YORK)
    booked = await books.executions_since(midnight)
    return [one for one in booked if one.shares and not one.exec_id.startswith(OWNERS_WORD)]


def _amount(stored: object) -> Decimal | None:
    try:
        return None if stored is None else Decimal(str(stored))
    except InvalidOperation:
        return None


def _named(shown: T, refs_by_perm_id: dict[int, str]) -> T:
    """What came without its reference is known by its permId."""
    if shown.order_ref or shown.perm_id not in refs_by_perm_id:
        return shown
    return replace(shown, order_ref=refs_by_perm_id[shown.perm_id])


def _over(order: OrderReport) -> OrderReport:
    """A completed order is at its end: "Inactive" there is a rejection, never an order that is held."""
    return replace(order, state=OrderState.CANCELLED) if order.state is OrderState.INACTIVE else order


def _is_working(order: OrderReport) -> bool:
    """Held or rejected orders that IB still lists count as alive: the timer cancels them."""
    return order.order_id != 0 and order.state in (OrderState.WORKING, OrderState.INACTIVE)


def _older(trade: Trade, known: Sequence[Trade]) -> bool:
    """Decided before the question was asked: a younger order cannot be missed in its answer."""
    return any(trade.id == one.id for one in known)
