"""Orders that have not ended, as rows of a table. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.trades import OrderRole, TradeStatus
from tradebot.queries.working import AtWork
from tradebot.words import figures, working

ROLES = {
    OrderRole.ENTRY: "entry",
    OrderRole.EXIT: "exit",
    OrderRole.STOP: "stop",
    OrderRole.TARGET: "target",
    OrderRole.REBALANCE: "rebalance",
}
ENDS = {
    OrderRole.ENTRY: "The stop and the target that were to protect its shares end with it.",
    OrderRole.EXIT: "Its shares stay held.",
    OrderRole.STOP: "The shares that it protects stay held without it. It is not put back by itself.",
    OrderRole.TARGET: "Its stop, where it has one, works on.",
}
"""What cancelling it leaves."""


@dataclass(frozen=True, slots=True)
class Row:
    """An order."""

    id: int
    alert_id: int
    what: str
    strategy: str
    role: str
    stands: str
    away: str
    since: datetime
    unknown: bool


@dataclass(frozen=True, slots=True)
class Orders:
    """The whole page."""

    rows: Sequence[Row]
    several: bool


def orders(found: Sequence[AtWork], *, several: bool) -> Orders:
    return Orders([_row(one) for one in found], several)


def _row(one: AtWork) -> Row:
    order = one.order
    return Row(
        id=order.id,
        alert_id=order.alert_id,
        what=figures.order(order),
        strategy=order.strategy,
        role=ROLES[order.role],
        stands=working.stands(one).removeprefix("UNKNOWN: "),
        away=working.from_the_market(one),
        since=order.created_at,
        unknown=order.status is TradeStatus.UNKNOWN,
    )
