"""What the bot needs from the outside, and nothing more: Broker, Ledger, Queue, InstanceLock, Clock, chance.

Every method says what it raises. Adapters in broker/, database/ and queues/ implement these; only `runtime` knows which.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol
from weakref import WeakSet

from tradebot.domain.alerts import Alert, AlertStatus, NewAlert, Side
from tradebot.domain.analytics.benchmark import DailyBar
from tradebot.domain.analytics.sent_orders import SentOrder
from tradebot.domain.api_access import ApiRequest, ApiToken
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
from tradebot.domain.changes import Change
from tradebot.domain.delivery import Backlog, Delivery, Wanted
from tradebot.domain.equity import Equity
from tradebot.domain.events import Event, EventKind, NewEvent, Severity
from tradebot.domain.gate import GateReason
from tradebot.domain.log_lines import LogLine
from tradebot.domain.lots import CorporateAction, Lot, LotStatus
from tradebot.domain.questions import Silent
from tradebot.domain.reasons import Reason
from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import History
from tradebot.domain.terms import Terms
from tradebot.domain.trades import NewTrade, Place, Trade, TradeStatus

# --- time and chance ------------------------------------------------------------------------------------------------


class Clock(Protocol):
    """The wall clock, which somebody may set at any moment, and the time that only goes on."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds since some unnamed beginning, as the event loop counts them."""

    async def sleep(self, seconds: float) -> None: ...


Chance = Callable[[int], str]
"""So many random bytes, in hex. What must not be guessed is made of them: they are from a cryptographic source."""


# --- progress -------------------------------------------------------------------------------------------------------

Beat = Callable[[], None]
"""Says that a component has gone round once more."""

IDLE_S = 10.0
"""So long a component waits for work before it beats and waits on."""
ASKS_IB_S = 300.0
"""The time of a component that asks IB: some questions, ten seconds each, behind those of two others."""


class Pulse(Protocol):
    """Who makes progress says so. A component that runs as long as the bot beats once a round, whether there was work or not.

    To wait for what is outside is progress, for no restart heals IB, Telegram, database or queue; each such wait has a time-out
    of its own, and `within_s` is longer than all that one round may wait for. What stands still longer is a deadlock, or a
    task that has ended unseen.
    """

    def of(self, component: str, within_s: float = 120.0) -> Beat:
        """From now on this component beats, never further apart than that."""

    def end(self, component: str) -> None:
        """It has ended, as it should."""


# --- health ---------------------------------------------------------------------------------------------------------


class HealthPart(Protocol):
    """Something that can fail on its own, and says itself how it is."""

    async def health(self) -> Mapping[str, object]:
        """Values of JSON, and `ok`: whether the bot can rely on it. Raises nothing; never holds a secret."""


class LogTail(Protocol):
    """The end of the program's own log, of which secrets are cut out already."""

    async def newest(self, number: int, level: str) -> Sequence[LogLine]:
        """Lines of this level and above, the oldest of them first; none where the log cannot be read."""


# --- broker ---------------------------------------------------------------------------------------------------------


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

    async def quote(self, contract: Contract) -> Quote | NoQuote:
        """A fresh quote, live or else delayed; why there is none, when IB gives none within the adapter's short time-out."""

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


# --- ledger ---------------------------------------------------------------------------------------------------------


class Books(Protocol):
    """The tables inside one transaction. Sequences are in id order. Raises LedgerUnavailable."""

    def remember(self) -> None:
        """From here on alerts, trades and lots are read once, and again after a change of this transaction: for who asks for
        all that it needs at one moment. Of what others commit meanwhile it sees nothing then."""

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """What is written in its block is undone alone when the block raises."""

    # alerts
    async def insert_alert(self, alert: NewAlert) -> int | None:
        """The new id, or None when the idempotency key is already there."""

    async def insert_alerts(self, alerts: Sequence[NewAlert]) -> Mapping[str, int]:
        """The new ids, by idempotency key; none for a key that is already there."""

    async def alert(self, alert_id: int) -> Alert | None: ...

    async def alert_by_key(self, idempotency_key: str) -> Alert | None: ...

    async def recent_alert(self, payload_hash: str, since: datetime) -> Alert | None:
        """The newest alert with this hash received at or after `since`; concurrent inserts of one hash are serialised."""

    async def recent_alerts(self, payload_hashes: Collection[str]) -> Mapping[str, Alert]:
        """The newest alert of each hash, as `recent_alert`."""

    async def count_duplicate(self, alert_id: int) -> None: ...

    async def alerts(
        self,
        statuses: Collection[AlertStatus],
        *,
        ticker: str | None = None,
        strategy: str | None = None,
        limit: int | None = None,
    ) -> Sequence[Alert]:
        """Each filter that is None admits all."""

    async def newest_alerts(
        self, statuses: Collection[AlertStatus], limit: int, *, ticker: str | None = None, strategy: str | None = None
    ) -> Sequence[Alert]: ...

    async def search_alerts(
        self,
        statuses: Collection[AlertStatus],
        limit: int,
        *,
        received: tuple[datetime, datetime] | None = None,
        ticker: str | None = None,
        strategy: str | None = None,
        before_id: int | None = None,
    ) -> Sequence[Alert]:
        """The newest before this id; `received`: only those from the first moment on and before the second one."""

    async def newest_alert_time(
        self, strategy: str, ticker: str, side: Side, received_since: datetime
    ) -> datetime | None:
        """The latest `alert_time` among these, whatever became of them; None when none has any."""

    async def count_alerts(
        self, strategy: str, side: Side, received_since: datetime, *, up_to_id: int | None = None
    ) -> int:
        """How many were understood and asked for this side, whatever became of them; tests are left out."""

    async def count_waiting(self) -> Mapping[tuple[AlertStatus, Side | None], int]:
        """How many alerts are RECEIVED or PENDING, by side; none has no entry."""

    async def move_alert(
        self, alert_id: int, from_: Collection[AlertStatus], to: AlertStatus, reason: Reason | str | None
    ) -> bool:
        """Compare-and-set on the status: False when the alert is in none of `from_`."""

    # trades and executions
    async def insert_trade(self, trade: NewTrade, ib_order_id: int | None = None) -> int: ...

    async def trade(self, trade_id: int) -> Trade | None: ...

    async def trade_by_ref(self, order_ref: str) -> Trade | None: ...

    async def trade_of_alert(self, alert_id: int) -> Trade | None:
        """The newest ENTRY or EXIT order of the alert."""

    async def trades_of_alert(self, alert_id: int) -> Sequence[Trade]:
        """Every ENTRY or EXIT order of the alert: `n` of them, and never two alive."""

    async def protection_of(self, trade_ids: Collection[int]) -> Sequence[Trade]:
        """The stops and targets of these entries, whatever became of them."""

    async def orders_of_alerts(self, alert_ids: Collection[int]) -> Sequence[Trade]:
        """Every order of these alerts, whatever it is for."""

    async def trades(
        self,
        statuses: Collection[TradeStatus] | None = None,
        *,
        ticker: str | None = None,
        strategy: str | None = None,
        since: datetime | None = None,
    ) -> Sequence[Trade]:
        """By status, ticker, strategy and creation time; each filter that is None admits all."""

    async def newest_trades(self, limit: int, *, before_id: int | None, strategy: str | None) -> Sequence[Trade]:
        """The newest first, of those before this id."""

    async def trades_since_or_ended(self, since: datetime) -> Sequence[Trade]:
        """Decided at or after this moment, or ended then, or not at all: what waits for its price may fill days after it was
        decided."""

    async def trades_from(self, strategy: str, ticker: str, place: Place, limit: int) -> Sequence[Trade]:
        """The strategy's trades of the ticker from this place on, at most so many, in the order of their places."""

    async def newest_trade_id(self, strategy: str, ticker: str) -> int:
        """Of the strategy's trades of the ticker; 0 when there is none."""

    async def next_place(self, strategy: str, ticker: str) -> tuple[int, int]:
        """Where a protective order that fills now for the first time stands: behind which trade, and the how manyth there."""

    async def trades_ended_since(self, ticker: str, since: datetime) -> Sequence[Trade]:
        """The ticker's trades, of every strategy, that have not ended, or ended at or after `since`."""

    async def decision(self, trade_id: int) -> Mapping[str, object] | None:
        """Checks and inputs that the order was decided on; None when there is no such trade."""

    async def save_trade(self, trade: Trade) -> None:
        """Writes the columns that change: fills, status, broker ids, times."""

    async def change_terms(self, trade_id: int, terms: Terms, qty: Decimal) -> None:
        """What the order is to be from now on: how it works, and how many shares it is for in all."""

    async def last_order_id(self) -> int:
        """The highest order id ever stored; 0 when none."""

    async def put_execution(self, trade_id: int, execution: Execution) -> bool:
        """Replaces by root, highest revision wins, a known commission stays. True when anything changed."""

    async def executions(self, trade_id: int) -> Sequence[Execution]: ...

    async def executions_since(self, at: datetime) -> Sequence[Execution]:
        """Every execution of the trades created at or after this moment."""

    async def executions_of(self, trade_ids: Collection[int]) -> Mapping[int, Sequence[Execution]]:
        """The executions of each of these trades, by its id."""

    # lots
    async def lots(
        self,
        status: LotStatus | None = None,
        *,
        ticker: str | None = None,
        strategy: str | None = None,
        closed_since: datetime | None = None,
    ) -> Sequence[Lot]: ...

    async def realised_since_start(self, strategy: str | None) -> tuple[Decimal, datetime | None]:
        """Net USD of all lots that ever closed, to a hundredth of a cent, and when the first lot was bought."""

    async def lots_closed_by(self, trade_ids: Collection[int]) -> Sequence[Lot]: ...

    async def lots_of(self, trade_ids: Collection[int]) -> Sequence[Lot]:
        """Rows that these trades opened or closed."""

    async def lots_open_before(self, strategy: str, ticker: str, place: Place) -> Sequence[Lot]:
        """Rows of shares that were open just before this place: an older trade opened them, and no older one closed them."""

    async def rewrite_lots(
        self,
        strategy: str,
        ticker: str,
        lots: Iterable[Lot],
        *,
        closed_by: Collection[int] = (),
        and_open: bool = True,
    ) -> None:
        """Makes the rows that these trades closed, and with `and_open` the strategy's open ones of the ticker, equal to `lots`.

        Matched by (opening, closing) trade. All other rows stay as they are.
        """

    async def add_corporate_action(self, action: CorporateAction) -> None:
        """Waits for transactions that have read those of its ticker; later ones wait for this one."""

    async def corporate_actions(self, strategy: str, ticker: str) -> Sequence[CorporateAction]: ...

    async def histories(self, strategy: str) -> Sequence[History]:
        """By ticker, of every ticker that it has a trade or an alert of."""

    async def reassign(self, from_strategy: str, to_strategy: str, ticker: str) -> None:
        """Alerts, trades, lots and corporate actions of the ticker are the other strategy's from now on."""

    # settings, events, jobs
    async def settings(self) -> Mapping[str, str]:
        """Every stored setting, locked against change until this transaction ends."""

    async def setting_authors(self) -> Mapping[str, str]:
        """Who stored each setting last, by key."""

    async def put_setting(self, key: str, value: str, by: str, at: datetime) -> None: ...

    async def forget_setting(self, key: str) -> None:
        """As if it had never been stored."""

    async def claim(self, key: str, operation: str, by: str, at: datetime) -> bool:
        """Remembers that an operation was done under this idempotency key. False when the key is there: do nothing."""

    async def add_event(self, event: NewEvent) -> int: ...

    async def add_events(self, events: Sequence[NewEvent]) -> None: ...

    async def events(self, *, alert_id: int | None = None, after_id: int = 0, limit: int = 1000) -> Sequence[Event]: ...

    async def events_since(self, kinds: Collection[EventKind], since: datetime) -> Sequence[Event]:
        """Every event of these kinds at or after `since`."""

    async def newest_events(
        self, limit: int, severities: Collection[Severity] = tuple(Severity)
    ) -> Sequence[Event]: ...

    async def serve_channels(self, channels: Sequence[str], wanted: Mapping[str, Wanted] = ...) -> None:
        """From now on each event beyond a trace waits for each of these channels that wants it; one that `wanted` does not name
        wants all. There is one at least; the first is the owner's, and wants all.

        What waits for any other one waits for the first instead, if it did not have it already; what another one delivered
        stays delivered. Until the first call, events wait for the channel that is served first.
        """

    async def undelivered(
        self, channel: str, limit: int, *, severities: Collection[Severity] = tuple(Severity)
    ) -> Sequence[Event]:
        """What waits for this channel and matters so much, the oldest first."""

    async def backlogs(self) -> Sequence[Backlog]:
        """What waits for each channel that is served."""

    async def deliveries(self, event_ids: Collection[int]) -> Sequence[Delivery]:
        """On every channel, by event."""

    async def mark_delivered(self, channel: str, event_ids: Collection[int], at: datetime) -> None:
        """The first time counts."""

    async def delivery_failed(self, channel: str, event_ids: Collection[int], error: str) -> None:
        """Counts an attempt that did not work, with why; the events wait on. `error` must hold no secret."""

    async def give_up_delivery(self, channel: str, event_ids: Collection[int], error: str) -> None:
        """These are not tried again on this channel: FAILED, with why. `error` must hold no secret."""

    async def newest_deliveries(
        self, limit: int, *, channel: str | None = None, states: Collection[str] = ...
    ) -> Sequence[Delivery]:
        """The newest last; `channel` None: of all."""

    async def events_by_id(self, event_ids: Collection[int]) -> Sequence[Event]:
        """Those of them that are there, the oldest first."""

    async def untold_since(self, channels: Collection[str]) -> datetime | None:
        """When the oldest critical event happened that waits for one of these channels and was delivered by none of them."""

    async def record_job(self, job: str, slot: datetime) -> bool:
        """False when that job has already run for that slot."""

    async def job_runs(self) -> Mapping[str, datetime]:
        """The last slot recorded for each job that ever ran."""

    # the API's users
    async def add_token(self, token: ApiToken) -> None: ...

    async def token(self, token_id: str) -> ApiToken | None: ...

    async def tokens(self) -> Sequence[ApiToken]:
        """All that were ever given out, the oldest first."""

    async def revoke_token(self, token_id: str, at: datetime) -> bool:
        """False where there is none of this id, or it was revoked before."""

    async def begin_request(self, request: ApiRequest) -> bool:
        """False when the key is there."""

    async def request(self, key: str) -> ApiRequest | None: ...

    async def answer_request(self, key: str, status: int, answer: str) -> None:
        """The first answer stays."""

    # equity, retention
    async def add_equity(self, equity: Equity) -> None:
        """One row a moment and account: a second one is not stored."""

    async def equity(self, account: str, since: datetime, until: datetime | None = None) -> Sequence[Equity]:
        """From this moment on, in time order; before `until`, where it is given."""

    async def first_equity(self, account: str) -> datetime | None:
        """The first moment of which the account's worth is stored."""

    # performance: page by page, so that no history, however long, holds a transaction
    async def closed_lots(self, at: datetime, after_id: int, limit: int) -> Sequence[Lot]:
        """The first so many that closed at this moment or later, in the order of exits; of those of the very moment only ids
        above `after_id`."""

    async def sent_orders(self, at: datetime, after_id: int, limit: int) -> Sequence[SentOrder]:
        """The same of orders, by when they were decided."""

    async def alert_outcomes(self, strategy: str, since: datetime, until: datetime) -> Mapping[AlertStatus, int]:
        """How many alerts that came in this time stand where; tests are left out."""

    async def put_daily_bars(self, bars: Sequence[DailyBar]) -> None:
        """One a ticker and day: a newer one takes the older one's place."""

    async def daily_bars(self, ticker: str, since: date) -> Sequence[DailyBar]:
        """From this day on, in order."""

    async def prune(self, before: datetime, limit: int) -> int:
        """One small step: takes away at most `limit` rows from before this moment; returns how many, 0 when none is left.

        Events with deliveries, job runs, the API's answers, alerts' raw bodies. Never what is still needed: `retention.sql`.
        """


class News:
    """That something was stored, told to all who listen; each clears its own ear, and none takes word from another."""

    def __init__(self) -> None:
        self._ears: WeakSet[asyncio.Event] = WeakSet()

    def listen(self) -> asyncio.Event:
        """Set from now on whenever there is news, for as long as somebody keeps it."""
        ear = asyncio.Event()
        self._ears.add(ear)
        return ear

    def tell(self) -> None:
        for ear in self._ears:
            ear.set()


class Ledger(Protocol):
    """The database. `begin` commits when its block ends and rolls back on any exception, cancellation included."""

    name: str  # "SQLite" or "PostgreSQL", for people
    news: News
    """Told by each commit of this process that leaves something to a channel. Others store, too."""
    arrivals: asyncio.Event
    """Set by each commit of this process that leaves an alert to be taken; who looks at those clears it."""
    hearers: list[Callable[[Sequence[Change]], None]]
    """Each is called with what a commit of this process has changed, when the loop's turn comes."""
    unavailable: int
    """Transactions so far that the database did not do, or not in time."""

    def begin(self) -> AbstractAsyncContextManager[Books]: ...

    def read(self) -> AbstractAsyncContextManager[Books]:
        """A consistent snapshot, without waiting for writers where the database can."""

    async def ping(self) -> None:
        """Raises LedgerUnavailable."""


class InstanceLock(Protocol):
    """Held by the one instance that trades. `epoch` is stored in `bot_settings` and rises with every holder."""

    epoch: int
    lost: asyncio.Event
    why_lost: str  # once it is lost, for people; without a full stop

    @property
    def held(self) -> bool: ...


# --- trading, as what people are shown sees it ------------------------------------------------------------------------


class SilentQuestions(Protocol):
    """Which questions IB does not answer."""

    @property
    def silent(self) -> tuple[Silent, ...]: ...


class OrderGate(Protocol):
    """Whether orders may leave, and why not."""

    @property
    def is_open(self) -> bool: ...

    @property
    def reasons(self) -> tuple[GateReason, ...]: ...


class TradingStateSource(Protocol):
    """The trading state in force."""

    @property
    def state(self) -> TradingState: ...

    @property
    def paused_strategies(self) -> frozenset[str]:
        """Those that are paused by name."""


# --- queue ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QueueContents:
    """The ids in each list, the next one first."""

    sell: Sequence[int]
    buy: Sequence[int]
    pending: Sequence[int]


class Queue(Protocol):
    """Lists of alert ids. Losing them costs nothing: requeue pushes what is stored and in no list. Raises QueueUnavailable."""

    name: str  # "Redis" or "embedded"
    junk: int  # entries dropped so far that no bot has put there

    async def push(self, side: Side, alert_ids: Iterable[int]) -> None: ...

    async def take(self) -> int:
        """Waits, without polling, for the next id: SELL before BUY, each in the order of arrival."""

    async def put_pending(self, alert_ids: Iterable[int]) -> None: ...

    async def contents(self) -> QueueContents: ...

    async def remove(self, alert_ids: Collection[int]) -> None:
        """Takes ids out of every list."""

    async def ping(self) -> None:
        """Whether it would take an id."""
