"""How a SELL is judged: of which lots, how many, and what IB has left of them.

Rules:
- A SELL is the strategy's own open lots, all of them or as many as its instruction asks; an exit that is armed again sells what
  its first order left, of lots older than its alert.
- A number of shares that was asked for before a split was booked is sold by nobody's guess: it may count old shares or new ones.
- At most what IB holds less every SELL already working there, of every strategy and of the owner's. What another SELL of the
  contract has just sold, and IB's position may still show, is taken off too.
- What is missing at IB is missing for every strategy: a split is looked for over the lots of all of them.
- What protects its shares is lifted first: targets, then stops, so that a target whose cancel is not answered leaves the stop in
  place. What protects a lot of which a part stays held is made smaller instead, and IB must show it so. Only an exit that would
  leave now does it, and that is stored before anything is sent. When each of them is over, with what it filled meanwhile booked,
  the exit is judged anew. It never sells beside a stop that may live.
- A judged SELL ends every older waiting BUY of its strategy and ticker, by whichever name: an exit must never be followed by its
  own entry.
- Its quote is one that is at hand anyway, kept to tell later what the road cost: an exit asks for none, and depends on none.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from tradebot.domain.alerts import WAITING, AlertStatus, Side
from tradebot.domain.brokerage import Contract, OrderReport, OrderState
from tradebot.domain.corporate_actions import Split
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.account import ExitLeft, SplitSeen
from tradebot.domain.facts.orders import Changed, ProtectionLifted
from tradebot.domain.instructions import SizeKind
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.orders import ENDED
from tradebot.domain.positions import as_last_filled, owners_last_known
from tradebot.domain.protection import Change, protectable
from tradebot.domain.refusals import Fact, Refusal, RefusalCode
from tradebot.domain.risk import RiskDecision, judge
from tradebot.domain.sizing import Sized, exit_size
from tradebot.domain.snapshot import Sell, Snapshot
from tradebot.domain.targets import reached
from tradebot.domain.trades import POSITION_LAG, UNRESOLVED, OrderRole, Trade, recently_filled
from tradebot.domain.working_sells import WorkingSells, working_sells
from tradebot.ports import PositionReport
from tradebot.trading.corporate_actions import unanswered_splits
from tradebot.trading.decision_record import log_checks
from tradebot.trading.exit_rest import LIFTED_FOR, LIFTED_SINCE, lifted_since, older_lots, spoken_for
from tradebot.trading.judging import Decided, Judging, Lift, Wait
from tradebot.trading.order_events import exit_incomplete

SOLD_LATELY = timedelta(minutes=1)
"""So far back SELLs of the contract are looked at for what IB's position should be by now."""
CUT_WITHIN = timedelta(seconds=10)
"""So long IB is given to show a stop or target as small as it was made."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An exit that may be sent, before it is known what IB has left for it."""

    lots: Sequence[Lot]  # of one contract
    qty: Decimal
    sized: Sized | None
    snapshot: Snapshot
    judged: RiskDecision


@dataclass(frozen=True, slots=True)
class _Protecting:
    """An order that may sell shares which an exit is to sell."""

    order: Trade
    keeps: Decimal  # shares that it goes on protecting; 0: it must be over
    at_ib: OrderReport | None

    @property
    def cut(self) -> Change:
        """With IB's own terms: a trailing stop has moved since it was stored."""
        assert self.at_ib is not None, "what IB does not show is cancelled"
        qty = (self.at_ib.filled or Decimal(0)) + self.keeps
        return Change(self.order, qty, self.at_ib.terms or self.order.terms, Changed.CUT)


async def judge_exit(one: Judging) -> Decided:
    """One SELL's outcome, written. Raises LedgerUnavailable."""
    return await _Exit(one).judged()


@dataclass(frozen=True, slots=True)
class _Exit:
    one: Judging

    async def judged(self) -> Decided:
        one = self.one
        sellable = await self._sellable()
        report = one.pre_trade.position_report
        lots = _of_one_contract(sellable, report)  # one order sells one contract
        held = _shares(sellable)
        await one.tell_of_a_gap(held)
        sized = await self._sized(held)
        wanted = min(_shares(lots), sized.qty) if isinstance(sized, Sized) else _shares(lots)
        wanted = wanted if one.left is None else min(wanted, one.left)
        snapshot = await one.snapshot()
        risk_decision = judge(Sell(one.ticker, wanted), snapshot, one.policy.limits, one.policy.fixed_limits)
        log_checks(risk_decision)
        refusal = risk_decision.refusal or await self._refusal(held if one.left is None else wanted, sized)
        if refusal is not None:
            await self._refuse(await self._who_sold(refusal), risk_decision)
            return None
        if report is None:
            return Wait.BROKER
        if split := await self._unanswered_split(report):
            await self._tell_that_it_waits(split)
            return Wait.OWNER
        arithmetic = sized if isinstance(sized, Sized) else None
        return await self._sell(_Wanted(lots, wanted, arithmetic, snapshot, risk_decision), report)

    async def _sell(self, wanted: _Wanted, report: PositionReport) -> Decided:
        """As many as IB has left of these lots, once nothing protects them any more."""
        one, con_id = self.one, wanted.lots[0].con_id
        at_ib = report.positions[con_id].qty if con_id in report.positions else Decimal(0)
        protecting = await self._protecting(wanted, report, whole=at_ib >= await self._booked(con_id))
        refs = {one.order.order_ref for one in protecting}
        selling = working_sells([order for order in report.open_orders if order.order_ref not in refs], con_id)
        free = at_ib - selling.qty
        qty = min(wanted.qty, free)
        if not one.policy.fractional:
            qty = Decimal(int(qty))
        if protecting and qty > 0 and await self._may_be_believed(con_id, at_ib):
            return await self._lift(protecting, report.positions[con_id].ticker)
        unseen = await self._sold_unseen(con_id, at_ib, report)
        outdated = qty > free - unseen or (qty < wanted.qty and await self._is_outdated(report))
        if outdated or not await self._may_be_believed(con_id, at_ib):
            return Wait.BROKER
        if qty <= 0:
            await self._refuse_for_lack(wanted, at_ib, selling)
            return None
        assert not protecting, "what protects the shares is lifted first"
        await self._supersede()
        inputs = {
            "held": _shares(wanted.lots),
            "at_ib": at_ib,
            "selling_at_ib": selling.qty,
            "asked_at": report.at,
            "snapshot": wanted.snapshot,
        }
        name = report.positions[con_id].ticker  # as IB calls it today
        contract, quote = Contract(con_id, name, ""), one.view.kept_quote(con_id)
        return await one.intend(contract, quote, qty, Decimal(0), wanted.judged, inputs, wanted.sized)

    async def _protecting(self, wanted: _Wanted, report: PositionReport, *, whole: bool) -> list[_Protecting]:
        """What may sell these shares one day, or is left of an order whose shares are sold.

        A partial exit sells of the oldest lots. What protects the last of them goes on with what stays of it, where IB holds the
        `whole` of what the books do, and shows the order at work; one that it does not make smaller in time is cancelled.
        """
        one, books, to_sell = self.one, self.one.books, wanted.qty
        open_lots = await books.lots(LotStatus.OPEN, ticker=one.ticker, strategy=one.alert.strategy)
        stays = {lot.opening_trade_id: lot.qty for lot in open_lots}
        untouched = set(stays)
        for lot in sorted(wanted.lots, key=lambda lot: lot.opening_trade_id):
            if to_sell > 0:
                untouched.discard(lot.opening_trade_id)
                stays[lot.opening_trade_id] = lot.qty - min(lot.qty, to_sell)
            to_sell -= lot.qty
        late = one.view.now - CUT_WITHIN
        lifted = await lifted_since(books, one.view.now - LIFTED_SINCE, one.alert.id)
        given_up = {earlier.order.id for earlier in lifted if earlier.at < late or not earlier.keeps}
        shown = {order.order_ref: order for order in report.open_orders if order.state is OrderState.WORKING}
        found = []
        alive = [*await books.trades(UNRESOLVED, strategy=one.alert.strategy)]
        # What the books have as ended, and IB shows at work all the same, sells like any other.
        alive += [order for order in await books.protection_of(list(stays)) if _lives_on(order, shown, one.view.now)]
        for order in alive:
            of_these = order.ticker == one.ticker or order.con_id == wanted.lots[0].con_id
            if not (order.is_protective and of_these) or order.parent_trade_id in untouched:
                continue
            at_ib, keeps = (
                shown.get(order.order_ref),
                protectable(stays.get(order.parent_trade_id or 0, Decimal(0)), order),
            )
            if at_ib is not None and keeps and at_ib.qty - (at_ib.filled or 0) <= keeps:
                continue
            cut = at_ib is not None and whole and order.id not in given_up
            found.append(_Protecting(order, keeps if cut else Decimal(0), at_ib))
        return found

    async def _lift(self, protecting: Sequence[_Protecting], name: str) -> Lift:
        """Stores it before anything is sent. One that IB does not let go keeps the others in place."""
        one, now = self.one, self.one.view.now
        lifted = await lifted_since(one.books, now - LIFTED_SINCE, one.alert.id)
        stored = {(earlier.order.id, earlier.keeps) for earlier in lifted}
        old = {earlier.order.id for earlier in lifted if not earlier.keeps and now - earlier.at > LIFTED_FOR}
        over = [each for each in protecting if not each.keeps]
        stuck = [each for each in over if each.order.id in old]
        targets = [each for each in over if each.order.role is OrderRole.TARGET]
        over = stuck or targets or over
        cuts = [each for each in protecting if each.keeps]
        for each in (*over, *cuts):
            if (each.order.id, each.keeps) not in stored:
                facts = ProtectionLifted.of(each.order, by_alert=one.alert.id, keeps=each.keeps)
                await one.books.add_event(NewEvent(facts, now, each.order.alert_id, each.order.id))
        return Lift(tuple(each.order for each in over), tuple(each.cut for each in cuts), name)

    async def _sellable(self) -> Sequence[Lot]:
        """The strategy's lots that the alert may sell."""
        one = self.one
        if one.left is None:
            return await one.books.lots(LotStatus.OPEN, ticker=one.ticker, strategy=one.alert.strategy)
        return await older_lots(one.books, one.alert.strategy, one.ticker, one.alert.id)

    async def _sized(self, held: Decimal) -> Sized | Refusal | None:
        """None: all that is held. What its first order was for holds for the next ones, too."""
        one = self.one
        if one.left is not None or not held:
            return None
        facts: dict[str, Fact] = {"ticker": one.ticker, "held": held}
        try:
            sized = exit_size(one.instruction, held, fractional=one.policy.fractional)
            if sized is not None and sized.size.kind is SizeKind.POSITION_PCT:
                # A part of what is held once older exits have sold their rest: else both would sell of the same shares.
                spoken = await spoken_for(one.books, one.alert.strategy, one.ticker, one.view.now)
                sized = exit_size(one.instruction, max(held - spoken, Decimal(0)), fractional=one.policy.fractional)
        except ValueError:
            return Refusal(RefusalCode.EXIT_SIZE, facts)
        if sized is not None and sized.qty <= 0:
            return Refusal(RefusalCode.EXIT_SIZE, {**facts, **sized.facts})
        if sized is not None and sized.size.kind is SizeKind.SHARES and await self._split_since():
            return Refusal(RefusalCode.EXIT_SIZE, {**facts, **sized.facts, "split": 1})
        return sized

    async def _split_since(self) -> bool:
        """Whether shares of before and after a split may be meant: one was booked while the alert waited."""
        one = self.one
        actions = await one.books.corporate_actions(one.alert.strategy, one.ticker)
        return any(action.at >= one.alert.received_at for action in actions)

    async def _refusal(self, held: Decimal, sized: Sized | Refusal | None) -> Refusal | None:
        """Beside the checks: there is nothing to sell, or nothing that the alert asks for."""
        one = self.one
        facts: dict[str, Fact] = {"ticker": one.ticker}
        if held and one.left is None and reached(one.instruction, held):
            return Refusal(RefusalCode.AT_TARGET, {**facts, "held": held, "strategy": one.alert.strategy})
        if isinstance(sized, Refusal):
            return sized
        if held or one.pre_trade.unavailable:  # it may be held under another ticker
            return None
        if reached(one.instruction, held):
            return Refusal(RefusalCode.AT_TARGET, {**facts, "held": held, "strategy": one.alert.strategy})
        if await one.books.lots(LotStatus.OPEN, ticker=one.ticker):  # they are other strategies'
            facts["strategy"] = one.alert.strategy
        return Refusal(RefusalCode.NOTHING_HELD, facts)

    async def _who_sold(self, refusal: Refusal) -> Refusal:
        """Nothing is held any more where a stop or target has filled before IB could cancel it for this exit."""
        if refusal.code is not RefusalCode.NOTHING_HELD:
            return refusal
        lifted = await lifted_since(self.one.books, self.one.view.now - LIFTED_SINCE, self.one.alert.id)
        by = sorted({each.order.role.lower() for each in lifted if each.order.filled_qty})
        return replace(refusal, facts={**refusal.facts, "sold_by": " and ".join(by)}) if by else refusal

    async def _unanswered_split(self, report: PositionReport) -> Split | None:
        """Of the contracts of these lots, whichever strategy holds them: IB's shares are shared."""
        books, one = self.one.books, self.one
        lots = await books.lots(LotStatus.OPEN)
        contracts = {lot.con_id for lot in lots if lot.ticker == one.ticker and lot.strategy == one.alert.strategy}
        of_all = [lot for lot in lots if lot.con_id in contracts or lot.ticker == one.ticker]
        found = await unanswered_splits(books, of_all, report.positions, one.view.now)
        return found[0] if found else None

    async def _sold_unseen(self, con_id: int, at_ib: Decimal, report: PositionReport) -> Decimal:
        """Shares that SELLs of the contract have sold and IB's answer may still show. 0 where it is lower by them already."""
        one, now = self.one, self.one.view.now
        since = min(report.at, now) - SOLD_LATELY
        found = [*await one.books.trades(since=since), *await one.books.trades_ended_since(one.ticker, since)]
        found = await self._as_last_filled([one for one in found if one.con_id == con_id and one.filled_qty])
        filled = {trade.id: trade for trade in found}
        sells = [trade for _, trade in sorted(filled.items()) if trade.side is Side.SELL]
        unseen = _filled(trade for trade in sells if _may_be_unseen(trade, report, now))
        if unseen and any(trade.is_protective for trade in sells):  # stored long before they filled
            beyond = at_ib - await self._booked(con_id)
            return Decimal(0) if beyond == owners_last_known(await one.books.settings(), con_id) else unseen
        if not unseen or (before := sells[0].ib_position_before) is None:
            return unseen
        bought = _filled(t for t in filled.values() if t.side is Side.BUY and t.id > sells[0].id)
        return Decimal(0) if at_ib <= before - _filled(sells) + bought else unseen

    async def _may_be_believed(self, con_id: int, at_ib: Decimal) -> bool:
        """While IB does not tell what is over, only a position that the books explain: what it hides may make the difference."""
        if not self.one.view.exits_only:
            return True
        beyond = at_ib - await self._booked(con_id)
        return beyond in (Decimal(0), owners_last_known(await self.one.books.settings(), con_id))

    async def _booked(self, con_id: int) -> Decimal:
        """Open shares of the contract, of every strategy."""
        return _shares([lot for lot in await self.one.books.lots(LotStatus.OPEN) if lot.con_id == con_id])

    async def _as_last_filled(self, trades: Sequence[Trade]) -> list[Trade]:
        fills = await self.one.books.executions_of([trade.id for trade in trades if trade.rests])
        return as_last_filled(trades, fills)

    async def _refuse_for_lack(self, wanted: _Wanted, at_ib: Decimal, selling: WorkingSells) -> None:
        one = self.one
        by = ", ".join(str(order.perm_id) for order in selling.orders) if at_ib > 0 else ""
        facts: dict[str, Fact] = {
            "ticker": one.ticker,
            "held": wanted.qty,
            "at_ib": at_ib,
            "selling": selling.qty,
            "by": by,
        }
        await self._refuse(Refusal(RefusalCode.NOTHING_LEFT_TO_SELL, facts), wanted.judged)
        left = ExitLeft.BEING_SOLD if by else None
        await exit_incomplete(
            one.books, one.ticker, wanted.qty, one.view.now, alert_id=one.alert.id, code=left, detail=by
        )

    async def _tell_that_it_waits(self, split: Split) -> None:
        """Once an alert and split."""
        one = self.one
        told = [event.facts for event in await one.books.events(alert_id=one.alert.id)]
        if not any(isinstance(facts, SplitSeen) and facts.split.key == split.key for facts in told):
            await one.books.add_event(NewEvent(SplitSeen(split), one.view.now, one.alert.id))

    async def _is_outdated(self, report: PositionReport) -> bool:
        """IB's position may trail the last fill, and an order that ended meanwhile may still have counted as working."""
        one = self.one
        now = one.view.now
        trades = await one.books.trades_ended_since(one.ticker, min(report.at, now - POSITION_LAG))
        # An entry of another strategy that works on is none of this exit's: it could wait for it as long as it works.
        trades = [t for t in trades if t.finished_at or t.side is Side.SELL or t.strategy == one.alert.strategy]
        trades = await self._as_last_filled(trades)
        ended_since = any(t.finished_at is not None and report.at <= t.finished_at <= now for t in trades)
        return ended_since or recently_filled(trades, now)

    async def _refuse(self, refusal: Refusal, risk_decision: RiskDecision) -> None:
        await self._supersede()
        await self.one.block(refusal, risk_decision)

    async def _supersede(self) -> None:
        one = self.one
        superseded = Refusal(RefusalCode.SUPERSEDED, {"by_alert": one.alert.id})
        names = {one.ticker, one.alert.ticker} | await self._names_at_ib()
        for ticker in names:
            for older in await one.books.alerts(WAITING, ticker=ticker, strategy=one.alert.strategy):
                if older.id < one.alert.id and older.action is Side.BUY:
                    await one.ending.write(one.books, older, AlertStatus.BLOCKED, superseded)

    async def _names_at_ib(self) -> set[str]:
        """What IB calls the ticker's contracts today."""
        one = self.one
        report = one.pre_trade.position_report
        positions = report.positions if report else one.view.positions or {}
        lots = await one.books.lots(LotStatus.OPEN, ticker=one.ticker, strategy=one.alert.strategy)
        return {positions[lot.con_id].ticker for lot in lots if lot.con_id in positions}


def _of_one_contract(lots: Sequence[Lot], report: PositionReport | None) -> list[Lot]:
    """Of a ticker's lots those of the first contract that IB holds, else of the oldest."""
    held = report.positions if report else {}
    first = next((lot for lot in lots if lot.con_id in held and held[lot.con_id].qty > 0), next(iter(lots), None))
    return [lot for lot in lots if first is not None and lot.con_id == first.con_id]


def _lives_on(order: Trade, at_work: Collection[str], now: datetime) -> bool:
    """Not of an answer that merely trails its end."""
    ended = order.finished_at is not None and abs(now - order.finished_at) >= POSITION_LAG
    return ended and order.status in ENDED and order.order_ref in at_work


def _may_be_unseen(trade: Trade, report: PositionReport, now: datetime) -> bool:
    """Whether it filled so lately, or after the question to IB, that the answer may be without its fills."""
    ended_since = trade.finished_at is not None and report.at <= trade.finished_at <= now
    return ended_since or recently_filled([trade], now)


def _filled(trades: Iterable[Trade]) -> Decimal:
    return sum((trade.filled_qty for trade in trades), Decimal(0))


def _shares(lots: Sequence[Lot]) -> Decimal:
    return sum((lot.qty for lot in lots), Decimal(0))
