"""How it goes, in the chat: what a phone shows, and the page to keep."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.adapters.database.samples import a_lot, a_trade
from tests.adapters.telegram.conftest import Phone
from tests.domain.analytics.history import history
from tests.domain.analytics.samples import CALENDAR, NOON
from tests.facts import a_period
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.analytics.performance import Known, performance, spans_of
from tradebot.domain.analytics.thresholds import Reading, Threshold
from tradebot.domain.calendar_units import Unit
from tradebot.domain.events import Event
from tradebot.domain.facts.performance import WeeklyReport
from tradebot.domain.hours import Hours
from tradebot.domain.trades import TradeStatus
from tradebot.telegram import performance as texts
from tradebot.telegram.markup import LENGTH_MAX, plain
from tradebot.telegram.messages import nets_of, paragraph_of

KNOWN = history(130)
FOUND = performance(KNOWN, Hours(CALENDAR))
YOUNG = performance(history(3), Hours(CALENDAR))
EMPTY = performance(Known(KNOWN.first, KNOWN.last, KNOWN.now, [], [], [], {}), Hours(CALENDAR))
READINGS = [Reading(Threshold.DRAWDOWN, None, 3.2, 10.0), Reading(Threshold.SILENT, "ema", 4.0, 3.0)]
TEXTS: dict[str, str] = {
    "performance": texts.performance(FOUND, None),
    "performance of one": texts.performance(FOUND, "ema"),
    "stats": texts.stats(FOUND, None, READINGS, {"silent_sessions.ema": NOON}),
    "stats of one": texts.stats(FOUND, "rsi"),
    "young": texts.performance(YOUNG, None) + texts.stats(YOUNG, None),
    "empty": texts.performance(EMPTY, None) + texts.stats(EMPTY, None),
    **{unit: texts.spans(spans_of(KNOWN, CALENDAR, unit)[-9:], unit) for unit in Unit},
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_line_fits_on_a_phone(name: str) -> None:
    """Figures would wrap into the next line, or be cut off at the edge of the screen."""
    text = TEXTS[name]
    assert len(text) < LENGTH_MAX
    for block in text.split("<pre>")[1:]:
        assert all(len(line) <= 32 for line in plain(block.partition("</pre>")[0]).splitlines())
    assert "None" not in text
    assert "nan" not in text


def test_too_few_data_are_not_yet() -> None:
    """The ratio of three days would be shown, and be believed."""
    lines = [" ".join(line.split()) for line in plain(TEXTS["young"]).splitlines()]
    assert {
        "Sharpe not yet",
        "win rate not yet",
        "slippage not yet, 9 more orders",
        "a year not yet, 58 more days",
    } <= set(lines)
    assert "account" in plain(TEXTS["empty"])


def test_first_lines_say_it_all() -> None:
    """A lock screen would show a title without a figure."""
    assert plain(TEXTS["performance"]).startswith("Account +17.3 % (SPY +25.1 %)\nsince 01 May 2026, 130 sessions\n")
    assert plain(TEXTS["stats"]).startswith("+$726.69 realised, 100 of 189 won\n")
    assert plain(TEXTS["stats of one"]).startswith("rsi: −$76.14 realised")
    assert plain(TEXTS[Unit.MONTH]).startswith("The last 7 months: +$726.69\n189 lots closed, net of commissions\n")
    assert "• drawdown 3.2 % (limit 10.0 %)\n• ❗ ema: sessions without an alert 4 (limit 3)" in TEXTS["stats"]
    assert texts.stats(FOUND, "rsi2") == texts.performance(FOUND, "rsi2") == "rsi2 has traded nothing yet."


async def closed(phone: Phone, pnl: str, at: datetime) -> None:
    async with phone.bot.ledger.begin() as books:
        opening, closing = await a_trade(books, created_at=at), await a_trade(books, created_at=at)
        for one in (opening, closing):
            order = await books.trade(one)
            assert order is not None
            await books.move_alert(order.alert_id, (AlertStatus.RECEIVED,), AlertStatus.EXECUTED, None)
            await books.save_trade(replace(order, status=TradeStatus.FILLED, finished_at=at))
        lot = a_lot(opening, closing, pnl=Decimal(pnl), entry_time=at, exit_time=at)
        await books.rewrite_lots("main", "AAPL", [lot], closed_by=[closing], and_open=False)


async def test_days_and_the_page_come_into_the_chat(phone: Phone) -> None:
    """The owner would ask how it goes, and get no answer, the days of another month, or a page that no browser opens."""
    now = phone.bot.clock.now()  # Friday, 20 November 2026
    await closed(phone, "18", now - timedelta(minutes=5))
    await closed(phone, "-7.5", now - timedelta(days=2))
    days = plain((await phone.api.ask("/daily", "The last 5 days: +$10.50")).text)
    assert [line.split()[-3] for line in days.splitlines() if line.startswith(("Wed", "Fri"))] == ["−8", "+18"]
    picture = await phone.api.heard(lambda sent: sent.method == "sendPhoto")
    assert picture.text == "Realised P&amp;L by session"
    page = await phone.api.ask("/report 2026-11", "01 Nov 2026 – 20 Nov 2026, 15 sessions\nknown since ")
    [content] = page.files.values()
    assert content.startswith(b"<!doctype html>")
    assert b"November 2026" in content
    assert b"simulated &lt;b&gt;&amp;" in content
    for wrong in ("november", "2026-13", "2027", "<b>"):
        refused = await phone.api.ask(f"/report {wrong}", "/report 2026-11")
        assert "no month" in refused.text or "not begun" in refused.text
    await phone.api.ask("/report 2020-01", "Nothing is known of 2020-01")
    await phone.api.ask("/daily 31", "1 to 30")


def test_a_weeks_report_has_its_figures_first_and_a_picture() -> None:
    """A lock screen would show no figure, or the picture of the week be left out."""
    event = Event(WeeklyReport(**a_period()), NOON, id=1)
    shown = plain(paragraph_of(event, NOON)).splitlines()
    assert shown[0] == "📊 +$123.45 this week, account +1.2 %"
    assert all(len(line) <= 40 for line in shown), shown
    assert nets_of(event) == [(date(2026, 11, 19), Decimal(4)), (date(2026, 11, 20), Decimal("119.45"))]
