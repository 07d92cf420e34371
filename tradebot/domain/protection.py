"""Open shares against the orders that protect them, as IB shows both: what is to be done about each difference. Pure.

Rules:
- Shares protected are the open shares of an entry's lots. Never more than IB's position, less what others sell of it, is given to
  stops; where it is not enough, the youngest entries are cut first.
- Beside an entry that lives nothing is placed or cut: where its group is not whole, or is too much, its rest is cancelled, and
  it is looked at again when the entry is over.
- What lowers is done at once. What sells more (a new stop, a larger one) waits until nothing of the contract is in motion, no
  exit is at work and each order of the group is known to be alive or over.
- What the owner did to a stop in TWS stands, and is told. What IB did is mended where books and position are equal and a live bid
  stands above the stop. Everything else is told: unknown means do nothing.
- A fill that IB shows and nobody has told holds all of that up: it is asked for.
- A target protects nothing. It comes back where its end was the bot's doing, once its stop is at work, and is nobody's alarm.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from tradebot.domain.brokerage import OrderReport, OrderState, Quote
from tradebot.domain.exit_ends import Told, is_bare
from tradebot.domain.facts.orders import CancelReason, Changed, Unprotected
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.terms import CENTS, OrderType, Terms, TimeInForce
from tradebot.domain.trades import PROTECTIVE, UNRESOLVED, OrderRole, Trade, TradeStatus
from tradebot.domain.working_sells import working_sells

_NONE = Decimal(0)
ON_ITS_WAY = timedelta(seconds=10)
"""So long what was just written may be in no answer of IB's."""
TRAILED_MIN = Decimal("0.005")
"""A trailing stop's way is stored in steps of half a percent: enough to place it anew, and no row a second."""
REFUSED_MAX = 2


class EndedBy(StrEnum):
    """Who ended a protective order."""

    US = "us"  # the bot cancelled it
    GROUP = "group"  # its entry ended, or another order of its group filled
    IB = "ib"  # and says why, or did it at the close or with a split
    OWNER = "owner"  # or nobody says who
    REFUSED = "refused"  # or IB held it for a short locate
    NOT_SENT = "not_sent"  # certainly not
    NOT_SHOWN = "not_shown"  # IB never showed it: it may wait behind a dialog


_OWNERS = {EndedBy.OWNER: Unprotected.CANCELLED, EndedBy.NOT_SHOWN: Unprotected.NOT_SHOWN}
"""What only a person can answer."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """An entry, the open shares of its lots (whole ones, where it bought whole ones), and the orders that were ever to protect
    it, in id order."""

    entry: Trade
    held: Decimal
    orders: tuple[Trade, ...]
    ended_by: Mapping[int, EndedBy] = field(default_factory=dict)  # those that are over, by trade id
    splits: Mapping[int, Decimal] = field(default_factory=dict)  # new shares for one, since that order, by trade id
    price: Decimal | None = None  # USD a share that its open lots cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A contract at one moment: IB's answers, then the books, which are never older."""

    now: datetime
    con_id: int
    position: Decimal
    open_orders: Sequence[OrderReport]  # of every client
    booked: Decimal  # open shares of all lots of it
    equal: bool  # quantity and average cost are the books'
    quote: Quote | None = None  # a live one
    moving: bool = False  # an order of it is in motion or UNKNOWN, or has just filled
    trailing: bool = False  # so, and it is not UNKNOWN alone: IB's position may trail
    exiting: frozenset[str] = frozenset()  # strategies with an exit of it that is not over
    changing: frozenset[int] = frozenset()  # orders whose change may be in no answer yet, by trade id
    confirmed: frozenset[int] = frozenset()  # orders that IB once showed as they were sent
    refused: frozenset[tuple[int, Changed]] = frozenset()  # changes that IB did not take, by trade id
    killed: bool = False
    in_session: bool = True


# --- what is to be done -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A protective order of its own, anew."""

    entry: Trade
    role: OrderRole
    terms: Terms
    qty: Decimal
    group: str
    con_id: int


@dataclass(frozen=True, slots=True)
class Change:
    """Another size or other prices for an order that works."""

    order: Trade
    qty: Decimal
    terms: Terms
    why: Changed


@dataclass(frozen=True, slots=True)
class Cancel:
    """An order that must not work on."""

    order: Trade
    why: CancelReason


@dataclass(frozen=True, slots=True)
class Adopt:
    """The books take over what IB shows."""

    order: Trade
    qty: Decimal
    terms: Terms
    owners: bool  # the owner did it, and hears of it


@dataclass(frozen=True, slots=True)
class Tell:
    """Shares that no stop protects, or a stop that does not do what it is there for."""

    entry: Trade
    code: Unprotected
    qty: Decimal
    stop: Trade


@dataclass(frozen=True, slots=True)
class Ask:
    """An order of which IB shows more filled than the books have: its executions are asked for."""

    order: Trade


Action = Place | Change | Cancel | Adopt | Tell | Ask


def compare(guarded: Sequence[Guarded], at: Moment) -> list[Action]:
    """Everything that is to be done about one contract."""
    over = [one for one in guarded if one.entry.status not in UNRESOLVED]
    refs = {order.order_ref for one in over for order in one.orders}  # beside a living entry nothing is cut
    counted = [one for one in at.open_orders if one.is_ours or not at.trailing]
    have = at.booked if at.trailing else at.position
    left = have - working_sells([one for one in counted if one.order_ref not in refs], at.con_id).qty
    room = have - working_sells(counted, at.con_id).qty  # before anything is cut: a cut may take its time
    actions: list[Action] = []
    living = [one for one in guarded if one not in over and one.held]
    own = refs | {order.order_ref for one in living for order in one.orders}
    others = working_sells([one for one in counted if one.order_ref not in own], at.con_id).qty
    if others + sum((one.held for one in living), _NONE) > have:  # an entry that still buys has to end first
        actions = [Cancel(one.entry, CancelReason.OVER_PROTECTED) for one in living]
    for one in sorted(guarded, key=lambda guard: guard.entry.id):
        allowed = max(min(one.held, left), _NONE) if one in over else one.held
        found = _Group(one, allowed, at).actions()
        if one in over:
            mine = {order.order_ref for order in one.orders}
            now = working_sells([report for report in counted if report.order_ref in mine], at.con_id).qty
            left, grows = left - allowed, max(allowed - now, _NONE)
            if grows > max(room, _NONE):
                found = [action for action in found if not _sells_more(action)]
            else:
                room -= grows
        actions += found
    return actions


def _sells_more(action: Action) -> bool:
    return isinstance(action, Place) or (isinstance(action, Change) and action.why is Changed.RAISED)


@dataclass(frozen=True, slots=True)
class _Group:
    guard: Guarded
    allowed: Decimal  # shares that its orders may sell
    at: Moment

    def actions(self) -> list[Action]:
        ask: list[Action] = [Ask(one) for one in (self.guard.entry, *self.guard.orders) if self._has_filled_unseen(one)]
        if self.guard.entry.status in UNRESOLVED:
            return ask + self._beside_the_entry()
        stop, target = (self._of_role(role) for role in PROTECTIVE)
        # A stop that is placed may fill at once: a target beside it would sell the same shares once more.
        if any(isinstance(action, Place) for action in stop):
            target = [action for action in target if not isinstance(action, Place)]
        return ask + stop + target

    # --- while the entry lives --------------------------------------------------------------------------------------

    def _beside_the_entry(self) -> list[Action]:
        entry = self.guard.entry
        parent = self._shown(entry)
        if parent is None or entry.status is not TradeStatus.SUBMITTED or self._is_young(entry):
            return []  # in doubt, or on its way: recovery asks
        missing = [order for order in self.guard.orders if self._at_work(order) is None]
        if not missing:
            return [told for order in self.guard.orders for told in self._not_triggered(order)]
        if any(self._is_young(order) for order in missing):
            return []
        alive = [] if self.guard.held else [order for order in self.guard.orders if order.status in UNRESOLVED]
        return [Cancel(order, CancelReason.GROUP_IN_PART) for order in (entry, *alive)]

    # --- afterwards -------------------------------------------------------------------------------------------------

    def _of_role(self, role: OrderRole) -> list[Action]:
        mine = [order for order in self.guard.orders if order.role is role]
        at_work = [order for order in mine if self._at_work(order) is not None]
        if not self.allowed:
            why = CancelReason.OVER_PROTECTED if self.guard.held else CancelReason.NOTHING_HELD
            over: list[Action] = [Cancel(order, why) for order in at_work]
            return over + self._not_at_ib(role, mine)
        if at_work:
            extra = [Cancel(order, CancelReason.OVER_PROTECTED) for order in at_work[1:]]
            return [*extra, *self._of_one_at_work(at_work[0])]
        return self._missing(role, mine) if mine else []

    def _of_one_at_work(self, order: Trade) -> list[Action]:
        shown = self._at_work(order)
        assert shown is not None, "it is at work"
        if order.id in self.at.changing:
            return []
        filled = shown.filled or _NONE
        remaining, wanted = shown.qty - filled, filled + self.allowed
        terms = self._terms_at_ib(order, shown)
        found = self._not_at_ib(order.role, [order])
        if remaining > self.allowed:
            return [Change(order, wanted, terms, Changed.CUT), *found]
        if remaining < self.allowed and self._may_sell_more(order.role):
            if (order.id, Changed.RAISED) not in self.at.refused:
                return [Change(order, wanted, terms, Changed.RAISED), *found]
            if order.role is OrderRole.STOP:
                found.append(Tell(self.guard.entry, Unprotected.REFUSED, self.allowed - remaining, order))
        if _differs(order.terms, terms):
            found.append(self._other_terms(order, shown, terms))
        elif shown.qty != order.requested_qty or _has_trailed(order.terms, terms):
            found.append(Adopt(order, shown.qty, terms, owners=False))
        return [*found, *self._not_triggered(order)]

    def _other_terms(self, order: Trade, shown: OrderReport, terms: Terms) -> Action:
        """The owner's doing; unless it never was shown as sent, and only its time in force is another one: a preset does that."""
        if order.id in self.at.confirmed or _differs(order.terms, replace(terms, tif=order.tif)):
            return Adopt(order, shown.qty, terms, owners=True)
        if order.n == 1:  # IBKR: what is neither price nor size is changed by another order in its place
            return Cancel(order, CancelReason.NOT_AS_SENT)
        return self._tell(Unprotected.NOT_AS_SENT, order)

    def _missing(self, role: OrderRole, mine: Sequence[Trade]) -> list[Action]:
        last = mine[-1]
        in_doubt = [order for order in mine if order.status in UNRESOLVED]
        if in_doubt:
            lasting = role is OrderRole.STOP and not any(map(self._is_young, in_doubt))
            return [self._tell(Unprotected.IN_DOUBT, in_doubt[-1])] if lasting else []
        if not self._may_sell_more(role):
            return []
        ended_by = self.guard.ended_by.get(last.id, EndedBy.OWNER)
        if role is OrderRole.TARGET:
            return [self._place(last)] if ended_by in (EndedBy.US, EndedBy.GROUP, EndedBy.NOT_SENT) else []
        return [self._missing_stop(last, mine, ended_by), *self._not_at_ib(role, mine)]

    def _missing_stop(self, last: Trade, mine: Sequence[Trade], ended_by: EndedBy) -> Action:
        refused = [self.guard.ended_by.get(order.id) is EndedBy.REFUSED for order in mine[-REFUSED_MAX:]]
        if len(refused) == REFUSED_MAX and all(refused):
            return self._tell(Unprotected.REFUSED, last)
        place = self._place(last)
        why_not = _OWNERS.get(ended_by) or (self._not_after_ib(place) if ended_by is EndedBy.IB else None)
        return self._tell(why_not, last) if why_not is not None else place

    def _not_after_ib(self, place: Place) -> Unprotected | None:
        """Why what IB has ended is not placed anew."""
        stop, bid = place.terms.stop_price, self.at.quote.bid if self.at.quote else None
        if not self.at.equal:
            return Unprotected.NOT_EQUAL
        if bid is None:
            return Unprotected.NO_PRICE
        return Unprotected.CROSSED if stop is None or bid <= stop else None

    def _place(self, last: Trade) -> Place:
        beside = [order for order in self.guard.orders if self._at_work(order) is not None and order.group_id]
        new = f"{self.guard.entry.order_ref}-g{len(self.guard.orders) + 1}"
        group = beside[0].group_id if beside else None
        terms = _after_splits(last.terms, self.guard.splits.get(last.id, Decimal(1)))
        return Place(self.guard.entry, last.role, terms, self.allowed, group or new, self.at.con_id)

    # --- telling ----------------------------------------------------------------------------------------------------

    def _tell(self, code: Unprotected, stop: Trade) -> Tell:
        return Tell(self.guard.entry, code, self.guard.held, stop)

    def _not_at_ib(self, role: OrderRole, mine: Sequence[Trade]) -> list[Action]:
        """IB does not hold the shares, or others sell them."""
        left_over = self.guard.held - self.allowed
        tells = role is OrderRole.STOP and mine and left_over and not self.at.moving
        exiting = self.guard.entry.strategy in self.at.exiting
        return [Tell(self.guard.entry, Unprotected.NOT_AT_IB, left_over, mine[-1])] if tells and not exiting else []

    def _not_triggered(self, order: Trade) -> list[Action]:
        """The market has crossed a stop that works on."""
        shown, quote = self._at_work(order), self.at.quote
        terms = None if shown is None else shown.terms or order.terms
        if order.role is not OrderRole.STOP or terms is None or terms.stop_price is None or quote is None:
            return []
        crossed = quote.bid is not None and max(quote.bid, quote.last or quote.bid) <= terms.stop_price
        return [self._tell(Unprotected.NOT_TRIGGERED, order)] if crossed and self.guard.held else []

    # --- what is known of an order ----------------------------------------------------------------------------------

    def _shown(self, order: Trade) -> OrderReport | None:
        return next((one for one in self.at.open_orders if one.order_ref == order.order_ref), None)

    def _at_work(self, order: Trade) -> OrderReport | None:
        shown = self._shown(order)
        return shown if shown is not None and shown.state is OrderState.WORKING else None

    def _has_filled_unseen(self, order: Trade) -> bool:
        shown = self._shown(order)
        return shown is not None and (shown.filled or _NONE) > order.filled_qty

    def _is_young(self, order: Trade) -> bool:
        return order.created_at > self.at.now - ON_ITS_WAY or order.id in self.at.changing

    def _may_sell_more(self, role: OrderRole) -> bool:
        """Nothing is on its way that could make it too much."""
        shown = {one.order_ref: one.filled or _NONE for one in self.at.open_orders}
        booked = all(shown.get(order.order_ref, order.filled_qty) == order.filled_qty for order in self.guard.orders)
        in_doubt = any(order.status in UNRESOLVED and order.order_ref not in shown for order in self.guard.orders)
        changing = any(order.id in self.at.changing for order in self.guard.orders)
        idle = not self.at.moving and self.guard.entry.strategy not in self.at.exiting
        allowed = role is OrderRole.STOP or not self.at.killed
        return booked and not in_doubt and not changing and idle and allowed

    @staticmethod
    def _terms_at_ib(order: Trade, shown: OrderReport) -> Terms:
        """As stored where IB does not tell, or tells of a kind that the bot does not place."""
        return order.terms if shown.terms is None else shown.terms


def _differs(stored: Terms, shown: Terms) -> bool:
    """A trailing stop's price is the market's doing."""
    if stored.type is OrderType.TRAILING_STOP and shown.type is OrderType.TRAILING_STOP:
        stored = replace(stored, stop_price=shown.stop_price)
    return replace(stored, good_till=None) != replace(shown, good_till=None)


def _has_trailed(stored: Terms, shown: Terms) -> bool:
    if stored.type is not OrderType.TRAILING_STOP or shown.stop_price is None:
        return False
    return stored.stop_price is None or shown.stop_price > stored.stop_price * (1 + TRAILED_MIN)


def _after_splits(terms: Terms, shares: Decimal) -> Terms:
    """For the shares of today, and good till cancelled: a stop that ends with the day protects nobody at night."""

    def today(price: Decimal | None) -> Decimal | None:
        return price if price is None or shares == 1 else CENTS.nearest(price / shares)

    return replace(
        terms,
        limit_price=today(terms.limit_price),
        stop_price=today(terms.stop_price),
        trail_amount=today(terms.trail_amount),
        tif=TimeInForce.GTC,
        good_till=None,
    )


def protectable(shares: Decimal, order: Trade) -> Decimal:
    """How many of these an order like this one protects: IB takes fractions only from who trades them. A split may leave one."""
    return shares if order.requested_qty % 1 else shares.to_integral_value(ROUND_DOWN)


def ended_by(
    order: Trade,
    entry: Trade,
    fills: Collection[datetime],
    told: Sequence[Told],
    *,
    by_us: bool,
    cut_off: bool,
    split: bool,
) -> EndedBy:
    """Who ended a protective order that is over. `fills`: when others of its group filled. `told`: IB's words about it.
    `by_us`: the bot has cancelled it. `cut_off`: it ended right after a close. `split`: there was one since it was placed."""
    if order.status is TradeStatus.FAILED:
        return _failed(order)
    if by_us:
        return EndedBy.US
    if order.status is TradeStatus.FILLED:
        return EndedBy.IB
    at = order.finished_at
    if _ended_with(entry, order) or any(at is not None and abs(at - fill) <= ON_ITS_WAY for fill in fills):
        return EndedBy.GROUP
    if split or cut_off or not all(map(is_bare, told)):
        return EndedBy.IB
    return EndedBy.OWNER


def _failed(order: Trade) -> EndedBy:
    why = order.error_message
    if not isinstance(why, Reason):
        return EndedBy.REFUSED
    return EndedBy.NOT_SHOWN if why.code == ReasonCode.NEVER_SEEN else EndedBy.NOT_SENT


def _ended_with(entry: Trade, order: Trade) -> bool:
    """An entry that ended before all of it was bought may take its group along."""
    ended, at = entry.finished_at, order.finished_at
    cut = entry.status in (TradeStatus.PARTIAL, TradeStatus.CANCELLED)
    return cut and ended is not None and at is not None and abs(at - ended) <= ON_ITS_WAY
