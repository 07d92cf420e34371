"""`tradebot status`: what a person reads when all is well, and when a part is not."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from tests.cli.shell import tradebot
from tests.facts import NOON
from tests.servers import PostgresServer, RedisServer, free_port
from tests.system.harness import SECRET, Daemon, Gateway, running, until
from tradebot.cli.show import overview
from tradebot.database import open_ledger
from tradebot.domain.exposure import Exposure
from tradebot.domain.limits import Limits
from tradebot.domain.settings import TradingState, blocked_key
from tradebot.queries.status import BooksStatus


async def test_well_then_away(tmp_path: Path) -> None:
    """Broken, the owner cannot see in one look what he holds, what is simulated, and whether anybody trades."""
    daemon = Daemon.at(tmp_path)
    async with running(daemon):
        await daemon.ready()
        await daemon.ended(await daemon.alert("BUY", "AAPL"))
        wide, narrow = await asyncio.gather(
            tradebot(tmp_path, "status", env=daemon.env),
            tradebot(tmp_path, "status", env={**daemon.env, "COLUMNS": "60", "PYTHONIOENCODING": "ascii"}),
        )
        assert wide.code == 0, wide.all
        for words in ("RUNNING", "sqlite:///data/tradebot.db", "1 of 200", "AAPL", "PAPER account DU1234567"):
            assert words in wide.out
        for part in (await daemon.health() or {})["parts"]["daemon"]["simulated"]:
            assert part in wide.out
        assert SECRET not in wide.out

        assert narrow.code == 0, narrow.all
        assert max(map(len, narrow.out.splitlines())) <= 60
        assert "".join(wide.out.split()).count("simulatedgateway") == "".join(narrow.out.split()).count(
            "simulatedgateway"
        )

        async def crowd() -> None:
            while True:
                await asyncio.gather(*(daemon.health(patient=False) for _ in range(20)))

        async def told_of_the_crowd() -> bool:
            crowded = await tradebot(tmp_path, "status", env=daemon.env)
            return "daemon NOT WELL: Too many requests" in crowded.words and crowded.code == 1

        asking = asyncio.create_task(crowd())
        await until(told_of_the_crowd, "too many requests, as status tells it")  # a slow crowd lets one through
        asking.cancel()

        assert "blocked" not in wide.out
        await daemon.stop()
        async with open_ledger(f"sqlite:///{tmp_path / 'data' / 'tradebot.db'}") as ledger, ledger.begin() as books:
            for ticker in ("TSLA", "AAPL"):
                await books.put_setting(blocked_key(ticker), "1", "owner", NOON)
        away = await tradebot(tmp_path, "status", env=daemon.env)
        assert (away.code, "AAPL" in away.words) == (3, True), away.all
        assert "blocked no BUY of AAPL, TSLA, until /unblock in the chat" in away.words
        assert f"No daemon answers at http://127.0.0.1:{daemon.port}/health: is it running" in away.words


async def test_every_part_down(tmp_path: Path, own_postgres: PostgresServer, own_redis: RedisServer) -> None:
    """Broken, with a server stopped the owner sees a traceback, or nothing of what still stands."""
    gateway = Gateway.at(tmp_path / "gateway")
    daemon = Daemon.at(tmp_path, gateway=gateway, database__url=own_postgres.url, queue__url=own_redis.url)
    async with running(daemon, gateway):
        await gateway.ready()
        await daemon.ready()

        await own_redis.stop()
        redis = await tradebot(tmp_path, "status", env=daemon.env)
        assert (redis.code, f"NOT WELL: Redis at 127.0.0.1:{own_redis.port}" in redis.words) == (1, True), redis.all
        assert "Stored alerts wait until it is back; none is lost" in redis.words

        await gateway.kill()

        async def noticed() -> bool:
            return not (await daemon.health() or {})["parts"]["broker"]["connected"]

        await until(noticed, "the lost connection to be noticed")
        broker = await tradebot(tmp_path, "status", env=daemon.env)
        assert (broker.code, "NOT WELL: not connected since" in broker.words) == (1, True), broker.all
        assert "Is the gateway running and logged in, its API switched on" in broker.words
        assert "no order leaves: IB is not connected" in broker.words

        own_postgres.pause()
        books = await tradebot(tmp_path, "status", env=daemon.env)
        assert (books.code, "The books cannot be shown: PostgreSQL at" in books.words) == (3, True), books.all


async def test_another_daemon_or_other_tables(tmp_path: Path) -> None:
    """Broken, tables of another version end in a traceback instead of saying what to run."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tradebot.db").touch()
    ran = await tradebot(tmp_path, "status", webhook__port=str(free_port()))
    assert (ran.code, "the bot's tables are not there yet: run `tradebot migrate up`" in ran.words) == (3, True), (
        ran.all
    )


async def test_a_daemon_that_works_on_another_database(tmp_path: Path) -> None:
    """Broken, the owner reads KILLED, and the daemon that holds the port trades on."""
    daemon = Daemon.at(tmp_path / "one")
    async with running(daemon):
        await daemon.ready()
        other = Daemon.at(tmp_path / "other")
        other.env["TRADEBOT_WEBHOOK__PORT"] = str(daemon.port)
        other.folder.mkdir()
        await tradebot(other.folder, "migrate", "up", env=other.env)
        await tradebot(other.folder, "kill", env=other.env)
        ran = await tradebot(other.folder, "status", env=other.env)
        assert (ran.code, "The daemon says RUNNING, the database KILLED" in ran.words) == (1, True), ran.all


async def test_a_question_that_ib_does_not_answer(tmp_path: Path) -> None:
    """Broken, the owner sees that BUYs wait, and not which question IB leaves unanswered, nor what to do."""
    gateway = Gateway.at(tmp_path / "gateway")
    daemon = Daemon.at(tmp_path, gateway=gateway)
    async with running(daemon, gateway):
        await gateway.ready()
        await gateway.fault("no_answer", question="reqExecutions", times=0)
        await daemon.start()
        await daemon.listening()

        async def noticed() -> bool:
            health = await daemon.health()
            return health is not None and health["parts"]["questions"]["ok"] is False and health["status"] == 503

        await until(noticed, "the silence to be noticed")
        ran = await tradebot(tmp_path, "status", env=daemon.env)
        assert (ran.code, "NOT WELL: IB does not answer the question for executions since" in ran.words) == (1, True), (
            ran.all
        )
        assert "to UTC" in ran.words


def test_what_is_invested_is_told_by_sector() -> None:
    """The owner would not see that all his money is in one industry."""
    shares = {"Technology": Decimal(300), "unknown": Decimal(100)}
    used = Exposure(Decimal(400), Decimal(0), Decimal(0), {"AAPL": 1, "KO": 1}, 0, Decimal(0), cost_by_sector=shares)
    booked = BooksStatus(TradingState.RUNNING, Limits(), 0, 0, 0, [], [], [], used)
    assert dict(overview(booked, "", Decimal(0)))["by sector"] == "Technology $300.00 (75%), unknown $100.00 (25%)"
    nothing = replace(booked, exposure=replace(used, cost_by_sector={}))
    assert "by sector" not in dict(overview(nothing, "", Decimal(0)))
