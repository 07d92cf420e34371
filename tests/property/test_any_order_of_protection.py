"""Entries with stops and targets share stocks: whatever happens, no share is sold twice, and none stands alone unheard.

Rules: as in `test_any_order_of_events`, whose stage this is: the same moves in every test run, and with
TRADEBOT_PROPERTY_EXAMPLES=2000 others each time. `groups` is IB's side of it; `guarding` and `whose` say what must hold.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.fakes import CON_IDS
from tests.property import guarding, whose
from tests.property.groups import BARE, BY_EXCHANGE, GroupBroker, Habits
from tests.property.promises import Row
from tests.property.stage import Stage
from tests.property.whose import Owner, read
from tradebot.database import migrate
from tradebot.domain.brokerage import Order, OrderReport, OrderState, OrderUpdate
from tradebot.domain.corporate_actions import Split
from tradebot.domain.instructions import OrderTerms, Size, SizeKind, Verb
from tradebot.domain.limits import Limits
from tradebot.domain.strategies import ExitSize, ExitSource, OrderSource, Sizing, Strategy
from tradebot.domain.terms import CENTS, Exits, Level, LevelKind, OrderType
from tradebot.domain.trades import ORDER_REF_PREFIX

LONG = "TRADEBOT_PROPERTY_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("TRADEBOT_PROPERTY_EXAMPLES", "8"))
STEPS = int(os.environ.get("TRADEBOT_PROPERTY_STEPS", "20"))
ROUNDS_MAX = 30
QUIET_S = 100
LIMITS = Limits(
    max_open_positions=200,
    max_per_ticker=200,
    max_daily_buys=1000,
    max_total_investment=Decimal(1_000_000),
    max_daily_loss=Decimal(1_000_000),
)
BY_ALERT = Strategy(
    name="ema",
    sizing=Sizing.SHARES,
    size=Decimal(6),
    exit_size=ExitSize.ALERT,
    orders=OrderSource.ALERT,
    exits=ExitSource.ALERT,
)
STRATEGIES = (
    BY_ALERT,
    replace(BY_ALERT, name="rsi", size=Decimal(5), break_even_after=Level(LevelKind.PERCENT, Decimal(3))),
    Strategy(name="slow", sizing=Sizing.SHARES, size=Decimal(3)),
)
NAMES = tuple(strategy.name for strategy in STRATEGIES)
PROTECTED = NAMES[:2]
STOP, TARGET = Level(LevelKind.PERCENT, Decimal(5)), Level(LevelKind.PERCENT, Decimal(10))
LOW, MIDDLE, HIGH = 94, 100, 111
"""Below each stop, where everything is bought, above each target."""
WHOSE = st.sampled_from([*PROTECTED, *PROTECTED, "slow"])
TICKER = st.sampled_from(["AAPL", "AAPL", "AAPL", "KO"])
WHICH = st.integers(0, 7)
REST = st.sampled_from([None, None, None, 0, 1, 2, 3, 5])  # transactions until the next move; None: all of them
EXIT = st.sampled_from([
    *(None, None, None), *(Size(SizeKind.SHARES, Decimal(n)) for n in (1, 2, 4)), Size(SizeKind.POSITION_PCT, Decimal(50)),
])  # fmt: skip
WANT = st.sampled_from(["buy", "buy", "buy", "stop alone", "limit", "exit", "exit", "exit", "cancel"])
Wanted = tuple[str, str, str, Size | None]  # strategy, ticker, what it wants, how much it sells
WANTED = st.lists(st.tuples(WHOSE, TICKER, WANT, EXIT), min_size=1, max_size=3)


class Protection(RuleBasedStateMachine):
    template: Path  # a migrated, empty database

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tradebot-test-"))
        self.loop = asyncio.Runner()
        self.owner = Owner()  # a negative number of shares: he has sold so many of the bot's
        self.asked: dict[int, Decimal] = {}  # shares that a partial exit is for, by alert
        self.let_go: set[int] = set()  # entries whose stop the owner has cancelled
        self.covered: dict[int, datetime] = {}
        self.levels: dict[int, Decimal] = {}
        self.words = 0
        self.killed = False
        self.wrong: list[str] = []
        self.stage = Stage(
            self.folder, self.template, self.placed, limits=LIMITS, strategies=STRATEGIES, fake=GroupBroker
        )
        self.stage.ib.cash = Decimal(1_000_000)
        self.run(self.stage.begin())
        self.broker.on_group = self.group_placed
        self.run(self.reconnected())

    @property
    def broker(self) -> GroupBroker:
        assert isinstance(self.stage.broker, GroupBroker)
        return self.stage.broker

    @property
    def held(self) -> dict[int, Decimal]:
        assert self.broker.held is not None
        return self.broker.held

    def run(self, doing: Coroutine[Any, Any, Any], rest: int | None = None) -> None:
        async def done() -> None:
            await doing
            await self.stage.rest(rest)

        self.loop.run(done())

    def pass_by(self, seconds: int, at_once: int = 5) -> None:
        self.run(self.stage.seconds(seconds, at_once=min(max(seconds, 1), at_once)))

    async def reconnected(self) -> None:
        self.broker.connect()
        await self.stage.rest()

    def group_placed(self, order_refs: Sequence[str]) -> None:
        if self.stage.linked:
            self.wrong += guarding.apart(read(self.stage.path), order_refs)

    def placed(self, order: Order) -> None:
        if self.stage.linked:  # else it is refused, or lost with the line
            self.wrong += guarding.leaving(self.stage, order, self.asked, self.let_go, killed=self.killed)

    @initialize(owns=st.integers(0, 3))
    def all_hold_the_same(self, owns: int) -> None:
        """A day that began well, on an account in which the owner has some of it himself."""
        for con_id in (CON_IDS["AAPL"], CON_IDS["KO"]):
            self.owner.shares[con_id] = self.held[con_id] = Decimal(owns)
            self.broker.avg_costs[con_id] = Decimal(MIDDLE)
        self.burst([(name, ticker, "buy", None) for name in NAMES for ticker in ("AAPL", "KO")], None)
        self.moving_ones_fill(12)

    # --- alerts -----------------------------------------------------------------------------------------------------

    @rule(wanted=WANTED, rest=REST)
    def burst(self, wanted: list[Wanted], rest: int | None) -> None:
        async def at_once() -> None:
            await asyncio.gather(*map(self.send, wanted))

        self.run(at_once(), rest)

    @rule(wanted=WANTED, seconds=st.sampled_from([1, 3, 12]))
    def alerts_that_fill(self, wanted: list[Wanted], seconds: int) -> None:
        """As on most days; in a moment, or so soon after one another that IB's position trails."""
        self.burst(wanted, None)
        self.moving_ones_fill(seconds)

    async def send(self, wanted: Wanted) -> None:
        strategy, ticker, what, size = wanted
        asks = self.stage.bot.asks
        if what == "exit":
            size = None if strategy == "slow" else size
            alert_id = await asks(strategy, Verb.EXIT, ticker, size=size)
            if size is not None and size.kind is SizeKind.SHARES:
                self.asked[alert_id] = size.value
        elif what == "cancel":
            await asks(strategy, Verb.CANCEL, ticker)
        elif strategy == "slow":
            await asks(strategy, Verb.BUY, ticker)
        else:
            limit = OrderTerms(OrderType.LIMIT, limit_price=Decimal(99)) if what == "limit" else OrderTerms()
            target = None if what == "stop alone" else TARGET
            await asks(strategy, Verb.BUY, ticker, order=limit, exits=Exits(stop_loss=STOP, take_profit=target))

    # --- what IB does with orders -----------------------------------------------------------------------------------

    def ours(self, *roles: str) -> list[OrderReport]:
        """The bot's orders at IB, of these roles or of any."""
        rows = {row["order_ref"]: row["role"] for row in read(self.stage.path).trades.values()}
        return [one for one in self.stage.ours() if not roles or rows[one.order_ref] in roles]

    def one_of(self, which: int, *roles: str) -> OrderReport | None:
        found = self.ours(*roles)
        return found[which % len(found)] if found else None

    def fills(self, order: OrderReport, shares: int, *, told: bool = True, commission: bool = True) -> None:
        """At the price that it waits for, as far as it may."""
        if order.order_ref not in self.broker.working:
            return
        terms, number = self.broker.working[order.order_ref].terms, min(shares, self.broker.may_fill(order.order_ref))
        price = (terms.limit_price or terms.stop_price if terms else None) or self.broker.asks.get(order.ticker)
        if number > 0:
            self.stage.fill(order.order_ref, number, int(price or MIDDLE), told=told, commission=commission)

    def moving_ones_fill(self, seconds: int) -> None:
        """Entries and exits; what protects stays."""

        async def trade() -> None:
            for order in self.ours("ENTRY", "EXIT"):
                self.fills(order, 100)

        self.run(trade())
        self.pass_by(seconds)

    @rule(which=WHICH, shares=st.sampled_from([1, 2, 100]), told=st.booleans(), commission=st.booleans(), rest=REST)
    def fill(self, which: int, shares: int, told: bool, commission: bool, rest: int | None) -> None:
        if (order := self.one_of(which)) is None:
            return

        async def trade() -> None:
            self.fills(order, shares, told=told, commission=commission)

        self.run(trade(), rest)

    @rule(
        ticker=TICKER, to=st.sampled_from([LOW, LOW, 104, HIGH]), shares=st.sampled_from([2, 100, 100]),
        told=st.sampled_from([True, True, False]), says=st.booleans(), seconds=st.sampled_from([0, 3, 12, 30]),
    )  # fmt: skip
    def market_moves(self, ticker: str, to: int, shares: int, told: bool, says: bool, seconds: int) -> None:
        """Through the stops, through the targets, or a little; and back."""
        self.broker.habits.says_filled = says
        self.run(self.crossed(ticker, to, shares, told=told))
        self.pass_by(seconds)
        self.broker.habits.says_filled = True
        self.broker.asks[ticker] = Decimal(MIDDLE)

    async def crossed(self, ticker: str, to: int, shares: int, *, told: bool) -> None:
        self.broker.asks[ticker] = Decimal(to)
        for order in self.ours("STOP", "TARGET"):
            terms = order.terms
            assert terms is not None, "the bot's own"
            stop, limit = terms.stop_price or Decimal(0), terms.limit_price or Decimal(1000)
            if order.ticker == ticker and (to <= stop or to >= limit):
                self.fills(order, shares, told=told)

    @rule(whose=st.sampled_from(PROTECTED), ticker=TICKER, shares=st.integers(1, 4), cut=st.sampled_from(["keeps", "cancels"]),
          how=st.sampled_from(["ends", "works", "stop too"]), seconds=st.sampled_from([0, 3, 12, 30]))  # fmt: skip
    def entry_in_part(self, whose: str, ticker: str, shares: int, cut: str, how: str, seconds: int) -> None:
        """Bought in part: the rest comes, or never; or the stop sells it at once."""
        self.broker.habits.cut_parent = cut
        self.burst([(whose, ticker, "limit", None)], None)
        refs = [row["order_ref"] for row in read(self.stage.path).trades.values() if row["strategy"] == whose]
        entries = [one for one in self.ours("ENTRY") if one.ticker == ticker and one.order_ref in refs]
        if not entries:
            return

        async def happens() -> None:
            self.fills(entries[0], shares)
            if how == "stop too":
                await self.crossed(ticker, LOW, 100, told=True)
            elif how == "ends" and entries[0].order_ref in self.broker.working:
                self.broker.ends(entries[0].order_ref, BARE)

        self.run(happens())
        self.pass_by(seconds)
        self.broker.asks[ticker] = Decimal(MIDDLE)

    @rule(
        which=WHICH,
        what=st.sampled_from(["by the exchange", "without a word", "entry or exit"]),
        seconds=st.sampled_from([0, 12, 60]),
    )
    def ended_by_ib(self, which: int, what: str, seconds: int) -> None:
        roles = ("ENTRY", "EXIT") if what == "entry or exit" else ("STOP", "TARGET")
        if (order := self.one_of(which, *roles)) is None:
            return

        async def ends() -> None:
            self.broker.ends(order.order_ref, None if what == "without a word" else BY_EXCHANGE)

        self.run(ends())
        self.pass_by(seconds)

    @rule(
        whose=st.sampled_from(PROTECTED), ticker=TICKER, size=EXIT,
        cancel=st.sampled_from(["done", "filled", "silent", "refused"]), change_lost=st.booleans(),
        waits=st.sampled_from([0, 4, 15, 70]), seconds=st.sampled_from([3, 12, 30]),
    )  # fmt: skip
    def exit_through_protection(
        self, whose: str, ticker: str, size: Size | None, cancel: str, change_lost: bool, waits: int, seconds: int
    ) -> None:
        """IB lets the stop go at once, or late, or it has just filled; what it makes smaller it may not hear of."""
        self.broker.habits.cancel, self.broker.habits.change_lost = cancel, change_lost
        self.burst([(whose, ticker, "exit", size)], None)
        self.pass_by(waits)
        self.broker.habits.cancel = "done"
        self.pass_by(15)
        self.broker.habits.change_lost = False
        self.moving_ones_fill(seconds)

    @rule(whose=st.sampled_from(PROTECTED), ticker=TICKER, lost=st.sampled_from([[True], [False, True], [False, False, True]]),
          fills=st.booleans(), seconds=st.sampled_from([0, 20, 70]))  # fmt: skip
    def arrives_in_part(self, whose: str, ticker: str, lost: list[bool], fills: bool, seconds: int) -> None:
        """Of a bracket's three orders one is lost."""
        self.broker.habits.lost = list(lost)
        self.burst([(whose, ticker, "buy", None)], None)
        self.broker.habits.lost = []
        if fills:
            self.moving_ones_fill(0)
        self.pass_by(seconds)

    @rule(which=WHICH, price=st.sampled_from([99, 101]), commission=st.booleans(), rest=REST)
    def told_again(self, which: int, price: int, commission: bool, rest: int | None) -> None:
        """A fill comes with its commission, or at another price."""
        found = [fill for fill in self.broker.fills if fill.order_ref.startswith(ORDER_REF_PREFIX)]
        if not found or not self.stage.linked:
            return
        fill = found[-1 - which % len(found)]

        async def again() -> None:
            if commission:
                self.stage.revise(fill, commission=Decimal(1))
            else:
                revised = f"{fill.root}.{fill.revision + 1:02}"
                self.stage.revise(fill, exec_id=revised, price=Decimal(price), commission=None)

        self.run(again(), rest)

    # --- the line, the process, time --------------------------------------------------------------------------------

    @rule(
        what=st.sampled_from(["crash", "crash", "restart", "line"]), wanted=WANTED,
        after=st.sampled_from([None, 0, 2, 4, 6, 9, 14]),
        meanwhile=st.sampled_from(["nothing", "stops", "targets", "ended"]), ticker=TICKER, seconds=st.sampled_from([6, 30]),
    )  # fmt: skip
    def trouble(
        self, what: str, wanted: list[Wanted], after: int | None, meanwhile: str, ticker: str, seconds: int
    ) -> None:
        """So many transactions after these alerts have come; and the market does not wait."""
        self.burst(wanted, after)

        async def anew() -> None:
            match what:
                case "crash":
                    await self.stage.crash()
                case "restart":
                    await self.stage.restart()
                case _ if self.stage.linked:
                    self.broker.disconnect()
            if meanwhile in ("stops", "targets"):
                await self.crossed(ticker, LOW if meanwhile == "stops" else HIGH, 100, told=False)
            elif meanwhile == "ended" and (order := self.one_of(0, "STOP")) is not None:
                self.stage.show(order.order_ref, OrderState.CANCELLED, told=False)
            self.broker.asks[ticker] = Decimal(MIDDLE)
            self.broker.connect()

        self.run(anew())
        self.pass_by(seconds)

    @rule(seconds=st.sampled_from([1, 4, 12, 60]))
    def time_passes(self, seconds: int) -> None:
        self.pass_by(seconds)

    @rule()
    def quiet(self) -> None:
        """Nothing happens for a while: what is held is protected, or somebody has been told that it is not."""
        self.pass_by(QUIET_S)
        guarding.settled(self.stage, read(self.stage.path), self.covered, self.levels)

    # --- the owner, the company -------------------------------------------------------------------------------------

    @rule(
        wanted=WANTED,
        ticker=TICKER,
        to=st.sampled_from([LOW, HIGH, MIDDLE]),
        after=REST,
        seconds=st.sampled_from([3, 30]),
    )
    def kills(self, wanted: list[Wanted], ticker: str, to: int, after: int | None, seconds: int) -> None:
        """For a while, in which the market moves."""
        self.burst(wanted, after)

        async def off() -> None:
            await self.stage.bot.switch.kill("owner")
            self.killed = True
            await self.crossed(ticker, to, 100, told=True)

        self.run(off())
        self.pass_by(seconds)
        self.broker.asks[ticker] = Decimal(MIDDLE)
        self.killed = False
        self.run(self.stage.bot.switch.resume("owner"))

    def at_rest(self) -> None:
        """Long enough for a person's word to be told from IB's."""
        self.moving_ones_fill(15)

    def rests(self, con_id: int) -> bool:
        books = read(self.stage.path)
        waiting = [
            row for row in books.alerts.values() if row["status"] in ("RECEIVED", "PENDING", "PROCESSING", "UNKNOWN")
        ]
        return self.stage.linked and not waiting and not guarding.in_motion(books, con_id)

    @rule(which=WHICH, again=st.booleans(), seconds=st.sampled_from([5, 30]))
    def owner_cancels(self, which: int, again: bool, seconds: int) -> None:
        """A stop, in TWS; that stands, until he says otherwise."""
        self.at_rest()
        stop = self.one_of(which, "STOP")
        if (
            stop is None
            or not self.rests(stop.con_id)
            or self.broker.parents.get(stop.order_ref) in self.broker.working
        ):
            return
        entry_id = self.row(stop)["parent_trade_id"]

        async def cancels() -> None:
            self.broker.ends(stop.order_ref, BARE)

        self.run(cancels())
        self.let_go.add(entry_id)
        self.pass_by(seconds)
        if again:
            self.words += 1
            self.let_go.discard(entry_id)
            self.run(self.stage.bot.operations.protect_again(entry_id, "owner", f"again {self.words}"))
            self.pass_by(seconds)

    @rule(which=WHICH, price=st.sampled_from([90, 97]))
    def owner_moves(self, which: int, price: int) -> None:
        """A stop, in TWS; there it stays."""
        self.at_rest()
        stop = self.one_of(which, "STOP")
        if stop is None or not self.rests(stop.con_id) or stop.terms is None:
            return
        moved = replace(stop, terms=replace(stop.terms, stop_price=Decimal(price)))

        async def moves() -> None:
            self.broker.working[stop.order_ref] = moved
            self.broker.events.put_nowait(OrderUpdate(moved))

        self.run(moves())
        self.levels[self.row(stop)["parent_trade_id"]] = Decimal(price)
        self.pass_by(15)

    def row(self, order: OrderReport) -> Row:
        return next(row for row in read(self.stage.path).trades.values() if row["order_ref"] == order.order_ref)

    @rule(ticker=TICKER, shares=st.sampled_from([4, 7, 100]), killed=st.booleans(), change_lost=st.booleans())
    def owner_sells(self, ticker: str, shares: int, killed: bool, change_lost: bool) -> None:
        """Of what the bot holds: what is too much is cut at once, also while KILLED."""
        self.at_rest()
        con_id = CON_IDS[ticker]
        if not self.rests(con_id):
            return
        if killed:
            self.killed = True
            self.run(self.stage.bot.switch.kill("owner"))
        sold = min(Decimal(shares), self.held[con_id])
        self.owner.shares[con_id] -= sold
        self.held[con_id] -= sold
        self.broker.habits.change_lost = change_lost
        self.pass_by(60 if change_lost else 30)
        self.broker.habits.change_lost = False
        sells = guarding.selling(self.broker, self.broker.working.values(), con_id)
        assert sells <= self.held[con_id], f"{sells} of {ticker} are being sold, {self.held[con_id]} are held"
        self.killed = False
        self.run(self.stage.bot.switch.resume("owner"))

    @rule(ticker=TICKER, ratio=st.sampled_from([(2, 1), (3, 2), (1, 2)]), text=st.sampled_from([BARE, BY_EXCHANGE]))
    def split(self, ticker: str, ratio: tuple[int, int], text: str) -> None:
        """Of shares that rest; IB ends the orders; the owner answers at once. What is left over is paid out."""
        self.at_rest()
        con_id, books, (new, old) = CON_IDS[ticker], read(self.stage.path), ratio
        booked = books.held(con_id)
        exact = booked * new / old
        after = exact.to_integral_value(ROUND_DOWN)
        even = booked + self.owner.shares[con_id] == self.held.get(con_id) and self.owner.shares[con_id] >= 0
        entries = [one for one in self.ours("ENTRY") if one.con_id == con_id]
        if not (self.rests(con_id) and even and after) or entries:
            return
        owners = (self.owner.shares[con_id] * new / old).to_integral_value(ROUND_DOWN)
        self.owner.shares[con_id], self.held[con_id] = owners, after + owners
        self.owner.split.add(con_id)
        parts = [books.held(con_id, name) * new / old for name in NAMES]
        if exact != after or any(part != part.to_integral_value() for part in parts):
            self.owner.uneven.add(con_id)
        self.broker.avg_costs[con_id] = (self.broker.avg_costs.get(con_id) or Decimal(MIDDLE)) * old / new
        self.broker.asks[ticker] = Decimal(MIDDLE) * old / new
        seen = Split(ticker, con_id, booked, Decimal(100), con_id, after, Decimal(100) * old / new, new, old)

        async def booked_on_his_word() -> None:
            for order in self.ours("STOP", "TARGET"):
                if order.con_id == con_id:
                    self.broker.ends(order.order_ref, text)
            self.words += 1
            assert await self.stage.bot.operations.book_split(seen, "owner", f"split {self.words}")

        self.run(booked_on_his_word())
        for entry_id, of in guarding.open_shares(read(self.stage.path)):
            stops = [
                row for row in books.trades.values() if row["parent_trade_id"] == entry_id and row["role"] == "STOP"
            ]
            if of == con_id and stops:
                level = self.levels.get(entry_id) or Decimal(stops[0]["stop_price"])
                self.levels[entry_id] = CENTS.nearest(level * old / new)
        self.pass_by(30)
        self.broker.asks[ticker] = Decimal(MIDDLE)

    async def decided_by_the_owner(self) -> None:
        """He ends what is UNKNOWN and not at IB."""
        bot, broker = self.stage.bot, self.broker
        booked = {row["exec_id"] for rows in read(self.stage.path).executions.values() for row in rows}
        for row in read(self.stage.path).trades.values():
            ref = row["order_ref"]
            untold = any(fill.order_ref == ref and fill.exec_id not in booked for fill in broker.fills)
            if row["status"] == "UNKNOWN" and not (ref in broker.working or untold):
                await bot.operations.end_as_unfilled(row["id"], "owner")

    @rule()
    def owner_ends_what_is_unknown(self) -> None:
        self.run(self.decided_by_the_owner())

    # --- what must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_sold_twice(self) -> None:
        assert not self.wrong, "\n".join(self.wrong)
        books = read(self.stage.path)
        whose.always(self.stage, books, self.owner)
        guarding.always(self.stage, books)

    def teardown(self) -> None:
        try:
            self.run(self.mended())
            self.pass_by(QUIET_S)
            guarding.settled(self.stage, read(self.stage.path), self.covered, self.levels)
            self.run(self.all_is_sold())
            self.nothing_is_sold_twice()
            whose.at_the_end(self.stage, read(self.stage.path))
            guarding.at_the_end(self.stage, read(self.stage.path))
        finally:
            self.loop.run(self.stage.stop())
            self.loop.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    async def mended(self) -> None:
        """The line is up, IB does what it is asked to, the owner gives back what he took, and orders that trade at once do."""
        self.broker.habits = Habits()
        if self.stage.linked:
            self.broker.disconnect()  # what the line never told is found when it comes back
        await self.stage.rest()
        self.broker.connect()
        await self.stage.rest()
        await self.stage.bot.switch.resume("owner")
        for con_id, shares in self.owner.shares.items():
            if shares < 0:
                self.held[con_id] -= shares
                self.owner.shares[con_id] = Decimal(0)
        await self.come_to_an_end()

    async def all_is_sold(self) -> None:
        for name in NAMES:
            for ticker in ("AAPL", "KO"):
                await self.stage.bot.asks(name, Verb.EXIT, ticker)
        await self.come_to_an_end()

    async def come_to_an_end(self) -> None:
        """What is UNKNOWN and at IB nowhere the owner ends. What is armed again has its third wait."""
        for _ in range(ROUNDS_MAX):
            await self.stage.seconds(15, at_once=5)
            moving = self.ours("ENTRY", "EXIT")
            waiting = ("RECEIVED", "PENDING", "PROCESSING", "UNKNOWN")
            if not moving and all(row["status"] not in waiting for row in read(self.stage.path).alerts.values()):
                break
            for order in moving:
                self.fills(order, 100)
            await self.decided_by_the_owner()
        await self.stage.seconds(15, at_once=5)


@pytest.mark.timeout(86_400 if LONG else 900)
def test_what_is_protected_stays_protected_whatever_happens(tmp_path: Path) -> None:
    """Some order of fills, exits, faults and crashes would sell shares twice, or leave them alone without a word."""
    template = tmp_path / "empty.db"
    asyncio.run(migrate.up(f"sqlite:///{template}"))
    machine = type("ProtectionFromHere", (Protection,), {"template": template})
    how = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=how)
