"""Judges one alert on one snapshot and stores the outcome in the same transaction.

Rules:
- The alert's status is compared and set: an id that comes twice, or late, decides nothing.
- One order in flight per ticker: the alert of a busy ticker stays RECEIVED. An UNKNOWN order keeps its ticker's SELLs waiting.
- A SELL is the bot's open lots, at most what IB holds less every SELL already working there, the owner's included.
- A judged SELL ends every older waiting BUY of its ticker: an exit must never be followed by its own entry.
- What cannot be known now waits; it is neither refused nor guessed, except that a BUY grows too old.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from tradebot.domain import wording
from tradebot.domain.brokerage import Contract, Order, Quote
from tradebot.domain.hours import Hours
from tradebot.domain.limits import FixedControls, Limits
from tradebot.domain.model import (
    LIVE,
    ORDER_REF_PREFIX,
    UNSETTLED,
    WAITING,
    Alert,
    AlertStatus,
    EventKind,
    LotStatus,
    NewEvent,
    NewTrade,
    Side,
    Trade,
    TradingState,
)
from tradebot.domain.orders import sources_of
from tradebot.domain.risk import Buy, Sell, Snapshot, Verdict, judge, whole_shares
from tradebot.ports import Books, Holdings
from tradebot.services.snapshot import Moment, recently_filled, take_snapshot
from tradebot.services.telling import exit_incomplete


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was asked of the broker for this alert before its turn came."""

    contract: Contract | None = None
    quote: Quote | None = None
    holdings: Holdings | None = None
    no_contract: str | None = None  # IB knows no such stock: final
    unavailable: str | None = None  # IB did not answer: ask again


@dataclass(frozen=True, slots=True)
class Rules:
    """What the owner decided: fixed in the file, and limits as they are in force for this decision."""

    controls: FixedControls
    limits: Limits
    hours: Hours
    fractional: bool


@dataclass(frozen=True, slots=True)
class Intent:
    """A stored order that may leave, as part of trade `trade_id`."""

    trade_id: int
    order_id: int
    order: Order


class Wait(Enum):
    """Not decided: the alert stays RECEIVED."""

    TICKER = "until the ticker's order has ended"
    BROKER = "until IB has answered"


Decided = Intent | Wait | None
"""None: the alert has reached another state, or had left RECEIVED already."""


async def decide(
    books: Books, alert_id: int, prepared: Prepared, rules: Rules, moment: Moment, *, order_id: int
) -> Decided:
    """One alert's outcome, written through `books`. Raises LedgerUnavailable."""
    alert = await books.alert(alert_id)
    if alert is None or alert.status is not AlertStatus.RECEIVED or alert.ticker is None or alert.action is None:
        return None
    killed = moment.state is TradingState.KILLED
    if not killed and not rules.hours.is_open(moment.now):
        opens = wording.new_york(rules.hours.calendar.next_open(moment.now))
        await _end(books, alert, AlertStatus.PENDING, f"the market is closed; runs at the open, {opens}", moment.now)
        return None
    if not killed and await _busy(books, alert, alert.ticker):
        return Wait.TICKER
    one = _Judging(books, alert, alert.ticker, prepared, rules, moment, order_id)
    return await (one.buy() if alert.action is Side.BUY else one.sell())


async def _busy(books: Books, alert: Alert, ticker: str) -> bool:
    """An UNKNOWN order makes a SELL wait; a BUY is judged, and refused for it. A BUY lets every waiting SELL go first."""
    if alert.action is Side.SELL:
        return bool(await books.trades(UNSETTLED, ticker=ticker))
    waiting = await books.alerts(WAITING, ticker=ticker)  # PENDING ones too: at the open they are about to go on
    sell_waits = any(other.action is Side.SELL for other in waiting)  # a newer one ends this BUY
    return sell_waits or bool(await books.trades(LIVE, ticker=ticker))


_ENDINGS = {
    AlertStatus.PENDING: ("waits", EventKind.ALERT_PENDING),
    AlertStatus.BLOCKED: ("blocked", EventKind.ALERT_BLOCKED),
    AlertStatus.FAILED: ("failed", EventKind.ALERT_FAILED),
}


async def _end(
    books: Books, alert: Alert, to: AlertStatus, reason: str, now: datetime, *, verdict: Verdict | None = None
) -> None:
    if not await books.move_alert(alert.id, sources_of(to), to, reason):
        return  # the owner cleared it meanwhile
    verb, kind = _ENDINGS[to]
    text = f"{alert.action} {alert.ticker} {verb}: {reason}."
    data = {"ticker": alert.ticker, "side": alert.action} | (_json(asdict(verdict)) if verdict else {})
    await books.add_event(NewEvent(kind, now, text, alert.id, data=data))


@dataclass(frozen=True, slots=True)
class _Judging:
    books: Books
    alert: Alert
    ticker: str
    prepared: Prepared
    rules: Rules
    moment: Moment
    order_id: int

    async def buy(self) -> Decided:
        now, quote = self.moment.now, self.prepared.quote
        ask = quote.ask if quote else None
        amount = self.rules.limits.buy_amount_usd
        order = Buy(
            ticker=self.ticker,
            qty=None if ask is None else whole_shares(amount, ask, self.rules.fractional),
            ask=ask,
            amount_usd=amount,
            alert_price=self.alert.price,
            waited_s=self.rules.hours.waited_s(self.alert.received_at, now),
        )
        snapshot = await self._snapshot()
        verdict = judge(order, snapshot, self.rules.limits, self.rules.controls)
        if verdict.reason is not None and verdict.checks[-1].name == "quote known":
            if self.prepared.unavailable:
                return Wait.BROKER
            if self.prepared.no_contract:
                await _end(self.books, self.alert, AlertStatus.FAILED, self.prepared.no_contract, now)
                return None
        if verdict.reason is not None:
            await self._block(verdict.reason, verdict)
            return None
        contract = self.prepared.contract
        assert contract is not None, "a quote belongs to a contract"
        assert order.qty is not None, "a passing verdict has a quantity"
        inputs = {"quote": quote, "order": order, "snapshot": snapshot, "limits": self.rules.limits}
        return await self._intend(contract, order.qty, order.cost, verdict, inputs)

    async def sell(self) -> Decided:
        lots = await self.books.lots(LotStatus.OPEN, ticker=self.ticker)
        lots = [lot for lot in lots if lot.con_id == lots[0].con_id]  # one order sells one contract
        snapshot = await self._snapshot()
        held = sum((lot.qty for lot in lots), Decimal(0))
        verdict = judge(Sell(self.ticker, held), snapshot, self.rules.limits, self.rules.controls)
        if verdict.reason is None and not lots:
            await self._refuse_sell(f"the bot holds no {self.ticker}, and your own shares are never touched", verdict)
            return None
        if verdict.reason is not None:
            await self._refuse_sell(verdict.reason, verdict)
            return None
        holdings = self.prepared.holdings
        if holdings is None:
            return Wait.BROKER
        con_id = lots[0].con_id
        at_ib = holdings.positions[con_id].qty if con_id in holdings.positions else Decimal(0)
        selling = _working_sells(holdings, con_id)
        qty = min(held, at_ib - selling)
        if not self.rules.fractional:
            qty = Decimal(int(qty))
        if qty < held and await self._is_outdated(holdings):
            return Wait.BROKER
        if qty <= 0:
            await self._refuse_sell(
                f"the books hold {wording.shares(held)} {self.ticker}, IB shows {wording.shares(at_ib)} with "
                f"{wording.shares(selling)} already being sold: nothing is left to sell without going short. "
                f"Compare with TWS",
                verdict,
            )
            await exit_incomplete(self.books, self.ticker, lots, self.moment.now, alert_id=self.alert.id)
            return None
        await self._supersede()
        inputs = {"held": held, "at_ib": at_ib, "selling_at_ib": selling, "asked_at": holdings.at, "snapshot": snapshot}
        return await self._intend(Contract(con_id, self.ticker, ""), qty, Decimal(0), verdict, inputs)

    async def _is_outdated(self, holdings: Holdings) -> bool:
        """IB's position may trail the last fill, and an order that ended meanwhile may still have counted as working."""
        trades = await self.books.trades(ticker=self.ticker)
        now = self.moment.now
        ended_since = any(one.finished_at is not None and holdings.at <= one.finished_at <= now for one in trades)
        return ended_since or recently_filled(trades, now)

    async def _snapshot(self) -> Snapshot:
        day_start = self.rules.hours.day_start(self.moment.now)
        return await take_snapshot(self.books, self.ticker, self.moment, day_start)

    async def _refuse_sell(self, reason: str, verdict: Verdict) -> None:
        await self._supersede()
        await self._block(reason, verdict)

    async def _block(self, reason: str, verdict: Verdict) -> None:
        await _end(self.books, self.alert, AlertStatus.BLOCKED, reason, self.moment.now, verdict=verdict)

    async def _supersede(self) -> None:
        reason = f"superseded by SELL {self.alert.id}"
        for older in await self.books.alerts(WAITING, ticker=self.ticker):
            if older.id < self.alert.id and older.action is Side.BUY:
                await _end(self.books, older, AlertStatus.BLOCKED, reason, self.moment.now)

    async def _intend(
        self, contract: Contract, qty: Decimal, reserved: Decimal, verdict: Verdict, inputs: Mapping[str, object]
    ) -> Intent | None:
        alert, now = self.alert, self.moment.now
        side = alert.action
        assert side is not None, "only understood alerts are judged"
        if not await self.books.move_alert(alert.id, (AlertStatus.RECEIVED,), AlertStatus.PROCESSING, None):
            return None  # the owner cleared it meanwhile
        positions = self.moment.positions
        before = None if positions is None else (p.qty if (p := positions.get(contract.con_id)) else Decimal(0))
        if self.prepared.holdings is not None:
            asked = self.prepared.holdings.positions.get(contract.con_id)
            before = asked.qty if asked else Decimal(0)
        new = NewTrade(
            alert_id=alert.id,
            ticker=self.ticker,
            con_id=contract.con_id,
            side=side,
            requested_qty=qty,
            order_ref=f"{ORDER_REF_PREFIX}{alert.id}-{secrets.token_hex(4)}",
            ib_position_before=before,
            reserved=reserved,
            quote=None if self.prepared.quote is None else _json(asdict(self.prepared.quote)),
            decision=_json({"reserved": reserved, "checks": verdict.checks, "inputs": dict(inputs)}),
            created_at=now,
        )
        trade_id = await self.books.insert_trade(new)
        await self.books.save_trade(Trade.of(new, id=trade_id, ib_order_id=self.order_id))
        text = f"{side} {wording.shares(qty)} {self.ticker} decided as order {new.order_ref}."
        await self.books.add_event(NewEvent(EventKind.ORDER_INTENT, now, text, alert.id, trade_id, data=new.decision))
        return Intent(trade_id, self.order_id, Order(new.order_ref, contract, side, qty))


def _working_sells(holdings: Holdings, con_id: int) -> Decimal:
    """Shares of the contract that SELL orders of any client are still selling."""
    return sum(
        (o.qty - (o.filled or Decimal(0)) for o in holdings.open_orders if o.con_id == con_id and o.side is Side.SELL),
        Decimal(0),
    )


def _json(value: Mapping[str, object]) -> dict[str, object]:
    """Nested dataclasses and Decimals as plain JSON: what was known is kept exactly as figures in text."""
    plain: dict[str, object] = json.loads(json.dumps(value, default=_plain))
    return plain


def _plain(value: object) -> object:
    if hasattr(value, "__dataclass_fields__"):
        return asdict(value)  # type: ignore[call-overload]
    return value.isoformat() if isinstance(value, datetime) else str(value)
