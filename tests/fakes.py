"""What the services' tests do not take for real: the broker, the instance lock and time. Written by hand, nothing patched in.

The broker does what a test tells it to and nothing by itself; the rest of the bot around it is the real one.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import (
    Account,
    BrokerEvent,
    BrokerPosition,
    Connected,
    Contract,
    Disconnected,
    ErrorKind,
    Executed,
    Execution,
    Margin,
    NoQuote,
    Numbered,
    Order,
    OrderError,
    OrderReport,
    OrderState,
    OrderUpdate,
    Quote,
)
from tradebot.domain.daily_bars import DailyBar
from tradebot.domain.questions import Question
from tradebot.errors import BrokerSilent, BrokerUnavailable, LedgerUnavailable, UnknownContract
from tradebot.ports import Books, Broker, Connection, Ledger, LinkSession, PositionReport

CON_IDS = {"AAPL": 265598, "MSFT": 272093, "TSLA": 76792991, "KO": 8894, "IBM": 8314}
ACCOUNT = "DU1234567"
QUESTIONS = {
    "open_orders": Question.OPEN_ORDERS,
    "completed_orders": Question.COMPLETED_ORDERS,
    "executions": Question.EXECUTIONS,
    "holdings": Question.POSITIONS,
}
"""The fake's questions, as the bot calls them."""


class Clock:
    """`tradebot.ports.Clock` that ticks as the machine's does and can be set ahead, and the running loop's own time with it."""

    def __init__(self, start: datetime) -> None:
        loop = asyncio.get_running_loop()
        self._start, self._ahead = start, 0.0
        self._tick, began = loop.time, loop.time()
        loop.time = lambda: self._tick() + self._ahead  # type: ignore[method-assign]
        self._elapsed: Callable[[], float] = lambda: loop.time() - began

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def skip(self, seconds: float) -> None:
        self._ahead += seconds

    def set_back(self, seconds: float) -> None:
        """The wall clock alone, as somebody does who sets a machine's clock right."""
        self._start -= timedelta(seconds=seconds)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """No timer fires inside the block, however long it takes."""
        tick, now = self._tick, self._tick()
        self._tick = lambda: now
        try:
            yield
        finally:
            lost = tick() - now
            self._tick = lambda: tick() - lost


class FixedClock:
    """A clock of which the test's own `now` and `monotonic` tell the time."""

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.monotonic = monotonic

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class FakeLock:
    """Held, until a test takes it away."""

    why_lost = "taken away by a test"

    def __init__(self) -> None:
        self.epoch = 0
        self.lost = asyncio.Event()

    @property
    def held(self) -> bool:
        return not self.lost.is_set()


class WatchedLedger:
    """A real ledger in which something can be made to happen right before or after a commit, or that can be away."""

    def __init__(self, real: Ledger) -> None:
        self._real = real
        self.name, self.news, self.arrivals, self.hearers = real.name, real.news, real.arrivals, real.hearers
        self.unavailable = 0
        self.away = False
        self.under_way = 0  # transactions
        self.before_commit: Callable[[], Awaitable[None]] | None = None
        self.after_commit: Callable[[], Awaitable[None]] | None = None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Books]:
        self._answer()
        with self._counted():
            async with self._real.begin() as books:
                yield books
                if self.before_commit is not None:
                    await self.before_commit()
            if self.after_commit is not None:
                await self.after_commit()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Books]:
        self._answer()
        with self._counted():
            async with self._real.read() as books:
                yield books

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1

    async def ping(self) -> None:
        self._answer()
        await self._real.ping()

    def _answer(self) -> None:
        if self.away:
            raise LedgerUnavailable("the database is away")


class FakeBroker(Broker):
    """See `tradebot.ports.Broker`. Everything that is asked of it is an attribute to be set."""

    outlives: tuple[str, ...] = ("working", "completed", "fills", "others", "held", "sent", "cancels", "con_ids")
    """What IB still knows when the bot's process has gone."""

    def __init__(self, clock: Clock) -> None:
        self.events: asyncio.Queue[BrokerEvent] = asyncio.Queue()
        self.unanswered: Counter[str] = Counter()
        self.clock = clock
        self.now = Connection(
            False, False, LinkSession(0, 0), account=None, paper=None, tradable=False, why_not="down", since=None
        )
        self.con_ids = dict(CON_IDS)  # grows with what is asked for
        self.unknown: set[str] = set()  # tickers that IB does not know
        self.asks: dict[str, Decimal | None] = {}  # $100 where nothing else is said; None: no quote
        self.base: tuple[str, Decimal] | None = None  # the account's currency where it is not USD, and its cash in it
        self.no_quote = NoQuote()
        self.of_industries: dict[int, str] = {}  # by contract, of what was looked up
        self.kept: dict[int, Quote] = {}  # what lines say, by contract
        self.margin: Margin | None = None  # what a what-if order is answered; None: without figures
        self.bars: dict[str, Sequence[DailyBar]] = {}  # of past days, by ticker
        self.delayed = False
        self.prices: dict[int, Decimal] = {}  # IB's, of positions
        self.cash: Decimal | None = Decimal(100_000)
        self.unrealised: Decimal | None = None
        self.realised_today: Decimal | None = None
        self.cash_told_at: datetime | None = None  # None: just now
        self.held: dict[int, Decimal] | None = {}  # None: not known
        self.avg_costs: dict[int, Decimal] = {}  # by contract, where IB tells one
        self.working: dict[str, OrderReport] = {}
        self.completed: dict[str, OrderReport] = {}
        self.fills: list[Execution] = []
        self.others: list[OrderReport] = []  # the owner's orders
        self.is_throttled = False
        self.takes_orders = True  # False: what is placed never shows up
        self.on_place: Callable[[Order], None] = lambda order: None
        self.failing: set[str] = set()  # questions that are not answered
        self.waits: dict[str, asyncio.Event] = {}  # questions answered only when this is set
        self.on_question: Callable[[str], None] = lambda question: None
        self.asked: list[str] = []
        self.sent: list[Order] = []
        self.cancels: list[str] = []
        self._last_id = 0

    # --- the port ---------------------------------------------------------------------------------------------------

    @property
    def connection(self) -> Connection:
        return self.now

    def account(self) -> Account | None:
        told_at = self.cash_told_at or self.clock.now()
        told = Account(ACCOUNT, self.cash, self.cash, self.cash, self.cash, False, told_at)
        if self.base is not None:
            told = replace(told, base_currency=self.base[0], base_cash=self.base[1])
        return replace(told, unrealised=self.unrealised, realised_today=self.realised_today)

    def positions(self) -> Mapping[int, BrokerPosition] | None:
        if self.held is None:
            return None
        tickers = {con_id: ticker for ticker, con_id in self.con_ids.items()}
        return {
            c: BrokerPosition(c, tickers.get(c, "?"), qty, self.avg_costs.get(c), self.prices.get(c))
            for c, qty in self.held.items()
            if qty
        }

    async def contract(self, ticker: str, primary_exchange: str | None) -> Contract:
        await self._answer("contract")
        if ticker in self.unknown:
            raise UnknownContract(f"IB knows no stock {ticker}")
        return Contract(self.con_ids.setdefault(ticker, len(self.con_ids)), ticker, "NASDAQ")

    async def quote(self, contract: Contract) -> Quote | NoQuote:
        await self._answer("quote")
        ask = self.asks.get(contract.ticker, Decimal(100))
        return self.no_quote if ask is None else Quote(ask, ask, ask, self.clock.now(), delayed=self.delayed)

    def industries(self) -> Mapping[int, str]:
        return self.of_industries

    def kept_quote(self, con_id: int) -> Quote | None:
        return self.kept.get(con_id)

    async def daily_bars(self, contract: Contract, sessions: int) -> Sequence[DailyBar]:
        await self._answer("daily_bars")
        return self.bars.get(contract.ticker, ())[-sessions:]

    async def what_if(self, order: Order) -> Margin:
        await self._answer("what_if")
        return self.margin or Margin(order.qty)

    async def position_report(self) -> PositionReport:
        at = self.clock.now()
        orders = [*self.working.values(), *self.others]
        await self._answer("holdings")
        return PositionReport(self.positions() or {}, orders, at)

    async def open_orders(self) -> Sequence[OrderReport]:
        await self._answer("open_orders")
        return [*self.working.values(), *self.others]

    async def completed_orders(self) -> Sequence[OrderReport]:
        await self._answer("completed_orders")
        return list(self.completed.values())

    async def executions(self) -> Sequence[Execution]:
        await self._answer("executions")
        return list(self.fills)

    def next_order_id(self, floor: int) -> int:
        self._last_id = max(floor, self._last_id + 1)
        return self._last_id

    def throttled(self, *, entry: bool = False) -> bool:
        return self.is_throttled

    async def room(self, *, entry: bool) -> None:
        await self.clock.sleep(0.05)

    def place(self, order: Order, order_id: int, generation: int) -> None:
        self.on_place(order)
        if not self.now.up or generation != self.now.generation:
            raise BrokerUnavailable(f"decided on connection {generation}, this is {self.now.generation}")
        self.sent.append(order)
        if self.takes_orders:
            self.working[order.order_ref] = OrderReport(
                order_ref=order.order_ref,
                order_id=order_id,
                perm_id=9000 + order_id,
                client_id=1,
                con_id=order.contract.con_id,
                ticker=order.contract.ticker,
                side=order.side,
                qty=order.qty,
                filled=Decimal(0),
                state=OrderState.WORKING,
                ib_status="Submitted",
                oca_group=order.oca_group,
                parent_id=order.parent_id,
                terms=order.terms,
            )

    def place_group(self, group: Sequence[Numbered], generation: int) -> None:
        for one in group:
            self.place(one.order, one.order_id, generation)

    def cancel(self, order_id: int, order_ref: str) -> None:
        if not self.now.up:
            raise BrokerUnavailable("the broker is not connected")
        self.cancels.append(order_ref)

    async def _answer(self, question: str) -> None:
        self.asked.append(question)
        self.on_question(question)
        if question in self.waits:
            await self.waits[question].wait()
        if question in self.failing and self.now.up and self.now.upstream:
            raise BrokerSilent(QUESTIONS.get(question, question), "within 10 s")
        if not (self.now.up and self.now.upstream):
            raise BrokerUnavailable(f"no answer to {question}")

    # --- what a test lets IB do -------------------------------------------------------------------------------------

    def connect(self, account: str = ACCOUNT, *, paper: bool = True, why_not: str | None = None) -> None:
        generation = self.now.generation + 1
        self.now = Connection(
            True,
            True,
            LinkSession(generation, 0),
            account,
            paper,
            tradable=why_not is None,
            why_not=why_not,
            since=self.clock.now(),
        )
        self.events.put_nowait(Connected(generation, account, paper, 178))

    def disconnect(self, reason: str = "connection reset") -> None:
        self.now = replace(self.now, up=False, upstream=False, tradable=False, why_not=reason)
        self.events.put_nowait(Disconnected(self.now.generation, reason))

    def upstream(self, *, up: bool) -> None:
        generation, losses = self.now.link_session
        self.now = replace(self.now, upstream=up, link_session=LinkSession(generation, losses + (not up)))

    def show(self, order_ref: str, state: OrderState = OrderState.WORKING, filled: int | None = None) -> None:
        """IB tells the order's state; what is over moves from the open to the completed orders."""
        order = self.completed.pop(order_ref, None) or self.working.pop(order_ref)
        told = order.filled if filled is None else Decimal(filled)
        order = replace(order, state=state, filled=told)
        if state is OrderState.WORKING:
            self.working[order_ref] = order
        else:
            self.completed[order_ref] = replace(order, order_id=0, client_id=None)
        self.events.put_nowait(OrderUpdate(order))

    def fill(self, order_ref: str, shares: int, price: int | str = 100, **how: object) -> Execution:
        """Shares of an order trade: execution, position, and the end of the order when it was the rest.

        `exec_id` names the execution, `commission` None means that it is not told yet, `told` False tells nothing.
        """
        order = self.working.get(order_ref) or self.completed[order_ref]
        execution = Execution(
            exec_id=str(how.get("exec_id", f"{order_ref}.{len(self.fills)}.01")),
            order_ref=order_ref,
            order_id=order.order_id,
            perm_id=order.perm_id,
            con_id=order.con_id,
            ticker=order.ticker,
            side=order.side,
            shares=Decimal(shares),
            price=Decimal(price),
            time=self.clock.now(),
            commission=how.get("commission", Decimal(1)),  # type: ignore[arg-type]
        )
        self.fills.append(execution)
        if self.held is not None:
            before = self.held.get(order.con_id, Decimal(0))
            self.held[order.con_id] = before + (shares if order.side is Side.BUY else -shares)
        filled = (order.filled or Decimal(0)) + shares
        order = replace(order, filled=filled)
        if filled >= order.qty:
            self.working.pop(order_ref, None)
            self.completed[order_ref] = replace(order, order_id=0, client_id=None, state=OrderState.FILLED)
        else:
            (self.working if order_ref in self.working else self.completed)[order_ref] = order
        if how.get("told", True):
            self.events.put_nowait(Executed(execution))
        return execution

    def tell(self, execution: Execution) -> None:
        self.events.put_nowait(Executed(execution))

    def error(self, order_ref: str, code: int, kind: ErrorKind, text: str = "said IB") -> None:
        self.events.put_nowait(OrderError(order_ref, 0, code, text, kind))

    def fill_at_once(self) -> None:
        """From now on whatever is placed fills as soon as it has been taken."""

        def later(order: Order) -> None:
            asyncio.get_running_loop().call_soon(self.fill, order.order_ref, int(order.qty))

        self.on_place = later
