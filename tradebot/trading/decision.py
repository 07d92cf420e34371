"""Judges one alert on one snapshot and stores the outcome in the same transaction.

Rules:
- The alert's status is compared and set: an id that comes twice, or late, decides nothing.
- One order in flight per ticker: the alert of a busy ticker stays RECEIVED. An UNKNOWN order keeps its ticker's SELLs waiting.
- An exit that is armed again sells what its first order left, of lots older than its alert.
- A SELL is the bot's open lots, at most what IB holds less every SELL already working there, the owner's included.
- Lots are looked up by contract: where the books hold it under another ticker (IB renamed it), the order goes under that one.
- A SELL of shares that a split seems to have changed waits for the owner's answer: it would sell too few, at a false P&L.
- A judged SELL ends every older waiting BUY of its ticker, by whichever name: an exit must never be followed by its own entry.
- What cannot be known now waits; it is neither refused nor guessed, except that a BUY grows too old.
- A refusal is a code with facts, in the alert's row and in the event.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import Enum

from tradebot.domain.alerts import UNDECIDED, WAITING, Alert, AlertStatus, Side
from tradebot.domain.brokerage import Contract, NoQuote, Order, Quote
from tradebot.domain.corporate_actions import Split
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.account import ExitLeft, SplitSeen
from tradebot.domain.facts.alerts import AlertBlocked, AlertFailed, AlertPending, RefusedFacts
from tradebot.domain.facts.orders import OrderIntent
from tradebot.domain.hours import Hours
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.positions import owners_last_known
from tradebot.domain.reasons import Reason
from tradebot.domain.refusals import Fact, Refusal, RefusalCode
from tradebot.domain.risk import Buy, Check, RiskDecision, Sell, Snapshot, judge, whole_shares
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import LIVE, ORDER_REF_PREFIX, POSITION_LAG, UNRESOLVED, NewTrade, Trade, recently_filled
from tradebot.domain.working_sells import WorkingSells, working_sells
from tradebot.ports import Books, PositionReport
from tradebot.trading.corporate_actions import booked_ticker, unanswered_splits
from tradebot.trading.decision_record import log_checks, plain_json, stored_check
from tradebot.trading.exit_rest import left_of, older_lots
from tradebot.trading.order_events import exit_incomplete, sized_by_delayed_quote
from tradebot.trading.snapshot import BrokerView, take_snapshot


@dataclass(frozen=True, slots=True)
class PreTradeData:
    """What was asked of the broker for this alert before its turn came."""

    contract: Contract | None = None
    quote: Quote | None = None
    no_quote: NoQuote = field(default_factory=NoQuote)  # why there is none
    position_report: PositionReport | None = None
    no_contract: str | None = None  # IB knows no such stock: final
    unavailable: str | None = None  # IB did not answer: ask again


@dataclass(frozen=True, slots=True)
class Policy:
    """What the owner decided: fixed in the file, and limits as they are in force for this decision."""

    fixed_limits: FixedLimits
    limits: Limits
    hours: Hours
    fractional: bool


@dataclass(frozen=True, slots=True)
class Intent:
    """A stored order that may leave."""

    trade: Trade
    order_id: int
    order: Order


class Wait(Enum):
    """Not decided: the alert stays RECEIVED."""

    TICKER = "ticker"  # until the ticker's order has ended
    BROKER = "broker"  # until IB has answered
    OWNER = "owner"  # until the owner has answered whether it was a split
    LIMIT = "limit"  # until IB takes messages again


Decided = Intent | Wait | None
"""None: the alert has reached another state, or had left RECEIVED already."""


async def decide(
    books: Books,
    alert_id: int,
    pre_trade: PreTradeData,
    policy: Policy,
    view: BrokerView,
    *,
    order_id: int,
    token: str,
) -> Decided:
    """One alert's outcome, written through `books`. `token` makes its order's reference unique. Raises LedgerUnavailable."""
    alert = await books.alert(alert_id)
    if alert is None or alert.status is not AlertStatus.RECEIVED or alert.ticker is None or alert.action is None:
        return None
    killed = view.state is TradingState.KILLED
    if not killed and not policy.hours.is_open(view.now):
        opens = policy.hours.calendar.next_open(view.now)
        closed = Refusal(RefusalCode.MARKET_CLOSED, {"opens_at": opens.isoformat()})
        await _Ending(view.now).write(books, alert, AlertStatus.PENDING, closed)
        return None
    earlier = await books.trades_of_alert(alert.id)
    if any(one.status in UNRESOLVED for one in earlier):
        return Wait.TICKER  # whatever this alert's status says: nothing has two orders alive
    contract = pre_trade.contract
    ticker = (await booked_ticker(books, contract.con_id) if contract else None) or alert.ticker
    if not killed and await _busy(books, alert, {ticker, alert.ticker}):
        return Wait.TICKER
    one = _Judging(
        books,
        alert,
        ticker,
        pre_trade,
        policy,
        view,
        order_id,
        token,
        _Ending(view.now),
        1 + max((one.n for one in earlier), default=0),
        await left_of(books, earlier),
    )
    return await (one.buy() if alert.action is Side.BUY else one.sell())


async def _busy(books: Books, alert: Alert, tickers: Collection[str]) -> bool:
    """An UNKNOWN order makes a SELL wait; a BUY is judged, and refused for it. A BUY lets every waiting SELL go first."""
    statuses = UNRESOLVED if alert.action is Side.SELL else LIVE
    for ticker in tickers:
        if await books.trades(statuses, ticker=ticker):
            return True
        if alert.action is Side.BUY:
            waiting = await books.alerts(
                WAITING, ticker=ticker
            )  # PENDING ones too: at the open they are about to go on
            if any(other.action is Side.SELL for other in waiting):  # a newer one ends this BUY
                return True
    return False


_ENDINGS: Mapping[AlertStatus, tuple[Collection[AlertStatus], type[RefusedFacts]]] = {
    AlertStatus.PENDING: (UNDECIDED, AlertPending),
    AlertStatus.BLOCKED: (WAITING, AlertBlocked),
    AlertStatus.FAILED: (UNDECIDED, AlertFailed),
}


@dataclass(frozen=True, slots=True)
class _Ending:
    """Writes that no order is made of an alert, or not yet: its row, and the event with code and facts."""

    now: datetime

    async def write(
        self, books: Books, alert: Alert, to: AlertStatus, refusal: Refusal, checks: Sequence[Check] = ()
    ) -> None:
        """Nothing where the alert has left its state meanwhile: the owner cleared it. Raises LedgerUnavailable."""
        sources, facts_of = _ENDINGS[to]
        if not await books.move_alert(alert.id, sources, to, Reason(refusal.code, refusal.facts)):
            return
        facts = facts_of(alert.ticker, alert.action, refusal.code, refusal.facts)
        if isinstance(facts, AlertBlocked):
            facts = replace(facts, passed=tuple(check.name for check in checks if check.refusal is None))
        await books.add_event(NewEvent(facts, self.now, alert.id))


@dataclass(frozen=True, slots=True)
class _Judging:
    books: Books
    alert: Alert
    ticker: str
    pre_trade: PreTradeData
    policy: Policy
    view: BrokerView
    order_id: int
    token: str
    ending: _Ending
    n: int  # of this alert's orders, the one to come
    left: Decimal | None  # of an exit that is armed again: shares it may sell at most

    async def buy(self) -> Decided:
        now, quote = self.view.now, self.pre_trade.quote
        ask = quote.ask if quote else None
        amount = self.policy.limits.buy_amount_usd
        order = Buy(
            ticker=self.ticker,
            qty=None if ask is None else whole_shares(amount, ask, self.policy.fractional),
            ask=ask,
            amount_usd=amount,
            alert_price=self.alert.price,
            waited_s=self.policy.hours.waited_s(self.alert.received_at, now),
            bid=quote.bid if quote else None,
            delayed=quote is not None and quote.delayed,
            quote_code=self.pre_trade.no_quote.code,
            quote_text=self.pre_trade.no_quote.text,
        )
        contract = self.pre_trade.contract
        snapshot = await self._snapshot()
        risk_decision = judge(order, snapshot, self.policy.limits, self.policy.fixed_limits)
        log_checks(risk_decision)
        refusal = risk_decision.refusal
        no_quote = refusal is not None and refusal.code is RefusalCode.NO_QUOTE
        if (no_quote and self.pre_trade.unavailable) or (refusal is None and self.view.exits_only):
            return Wait.BROKER
        if no_quote and self.pre_trade.no_contract:
            detail = {"ticker": self.ticker, "detail": self.pre_trade.no_contract}
            no_contract = Refusal(RefusalCode.NO_CONTRACT, detail)
            await self.ending.write(self.books, self.alert, AlertStatus.FAILED, no_contract)
            return None
        if refusal is not None:
            await self._block(refusal, risk_decision)
            return None
        assert contract is not None, "a quote belongs to a contract"
        assert order.qty is not None, "a passing decision has a quantity"
        inputs = {
            "quote": quote,
            "order": order,
            "snapshot": snapshot,
            "limits": self.policy.limits,
            "fixed_limits": self.policy.fixed_limits,
        }
        return await self._intend(contract, order.qty, order.cost, risk_decision, inputs)

    async def sell(self) -> Decided:
        every_lot = await self.books.lots(LotStatus.OPEN, ticker=self.ticker)
        sellable = (
            every_lot
            if self.left is None
            else await older_lots(self.books, self.alert.strategy, self.ticker, self.alert.id)
        )
        position_report = self.pre_trade.position_report
        lots = _of_one_contract(sellable, position_report)  # one order sells one contract
        snapshot = await self._snapshot()
        held = sum((lot.qty for lot in lots), Decimal(0))
        held = held if self.left is None else min(held, self.left)
        risk_decision = judge(Sell(self.ticker, held), snapshot, self.policy.limits, self.policy.fixed_limits)
        log_checks(risk_decision)
        refusal = risk_decision.refusal
        if refusal is None and not held and not self.pre_trade.unavailable:  # else it may be held under another ticker
            refusal = Refusal(RefusalCode.NOTHING_HELD, {"ticker": self.ticker})
        if refusal is not None:
            await self._refuse_sell(refusal, risk_decision)
            return None
        if position_report is None:
            return Wait.BROKER
        if splits := await unanswered_splits(self.books, every_lot, position_report.positions, self.view.now):
            await self._tell_that_it_waits(splits[0])
            return Wait.OWNER
        con_id = lots[0].con_id
        at_ib = position_report.positions[con_id].qty if con_id in position_report.positions else Decimal(0)
        selling = working_sells(position_report.open_orders, con_id)
        qty = min(held, at_ib - selling.qty)
        if not self.policy.fractional:
            qty = Decimal(int(qty))
        outdated = qty < held and await self._is_outdated(position_report)
        if outdated or not await self._may_be_believed(con_id, held, at_ib):
            return Wait.BROKER
        if qty <= 0:
            await self._refuse_for_lack(lots, held, at_ib, selling, risk_decision)
            return None
        await self._supersede()
        inputs = {
            "held": held,
            "at_ib": at_ib,
            "selling_at_ib": selling.qty,
            "asked_at": position_report.at,
            "snapshot": snapshot,
        }
        name = position_report.positions[con_id].ticker  # as IB calls it today
        return await self._intend(Contract(con_id, name, ""), qty, Decimal(0), risk_decision, inputs)

    async def _may_be_believed(self, con_id: int, held: Decimal, at_ib: Decimal) -> bool:
        """While IB does not tell what is over, only a position that the books explain: what it hides may make the difference."""
        if not self.view.exits_only:
            return True
        return at_ib - held in (Decimal(0), owners_last_known(await self.books.settings(), con_id))

    async def _refuse_for_lack(
        self, lots: Sequence[Lot], held: Decimal, at_ib: Decimal, selling: WorkingSells, risk_decision: RiskDecision
    ) -> None:
        by = ", ".join(str(order.perm_id) for order in selling.orders) if at_ib > 0 else ""
        facts: dict[str, Fact] = {
            "ticker": self.ticker,
            "held": held,
            "at_ib": at_ib,
            "selling": selling.qty,
            "by": by,
        }
        await self._refuse_sell(Refusal(RefusalCode.NOTHING_LEFT_TO_SELL, facts), risk_decision)
        left = ExitLeft.BEING_SOLD if by else None
        await exit_incomplete(
            self.books, self.ticker, held, self.view.now, alert_id=self.alert.id, code=left, detail=by
        )

    async def _tell_that_it_waits(self, split: Split) -> None:
        """Once an alert and split."""
        told = [event.facts for event in await self.books.events(alert_id=self.alert.id)]
        if not any(isinstance(facts, SplitSeen) and facts.split.key == split.key for facts in told):
            await self.books.add_event(NewEvent(SplitSeen(split), self.view.now, self.alert.id))

    async def _is_outdated(self, position_report: PositionReport) -> bool:
        """IB's position may trail the last fill, and an order that ended meanwhile may still have counted as working."""
        now = self.view.now
        trades = await self.books.trades_ended_since(self.ticker, min(position_report.at, now - POSITION_LAG))
        ended_since = any(
            one.finished_at is not None and position_report.at <= one.finished_at <= now for one in trades
        )
        return ended_since or recently_filled(trades, now)

    async def _snapshot(self) -> Snapshot:
        day_start = self.policy.hours.day_start(self.view.now)
        contract, quote = self.pre_trade.contract, self.pre_trade.quote
        quoted = {contract.con_id: (quote.bid or quote.last) if quote else None} if contract else None
        return await take_snapshot(self.books, self.ticker, self.view, day_start, quoted, alert_id=self.alert.id)

    async def _refuse_sell(self, refusal: Refusal, risk_decision: RiskDecision) -> None:
        await self._supersede()
        await self._block(refusal, risk_decision)

    async def _block(self, refusal: Refusal, risk_decision: RiskDecision) -> None:
        await self.ending.write(self.books, self.alert, AlertStatus.BLOCKED, refusal, risk_decision.checks)

    async def _supersede(self) -> None:
        superseded = Refusal(RefusalCode.SUPERSEDED, {"by_alert": self.alert.id})
        names = {self.ticker, self.alert.ticker} | await self._names_at_ib()
        for ticker in names:
            for older in await self.books.alerts(WAITING, ticker=ticker):
                if older.id < self.alert.id and older.action is Side.BUY:
                    await self.ending.write(self.books, older, AlertStatus.BLOCKED, superseded)

    async def _names_at_ib(self) -> set[str]:
        """What IB calls the ticker's contracts today."""
        report = self.pre_trade.position_report
        positions = report.positions if report else self.view.positions or {}
        lots = await self.books.lots(LotStatus.OPEN, ticker=self.ticker)
        return {positions[lot.con_id].ticker for lot in lots if lot.con_id in positions}

    async def _intend(
        self,
        contract: Contract,
        qty: Decimal,
        reserved: Decimal,
        risk_decision: RiskDecision,
        inputs: Mapping[str, object],
    ) -> Intent | None:
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
            order_ref=f"{ORDER_REF_PREFIX}{alert.id}-{self.token}",
            ib_position_before=before,
            reserved=reserved,
            quote=None if self.pre_trade.quote is None else plain_json(asdict(self.pre_trade.quote)),
            decision=plain_json(
                {
                    "reserved": reserved,
                    "avg_cost_before": None if holding is None else holding.avg_cost,
                    "checks": checks,
                    "inputs": dict(inputs),
                }
            ),
            created_at=now,
            n=self.n,
        )
        trade_id = await self.books.insert_trade(new)
        trade = Trade.of(new, id=trade_id, ib_order_id=self.order_id)
        await self.books.save_trade(trade)
        intent = OrderIntent.of(trade, delayed=sized_by_delayed_quote(trade))
        await self.books.add_event(NewEvent(intent, now, alert.id, trade_id))
        return Intent(trade, self.order_id, Order(new.order_ref, contract, side, qty))


def _of_one_contract(lots: Sequence[Lot], position_report: PositionReport | None) -> list[Lot]:
    """Of a ticker's lots those of the first contract that IB holds, else of the oldest."""
    held = position_report.positions if position_report else {}
    first = next((lot for lot in lots if lot.con_id in held and held[lot.con_id].qty > 0), next(iter(lots), None))
    return [lot for lot in lots if first is not None and lot.con_id == first.con_id]
