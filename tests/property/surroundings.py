"""What happens around the bot's orders, as moves of a hypothesis state machine. See `test_any_order_of_events`."""

import asyncio
import tempfile
from collections.abc import Coroutine
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
)

from tests.fakes import CON_IDS
from tests.property.promises import Row, never_left, placing, read
from tests.property.stage import Stage
from tradebot.domain.alerts import WAITING, Side
from tradebot.domain.brokerage import (
    Contract,
    Order,
    OrderReport,
    OrderState,
    UpstreamBack,
    UpstreamLost,
)
from tradebot.domain.settings import TradingState
from tradebot.errors import BrokerUnavailable, LedgerUnavailable
from tradebot.trading.alert_rows import Outcome
from tradebot.trading.broker_update import BrokerUpdate
from tradebot.trading.switch import store_state

WHICH = st.integers(0, 5)  # of those there are
TICKER = st.sampled_from(["AAPL", "MSFT", "KO"])
SIDE = st.sampled_from(["BUY", "BUY", "SELL"])
REST = st.sampled_from([None, None, None, 0, 1, 2, 3, 5])  # transactions until the next move; None: all of them
HELD_UP = ("write refused", "interrupted while stored", "stored late", "answer to the commit lost")
TROUBLE = st.sampled_from([
    *("line down", "upstream lost", "line up", "line up", "line up", "restart", "crash", "crash"),
    *("database away", "database back", "database back", "next order swallowed", "throttled", "account trails"),
    *HELD_UP, "older order shows up",
    *("quote", "holdings", "open_orders", "completed_orders", "executions"),
])  # fmt: skip
WORD = st.sampled_from(["resume", "resume", "kill", "kill from a shell", "pause", "sells only", "clear"])
TIGHT = st.sampled_from([
    *(("max_open_positions", "4"), ("max_per_ticker", "2"), ("max_daily_buys", "4"), ("max_total_investment", "2000")),
    *(("min_cash_reserve", "3500"), ("max_daily_loss", "5"), ("buy_amount_usd", "1200")),
])  # fmt: skip
LIMIT = st.one_of(
    TIGHT, st.sampled_from([("buy_amount_usd", "300"), ("max_daily_buys", "50"), ("min_cash_reserve", "0")])
)


def may_show_up(trade: Row, stage: Stage) -> bool:
    """It was judged again, its alert's next order has not left, and nothing else of the ticker is at work."""
    sent = [order.order_ref.split("-")[1] for order in stage.broker.sent]
    at_work = [*stage.broker.working.values(), *stage.ib.vanished.values()]
    return (
        never_left(trade)
        and trade["side"] == "SELL"
        and str(trade["alert_id"]) not in sent
        and all(order.con_id != trade["con_id"] for order in at_work)
        and (stage.broker.held or {}).get(trade["con_id"], Decimal(0)) >= Decimal(trade["requested_qty"])
    )


class Surroundings(RuleBasedStateMachine):
    """Alerts, the line, the process, the database, the owner: everything but what IB does with orders."""

    template: Path  # a migrated, empty database

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tradebot-test-"))
        self.loop = asyncio.Runner()
        self.acknowledged: dict[str, int] = {}  # alert_id of the sender → row
        self.told: dict[str, dict[str, object]] = {}
        self.final: dict[int, str] = {}
        self.killed = False
        self.write_refused = False
        self.changes = 0
        self.wrong: list[str] = []
        self.stage = Stage(self.folder, self.template, self.placed)
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
        broker = self.stage.broker
        if not (broker.now.up and broker.now.upstream):
            return  # it is refused, or lost with the line
        if self.write_refused:
            self.write_refused = False
            raise BrokerUnavailable("nothing was sent")
        self.wrong += placing(self.stage, order, killed=self.killed)
        broker.takes_orders = not self.stage.ib.swallows
        self.stage.ib.swallows = False

    # --- alerts -----------------------------------------------------------------------------------------------------

    @rule(side=SIDE, ticker=TICKER, rest=REST)
    def alert(self, side: str, ticker: str, rest: int | None) -> None:
        self.run(self.accept({"action": side, "ticker": ticker, "alert_id": f"a-{len(self.told)}"}), rest)

    @rule(sides=st.lists(st.tuples(SIDE, TICKER), min_size=2, max_size=6), rest=REST)
    def burst(self, sides: list[tuple[str, str]], rest: int | None) -> None:
        async def at_once() -> None:
            first = len(self.told)
            alerts: list[dict[str, object]] = [
                {"action": side, "ticker": ticker, "alert_id": f"a-{first + n}"}
                for n, (side, ticker) in enumerate(sides)
            ]
            await asyncio.gather(*(self.accept(fields) for fields in alerts))

        self.run(at_once(), rest)

    @precondition(lambda self: self.told)
    @rule(which=st.integers(0, 30), rest=REST)
    def alert_again(self, which: int, rest: int | None) -> None:
        self.run(self.accept(self.told[list(self.told)[which % len(self.told)]]), rest)

    async def accept(self, fields: dict[str, object]) -> None:
        key = str(fields["alert_id"])
        self.told[key] = fields
        try:
            accepted = await self.stage.bot.intake.accept(fields, b"raw", None)
        except LedgerUnavailable:
            return
        if key in self.acknowledged:
            assert (accepted.status, accepted.alert_id) == (Outcome.DUPLICATE, self.acknowledged[key])
        self.acknowledged[key] = accepted.alert_id

    # --- the line, the process, the database ------------------------------------------------------------------------

    @rule(what=TROUBLE, rest=REST)
    def trouble(self, what: str, rest: int | None) -> None:
        self.run(self.befalls(what), rest)
        if what in ("restart", "crash"):
            self.killed = read(self.stage.path).state == "KILLED"  # what could not be stored dies with the process

    async def befalls(self, what: str) -> None:
        stage, broker = self.stage, self.stage.broker
        match what:
            case "line down" if broker.now.up:
                broker.disconnect()
            case "upstream lost" if stage.linked:
                broker.upstream(up=False)
                broker.events.put_nowait(UpstreamLost("connectivity lost"))
            case "line up":
                self.link()
            case "restart" | "crash":
                stage.bot.ledger.away = False
                await (stage.crash() if what == "crash" else stage.restart())
                stage.broker.connect()
            case "database away" | "database back":
                stage.bot.ledger.away = what == "database away"
            case "next order swallowed":
                stage.ib.swallows = True
            case "throttled":
                broker.is_throttled = not broker.is_throttled
            case "account trails":
                stage.ib.told = None if stage.ib.told else (stage.ib.cash, stage.bot.clock.now())
                stage.tell_cash()
            case "write refused":
                self.write_refused = True
            case "interrupted while stored" | "stored late" | "answer to the commit lost":
                self.before_the_last_step(what)
            case "older order shows up":
                await stage.rest()
                await self.older_order_shows_up()
            case "quote" | "holdings" | "open_orders" | "completed_orders" | "executions":
                broker.failing ^= {what}

    def before_the_last_step(self, what: str) -> None:
        """It happens once the next intent is stored, and before its order leaves."""
        ledger, stored = self.stage.bot.ledger, len(read(self.stage.path).trades)

        async def after_commit() -> None:
            if len(read(self.stage.path).trades) == stored:
                return
            ledger.after_commit = None
            match what:
                case "interrupted while stored":
                    self.stage.broker.disconnect()
                case "stored late":
                    self.stage.bot.clock.skip(6)
                case "older order shows up":
                    await self.older_order_shows_up(read(self.stage.path).trades[-1]["alert_id"])
                case "answer to the commit lost":
                    raise LedgerUnavailable("the answer to the commit never came")

        ledger.after_commit = after_commit

    async def older_order_shows_up(self, alert_id: int | None = None) -> None:
        """What cannot be, and must do no harm: IB shows an order, perhaps of this alert, that certainly did not leave.

        It is booked at once: what IB has told and nobody has read yet stops no order.
        """
        stage, broker = self.stage, self.stage.broker
        if not stage.linked or stage.bot.ledger.away:
            return
        trades = [row for row in read(stage.path).trades if alert_id in (None, row["alert_id"])]
        lost = next((row for row in trades if may_show_up(row, stage)), None)
        if lost is None:
            return
        shown = broker.working[lost["order_ref"]] = OrderReport(
            order_ref=lost["order_ref"],
            order_id=lost["ib_order_id"],
            perm_id=9000 + lost["ib_order_id"],
            client_id=1,
            con_id=lost["con_id"],
            ticker=lost["ticker"],
            side=Side(lost["side"]),
            qty=Decimal(lost["requested_qty"]),
            filled=Decimal(0),
            state=OrderState.WORKING,
            ib_status="Submitted",
        )
        contract = Contract(lost["con_id"], lost["ticker"], "")
        broker.sent.append(Order(lost["order_ref"], contract, Side.SELL, Decimal(lost["requested_qty"])))
        self.final.pop(lost["alert_id"], None)  # whatever had become of it: its order is alive
        await stage.bot.booking.book(lost["order_ref"], BrokerUpdate(seen=shown))

    def link(self) -> None:
        broker = self.stage.broker
        if not broker.now.up:
            broker.connect()
        elif not broker.now.upstream:
            broker.upstream(up=True)
            broker.events.put_nowait(UpstreamBack(data_lost=True))

    @rule(
        side=SIDE, ticker=TICKER, what=st.sampled_from(HELD_UP), shows_up=st.booleans(), again=st.booleans(), rest=REST
    )
    def order_that_cannot_leave(
        self, side: str, ticker: str, what: str, shows_up: bool, again: bool, rest: int | None
    ) -> None:
        """And is judged again, perhaps with IB showing the first one between the second's decision and its last step."""
        self.run(self.befalls(what))
        self.alert(side, ticker, None)
        if what == "interrupted while stored":
            self.link()
        if again and not shows_up:
            self.run(self.befalls(what), rest)
        if shows_up and again:
            self.before_the_last_step("older order shows up")
        elif shows_up:
            self.run(self.befalls("older order shows up"), rest)
        self.run(self.stage.seconds(2), rest)

    @rule(seconds=st.sampled_from([1, 1, 4, 12, 40, 90]))
    def time_passes(self, seconds: int) -> None:
        self.run(self.stage.seconds(seconds))

    # --- the owner --------------------------------------------------------------------------------------------------

    @rule(what=st.one_of(WORD, WORD, LIMIT), rest=REST)
    def owner(self, what: str | tuple[str, str], rest: int | None) -> None:
        async def says() -> None:
            with suppress(LedgerUnavailable):
                await (self.word(what) if isinstance(what, str) else self.limit(*what))

        self.run(says(), rest)

    async def word(self, what: str) -> None:
        bot = self.stage.bot
        match what:
            case "kill":
                await bot.switch.kill("owner")
                self.killed = True
            case "kill from a shell":
                await store_state(bot.ledger, TradingState.KILLED, "shell", bot.clock.now())
                self.killed = True
            case "pause":
                self.killed = await bot.switch.pause("owner") is TradingState.KILLED
            case "sells only":
                await self.lift(TradingState.PAUSED)
            case "resume":
                await self.lift(TradingState.RUNNING)
            case "clear":
                async with bot.ledger.read() as books:
                    waiting = await books.alerts(WAITING)
                await bot.operations.clear_queue([alert.id for alert in waiting], "owner")

    async def lift(self, to: TradingState) -> None:
        before, self.killed = self.killed, False  # from here on it may be lifted
        try:
            self.killed = await self.stage.bot.switch.resume("owner", to) is TradingState.KILLED
        except LedgerUnavailable:
            self.killed = before
            raise

    async def limit(self, name: str, value: str) -> None:
        self.changes += 1
        await self.stage.bot.operations.set_limit(name, Decimal(value), "owner", f"change {self.changes}")

    @rule(ticker=TICKER, shares=st.sampled_from([3, -2, -100]))
    def owner_trades_by_hand(self, ticker: str, shares: int) -> None:
        """He buys, or sells of what is there as much as no order is selling."""
        self.run(self.stage.rest())
        con_id, broker = CON_IDS[ticker], self.stage.broker
        assert broker.held is not None
        held = broker.held.get(con_id, Decimal(0))
        free = held - self.stage.ib.remaining(broker, Side.SELL, con_id)
        broker.held[con_id] = held + max(Decimal(shares), -max(free, Decimal(0)))

    @rule(ticker=TICKER)
    def owner_sells_with_an_order(self, ticker: str) -> None:
        """An order of his own for two shares, which fills when it is his turn again."""
        self.run(self.stage.rest())
        con_id, broker = CON_IDS[ticker], self.stage.broker
        assert broker.held is not None
        held = broker.held.get(con_id, Decimal(0))
        if his := next((order for order in broker.others if order.con_id == con_id), None):
            broker.others.remove(his)
            broker.held[con_id] = held - his.qty
        elif held - self.stage.ib.remaining(broker, Side.SELL, con_id) >= 2:
            broker.others.append(
                OrderReport(
                    order_ref="",
                    order_id=-1,
                    perm_id=7000 + con_id,
                    client_id=0,
                    con_id=con_id,
                    ticker=ticker,
                    side=Side.SELL,
                    qty=Decimal(2),
                    filled=Decimal(0),
                    state=OrderState.WORKING,
                    ib_status="Submitted",
                )
            )
