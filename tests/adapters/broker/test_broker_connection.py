"""Connecting, losing and finding the gateway again; which account may be traded."""

import asyncio
import gc
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.adapters.broker.helpers import broker_for, connected, event, events_until, order, place, waiting
from tests.adapters.broker.scripted import (
    ACCOUNT,
    ALL_OPEN_ORDERS,
    OPEN_ORDERS,
    POSITIONS,
    START,
    TIME,
    Peer,
    ScriptedGateway,
    open_scripted,
)
from tests.servers import free_port
from tradebot.domain.brokerage import Connected, Disconnected, OrdersTaken, Refused, UpstreamBack, UpstreamLost
from tradebot.domain.restart_window import RestartWindow
from tradebot.errors import BrokerUnavailable
from tradebot.simgateway import GatewaySettings, open_gateway

SIMULATED = GatewaySettings(port=0, control_port=0, moving=False, fill_latency_s=0)


async def test_connected_is_told_with_everything_known() -> None:
    """Broken: the bot would judge orders before cash and positions have come."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        assert not broker.connection.up
        told = await connected(broker)
        now = broker.connection
        assert (told.generation, told.account, told.paper) == (1, "DU1234567", True)
        assert (now.up, now.upstream, now.tradable, now.why_not) == (True, True, True, None)
        assert broker.account() is not None
        assert broker.positions() == {}


async def test_a_drop_makes_a_new_generation() -> None:
    """Broken: orders judged on the old connection could leave on the new one, before reconciliation."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.drop_all()
        lost = await event(broker, Disconnected)
        assert lost.generation == 1
        assert not lost.exhausted
        assert broker.account() is None
        assert broker.positions() is None
        assert (await connected(broker)).generation == 2
        with pytest.raises(BrokerUnavailable, match="connection 1"):
            broker.place(order(), broker.next_order_id(1), 1)
        assert "placeOrder" not in str(gateway.store.lines)


async def test_down_means_unavailable_not_unknown() -> None:
    """Broken: a call without a connection would hang, or look as if IB had answered."""
    async with broker_for(free_port(), backoff_s=(5, 5)) as broker:
        await event(broker, Disconnected)
        for question in (broker.position_report, broker.open_orders, broker.completed_orders, broker.executions):
            with pytest.raises(BrokerUnavailable, match="not connected"):
                await question()
        with pytest.raises(BrokerUnavailable):
            await broker.contract("AAPL", None)
        with pytest.raises(BrokerUnavailable):
            broker.next_order_id(1)
        with pytest.raises(BrokerUnavailable):
            broker.cancel(1, "tb-1-0a1b2c3d")


async def test_attempts_run_out_once_and_trying_goes_on() -> None:
    """Broken: a gateway down overnight would never be told, told for ever, or never found again."""
    port = free_port()
    async with broker_for(port, connect_attempts=3, backoff_s=(0.001, 0.01)) as broker:
        first = await event(broker, Disconnected)
        assert (first.attempt, first.exhausted) == (1, False)
        exhausted = await event(broker, Disconnected)
        assert (exhausted.attempt, exhausted.exhausted) == (3, True)
        async with open_gateway(GatewaySettings(port=port, moving=False)):
            assert (await connected(broker)).generation == 1
            assert not any(isinstance(told, Disconnected) for told in waiting(broker))
        again = await event(broker, Disconnected, lambda told: told.exhausted)
        assert again.attempt == 3, "a connection that stood starts the count anew"


async def test_a_taken_client_id_is_waited_for() -> None:
    """Broken: a second id could neither cancel the bot's orders nor hear of their fills."""
    async with open_gateway(SIMULATED) as gateway, AsyncExitStack() as other_program:
        await connected(await other_program.enter_async_context(broker_for(gateway.port, client_id=7)))
        async with broker_for(gateway.port, client_id=7) as broker:
            assert "client id 7" in (await event(broker, Refused)).reason
            assert not broker.connection.up
            assert not broker.connection.tradable
            await other_program.aclose()
            assert (await connected(broker)).generation == 1
            assert set(gateway.sessions) == {7}


async def test_a_taken_client_id_is_told_once_and_kept() -> None:
    """Broken: the owner would get a message a second, or the bot would slip to another id."""
    async with open_scripted() as gateway:

        def taken_thrice(peer: Peer, _: list[str]) -> None:
            if gateway.count(START) > 3:
                gateway.welcome(peer)
            else:
                peer.send(4, 2, -1, 326, "Unable to connect as the client id is already in use.", "")

        gateway.answers[START] = taken_thrice
        async with broker_for(gateway.port, client_id=7) as broker:
            told = await events_until(broker, lambda each: isinstance(each, Connected))
            assert sum(isinstance(each, Refused) for each in told) == 1
            assert [fields[2] for fields in gateway.received if fields[0] == str(START)] == ["7"] * 4


@pytest.mark.parametrize(
    ("managed", "wanted", "words"),
    [
        ("DU1,DU2", None, "several accounts: DU1, DU2"),
        ("DU1,DU2", "DU9", "does not manage account DU9; it manages: DU1, DU2"),
        ("DF1,DU1,DU2", None, "several accounts: DU1, DU2"),
        ("DF1,DU1,DU2", "DF1", "DF1 is an advisor's master account"),
        ("F1,U1", "F1", "account to one of these: U1"),
    ],
)
async def test_the_account_must_be_unmistakable(managed: str, wanted: str | None, words: str) -> None:
    """Broken: the bot could trade somebody else's account of the same login."""
    async with open_scripted() as gateway:
        gateway.accounts = managed
        async with broker_for(gateway.port, account=wanted) as broker:
            refused = await event(broker, Refused)
            assert words in refused.reason
            assert broker.connection.why_not == refused.reason
            assert not broker.connection.up
            assert not broker.connection.tradable


async def test_one_of_several_accounts_is_asked_for_by_name() -> None:
    """Broken: with several accounts the values of another one would be taken."""
    async with open_scripted() as gateway:
        gateway.accounts = "DU1,DU2"
        async with broker_for(gateway.port, account="DU2") as broker:
            assert (await connected(broker)).account == "DU2"
            assert (await gateway.heard(ACCOUNT))[3] == "DU2"
            account = broker.account()
            assert account is not None
            assert account.cash is None  # what was told was DU1's


async def test_a_live_account_is_shown_and_not_traded() -> None:
    """Broken: real money would move without the owner's word."""
    async with open_scripted() as gateway:
        gateway.accounts = "U7654321"
        async with broker_for(gateway.port) as broker:
            assert not (await connected(broker)).paper
            assert "U7654321 is a live account" in (await event(broker, Refused)).reason
            assert broker.connection.up
            assert broker.account() is not None
            with pytest.raises(BrokerUnavailable, match="allow_live"):
                place(broker, order())
        async with broker_for(gateway.port, allow_live=True) as broker:
            await connected(broker)
            assert broker.connection.tradable
            assert not broker.connection.paper


async def test_a_read_only_gateway_is_said_to_be_one() -> None:
    """Broken: the gateway's default setting would look like a hung connection."""
    text = "Error validating request.-'cO' : cause - The API interface is currently in Read-Only mode."
    async with open_scripted() as gateway:
        gateway.answers[OPEN_ORDERS] = lambda peer, _: peer.send(4, 2, -1, 321, text, "")
        async with broker_for(gateway.port) as broker:
            await connected(broker)
            assert "Read-Only" in (await event(broker, Refused)).reason
            assert not broker.connection.tradable


async def test_a_read_only_gateway_that_is_so_no_longer_is_traded_again() -> None:
    """Broken: the owner unticks the box and nothing is traded until somebody restarts something."""
    text = "Error validating request.-'cO' : cause - The API interface is currently in Read-Only mode."
    async with open_scripted() as gateway:

        def refused(peer: Peer, _: list[str]) -> None:
            peer.send(4, 2, -1, 321, text, "")

        lists = gateway.answers[ALL_OPEN_ORDERS]
        gateway.answers[OPEN_ORDERS] = gateway.answers[ALL_OPEN_ORDERS] = refused
        async with broker_for(gateway.port, read_only_again_s=0.05) as broker:
            await connected(broker)
            await gateway.heard(ALL_OPEN_ORDERS, times=2)
            assert not broker.connection.tradable
            gateway.answers[ALL_OPEN_ORDERS] = lists
            await event(broker, OrdersTaken)
            assert broker.connection.tradable
            assert broker.connection.generation == 1
            refused(gateway.peer, [])  # ticked again: it is told again
            await gateway.heard(ALL_OPEN_ORDERS, times=gateway.count(ALL_OPEN_ORDERS) + 1)
            await event(broker, OrdersTaken)


async def test_a_live_account_behind_a_read_only_gateway_is_not_traded_by_unticking() -> None:
    """Broken: real money would move without the owner's word, once the box is unticked."""
    async with open_scripted() as gateway:
        gateway.accounts = "U7654321"
        gateway.answers[OPEN_ORDERS] = lambda peer, _: peer.send(4, 2, -1, 321, "Read-Only mode", "")
        async with broker_for(gateway.port, read_only_again_s=0.05) as broker:
            await event(broker, OrdersTaken)
            assert not broker.connection.tradable
            assert "U7654321 is a live account" in (await event(broker, Refused)).reason


async def test_values_that_are_not_ready_are_no_connection() -> None:
    """Broken: stale cash of the nightly reset would be traded on."""
    async with open_scripted() as gateway:
        gateway.values[0] = ("AccountReady", "false", "")

        def ready(peer: Peer, _: list[str]) -> None:
            gateway.tell_account(peer)
            gateway.values[0] = ("AccountReady", "true", "")

        gateway.answers[ACCOUNT] = ready
        async with broker_for(gateway.port) as broker:
            assert (await connected(broker)).generation == 1
            assert gateway.count(START) == 2


async def test_an_initial_answer_that_never_comes_is_no_connection() -> None:
    """Broken: "no positions" would be concluded from a lost message."""
    async with open_scripted() as gateway:
        listing = gateway.answers.pop(POSITIONS)
        async with broker_for(gateway.port, connect_timeout_s=0.1) as broker:
            assert "positions" in (await event(broker, Disconnected)).reason
            gateway.answers[POSITIONS] = listing
            assert (await connected(broker)).generation == 1


async def test_a_half_open_socket_is_noticed() -> None:
    """Broken: a gateway that vanished behind a firewall would look connected for hours."""
    async with open_scripted() as gateway:
        del gateway.answers[TIME]
        async with broker_for(gateway.port, heartbeat_s=0.05) as broker:
            await connected(broker)
            assert "heartbeat" in (await event(broker, Disconnected)).reason
            assert gateway.count(TIME) >= 1
            assert (await connected(broker)).generation == 2


async def test_bytes_that_are_never_decoded_are_no_sign_of_life() -> None:
    """Broken: after one garbled frame the connection looks alive, and no fill is ever heard of again."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port, heartbeat_s=0.2) as broker:
        await connected(broker)
        gateway.degrade("garbage", {"kind": "endless_frame"})
        assert "heartbeat" in (await event(broker, Disconnected)).reason
        gateway.faults.clear()
        assert (await connected(broker)).generation == 2


async def test_a_heartbeat_keeps_a_quiet_connection() -> None:
    """Broken: a connection on which nothing happens would be cut every half minute."""
    async with open_scripted() as gateway, broker_for(gateway.port, heartbeat_s=1.0) as broker:
        await connected(broker)
        await gateway.heard(TIME, times=3)
        assert broker.connection.generation == 1
        assert not waiting(broker)


@pytest.mark.parametrize("code", [502, 503, 504, 507, 1300])
async def test_connection_layer_errors_reconnect(code: int) -> None:
    """Broken: the bot would stay on a socket that the gateway has given up."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.peer.send(4, 2, -1, code, "Bad Message Length", "")
        assert str(code) in (await event(broker, Disconnected)).reason
        assert (await connected(broker)).generation == 2


async def test_upstream_lost_and_back() -> None:
    """Broken: orders would go to a gateway without a link to IB, and missed fills would stay missed."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.tell_error(1100, "Connectivity between IB and Trader Workstation has been lost.")
        assert "lost" in (await event(broker, UpstreamLost)).text
        assert broker.connection.up
        assert not broker.connection.upstream
        with pytest.raises(BrokerUnavailable, match="link to IB"):
            broker.place(order(), 1, 1)
        with pytest.raises(BrokerUnavailable, match="link to IB"):
            await broker.position_report()
        gateway.tell_error(1102, "restored, data maintained")
        assert not (await event(broker, UpstreamBack)).data_lost
        assert broker.connection.upstream
        gateway.tell_error(1101, "restored, data lost")
        assert (await event(broker, UpstreamBack)).data_lost
        assert broker.account() is None
        await broker.open_orders()  # asked after the account, answered after it
        assert broker.account() is not None


@pytest.mark.parametrize(
    ("codes", "reason"), [((2104, 2106, 2158), "its data farms are fine again"), ((), "it has lost IB's servers for")]
)
async def test_a_loss_whose_end_is_never_told_is_ended(codes: tuple[int, ...], reason: str) -> None:
    """Broken: after a night without 1102 nothing would be traded until somebody restarts something."""
    quick = {"farms_ok_s": 0.05} if codes else {"upstream_lost_s": 0.05}
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port, **quick, backoff_s=(0.01, 0.01)) as broker:
        await connected(broker)
        gateway.tell_error(1100, "Connectivity between IB and Trader Workstation has been lost.")
        for code in codes:
            gateway.tell_error(code, "farm connection is OK")
        assert reason in (await event(broker, Disconnected)).reason
        assert (await connected(broker)).generation == 2
        assert broker.connection.upstream


async def test_a_farm_that_breaks_again_counts_anew() -> None:
    """Broken: a connection that is about to come back by itself would be cut."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port, farms_ok_s=0.2) as broker:
        await connected(broker)
        for code in (1100, 2104, 2103):
            gateway.tell_error(code, "as IB says it")
        await event(broker, UpstreamLost)
        again = asyncio.get_running_loop().time()
        gateway.tell_error(2104, "a farm connection is OK")
        assert "farms are fine" in (await event(broker, Disconnected)).reason
        assert asyncio.get_running_loop().time() - again >= 0.2


@dataclass(frozen=True)
class ThreeLooks(RestartWindow):
    """A restart window that is over when it was looked at three times."""

    looks: list[datetime] = field(default_factory=list)

    def covers(self, now: datetime) -> bool:
        self.looks.append(now)
        return len(self.looks) <= 3


async def test_a_loss_in_the_restart_window_is_left_alone() -> None:
    """Broken: the gateway's restart would be met by one cut after another, all night."""
    window = ThreeLooks(time(0), time(1))
    async with (
        open_gateway(SIMULATED) as gateway,
        broker_for(gateway.port, upstream_lost_s=0.05, restart=window) as broker,
    ):
        await connected(broker)
        gateway.tell_error(1100, "Connectivity between IB and Trader Workstation has been lost.")
        assert "it has lost IB's servers" in (await event(broker, Disconnected)).reason
        assert len(window.looks) > 3


@pytest.mark.parametrize("ahead_s", [-30, 0, 45])
async def test_the_gateways_clock_is_compared_at_connection(ahead_s: int) -> None:
    """Broken: alerts would be too old, or the market open, by a clock that is wrong, and nobody be told."""
    behind = timedelta(seconds=-ahead_s)
    settings = replace(SIMULATED, clock=lambda: datetime.now(UTC) + behind, zone=ZoneInfo("Europe/London"))
    async with open_gateway(settings) as gateway, broker_for(gateway.port) as broker:
        told = (await connected(broker)).clock_ahead_s
        assert told is not None
        assert abs(told - ahead_s) <= 1.5, "the greeting has whole seconds"


async def test_a_data_farm_is_not_the_connection() -> None:
    """Broken: every hiccup of a market data farm would stop trading."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        for code in (2103, 2104, 2105, 2106, 2107, 2108, 2157, 2158):
            gateway.tell_error(code, "farm")
        await broker.open_orders()
        assert broker.connection.upstream
        assert not waiting(broker)


async def test_a_gateway_that_hangs_in_the_handshake_is_given_up() -> None:
    """Broken: one hung start of the gateway would hang the bot for ever."""
    async with open_scripted() as gateway:
        welcome = gateway.answers.pop(START)
        async with broker_for(gateway.port, connect_timeout_s=0.1) as broker:
            assert "handshake" in (await event(broker, Disconnected)).reason
            gateway.answers[START] = welcome
            assert isinstance(await connected(broker), Connected)


@pytest.mark.parametrize("state", ["up", "connecting", "refused", "asking"])
async def test_closing_leaves_nothing_behind(state: str) -> None:
    """Broken: a stop would leak tasks and sockets, or hang on a question."""
    script = ScriptedGateway()
    async with open_scripted(script) as gateway:
        if state == "connecting":
            del gateway.answers[START]
        if state == "refused":
            gateway.accounts = "DU1,DU2"
        async with broker_for(gateway.port) as broker:
            if state == "connecting":
                await gateway.heard(START)
            elif state == "refused":
                await event(broker, Refused)
            else:
                await connected(broker)
            if state == "asking":
                del gateway.answers[POSITIONS]
                asking = asyncio.create_task(broker.position_report())
                await gateway.heard(POSITIONS, times=2)
        if state == "asking":
            [outcome] = await asyncio.gather(asking, return_exceptions=True)
            assert isinstance(outcome, (BrokerUnavailable, asyncio.CancelledError))
        assert [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("broker")] == []
        assert not broker.connection.up
    gc.collect()  # a socket left open would warn here
