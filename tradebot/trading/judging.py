"""What judging an entry and judging an exit have in common: what was asked, the ways an alert can end, and the stored intent.

Rules: everything is written through the books of one transaction. A refusal is a code with facts, in the alert's row and in the
event. An order is stored with its checks, its inputs and the arithmetic of its size.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import Enum

from tradebot.domain.alerts import UNDECIDED, WAITING, Alert, AlertStatus, Side
from tradebot.domain.brokerage import Contract, Margin, NoQuote, Numbered, Order, Quote
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.alerts import (
    AlertAtTarget,
    AlertBlocked,
    AlertFailed,
    AlertPending,
    EntriesCancelled,
    RefusedFacts,
    TargetGap,
)
from tradebot.domain.facts.orders import OrderIntent
from tradebot.domain.hours import Hours
from tradebot.domain.instructions import Instruction
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.protection import Change
from tradebot.domain.reasons import Reason
from tradebot.domain.refusals import Refusal, RefusalCode
from tradebot.domain.risk import Check, RiskDecision
from tradebot.domain.sizing import Sized
from tradebot.domain.snapshot import Snapshot
from tradebot.domain.strategy_rules import StrategyTerms
from tradebot.domain.targets import gap
from tradebot.domain.terms import MARKET_DAY, Terms, columns
from tradebot.domain.trades import ORDER_REF_PREFIX, NewTrade, OrderRole, Trade
from tradebot.ports import Books, PositionReport
from tradebot.trading.decision_record import plain_json, stored_check
from tradebot.trading.entries_at_work import unfilled
from tradebot.trading.order_events import sized_by_delayed_quote
from tradebot.trading.snapshot import BrokerView, Judged, take_snapshot


@dataclass(frozen=True, slots=True)
class PreTradeData:
    """What was asked of the broker for this alert before its turn came."""

    contract: Contract | None = None
    quote: Quote | None = None
    no_quote: NoQuote = field(default_factory=NoQuote)  # why there is none
    position_report: PositionReport | None = None
    no_contract: str | None = None  # IB knows no such stock: final
    unavailable: str | None = None  # IB did not answer: ask again
    margin: Margin | None = None  # what the order would take; asked once nothing else refuses it
    con_ids: frozenset[int] = frozenset()  # that the order would be of, as far as is known


@dataclass(frozen=True, slots=True)
class Policy:
    """What the owner decided: fixed in the file, and limits as they are in force for this decision."""

    fixed_limits: FixedLimits
    limits: Limits
    hours: Hours
    fractional: bool
    terms: StrategyTerms = field(default_factory=StrategyTerms)  # of the alert's strategy


@dataclass(frozen=True, slots=True)
class Intent:
    """A stored order that may leave, with what is to protect it: all of it in one piece, or none."""

    trade: Trade
    order_id: int
    order: Order
    protection: tuple["Intent", ...] = ()

    @property
    def group(self) -> tuple[Numbered, ...]:
        """As it goes to the gateway: the parent first."""
        return tuple(Numbered(one.order, one.order_id) for one in (self, *self.protection))

    @property
    def trades(self) -> tuple[Trade, ...]:
        return tuple(one.trade for one in (self, *self.protection))


class Wait(Enum):
    """Not decided: the alert stays RECEIVED."""

    TICKER = "ticker"  # until the ticker's order has ended
    ENTRY = "entry"  # until the entry that this one replaces has ended
    BROKER = "broker"  # until IB has answered
    OWNER = "owner"  # until the owner has answered whether it was a split
    LIMIT = "limit"  # until IB takes messages again


@dataclass(frozen=True, slots=True)
class Lift:
    """Not decided: these orders protect shares that an exit is to sell, and must be over, or smaller, before it."""

    orders: tuple[Trade, ...]
    cuts: tuple[Change, ...] = ()
    name: str = ""  # what IB calls the contract


@dataclass(frozen=True, slots=True)
class AskMargin:
    """Not decided: IB is to be asked first what this order would take."""

    order: Order


Decided = Intent | Lift | Wait | AskMargin | None
"""None: the alert has reached another state, or had left RECEIVED already."""


_ENDINGS: Mapping[AlertStatus, tuple[Collection[AlertStatus], type[RefusedFacts]]] = {
    AlertStatus.PENDING: (UNDECIDED, AlertPending),
    AlertStatus.BLOCKED: (WAITING, AlertBlocked),
    AlertStatus.FAILED: (UNDECIDED, AlertFailed),
}


_TOLD_APART: Mapping[RefusalCode, type[RefusedFacts]] = {
    RefusalCode.AT_TARGET: AlertAtTarget,
    RefusalCode.ENTRIES_CANCELLED: EntriesCancelled,
}
"""Nothing was wrong: there was no order to be made."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Writes that no order is made of an alert, or not yet: its row, and the event with code and facts."""

    now: datetime

    async def write(
        self,
        books: Books,
        alert: Alert,
        to: AlertStatus,
        refusal: Refusal,
        checks: Sequence[Check] = (),
        *,
        told: bool = True,
    ) -> None:
        """Nothing where the alert has left its state meanwhile: the owner cleared it. Raises LedgerUnavailable."""
        sources, facts_of = _ENDINGS[to]
        if not await books.move_alert(alert.id, sources, to, Reason(refusal.code, refusal.facts)):
            return
        facts_of = _TOLD_APART.get(refusal.code, facts_of)
        facts = facts_of(alert.ticker, alert.action, refusal.code, refusal.facts)
        if isinstance(facts, AlertBlocked):
            passed = tuple(check.name for check in checks if check.refusal is None and check.strategy is None)
            facts = replace(facts, passed=passed)
        await books.add_event(NewEvent(facts, self.now, alert.id, told=told))


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What makes each new order one of its own."""

    order_id: Callable[[int], int]  # the next one, this one or higher
    token: Callable[[], str]  # for its reference


@dataclass(frozen=True, slots=True)
class Protection:
    """An order that is to sell what an entry buys."""

    role: OrderRole  # STOP or TARGET
    terms: Terms


@dataclass(frozen=True, slots=True)
class Judging:
    """One alert whose turn has come, and all that it is judged by."""

    books: Books
    alert: Alert
    instruction: Instruction | None  # None: the bot's own alert, or one stored before there were instructions
    ticker: str  # as the books have it
    pre_trade: PreTradeData
    policy: Policy
    view: BrokerView
    new_order: NewOrder
    n: int  # of this alert's orders, the one to come
    left: Decimal | None  # of an exit that is armed again: shares it may sell at most
    resting: Sequence[Trade] = ()  # entries of its strategy and ticker that wait for their price

    @property
    def ending(self) -> Ending:
        return Ending(self.view.now)

    async def snapshot(self) -> Snapshot:
        day_start = self.policy.hours.day_start(self.view.now)
        contract, quote = self.pre_trade.contract, self.pre_trade.quote
        quoted = {contract.con_id: (quote.bid or quote.last) if quote else None} if contract else None
        judged = Judged(self.alert, self.instruction, self.policy.terms, self.policy.fixed_limits.max_alert_age_s)
        without = unfilled(self.resting)  # a BUY is refused for them, or replaces them
        return await take_snapshot(
            self.books, self.ticker, self.view, day_start, quoted, judged=judged, without=without
        )

    async def block(self, refusal: Refusal, risk_decision: RiskDecision) -> None:
        await self.ending.write(self.books, self.alert, AlertStatus.BLOCKED, refusal, risk_decision.checks)

    async def tell_of_a_gap(self, held: Decimal) -> None:
        """Where the sender's position before its alert is not the one in the books: once a gap."""
        target = self.instruction.target if self.instruction is not None else None
        found = gap(target, held)
        if found is None:
            return
        books, strategy, now = self.books, self.alert.strategy, self.view.now
        newest = await books.newest_trade_id(strategy, self.ticker)
        key = f"gap:{strategy}:{self.ticker}:{newest}:{found.believed}:{found.held}"
        if await books.claim(key, "target gap", "bot", now):
            facts = TargetGap(self.ticker, strategy, found.believed, found.held)
            await books.add_event(NewEvent(facts, now, self.alert.id))

    async def intend(
        self,
        contract: Contract,
        quote: Quote | None,
        qty: Decimal,
        reserved: Decimal,
        risk_decision: RiskDecision,
        inputs: Mapping[str, object],
        sized: Sized | None,
        terms: Terms = MARKET_DAY,
        protection: Sequence[Protection] = (),
    ) -> Intent | None:
        """Stores the order, with what protects it; None where the owner has cleared the alert meanwhile."""
        alert, now = self.alert, self.view.now
        side = alert.action
        assert side is not None, "only understood alerts are judged"
        if not await self.books.move_alert(alert.id, (AlertStatus.RECEIVED,), AlertStatus.PROCESSING, None):
            return None  # the owner cleared it meanwhile
        asked = self.pre_trade.position_report
        positions = asked.positions if asked is not None else self.view.positions
        holding = None if positions is None else positions.get(contract.con_id)
        before = None if positions is None else (holding.qty if holding else Decimal(0))
        checks = [stored_check(one) for one in risk_decision.checks]
        new = NewTrade(
            alert_id=alert.id,
            ticker=self.ticker,
            con_id=contract.con_id,
            side=side,
            requested_qty=qty,
            order_ref=f"{ORDER_REF_PREFIX}{alert.id}-{self.new_order.token()}",
            ib_position_before=before,
            reserved=reserved,
            quote=None if quote is None else plain_json(asdict(quote)),
            decision=plain_json(
                {
                    "reserved": reserved,
                    "avg_cost_before": None if holding is None else holding.avg_cost,
                    "checks": checks,
                    "sizing": None if sized is None else dict(sized.facts),
                    "inputs": dict(inputs),
                }
            ),
            created_at=now,
            strategy=alert.strategy,
            n=self.n,
            **columns(terms),
        )
        if protection:
            new = replace(new, group_id=f"{new.order_ref}-g")
        entry = await self._store(new, contract)
        trade = entry.trade
        arithmetic = {} if sized is None else sized.facts
        intent = OrderIntent.of(trade, delayed=sized_by_delayed_quote(trade), sizing=arithmetic)
        await self.books.add_event(NewEvent(intent, now, alert.id, trade.id))
        children = [await self._store(self._protects(entry, new, one), contract, entry) for one in protection]
        return replace(entry, protection=tuple(children))

    def _protects(self, entry: Intent, new: NewTrade, protection: Protection) -> NewTrade:
        """A stop or target of an entry that is being stored."""
        return replace(
            new,
            order_ref=f"{ORDER_REF_PREFIX}{self.alert.id}-{self.new_order.token()}",
            side=Side.SELL,
            role=protection.role,
            reserved=Decimal(0),
            parent_trade_id=entry.trade.id,
            quote=None,
            decision={"protects": entry.order.order_ref},
            **columns(protection.terms),
        )

    async def _store(self, new: NewTrade, contract: Contract, parent: Intent | None = None) -> Intent:
        order_id = self.new_order.order_id(await self.books.last_order_id() + 1)
        trade = Trade.of(new, id=await self.books.insert_trade(new, order_id), ib_order_id=order_id)
        tied = {} if parent is None else {"parent_id": parent.order_id, "oca_group": new.group_id or ""}
        order = Order(new.order_ref, contract, new.side, new.requested_qty, trade.terms, **tied)  # type: ignore[arg-type]
        return Intent(trade, order_id, order)
