"""What the log tells of an alert: every step once, each with the keys that it is found by."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from loguru import logger

from tests.adapters.database.samples import an_execution
from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import Disconnected, ErrorKind, Executed, OrderError, OrderState, OrderUpdate
from tradebot.domain.events import EventKind
from tradebot.domain.trades import TradeStatus
from tradebot.errors import QueueUnavailable
from tradebot.notify.log_channel import CHANNEL, LogChannel
from tradebot.notify.outbox import Outbox
from tradebot.queries.parts import ChannelState

Lines = list[Mapping[str, Any]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What is logged from DEBUG on."""
    heard: Lines = []
    sink = logger.add(lambda message: heard.append(dict(message.record)), level="DEBUG")
    yield heard
    logger.remove(sink)


async def _told(bot: Bot) -> None:
    """The log channel tells what waits for it."""
    async with bot.ledger.begin() as books:
        await books.serve_channels([CHANNEL])
    await Outbox(LogChannel(), bot.ledger, bot.clock, lambda: None, ChannelState()).round()


def _about(lines: Lines, alert_id: int) -> list[str]:
    return [line["message"] for line in lines if line["extra"].get("alert_id") == alert_id]


def _loud(lines: Lines, alert_id: int) -> list[str]:
    return [
        f"{line['level'].name} {line['message']}"
        for line in lines
        if line["extra"].get("alert_id") == alert_id and line["level"].no > logger.level("DEBUG").no
    ]


def _lacking_keys(lines: Lines, alert_id: int, ticker: str, order_ref: str) -> list[str]:
    """Lines that speak of the alert, or of its order, and are not found by it."""
    speaks = re.compile(rf"\balert {alert_id}\b|\b{ticker}\b|{order_ref}")
    keys = {"alert_id": alert_id, "ticker": ticker}
    return [
        line["message"]
        for line in lines
        if speaks.search(line["message"]) and not keys.items() <= line["extra"].items()
    ]


async def test_every_step_of_an_alert_is_one_line_with_its_keys(make_bot: MakeBot, lines: Lines) -> None:
    """A search for an alert would miss a step, or the quote, the checks and the fills could not be looked up afterwards."""
    bot = await make_bot()
    async with bot.ledger.begin() as books:
        await books.serve_channels([CHANNEL])
    await bot.start()
    alert_id, order_ref = await bot.order("BUY", "AAPL")
    bot.broker.fill(order_ref, 5, "100.25")
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    await _told(bot)
    assert _lacking_keys(lines, alert_id, "AAPL", order_ref) == []
    told = _about(lines, alert_id)
    quote, checks, decided, sent, *_ = told
    assert quote == "quote AAPL bid 100 ask 100 last 100 live"
    assert checks.startswith("checks: kill_switch passed, paused passed, ")
    assert checks.endswith("margin passed")
    assert decided == f"decided: BUY 5 AAPL, order {order_ref} is stored"
    assert sent == f"order {order_ref} sent: BUY 5 AAPL MKT DAY"
    [execution] = [message for message in told if message.startswith("execution ")]
    assert re.fullmatch(r"execution \S+: BUY 5 AAPL at 100\.25, commission \S+", execution)
    assert [message for message in told if "Bought" in message] == told[-1:]
    assert {line["extra"].get("order_ref") for line in lines if line["message"] in told[2:]} == {order_ref}


async def test_a_repeated_execution_is_not_logged_again(bot: Bot, lines: Lines) -> None:
    """Each reconnect makes IB repeat the day's executions: the log would show fills that never were."""
    _, order_ref = await bot.order("BUY", "AAPL")
    fill = an_execution("0001.01", order_ref=order_ref, shares=Decimal(2), commission=None)
    for known in (fill, fill, replace(fill, commission=Decimal(1)), replace(fill, exec_id="0002.01")):
        bot.broker.events.put_nowait(Executed(known))
    await bot.until(lambda: _filled(bot, order_ref, 4), "both are booked")
    bot.broker.events.put_nowait(Executed(fill))
    bot.broker.events.put_nowait(Executed(replace(fill, exec_id="0003.01", shares=Decimal(1))))
    await bot.until(lambda: _filled(bot, order_ref, 5), "the last one is booked")

    def executions() -> list[str]:
        return [line["message"].split(":")[0] for line in lines if line["message"].startswith("execution ")]

    async def logged() -> bool:
        return "execution 0003.01" in executions()

    await bot.until(logged, "the last one is logged")  # after the commit
    assert executions() == ["execution 0001.01", "execution 0002.01", "execution 0003.01"]


async def _filled(bot: Bot, order_ref: str, shares: int) -> bool:
    return (await bot.trade(order_ref)).filled_qty == shares


async def test_a_refused_alert_is_logged_once(make_bot: MakeBot, lines: Lines) -> None:
    """A person would count two refusals."""
    bot = await make_bot()
    async with bot.ledger.begin() as books:
        await books.serve_channels([CHANNEL])
    await bot.start()
    alert_id = await bot.alert("SELL", "MSFT")
    await bot.becomes(alert_id, AlertStatus.BLOCKED)
    await _told(bot)
    [told] = _loud(lines, alert_id)
    assert told == "WARNING SELL MSFT blocked: the bot holds no MSFT, and your own shares are never touched."
    assert _about(lines, alert_id)[0] == "checks: kill_switch passed"


async def test_a_check_that_refuses_is_logged_with_its_figures(make_bot: MakeBot, lines: Lines) -> None:
    """Nobody could look up afterwards which check it was, and by how much."""
    bot = await make_bot()
    bot.broker.cash = Decimal(12)
    await bot.start()
    alert_id = await bot.alert("BUY", "AAPL")
    await bot.becomes(alert_id, AlertStatus.BLOCKED)
    [checks] = [message for message in _about(lines, alert_id) if message.startswith("checks: ")]
    assert re.search(r"size passed, cash refused \(ticker=AAPL qty=5 .*cash=12 .*\)$", checks)


async def test_a_rejected_order_is_logged_once(make_bot: MakeBot, lines: Lines) -> None:
    """IB's one answer would be read as several."""
    bot = await make_bot()
    async with bot.ledger.begin() as books:
        await books.serve_channels([CHANNEL])
    await bot.start()
    alert_id, order_ref = await bot.order("BUY", "AAPL")
    order = bot.broker.working.pop(order_ref)
    bot.broker.events.put_nowait(OrderError(order_ref, order.order_id, 201, "no margin", ErrorKind.REJECTED))
    bot.broker.events.put_nowait(OrderUpdate(replace(order, state=OrderState.INACTIVE)))
    await bot.turns(order_ref, TradeStatus.FAILED)
    await _told(bot)
    [told] = [one for one in _loud(lines, alert_id) if "no margin" in one]
    assert told == "WARNING BUY 5 AAPL was rejected by IB 201: no margin. Nothing was bought."
    assert _lacking_keys(lines, alert_id, "AAPL", order_ref) == []


async def test_what_breaks_or_waits_carries_the_keys_too(make_bot: MakeBot, lines: Lines) -> None:
    """The lines that matter most, of an alert that could not be handled, would not be found."""
    bot = await make_bot()
    async with bot.ledger.begin() as books:
        await books.serve_channels([CHANNEL])
    await bot.start()
    bot.broker.asks["AAPL"] = object()  # type: ignore[assignment]  # a mistake in the program
    alert_id = await bot.alert("BUY", "AAPL")
    await bot.becomes(alert_id, AlertStatus.FAILED)
    await _told(bot)
    assert any("cannot be handled" in message for message in _about(lines, alert_id))
    assert any(message.startswith(f"Alert {alert_id} failed: internal error") for message in _about(lines, alert_id))
    assert _lacking_keys(lines, alert_id, "AAPL", "no order") == []


async def test_alerts_freed_by_an_order_s_end_are_not_logged_as_its_own(
    bot: Bot, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search for the first alert would show the fate of the second one."""
    first, order_ref = await bot.order("BUY", "AAPL")
    second = await bot.alert("BUY", "AAPL")
    await bot.until(lambda: _is_waiting(lines, second), "the second waits for the first")

    async def down(*_: object) -> None:
        raise QueueUnavailable("the queue is down")

    monkeypatch.setattr(bot.queue, "push", down)
    bot.broker.fill(order_ref, 5, 100)
    await bot.until(lambda: _is_waiting(lines, second, "the queue is down"), "the second's way back is logged")
    [line] = [
        line for line in lines if "the queue is down" in line["message"] and f"alert {second}" in line["message"]
    ][:1]
    assert {name: line["extra"].get(name) for name in ("alert_id", "ticker", "order_ref")} == {
        "alert_id": second,
        "ticker": "AAPL",
        "order_ref": None,
    }
    assert not any("the queue is down" in message for message in _about(lines, first))


async def _is_waiting(lines: Lines, alert_id: int, why: str = "waits until") -> bool:
    return any(why in message for message in _about(lines, alert_id))


async def test_what_cannot_be_stored_is_logged_and_told_once_the_database_is_back(bot: Bot, lines: Lines) -> None:
    """What happened while the database was away would never be told, or be logged as the program's own code."""
    bot.ledger.away = True
    bot.broker.disconnect()
    bot.broker.events.put_nowait(Disconnected(1, "connection refused", attempt=50, exhausted=True))
    await bot.seconds(5)
    bot.ledger.away = False
    (told,) = await bot.told(EventKind.BROKER_UNREACHABLE)
    await bot.seconds(5)
    assert await bot.events(EventKind.BROKER_UNREACHABLE) == [told]
    (said,) = [line["message"] for line in lines if "once the database is back" in line["message"]]
    assert said.startswith("broker_unreachable (attempts 50, reason connection refused)"), said
