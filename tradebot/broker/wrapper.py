# ruff: noqa: N802, N815  the names are ib_async's
"""One connection to the gateway, from its handshake to its end; the wrapper that ib_async's decoder calls.

Rules:
- One object a connection: nothing of an earlier connection can be taken for news of this one.
- The methods that the decoder calls have ib_async's names. They translate and pass on, and never act.
- What cannot be read is logged loudly, whole. If it tells of an order, an execution or a position, the connection ends: else
  what IB has would pass for what it has not, and a fill would never be booked. Anything else harms nothing but itself,
  and so do the owner's options, futures and the like.
- An error's number is first looked up among the questions in flight, then among market data, then among orders: ib_async hands
  out all three kinds of numbers from one counter.
"""

import asyncio
import functools
import os
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any, ClassVar

import ib_async
from loguru import logger

from tradebot.broker import codes, translate
from tradebot.broker.account import AccountBook, watch_daily_pnl
from tradebot.broker.client import new_client, next_order_id
from tradebot.broker.contracts import rule_name
from tradebot.broker.guard import guarded
from tradebot.broker.orders import OrderBook
from tradebot.broker.requests import Requests, TickListener
from tradebot.domain.brokerage import BrokerEvent, BrokerPosition, Execution, OrderReport, UpstreamBack, UpstreamLost
from tradebot.domain.questions import Question
from tradebot.domain.terms import PriceSteps
from tradebot.errors import BrokerUnavailable
from tradebot.ports import Beat

OPEN_ORDERS, COMPLETED_ORDERS = Question.OPEN_ORDERS, Question.COMPLETED_ORDERS
POSITIONS, ACCOUNT, EXECUTIONS = Question.POSITIONS, Question.ACCOUNT, Question.EXECUTIONS

_VITAL = {5: ("an open order", 4), 11: ("an execution", 5), 61: ("a position", 5), 101: ("a completed order", 3)}
"""By message number: what must not be skipped, and which field says what kind of instrument it is about."""
_NO_STOCKS = frozenset(
    ["BAG", "BOND", "CASH", "CFD", "CMDTY", "CRYPTO", "FOP", "FUND", "FUT", "IND", "IOPT", "OPT", "WAR"]
)


class Session:
    """A connection: its client, the questions in flight, and what the gateway sent on it."""

    # what ib_async's client and decoder look up on a wrapper besides the methods below
    defaultTimezone: ClassVar[tzinfo] = UTC

    def __init__(
        self, client_id: int, emit: Callable[[BrokerEvent], None], unanswered: Counter[str] | None = None
    ) -> None:
        self.client_id = client_id
        self.requests = Requests(unanswered)
        self.orders = OrderBook(client_id, emit)
        self.account = AccountBook("")
        self.ticks: dict[int, TickListener] = {}
        self.market_data_type = 1  # what the gateway was last asked to send: live
        self.upstream = True
        self.farm_trouble = False
        self.lost_at = 0.0  # loop time at which IB's servers were lost
        self.farms_ok_at: float | None = None  # loop time since which the farms are fine, though IB's servers are lost
        self.losses = 0  # of IB's servers
        self.read_only = False
        self.unreadable = False
        self.price_steps: dict[int, PriceSteps | None] = {}  # by the number of the market rule
        self.what_if: int | None = None  # the order id of the what-if order that this connection asked
        self.client_id_taken = False
        self.limited_until = 0.0  # loop time until which IB takes no more messages (error 100)
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._emit = emit
        self._socket_gone = asyncio.Event()
        self._last_words = ""
        self._heard_at = 0.0
        self._zone: tzinfo = UTC
        self.next_order_id: int | None = None  # IB's own, of the handshake
        self.clock_ahead_s: float | None = None  # this machine's clock before the gateway's; None: not told
        self._greeting = b""
        self.ib = self  # the decoder asks ib.TimezoneTWS
        self.TimezoneTWS = ""
        self.client = new_client(self)
        self.client.apiError.connect(self._heard)
        self.client.conn.hasData.connect(self._read_greeting)
        handlers = self.client.decoder.handlers
        handlers[11] = functools.partial(self._with_utc_time, handlers[11])
        for number, (about, kind_at) in _VITAL.items():
            handlers[number] = functools.partial(self._read_or_drop, about, kind_at, handlers[number])

    # --- life ---

    async def open(self, host: str, port: int, timeout_s: float) -> None:
        """The handshake, up to the accounts and the first order id. Raises BrokerUnavailable."""
        handshake = asyncio.create_task(
            self.client.connectAsync(host, port, self.client_id, timeout_s), name="broker-handshake"
        )
        try:
            # The client would wait its time-out to the end after a refusal (client id in use).
            either: set[asyncio.Future[Any]] = {handshake, self.closed}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not handshake.done():
                handshake.cancel()
            [error] = await asyncio.gather(handshake, return_exceptions=True)
        if isinstance(error, TimeoutError):
            raise BrokerUnavailable(f"the gateway at {host}:{port} did not complete the handshake in {timeout_s:g} s")
        if self.closed.done():
            raise BrokerUnavailable(f"the gateway at {host}:{port} ended the connection: {self.closed.result()}")
        if error is not None:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
            raise BrokerUnavailable(f"cannot connect to a gateway at {host}:{port}: {reason}") from error
        self._heard_at = asyncio.get_running_loop().time()
        self.next_order_id = next_order_id(self.client)

    async def watch(self, heartbeat_s: float, beat: Beat) -> str:
        """Return why the connection ended. A socket that is silent though asked for the time is dead: cut it."""
        loop = asyncio.get_running_loop()
        while not self.closed.done():
            beat()
            await asyncio.wait({self.closed}, timeout=heartbeat_s)
            if self.closed.done():
                break
            silent_s = loop.time() - self._heard_at
            if silent_s >= 2 * heartbeat_s:
                self.drop(f"the gateway has answered no heartbeat for {silent_s:.0f} s")
            elif self.client.isReady():
                self.client.reqCurrentTime()
        return self.closed.result()

    def drop(self, reason: str) -> None:
        """Cut the connection now."""
        self._end(reason)
        if transport := self.client.conn.transport:
            transport.abort()

    async def close(self) -> None:
        """End the connection and wait until its socket is gone."""
        self._end("closed by tradebot")
        transport = self.client.conn.transport
        try:
            self.client.disconnect()
        except OSError:  # the peer is gone already, and the transport does not know yet
            if transport:
                transport.abort()
        if transport:
            try:
                async with asyncio.timeout(1.0):
                    await self._socket_gone.wait()
            except TimeoutError:
                transport.abort()

    def _end(self, reason: str) -> None:
        if self.closed.done():
            return
        self.closed.set_result(reason)
        self.requests.lose(reason)
        for listener in list(self.ticks.values()):
            listener.lost(reason)

    # --- what the client calls about the socket ---

    def connectAck(self) -> None:
        """The gateway greeted back."""

    def connectionClosed(self) -> None:
        """A ready connection ended; `setEventsDone` has reported it already."""

    def setEventsDone(self) -> None:
        """The socket is gone; called in every case."""
        self._socket_gone.set()
        self._end(self._last_words or "it closed the socket")

    def tcpDataArrived(self) -> None:
        """Bytes prove nothing: after a frame of a bogus length they are never decoded. Only the heartbeat's answer counts."""

    def currentTime(self, _at: int) -> None:
        self._heard_at = asyncio.get_running_loop().time()

    def _heard(self, text: str) -> None:
        self._last_words = self._last_words or text

    def _read_greeting(self, data: bytes) -> None:
        """The gateway's clock and zone are in its first frame, which ib_async does not pass on."""
        self._greeting += data
        length = int.from_bytes(self._greeting[:4], "big")
        if len(self._greeting) < 4 + length:
            return
        self.client.conn.hasData.disconnect(self._read_greeting)
        words = self._greeting[4 : 4 + length].decode(errors="replace").split("\0")
        now, greeting = datetime.now(UTC), words[1] if len(words) > 1 else ""
        self._zone = translate.gateway_zone(greeting, now)
        self.clock_ahead_s = translate.clock_ahead_s(greeting, self._zone, now)

    def _with_utc_time(self, decode: Callable[[list[str]], None], fields: list[str]) -> None:
        """ib_async reads a time without a zone as this machine's, and drops an execution whose zone it does not know."""
        when = 15
        try:
            fields[when] = str(int(translate.execution_time(fields[when], self._zone).timestamp()))
        except ValueError as error:
            logger.critical(
                "An execution's time cannot be read, so the time of arrival is taken: {}; {}", error, fields
            )
            fields[when] = str(int(datetime.now(UTC).timestamp()))
        decode(fields)

    def _read_or_drop(self, about: str, kind_at: int, decode: Callable[[list[str]], None], fields: list[str]) -> None:
        try:
            decode(fields)
        except Exception as error:
            if fields[kind_at : kind_at + 1] and fields[kind_at] in _NO_STOCKS:
                logger.error("A message from IB about {} cannot be read and is skipped: {!r}; {}", about, error, fields)
                return
            logger.critical("A message from IB about {} cannot be read: {!r}; {}", about, error, fields)
            self.unreadable = True
            self.drop(f"it told of {about} in a message that cannot be read (the log has it)")

    # --- orders ---

    def openOrder(
        self, order_id: int, contract: ib_async.Contract, order: ib_async.Order, state: ib_async.OrderState
    ) -> None:
        if (
            order.whatIf
        ):  # what an order would lead to, and no order; see `probe`. A master client may be shown another's
            return self.requests.answer(order_id, state) if order_id == self.what_if else None
        if order.clientId == self.client_id:
            self.client.updateReqId(order_id + 1)
        shown = translate.open_order(contract, order, state)
        if shown and order.account in (self.account.account, ""):
            self.orders.shown(shown)
            self.requests.item(OPEN_ORDERS, shown)

    def openOrderEnd(self) -> None:
        self.requests.end(OPEN_ORDERS)

    def completedOrder(self, contract: ib_async.Contract, order: ib_async.Order, state: ib_async.OrderState) -> None:
        completed = translate.completed_order(contract, order, state)
        if completed and order.account in (self.account.account, ""):
            self.requests.item(COMPLETED_ORDERS, completed)

    def completedOrdersEnd(self) -> None:
        self.requests.end(COMPLETED_ORDERS)

    @guarded
    def orderStatus(
        self,
        order_id: int,
        status: str,
        filled: float,
        _remaining: float,
        _avg_fill_price: float,
        perm_id: int,
        _parent_id: int,
        _last_fill_price: float,
        client_id: int,
        why_held: str,
        _cap_price: float = 0.0,
    ) -> None:
        key = (order_id, perm_id, client_id)
        self.orders.status(key, status, translate.decimal(filled), why_held)

    def execDetails(self, req_id: int, contract: ib_async.Contract, fill: ib_async.Execution) -> None:
        if fill.acctNumber not in (self.account.account, ""):
            return
        execution = translate.execution(contract, fill)
        if execution is None:
            return
        execution = self.orders.executed(execution, fill.clientId, live=req_id == -1)
        self.requests.item(req_id, execution)

    def execDetailsEnd(self, req_id: int) -> None:
        self.requests.end(req_id)

    @guarded
    def commissionReport(self, report: ib_async.CommissionReport) -> None:
        self.orders.commission(
            report.execId, translate.decimal(report.commission), translate.decimal(report.realizedPNL)
        )

    # --- account ---

    @guarded
    def updateAccountValue(self, tag: str, text: str, currency: str, account: str) -> None:
        self.account.value(tag, text, currency, account)

    def updateAccountTime(self, _time: str) -> None:
        self.account.batch_ended(datetime.now(UTC), download=False)

    def accountDownloadEnd(self, _account: str) -> None:
        self.account.batch_ended(datetime.now(UTC), download=True)
        self.requests.end(ACCOUNT)

    @guarded
    def updatePortfolio(self, contract: ib_async.Contract, _qty: float, price: float, *others: Any) -> None:
        if others[-1] == self.account.account:
            self.account.price(contract.conId, translate.decimal(price))

    @guarded
    def pnl(self, _req_id: int, daily: float, _unrealised: float, _realised: float) -> None:
        self.account.daily_pnl(translate.decimal(daily))

    def position(self, account: str, contract: ib_async.Contract, qty: float, avg_cost: float) -> None:
        if account != self.account.account or contract.secType != "STK":
            return
        cost = translate.decimal(avg_cost)
        holding = BrokerPosition(contract.conId, contract.symbol, translate.quantity(qty), cost, market_price=None)
        self.requests.item(POSITIONS, holding)
        self.account.position(holding)

    def positionEnd(self) -> None:
        self.requests.end(POSITIONS)

    # --- contracts and quotes ---

    def contractDetails(self, req_id: int, details: ib_async.ContractDetails) -> None:
        self.requests.item(req_id, details)

    def contractDetailsEnd(self, req_id: int) -> None:
        self.requests.end(req_id)

    def marketRule(self, rule: int, increments: list[ib_async.PriceIncrement]) -> None:
        for one in increments:
            self.requests.item(rule_name(rule), one)
        self.requests.end(rule_name(rule))

    def historicalData(self, req_id: int, bar: ib_async.BarData) -> None:
        self.requests.item(req_id, bar)

    def historicalDataEnd(self, req_id: int, _first: str, _last: str) -> None:
        self.requests.end(req_id)

    @guarded
    def marketDataType(self, req_id: int, kind: int) -> None:
        if listener := self.ticks.get(req_id):
            listener.market_data_type(kind)

    @guarded
    def priceSizeTick(self, req_id: int, kind: int, price: float, size: float) -> None:
        # "no offer" comes as -1, or as any price with size 0; the last price may well come without a size
        listener = self.ticks.get(req_id)
        if listener:
            real = price > 0 and (size > 0 or kind not in (1, 2, 66, 67))
            listener.tick(kind, translate.decimal(price) if real else None)

    # --- errors and the gateway's own messages ---

    @guarded
    def error(self, req_id: int, code: int, text: str, _reject_json: str = "") -> None:
        if code == codes.TOO_MANY_MESSAGES:
            self.limited_until = asyncio.get_running_loop().time() + 1.0
        if codes.is_read_only(code, text):
            self.read_only = True
        if req_id != -1:
            if self.requests.refuse(req_id, code, text):
                return
            if listener := self.ticks.get(req_id):
                listener.refused(code, text)
                return
            if self.orders.error(req_id, code, text):
                return
        self._gateway_message(code, text)

    def _gateway_message(self, code: int, text: str) -> None:
        if codes.is_warning(code) and code not in codes.UPSTREAM_LOST:
            self.farm_trouble |= code not in codes.FARM_OK
            self._farm_heard(code)
            logger.log("INFO" if self.farm_trouble else "DEBUG", "IB: {} ({})", text, code)
            return
        logger.warning("IB: {} ({})", text, code)
        if code == codes.CLIENT_ID_IN_USE:
            self.client_id_taken = True
            self.drop(f"{text} ({code})")
        elif code in codes.SOCKET_BROKEN:
            self.drop(f"{text} ({code})")
        elif code in codes.UPSTREAM_LOST:
            if self.upstream:
                self.upstream, self.farms_ok_at = False, None
                self.lost_at = asyncio.get_running_loop().time()
                self.losses += 1
                self._emit(UpstreamLost(text))
        elif code in (codes.UPSTREAM_BACK, codes.UPSTREAM_BACK_DATA_LOST):
            self._upstream_back(data_lost=code == codes.UPSTREAM_BACK_DATA_LOST)
        elif code == codes.REQUEST_INVALID and self.read_only:
            self.requests.refuse_listings(text)

    def _farm_heard(self, code: int) -> None:
        """A farm that is fine behind servers that are lost: the word of their return (1101, 1102) may never come."""
        if code in codes.FARM_BROKEN:
            self.farms_ok_at = None
        elif code in codes.FARM_OK and self.farms_ok_at is None:
            self.farms_ok_at = asyncio.get_running_loop().time()

    def _upstream_back(self, data_lost: bool) -> None:
        self.losses += self.upstream  # a loss that was not reported
        self.upstream = True
        if data_lost and self.account.account:
            # Subscriptions are gone with the data; the reconciliation asks for positions.
            self.account.forget_values()
            self.client.reqAccountUpdates(True, self.account.account)
            watch_daily_pnl(self.client, self.account)
        self._emit(UpstreamBack(data_lost))

    # --- asking: order ids, listings, numbered questions ---

    async def executions(self, timeout_s: float) -> list[Execution]:
        """As the returned list, commissions included as far as they have come."""
        req_id = self.client.getReqId()
        wanted = ib_async.ExecutionFilter(acctCode=self.account.account)
        found: list[Execution] = await self.requests.numbered(
            req_id, EXECUTIONS, lambda: self.client.reqExecutions(req_id, wanted), timeout_s
        )
        return [self.orders.latest(execution.exec_id) for execution in found]

    async def open_orders(self, timeout_s: float, ask: Callable[[], None]) -> list[OrderReport]:
        """Each order once, with its fills, as far as their statuses have reported them."""
        shown: list[OrderReport] = await self.requests.listing(OPEN_ORDERS, ask, timeout_s)
        latest = (self.orders.latest_of(order) for order in shown)
        return list({(order.perm_id, order.order_id, order.client_id): order for order in latest}.values())
