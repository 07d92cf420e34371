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

# IB takes 50 messages a second by its own clock, to which what it reads late seems to come together with what was sent a second
# after it. So messages are counted over a little more than a second.
INTERVAL_S = 1.1
# Who may use how much of it. Each leaves room for those below it, which so overtake it: an exit, with the two questions before
# it, leaves at once beside any number of entries, even behind one with stop and target; and an order beside any questions.
HISTORY_MAX = 5  # prices of past days, which no order needs
REQUESTS_MAX = 36  # questions: contracts, quotes, what-if
ENTRIES_MAX = 43  # orders that buy
HOLDINGS_MAX = 47  # questions for what is held and works: an exit waits for them
MESSAGES_MAX = 48  # ib_async holds back what is more


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
    MaxRequests: int
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
    def reqHistoricalData(
        self,
        reqId: int,
        contract: ib_async.Contract,
        endDateTime: str,
        durationStr: str,
        barSizeSetting: str,
        whatToShow: str,
        useRTH: int,
        formatDate: int,
        keepUpToDate: bool,
        chartOptions: list[Any],
    ) -> None: ...
    def cancelHistoricalData(self, reqId: int) -> None: ...


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
    client = cast(TwsClient, ib_async.Client(wrapper))  # type: ignore[no-untyped-call]
    client.MaxRequests, client.RequestsInterval = MESSAGES_MAX, INTERVAL_S
    return client


def next_order_id(client: TwsClient) -> int:
    """Right after the handshake: IB's nextValidId, which stands above every order that it has taken of this client id."""
    return client._reqIdSeq


def messages_lately(client: TwsClient) -> int:
    """Messages that count against the throttle just now."""
    oldest = asyncio.get_running_loop().time() - client.RequestsInterval
    return sum(1 for sent_at in client._timeQ if sent_at >= oldest)


def is_throttled(client: TwsClient, most: int = MESSAGES_MAX) -> bool:
    """True when a message written now would wait in ib_async's queue or the socket's, or be one more than `most`."""
    transport = client.conn.transport
    backlog = transport.get_write_buffer_size() if transport else 0
    return bool(client._msgQ or backlog) or messages_lately(client) >= most


def has_room(client: TwsClient, messages: int, most: int = MESSAGES_MAX) -> bool:
    """Whether so many could be written now without one of them waiting in ib_async's queue, or being above `most`."""
    return messages_lately(client) + messages <= most


def room_in_s(client: TwsClient, most: int) -> float:
    """In how many seconds fewer than `most` messages will have gone lately, if none goes until then; 0.0: now."""
    if messages_lately(client) < most:
        return 0.0
    freed_at = client._timeQ[-most] + client.RequestsInterval
    return max(0.0, freed_at - asyncio.get_running_loop().time()) + 0.001


async def room_for_request(client: TwsClient, most: int = REQUESTS_MAX) -> None:
    """Wait until a question may be asked without taking an order's place: fewer than `most` messages went lately."""
    wait_s = room_in_s(client, most)
    while wait_s > 0:
        await asyncio.sleep(wait_s)
        wait_s = room_in_s(client, most)
