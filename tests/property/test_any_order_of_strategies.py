"""Three strategies share an account: whatever happens, each sells only its own, and together they are what IB shows.

Rules: as in `test_any_order_of_events`, whose stage this is: the same moves in every test run, and with
TRADEBOT_PROPERTY_EXAMPLES=2000 others each time. `whose` says what must hold after each move.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Coroutine
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
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.fakes import CON_IDS
from tests.property.stage import Stage
from tests.property.whose import Owner, always, at_the_end, leaving, read
from tradebot.database import migrate
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import ErrorKind, Execution, Order, OrderReport, OrderState
from tradebot.domain.corporate_actions import Split
from tradebot.domain.instructions import Size, SizeKind, Verb
from tradebot.domain.limits import Limits
from tradebot.domain.strategies import ExitSize, Sizing, Strategy
from tradebot.domain.trades import ORDER_REF_PREFIX

LONG = "TRADEBOT_PROPERTY_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("TRADEBOT_PROPERTY_EXAMPLES", "20"))
STEPS = int(os.environ.get("TRADEBOT_PROPERTY_STEPS", "30"))
ROUNDS_MAX = 30
BY_EXCHANGE = "Order Canceled - reason:Cancelled by Exchange"
LIMITS = Limits(
    max_open_positions=200,
    max_per_ticker=200,
    max_daily_buys=1000,
    max_total_investment=Decimal(1_000_000),
    max_daily_loss=Decimal(1_000_000),
)
STRATEGIES = (
    Strategy(name="ema", sizing=Sizing.SHARES, size=Decimal(6), exit_size=ExitSize.ALERT),
    Strategy(name="rsi", sizing=Sizing.ALERT, exit_size=ExitSize.ALERT),
    Strategy(name="slow", sizing=Sizing.SHARES, size=Decimal(3), exit_size=ExitSize.ALERT),
)
NAMES = tuple(strategy.name for strategy in STRATEGIES)
SIZED_BY_ALERT = {"rsi"}
WHOSE = st.sampled_from(NAMES)
TICKER = st.sampled_from(["AAPL", "AAPL", "AAPL", "KO", "KO", "MSFT", "IBM"])  # one stock is everybody's favourite
WHICH = st.integers(0, 7)
REST = st.sampled_from([None, None, None, 0, 1, 2, 3, 5])  # transactions until the next move; None: all of them
EXIT = st.sampled_from([
    *(None, None), *(Size(SizeKind.SHARES, Decimal(n)) for n in (1, 2, 4)), Size(SizeKind.POSITION_PCT, Decimal(50)),
])  # fmt: skip
RATIO = st.sampled_from([(2, 1), (3, 2), (1, 2), (1, 3)])
IS_BUY = st.sampled_from([True, False, False])
Wanted = tuple[str, str, bool, Size | None]  # strategy, ticker, whether to buy, how much to sell
WANTED = st.tuples(WHOSE, TICKER, IS_BUY, EXIT)


class Several(RuleBasedStateMachine):
    template: Path  # a migrated, empty database

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tradebot-test-"))
        self.loop = asyncio.Runner()
        self.owner = Owner()
        self.asked: dict[int, Decimal] = {}  # shares that a partial exit is for, by alert
        self.splits = 0
        self.wrong: list[str] = []
        self.stage = Stage(self.folder, self.template, self.placed, limits=LIMITS, strategies=STRATEGIES)
        self.stage.ib.cash = Decimal(1_000_000)
        self.run(self.stage.begin())
        self.run(self.reconnected())

    def run(self, doing: Coroutine[Any, Any, Any], rest: int | None = None) -> None:
        async def done() -> None:
            await doing
            await self.stage.rest(rest)

        self.loop.run(done())

    async def reconnected(self) -> None:
        self.stage.broker.connect()
        await self.stage.rest()

    def placed(self, order: Order) -> None:
        if self.stage.linked:  # else it is refused, or lost with the line
            self.wrong += leaving(self.stage, order, self.asked)
            self.stage.broker.takes_orders = not self.stage.ib.swallows
            self.stage.ib.swallows = False

    @initialize(owns=st.integers(0, 3))
    def all_hold_the_same(self, owns: int) -> None:
        """A day that began well, on an account in which the owner has some of it himself."""
        self.owner_trades_by_hand("AAPL", owns)
        self.burst([(name, ticker, True, None) for name in NAMES for ticker in ("AAPL", "KO")], None)
        for _ in self.stage.ours():
            self.fill(0, 100, 100, told=True, commission=True, rest=None)
        self.run(self.stage.seconds(12))

    # --- alerts -----------------------------------------------------------------------------------------------------

    @rule(wanted=st.lists(WANTED, min_size=1, max_size=5), rest=REST)
    def burst(self, wanted: list[Wanted], rest: int | None) -> None:
        async def at_once() -> None:
            await asyncio.gather(*map(self.send, wanted))

        self.run(at_once(), rest)

    @rule(
        wanted=st.lists(WANTED, min_size=1, max_size=3), price=st.integers(97, 101), seconds=st.sampled_from([1, 3, 12])
    )
    def alerts_that_fill(self, wanted: list[Wanted], price: int, seconds: int) -> None:
        """As on most days; in a moment, or so soon after one another that IB's position trails."""
        self.burst(wanted, None)
        self.all_fill(price, seconds)

    async def send(self, wanted: Wanted) -> None:
        strategy, ticker, is_buy, size = wanted
        if is_buy:
            size = Size(SizeKind.SHARES, Decimal(5)) if strategy in SIZED_BY_ALERT else None
        verb = Verb.BUY if is_buy else Verb.EXIT
        alert_id = await self.stage.bot.asks(strategy, verb, ticker, size=size)
        if size is not None and size.kind is SizeKind.SHARES and not is_buy:
            self.asked[alert_id] = size.value

    # --- what IB does with orders -----------------------------------------------------------------------------------

    def order(self, which: int) -> OrderReport:
        orders = self.stage.ours()
        return orders[which % len(orders)]

    def fills(self) -> list[Execution]:
        return [fill for fill in self.stage.broker.fills if fill.order_ref.startswith(ORDER_REF_PREFIX)]

    @precondition(lambda self: self.stage.ours())
    @rule(
        which=WHICH, shares=st.sampled_from([1, 2, 100]), price=st.integers(97, 101), told=st.booleans(),
        commission=st.booleans(), rest=REST,
    )  # fmt: skip
    def fill(self, which: int, shares: int, price: int, told: bool, commission: bool, rest: int | None) -> None:
        order = self.order(which)
        left = int(order.qty - (order.filled or 0))

        async def trade() -> None:
            self.stage.fill(order.order_ref, min(shares, left), price, told=told, commission=commission)

        self.run(trade(), rest)

    @rule(price=st.integers(97, 101), seconds=st.sampled_from([0, 3, 12]))
    def all_fill(self, price: int, seconds: int) -> None:
        for _ in self.stage.ours():
            self.fill(0, 100, price, told=True, commission=True, rest=0)
        self.run(self.stage.seconds(seconds, at_once=min(max(seconds, 1), 6)))

    @precondition(lambda self: bool(self.fills()) and self.stage.linked)
    @rule(which=WHICH, what=st.sampled_from(["commission", "price", "shares"]), rest=REST)
    def told_again(self, which: int, what: str, rest: int | None) -> None:
        """A fill comes with its commission, at another price, or with a share less."""
        fill = self.fills()[-1 - which % len(self.fills())]
        revised = f"{fill.root}.{fill.revision + 1:02}"

        async def again() -> None:
            match what:
                case "commission":
                    self.stage.revise(fill, commission=Decimal(1))
                case "price":
                    self.stage.revise(fill, exec_id=revised, price=Decimal(98), commission=None)
                case _:
                    await self.stage.rest()
                    if self.may_be_busted(fill):
                        (self.stage.broker.held or {})[fill.con_id] -= 1
                        self.stage.revise(fill, exec_id=revised, shares=fill.shares - 1)

        self.run(again(), rest)

    def may_be_busted(self, fill: Execution) -> bool:
        """Not where somebody may have sold it since."""
        broker = self.stage.broker
        last = next(one.order_ref for one in reversed(broker.sent) if one.contract.con_id == fill.con_id)
        if fill.side is Side.SELL or fill.shares < 2 or last != fill.order_ref or fill.con_id in self.owner.split:
            return False
        held = (broker.held or {}).get(fill.con_id, Decimal(0))
        return held - self.stage.ib.remaining(broker, Side.SELL, fill.con_id) >= 1

    @rule(
        whose=WHOSE, ticker=TICKER, size=EXIT, which=WHICH, filled=st.sampled_from([0, 1, 1, 2]),
        said=st.sampled_from([True, True, False]), seconds=st.sampled_from([0, 15, 15, 75]),
    )  # fmt: skip
    def ended_by_ib(
        self, whose: str, ticker: str, size: Size | None, which: int, filled: int, said: bool, seconds: int
    ) -> None:
        """IB ends an order, mostly an exit that has filled a part: it is armed again, if IB has said why."""
        self.all_fill(100, 12)
        self.burst([(whose, ticker, False, size)], None)
        if not self.stage.ours():
            return
        order = self.order(which)

        async def ends() -> None:
            if order.qty - (order.filled or 0) > filled > 0:
                self.stage.fill(order.order_ref, filled, 100, told=True, commission=True)
            if said and self.stage.linked:
                self.stage.ib.ended.add(order.order_ref)
                self.stage.broker.error(order.order_ref, 202, ErrorKind.CANCELLED, BY_EXCHANGE)
            self.stage.show(order.order_ref, OrderState.CANCELLED, told=True)

        self.run(ends())
        self.run(self.stage.seconds(seconds, at_once=5))

    @rule(wanted=st.lists(WANTED, min_size=1, max_size=3), which=WHICH, again=st.booleans())
    def vanished(self, wanted: list[Wanted], which: int, again: bool) -> None:
        """An order that the bot has seen is shown no more, and lives; and perhaps is shown again."""
        self.burst(wanted, None)
        if not self.stage.ours():
            return
        stage, ref = self.stage, self.order(which).order_ref

        async def shown() -> None:
            stage.show(ref, OrderState.WORKING, told=True)

        self.run(shown())
        seen = any(row["order_ref"] == ref and row["perm_id"] for row in read(stage.path).trades.values())
        if seen and stage.linked:
            stage.ib.vanished[ref] = stage.broker.working.pop(ref)
            self.line(7)
        if again:
            stage.broker.working |= stage.ib.vanished
            stage.ib.vanished.clear()

    @rule(wanted=st.lists(WANTED, min_size=1, max_size=3), rest=REST, seconds=st.sampled_from([0, 60]))
    def swallowed(self, wanted: list[Wanted], rest: int | None, seconds: int) -> None:
        """The first of these orders is lost without a word."""
        self.stage.ib.swallows = True
        self.burst(wanted, rest)
        self.run(self.stage.seconds(seconds, at_once=6))

    # --- the line, the process, time --------------------------------------------------------------------------------

    def line(self, seconds: int) -> None:
        """It breaks, and is there again; what was not told meanwhile is asked for."""

        async def breaks() -> None:
            if self.stage.linked:
                self.stage.broker.disconnect()
            await self.stage.rest()
            self.stage.broker.connect()

        self.run(breaks())
        self.run(self.stage.seconds(seconds, at_once=7))

    @rule(
        what=st.sampled_from(["crash", "crash", "restart", "line"]), wanted=st.lists(WANTED, min_size=1, max_size=3),
        after=st.sampled_from([None, 0, 2, 4, 6, 9]),
    )  # fmt: skip
    def trouble(self, what: str, wanted: list[Wanted], after: int | None) -> None:
        """So many transactions after these alerts have come."""
        self.burst(wanted, after)
        if what == "line":
            self.line(0)
            return

        async def anew() -> None:
            await (self.stage.crash() if what == "crash" else self.stage.restart())
            self.stage.broker.connect()

        self.run(anew())
        self.run(self.stage.seconds(6, at_once=6))

    @rule(seconds=st.sampled_from([1, 4, 12, 60]))
    def time_passes(self, seconds: int) -> None:
        self.run(self.stage.seconds(seconds, at_once=min(seconds, 6)))

    # --- the owner, the company -------------------------------------------------------------------------------------

    @rule(ticker=TICKER, what=st.sampled_from([2, -1, "unknown"]))
    def owner_acts(self, ticker: str, what: int | str) -> None:
        if isinstance(what, int):
            self.owner_trades_by_hand(ticker, what)
        else:
            self.run(self.decided_by_the_owner())

    def owner_trades_by_hand(self, ticker: str, shares: int) -> None:
        """Of his own."""
        self.run(self.stage.rest())
        con_id, broker = CON_IDS[ticker], self.stage.broker
        assert broker.held is not None
        if self.owner.shares[con_id] + shares >= 0:
            self.owner.shares[con_id] += shares
            broker.held[con_id] = broker.held.get(con_id, Decimal(0)) + shares

    @rule(ticker=TICKER, ratio=RATIO)
    def split(self, ticker: str, ratio: tuple[int, int]) -> None:
        """Of shares that rest; the owner answers at once. What is left over of his own, or of the bot's, is paid out."""
        self.all_fill(100, 12)
        con_id, broker, books = CON_IDS[ticker], self.stage.broker, read(self.stage.path)
        booked, (new, old) = books.held(con_id), ratio
        at_work = [o for o in (*self.stage.ours(), *self.stage.ib.vanished.values()) if o.con_id == con_id]
        assert broker.held is not None
        quiet = (
            not at_work
            and not books.unresolved(con_id)
            and booked + self.owner.shares[con_id] == broker.held.get(con_id)
        )
        exact = booked * new / old
        after = exact.to_integral_value(ROUND_DOWN)
        if not (quiet and after):
            return
        owners = (self.owner.shares[con_id] * new / old).to_integral_value(ROUND_DOWN)
        self.owner.shares[con_id], broker.held[con_id] = owners, after + owners
        self.owner.split.add(con_id)
        parts = [books.held(con_id, name) * new / old for name in NAMES]
        if exact != after or any(part != part.to_integral_value() for part in parts):
            self.owner.uneven.add(con_id)
        seen = Split(ticker, con_id, booked, Decimal(100), con_id, after, Decimal(100) * old / new, new, old)

        async def booked_on_his_word() -> None:
            self.splits += 1
            assert await self.stage.bot.operations.book_split(seen, "owner", f"split {self.splits}")

        self.run(booked_on_his_word())

    async def decided_by_the_owner(self) -> None:
        """He ends what is UNKNOWN and not at IB."""
        bot, broker = self.stage.bot, self.stage.broker
        booked = {row["exec_id"] for rows in read(self.stage.path).executions.values() for row in rows}
        for row in read(self.stage.path).trades.values():
            ref = row["order_ref"]
            untold = any(fill.order_ref == ref and fill.exec_id not in booked for fill in broker.fills)
            alive = ref in broker.working or ref in self.stage.ib.vanished
            if row["status"] == "UNKNOWN" and not (alive or untold):
                await bot.operations.end_as_unfilled(row["id"], "owner")

    # --- what must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def each_keeps_to_its_own(self) -> None:
        assert not self.wrong, "\n".join(self.wrong)
        always(self.stage, read(self.stage.path), self.owner)

    def teardown(self) -> None:
        try:
            self.run(self.everything_ends())
            self.each_keeps_to_its_own()
            at_the_end(self.stage, read(self.stage.path))
            self.run(self.results_add_up())
        finally:
            self.loop.run(self.stage.stop())
            self.loop.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    async def everything_ends(self) -> None:
        """Whatever is broken is mended, IB ends its orders one way or the other, and the owner says what IB never will."""
        stage = self.stage
        stage.ib.swallows = False
        stage.broker.working |= stage.ib.vanished
        stage.ib.vanished.clear()
        if stage.linked:
            stage.broker.disconnect()  # what the line never told is found when it comes back
        await stage.rest()
        stage.broker.connect()
        await stage.rest()
        await stage.bot.switch.resume("owner")  # two orders that are UNKNOWN have paused it
        if stage.ib.ended:
            await stage.seconds(450, at_once=30)  # what is armed again has its third wait
        for _ in range(ROUNDS_MAX):
            await stage.seconds(15, at_once=5)
            if not stage.ours() and not _unfinished(stage):
                break
            for order in stage.ours():
                if order.order_ref in stage.broker.cancels:
                    stage.show(order.order_ref, OrderState.CANCELLED, told=True)
                else:
                    left = int(order.qty - (order.filled or 0))
                    stage.fill(order.order_ref, left, 100, told=True, commission=True)
            await self.decided_by_the_owner()
        await stage.seconds(15, at_once=5)

    async def results_add_up(self) -> None:
        """What is told of each strategy is, in all, what is told of all of them."""
        queries = self.stage.bot.queries
        whole, each = await queries.result(1), [await queries.result(1, name) for name in NAMES]
        assert whole.summary.net == sum((one.summary.net for one in each), Decimal(0))
        assert whole.summary.closed == sum(one.summary.closed for one in each)
        shown = [await queries.positions(name) for name in NAMES]
        held = await queries.positions()
        assert sum(one.qty for one in held.open.positions) == sum(o.qty for one in shown for o in one.open.positions)
        assert not held.missing, f"the books hold more than IB: {held.missing}"
        each_open = {name: one.open for name, one in zip(NAMES, shown, strict=True) if one.open.positions}
        assert held.by_strategy == each_open


def _unfinished(stage: Stage) -> bool:
    waiting = ("RECEIVED", "PENDING", "PROCESSING", "UNKNOWN")
    return any(row["status"] in waiting for row in read(stage.path).alerts.values())


@pytest.mark.timeout(86_400 if LONG else 900)
def test_each_strategy_keeps_to_its_own_whatever_happens(tmp_path: Path) -> None:
    """Some order of alerts, fills, splits and failures would sell another strategy's shares, or lose track of whose they are."""
    template = tmp_path / "empty.db"
    asyncio.run(migrate.up(f"sqlite:///{template}"))
    machine = type("SeveralFromHere", (Several,), {"template": template})
    how = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=how)
