"""What people's alerts for other services ask for is what they get: by two strategies, over HTTP, down to the last share."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from tests.system.checker import check, check_secrets
from tests.system.documented import ON_THE_PAGE, Sequence, Step, sequences
from tests.system.harness import ROOT, SECRET, Daemon, Gateway, running
from tradebot.domain.alerts import AlertStatus
from tradebot.words.reasons import reason

CONFIG = """
[strategies.theirs]
sizing = "alert"
exit_size = "alert"

[strategies.plain]
"""
SEQUENCES = sequences("theirs", "plain")


def test_nobody_sends_the_same_twice() -> None:
    """Otherwise a step would be a duplicate of another one, and prove nothing."""
    sent = Counter((one.strategy, step.message) for one in SEQUENCES.values() for step in one.steps)
    assert [message for message, times in sent.items() if times > 1] == []


def test_the_page_tells_why_they_are_refused() -> None:
    """People would read of other reasons than those that they are given."""
    page = (ROOT / "docs" / "alerts.md").read_text("utf-8")
    assert [words for words in ON_THE_PAGE if words not in page] == []


async def test_documented_examples_end_as_their_services_mean_it(tmp_path: Path) -> None:
    """A user of another service who pastes our address holds something else than his alerts ask for."""
    async with everyones(tmp_path) as (daemon, gateway):
        await _with_a_strategy_less(daemon, gateway)


async def test_documented_examples_on_servers(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    """The same alerts end in other positions on PostgreSQL and Redis."""
    async with everyones(tmp_path, database__url=postgres_url, queue__url=redis_url) as (daemon, _):
        assert await daemon.stop() == 0, daemon.output[-3000:]
        assert "Traceback" not in daemon.output, daemon.output[-6000:]
        await check_secrets(daemon, [SECRET])


@asynccontextmanager
async def everyones(tmp_path: Path, **settings: str) -> AsyncIterator[tuple[Daemon, Gateway]]:
    """A fresh bot to which everybody has sent everything, and all of it ended as it should."""
    gateway = Gateway.at(tmp_path / "gateway")
    daemon = Daemon.at(tmp_path, gateway=gateway, trading__repeat_window_s="0", **settings)
    (tmp_path / "config.toml").write_text(CONFIG)
    async with running(daemon, gateway):
        await gateway.ready()
        for ticker in {one.ticker for one in SEQUENCES.values()}:
            await gateway.control("POST", "/quotes", symbol=ticker, bid="99.99", ask="100")
        await daemon.ready()
        ends = await asyncio.gather(*(_sent(daemon, one) for one in SEQUENCES.values()), return_exceptions=True)
        assert not any(ends), "\n".join(str(end) for end in ends if end)
        books = await daemon.books()
        at_ib: defaultdict[str, Decimal] = defaultdict(Decimal)
        for one in SEQUENCES.values():
            assert books.held(one.strategy, one.ticker) == one.steps[-1].held, one
            at_ib[one.ticker] += one.steps[-1].held
        for ticker, shares in at_ib.items():
            assert Decimal(await gateway.position(ticker)) == shares, ticker
        assert {lot.strategy for lot in books.lots} == {"theirs", "plain"}
        assert {alert.strategy for alert in books.alerts.values()} == {"theirs", "plain"}
        await _never_short(gateway)
        await check(books, gateway)
        yield daemon, gateway


async def _with_a_strategy_less(daemon: Daemon, gateway: Gateway) -> None:
    """`plain` is taken out of the file with open lots: nobody would look after them."""
    assert await daemon.stop() == 0, daemon.output[-3000:]
    assert "Traceback" not in daemon.output, daemon.output[-6000:]
    await check_secrets(daemon, [SECRET])
    (daemon.folder / "config.toml").write_text(CONFIG.replace("plain", "heir"))
    before = await daemon.books()
    code, said = await daemon.command("run")
    assert (code != 0, "plain" in said, "tradebot reassign" in said) == (True, True, True), said
    assert "Traceback" not in said
    code, said = await daemon.command("reassign", "plain", "theirs", "--yes")
    assert (code != 0, "AAPL" in said) == (True, True), said  # both have traded it: two histories are never merged
    assert (await daemon.books()).lots == before.lots
    code, said = await daemon.command("reassign", "plain", "heir", "--yes")
    assert code == 0, said
    await daemon.ready()
    books = await daemon.books()
    for ticker in {lot.ticker for lot in before.lots}:
        assert books.held("heir", ticker) == before.held("plain", ticker), ticker
        assert books.held("theirs", ticker) == before.held("theirs", ticker), ticker
    sold = await daemon.alert("SELL", "AAPL", alert_id="after the change", strategy="heir")
    books = await daemon.ended(sold)
    assert books.alerts[sold].status is AlertStatus.EXECUTED, books.alerts[sold]
    assert Decimal(await gateway.position("AAPL")) == before.held("theirs", "AAPL") == 7
    await check(books, gateway)


async def _sent(daemon: Daemon, sequence: Sequence) -> None:
    """One message after the other, each when the one before has come to its end."""
    for number, step in enumerate(sequence.steps, 1):
        where = f"{sequence}, message {number}: {step.message}"
        status, body = await _answered(daemon, sequence, step)
        if status == 400:
            assert step.why, f"{where} was refused: {body}"
            assert step.why in body["error"], f"{where} was refused in other words: {body}"
            books = await daemon.books()
        else:
            # A duplicate after the first was stored too late to say so; nobody sends the same twice.
            assert (status, body.get("status") in ("queued", "duplicate")) == (200, True), f"{where}: {status} {body}"
            books = await daemon.ended(int(body["alert_id"]))
            alert = books.alerts[int(body["alert_id"])]
            said = reason(alert.reason) if alert.reason else ""
            assert alert.strategy == sequence.strategy, where
            assert alert.status is (AlertStatus.BLOCKED if step.why else AlertStatus.EXECUTED), f"{where}: {said}"
            assert step.why in said, f"{where} did not trade for another reason: {said}"
        held = books.held(sequence.strategy, sequence.ticker)
        assert held == step.held, f"{where}: {held} held instead of {step.held}"


async def _answered(daemon: Daemon, sequence: Sequence, step: Step) -> tuple[int, dict[str, str]]:
    """As TradingView sends: again when a busy machine could not store it in time."""
    while True:
        status, body = await daemon.message(step.message, f"/webhook/{sequence.strategy}{sequence.query}")
        if status != 503:
            return status, body
        await asyncio.sleep(1)


async def _never_short(gateway: Gateway) -> None:
    """At no moment had more been sold of a stock than bought."""
    state = await gateway.control("GET", "/state")
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    for fill in state["executions"]:
        held[fill["symbol"]] += Decimal(fill["shares"]) * (1 if fill["action"] == "BUY" else -1)
        assert held[fill["symbol"]] >= 0, fill
