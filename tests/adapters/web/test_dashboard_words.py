"""What pages say, as values: pure."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from markupsafe import Markup

from tests.bot import CRONS
from tests.domain.analytics.samples import lot
from tradebot.domain.analytics.performance import Known, performance
from tradebot.domain.calendar import NEW_YORK, Calendar
from tradebot.domain.equity import Equity
from tradebot.domain.events import EventKind
from tradebot.domain.exposure import exposure
from tradebot.domain.gate import GateCode, GateReason
from tradebot.domain.hours import Hours
from tradebot.domain.job_plan import plans
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.log_lines import LogLine
from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import Strategy
from tradebot.ports import Connection, LinkSession
from tradebot.queries.headline import Headline
from tradebot.queries.jobs import JobHistory
from tradebot.queries.status import BooksStatus
from tradebot.queries.strategies import strategy_status
from tradebot.web.dashboard import machine, rendering, said
from tradebot.web.dashboard import performance as page
from tradebot.web.dashboard.frame import Frame, frame
from tradebot.web.dashboard.pages import wanted_alerts
from tradebot.web.dashboard.risk import risk
from tradebot.web.dashboard.said import Said
from tradebot.words import zone

NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
UP = Connection(True, True, LinkSession(1, 0), "DU1234567", True, True, None, NOON)


def framed(state: TradingState = TradingState.RUNNING, **known: object) -> Frame:
    now = {
        "state": state,
        "by": "owner",
        "connection": UP,
        "held_up_by": (),
        "positions": 0,
        "waiting": 0,
        "pending": 0,
        "opens": None,
    }
    headline = Headline(**{**now, **known})  # type: ignore[arg-type]
    return frame(headline, NOON, "/", "1.0", "token", [], state)


def test_the_state_is_said_in_words_on_every_page() -> None:
    """A colour alone says that nothing is traded, or a button is there that does nothing."""
    assert (framed().state, framed().line) == ("Running", "paper DU1234567 · market open")
    paused = framed(TradingState.PAUSED)
    assert (paused.state, paused.line) == ("Paused: no BUY", "by owner · paper DU1234567 · market open")
    assert (paused.may_pause, paused.may_resume, paused.may_kill) == (False, True, True)
    killed = framed(TradingState.KILLED)
    assert (killed.mood, killed.may_pause, killed.may_resume, killed.may_kill) == ("bad", False, True, False)
    waits = framed(held_up_by=(GateReason(GateCode.COMPARING),))
    assert waits.state == "Orders wait"
    assert waits.line.endswith("Orders and positions are being compared with IB")
    closed = framed(opens=NOON + timedelta(days=2, hours=21, minutes=30))
    assert "· market closed until Mon 09:30 New York" in closed.line
    always = framed(opens=NOON + timedelta(days=2, hours=21, minutes=30), always=True)
    assert always.line.endswith("· trades at all hours, market closed until Mon 09:30 New York")


def test_a_reached_daily_loss_is_said_on_each_page() -> None:
    """A strategy that buys nothing more today is "on", and its limit a mere figure."""
    used = exposure([], [], [], [lot("-435")], None, day_start=NOON - timedelta(hours=12), now=NOON)
    ema = strategy_status(Strategy(name="ema", limits={"max_daily_loss": Decimal(20)}), {}, used, 0, NOON)
    rsi = strategy_status(Strategy(name="rsi"), {}, used, 0, NOON)
    books = BooksStatus(TradingState.RUNNING, Limits(), 0, 0, 0, [], [], [], used, strategies=[ema, rsi])
    assert said.standing(ema, books) == Said("at its daily loss: no BUY today", said.WAIT)
    assert said.standing(rsi, books) == Said("on", said.GOOD)
    assert said.standing(rsi, replace(books, state=TradingState.KILLED)).mood == said.WAIT
    shown = risk(books, FixedLimits())
    assert shown.strategies[0].limits[0].use == "no BUY today: $435.00 lost today"
    assert "no BUY" not in str(shown.limits)
    spent = replace(books, limits=Limits(max_daily_loss=Decimal(435)))
    assert "no BUY today: $435.00 lost today" in [one.use for one in risk(spent, FixedLimits()).limits]
    assert said.standing(rsi, spent).text == "on, but the account is at its daily loss: no BUY today"


def test_a_kill_is_shown_while_the_database_is_away() -> None:
    """The owner does not see that his kill is in force."""
    shown = frame(None, NOON, "/", "1.0", "token", [], TradingState.KILLED)
    assert (shown.state, shown.line) == ("KILLED: nothing leaves", "The database does not answer.")


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "–"),
        (Decimal("12.3"), '<span class="gain">+$12.30</span>'),
        (Decimal("-12.3"), '<span class="loss">−$12.30</span>'),
        (Decimal("0.001"), '<span class="quiet">$0.00</span>'),
    ],
)
def test_a_gain_is_told_by_sign_and_colour(amount: Decimal | None, shown: str) -> None:
    """A loss looks like a gain to who sees no red, or an unknown figure is a zero."""
    assert rendering.gain(amount) == Markup(shown)


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        ("-0.04", '<span class="quiet">0.0 %</span>'),
        ("-0.41", '<span class="loss">−0.1 %</span>'),
        ("0.69", '<span class="gain">+0.1 %</span>'),
    ],
)
def test_a_share_has_the_colour_of_what_is_shown(part: str, shown: str) -> None:
    """A column of red zeros looks like losses."""
    assert rendering.percent(Decimal(part), Decimal(500)) == Markup(shown)


@pytest.mark.parametrize(
    ("used", "most", "wide", "kind"), [(0, 10, 0, '""'), (5, 10, 50, ""), (8, 10, 80, "near"), (30, 10, 100, "full")]
)
def test_a_bar_shows_how_much_is_used(used: int, most: int, wide: int, kind: str) -> None:
    """A limit that is used up looks as if there were room."""
    drawn = rendering.bar(used, most)
    assert f'width="{wide}%"' in drawn
    assert kind.strip('"') in drawn


def test_what_is_not_known_has_no_bar() -> None:
    """A limit whose use is not known looks unused."""
    assert rendering.bar(None, 10) == rendering.bar(3, 0) == ""


def test_jobs_say_how_they_ended() -> None:
    """A report that has failed for a week looks done."""
    slot = NOON - timedelta(hours=1)
    history = JobHistory({"equity": slot, "prune": slot}, {("prune", slot): EventKind.JOB_FAILED})
    crons = {"equity": "*/15 * * * *", "prune": "30 3 * * *", "health_check": "*/5 * * * *"}
    wanted = [plan for plan in plans({**CRONS, **crons}, Calendar()) if plan.name in crons]
    found = {job.name: job for job in machine.jobs(wanted, history, NOON)}
    assert {name: job.word.text for name, job in found.items()} == {
        "equity": "done",
        "prune": "failed",
        "health check": "has not run yet",
    }
    assert found["equity"].next == "Fri 20 Nov 12:15 New York"


def test_the_log_is_shown_newest_first_with_what_belongs_to_a_line() -> None:
    """The line that explains an error is the last of two hundred, or its traceback is missing."""
    first = LogLine(NOON, "INFO", "first", context={"alert_id": 3})
    last = LogLine(NOON, "ERROR", "last", exception="Traceback\nof it\n")
    shown = machine.log([first, last, LogLine(None, "", "{broken")], "INFO").lines
    assert [(one.text, one.word.text, one.more) for one in shown] == [
        ("{broken", "unreadable", ""),
        ("last", "error", "Traceback\nof it"),
        ("first", "info", "alert_id=3"),
    ]


def test_too_little_is_not_yet() -> None:
    """Two lots make a win rate, and an account that is not known has a gain of zero."""
    day = NOON.date()
    known = Known(day - timedelta(days=29), day, NOON, [], [lot("5"), lot("-3")], [], {})
    counted = performance(known, Hours(Calendar(), always=True))
    shown = page.performance(counted, "30", None, lambda curve: "name", day)
    assert shown.about.endswith("sessions; known since 20 November 2026")
    figures = {one.name: one.text for one in shown.lots}
    assert (figures["Won"], figures["Profit factor"], figures["A lot brings"]) == (None, None, None)
    assert (shown.account, shown.equity_chart, shown.slippage.rows, shown.latency.rows) == ([], None, [], [])
    assert [one.name for one in shown.periods if one.here] == ["30 days"]


def test_a_single_day_has_neither_risen_nor_fallen() -> None:
    """On the first evening the account has gained nothing and never fell, says the page: nobody knows that yet."""
    day = NOON.date()
    won = lot("5", entry_time=NOON - timedelta(hours=1), exit_time=NOON)
    worth = Equity("DU1", NOON, Decimal(100_000), None, None, None)
    shown = page.performance(
        performance(Known(day, day, NOON, [worth], [won], [], {}), Hours(Calendar())), "30", None, lambda curve: "name"
    )
    assert {one.name: one.text for one in shown.account}["Gain"] is None
    assert [one.text for one in (*shown.account, *shown.lots) if one.name == "Deepest fall"] == [None, None]
    assert [one.won for one in shown.months] == ["1 of 1"]


def test_a_search_is_read() -> None:
    """BRK.B is not found, or a number that is too large breaks the page."""
    wanted, problem = wanted_alerts({"ticker": "nyse:brk.b", "status": "blocked", "before": "7", "day": "2026-11-20"})
    assert (problem, wanted.ticker, wanted.statuses, wanted.before_id) == ("", "BRK B", ["BLOCKED"], 7)
    assert wanted_alerts({"before": "9" * 30})[0].before_id is None


def test_times_are_the_owners() -> None:
    """The owner in Berlin reads New York's clock without being told."""
    assert rendering.clock(NOON) == '<time datetime="2026-11-20T17:00:00+00:00">12:00</time>'
    assert framed().zone == "New York"
    zone.use(UTC)
    try:
        assert ">17:00<" in rendering.clock(NOON)
        assert framed().zone == "UTC"
    finally:
        zone.use(NEW_YORK)
