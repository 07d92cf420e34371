"""What the sweep does: the points of the road, and what the gateway has made of the order when the process dies there."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from tradebot.domain.alerts import Side


class Gateway(StrEnum):
    GOT_IT = "got it"
    FILLED = "filled it while we were down"
    NEVER = "never got it"
    LATE = "took it only when we were back"


class Way(StrEnum):
    """What is going on when the process dies."""

    ORDER = "order"
    SHARED = "order, another strategy holds the stock"
    PARTIAL = "partial exit, another strategy holds the stock"
    CANCEL = "cancel of an overdue order"
    KILL = "kill switch"
    CHAT = "kill switch from the chat"
    PENDING = "waiting for the market"
    LOAD = "random under load"


@dataclass(frozen=True)
class Case:
    way: Way
    point: str
    gateway: Gateway
    side: Side
    database: str
    second: str | None = None
    """A point at which the next process dies too."""
    realistic: bool = False
    """Whether the gateway has the realistic profile."""

    @property
    def row(self) -> tuple[str, str]:
        way = f"{self.way}, realistic gateway" if self.realistic else self.way
        return way, f"{self.point}, then {self.second}" if self.second else self.point

    def __str__(self) -> str:
        return " · ".join((self.database, self.side, *self.row, self.gateway))


def _around(*steps: str) -> tuple[str, ...]:
    return tuple(f"{when} {step}" for step in steps for when in ("before", "after"))


BEFORE_IT_LEFT = (
    *_around("the commit of the alert"),
    "after the answer",
    *_around("the push"),
    "after the take",
    *_around("the commit of the decision"),
    "before the order is written",
)
WRITTEN = "after the order is written"
AT_WORK = _around("the commit of the acceptance", "the commit of the partial fill")
DONE = _around("the commit of the fill", "the commit of the delivery")
CANCELLING = _around("the cancel is written", "the commit of the cancellation")
KILLING = (*_around("the commit of the kill"), *_around("the cancel is written"))
PENDING = _around("the commit of pending", "the commit of the flush")
QUESTIONS = _around(
    *(f"the question for {each}" for each in ("open orders", "completed orders", "executions", "position report"))
)
WORD = (Gateway.GOT_IT, Gateway.FILLED, Gateway.NEVER)
CONCLUSION = {Gateway.GOT_IT: "the acceptance", Gateway.FILLED: "the fill", Gateway.NEVER: "the failure"}

EVERYWHERE = tuple(product((Side.BUY, Side.SELL), ("SQLite", "PostgreSQL")))


def _road() -> Iterator[tuple[Way, str, Gateway, str | None]]:
    for point in BEFORE_IT_LEFT:  # nothing can have filled yet
        yield Way.ORDER, point, Gateway.GOT_IT, None
        yield Way.ORDER, point, Gateway.NEVER, None
    for gateway in Gateway:
        yield Way.ORDER, WRITTEN, gateway, None
    for point, gateway in product(AT_WORK, (Gateway.GOT_IT, Gateway.FILLED)):
        yield Way.ORDER, point, gateway, None
    for point in DONE:
        yield Way.ORDER, point, Gateway.GOT_IT, None
    for point, gateway in product(CANCELLING, (Gateway.GOT_IT, Gateway.FILLED)):
        yield Way.CANCEL, point, gateway, None
    for way, point in product((Way.KILL, Way.CHAT), KILLING):
        yield way, point, Gateway.GOT_IT, None
    for point in PENDING:
        yield Way.PENDING, point, Gateway.GOT_IT, None


def _beside() -> Iterator[Case]:
    """Two strategies on one stock: the entry and the exit of one while the other holds, and the other's partial exit."""
    for way, point, gateway, _ in _road():
        if way is Way.ORDER:
            yield Case(Way.SHARED, point, gateway, Side.BUY, "PostgreSQL")
            yield Case(Way.SHARED, point, gateway, Side.SELL, "SQLite", realistic=True)
            yield Case(Way.PARTIAL, point, gateway, Side.SELL, "PostgreSQL")


def _twice() -> Iterator[tuple[Way, str, Gateway, str | None]]:
    for gateway in WORD:
        concluding = _around(f"the commit of {CONCLUSION[gateway]}")
        for second in (*QUESTIONS, *concluding, *_around("the gate opens")):
            yield Way.ORDER, WRITTEN, gateway, second


def every_case(loads: int = 10) -> list[Case]:
    """Every point, every gateway, BUY and SELL, both databases; then again with a second kill, and at random times.

    Each point once more at a gateway with the realistic profile, and so the load. Then two strategies on one stock.
    An overdue SELL works on: only a BUY is cancelled.
    """
    cases = [
        Case(way, point, gateway, side, database, second)
        for (way, point, gateway, second), (side, database) in product((*_road(), *_twice()), EVERYWHERE)
        if (way, side) != (Way.CANCEL, Side.SELL)
    ]
    cases += [
        Case(way, point, gateway, Side.BUY if way is Way.CANCEL else Side.SELL, "SQLite", second, realistic=True)
        for way, point, gateway, second in (*_road(), *_twice())
    ]
    cases += _beside()
    for number, database, realistic in product(range(loads), ("SQLite", "PostgreSQL"), (False, True)):
        cases.append(Case(Way.LOAD, f"load {number}", Gateway.GOT_IT, Side.BUY, database, realistic=realistic))
    return cases
