"""What each job does and says: opening, report, position sync, Sunday reminder."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.clockwork import Clockwork, new_york
from tests.fakes import CON_IDS
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.brokerage import OrderState
from tradebot.domain.events import Event, EventKind, OtherFacts, Severity
from tradebot.domain.facts.daemon import DailyReport, ReportedPosition, SessionPoint
from tradebot.domain.job_plan import DAILY_REPORT, MARKET_OPEN, POSITION_SYNC, SUNDAY_REMINDER
from tradebot.domain.refusals import RefusalCode
from tradebot.domain.risk import BUY_POLICY
from tradebot.queries.daily_report import NAMED_IN_0_1, rule_of
from tradebot.words import events as words
from tradebot.words.refusals import title

FRIDAY_NOON = new_york(2026, 11, 20, 12)
REPORT = new_york(2026, 11, 20, 16, 5)


@pytest.fixture
async def bot(make_bot: MakeBot) -> Bot:
    """Trades by the exchange's hours, running, connected, on a Friday noon."""
    made: Bot = await make_bot(start=FRIDAY_NOON, always=False)
    await made.start()
    return made


@pytest.fixture
async def clockwork(bot: Bot) -> Clockwork:
    return Clockwork(bot)


async def sold(bot: Bot, shares: int, ticker: str, price: str) -> None:
    alert_id, order_ref = await bot.order("SELL", ticker)
    bot.broker.fill(order_ref, shares, price)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    bot.clock.skip(11)


# --- market open ----------------------------------------------------------------------------------------------------


async def test_the_opening_is_told_with_its_counts(clockwork: Clockwork) -> None:
    """Broken, the owner does not hear which of the weekend's alerts go on, and which had waited too long."""
    friday = new_york(2026, 11, 20, 18)
    for ticker in ("AAPL", "MSFT"):
        await clockwork.pending(ticker, Side.SELL, friday)
    await clockwork.pending("KO", Side.BUY, friday)
    stale = await clockwork.pending("IBM", Side.BUY, new_york(2026, 11, 19, 8))
    clockwork.set(new_york(2026, 11, 23, 9, 30))
    await clockwork.work[MARKET_OPEN](new_york(2026, 11, 23, 9, 30), clockwork.bot.clock.now())
    event = (await clockwork.told(EventKind.MARKET_OPEN))[-1]
    assert words.text(event) == (
        "The market is open until Mon 23 Nov 16:00 New York. Alerts that waited and go on: 2 SELL, then 1 BUY. "
        "1 had waited too long and expired."
    )
    assert (await clockwork.bot.row(stale)).status is AlertStatus.EXPIRED


# --- daily report ---------------------------------------------------------------------------------------------------


async def test_the_report_has_every_figure(bot: Bot, clockwork: Clockwork) -> None:
    """Broken, the owner decides on a report whose figures are not those of the books."""
    await bot.bought(5, "AAPL", "100")
    await sold(bot, 5, "AAPL", "104")
    await bot.bought(5, "MSFT", "100")
    await sold(bot, 5, "MSFT", "99")
    await bot.bought(5, "KO", "100")
    blocked = await bot.alert("SELL", "IBM")
    await bot.becomes(blocked, AlertStatus.BLOCKED)
    failed, order_ref = await bot.order("BUY", "MSFT")
    bot.broker.show(order_ref, OrderState.CANCELLED)
    await bot.becomes(failed, AlertStatus.FAILED)
    await clockwork.at(REPORT)
    [event] = await clockwork.told(EventKind.DAILY_REPORT)
    assert words.text(event).splitlines() == [
        "Daily report of Fri 20 Nov 2026",
        "Trades: 3 BUY, 2 SELL; commission $5.00",
        "Realised: +$11.00 net, 2 closed, 50% won",
        "Best: AAPL +$18.00",
        "Worst: MSFT −$7.00",
        "Unrealised: unknown, IB gave no prices",
        "Open positions: 5 KO",
        "Blocked alerts: 1 nothing to sell",
        "Failed alerts: 1",
        "Cash: $100,000.00, equity: $100,000.00",
        "Limits used:",
        "• 3 of 50 BUYs",
        "• 1 of 200 positions",
        "• $500.00 of $50,000.00 invested",
        "• $0.00 of $1,000.00 lost",
    ]
    facts = event.facts
    assert isinstance(facts, DailyReport)
    assert facts.net == 11
    assert facts.by_ticker == {"AAPL": 18, "MSFT": -7}
    assert facts.blocked == {"nothing_held": 1}
    assert facts.positions == (ReportedPosition("KO", Decimal(5), Decimal(500), None),)


async def test_the_report_s_series_remembers_earlier_days(bot: Bot, clockwork: Clockwork) -> None:
    """Broken, the picture of past sessions shows other figures than their own reports did."""
    await bot.bought(5, "AAPL", "100")
    await sold(bot, 5, "AAPL", "104")
    await clockwork.at(REPORT)
    bot.broker.cash = Decimal(90_000)
    await clockwork.at(new_york(2026, 11, 23, 16, 5))
    facts = (await clockwork.told(EventKind.DAILY_REPORT))[-1].facts
    assert isinstance(facts, DailyReport)
    assert facts.series[-2:] == (
        SessionPoint(date(2026, 11, 20), Decimal(18), Decimal(100_000)),
        SessionPoint(date(2026, 11, 23), Decimal(0), Decimal(90_000)),
    )
    assert len(facts.series) > 25
    assert {point.net for point in facts.series[:-2]} == {0}


async def test_a_day_without_anything_is_reported_as_such(clockwork: Clockwork) -> None:
    """Broken, silence could mean a quiet day or a dead bot; or what IB does not tell is shown as zero."""
    clockwork.bot.broker.cash = None
    await clockwork.work[DAILY_REPORT](REPORT, REPORT)
    [event] = await clockwork.told(EventKind.DAILY_REPORT)
    assert "Trades: 0 BUY, 0 SELL" in words.text(event)
    assert "nothing closed" in words.text(event)
    assert "Cash: unknown, equity: unknown" in words.text(event)


async def test_a_block_is_counted_by_its_rule(bot: Bot, clockwork: Clockwork) -> None:
    """Broken, ten alerts blocked for one reason are ten reasons, for each has other figures in its words."""
    bot.broker.cash = Decimal(1_200)
    for ticker in ("AAPL", "MSFT"):
        await bot.becomes(await bot.alert("BUY", ticker), AlertStatus.BLOCKED)
    await clockwork.work[DAILY_REPORT](REPORT, REPORT)
    [event] = await clockwork.told(EventKind.DAILY_REPORT)
    assert isinstance(event.facts, DailyReport)
    assert event.facts.blocked == {"cash": 2}


@pytest.mark.parametrize(
    ("values", "code", "said"),
    [
        ({"checks": [{"name": "kill switch", "reason": "…"}], "side": "SELL"}, "kill_switch", "kill switch"),
        ({"checks": [{"name": "max order value", "reason": "…"}]}, "max_order_value", "order value"),
        ({"checks": [{"name": "kill switch", "reason": None}], "side": "SELL"}, "nothing_held", "nothing to sell"),
        ({"side": "BUY"}, "superseded", "superseded by a SELL"),
    ],
)
def test_what_blocked_an_alert_is_known_of_old_events_too(values: dict[str, object], code: str, said: str) -> None:
    """Broken, the report of the day of an upgrade fails, or counts what happened before it under other names."""
    stored = OtherFacts(EventKind.ALERT_BLOCKED, Severity.WARNING, values)
    assert rule_of(Event(stored, REPORT, text="blocked")) == code
    assert title(code) == said


def test_every_check_of_0_1_0_is_understood() -> None:
    """Broken, an event stored before the upgrade ends the daily report."""
    since = {
        *(RefusalCode.SPLIT, RefusalCode.OTHER_CONTRACT),
        *(RefusalCode.SHORT_AT_IB, RefusalCode.DELAYED_QUOTE, RefusalCode.MAX_SPREAD),
        *(RefusalCode.STRATEGY_DISABLED, RefusalCode.STRATEGY_PAUSED, RefusalCode.TICKER_NOT_ALLOWED),
        *(RefusalCode.AT_TARGET, RefusalCode.OVERTAKEN, RefusalCode.TRADING_WINDOW),
        *(RefusalCode.COOLDOWN, RefusalCode.MAX_ALERTS_PER_DAY),
        *(RefusalCode.EXIT_LEVELS, RefusalCode.MAX_RISK, RefusalCode.MARGIN),
        RefusalCode.TICKER_BLOCKED,
    }
    assert set(NAMED_IN_0_1.values()) == {name for name, _ in BUY_POLICY} - since


# --- position sync --------------------------------------------------------------------------------------------------


async def test_positions_are_compared_ticker_by_ticker(bot: Bot, clockwork: Clockwork) -> None:
    """Broken, the owner cannot tell the bot's shares from his own, or a mismatch is one line among many."""
    await bot.bought(5, "AAPL")
    await bot.bought(5, "KO")
    held = bot.broker.held
    assert held is not None
    held[CON_IDS["AAPL"]] = Decimal(12)
    held[CON_IDS["KO"]] = Decimal(0)
    held[CON_IDS["IBM"]] = Decimal(3)
    for due in (new_york(2026, 11, 20, 14), new_york(2026, 11, 20, 18)):
        await clockwork.at(due)
    compared = await clockwork.told(EventKind.POSITIONS_COMPARED)
    assert words.text(compared[0]).splitlines() == [
        "Positions compared with IB. MISMATCH in KO.",
        "AAPL: bot 5, IB 12, your own 7",
        "IBM: bot 0, IB 3, your own 3",
        "KO: bot 5, IB 0, MISSING 5",
    ]
    mismatches = await clockwork.told(EventKind.MISMATCH)
    assert len(mismatches) == 2, "a mismatch is told by every sync"
    assert "the books hold 5 shares, IB shows 0" in words.text(mismatches[0])
    assert "Did you sell or transfer them yourself?" in words.text(mismatches[0])
    assert [event.ticker for event in await clockwork.told(EventKind.OWNER_HOLDINGS)] == ["AAPL", "IBM"], "once"


async def test_nothing_anywhere_is_not_worth_a_message(clockwork: Clockwork) -> None:
    """Broken, an account without positions is told so three times a day."""
    due = new_york(2026, 11, 20, 14)
    await clockwork.at(due)
    assert await clockwork.told(EventKind.POSITIONS_COMPARED) == []
    assert await clockwork.runs(POSITION_SYNC) == due


# --- Sunday reminder ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "says"),
    [
        (None, "IB is NOT connected: log in to IB Gateway now."),
        (new_york(2026, 11, 20, 12), "IB is still connected from before"),
        (new_york(2026, 11, 22, 9), "IB is connected since Sun 22 Nov 09:00 New York: it seems to be done."),
    ],
)
async def test_the_reminder_says_what_is_left_to_do(make_bot: MakeBot, since: object, says: str) -> None:
    """Broken, the bot falls silent on Monday because nobody logged in, or calls a person who has."""
    bot: Bot = await make_bot(start=since or FRIDAY_NOON, always=False)
    if since is not None:
        bot.broker.connect()
    clockwork = Clockwork(bot)
    sunday = new_york(2026, 11, 22, 10)
    clockwork.set(sunday)
    await clockwork.work[SUNDAY_REMINDER](sunday, sunday)
    [event] = await clockwork.told(EventKind.LOGIN_REMINDER)
    assert says in words.text(event)
    assert "ended Sun 22 Nov 01:00 New York" in words.text(event)
    assert "lasts until Sun 29 Nov 01:00 New York, 6 d 15 h from now" in words.text(event)
    assert "The market opens in 23 h 30 min, Mon 23 Nov 09:30 New York." in words.text(event)


async def test_no_job_does_a_slot_twice(bot: Bot, clockwork: Clockwork) -> None:
    """Broken, a crash between a job and its record would have it told again."""
    await bot.bought(5, "AAPL")
    before = len(await bot.events())
    for _ in range(2):
        for name, work in clockwork.work.items():
            await work(FRIDAY_NOON + timedelta(hours=2), bot.clock.now())
            assert await clockwork.runs(name) == FRIDAY_NOON + timedelta(hours=2)
    told = [event.kind for event in (await bot.events())[before:]]
    reports = [EventKind.DAILY_REPORT, EventKind.WEEKLY_REPORT, EventKind.MONTHLY_REPORT]
    assert sorted(told) == sorted([*reports, EventKind.POSITIONS_COMPARED, EventKind.LOGIN_REMINDER])
