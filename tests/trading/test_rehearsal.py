"""What a test alert is told: the very thing that becomes of a real one at that moment, and nothing of it is done."""

import json
import re
from collections.abc import Callable
from datetime import time
from decimal import Decimal
from typing import Any

import pytest

from tests.bot import FRIDAY_NOON, NO_FIXED_LIMITS, Bot, said
from tests.bot_fixtures import MakeBot
from tests.docs.alerts_page import PAGE
from tests.trading.test_decision import REFUSALS
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.limits import Limits
from tradebot.domain.strategies import Sizing, Strategies, Strategy
from tradebot.trading.alert_rows import Outcome

BLOCKED, FAILED = AlertStatus.BLOCKED, AlertStatus.FAILED
AT_ONCE = [one for one in REFUSALS if "max_alert_age_s" not in one[0]]
"""A test has never waited."""


async def told(bot: Bot, action: str, ticker: str = "AAPL", **fields: object) -> list[str]:
    """The report on a test alert."""
    message = {"action": action, "ticker": ticker, "test": True, **fields}
    accepted = await bot.intake.accept(message, b"raw", None)
    assert accepted.status is Outcome.TESTED
    assert isinstance(accepted.report, list), accepted.report
    return accepted.report


@pytest.mark.parametrize(("reason", "setup", "prepare", "fields"), AT_ONCE, ids=[one[0] for one in AT_ONCE])
async def test_a_test_is_refused_in_the_words_of_the_real_one(
    make_bot: MakeBot,
    reason: str,
    setup: dict[str, Any],
    prepare: Callable[[Bot], Any] | None,
    fields: dict[str, Any],
) -> None:
    """The owner would trust a test, and the alert itself be blocked; or the other way round."""
    bot = await make_bot(**setup)
    await bot.start()
    if prepare is not None:
        await prepare(bot)
    report = await told(bot, "BUY", **fields)
    alert = await bot.becomes(await bot.alert("BUY", **fields), BLOCKED)
    assert report[0].rstrip(".") == f"It would not be traded: {said(alert.reason)}".rstrip(".")
    assert reason in report[0]


async def test_a_test_says_the_size_of_the_real_one(bot: Bot) -> None:
    """The owner would see another quantity than is bought, or sold."""
    report = await told(bot, "BUY", price=90)
    assert report[0] == "It would BUY 5 AAPL."
    assert "Price: $100.00, IB's ask." in report
    await bot.alert("BUY", price=90)
    assert (await bot.sent()).qty == 5
    await bot.owns(7, "MSFT")
    assert (await told(bot, "SELL", "MSFT"))[0] == "It would SELL all MSFT (7)."
    await bot.alert("SELL", "MSFT")
    assert (await bot.sent(2)).qty == 7
    assert bot.broker.asked.count("quote") == 2, "an exit's test asks for no price"


async def test_nothing_is_held_and_nothing_is_known(bot: Bot) -> None:
    """A test of an exit, or of a ticker that is misspelt, would promise a trade."""
    flat: dict[str, Any] = {"market_position": "flat", "prev_market_position": "long", "prev_market_position_size": 10}
    plain: dict[str, Any] = {}
    for fields in (plain, flat):
        report = await told(bot, "SELL", **fields)
        alert = await bot.becomes(await bot.alert("SELL", **fields), BLOCKED)
        assert report[0].rstrip(".") == f"It would not be traded: {said(alert.reason)}".rstrip(".")
    assert "The sender believes it held 10, the books hold 0: an alert is missing." in report
    bot.broker.unknown.add("NOPE")
    assert "IB knows no stock NOPE" in (await told(bot, "BUY", "NOPE"))[0]


async def test_an_ib_that_does_not_answer_is_not_waited_for(bot: Bot) -> None:
    """TradingView would hang up, and the owner have no answer at all."""
    bot.broker.failing.add("quote")
    report = await told(bot, "BUY", price=99)
    assert report[0] == "It would BUY 5 AAPL."
    assert any(line.startswith("Price: $99.00, the alert's own") for line in report)
    assert any(line.startswith("Not known: ") for line in report)
    assert any("Not judged" in line and "spread" in line for line in report)


async def test_what_is_not_honoured_is_told_too(bot: Bot) -> None:
    """The test would pass, and the alert be refused at the door."""
    report = await told(bot, "BUY", quantity=40)
    assert report[0].startswith("It would be refused: The alert asks for 40 shares")


async def test_a_closed_market_is_said(make_bot: MakeBot) -> None:
    """The owner would wait for a fill all night."""
    bot = await make_bot(always=False, start=FRIDAY_NOON.replace(hour=23))
    await bot.start()
    report = await told(bot, "BUY")
    assert "The market is closed: it would wait for the open, Mon 23 Nov 09:30 New York." in report


async def test_nothing_is_stored_by_a_report(make_bot: MakeBot) -> None:
    """A question would change what it asks about."""
    bot = await make_bot(limits=Limits(max_daily_buys=1), fixed_limits=NO_FIXED_LIMITS)
    await bot.start()
    for _ in range(3):
        assert (await told(bot, "BUY"))[0] == "It would BUY 5 AAPL."
    assert await bot.trades() == []
    assert bot.broker.sent == []
    async with bot.ledger.read() as books:
        assert await books.alerts((AlertStatus.RECEIVED, AlertStatus.PENDING, AlertStatus.PROCESSING)) == []
    await bot.alert("BUY")
    assert (await bot.sent()).qty == Decimal(5)


NOT_NOW = (time(3), time(4))
OWN_RULES = {
    "ticker": Strategy(name="main", tickers=frozenset({"MSFT"})),
    "disabled": Strategy(name="main", enabled=False),
    "window": Strategy(name="main", window=NOT_NOW),
    "own limit": Strategy(name="main", limits={"max_total_investment": Decimal(300)}),
    "no share": Strategy(name="main", sizing=Sizing.EQUITY_PCT, size=Decimal("0.01")),
}


@pytest.mark.parametrize("strategy", OWN_RULES.values(), ids=OWN_RULES)
async def test_the_rules_of_the_strategy_are_looked_at(make_bot: MakeBot, strategy: Strategy) -> None:
    """A test would pass that its strategy never lets trade."""
    bot = await make_bot(strategies=Strategies({"main": strategy}))
    await bot.start()
    report = await told(bot, "BUY")
    alert = await bot.becomes(await bot.alert("BUY"), BLOCKED)
    assert report[0].rstrip(".") == f"It would not be traded: {said(alert.reason)}".rstrip(".")


@pytest.mark.parametrize(
    "strategy",
    [
        Strategy(name="main", sizing=Sizing.SHARES, size=Decimal(400)),
        Strategy(name="main", sizing=Sizing.EQUITY_PCT, size=Decimal(2)),
        Strategy(name="main", sizing=Sizing.SHARES, size=Decimal(9), limits={"buy_amount_usd": Decimal(700)}),
    ],
    ids=["capped by the file", "of the account", "capped by its own limit"],
)
async def test_a_size_is_capped_as_in_a_decision(make_bot: MakeBot, strategy: Strategy) -> None:
    """The owner would see another quantity than leaves."""
    bot = await make_bot(strategies=Strategies({"main": strategy}))
    await bot.start()
    report = await told(bot, "BUY")
    await bot.alert("BUY")
    order = await bot.sent()
    assert report[0] == f"It would BUY {order.qty:f} AAPL."


async def test_the_alert_to_come_counts_among_those_of_the_day(make_bot: MakeBot) -> None:
    """The last alert of the day would be promised twice."""
    bot = await make_bot(strategies=Strategies({"main": Strategy(name="main", max_alerts_per_day=1)}))
    await bot.start()
    bot.broker.fill_at_once()
    assert (await told(bot, "BUY"))[0] == "It would BUY 5 AAPL."
    await bot.becomes(await bot.alert("BUY"), AlertStatus.EXECUTED)
    report = await told(bot, "BUY", "MSFT")
    alert = await bot.becomes(await bot.alert("BUY", "MSFT"), BLOCKED)
    assert report[0].rstrip(".") == f"It would not be traded: {said(alert.reason)}".rstrip(".")


async def test_the_page_shows_the_answer_as_it_is(make_bot: MakeBot) -> None:
    """The first test alert that somebody sends would be answered in other words than he has read."""
    [shown] = re.findall(r'^\{"status": "tested".+?\}$', PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    ema = Strategy(name="ema", sizing=Sizing.ALERT)
    bot = await make_bot(strategies=Strategies({"ema": ema, "main": Strategy(name="main")}))
    await bot.start()
    bot.broker.asks["AAPL"] = Decimal("227.45")
    message = {"action": "buy", "ticker": "AAPL", "quantity": 400, "test": True}
    accepted = await bot.intake.accept(message, b"raw", None, path="ema")
    assert json.loads(shown.replace("\n", ""))["report"] == accepted.report
