"""Whether an order that IB shows nowhere was certainly not sent: the grounds, each of which takes the conclusion away. Pure.

Rules: IB has answered every question, twice, and in none is the order. That alone proves nothing, for a gateway may have
forgotten a part of the day, and the owner may have traded the same shares back. `docs/reliability.md` has the grounds as a table,
each with its test.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Execution
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.positions import nothing_else_filled
from tradebot.domain.questions import Question
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.trades import UNRESOLVED, Trade

COST_STEP = Decimal("0.0001")
"""IB's average costs are rounded somewhere."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What books and IB show beside the order itself, after the second look."""

    now: datetime
    silent: Sequence[Question]  # what IB did not answer, or with nothing though the books know better
    held: Decimal  # IB's position of the contract
    avg_cost: Decimal | None
    avg_cost_before: Decimal | None  # when the order was decided; None: not known
    trades: Sequence[Trade]  # the books' of the last days, this one among them
    fills: Sequence[Execution]  # the books' of today
    unlisted: bool  # whether IB's executions lack one of these
    next_order_id: int | None  # IB's, of a connection made after the intent; None: there was none since
    whole: bool = False  # IB's position when it was decided is what the books come to: it lacked no fill
    at_work: Mapping[str, Decimal | None] = field(
        default_factory=dict
    )  # references that IB shows, with what has filled of each


def doubt(trade: Trade, evidence: Evidence) -> Reason | None:
    """Why it may have been sent after all; None: it certainly was not."""
    grounds = (_answers, _day, _never_seen, _group, _position, _cost, _others, _executions, _count)
    return next((found for ground in grounds if (found := ground(trade, evidence)) is not None), None)


Ground = Callable[[Trade, Evidence], Reason | None]


def _answers(trade: Trade, evidence: Evidence) -> Reason | None:
    return Reason(ReasonCode.NOT_ANSWERED, {"question": evidence.silent[0]}) if evidence.silent else None


def _day(trade: Trade, evidence: Evidence) -> Reason | None:
    same = trade.created_at.astimezone(NEW_YORK).date() == evidence.now.astimezone(NEW_YORK).date()
    return None if same else _positions(ReasonCode.NOT_LISTED_ANY_MORE, trade, evidence)


def _never_seen(trade: Trade, evidence: Evidence) -> Reason | None:
    rejected = trade.error_message is not None  # in IB's words; what IB rejects it often shows nowhere
    unseen = (trade.perm_id is None or rejected) and trade.filled_qty == 0
    return None if unseen else _positions(ReasonCode.NOT_SHOWN, trade, evidence)


def _group(trade: Trade, evidence: Evidence) -> Reason | None:
    """What was written in one piece has left, or not, as one; and IB may list none of it while it waits for the last of its
    orders: then only IB's count of orders, on a connection made since, shows that nothing has come."""
    if trade.group_id is None or trade.error_message is not None:
        return None
    others = [one for one in evidence.trades if one.id != trade.id and one.left_with(trade)]
    shown = any(one.perm_id is not None or one.filled_qty or one.order_ref in evidence.at_work for one in others)
    counted = evidence.next_order_id is not None
    alone = not others and trade.is_protective  # placed for shares that are held, as an order of its own
    return None if not shown and (counted or alone) else _positions(ReasonCode.NOT_SHOWN, trade, evidence)


def _position(trade: Trade, evidence: Evidence) -> Reason | None:
    """Less what other orders of the contract have filled since, it is what it was."""
    since = {one.order_ref for one in evidence.trades if one.id != trade.id and one.created_at >= trade.created_at}
    fills = _of_the_contract(trade, evidence)
    same = nothing_else_filled(trade, evidence.held, fills, since=since, whole=evidence.whole)
    return None if same else _positions(ReasonCode.NOT_SHOWN, trade, evidence)


def _cost(trade: Trade, evidence: Evidence) -> Reason | None:
    """The bot's own BUYs since have changed it as they do; what is left over nobody has told."""
    before, now = evidence.avg_cost_before, evidence.avg_cost
    if before is None or now is None or before == now or _explains(trade, evidence, before, now):
        return None
    return Reason(ReasonCode.COST_CHANGED, {"before": before, "now": now})


def _explains(trade: Trade, evidence: Evidence, before: Decimal, now: Decimal) -> bool:
    """Whether what other orders of the contract have bought since leads from the one average cost to the other."""
    held, cost = trade.ib_position_before, before
    if held is None:
        return False
    since = [one for one in _of_the_contract(trade, evidence) if one.time > trade.created_at]
    for fill in sorted(since, key=lambda one: one.time):
        if fill.side is Side.BUY:
            if fill.commission is None or held + fill.shares <= 0:
                return False
            cost = (held * cost + fill.shares * fill.price + fill.commission) / (held + fill.shares)
        held += fill.shares if fill.side is Side.BUY else -fill.shares
    return abs(cost - now) <= COST_STEP


def _of_the_contract(trade: Trade, evidence: Evidence) -> list[Execution]:
    return [one for one in evidence.fills if one.con_id == trade.con_id]


def _others(trade: Trade, evidence: Evidence) -> Reason | None:
    """What IB shows at work, with the fills that are booked, is resolved by that."""
    for other in evidence.trades:
        unresolved = other.status in UNRESOLVED and evidence.at_work.get(other.order_ref) != other.filled_qty
        apart = other.id != trade.id and not other.left_with(trade)
        if apart and other.con_id == trade.con_id and unresolved:
            return Reason(ReasonCode.OTHER_IN_DOUBT, {"order_ref": other.order_ref})
    return None


def _executions(trade: Trade, evidence: Evidence) -> Reason | None:
    return Reason(ReasonCode.FORGOTTEN) if evidence.unlisted else None


def _count(trade: Trade, evidence: Evidence) -> Reason | None:
    """IB's count of orders stands behind those it has shown, and not behind this one; a count set back has forgotten them."""
    next_id, own_id = evidence.next_order_id, trade.ib_order_id
    if next_id is None or own_id is None or trade.error_message is not None:
        return None
    seen = [one.ib_order_id for one in evidence.trades if one.perm_id is not None and one.ib_order_id is not None]
    if next_id <= max(seen, default=0):
        return Reason(ReasonCode.FORGOTTEN)
    if next_id > own_id and not any(one > own_id for one in seen):
        return Reason(ReasonCode.COUNTED, {"order_id": own_id, "next_id": next_id})
    return None


def _positions(code: ReasonCode, trade: Trade, evidence: Evidence) -> Reason:
    before = trade.ib_position_before
    return Reason(code, {"now": evidence.held} if before is None else {"before": before, "now": evidence.held})
