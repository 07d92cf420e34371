"""The health check: what is told of failing parts, when again, and when the dead-man's switch is pinged."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, time, timedelta
from functools import partial

import pytest
from aiohttp import web
from loguru import logger

from tests.bot import Bot, Setup
from tests.bot_fixtures import MakeBot
from tests.clockwork import Clockwork, new_york
from tests.servers import PostgresServer
from tradebot.database import migrate, open_ledger
from tradebot.domain.events import EventKind
from tradebot.domain.job_plan import HEALTH_CHECK
from tradebot.domain.restart_window import RestartWindow
from tradebot.errors import LedgerUnavailable
from tradebot.queues.redis import open_redis_queue
from tradebot.runtime.dead_mans_switch import ping
from tradebot.runtime.jobs.health_alerts import Failing, examine
from tradebot.words import events as words

NOON = new_york(2026, 11, 20, 12)
NIGHT = RestartWindow(time(0, 15), time(1, 45))
CHECK = timedelta(minutes=5)
PARTS = ("database", "queue", "broker", "trading", "telegram")


class Ward:
    """Checks in a row, each with the parts as well as the test says."""

    def __init__(self, at: datetime = NOON) -> None:
        self.now = at
        self.failing: Mapping[str, Failing] = {}
        self.well = True

    def check(self, *ill: str, after: timedelta = CHECK, restarting: bool = False, **details: object) -> list[str]:
        self.now += after
        parts = {name: {"ok": name not in ill, **(details if name in ill else {})} for name in PARTS}
        found = examine({**parts, "daemon": {"version": "1"}}, self.failing, self.now, restarting=restarting)
        self.failing, self.well = found.failing, found.well
        return [f"{event.facts.kind}: {words.text(event)}" for event in found.events]


async def test_a_gateway_without_ib_says_so(bot: Bot) -> None:
    """The broker would be "not well" and "connected" at once, with no word of what is wrong."""
    bot.broker.upstream(up=False)
    broker = (await Clockwork(bot).queries.health()).parts["broker"]
    assert (broker["ok"], broker["why_not"]) == (False, "the gateway has lost its link to IB's servers")


def test_a_failing_part_is_told_at_once_and_every_hour() -> None:
    """Broken, a dead queue is noticed by nobody, or is told every five minutes."""
    ward = Ward()
    [first] = ward.check("queue", error="Redis does not answer at 127.0.0.1:6379")
    assert first == (
        "health_failing: The queue is not well: Redis does not answer at 127.0.0.1:6379. Alerts are stored and wait. "
        "Is Redis up, and `[queue] url` right?"
    )
    told = [len(ward.check("queue")) for _ in range(24)]
    assert [number for number, one in enumerate(told, 1) if one] == [12, 24]
    assert not ward.well
    assert ward.check() == ["health_back: The queue is well again; it was not for about 2 h 5 min."]
    assert ward.well
    assert ward.check() == []


def test_ib_tells_its_own_changes_and_is_repeated_every_hour() -> None:
    """Broken, a three-day silent outage of the gateway stays silent after its first message, or is told twice at once."""
    ward = Ward()
    told = [ward.check("broker", "trading", connected=False) for _ in range(25)]
    assert [number for number, one in enumerate(told) if one] == [12, 24]
    assert told[12] == [
        "health_failing: IB is not well for 1 h: it is not connected. Alerts are stored and wait. "
        "Is IB Gateway running and logged in? It wants a login by hand once a week."
    ]
    assert ward.check() == [], "the connection tells its return itself"


def test_a_closed_gate_is_told_when_it_lasts() -> None:
    """Broken, each reconnect's moment of comparing is an alarm, or a comparison that never passes is none."""
    ward = Ward()
    reasons = ["Orders and positions are being compared with IB."]
    assert ward.check("trading", waiting_for=reasons) == []
    assert ward.check() == []
    told = [ward.check("trading", waiting_for=reasons) for _ in range(3)]
    assert [len(one) for one in told] == [0, 0, 1]
    assert "Orders and positions are being compared with IB." in told[2][0]


def test_the_restart_window_is_quiet_and_no_longer() -> None:
    """Broken, the nightly restart wakes the owner, or an outage that outlasts the night does not."""
    ward = Ward()
    for _ in range(20):
        assert ward.check("broker", "trading", restarting=True) == []
        assert ward.well, "the dead-man's switch must not cry wolf every night"
    assert len(ward.check("broker", "trading")) == 1
    assert not ward.well


def test_other_parts_are_not_quiet_at_night() -> None:
    """Broken, the restart window hides that the database is gone."""
    ward = Ward()
    assert len(ward.check("database", restarting=True)) == 1
    assert not ward.well


def test_an_unknown_part_is_told_too() -> None:
    """Broken, a part that is added later fails in silence."""
    found = examine({"printer": {"ok": False, "error": "no paper"}}, {}, NOON, restarting=False)
    assert [words.text(event) for event in found.events] == ["printer is not well: no paper."]


async def test_a_database_outage_is_told_afterwards(own_postgres: PostgresServer) -> None:
    """Broken, it is never told: while it lasts nothing can be stored, and afterwards all is well."""
    await migrate.up(own_postgres.url)
    async with open_ledger(own_postgres.url) as ledger:
        bot = Bot(ledger, own_postgres.url, Setup(start=NOON))
        clockwork = Clockwork(bot)
        check = clockwork.work[HEALTH_CHECK]
        await check(NOON, NOON)
        await own_postgres.kill()
        for late in (5, 6):
            with pytest.raises(LedgerUnavailable):
                await check(NOON + CHECK, NOON + timedelta(minutes=late))
        await own_postgres.start()
        await check(NOON + CHECK, NOON + timedelta(minutes=9))
        [event] = await clockwork.told(EventKind.HEALTH_FAILING, EventKind.HEALTH_BACK)
        assert words.text(event) == "The database is well again; it was not for about 4 min."


# --- the heartbeat --------------------------------------------------------------------------------------------------


class Switch:
    """A dead-man's switch on a real socket."""

    def __init__(self) -> None:
        self.pings = 0
        self.answer = 200
        self.url = ""

    async def pinged(self, request: web.Request) -> web.Response:
        self.pings += 1
        return web.Response(status=self.answer)


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    switch = Switch()
    app = web.Application()
    app.router.add_get("/s3cret-path", switch.pinged)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    switch.url = f"http://127.0.0.1:{runner.addresses[0][1]}/s3cret-path"
    yield switch
    await runner.cleanup()


async def test_the_heartbeat_beats_only_when_all_is_well(
    make_bot: MakeBot, switch: Switch, unused_tcp_port: int
) -> None:
    """Broken, the owner's dead-man's switch stays calm while IB or the queue is away, or cries although all is well."""
    heartbeat = partial(ping, switch.url)
    bot: Bot = await make_bot(start=NOON, heartbeat=heartbeat)
    await bot.start()
    check = Clockwork(bot).work[HEALTH_CHECK]
    await check(NOON, NOON)
    assert switch.pings == 1
    bot.broker.disconnect()
    await check(NOON + CHECK, NOON + CHECK)
    assert switch.pings == 1
    await bot.stop()
    async with open_redis_queue(f"redis://127.0.0.1:{unused_tcp_port}") as queue:
        without: Bot = await make_bot(start=NOON, heartbeat=heartbeat, queue=queue)
        await without.start()
        clockwork = Clockwork(without)
        await clockwork.work[HEALTH_CHECK](NOON + 2 * CHECK, NOON + 2 * CHECK)
    assert switch.pings == 1
    assert [getattr(event.facts, "part", None) for event in await clockwork.told(EventKind.HEALTH_FAILING)] == ["queue"]


async def test_the_heartbeat_beats_through_the_restart_window(make_bot: MakeBot, switch: Switch) -> None:
    """Broken, the dead-man's switch cries every night while the gateway restarts."""
    night = new_york(2026, 11, 20, 0, 30)
    bot: Bot = await make_bot(start=night, restart=NIGHT, heartbeat=partial(ping, switch.url))
    clockwork = Clockwork(bot)
    await clockwork.work[HEALTH_CHECK](night, night)
    assert switch.pings == 1
    morning = new_york(2026, 11, 20, 1, 45)
    await clockwork.work[HEALTH_CHECK](morning, morning)
    assert switch.pings == 1


@pytest.mark.parametrize("fault", ["answers 404", "is away", "is no address"])
async def test_a_heartbeat_that_fails_is_logged_without_its_address(
    switch: Switch, unused_tcp_port: int, fault: str
) -> None:
    """Broken, a ping service that is down fails the health check, or its secret address stands in the log."""
    urls = {"is away": f"http://127.0.0.1:{unused_tcp_port}/s3cret-path", "is no address": "http://[s3cret-path"}
    switch.answer = 404
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}")
    try:
        await ping(urls.get(fault, switch.url))
    finally:
        logger.remove(sink)
    assert len(lines) == 1
    assert "heartbeat_url" in lines[0]
    assert "s3cret" not in lines[0]
