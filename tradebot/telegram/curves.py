"""Which picture a result becomes: a day as it went, a longer time session by session. Pure."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from tradebot.domain.calendar import Calendar
from tradebot.queries.results import Result
from tradebot.telegram.pictures import Day, Picture, Sessions


def picture_of(result: Result, calendar: Calendar, now: datetime, strategy: str | None = None) -> Picture | None:
    """None where nothing was closed."""
    if not result.curve:
        return None
    whose = f"{strategy}: realised" if strategy else "Realised"
    if result.first != result.last:
        return Sessions(f"{whose} P&L by session", _nets(result, calendar))
    session = calendar.session(result.last)
    if session is not None:
        begin, end = session.open, session.close
    else:  # simulated, at all hours
        begin = result.curve[0][0].replace(minute=0, second=0, microsecond=0)
        end = max(now, result.curve[-1][0], begin + timedelta(hours=1))
    return Day(f"{whose} P&L, {result.last:%a %d %b}", result.curve, begin, end, min(now, end))


def _nets(result: Result, calendar: Calendar) -> list[tuple[date, Decimal]]:
    """Each session's, those without a trade included; a day that traded without one (simulated, at all hours) too."""
    made: dict[date, Decimal] = defaultdict(Decimal)
    points = [(result.curve[0][0], Decimal(0)), *result.curve]
    for (_, before), (at, total) in pairwise(points):
        made[calendar.trading_date(at)] += total - before
    days = [result.first + timedelta(days=n) for n in range((result.last - result.first).days + 1)]
    return [(day, made.get(day, Decimal(0))) for day in days if day in made or calendar.session(day) is not None]
