"""What there is to protect, from the books and IB's answers: entries with protective orders, by contract. Reads only."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.corporate_actions import COST_TOLERANCE
from tradebot.domain.events import Event
from tradebot.domain.exit_ends import Told
from tradebot.domain.facts.orders import CancelReason, OrderCancelling, OrderTold, ProtectionLifted
from tradebot.domain.hours import Hours
from tradebot.domain.lots import CorporateAction, Lot, LotStatus
from tradebot.domain.orders import ENDED
from tradebot.domain.protection import ON_ITS_WAY, EndedBy, Guarded, ended_by, protectable
from tradebot.domain.settings import AGAIN_KEY
from tradebot.domain.trades import LIVE, PROTECTIVE, UNRESOLVED, Trade, TradeStatus
from tradebot.ports import Books
from tradebot.trading.corporate_actions import moving_contracts
from tradebot.trading.exit_rest import lifted_now

CUT_OFF_WITHIN = timedelta(minutes=5)
"""What IB ends at the close it ends within minutes."""


@dataclass(frozen=True, slots=True)
class OfContract:
    """One contract's share of the books."""

    con_id: int
    guarded: tuple[Guarded, ...]
    lots: tuple[Lot, ...]  # open ones of it, protected or not
    moving: bool
    trailing: bool
    exiting: frozenset[str]

    @property
    def booked(self) -> Decimal:
        return sum((lot.qty for lot in self.lots), Decimal(0))

    def equals(self, held: BrokerPosition | None) -> bool:
        """Whether IB's position and average cost are those of the books: nobody else has traded it."""
        if held is None or held.avg_cost is None or held.qty != self.booked or not self.booked:
            return False
        cost = sum((lot.cost + lot.commission for lot in self.lots), Decimal(0)) / self.booked
        return abs(held.avg_cost - cost) <= cost * COST_TOLERANCE


async def there_is(books: Books) -> bool:
    """Whether there is anything to look after. Raises LedgerUnavailable."""
    return bool(await _protection(books, await books.lots(LotStatus.OPEN), await books.trades(UNRESOLVED)))


async def guarded(books: Books, hours: Hours, now: datetime) -> Sequence[OfContract]:
    """Each contract with something to protect, or with protective orders that are not over. Raises LedgerUnavailable."""
    lots, unresolved = await books.lots(LotStatus.OPEN), await books.trades(UNRESOLVED)
    protection = await _protection(books, lots, unresolved)
    moving = await moving_contracts(books, now) if protection else set()
    trailing = await moving_contracts(books, now, LIVE) if protection else set()
    lifted = await lifted_now(books, now) if protection else ()
    by_contract: dict[int, list[Guarded]] = defaultdict(list)
    for entry_id, orders in protection.items():
        entry = await books.trade(entry_id)
        assert entry is not None, f"trade {entry_id} has protective orders"
        mine = [lot for lot in lots if lot.opening_trade_id == entry_id]
        con_id = mine[0].con_id if mine else orders[-1].con_id
        by_contract[con_id].append(await _guard(books, entry, orders, mine, hours))
    return [
        OfContract(
            con_id,
            tuple(of_it),
            tuple(lot for lot in lots if lot.con_id == con_id),
            con_id in moving,
            con_id in trailing,
            frozenset(one.strategy for one in unresolved if one.con_id == con_id and _exits(one))
            | {one.order.strategy for one in lifted if one.order.con_id == con_id},
        )
        for con_id, of_it in by_contract.items()
    ]


async def _protection(books: Books, lots: Sequence[Lot], unresolved: Sequence[Trade]) -> Mapping[int, list[Trade]]:
    """By entry, in id order."""
    entries = {lot.opening_trade_id for lot in lots}
    entries |= {one.parent_trade_id for one in unresolved if one.is_protective and one.parent_trade_id is not None}
    found: dict[int, list[Trade]] = defaultdict(list)
    for order in await books.protection_of(entries) if entries else ():
        if order.role in PROTECTIVE and order.parent_trade_id is not None:
            found[order.parent_trade_id].append(order)
    return found


def _made_way_for(order: Trade, exit_: Trade) -> bool:
    """Whether it ended while this exit was decided and not over: it was cancelled for it."""
    at, over = order.finished_at, exit_.finished_at
    return order.status is not TradeStatus.FAILED and at is not None and exit_.created_at <= at <= (over or at)


def _exits(order: Trade) -> bool:
    return order.side is Side.SELL and not order.is_protective


async def _guard(books: Books, entry: Trade, orders: Sequence[Trade], lots: Sequence[Lot], hours: Hours) -> Guarded:
    shares = sum((lot.qty for lot in lots), Decimal(0))
    held = protectable(shares, entry)
    over = [order for order in orders if order.status in ENDED]
    actions = await books.corporate_actions(entry.strategy, entry.ticker) if held else ()
    splits = {order.id: _split(order, actions) for order in orders}
    ends: dict[int, EndedBy] = {}
    if held and over:
        events = await books.events(alert_id=entry.alert_id)
        since = min(order.created_at for order in over)
        traded = await books.trades(ticker=entry.ticker, strategy=entry.strategy, since=since)
        exits = [one for one in traded if _exits(one)]
        again = int((await books.settings()).get(AGAIN_KEY.format(entry.id), "0"))
        executions = await books.executions_of([order.id for order in orders if order.filled_qty])
        words: dict[int | None, list[Event]] = defaultdict(list)
        for event in events:
            words[event.trade_id].append(event)
        asked = {order.id for order in over if any(_is_ours(event.facts) for event in words[order.id])}
        for order in over:
            fills = [fill.time for of, found in executions.items() if of != order.id for fill in found]
            # IB is said to end all of a group with one that is cancelled.
            fills += [one.finished_at for one in over if one.id in asked - {order.id} and one.finished_at is not None]
            ours = order.id <= again or any(_made_way_for(order, one) for one in exits)
            ends[order.id] = EndedBy.US if ours else _ended_by(order, entry, fills, words[order.id], splits, hours)
    price = sum((lot.cost for lot in lots), Decimal(0)) / shares if shares else None
    return Guarded(entry, held, tuple(orders), ends, splits, price)


def _ended_by(
    order: Trade,
    entry: Trade,
    fills: Sequence[datetime],
    events: Sequence[Event],
    splits: Mapping[int, Decimal],
    hours: Hours,
) -> EndedBy:
    facts = [one.facts for one in events]
    if any(isinstance(one, OrderCancelling) and one.code is CancelReason.SHORT_LOCATE for one in facts):
        return EndedBy.REFUSED
    at = order.finished_at
    told = [
        Told(one.facts.code, one.facts.text)
        for one in events
        if isinstance(one.facts, OrderTold) and at is not None and abs(one.at - at) <= ON_ITS_WAY
    ]  # what it was told before is of a change that was refused
    closed = at is not None and not hours.is_open(at)
    cut_off = closed and at is not None and hours.is_open(at - CUT_OFF_WITHIN)
    return ended_by(
        order,
        entry,
        fills,
        told,
        by_us=any(_is_ours(one.facts) for one in events),
        cut_off=cut_off,
        split=closed and splits[order.id] != 1,  # it comes over night: what ends in a session ends otherwise
    )


def _is_ours(facts: object) -> bool:
    """What a person had the bot cancel is his word, as if he had done it in TWS."""
    if isinstance(facts, ProtectionLifted):
        return not facts.keeps
    return isinstance(facts, OrderCancelling) and facts.code is not CancelReason.OWNER


def _split(order: Trade, actions: Sequence[CorporateAction]) -> Decimal:
    """New shares for one old since the order was placed."""
    con_id, shares = order.con_id, Decimal(1)
    for action in actions:
        if action.after_trade_id >= order.id and action.con_id == con_id:
            con_id, shares = action.new_con_id, shares * action.new_shares / action.old_shares
    return shares
