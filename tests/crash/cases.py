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
    # Of orders that hang together:
    BRACKET = "entry with stop and target"
    PART = "entry that fills in part, with stop and target"
    STOP = "stop that fills"
    TARGET = "target that fills"
    STOP_PART = "stop that fills in part"
    TRAIL = "trailing stop that fills"
    EXIT = "exit of protected shares"
    CUT = "partial exit of protected shares"
    EVEN = "stop that goes to the entry price"
    ANEW = "stop that IB ended, placed anew"
    HELD = "kill switch, protected shares"


GROUPS = frozenset(way for way in Way if list(Way).index(way) >= list(Way).index(Way.BRACKET))


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
    switch: str = ""
    """Of the gateway, where it is not known how IB's does it: `name=value`."""

    @property
    def row(self) -> tuple[str, str]:
        way = f"{self.way}, realistic gateway" if self.realistic else self.way
        way = f"{way}, {self.switch}" if self.switch else way
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


AT_REST = "at rest"
"""Nothing is going on: what happens, happens while the daemon is down."""
LIFTING = (
    *_around("the commit of the lifting"),
    "after the cancel is written",
    *_around("the commit of the protection's end"),
)
_SENDING = (*_around("the commit of the decision"), WRITTEN)
_ENTRY = (*_SENDING, *_around("the commit of the acceptance", "the commit of the protection's acceptance"))
_CHANGE = (*_around("the commit of the change"), "after the protection is written")
GROUP_POINTS: dict[Way, dict[Gateway, tuple[str, ...]]] = {
    Way.BRACKET: {
        Gateway.GOT_IT: (*_ENTRY, *_around("the commit of the fill")),
        Gateway.FILLED: _ENTRY[2:],  # once it has left
        Gateway.NEVER: (WRITTEN,),
    },
    Way.PART: {
        Gateway.GOT_IT: _around("the commit of the partial fill", "the cancel is written", "the commit of the fill")
    },
    Way.STOP: {
        Gateway.GOT_IT: _around("the commit of the protection's fill", "the commit of the protection's end"),
        Gateway.FILLED: (AT_REST,),
    },
    Way.TARGET: {
        Gateway.GOT_IT: _around("the commit of the protection's fill", "the commit of the protection's end"),
        Gateway.FILLED: (AT_REST,),
    },
    Way.STOP_PART: {
        Gateway.GOT_IT: (AT_REST, *_around("the commit of the protection's partial fill")),
        Gateway.FILLED: _around("the commit of the protection's partial fill"),
    },
    Way.TRAIL: {Gateway.FILLED: (AT_REST,), Gateway.GOT_IT: _around("the commit of the protection's fill")},
    Way.EXIT: {
        Gateway.GOT_IT: (*LIFTING, *_SENDING, *_around("the commit of the fill")),
        Gateway.FILLED: LIFTING[:2],  # the stop, before its cancel is there
        Gateway.NEVER: (WRITTEN,),
    },
    Way.CUT: {Gateway.GOT_IT: (*LIFTING[:2], *_CHANGE, *_SENDING, *_around("the commit of the fill"))},
    Way.EVEN: {Gateway.GOT_IT: _CHANGE, Gateway.FILLED: _CHANGE},
    Way.ANEW: {
        Gateway.GOT_IT: (*_around("the commit of the placing"), "after the protection is written"),
        Gateway.NEVER: ("after the protection is written",),
    },
    Way.HELD: {Gateway.GOT_IT: KILLING},
}
_SWITCHED: dict[Way, tuple[str, ...]] = {
    Way.BRACKET: ("untransmitted_listed=true", "untransmitted_stay=true"),
    Way.PART: ("cut_parent=cancels", "children_work=whole"),
    Way.STOP: ("stops_by=bid_ask",),
    Way.TRAIL: ("trails_by=bid_ask",),
}
"""Each other side of a switch that the way may depend on, at the points that lie closest to it."""
_CLOSEST: dict[Way, tuple[str, ...]] = {
    Way.BRACKET: (WRITTEN,),
    Way.PART: _around("the cancel is written", "the commit of the fill"),
    Way.STOP: (AT_REST,),
    Way.TRAIL: (AT_REST,),
}
_AGAIN: tuple[tuple[Way, str, Gateway, tuple[str, ...]], ...] = (
    (Way.BRACKET, WRITTEN, Gateway.GOT_IT, (*QUESTIONS[:2], QUESTIONS[5], "before the gate opens")),
    (Way.BRACKET, WRITTEN, Gateway.FILLED, ("before the commit of the fill", "after the commit of the fill")),
    (Way.STOP, AT_REST, Gateway.FILLED, _around("the commit of the protection's fill")),
    (Way.EXIT, "after the cancel is written", Gateway.GOT_IT, _SENDING[1:]),
    (Way.EXIT, "after the commit of the lifting", Gateway.FILLED, _around("the commit of the protection's fill")),
    (Way.CUT, "after the commit of the change", Gateway.GOT_IT, ("after the protection is written", WRITTEN)),
    (Way.ANEW, "after the commit of the placing", Gateway.GOT_IT, ("before the gate opens",)),
)


def _groups() -> Iterator[Case]:
    """Orders that hang together: the points take turns on the databases; every third one comes once more at a gateway with the
    realistic profile, and there are switches and second kills."""
    turns = ("SQLite", "PostgreSQL")
    for number, (way, gateway, point) in enumerate(_group_points()):
        yield Case(way, point, gateway, _side(way), turns[number % 2])
        if number % 3 == 0 and gateway is not Gateway.NEVER:
            yield Case(way, point, gateway, _side(way), turns[number % 2], realistic=True)
    for way, switches in _SWITCHED.items():
        for switch, point in product(switches, _CLOSEST[way]):
            gateway = Gateway.FILLED if point == AT_REST else Gateway.GOT_IT
            yield Case(way, point, gateway, _side(way), "SQLite", switch=switch)
    for way, point, gateway, seconds in _AGAIN:
        for second in seconds:
            yield Case(way, point, gateway, _side(way), "PostgreSQL", second)


def _group_points() -> Iterator[tuple[Way, Gateway, str]]:
    for way, by_gateway in GROUP_POINTS.items():
        for gateway, points in by_gateway.items():
            for point in points:
                yield way, gateway, point


def _side(way: Way) -> Side:
    return Side.BUY if way in (Way.BRACKET, Way.PART, Way.HELD) else Side.SELL


def every_case(loads: int = 10) -> list[Case]:
    """Every point, every gateway, BUY and SELL, both databases; then again with a second kill, and at random times.

    Each point once more at a gateway with the realistic profile, and so the load. Then two strategies on one stock, and orders
    that hang together.
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
    cases += _groups()
    for number, database, realistic in product(range(loads), ("SQLite", "PostgreSQL"), (False, True)):
        cases.append(Case(Way.LOAD, f"load {number}", Gateway.GOT_IT, Side.BUY, database, realistic=realistic))
    return cases
