# ruff: noqa: N802, N803, N815, ASYNC109  the names are ib_async's
"""What is used of ib_async's Client: the socket, the encoding, the throttle. A typed view; ib_async's methods are not annotated.

Its high-level IB class is left aside on purpose: it keeps state of its own that is wrong in the cases that matter (orders
marked Cancelled by errors, cached tickers, questions that orphan each other, executions without an event). `Client` and
`Decoder` speak the protocol to a wrapper, and ours only translates.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, cast

import ib_async

MESSAGES_PER_SECOND_MAX = 45  # ib_async holds back what is more; IB allows 50
REQUESTS_PER_SECOND_MAX = 24  # questions keep below, so that an order always finds room
HOLDINGS_PER_SECOND_MAX = 36  # those for what is held and works overtake the others: an exit waits for them


class TwsEvent(Protocol):
    """An event of ib_async's, as far as it is used."""

    def connect(self, listener: Callable[..., None]) -> object: ...
    def disconnect(self, listener: Callable[..., None]) -> object: ...


class TwsConnection(Protocol):
    """The socket below the client."""

    transport: asyncio.Transport | None
    numMsgSent: int
    hasData: TwsEvent


class TwsDecoder(Protocol):
    """What turns messages into calls of the wrapper."""

    handlers: dict[int, Any]


class TwsClient(Protocol):
    """ib_async's `Client`, as far as it is used."""

    conn: TwsConnection
    decoder: TwsDecoder
    apiError: TwsEvent
    _msgQ: deque[str]
    _timeQ: deque[float]
    RequestsInterval: float
    _reqIdSeq: int

    async def connectAsync(self, host: str, port: int, clientId: int, timeout: float) -> None: ...
    def disconnect(self) -> None: ...
    def isReady(self) -> bool: ...
    def serverVersion(self) -> int: ...
    def getAccounts(self) -> list[str]: ...
    def getReqId(self) -> int: ...
    def updateReqId(self, minReqId: int) -> None: ...
    def placeOrder(self, orderId: int, contract: ib_async.Contract, order: ib_async.Order) -> None: ...
    def cancelOrder(self, orderId: int) -> None: ...
    def reqCurrentTime(self) -> None: ...
    def reqOpenOrders(self) -> None: ...
    def reqAllOpenOrders(self) -> None: ...
    def reqCompletedOrders(self, apiOnly: bool) -> None: ...
    def reqPositions(self) -> None: ...
    def reqAccountUpdates(self, subscribe: bool, acctCode: str) -> None: ...
    def reqPnL(self, reqId: int, account: str, modelCode: str) -> None: ...
    def reqExecutions(self, reqId: int, execFilter: ib_async.ExecutionFilter) -> None: ...
    def reqContractDetails(self, reqId: int, contract: ib_async.Contract) -> None: ...
    def reqMarketRule(self, marketRuleId: int) -> None: ...
    def reqMarketDataType(self, marketDataType: int) -> None: ...
    def reqMktData(
        self,
        reqId: int,
        contract: ib_async.Contract,
        genericTickList: str,
        snapshot: bool,
        regulatorySnapshot: bool,
        mktDataOptions: list[Any],
    ) -> None: ...
    def cancelMktData(self, reqId: int) -> None: ...


def _in_one_line(record: logging.LogRecord) -> bool:
    """What cannot be decoded is told with its fields; the way there inside ib_async would be a page for each."""
    if record.exc_info:
        record.msg, record.args = f"{record.getMessage()}: {record.exc_info[1]!r}", ()
        record.exc_info = None
    return True


# It repeats as errors what `connection.py` says of every attempt.
logging.getLogger("ib_async.client").setLevel(logging.CRITICAL)
logging.getLogger("ib_async.Decoder").addFilter(_in_one_line)


def new_client(wrapper: object) -> TwsClient:
    """A client that calls `wrapper`'s methods. For one connection: a new one has no state of the last."""
    client = ib_async.Client(wrapper)  # type: ignore[no-untyped-call]
    client.MaxRequests = MESSAGES_PER_SECOND_MAX
    return cast(TwsClient, client)


def next_order_id(client: TwsClient) -> int:
    """Right after the handshake: IB's nextValidId, which stands above every order that it has taken of this client id."""
    return client._reqIdSeq


def messages_in_last_second(client: TwsClient) -> int:
    """Messages that count against the throttle just now."""
    oldest = asyncio.get_running_loop().time() - client.RequestsInterval
    return sum(1 for sent_at in client._timeQ if sent_at >= oldest)


def is_throttled(client: TwsClient) -> bool:
    """True when a message written now would wait in ib_async's queue or in the socket's."""
    transport = client.conn.transport
    backlog = transport.get_write_buffer_size() if transport else 0
    return bool(client._msgQ or backlog) or messages_in_last_second(client) >= MESSAGES_PER_SECOND_MAX


def has_room(client: TwsClient, messages: int) -> bool:
    """Whether so many could be written now without one of them waiting in ib_async's queue."""
    return messages_in_last_second(client) + messages <= MESSAGES_PER_SECOND_MAX


async def room_for_request(client: TwsClient, most: int = REQUESTS_PER_SECOND_MAX) -> None:
    """Wait until a question may be asked without taking an order's place: fewer than `most` messages went in a second."""
    while client._timeQ and messages_in_last_second(client) >= most:
        recent = list(client._timeQ)[-most]
        await asyncio.sleep(max(0.0, recent + client.RequestsInterval - asyncio.get_running_loop().time()) + 0.001)
