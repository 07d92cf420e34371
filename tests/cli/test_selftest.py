"""`tradebot selftest`: what it proves of a daemon that is right, and what it finds of one that is not."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from tests.cli.proxied import proxy
from tests.cli.shell import Ran, tradebot
from tests.servers import free_port
from tests.system.harness import SECRET, Daemon, running
from tradebot.cli.selftest import addresses
from tradebot.cli.selftest_steps import NO_TICKER, Outcome, Step, Trial, steps, what_it_proves, why_no_order
from tradebot.cli.webhook_calls import Answer, Caller
from tradebot.config import load
from tradebot.domain.alerts import WAITING, AlertStatus, Side
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.events import EventKind, Severity
from tradebot.domain.lots import LotStatus
from tradebot.webhook.access import TRADINGVIEW_ADDRESSES

MADE = ["health", "wrong secret", "invalid action", "bad JSON", "too large", "duplicate"]


def outcomes(ran: Ran) -> dict[str, str]:
    return {step["name"]: step["outcome"] for step in json.loads(ran.out)["steps"]}


async def test_a_daemon_that_is_right(tmp_path: Path) -> None:
    """Broken, the owner takes his bot for working or for broken, and it is the other way round; or the test sells his shares."""
    daemon = Daemon.at(tmp_path)
    async with running(daemon):
        await daemon.ready()
        await daemon.ended(await daemon.alert("BUY", "F"))
        shown = await tradebot(tmp_path, "selftest", env=daemon.env)
        assert (shown.code, "8 passed. Nothing failed." in shown.out) == (0, True), shown.all
        for words in (
            "401: ",
            "413: ",
            "stored once, as alert ",
            "worst ",
            "FILLED: BUY",
            "FILLED: SELL",
            "filled after",
        ):
            assert words in shown.out, shown.all
        assert SECRET not in shown.all

        own, named, again, nothing_bought = await asyncio.gather(
            tradebot(tmp_path, "selftest", "--json", "--ticker", "F", env=daemon.env),
            tradebot(tmp_path, "selftest", "--json", "--ticker", "nyse:F", env=daemon.env),
            tradebot(tmp_path, "selftest", "--json", "--no-orders", env=daemon.env),
            tradebot(tmp_path, "selftest", "--json", "--ticker", "ZZZZ", env=daemon.env),
        )
        assert nothing_bought.code == 1, nothing_bought.all
        assert outcomes(nothing_bought) == {**dict.fromkeys(MADE, "passed"), "BUY": "FAILED"}
        assert "IB knows no stock ZZZZ" in nothing_bought.out
        for ran in (own, named, again):
            assert ran.code == 0, ran.all
            assert outcomes(ran) == {**dict.fromkeys(MADE, "passed"), "BUY and SELL": "left out"}
        document = json.loads(again.out)
        assert document["ok"] is True
        [duplicate] = [step for step in document["steps"] if step["name"] == "duplicate"]
        assert (duplicate["calls"], 0 < duplicate["median_ms"] <= duplicate["worst_ms"]) == (10, True)

        books = await daemon.books()
        assert [lot.ticker for lot in books.lots if lot.status is LotStatus.OPEN] == ["F"], (
            "what was held is still held"
        )
        assert [trade.side for trade in books.trades if trade.ticker != "F"] == [Side.BUY, Side.SELL]
        tried = [alert for alert in books.alerts.values() if alert.ticker == NO_TICKER]
        assert [(alert.status, alert.duplicates) for alert in tried] == [(AlertStatus.BLOCKED, 9)] * 5
        told = [event.kind for event in books.events if event.severity in (Severity.WARNING, Severity.CRITICAL)]
        assert told.count(EventKind.ALERT_REJECTED) == 1, "five selftests are told once"
        assert told.count(EventKind.ALERT_UNREADABLE) == 1, told


async def test_a_market_that_is_closed_and_a_daemon_that_is_gone(tmp_path: Path) -> None:
    """Broken, a selftest at night is a failure, or leaves an order behind for the open; or silence passes."""
    today = datetime.now(UTC).astimezone(NEW_YORK).date()
    closures = ",".join(str(today + timedelta(days=n)) for n in range(2))
    daemon = Daemon.at(tmp_path, trading__hours="exchange", trading__extra_closures=closures)
    async with running(daemon):
        await daemon.ready()
        closed = await tradebot(tmp_path, "selftest", env=daemon.env)
        assert (closed.code, "market is closed and orders would wait for the open" in closed.out) == (0, True), (
            closed.all
        )
        assert "6 passed, 1 left out" in closed.out
        books = await daemon.books()
        assert [alert.status for alert in books.alerts.values() if alert.ticker] == [AlertStatus.CLEARED]
        assert not {alert.status for alert in books.alerts.values()} & set(WAITING)
        await daemon.stop()
        gone = await tradebot(tmp_path, "selftest", "--json", env=daemon.env)
        assert gone.code == 1, gone.all
        assert outcomes(gone) == {**dict.fromkeys(MADE, "FAILED"), "BUY and SELL": "left out"}


# --- through a proxy ----------------------------------------------------------------------------------------------------


async def tried(daemon: Daemon, url: str) -> dict[str, Step]:
    settings = load(None, daemon.env)
    trial = Trial(settings, f"http://127.0.0.1:{daemon.port}/webhook", url, SECRET, orders=False)
    async with aiohttp.ClientSession() as session:
        return {step.name: step async for step in steps(trial, Caller(session))}


def failed(made: Mapping[str, Step]) -> list[str]:
    return [name for name, step in made.items() if step.outcome is Outcome.FAILED]


async def test_through_a_proxy(tmp_path: Path) -> None:
    """Broken, a proxy that lets everybody in, or nobody, or shows the health to all, is called right."""
    stranger, friend = "203.0.113.9", "198.51.100.7"

    def behind_a_proxy(name: str, allowed: str) -> Daemon:
        url = f"sqlite:///{tmp_path / name}/tradebot.db"
        return Daemon.at(
            tmp_path / name, database__url=url, webhook__trusted_proxies="127.0.0.1", webhook__allowed_ips=allowed
        )

    daemon, friendly = behind_a_proxy("one", ",".join(TRADINGVIEW_ADDRESSES)), behind_a_proxy("two", friend)
    async with (
        running(daemon, friendly),
        proxy(daemon, {"X-Forwarded-For": stranger}) as right,
        proxy(daemon, {}, health=True) as silent,
        proxy(friendly, {"X-Forwarded-For": friend}) as known,
    ):
        await asyncio.gather(daemon.ready(), friendly.ready())
        made = await tried(daemon, right)
        assert failed(made) == []
        assert f"The address {stranger} is not allowed (403)" in made["from outside"].said
        assert made["health is private"].outcome is Outcome.PASSED
        made = await tried(daemon, silent)
        assert failed(made) == ["from outside", "health is private"]
        assert "does not send X-Forwarded-For" in made["from outside"].said
        made = await tried(daemon, f"http://127.0.0.1:{free_port()}/webhook")
        assert failed(made) == ["from outside", "health is private"], "the rest is tried on this machine"
        assert failed(await tried(friendly, known)) == []
        sources = {alert.source_ip for alert in (await friendly.books()).alerts.values()}
        assert sources == {friend}, "what an allowed address may send goes through the proxy"


@pytest.mark.parametrize(
    ("url", "is_tried"),
    [
        ("http://127.0.0.1:8000/webhook", False),
        ("http://localhost:8000/webhook", False),
        ("https://127.0.0.1:8000/webhook", True),
        ("http://127.0.0.1:8000/webhok", True),
        ("https://bot.example.com/webhook", True),
    ],
)
def test_only_the_daemons_own_address_needs_no_look_from_outside(url: str, is_tried: bool) -> None:
    """Broken, an address at which nobody answers passes, because the daemon was asked at its own instead."""
    near, outside = addresses(load(None, {"TRADEBOT_WEBHOOK__PORT": "8000"}), url)
    assert (near, outside) == ("http://127.0.0.1:8000/webhook", url if is_tried else None)


@pytest.mark.parametrize(
    ("url", "status", "said", "outcome", "words"),
    [
        ("https://bot.example.com/webhook", 403, {}, Outcome.PASSED, "by the proxy itself"),
        ("https://bot.example.com/webhook", 404, {}, Outcome.FAILED, "does not pass POST on"),
        ("https://bot.example.com/webhook", 502, {}, Outcome.FAILED, "does not reach the daemon"),
        ("https://bot.example.com/webhook", 200, {"status": "queued"}, Outcome.FAILED, "403 or 401 is expected"),
        ("http://bot.example.com/webhook", 401, {"error": "No."}, Outcome.FAILED, "readable over http"),
        ("http://bot.example.com/webhook", 403, {"error": "No."}, Outcome.FAILED, "readable over http"),
        (
            "https://bot.example.com/webhook",
            403,
            {"error": "The request came through a proxy at 10.0.0.1, which does not tell whom it speaks for"},
            Outcome.FAILED,
            "does not tell whom it speaks for",
        ),
    ],
)
def test_what_an_answer_from_outside_proves(
    url: str, status: int, said: Mapping[str, object], outcome: Outcome, words: str
) -> None:
    """Broken, the owner looks for the mistake on the wrong machine, or his secret goes readable through the internet."""
    judged, text = what_it_proves(url, Answer(status, said, 1.0), tradingview_only=False)
    assert (judged, words in text) == (outcome, True), text


# --- real money ---------------------------------------------------------------------------------------------------------

WELL: Mapping[str, Mapping[str, object]] = {
    "broker": {"kind": "paper"},
    "trading": {"state": "RUNNING", "waiting_for": []},
}


@pytest.mark.parametrize(
    ("part", "says", "why"),
    [
        ("broker", {"kind": "live", "account": "U7654321"}, "U7654321 is LIVE"),
        ("broker", {"kind": None}, "not known whether the account is a paper one"),
        ("broker", {}, "not known whether the account is a paper one"),
        ("broker", {"error": "The state was not known"}, "not known whether the account is a paper one"),
        ("trading", {"state": "PAUSED"}, "trading is PAUSED"),
        ("trading", {}, "trading is None"),
        (
            "trading",
            {"state": "RUNNING", "waiting_for": ["IB is not connected."]},
            "no order leaves: IB is not connected",
        ),
    ],
)
def test_no_order_where_it_is_not_known_to_be_play_money(part: str, says: Mapping[str, object], why: str) -> None:
    """Broken, a selftest trades with real money."""
    trial = Trial(load(None, {}), "http://127.0.0.1:1/webhook", None, SECRET)
    now = datetime(2026, 11, 24, 15, tzinfo=UTC)
    trial.parts = WELL
    assert why_no_order(trial, now) is None
    trial.parts = {**WELL, part: says}
    assert why in (why_no_order(trial, now) or "")
