"""How long each stage of an order's road takes, in seconds (floats), and how many keep the promised time.

Measured are first orders of alerts that came while the market was open: one that waits for the open, or is sent again, takes
as long as it has to. An alert's own time has whole seconds, and its clock is TradingView's.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tradebot.domain.analytics.sent_orders import SentOrder
from tradebot.domain.terms import OrderType
from tradebot.domain.trades import PROTECTIVE, TradeStatus

ORDERS_MIN = 20
"""With fewer orders, a share of them or their slowest says nothing."""
WITHIN_S = 1.0
"""The service level: so soon after its alert an order is at IB."""
_STRAY_S = 3_600.0  # an alert's own time may be any time: what is further off than this is no way that it came


class Stage(StrEnum):
    """A part of the road, from one moment that is stored to the next."""

    SENT = "sent"  # from the alert's own time until it is received
    DECIDED = "decided"  # until the order is decided and stored
    AT_IB = "at_ib"  # until IB has shown it
    FILLED = "filled"  # until a market order has filled
    ROAD = "road"  # from receipt until IB has shown the order: what the bot itself takes


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Seconds, by the nearest rank. None: not yet."""

    orders: int
    median: float | None
    p95: float | None
    p99: float | None
    longest: float | None


@dataclass(frozen=True, slots=True)
class Latency:
    """Of some orders, by stage; and how many were at IB within `within_s` of their alert."""

    stages: dict[Stage, StageTimes]
    orders: int  # that count for the service level
    in_time: int
    within_s: float
    share: float | None  # fraction in time; None: not yet
    slowest: SentOrder | None


def latency(orders: Iterable[SentOrder], is_open: Callable[[datetime], bool]) -> Latency:
    """`is_open`: whether the market was, at a moment."""
    measured = [
        order for order in orders if order.n == 1 and order.role not in PROTECTIVE and is_open(order.received_at)
    ]
    took = {stage: [s for order in measured if (s := took_s(order, stage)) is not None] for stage in Stage}
    road = took[Stage.ROAD]
    in_time = sum(s <= WITHIN_S for s in road)
    return Latency(
        stages={stage: times(found) for stage, found in took.items()},
        orders=len(road),
        in_time=in_time,
        within_s=WITHIN_S,
        share=in_time / len(road) if len(road) >= ORDERS_MIN else None,
        slowest=max(
            (o for o in measured if o.submitted_at is not None), key=lambda o: took_s(o, Stage.ROAD) or 0, default=None
        ),
    )


def took_s(order: SentOrder, stage: Stage) -> float | None:
    """None: the order has not come so far, or its moments are in no order (a clock was set)."""
    begin, end = _moments(order)[stage]
    if begin is None or end is None:
        return None
    seconds = (end - begin).total_seconds()
    if stage is Stage.SENT:  # half a second of rounding either way, and clocks
        return max(0.0, seconds) if abs(seconds) < _STRAY_S else None
    return seconds if seconds >= 0 else None


def _moments(order: SentOrder) -> dict[Stage, tuple[datetime | None, datetime | None]]:
    whole = order.order_type is OrderType.MARKET and order.status is TradeStatus.FILLED
    return {
        Stage.SENT: (order.alert_time, order.received_at),
        Stage.DECIDED: (order.received_at, order.created_at),
        Stage.AT_IB: (order.created_at, order.submitted_at),
        Stage.FILLED: (order.submitted_at, order.finished_at if whole else None),
        Stage.ROAD: (order.received_at, order.submitted_at),
    }


def times(seconds: Sequence[float]) -> StageTimes:
    """Percentiles by the nearest rank: each is a time that an order took (Hyndman and Fan 1996, definition 1)."""
    ranked = sorted(seconds)
    if len(ranked) < ORDERS_MIN:
        return StageTimes(len(ranked), None, None, None, None)
    return StageTimes(len(ranked), _rank(ranked, 0.5), _rank(ranked, 0.95), _rank(ranked, 0.99), ranked[-1])


def _rank(ranked: Sequence[float], share: float) -> float:
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]
