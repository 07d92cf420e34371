"""Orders on one connection: what IB says of them, and the one way to send one.

Rules:
- Events repeat what IB sent, in the order in which it came; nothing is concluded. ib_async's own Trade objects, which turn
  Cancelled on many an error for a live order, are not used at all.
- An order belongs to the bot by its orderRef. orderStatus and errors carry none: it is looked up by permId or order id, which
  hold on one connection only (IB hands order ids out again after a restart).
- An order, or a group of them, is written to the socket at once or not at all: what ib_async or the socket would queue might
  leave much later, perhaps after `/kill`, or never. (asyncio's own loop writes at once; uvloop does not, and would make every
  order uncertain.) A cancel may wait: late is better than not at all.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC
from decimal import Decimal

import ib_async
from ib_async.util import UNSET_DOUBLE
from loguru import logger

from tradebot.broker.client import TwsClient
from tradebot.broker.codes import order_error_kind
from tradebot.broker.translate import order_state
from tradebot.domain.brokerage import (
    BrokerEvent,
    Contract,
    Executed,
    Execution,
    Numbered,
    Order,
    OrderError,
    OrderReport,
    OrderState,
    OrderUpdate,
)
from tradebot.domain.terms import OrderType
from tradebot.domain.trades import ORDER_REF_PREFIX
from tradebot.errors import BrokerUnavailable, OrderUncertain

REDUCE_WITH_BLOCK = 2


class OrderBook:
    """What IB reported of orders and executions on one connection."""

    def __init__(self, client_id: int, emit: Callable[[BrokerEvent], None]) -> None:
        self._client_id = client_id
        self._emit = emit
        self._orders: dict[tuple[str, int], OrderReport] = {}  # ("perm", permId) and ("id", our order id)
        self._refs: dict[int, str] = {}  # our order id → orderRef
        self._executions: dict[str, Execution] = {}
        self._commissions: dict[str, tuple[Decimal | None, Decimal | None]] = {}

    # what we ask for

    def sent(self, order: Order, order_id: int) -> None:
        """An order is about to be written: whatever IB says of its id from now on is about this one."""
        contract = order.contract
        self._remember(
            OrderReport(
                order_ref=order.order_ref,
                order_id=order_id,
                perm_id=0,
                client_id=self._client_id,
                con_id=contract.con_id,
                ticker=contract.ticker,
                side=order.side,
                qty=order.qty,
                filled=None,
                state=OrderState.WORKING,
                ib_status="PendingSubmit",
                oca_group=order.oca_group,
                parent_id=order.parent_id,
                terms=order.terms,
            )
        )

    def expect(self, order_id: int, order_ref: str) -> None:
        """Something is about to be asked of an order that this connection may not have shown."""
        self._refs.setdefault(order_id, order_ref)

    # what IB says

    def shown(self, order: OrderReport) -> None:
        """openOrder, which does not say how much has filled."""
        known = self._known(order.order_id, order.perm_id, order.client_id)
        self._remember(replace(order, filled=known.filled) if known else order)
        if order.is_ours:
            self._emit(OrderUpdate(order))

    def latest_of(self, order: OrderReport) -> OrderReport:
        """The order with what its statuses have reported since."""
        return self._known(order.order_id, order.perm_id, order.client_id) or order

    def status(self, key: tuple[int, int, int], status: str, filled: Decimal | None, why_held: str) -> None:
        """orderStatus; `key` is order id, permId and client id."""
        order_id, perm_id, _ = key
        known = self._known(*key)
        if known is None:
            logger.debug("Status {} of an order that was not shown on this connection: order id {}", status, order_id)
            return
        order = replace(
            known,
            perm_id=perm_id or known.perm_id,
            filled=filled,
            state=order_state(status),
            ib_status=status,
            detail=why_held,
        )
        self._remember(order)
        if order.is_ours:
            self._emit(OrderUpdate(order))

    def executed(self, execution: Execution, client_id: int, live: bool) -> Execution:
        """execDetails: `live`, or as part of an answer, which is no event. Returns it with what is known besides."""
        if not execution.order_ref:
            known = self._known(execution.order_id, execution.perm_id, client_id)
            execution = replace(execution, order_ref=known.order_ref if known else "")
        execution = self._with_commission(execution)
        self._executions[execution.exec_id] = execution
        if live and _is_ours(execution):
            self._emit(Executed(execution))
        return execution

    def commission(self, exec_id: str, commission: Decimal | None, realised: Decimal | None) -> None:
        """commissionReport: of a fill just reported, reported earlier, or about to be."""
        self._commissions[exec_id] = (commission, realised)
        execution = self._executions.get(exec_id)
        if execution is None:
            return
        complete = self._with_commission(execution)
        if complete == execution:
            return  # every question for executions makes IB repeat all of them
        self._executions[exec_id] = complete
        if _is_ours(complete):
            self._emit(Executed(complete))

    def latest(self, exec_id: str) -> Execution:
        """The execution with the commission that has come meanwhile."""
        return self._executions[exec_id]

    def error(self, order_id: int, code: int, text: str) -> bool:
        """An error about an order; False when no order has this id."""
        if order_id not in self._refs:
            return False
        order_ref = self._refs[order_id]
        if order_ref.startswith(ORDER_REF_PREFIX):
            self._emit(OrderError(order_ref, order_id, code, text, order_error_kind(code, text)))
        else:
            logger.warning("IB on order {}, which is not the bot's: {} ({})", order_id, text, code)
        return True

    def _with_commission(self, execution: Execution) -> Execution:
        commission, realised = self._commissions.get(execution.exec_id, (None, None))
        return replace(execution, commission=commission, realised=realised)

    def _known(self, order_id: int, perm_id: int, client_id: int | None) -> OrderReport | None:
        by_perm = self._orders.get(("perm", perm_id))
        if by_perm or client_id != self._client_id:
            return by_perm
        return self._orders.get(("id", order_id))

    def _remember(self, order: OrderReport) -> None:
        if order.perm_id:
            self._orders["perm", order.perm_id] = order
        if order.client_id == self._client_id and order.order_id > 0:
            self._orders["id", order.order_id] = order
            self._refs[order.order_id] = order.order_ref


def _is_ours(execution: Execution) -> bool:
    return execution.order_ref.startswith(ORDER_REF_PREFIX)


def ib_contract(contract: Contract) -> ib_async.Contract:
    """The pinned contract, routed by SMART."""
    return ib_async.Contract(
        secType="STK",
        conId=contract.con_id,
        symbol=contract.ticker,
        exchange="SMART",
        primaryExchange=contract.primary_exchange,
        currency="USD",
    )


def ib_order(one: Numbered, account: str, *, transmit: bool) -> ib_async.Order:
    """An order with nothing left to the gateway's presets: without a tif it answers 10349.

    Groups are of type 2: what one fills is taken off the others, and no other can fill meanwhile ("reduce with block").
    """
    order, terms = one.order, one.order.terms
    whole = order.qty == order.qty.to_integral_value()
    trails = terms.type is OrderType.TRAILING_STOP
    return ib_async.Order(
        action=order.side.value,
        totalQuantity=int(order.qty) if whole else float(order.qty),
        orderType=terms.type.value,
        lmtPrice=_price(terms.limit_price),
        auxPrice=_price(terms.trail_amount if trails else terms.stop_price),
        trailStopPrice=_price(terms.stop_price) if trails else UNSET_DOUBLE,
        trailingPercent=_price(terms.trail_pct),
        tif=terms.tif.value,
        goodTillDate="" if terms.good_till is None else f"{terms.good_till.astimezone(UTC):%Y%m%d-%H:%M:%S}",
        outsideRth=terms.outside_rth,
        account=account,
        orderRef=order.order_ref,
        parentId=order.parent_id,
        ocaGroup=order.oca_group,
        ocaType=REDUCE_WITH_BLOCK if order.oca_group else 0,
        transmit=transmit,
    )


def _price(value: Decimal | None) -> float:
    return UNSET_DOUBLE if value is None else float(value)


class _OneWrite:
    """In the transport's place while messages are encoded: they become one buffer, and none has left yet."""

    def __init__(self) -> None:
        self.buffer = bytearray()

    def write(self, data: bytes) -> None:
        self.buffer += data


def write_orders(client: TwsClient, group: Sequence[Numbered], account: str) -> None:
    """Write the orders now, in one piece, only the last to be transmitted; and make sure that they were written.

    Raises BrokerUnavailable: nothing has left; OrderUncertain.
    """
    connection = client.conn
    transport = connection.transport
    if transport is None or (transport.is_closing() and not transport.get_write_buffer_size()):
        raise BrokerUnavailable(
            "the order was not sent: the connection has just broken"
        )  # asyncio drops what is written now
    messages = _encoded(client, group, account)
    try:
        transport.write(messages)
    except Exception as error:
        raise OrderUncertain(f"sending the order failed half-way: {error}") from error
    if transport.is_closing() or connection.transport is None:
        raise OrderUncertain("the connection broke while the order was being written")
    if transport.get_write_buffer_size():
        raise OrderUncertain("the gateway does not read: the order is stuck in the socket and may still leave")


def _encoded(client: TwsClient, group: Sequence[Numbered], account: str) -> bytes:
    """As they go over the wire; nothing has left, whatever happens here. Raises BrokerUnavailable."""
    connection, gathered = client.conn, _OneWrite()
    transport, before = connection.transport, connection.numMsgSent
    connection.transport = gathered  # type: ignore[assignment]  # of a transport it is only asked to write
    try:
        for one in group:
            placed = ib_order(one, account, transmit=one is group[-1])
            client.placeOrder(one.order_id, ib_contract(one.order.contract), placed)
    except Exception as error:
        raise BrokerUnavailable(f"the order was not sent: {error}") from error
    finally:
        connection.transport = transport
        encoded = connection.numMsgSent - before
        for _ in range(min(len(group) - encoded, len(client._msgQ))):
            client._msgQ.pop()  # it was queued, last in line: it must not leave later by itself
    if encoded < len(group):
        raise BrokerUnavailable("the order was not sent: ib_async holds messages back: too many in this second")
    return bytes(gathered.buffer)
