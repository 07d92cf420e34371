"""The bot on a stage where only the test's moves happen: time stands still between them, transactions come one at a time.

Rules: what IB holds (orders, fills, cash, the owner's shares) outlives the bot's process, as its database does; what the bot was
told and had not stored does not. A move may be followed by another before the bot has come to rest.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from tests.bot import FRIDAY_NOON, Bot, Setup
from tests.fakes import FakeBroker
from tradebot.database import open_ledger
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Execution, Order, OrderReport, OrderState
from tradebot.domain.limits import Limits
from tradebot.domain.strategies import MAIN, Strategy
from tradebot.domain.trades import ORDER_REF_PREFIX
from tradebot.ports import Books, Ledger

ASK = Decimal(100)
REST_MAX = 20
"""So many turns of the loop without a transaction mean that nobody has anything to do."""
LIMITS = Limits(max_open_positions=20, max_per_ticker=10)


class OneAtATime:
    """A real ledger whose transactions come one at a time: the same moves have the same consequences."""

    def __init__(self, real: Ledger) -> None:
        self._real, self.name = real, real.name
        self.news, self.arrivals, self.hearers = real.news, real.arrivals, real.hearers
        self.unavailable = 0
        self._turn = asyncio.Lock()
        self._ended = asyncio.Event()
        self.under_way = self.count = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Books]:
        async with self._one(), self._real.begin() as books:
            yield books

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Books]:
        async with self._one(), self._real.read() as books:
            yield books

    async def ping(self) -> None:
        async with self._one():
            await self._real.ping()

    async def next_end(self) -> None:
        self._ended.clear()
        await self._ended.wait()

    @asynccontextmanager
    async def _one(self) -> AsyncIterator[None]:
        self.under_way += 1
        try:
            async with self._turn:
                yield
        finally:
            self.under_way -= 1
            self.count += 1
            self._ended.set()


@dataclass
class Ib:
    """What IB knows beyond a connection; shared by the brokers of all the bot's lives."""

    cash: Decimal = Decimal(6000)
    told: tuple[Decimal, datetime] | None = None  # an account update that trails: value, arrival
    vanished: dict[str, OrderReport] = field(default_factory=dict)  # shown nowhere, and not over
    ended: set[str] = field(default_factory=set)  # order refs that IB ended by itself, in words that are on the list
    swallows: bool = False  # the next order is lost without a word

    def remaining(self, broker: FakeBroker, side: Side, con_id: int | None = None) -> Decimal:
        """Shares that orders at work, shown or not, may still trade; the owner's included."""
        orders = [*broker.working.values(), *self.vanished.values(), *broker.others]
        mine = [o for o in orders if o.side is side and con_id in (None, o.con_id)]
        return sum((o.qty - (o.filled or 0) for o in mine), Decimal(0))


class Stage:
    bot: Bot
    ledger: OneAtATime

    def __init__(
        self,
        folder: Path,
        template: Path,
        placed: Callable[[Order], None],
        *,
        limits: Limits = LIMITS,
        strategies: Sequence[Strategy] = (Strategy(name=MAIN),),
        fake: type[FakeBroker] = FakeBroker,
    ) -> None:
        self.path = folder / "tradebot.db"
        self._setup = Setup(
            limits=limits,
            orders_per_second=10**12,
            second_look_delay_s=5.0,
            strategies=strategies,
            fake=fake,
        )
        shutil.copy(template, self.path)
        self.ib = Ib()
        self._placed = placed
        self._house = AsyncExitStack()

    # --- lives of the process ---------------------------------------------------------------------------------------

    async def begin(self, before: Bot | None = None) -> None:
        url = f"sqlite:///{self.path}"
        self.ledger = OneAtATime(await self._house.enter_async_context(open_ledger(url, timeout_s=1_000_000)))
        setup = replace(self._setup, start=before.clock.now() if before else FRIDAY_NOON)
        self.bot = Bot(self.ledger, url, setup)
        if before is None:
            self._still = self.bot.clock.standing_still()
            self._still.__enter__()  # until the loop itself is gone
        else:
            for name in before.broker.outlives:
                setattr(self.bot.broker, name, getattr(before.broker, name))
        self.bot.broker.on_place = self._placed
        self.tell_cash()
        await self.bot.start(connected=False)

    async def stop(self) -> None:
        await self.bot.stop()
        await self._house.aclose()

    async def restart(self) -> None:
        await self.stop()
        await self.begin(self.bot)

    async def crash(self) -> None:
        """The process is gone at once, wherever it was."""
        this = asyncio.current_task()
        while others := [task for task in asyncio.all_tasks() if task is not this]:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        self.bot.tasks.clear()
        await self._house.aclose()
        await self.begin(self.bot)

    def died(self) -> list[str]:
        return [f"{name}: {task!r}" for name, task in self.bot.tasks.items() if task.done()]

    # --- time -------------------------------------------------------------------------------------------------------

    async def rest(self, transactions: int | None = None) -> None:
        """Until nothing happens by itself any more, or so many transactions have ended. No time goes by."""
        quiet, first = 0, self.ledger.count
        while quiet < REST_MAX:
            if transactions is not None and self.ledger.count - first >= transactions:
                return
            if self.ledger.under_way:
                quiet = 0
                await self.ledger.next_end()
            else:
                quiet += 1
                await asyncio.sleep(0)

    async def seconds(self, number: int, *, at_once: int = 1) -> None:
        for _ in range(number // at_once):
            self.bot.clock.skip(at_once)
            await self.rest()

    # --- IB ---------------------------------------------------------------------------------------------------------

    @property
    def broker(self) -> FakeBroker:
        return self.bot.broker

    @property
    def linked(self) -> bool:
        return self.broker.now.up and self.broker.now.upstream

    def ours(self) -> list[OrderReport]:
        """The bot's orders at work, in the order in which they were sent."""
        working = self.broker.working
        return [working[order.order_ref] for order in self.broker.sent if order.order_ref in working]

    def show(self, order_ref: str, state: OrderState, *, told: bool) -> None:
        with self._heard(told=told):
            self.broker.show(order_ref, state)

    def fill(self, order_ref: str, shares: int, price: int, *, told: bool, commission: bool) -> Execution:
        with self._heard(told=told):
            fill = self.broker.fill(order_ref, shares, price, commission=Decimal(1) if commission else None)
        value = fill.shares * fill.price
        self.ib.cash += -value - 1 if fill.side is Side.BUY else value - 1
        self.tell_cash()
        return fill

    def revise(self, fill: Execution, **changes: object) -> None:
        """The same execution again: with its commission, or corrected; the account's figures have it at once."""
        self.ib.told = None
        new = replace(fill, **changes)  # type: ignore[arg-type]
        paid = new.shares * new.price - fill.shares * fill.price
        self.ib.cash += -paid if fill.side is Side.BUY else paid
        self.tell_cash()
        fills = self.broker.fills
        fills[next(n for n, one in enumerate(fills) if one.root == fill.root)] = new
        with self._heard(told=True):
            self.broker.tell(new)

    def tell_cash(self) -> None:
        value, at = self.ib.told or (self.ib.cash, None)
        self.broker.cash, self.broker.cash_told_at = value, at

    @contextmanager
    def _heard(self, *, told: bool) -> Iterator[None]:
        """What IB says in the block reaches the bot only where there is a line to it."""
        heard = self.broker.events
        if not (told and self.linked):
            self.broker.events = asyncio.Queue()
        try:
            yield
        finally:
            self.broker.events = heard

    def net(self, con_id: int) -> Decimal:
        """Shares that the bot's own orders have left at IB."""
        mine = [f for f in self.broker.fills if f.con_id == con_id and f.order_ref.startswith(ORDER_REF_PREFIX)]
        return sum((f.shares if f.side is Side.BUY else -f.shares for f in mine), Decimal(0))
