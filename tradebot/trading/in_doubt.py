"""Asks IB what became of orders, twice where it has to, and books the answer.

Rules: one question at a time, each with its own time-out; an empty answer is not proof of nothing, so absence counts only
when it is seen twice, some seconds apart. What was never seen at IB, on the same New York date, with IB's position as it was
at the intent, was not sent. Everything else that IB does not show is UNKNOWN, and never called failed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from tradebot.domain.brokerage import Execution, OrderReport, OrderState
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.orders import ENDED
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.trades import ORDER_REF_PREFIX, UNRESOLVED, Trade, TradeStatus
from tradebot.ports import Broker, Clock, Ledger, PositionReport
from tradebot.trading.booking import Booking
from tradebot.trading.broker_update import BrokerUpdate

T = TypeVar("T", OrderReport, Execution)
SECOND_LOOK_DELAY_S = 5.0


@dataclass(frozen=True, slots=True)
class Answers:
    """What IB shows of the bot's orders today. Orders and executions without our reference are left out."""

    working: Sequence[OrderReport]
    completed: Sequence[OrderReport]
    executions: Sequence[Execution]
    position_report: PositionReport

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

    def position(self, con_id: int) -> Decimal:
        holding = self.position_report.positions.get(con_id)
        return holding.qty if holding else Decimal(0)


@dataclass(frozen=True, slots=True)
class Checked:
    """What one round of questions has shown."""

    orphans: tuple[str, ...]  # orders with our prefix that the books do not know
    answers: Answers


class InDoubtOrders:
    """Asks IB about trades that are in doubt, and books what it answers."""

    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        booking: Booking,
        clock: Clock,
        *,
        second_look_delay_s: float = SECOND_LOOK_DELAY_S,
    ) -> None:
        self._ledger = ledger
        self._broker = broker
        self._booking = booking
        self._clock = clock
        self._second_look_delay_s = second_look_delay_s

    async def check(self) -> Checked:
        """Books all that IB shows, and concludes on every live or UNKNOWN trade. Raises BrokerUnavailable, LedgerUnavailable."""
        unresolved = await self._unresolved()
        answers = await self._ask(unresolved)
        alive, orphans = await self._adopt(answers)
        in_doubt = [
            trade for trade in await self._unresolved() if trade.order_ref not in alive and _older(trade, unresolved)
        ]
        if in_doubt:
            await self._clock.sleep(self._second_look_delay_s)
            answers = await self._ask(in_doubt)
            alive, orphans = await self._adopt(answers)
            for trade in await self._unresolved():
                if trade.order_ref not in alive and _older(trade, in_doubt):
                    await self._conclude(trade, answers)
        return Checked(orphans, answers)

    async def _unresolved(self) -> Sequence[Trade]:
        async with self._ledger.read() as books:
            return await books.trades(UNRESOLVED)

    async def _ask(self, trades: Iterable[Trade]) -> Answers:
        named = {trade.perm_id: trade.order_ref for trade in trades if trade.perm_id}
        return Answers(
            working=[_named(order, named) for order in await self._broker.open_orders()],
            completed=[_over(_named(order, named)) for order in await self._broker.completed_orders()],
            executions=[_named(execution, named) for execution in await self._broker.executions()],
            position_report=await self._broker.position_report(),
        )

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
        before, now_held = trade.ib_position_before, answers.position(trade.con_id)
        today = self._clock.now().astimezone(NEW_YORK).date()
        same_day = trade.created_at.astimezone(NEW_YORK).date() == today
        rejected = trade.error_message  # in IB's words; what IB rejects it often shows nowhere
        unseen = trade.perm_id is None or rejected is not None
        if unseen and trade.filled_qty == 0 and same_day and before == now_held:
            reason = rejected or Reason(ReasonCode.NEVER_SEEN)
            await self._booking.conclude(trade.id, TradeStatus.FAILED, reason, drawn_from=trade)
            return
        positions = {"now": now_held} if before is None else {"before": before, "now": now_held}
        absent = Reason(ReasonCode.NOT_SHOWN if same_day else ReasonCode.NOT_LISTED_ANY_MORE, positions)
        await self._booking.conclude(trade.id, TradeStatus.UNKNOWN, absent, drawn_from=trade)


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
