"""What survives: the journal on disk through restarts, kills and torn lines."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from ib_async import IB

from tests.adapters.simgateway.conftest import DEADLINE_S, Connect, aapl, filled, limit, market, settings, until
from tradebot.errors import GatewayError
from tradebot.simgateway import Listing, open_gateway, serve

PROCESS = Path(__file__).parent / "clients" / "gateway_process.py"


async def trade_a_little(ib: IB) -> int:
    """Ten shares held and one limit order working; the working order's permId."""
    await filled(ib.placeOrder(aapl(), market("BUY", 10, orderRef="tb-1")))
    working = ib.placeOrder(aapl(), limit("BUY", 1, 1.0, orderRef="tb-2"))
    await until("working", lambda: working.orderStatus.status == "Submitted")
    return working.order.permId


async def test_restart(tmp_path: Path, connect: Connect) -> None:
    """A restart would forget cash, positions, orders or executions, or hand out an id twice."""
    state = tmp_path / "deep" / "gateway.jsonl"
    async with open_gateway(settings(state=state)) as first:
        perm_id = await trade_a_little(await connect(first))
        before = vars(first.book)
    async with open_gateway(settings(state=state)) as second:
        assert vars(second.book) == before
        ib = await connect(second)
        assert [each.position for each in ib.positions()] == [10]
        assert [each.order.permId for each in ib.openTrades()] == [perm_id]
        assert [fill.execution.orderRef for fill in ib.fills()] == ["tb-1"]
        assert ib.client.getReqId() > max(order.ticket.order_id for order in second.book.orders.values())
        second.set_quote("AAPL", Decimal("0.98"), Decimal("0.99"))
        await until("late fill", lambda: second.book.positions[265598].quantity == 11)
        new = await filled(ib.placeOrder(aapl(), market("BUY", 1)))
        assert new.order.permId not in before["orders"]
        assert len({each.exec_id for each in second.book.executions.values()}) == 3


@asynccontextmanager
async def process(state: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """A gateway process and its port; killed at the end."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, str(PROCESS), str(state), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert running.stdout is not None
        yield running, int(await asyncio.wait_for(running.stdout.readline(), DEADLINE_S))
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def test_kill(tmp_path: Path) -> None:
    """kill -9 would lose what a client has already been sent."""
    state, ib = tmp_path / "gateway.jsonl", IB()
    async with process(state) as (running, port):
        await ib.connectAsync("127.0.0.1", port, 7, timeout=DEADLINE_S, raiseSyncErrors=True)
        perm_id = await trade_a_little(ib)
        running.kill()
        await until("loss", lambda: not ib.isConnected())
    async with open_gateway(settings(state=state)) as gateway:
        assert gateway.book.positions[265598].quantity == 10
        assert [order.perm_id for order in gateway.book.live_orders()] == [perm_id]
        assert all(each.commission_reported for each in gateway.book.executions.values())


async def test_order_in_flight_at_a_kill(tmp_path: Path, connect: Connect) -> None:
    """An order taken but not filled before a stop would never fill."""
    state = tmp_path / "gateway.jsonl"
    async with open_gateway(settings(state=state, fill_latency_s=60.0)) as first:
        ib = await connect(first)
        trade = ib.placeOrder(aapl(), market("BUY", 10))
        await until("taken", lambda: trade.orderStatus.status == "PreSubmitted")
    async with open_gateway(settings(state=state)) as second:
        await until("fill", lambda: second.book.executions)
        assert second.book.orders[trade.order.permId].status == "Filled"


async def test_ticker_that_left_the_configuration(tmp_path: Path, connect: Connect) -> None:
    """A position in a ticker that is no longer configured would keep the gateway from answering."""
    state = tmp_path / "gateway.jsonl"
    acme = Listing("ACME", 4242, Decimal(50))
    async with open_gateway(settings(state=state, tickers=(acme,), positions=(("ACME", Decimal(7), Decimal(40)),))):
        pass
    async with open_gateway(settings(state=state)) as second:
        ib = await connect(second)
        assert [(each.contract.conId, each.marketPrice) for each in ib.portfolio()] == [(4242, 40)]


async def test_serve(tmp_path: Path) -> None:
    """Cancelling a serving gateway would leave its state locked."""
    state = tmp_path / "gateway.jsonl"
    serving = asyncio.create_task(serve(settings(state=state)))
    await until("journal", lambda: state.exists() and state.stat().st_size)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    async with open_gateway(settings(state=state)):
        pass


async def test_torn_line(tmp_path: Path) -> None:
    """A line torn by a kill would keep the gateway from starting, or spoil the next one."""
    state = tmp_path / "gateway.jsonl"
    async with open_gateway(settings(state=state)) as first:
        first.set_cash(Decimal(7))
    with state.open("ab") as file:
        file.write(b'{"kind":"cash_set","at":"2025')
    async with open_gateway(settings(state=state)) as second:
        assert second.book.cash == 7
        second.set_cash(Decimal(8))
    assert [json.loads(line)["kind"] for line in state.read_text().splitlines()] == ["opened", "cash_set", "cash_set"]


@pytest.mark.parametrize("line", ["nonsense\n", '{"kind":"boom"}\n', '{"kind":"cash_set","cash":"1"}\n', "[]\n"])
async def test_foreign_file(tmp_path: Path, line: str) -> None:
    """A file that is no journal would be taken for one, or overwritten."""
    state = tmp_path / "gateway.jsonl"
    state.write_text(line)
    with pytest.raises(GatewayError, match="line 1 is no journal entry"):
        async with open_gateway(settings(state=state)):
            pass
    assert state.read_text() == line


async def test_two_gateways_on_one_state(tmp_path: Path) -> None:
    """Two gateways would write into one account."""
    state = tmp_path / "gateway.jsonl"
    async with open_gateway(settings(state=state)):
        with pytest.raises(GatewayError, match="another simulated gateway is running"):
            async with open_gateway(settings(state=state)):
                pass
    async with open_gateway(settings(state=state)):
        pass


async def test_state_of_another_account(tmp_path: Path) -> None:
    """An account's state would be shown under another account's name."""
    state = tmp_path / "gateway.jsonl"
    async with open_gateway(settings(state=state)):
        pass
    with pytest.raises(GatewayError, match="belongs to account DU1234567, not DU2"):
        async with open_gateway(settings(state=state, account="DU2")):
            pass


async def test_unwritable_place() -> None:
    """A path that cannot be opened would fail without naming it."""
    with pytest.raises(GatewayError, match="cannot open the gateway's state file /proc"):
        async with open_gateway(settings(state=Path("/proc/nowhere/gateway.jsonl"))):
            pass
