"""Orders: what is sent, what IB says of them, and nothing else."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import pytest

from tests.adapters.broker.helpers import AAPL, broker_for, connected, event, events_until, order, place, waiting
from tests.adapters.broker.scripted import (
    CANCEL,
    EXECUTIONS,
    OPEN_ORDERS,
    PLACE,
    Peer,
    ScriptedGateway,
    open_scripted,
    recorded,
)
from tradebot.broker import IbBroker
from tradebot.broker import client as tws
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import (
    BrokerEvent,
    Contract,
    Disconnected,
    ErrorKind,
    Executed,
    OrderError,
    OrderState,
    OrderUpdate,
)
from tradebot.errors import BrokerUnavailable, OrderUncertain
from tradebot.simgateway import Gateway, GatewaySettings, open_gateway

SIMULATED = GatewaySettings(port=0, moving=False, fill_latency_s=0)
REF = order().order_ref


def commission_told(told: BrokerEvent) -> bool:
    return isinstance(told, Executed) and told.execution.commission is not None


def ended(told: BrokerEvent) -> bool:
    return isinstance(told, OrderUpdate) and told.order.state is not OrderState.WORKING


def placed(gateway: Gateway) -> list[dict[str, str]]:
    """The orders that reached the gateway, as it wrote them down."""
    return [line["fields"] for line in gateway.store.lines if line.get("message") == "placeOrder"]


async def test_a_market_order_leaves_nothing_to_presets() -> None:
    """Broken: without tif, account or routing the gateway's presets decide about the owner's money."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        order_id = place(broker, order(qty="3"))
        sent = await gateway.heard(PLACE)
        assert sent[1] == str(order_id)
        assert (sent[2], sent[3], sent[4], sent[9], sent[11]) == ("265598", "AAPL", "STK", "SMART", "USD")
        assert sent[16:22] == ["BUY", "3", "MKT", "", "", "DAY"]
        assert (sent[23], sent[26], sent[27]) == ("DU1234567", REF, "1")
        outside_rth = sent[33]
        assert outside_rth == "0"


async def test_a_gateway_found_read_only_takes_no_more_orders() -> None:
    """Broken: every further alert would be sent into the same refusal."""
    text = "Error validating request.-'bW' : cause - The API interface is currently in Read-Only mode."
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        gateway.answers[PLACE] = lambda peer, fields: peer.send(4, 2, fields[1], 321, text, "")
        await connected(broker)
        place(broker, order())
        assert (await event(broker, OrderError)).kind is ErrorKind.READ_ONLY
        assert not broker.connection.tradable
        with pytest.raises(BrokerUnavailable, match="Read-Only"):
            place(broker, order(2))


async def test_fractions_are_sent_as_such() -> None:
    """Broken: an account that may trade fractions would get another quantity than was judged."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        place(broker, order(qty="1.2345"))
        assert (await gateway.heard(PLACE))[17] == "1.2345"


async def test_place_fill_commission_come_in_order() -> None:
    """Broken: booking would see a fill before its order, or a commission without its fill."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        order_id = place(broker, order())
        told = await events_until(broker, commission_told)
        first, *_, last = told
        assert isinstance(first, OrderUpdate)
        assert (first.order.order_ref, first.order.order_id, first.order.state) == (REF, order_id, OrderState.WORKING)
        assert first.order.perm_id > 0
        fills = [each.execution for each in told if isinstance(each, Executed)]
        assert [(fill.shares, fill.commission) for fill in fills] == [(10, None), (10, Decimal(1))]
        assert isinstance(last, Executed)
        assert last.execution.realised is None, "the largest double is no profit"
        assert any(isinstance(each, OrderUpdate) and each.order.filled == 10 for each in told)


async def test_a_closing_trade_has_its_realised_result() -> None:
    """Broken: IB's own result would be lost, or invented where there is none."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        place(broker, order())
        await events_until(broker, commission_told)
        place(broker, order(2, Side.SELL))
        told = (await events_until(broker, commission_told))[-1]
        assert isinstance(told, Executed)
        assert told.execution.side is Side.SELL
        assert told.execution.realised is not None


@pytest.mark.parametrize(
    ("code", "kind"), [(10349, ErrorKind.NOTICE), (399, ErrorKind.NOTICE), (110, ErrorKind.UNCERTAIN)]
)
async def test_an_error_ends_no_order(code: int, kind: ErrorKind) -> None:
    """Broken: a live order would be booked as cancelled, as ib_async marks it, and then fill."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.faults.arm("hold")
        order_id = place(broker, order())
        shown = await event(broker, OrderUpdate)
        gateway.sessions[1].error(order_id, code, "Order TIF was set to DAY based on order preset.")
        error = await event(broker, OrderError)
        assert (error.order_ref, error.order_id, error.code, error.kind) == (REF, order_id, code, kind)
        assert error.text == "Order TIF was set to DAY based on order preset."
        gateway.fill(shown.order.perm_id)
        told = await events_until(broker, commission_told)
        assert not any(isinstance(each, OrderUpdate) and each.order.state is OrderState.CANCELLED for each in told)


async def test_a_correction_is_the_same_fill_again() -> None:
    """Broken: corrected shares would be counted twice."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.faults.arm("correction", price="1.25")
        place(broker, order())
        first = (await event(broker, Executed)).execution
        second = (await event(broker, Executed, lambda each: each.execution.exec_id != first.exec_id)).execution
        assert (second.root, second.revision) == (first.root, first.revision + 1)
        assert (second.shares, second.price) == (10, Decimal("1.25"))


async def test_fills_need_no_status() -> None:
    """Broken: a fast market order without orderStatus would look unfilled for ever."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.faults.arm("mute_status")
        place(broker, order())
        told = await events_until(broker, commission_told)
        assert [type(each) for each in told] == [Executed, Executed]


@pytest.mark.parametrize("status_first", [False, True])
async def test_a_rejection_in_both_orders(status_first: bool) -> None:
    """Broken: IB's reason would be lost when it comes after the status, or the other way round."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.faults.arm("reject", text="Order rejected - reason:No", status_first=status_first, delay_s=0.01)
        place(broker, order())
        wanted = {"error", "inactive"}
        async with asyncio.timeout(60):
            while wanted:
                told = await broker.events.get()
                if isinstance(told, OrderError):
                    assert (told.kind, told.code, told.text) == (ErrorKind.REJECTED, 201, "Order rejected - reason:No")
                    wanted.discard("error")
                elif isinstance(told, OrderUpdate) and told.order.state is OrderState.INACTIVE:
                    wanted.discard("inactive")


async def test_a_cancel_is_answered_by_status_and_error() -> None:
    """Broken: a timed-out order could not be taken back."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.faults.arm("partial", filled=4)
        order_id = place(broker, order())
        await event(broker, Executed)
        broker.cancel(order_id, REF)
        update = (await event(broker, OrderUpdate, ended)).order
        assert (update.state, update.order_ref) == (OrderState.CANCELLED, REF)
        assert (await event(broker, OrderError)).kind is ErrorKind.CANCELLED
        [done] = await broker.completed_orders()
        assert (done.order_ref, done.order_id, done.client_id, done.qty, done.filled) == (REF, 0, None, 10, 4)


async def test_an_order_of_an_earlier_connection_can_be_cancelled() -> None:
    """Broken: an order left from before a restart could only be cancelled by hand."""
    async with open_gateway(SIMULATED) as gateway:
        gateway.faults.arm("hold")
        async with broker_for(gateway.port) as broker:
            await connected(broker)
            order_id = place(broker, order())
            await event(broker, OrderUpdate)
        async with broker_for(gateway.port) as broker:
            await connected(broker)
            broker.cancel(order_id, REF)
            assert (await event(broker, OrderUpdate, ended)).order.state is OrderState.CANCELLED
            waiting(broker)
            broker.cancel(order_id, REF)
            error = await event(broker, OrderError, lambda each: each.kind is not ErrorKind.CANCELLED)
            assert (error.order_ref, error.kind) == (REF, ErrorKind.CANCEL_REFUSED)


async def test_a_refused_cancel_names_an_order_this_connection_never_saw() -> None:
    """Broken: the refusal, which may mean a fill, would be about nobody's order."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        gateway.answers[CANCEL] = lambda peer, fields: peer.send(4, 2, fields[2], 10147, "OrderId 3 not found", "")
        await connected(broker)
        broker.cancel(3, "tb-9-ffffffff")
        error = await event(broker, OrderError)
        assert (error.order_ref, error.order_id, error.kind) == ("tb-9-ffffffff", 3, ErrorKind.CANCEL_REFUSED)


async def test_other_peoples_orders_make_no_events() -> None:
    """Broken: the owner's own trades would be booked as the bot's."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        order_id = broker.next_order_id(1)
        orphan = order()
        broker.place(type(orphan)("by-hand", AAPL, Side.BUY, Decimal(1)), order_id, 1)
        place(broker, order())
        told = await events_until(broker, commission_told)
        refs = {each.order.order_ref for each in told if isinstance(each, OrderUpdate)}
        refs |= {each.execution.order_ref for each in told if isinstance(each, Executed)}
        assert refs == {REF}
        assert {each.order_ref for each in await broker.executions()} == {"by-hand", REF}


async def test_executions_come_as_a_list_with_their_commissions() -> None:
    """Broken: fills missed while disconnected would stay unknown, or be told anew with every question."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.faults.arm("drop_after")
        place(broker, order())
        await event(broker, Disconnected)
        await connected(broker)
        [missed] = await broker.executions()
        assert (missed.order_ref, missed.shares, missed.commission) == (REF, 10, Decimal(1))
        waiting(broker)
        assert await broker.executions() == [missed]
        assert waiting(broker) == []


async def test_an_order_dropped_with_its_connection_is_not_sent_again() -> None:
    """Broken: the machine would resend what may have been taken."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.faults.arm("drop_before")
        place(broker, order())
        await event(broker, Disconnected)
        await connected(broker)
        with pytest.raises(BrokerUnavailable, match="connection 1"):
            broker.place(order(2), broker.next_order_id(1), 1)
        assert await broker.executions() == []
        assert len(placed(gateway)) == 1


async def test_between_two_orders_the_socket_may_go() -> None:
    """Broken: an order written to a dead socket would count as sent."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        place(broker, order())
        await event(broker, Executed)
        session = broker._link.session
        assert session is not None
        assert session.client.conn.transport is not None
        session.client.conn.transport.abort()  # gone, and nobody was told yet
        with pytest.raises(
            BrokerUnavailable, match="the connection has just broken"
        ):  # certainly not sent: judged again
            place(broker, order(2))
        await event(broker, Disconnected)
        assert len(placed(gateway)) == 1


async def test_no_order_waits_in_a_queue() -> None:
    """Broken: ib_async would send it a second later, perhaps after `/kill`, or throw it away with the connection."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        sent = 0
        while not broker.throttled():
            place(broker, order(sent))
            sent += 1
        with pytest.raises(BrokerUnavailable, match="too many messages"):
            place(broker, order(sent))
        assert 30 < sent <= 45
        assert broker.throttled()
        gateway.drop_all()
        await event(broker, Disconnected)
        await connected(broker)
        assert not broker.throttled()
        assert await broker.open_orders() is not None
        assert len(placed(gateway)) <= sent


@pytest.mark.parametrize("question", ["contract", "quote"])
async def test_questions_leave_room_for_orders(question: str) -> None:
    """Broken: a burst of questions would use up the messages a second, and an order would be refused for it."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        ask: Callable[[int], Coroutine[Any, Any, object]] = {
            "contract": lambda number: broker.contract("AAPL", str(number)),
            "quote": lambda number: broker.quote(Contract(number, "NOSUCH", "NYSE")),
        }[question]
        asking = [asyncio.create_task(ask(number)) for number in range(60)]
        await asyncio.wait(asking[:35])
        for number in range(10):
            place(broker, order(number))
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await broker.open_orders()
        assert len(placed(gateway)) == 10


async def test_an_exit_finds_room_beside_any_number_of_entries() -> None:
    """Broken: an exit, or what it has to ask before, would wait up to a second behind a burst of entries."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        session = broker._link.session
        assert session is not None
        sent = 0
        while not broker.throttled(entry=True):
            place(broker, order(sent))
            sent += 1
        for _ in range(2):  # the last of them had a stop and a target
            place(broker, order(sent))
            sent += 1
        before = tws.messages_lately(session.client)
        await broker.position_report()
        assert tws.messages_lately(session.client) == before + 2, "it waited for none of them"
        assert broker.throttled(entry=True)
        assert not broker.throttled()
        place(broker, order(sent, side=Side.SELL))
        await broker.open_orders()
        assert len(placed(gateway)) == sent + 1


async def test_who_waits_for_room_is_told_when_there_is_some() -> None:
    """Broken: an order would look for it again and again, and take the next second's place instead of the next one."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        sent = 0
        while not broker.throttled():
            place(broker, order(sent))
            sent += 1
        await broker.room(entry=False)
        assert not broker.throttled()
        await broker.room(entry=True)
        assert not broker.throttled(entry=True)


async def test_too_many_messages_by_ibs_own_word() -> None:
    """Broken: after error 100 the next order would be thrown away by IB."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.tell_error(100, "Max rate of messages per second has been exceeded")
        await broker.open_orders()
        assert broker.throttled()


async def test_an_order_stuck_in_the_socket_is_uncertain() -> None:
    """Broken: an order the gateway has not read yet would be called not sent, and sent again."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        _narrow(gateway, broker)
        fates = [_fate(broker, number) for number in range(40)]
        assert fates[0] == "sent"
        assert fates.count("uncertain") == 1
        assert fates[-1] == "not sent"
        assert broker.throttled()


def _fate(broker: IbBroker, number: int) -> str:
    try:
        place(broker, order(number))
    except OrderUncertain:
        return "uncertain"
    except BrokerUnavailable:
        return "not sent"
    return "sent"


def _narrow(gateway: ScriptedGateway, broker: IbBroker) -> None:
    """The gateway stops reading, and the kernel holds little."""
    gateway.peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
    gateway.peer.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    session = broker._link.session
    assert session is not None
    transport = session.client.conn.transport
    assert transport is not None
    wire = transport.get_extra_info("socket")
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)


async def test_order_ids_rise_above_everything() -> None:
    """Broken: IB would refuse a used id (103), or change an old order instead of placing a new one."""
    script = ScriptedGateway()
    script.version = 173
    async with open_scripted(script) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        first = broker.next_order_id(1)
        assert first >= 5
        assert broker.next_order_id(1000) == 1000
        gateway.peer.send(*_recorded_order(1500, client_id=1))
        await broker.open_orders()
        second = broker.next_order_id(1)
        assert second > 1500
        gateway.next_id = 4  # rolled back by the nightly restart
        gateway.peer.cut()
        await connected(broker)
        assert broker.next_order_id(1) > second
        await broker.executions()
        assert int((await gateway.heard(EXECUTIONS))[2]) > second, "questions count with the same counter"


def _recorded_order(order_id: int, client_id: int) -> list[str]:
    message = recorded("market-order-aapl-v173.txt")[4]
    return [message[0], str(order_id), *message[2:24], str(client_id), *message[25:]]


async def test_recorded_traffic_is_understood() -> None:
    """Broken: what a real gateway sent for a market order would be misread."""
    gateway = ScriptedGateway()
    gateway.version, gateway.greeting = 173, "20250415 19:38:30 British Summer Time"
    messages: list[list[Any]] = recorded("market-order-aapl-v173.txt")[4:]
    for message in messages:
        if message[0] == "5":
            message[23] = REF

    def answer(peer: Peer, _: list[str]) -> None:
        for message in messages:
            peer.send(*message)

    gateway.answers[PLACE] = answer
    async with open_scripted(gateway), broker_for(gateway.port, client_id=100) as broker:
        await connected(broker)
        broker.place(order(qty="100"), 5, 1)
        told = await events_until(broker, lambda each: isinstance(each, OrderUpdate) and each.order.filled == 100)
        kinds = [type(each) for each in told]
        assert kinds == [OrderUpdate, OrderUpdate, Executed, OrderUpdate, OrderUpdate]
        [fill] = [each.execution for each in told if isinstance(each, Executed)]
        assert (fill.order_ref, fill.shares, fill.price) == (REF, 100, Decimal("201.94"))
        assert fill.exec_id == "0000e0d5.67fe667b.01.01"
        update = told[-1]
        assert isinstance(update, OrderUpdate)
        assert (update.order.state, update.order.perm_id) == (OrderState.FILLED, 600745656)


async def test_a_message_that_cannot_be_read_and_tells_of_nothing_vital_harms_nothing_else() -> None:
    """Broken: one odd message would end the connection or swallow the next ones."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)

        def nonsense(peer: Peer, _: list[str]) -> None:
            peer.send(6, 2, "TotalCashBalance")
            peer.send(5, 7, 4711, "SPX", "OPT", "of a new kind")
            peer.send(61, 3, "DU1234567", 4711, "SPX", "OPT")
            peer.send(3, "x")
            peer.send(999, 1)
            peer.send(53, 1)

        gateway.answers[OPEN_ORDERS + 11] = nonsense
        assert await broker.open_orders() == []
        assert broker.connection.up
