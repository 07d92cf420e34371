"""The broker port over one connection to an IB Gateway.

Rules:
- One question of a kind at a time, each with a time-out; kinds do not wait for each other, so that a silent one holds up no exit.
- Open orders are asked for before positions: an order that fills in between is then missing from the position already, and
  nothing is sold twice.
- Who asks for a position report while one is being asked for shares the next question, never one sent before. They follow each
  other at `HOLDINGS_EVERY_S`, so that many exits at once cost few messages: an exit's order needs one too.
- Orders, groups of orders and cancels are written in one synchronous step; see `orders.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from loguru import logger

from tradebot.broker import client as tws
from tradebot.broker import codes, contracts
from tradebot.broker.bars import daily_bars
from tradebot.broker.connection import BrokerOptions, Link
from tradebot.broker.orders import write_orders
from tradebot.broker.quotes import Quotes, seen
from tradebot.broker.requests import RequestRefused
from tradebot.broker.translate import number
from tradebot.broker.what_if import what_if
from tradebot.broker.wrapper import COMPLETED_ORDERS, EXECUTIONS, OPEN_ORDERS, POSITIONS, Session
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
from tradebot.domain.questions import Question
from tradebot.domain.terms import PriceSteps
from tradebot.errors import BrokerUnavailable, UnknownContract
from tradebot.ports import ASKS_IB_S, Beat, Broker, Connection, PositionReport, Pulse

RULE_WITHIN_S = 2.0
"""So long a BUY waits for the steps of a contract's prices; a market order does without them."""
HISTORY_TIMES = 3  # as long as other questions: its answer has thousands of figures
HOLDINGS_EVERY_S = 0.1
BACKLOG_LOOK_S = 0.05
"""Whether the gateway reads again: what is stuck in the socket says nothing when it moves."""
_T = TypeVar("_T")


def _most(*, entry: bool) -> int:
    return tws.ENTRIES_MAX if entry else tws.MESSAGES_MAX


@asynccontextmanager
async def open_broker(options: BrokerOptions, pulse: Pulse) -> AsyncIterator["IbBroker"]:
    """A broker that connects in the background and keeps connected until the block ends."""
    broker = IbBroker(options)
    tasks = [
        asyncio.create_task(broker.keep_connected(pulse.of("connection to IB", ASKS_IB_S)), name="broker-connection"),
        asyncio.create_task(broker.look_for_latches(pulse.of("health of the connection to IB")), name="broker-latches"),
    ]
    try:
        yield broker
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await broker.end_questions()


class IbBroker(Broker):
    """See `tradebot.ports.Broker`."""

    def __init__(self, options: BrokerOptions) -> None:
        self.events: asyncio.Queue[BrokerEvent] = asyncio.Queue()
        self._options = options
        self._link = Link(options, self.events.put_nowait)
        self.unanswered = self._link.unanswered
        self._quotes = Quotes()
        # On one connection: a split may bring another one.
        self._contracts: dict[tuple[str, str | None, int], tuple[Contract, int | None]] = {}
        self._look_ups: dict[tuple[str, str | None, int], asyncio.Task[None]] = {}
        self._industries: dict[int, str] = {}
        self._next_holdings: asyncio.Task[PositionReport] | None = None
        self._holdings_tasks: set[asyncio.Task[PositionReport]] = set()
        self._holdings_at = -HOLDINGS_EVERY_S  # loop time of the last question
        self._last_order_id = 0

    # --- connection ---

    async def keep_connected(self, beat: Beat) -> None:
        await self._link.run(beat)

    async def look_for_latches(self, beat: Beat) -> None:
        """Ends what would otherwise stay so until somebody restarts: a loss without an end, a refusal that is over."""
        loop, options = asyncio.get_running_loop(), self._options
        pause_s = min(1.0, options.farms_ok_s, options.upstream_lost_s, options.read_only_again_s)
        read_only_since = None
        while True:
            beat()
            await asyncio.sleep(pause_s)
            self._link.give_up_if_stuck()
            session = self._link.session
            if session is None or not (session.read_only and session.upstream):
                read_only_since = None
                continue
            read_only_since = read_only_since or loop.time()
            if loop.time() - read_only_since >= options.read_only_again_s:
                read_only_since = None
                await self._ask_whether_read_only(session)

    async def _ask_whether_read_only(self, session: Session) -> None:
        """A read-only gateway lists no orders either: it answers 321."""
        with suppress(BrokerUnavailable):
            await self.open_orders()
            if session is self._link.session:
                self._link.orders_are_taken(session)

    async def end_questions(self) -> None:
        """Cancel what is still being asked for."""
        tasks: list[asyncio.Task[Any]] = [*self._holdings_tasks, *self._look_ups.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._quotes.close()

    @property
    def connection(self) -> Connection:
        return self._link.connection

    # --- what is streamed ---

    def account(self) -> Account | None:
        session = self._link.session
        return session.account.snapshot() if session else None

    def positions(self) -> Mapping[int, BrokerPosition] | None:
        session = self._link.session
        return session.account.positions() if session else None

    # --- questions ---

    async def contract(self, ticker: str, primary_exchange: str | None) -> Contract:
        """Raises UnknownContract, BrokerUnavailable."""
        key = (ticker, primary_exchange, self.connection.generation)
        if key not in self._contracts:
            flight = self._look_ups.get(key)
            if flight is None:
                flight = asyncio.create_task(self._look_up(key), name=f"broker-contract-{ticker}")
                flight.add_done_callback(seen)  # its askers may all be gone
                self._look_ups[key] = flight
            await asyncio.shield(flight)
        contract, rule = self._contracts[key]
        return replace(contract, steps=await self._steps(rule))

    async def _look_up(self, key: tuple[str, str | None, int]) -> None:
        """Once for all who want it at this moment."""
        try:
            self._contracts[key] = await self._find(key[0], key[1])
        finally:
            del self._look_ups[key]

    async def _steps(self, rule: int | None) -> PriceSteps | None:
        """By the market rule; None where IB does not tell: no order with a price leaves then."""
        session = self._link.ready()
        if rule is None:
            return None
        async with session.requests.alone(contracts.rule_name(rule)):
            if rule not in session.price_steps:
                timeout_s = min(self._options.question_timeout_s, RULE_WITHIN_S)
                try:
                    await tws.room_for_request(session.client)
                    told = await session.requests.listing(
                        contracts.rule_name(rule), lambda: session.client.reqMarketRule(rule), timeout_s
                    )
                except (BrokerUnavailable, ConnectionError) as error:
                    logger.warning("which prices orders may have is not known: {}", error)
                    return None
                session.price_steps[rule] = contracts.steps(told)
            return session.price_steps[rule]

    async def _find(self, ticker: str, hint: str | None) -> tuple[Contract, int | None]:
        """And the number of the market rule of its prices."""
        session = self._link.ready()
        await tws.room_for_request(session.client)
        try:
            req_id = session.client.getReqId()
            details = await session.requests.numbered(
                req_id,
                f"the contract of {ticker}",
                lambda: session.client.reqContractDetails(req_id, contracts.stock(ticker)),
                self._options.question_timeout_s,
            )
        except RequestRefused as refusal:
            if refusal.code == codes.NO_CONTRACT:
                raise UnknownContract(f"IB knows no stock {ticker}: {refusal}") from refusal
            raise BrokerUnavailable(f"IB did not look up {ticker}: {refusal}") from refusal
        except ConnectionError as error:
            raise BrokerUnavailable(f"cannot look up {ticker}: {error}") from error
        contract = contracts.choose(ticker, hint, details)
        if industry := contracts.industry(contract, details):
            self._industries[contract.con_id] = industry
        return contract, contracts.market_rule(contract, details)

    def industries(self) -> Mapping[int, str]:
        return self._industries

    async def quote(self, contract: Contract) -> Quote | NoQuote:
        return await self._quotes.quote(self._link.ready(), contract, self._options.quote_timeout_s)

    def kept_quote(self, con_id: int) -> Quote | None:
        session = self._link.session
        return None if session is None else self._quotes.kept(session, con_id)

    async def daily_bars(self, contract: Contract, sessions: int) -> Sequence[DailyBar]:
        """Raises BrokerUnavailable."""
        timeout_s = HISTORY_TIMES * self._options.question_timeout_s
        return await daily_bars(self._link.ready(), contract, sessions, timeout_s)

    async def what_if(self, order: Order) -> Margin:
        """Raises BrokerUnavailable."""
        session = self._link.ready()
        await tws.room_for_request(session.client)
        try:
            state = await what_if(session, order, self._options.question_timeout_s)
        except RequestRefused as refusal:
            return Margin(order.qty, refused=(refusal.code, refusal.text))
        except ConnectionError as error:
            raise BrokerUnavailable(f"cannot ask what an order would lead to: {error}") from error
        return Margin(order.qty, number(state.initMarginAfter), number(state.equityWithLoanAfter))

    async def position_report(self) -> PositionReport:
        self._link.ready()
        if self._next_holdings is None:
            task = asyncio.create_task(self._ask_holdings(), name="broker-holdings")
            self._next_holdings = task
            self._holdings_tasks.add(task)
            task.add_done_callback(self._holdings_tasks.discard)
        return await asyncio.shield(self._next_holdings)

    async def open_orders(self) -> Sequence[OrderReport]:
        return await self._ask(OPEN_ORDERS, self._open_orders)

    async def completed_orders(self) -> Sequence[OrderReport]:
        async def ask(session: Session) -> list[OrderReport]:
            client, timeout_s = session.client, self._options.question_timeout_s
            return await session.requests.listing(
                COMPLETED_ORDERS, lambda: client.reqCompletedOrders(apiOnly=False), timeout_s
            )

        return await self._ask(COMPLETED_ORDERS, ask)

    async def executions(self) -> Sequence[Execution]:
        return await self._ask(EXECUTIONS, lambda session: session.executions(self._options.question_timeout_s))

    async def _ask(self, kind: Question, question: Callable[[Session], Awaitable[_T]]) -> _T:
        session = self._link.ready()
        async with session.requests.alone(kind):
            self._link.ready()
            holdings = kind in (OPEN_ORDERS, POSITIONS)
            most = tws.HOLDINGS_MAX if holdings else tws.REQUESTS_MAX
            await tws.room_for_request(session.client, most)
            try:
                return await question(session)
            except (RequestRefused, ConnectionError) as error:
                raise BrokerUnavailable(f"the gateway did not answer: {error}") from error

    async def _open_orders(self, session: Session) -> list[OrderReport]:
        return await session.open_orders(self._options.question_timeout_s, session.client.reqAllOpenOrders)

    async def _ask_holdings(self) -> PositionReport:
        loop, at = asyncio.get_running_loop(), datetime.now(UTC)

        async def ask_orders(session: Session) -> list[OrderReport]:
            nonlocal at
            self._next_holdings = None  # who comes from here on needs a newer answer
            self._holdings_at, at = loop.time(), datetime.now(UTC)
            return await self._open_orders(session)

        async def ask_positions(session: Session) -> Mapping[int, BrokerPosition]:
            client, timeout_s = session.client, self._options.question_timeout_s
            listed = await session.requests.listing(POSITIONS, client.reqPositions, timeout_s)
            return session.account.all_positions(listed)

        try:
            await asyncio.sleep(self._holdings_at + HOLDINGS_EVERY_S - loop.time())
            orders = await self._ask(OPEN_ORDERS, ask_orders)
            return PositionReport(await self._ask(POSITIONS, ask_positions), orders, at)
        except BaseException:
            if self._next_holdings is asyncio.current_task():
                self._next_holdings = None
            raise

    # --- orders ---

    def next_order_id(self, floor: int) -> int:
        """Raises BrokerUnavailable: without a connection IB's own counter is not known."""
        session = self._link.ready()
        session.client.updateReqId(max(floor, self._last_order_id + 1))
        self._last_order_id = session.client.getReqId()
        return self._last_order_id

    def throttled(self, *, entry: bool = False) -> bool:
        session = self._link.session
        if session is None:
            return False
        limited = asyncio.get_running_loop().time() < session.limited_until
        return limited or tws.is_throttled(session.client, _most(entry=entry))

    async def room(self, *, entry: bool) -> None:
        session = self._link.session
        if session is None:
            return
        limited_s = session.limited_until - asyncio.get_running_loop().time()
        wait_s = max(limited_s, tws.room_in_s(session.client, _most(entry=entry)))
        await asyncio.sleep(wait_s if wait_s > 0 else BACKLOG_LOOK_S)

    def place(self, order: Order, order_id: int, generation: int) -> None:
        """Raises BrokerUnavailable, OrderUncertain."""
        self.place_group([Numbered(order, order_id)], generation)

    def place_group(self, group: Sequence[Numbered], generation: int) -> None:
        """Raises BrokerUnavailable, OrderUncertain."""
        session = self._link.ready()
        now = self._link.connection
        if generation != now.generation:
            raise BrokerUnavailable(
                f"the order was decided on connection {generation}, this is connection {now.generation}: nothing was sent"
            )
        if not now.tradable or now.account is None:
            raise BrokerUnavailable(f"nothing was sent: {now.why_not}")
        if self.throttled() or not tws.has_room(session.client, len(group)):
            raise BrokerUnavailable(
                "nothing was sent: too many messages to IB in this second, the order would have to wait"
            )
        for one in group:
            session.orders.sent(one.order, one.order_id)
            session.client.updateReqId(one.order_id + 1)
        write_orders(session.client, group, now.account)

    def cancel(self, order_id: int, order_ref: str) -> None:
        """Raises BrokerUnavailable."""
        session = self._link.ready()
        session.orders.expect(order_id, order_ref)
        try:
            session.client.cancelOrder(order_id)
        except ConnectionError as error:
            raise BrokerUnavailable(f"the cancel was not sent: {error}") from error
