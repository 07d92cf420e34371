"""The connection to IB."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from tradebot.domain.brokerage import (
    Account,
    BrokerEvent,
    BrokerPosition,
    Contract,
    Execution,
    Margin,
    NoQuote,
    Numbered,
    Order,
    OrderReport,
    Quote,
)
from tradebot.domain.daily_bars import DailyBar


class LinkSession(NamedTuple):
    """The time between two breaks of the link to IB: what was compared on another one no longer holds."""

    generation: int  # counts connections; 0 before the first
    losses: int  # of IB's servers, on this connection


@dataclass(frozen=True, slots=True)
class Connection:
    """The broker connection at this moment."""

    up: bool  # socket connected and initial data complete
    upstream: bool  # the gateway itself is linked to IB (False between 1100 and 1101/1102)
    link_session: LinkSession
    account: str | None
    paper: bool | None
    tradable: bool  # False: connected and shown, but never traded (`why_not` says why)
    why_not: str | None
    since: datetime | None
    next_order_id: int | None = None
    """As IB counted when this connection was made: above every order that it has taken of us."""

    @property
    def generation(self) -> int:
        return self.link_session.generation


@dataclass(frozen=True, slots=True)
class PositionReport:
    """Positions and open orders asked of IB just now, by con_id; `at` is when the question was sent."""

    positions: Mapping[int, BrokerPosition]
    open_orders: Sequence[OrderReport]  # every client's, the owner's included
    at: datetime


class Broker(Protocol):
    """One connection to an IB Gateway. Questions raise BrokerUnavailable when it is down, BrokerSilent when it does not
    answer in time."""

    events: asyncio.Queue[BrokerEvent]
    """Everything the broker sends by itself, in order. One consumer: booking."""
    unanswered: Counter[str]
    """Questions so far that were not answered in time, by kind."""

    @property
    def connection(self) -> Connection: ...

    def account(self) -> Account | None:
        """Last complete account update; None when not known on this connection."""

    def positions(self) -> Mapping[int, BrokerPosition] | None:
        """Positions by con_id as streamed, with IB's own prices; None when not known on this connection."""

    async def contract(self, ticker: str, primary_exchange: str | None) -> Contract:
        """Raises UnknownContract (final), BrokerUnavailable (ask again)."""

    def industries(self) -> Mapping[int, str]:
        """Of the stocks that were looked up, by contract, in IB's words; what IB does not tell is not there. Asks nothing."""

    async def quote(self, contract: Contract) -> Quote | NoQuote:
        """A fresh quote, live or else delayed; why there is none, when IB gives none within the adapter's short time-out."""

    def kept_quote(self, con_id: int) -> Quote | None:
        """A live quote at most two seconds old that is at hand on this link session; None: none is. Asks IB nothing."""

    async def daily_bars(self, contract: Contract, sessions: int) -> Sequence[DailyBar]:
        """At least so many sessions' prices up to now, adjusted for splits and dividends; the day that trades now is among
        them, and not finished. Waits behind everything that trades. Raises BrokerUnavailable."""

    async def what_if(self, order: Order) -> Margin:
        """What an order would lead to; it is not sent. Raises BrokerUnavailable."""

    async def position_report(self) -> PositionReport: ...

    async def open_orders(self) -> Sequence[OrderReport]: ...

    async def completed_orders(self) -> Sequence[OrderReport]: ...

    async def executions(self) -> Sequence[Execution]:
        """Today's executions (New York date) with their commissions, as the returned list, of every client id."""

    def next_order_id(self, floor: int) -> int:
        """An order id above IB's nextValidId, above every id used here, and at least `floor`."""

    def throttled(self, *, entry: bool = False) -> bool:
        """True while an order would not leave at once but sit in a queue; an `entry` also while it would take an exit's
        place."""

    async def room(self, *, entry: bool) -> None:
        """Asked while throttled: returns when that may be over, a second later at the latest."""

    def place(self, order: Order, order_id: int, generation: int) -> None:
        """Writes the order to the socket now; under the id of one that works, its change.

        Raises BrokerUnavailable when it certainly did not leave (other generation, down, throttled, not tradable),
        OrderUncertain when that is not known.
        """

    def place_group(self, group: Sequence[Numbered], generation: int) -> None:
        """Writes orders that hang together, the parent first, in one piece: all of them or none. Raises as `place` does."""

    def cancel(self, order_id: int, order_ref: str) -> None:
        """Asks IB to cancel; the answer comes as an event. Raises BrokerUnavailable."""
