"""Who makes progress beats, and who hangs does not: the bot as the daemon builds it, over time that is skipped."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from loguru import logger

from tests.bot import Bot
from tests.fakes import FixedClock
from tradebot.domain.brokerage import ErrorKind, Execution, OrderState
from tradebot.domain.events import Facts
from tradebot.domain.facts.daemon import ComponentStuck
from tradebot.domain.trades import TradeStatus
from tradebot.errors import LedgerUnavailable
from tradebot.runtime.pulse import Pulse
from tradebot.runtime.watchdog import Watchdog

QUIET_S = 420
"""Longer than the time of any component."""
LOOPS = {
    "alerts in hand",
    "booking",
    "connection notices",
    "exits with shares left",
    "familiar tickers",
    "order monitor",
    "orders in doubt",
    "protection",
    "reconciliation",
    "requeue",
    "restart pause",
    "scheduler",
    "silent questions",
    "timed exits",
    "trading switch",
    "waiting SELLs",
    "worker",
}


@contextmanager
def _systemd(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(folder / "notify"))
        ear.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(folder / "notify"))
        yield ear


def _heard(ear: socket.socket) -> list[str]:
    heard = []
    while True:
        try:
            heard.append(ear.recv(4096).decode())
        except BlockingIOError:
            return heard


def test_nothing_that_runs_is_forgotten(bot: Bot) -> None:
    """A loop that does not beat may end, or hang, for ever, and nobody would start it again."""
    assert bot.pulse.components == LOOPS


@pytest.mark.parametrize("away", ["nothing", "IB", "the database"])
async def test_waiting_for_what_is_outside_is_progress(bot: Bot, away: str) -> None:
    """systemd would start the bot anew again and again while IB or the database is down, which heals neither."""
    scheduling = asyncio.create_task(bot.built.scheduler.run())
    match away:
        case "IB":
            bot.broker.disconnect()
        case "the database":
            bot.ledger.away = True
    for _ in range(QUIET_S // 5):
        await bot.second(5)
        assert bot.pulse.stuck() == {}
    bot.ledger.away = False
    scheduling.cancel()


async def test_a_judgement_that_never_returns_ends_the_feeding(
    bot: Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deadlock in what decides would leave a bot that takes alerts and trades none of them, for ever."""
    told: list[Facts] = []
    lines: list[str] = []
    heard: list[str] = []

    async def tell(facts: Facts) -> None:
        told.append(facts)

    bot.broker.waits["quote"] = over = asyncio.Event()
    bot.pulse.end("scheduler")  # which this bot does not run
    dog = Watchdog(bot.pulse, bot.clock, tell, fed_every_s=30)
    sink = logger.add(lines.append, format="{level} {message}")
    with _systemd(tmp_path, monkeypatch) as ear:
        hangs = await bot.alert("BUY")
        for _ in range(QUIET_S // 5):
            await bot.second(5)
            await dog.look()
            heard += _heard(ear)
        logger.remove(sink)
        over.set()  # or the bot could not be stopped
        assert [type(one) for one in told] == [ComponentStuck], "told once, and of nobody else"
        [stuck] = told
        assert isinstance(stuck, ComponentStuck)
        assert (stuck.component, stuck.restarts) == ("alerts in hand", True)
        assert stuck.for_s > 300
        assert heard.count("WATCHDOG=1") > 40, "fed until then"
        assert heard[-1].startswith("STATUS=STUCK: alerts in hand"), "and not since"
        assert any("CRITICAL alerts in hand has made no progress" in line for line in lines)
        assert any(line.startswith(f"WARNING task alert {hangs}: ") and "FakeBroker.quote" in line for line in lines)


async def test_a_task_that_ended_unseen_is_noticed(bot: Bot) -> None:
    """An exit that no order follows would wait until somebody looks."""
    bot.pulse.end("scheduler")  # which this bot does not run
    bot.tasks["requeue"].cancel()
    await bot.seconds(150, at_once=5)
    assert bot.pulse.stuck().keys() == {"requeue", "waiting SELLs"}


class _Told:
    def __init__(self) -> None:
        self.now = 1000.0
        clock = FixedClock(lambda: NotImplemented, lambda: self.now)
        self.pulse = Pulse(clock)
        self.facts: list[Facts] = []
        self.telling_takes_s = 0.0
        self.dog = Watchdog(self.pulse, clock, self._tell, fed_every_s=None)

    async def _tell(self, facts: Facts) -> None:
        self.now += self.telling_takes_s
        self.facts.append(facts)

    async def look(self, after_s: float) -> None:
        self.now += after_s
        await self.dog.look()


async def test_a_machine_that_slept_is_no_stuck_bot() -> None:
    """A laptop that wakes, or a VPS that was moved, would have its bot killed by its own watchdog."""
    told = _Told()
    told.pulse.of("booking", 120)
    await told.look(1)
    await told.look(3600)
    assert told.facts == []
    for _ in range(25):
        await told.look(5)
    assert [type(one) for one in told.facts] == [ComponentStuck]


async def test_what_was_there_before_the_watching_has_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that waited for its database would tell the owner of a mistake in tradebot, and be ended for it."""
    told = _Told()
    told.pulse.of("scheduler", 120)
    told.now += 900
    with _systemd(tmp_path, monkeypatch) as ear:
        watching = asyncio.create_task(told.dog.run())
        await asyncio.sleep(0)
        assert (_heard(ear), told.facts) == (["WATCHDOG=1"], [])
        watching.cancel()


async def test_a_database_that_answers_late_excuses_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To tell of a stuck component would pass for a machine that slept: it would be fed for, and stay stuck for ever."""
    told = _Told()
    told.telling_takes_s = 30
    told.pulse.of("booking", 10)
    with _systemd(tmp_path, monkeypatch) as ear:
        for _ in range(3):
            await told.look(5)
        assert [type(one) for one in told.facts] == [ComponentStuck]
        _heard(ear)
        for _ in range(3):
            await told.look(5)
        assert _heard(ear) == []


async def test_who_goes_on_is_fed_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A component that was merely slow would be taken for stuck until the end."""
    told = _Told()
    beat = told.pulse.of("booking", 10)
    with _systemd(tmp_path, monkeypatch) as ear:
        for _ in range(3):
            await told.look(5)
        assert [type(one) for one in told.facts] == [ComponentStuck]
        _heard(ear)
        beat()
        await told.look(5)
        assert _heard(ear) == ["WATCHDOG=1"]
        told.pulse.end("booking")
        for _ in range(5):
            await told.look(5)
        assert len(told.facts) == 1, "who has ended is missed by nobody"


async def test_a_kill_of_many_orders_that_cannot_be_stored_is_progress(bot: Bot) -> None:
    """While another program holds the database each notice waits, and the bot would be ended in the midst of its cancels."""
    for number in range(30):
        await bot.owns(5, f"T{number}")
        _, order_ref = await bot.order("SELL", f"T{number}")
        bot.broker.show(order_ref)
        await bot.turns(order_ref, TradeStatus.SUBMITTED)
    stuck: dict[str, float] = {}

    async def late() -> None:
        bot.clock.skip(5)
        stuck.update(bot.pulse.stuck())
        raise LedgerUnavailable("locked")

    async def all_cancelled() -> bool:
        return len(bot.broker.cancels) >= 30

    bot.ledger.before_commit = late
    killing = asyncio.create_task(bot.switch.kill("Ann"))
    await bot.sooner_or_later(all_cancelled, "all are cancelled")
    bot.ledger.before_commit = None
    await asyncio.gather(killing, return_exceptions=True)
    assert "order monitor" not in stuck


async def test_many_exits_to_prove_at_a_slow_gateway_are_progress(bot: Bot) -> None:
    """After a close that cut many exits off, a gateway that takes nine seconds an answer would have the bot started anew."""
    tickers = [f"T{number}" for number in range(20)]
    for ticker in tickers:
        await bot.owns(5, ticker)
    orders = [(await bot.order("SELL", ticker))[1] for ticker in tickers]
    ask, asked, stuck = bot.broker.executions, 0, dict[str, float]()

    async def slow() -> Sequence[Execution]:
        nonlocal asked
        asked += 1
        while bot.ledger.under_way:  # it would be taken for late
            await asyncio.sleep(0)
        bot.clock.skip(3 * 9)  # executions, open orders, positions
        stuck.update(bot.pulse.stuck())
        return await ask()

    async def all_asked_about() -> bool:
        return asked >= len(tickers)

    bot.broker.executions = slow  # type: ignore[method-assign]
    for order_ref in orders:
        bot.broker.error(order_ref, 202, ErrorKind.CANCELLED, "Order Canceled - reason:Cancelled by Exchange")
        bot.broker.show(order_ref, OrderState.CANCELLED)
    await bot.sooner_or_later(all_asked_about, "all are asked about")
    assert "exits with shares left" not in stuck
