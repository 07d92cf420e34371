"""Anything may happen to the bot, in any order: hypothesis makes the moves, `promises` says what must hold after each.

Rules: 50 runs of 40 moves, always the same ones, belong to every test run. TRADEBOT_PROPERTY_EXAMPLES=2000 and
TRADEBOT_PROPERTY_STEPS=80 make more, others each time (`--hypothesis-seed=1` repeats them). A failing run is shrunk to the
fewest moves that break the promise, and printed.
"""

import asyncio
import os
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.property.promises import always, at_the_end, is_final, read, unfinished
from tests.property.surroundings import REST, TIGHT, WHICH, Surroundings
from tradebot.database import migrate
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import (
    ErrorKind,
    Execution,
    OrderReport,
    OrderState,
)
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import ORDER_REF_PREFIX, TradeStatus

LONG = "TRADEBOT_PROPERTY_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("TRADEBOT_PROPERTY_EXAMPLES", "50"))
STEPS = int(os.environ.get("TRADEBOT_PROPERTY_STEPS", "40"))
ROUNDS_MAX = 30
BY_EXCHANGE = "Order Canceled - reason:Cancelled by Exchange"


class Anything(Surroundings):
    @initialize(tight=TIGHT)
    def holds_some(self, tight: tuple[str, str]) -> None:
        """A day that began well, and one limit that will soon be reached."""
        for ticker in ("AAPL", "KO"):
            self.alert("BUY", ticker, None)
            self.fill(0, 100, 100, told=True, commission=True, rest=None)
        self.run(self.stage.seconds(11))
        self.run(self.limit(*tight))

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

    @precondition(lambda self: bool(self.fills()) and self.stage.linked)
    @rule(which=WHICH, price=st.sampled_from([None, 98, 101]), rest=REST)
    def commission_or_correction(self, which: int, price: int | None, rest: int | None) -> None:
        fill = self.fills()[which % len(self.fills())]

        async def again() -> None:
            if price is None:
                self.stage.revise(fill, commission=Decimal(1))
            else:
                revised = f"{fill.root}.{fill.revision + 1:02}"
                self.stage.revise(fill, exec_id=revised, price=Decimal(price), commission=None)

        self.run(again(), rest)

    @precondition(lambda self: bool(self.fills()) and self.stage.linked)
    @rule(rest=REST)
    def correction_of_shares(self, rest: int | None) -> None:
        """A share of the last fill was none; not where the bot may have sold it since."""

        async def busted() -> None:
            await self.stage.rest()
            fill, broker = self.fills()[-1], self.stage.broker
            if fill.side is Side.SELL or fill.shares < 2 or broker.sent[-1].order_ref != fill.order_ref:
                return
            assert broker.held is not None
            if broker.held[fill.con_id] - self.stage.ib.remaining(broker, Side.SELL, fill.con_id) >= 1:
                broker.held[fill.con_id] -= 1
                revised = f"{fill.root}.{fill.revision + 1:02}"
                self.stage.revise(fill, exec_id=revised, shares=fill.shares - 1)

        self.run(busted(), rest)

    @precondition(lambda self: self.stage.ours())
    @rule(which=WHICH, rest=REST)
    def shown_working(self, which: int, rest: int | None) -> None:
        self.run(self.shown(self.order(which).order_ref, OrderState.WORKING), rest)

    @precondition(lambda self: self.stage.ours())
    @rule(which=WHICH, told=st.booleans(), rest=REST)
    def cancelled(self, which: int, told: bool, rest: int | None) -> None:
        self.run(self.shown(self.order(which).order_ref, OrderState.CANCELLED, told=told), rest)

    @rule(
        ticker=st.sampled_from(["AAPL", "KO"]), filled=st.sampled_from([0, 1, 2]), told=st.sampled_from([True, True, False]),
        words_first=st.booleans(), seconds=st.sampled_from([0, 15, 15, 90]), rest=REST,
    )  # fmt: skip
    def exit_ended_by_ib(
        self, ticker: str, filled: int, told: bool, words_first: bool, seconds: int, rest: int | None
    ) -> None:
        """What works fills, and then IB cancels an exit, not for the owner: it is armed again, if IB has said why."""
        for order in self.stage.ours():
            if order.ticker == ticker:
                self.stage.fill(order.order_ref, int(order.qty - (order.filled or 0)), 100, told=True, commission=True)
        self.run(self.stage.seconds(12, at_once=6))
        self.alert("SELL", ticker, None)
        exits = [order for order in self.stage.ours() if order.side is Side.SELL and order.ticker == ticker]
        if exits:
            self.run(self.ended_by_ib(exits[-1], filled, told=told, words_first=words_first), rest)
            self.run(self.stage.seconds(seconds, at_once=5), rest)

    async def ended_by_ib(self, order: OrderReport, filled: int, *, told: bool, words_first: bool) -> None:
        stage, ref = self.stage, order.order_ref
        if filled and order.qty - (order.filled or 0) > filled:
            stage.fill(ref, filled, 100, told=told, commission=True)
        stage.ib.ended.add(ref)
        said = told and stage.linked
        if words_first and said:
            stage.broker.error(ref, 202, ErrorKind.CANCELLED, BY_EXCHANGE)
        stage.show(ref, OrderState.CANCELLED, told=told)
        if not words_first and said:
            stage.broker.error(ref, 202, ErrorKind.CANCELLED, BY_EXCHANGE)

    @precondition(lambda self: self.stage.ib.ended)
    @rule(seconds=st.sampled_from([15, 15, 70, 310]))
    def armed_again(self, seconds: int) -> None:
        """Long enough for the first, the second or the third time."""
        self.run(self.stage.seconds(seconds, at_once=5))

    async def shown(self, order_ref: str, state: OrderState, *, told: bool = True) -> None:
        self.stage.show(order_ref, state, told=told)

    @precondition(lambda self: self.stage.linked and any(not order.filled for order in self.stage.ours()))
    @rule(
        which=WHICH, state=st.sampled_from([OrderState.INACTIVE, OrderState.CANCELLED]),
        words=st.sampled_from(["error first", "status first", "error alone"]), rest=REST,
    )  # fmt: skip
    def rejected(self, which: int, state: OrderState, words: str, rest: int | None) -> None:
        unfilled = [order for order in self.stage.ours() if not order.filled]
        ref = unfilled[which % len(unfilled)].order_ref

        async def refuse() -> None:
            broker = self.stage.broker
            if words == "status first":
                self.stage.show(ref, state, told=True)
            broker.error(ref, 201, ErrorKind.REJECTED, "not enough margin")
            if words == "error first":
                self.stage.show(ref, state, told=True)
            if words == "error alone":
                del broker.working[ref]

        self.run(refuse(), rest)

    @precondition(lambda self: self.late())
    @rule(which=WHICH, told=st.booleans(), rest=REST)
    def fill_after_the_cancel(self, which: int, told: bool, rest: int | None) -> None:
        async def late() -> None:
            await self.stage.rest()
            if orders := self.late():
                order = orders[which % len(orders)]
                self.stage.ib.told = None
                self.stage.fill(order.order_ref, 1, 100, told=told, commission=True)

        self.run(late(), rest)

    def late(self) -> list[OrderReport]:
        """Cancelled orders that nothing has followed: a fill of theirs may still be on its way."""
        broker = self.stage.broker
        last = {order.contract.con_id: order.order_ref for order in broker.sent}
        orders = [broker.completed[ref] for ref in last.values() if ref in broker.completed]
        return [order for order in orders if order.state is OrderState.CANCELLED and self.may_fill(order)]

    def may_fill(self, order: OrderReport) -> bool:
        held = (self.stage.broker.held or {}).get(order.con_id, Decimal(0))
        selling = self.stage.ib.remaining(self.stage.broker, Side.SELL, order.con_id)
        return order.side is Side.BUY or held - selling >= 1

    @precondition(lambda self: self.stage.ours())
    @rule(which=WHICH, asked=st.booleans(), rest=REST)
    def vanished(self, which: int, asked: bool, rest: int | None) -> None:
        """An order that the bot has seen is shown no more, and lives."""
        stage, ref = self.stage, self.order(which).order_ref
        self.run(self.shown(ref, OrderState.WORKING))
        if any(row["order_ref"] == ref and row["perm_id"] for row in read(stage.path).trades):
            stage.ib.vanished[ref] = stage.broker.working.pop(ref)
        if asked and stage.broker.now.up:
            self.run(self.befalls("line down"))
            self.run(self.befalls("line up"))
            self.run(stage.seconds(7), rest)

    @precondition(lambda self: self.stage.ib.vanished)
    @rule(rest=REST)
    def shown_again(self, rest: int | None) -> None:
        ref, order = self.stage.ib.vanished.popitem()
        self.stage.broker.working[ref] = order
        self.run(asyncio.sleep(0), rest)

    # --- what must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def promises_hold(self) -> None:
        assert not self.wrong, "\n".join(self.wrong)
        tables = read(self.stage.path)
        always(self.stage, tables, self.acknowledged.values())
        for alert_id, status in self.final.items():
            assert tables.alerts[alert_id]["status"] == status, f"alert {alert_id} left {status}"
        self.final = {one: row["status"] for one, row in tables.alerts.items() if is_final(tables, row)}

    def teardown(self) -> None:
        try:
            self.run(self.everything_ends())
            self.promises_hold()
            at_the_end(self.stage, read(self.stage.path))
        finally:
            self.loop.run(self.stage.stop())
            self.loop.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    async def everything_ends(self) -> None:
        """Whatever is broken is mended, IB ends its orders one way or the other, and the owner says what IB never will."""
        stage = self.stage
        stage.bot.ledger.away, stage.broker.is_throttled, stage.ib.swallows = False, False, False
        stage.bot.ledger.after_commit, self.write_refused = None, False
        stage.broker.failing.clear()
        stage.broker.working |= stage.ib.vanished
        stage.ib.vanished.clear()
        if stage.broker.now.up:
            stage.broker.disconnect()  # what the line never told is found when it comes back
        await stage.rest()
        self.link()
        await stage.rest()
        await self.lift(TradingState.RUNNING)
        if stage.ib.ended:
            await stage.seconds(450, at_once=10)  # what is armed again has its third wait
        for number in range(ROUNDS_MAX):
            await stage.seconds(15)
            if not stage.ours() and not unfinished(read(stage.path)):
                break
            for order in stage.ours():
                if order.order_ref in stage.broker.cancels:
                    stage.show(order.order_ref, OrderState.CANCELLED, told=True)
                else:
                    left = int(order.qty - (order.filled or 0))
                    stage.fill(order.order_ref, left, 100, told=True, commission=True)
            if number > ROUNDS_MAX // 3:
                await self.owner_decides()
        await stage.seconds(15)

    async def owner_decides(self) -> None:
        bot = self.stage.bot
        for trade in await bot.trades():
            if trade.status is TradeStatus.UNKNOWN:
                await bot.operations.end_as_unfilled(trade.id, "owner")


@pytest.mark.timeout(86_400 if LONG else 900)
def test_the_promises_hold_whatever_happens(tmp_path: Path) -> None:
    """Some order of alerts, fills, failures and the owner's words would lose an alert, order twice, or sell short."""
    template = tmp_path / "empty.db"
    asyncio.run(_migrated(template))
    machine = type("AnythingFromHere", (Anything,), {"template": template})
    how = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=how)


async def _migrated(path: Path) -> None:
    await migrate.up(f"sqlite:///{path}")
