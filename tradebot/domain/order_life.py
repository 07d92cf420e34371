"""How long an order may work at IB, by its terms. Pure.

Rules: what waits for its price works as long as it says: for the day, until a moment, or until it is cancelled; IB ends it then,
and only where it has not done so a while later is it to be cancelled. A market order is for the session in which it was decided.
IB itself ends what is good till cancelled with the quarter that follows the one in which it was placed.
"""

from datetime import date, datetime, time, timedelta

from tradebot.domain.calendar import DAY, NEW_YORK, Calendar
from tradebot.domain.hours import Hours
from tradebot.domain.terms import TimeInForce
from tradebot.domain.trades import Trade

CLOSE_GRACE = timedelta(seconds=2)
"""A fill of the session's last second is still on its way to the books this long."""
IB_ENDS_WITHIN = timedelta(minutes=1)
EXTENDED_CLOSE = time(20)  # New York: the end of trading outside regular hours
_MONTHS_A_QUARTER = 3


def is_over(order: Trade, now: datetime, hours: Hours) -> bool:
    """Whether its time has passed, and IB should have ended it."""
    if not order.waits_for_its_price:
        return not _is_open_since(now, CLOSE_GRACE, hours)
    if order.tif is TimeInForce.GTD:
        return order.good_till is not None and now > order.good_till + IB_ENDS_WITHIN
    return order.tif is TimeInForce.DAY and _day_is_over(order, now, hours)


def _day_is_over(order: Trade, now: datetime, hours: Hours) -> bool:
    if hours.always:
        return False  # without sessions nobody here knows when IB's day ends
    if hours.calendar.trading_date(order.created_at) != hours.calendar.trading_date(now):
        return True
    if order.outside_rth:
        return (now - IB_ENDS_WITHIN).astimezone(NEW_YORK).time() >= EXTENDED_CLOSE
    return not _is_open_since(now, IB_ENDS_WITHIN, hours)


def expires_on(order: Trade, calendar: Calendar) -> date | None:
    """The session with whose end IB cancels what is good till cancelled: a quarter's last one. None: it has no such end."""
    if order.tif is not TimeInForce.GTC:
        return None
    placed = calendar.trading_date(order.created_at)
    months = placed.year * 12 + (placed.month - 1) // _MONTHS_A_QUARTER * _MONTHS_A_QUARTER + 2 * _MONTHS_A_QUARTER
    day = date(months // 12, months % 12 + 1, 1) - DAY
    while calendar.closed_because(day) is not None:
        day -= DAY
    return day


def _is_open_since(now: datetime, since: timedelta, hours: Hours) -> bool:
    """Now, or a moment ago: at the open the one, at the close the other alone."""
    return hours.is_open(now) or hours.is_open(now - since)
