"""What a lock screen shows of every message, and what stands below it."""

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.facts import NOON, STOP, bought, every_kind, order
from tests.words.test_refusals import SAID
from tradebot.domain.alerts import Side
from tradebot.domain.event_groups import EventGroup, Telling
from tradebot.domain.events import Event, EventKind, Facts, Severity
from tradebot.domain.facts import FACTS
from tradebot.domain.facts import account as c
from tradebot.domain.facts import alerts as a
from tradebot.domain.facts import daemon as d
from tradebot.domain.facts import orders as o
from tradebot.domain.questions import Question
from tradebot.domain.refusals import Fact, Figure, RefusalCode
from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import Strategies, Strategy
from tradebot.domain.trades import TradeStatus
from tradebot.words.in_chat import in_chat
from tradebot.words.lines import LINES, lines
from tradebot.words.said import WIDTH, Said
from tradebot.words.short_refusals import SHORT, SHORT_FIGURES, beside, in_short
from tradebot.words.told import said

D = Decimal
TOLD = [facts for facts in every_kind().values() if facts.severity is not Severity.TRACE]
FIGURE = re.compile(r"\$[\d.,]*\d|\d[\d.,]* ?(?:%|\w+|@)")
"""An amount, or a number with what it counts."""


def spoken(facts: Facts, **more: Any) -> Said:
    return lines(Event(facts, NOON, alert_id=4, actor="Ann", **more))


@pytest.mark.parametrize("facts", TOLD, ids=lambda facts: facts.kind)
def test_the_first_line_fits_a_lock_screen_and_nothing_is_said_twice(facts: Facts) -> None:
    """The owner would see half a line at night, or read every figure twice."""
    found = LINES[facts.kind](facts, Event(facts, NOON, alert_id=4, actor="Ann"))
    assert len(found.fitted.first) <= 40, found.first
    assert not found.fitted.first[0].isascii(), "a sign comes first"
    assert "None" not in f"{found.first}{found.below}"
    prose = "\n".join(line for line in found.below.splitlines() if not line.startswith("•"))
    assert not set(FIGURE.findall(found.first)) & set(FIGURE.findall(prose))


REPORTS = (EventKind.DAILY_REPORT, EventKind.WEEKLY_REPORT, EventKind.MONTHLY_REPORT)
"""Tables that are read by day."""
VARIANTS: list[Facts] = [
    *(
        o.SharesUnprotected(**order(order_terms=STOP), code=code, left=D(10), role="STOP", terms="", entry_id=7)
        for code in o.Unprotected
    ),
    *(o.OrderCancelling(**order(), code=code, timeout_s=30.0, by_alert=12) for code in o.CancelReason),
    *(o.OrderStuck(**order(), code=code, perm_id=1234567, for_s=120.0) for code in o.Stuck),
    *(c.ExitIncomplete("AAPL", D(1), code, "IB 201: no") for code in c.ExitLeft),
    *(a.AlertBlocked("AAPL", Side.BUY, code, facts) for code, facts, _ in SAID),
    c.QuestionSilent(Question.POSITIONS, NOON, empty=True),
    a.AlertRepeated("AAPL", Side.BUY, None, 7, 86_400.0),
    a.FieldsNotUsed("AAPL", Side.BUY, ("interval",), "traderspost", "ema"),
    d.LoginReminder(NOON, NOON + timedelta(days=7), NOON + timedelta(days=1), connected=False, since=None),
    d.ComponentStuck("booking", 125.0, restarts=False),
]


def screen_lines(below: str) -> int:
    """How many lines a phone makes of it; a list's are as many as there are things."""
    shown = in_chat(below).replace("`", "")
    return sum(-(-len(line) // WIDTH) for line in shown.splitlines() if not line.startswith("•"))


@pytest.mark.parametrize(
    "facts", [*(one for one in TOLD if one.kind not in REPORTS), *VARIANTS], ids=lambda facts: facts.kind
)
def test_below_the_first_line_a_phone_shows_five_at_most(facts: Facts) -> None:
    """What to do would stand at the end of a paragraph that nobody reads at three in the morning."""
    below = spoken(facts).below
    assert screen_lines(below) <= 5, below
    assert len(below.splitlines()) <= 4, below
    assert not re.search(r"\b1 (?:shares|orders|alerts|entries|fields|attempts|BUYs)\b", below)
    assert "  " not in below
    assert not re.search(r"[.!?]\.(?:\s|$)|\n\n|\n\Z", below), below


def test_what_is_sent_has_lines_and_nothing_else_has() -> None:
    """A message would begin with the name of a constant."""
    assert set(LINES) == {kind for kind, facts in FACTS.items() if facts.severity is not Severity.TRACE}


def sold(pnl: str, filled: int = 4, **changes: Any) -> o.SellFilled:
    status = TradeStatus.FILLED if filled == 4 else TradeStatus.PARTIAL
    about = order(side=Side.SELL, requested_qty=D(4), filled_qty=D(filled), status=status, avg_fill_price=D("199.48"))
    known: dict[str, Any] = {"commission_known": True, "took_s": 0.4, "cost": D("800.08"), "held_s": 180_000.0}
    return o.SellFilled(**about, **{**known, **changes}, pnl=D(pnl))


def of_buy(requested: int, filled: int) -> dict[str, Any]:
    return order(requested_qty=D(requested), filled_qty=D(filled), avg_fill_price=D("200.02"))


FIRST: list[tuple[Facts, str, str]] = [
    (
        o.BuyFilled(**of_buy(4, 4), commission_known=True, took_s=0.4),
        "🟢 Bought 4 AAPL @ $200.02 = $800",
        "Filled 0.40 s after the alert. Commission $1.00.",
    ),
    (o.PartialFill(**of_buy(2, 1)), "◐ Bought 1 of 2 AAPL @ $200.02 = $200", "The rest is working."),
    (
        sold("-2.16"),
        "🔴 Sold 4 AAPL −$2.16 (−0.3 %), held 2 d",
        "At $199.48, for $797.92.\nFilled 0.40 s after the alert. Commission $1.00.",
    ),
    (sold("2.16"), "🔵 Sold 4 AAPL +$2.16 (+0.3 %), held 2 d", ""),
    (
        sold("-2.16", 1, took_s=None),
        "◐ Sold 1 of 4 AAPL −$2.16 (−0.3 %)",
        "Held 2 d\nAt $199.48, for $199.48.\nThe rest was cancelled.\nCommission $1.00.",
    ),
    (
        a.AlertBlocked(
            "SPY",
            Side.BUY,
            "max_order_value",
            {"qty": D(40), "ticker": "SPY", "ask": D(660), "value": D(26_400), "limit": D(25_000)},
        ),
        "🚫 BUY SPY not sent: order over $25,000",
        "40 at $660.00 are $26,400.00. The limit is max_order_value_usd in the configuration.",
    ),
    (
        a.AlertBlocked("SPY", Side.BUY, "paused"),
        "🟡 BUY SPY not sent: paused",
        "No BUY until `tradebot resume`. SELLs go on.",
    ),
    (c.StateChanged(TradingState.RUNNING, TradingState.PAUSED), "🟡 Paused: SELL only", ""),
    (
        c.StateChanged(TradingState.PAUSED, TradingState.RUNNING, still_paused=("ema",)),
        "✅ Trading resumed",
        "BUY and SELL alerts are executed. Still paused by name: ema (`tradebot resume --strategy ema`). "
        "Was PAUSED; changed by Ann.",
    ),
    (
        c.TellingChanged(EventGroup.PROTECTION, Telling.ON, Telling.SILENT),
        "⚙️ Told of protection: silent",
        "In the chat. Was on; changed by Ann.",
    ),
    (c.TickerBlock("AAPL", blocked=True), "🟡 No BUY of AAPL", "Until /unblock AAPL in the chat. Blocked by Ann."),
]


@pytest.mark.parametrize(("facts", "first", "below"), FIRST, ids=lambda one: getattr(one, "kind", ""))
def test_what_comes_every_day(facts: Facts, first: str, below: str) -> None:
    """Bought, gained and lost would look alike, or a figure be missing."""
    found = spoken(facts)
    assert found.first == first
    assert below in found.below


def test_a_fill_whose_time_is_not_known_claims_none() -> None:
    """ "0.00 s after the alert" would be told of an order that took half a minute."""
    found = spoken(o.BuyFilled(**of_buy(4, 4), commission_known=False, took_s=None))
    assert found.below == "Commission not reported yet."


def test_a_long_first_line_goes_on_below() -> None:
    """A lock screen would cut a long ticker's figures off."""
    long = Said("🔵 Sold 100 LONGTICKER +$12,345.67 (+12.3 %), held 12 d", "At $1.00.").fitted
    assert (long.first, long.below) == ("🔵 Sold 100 LONGTICKER +$12,345.67", "+12.3 %, held 12 d\nAt $1.00.")
    part = Said("🛑 Stopped out 3 of 10 AAPL −$31.33 (−10.4 %), held 2 d", "At $89.99.").fitted
    assert part == Said("🛑 Stopped out 3 of 10 AAPL −$31.33", "−10.4 %, held 2 d\nAt $89.99.")
    whole = Said("🛡 " + "x" * 50, "")
    assert whole.fitted == whole


def test_whose_it_is_stands_in_the_second_line() -> None:
    """A strategy's long name would push the figures off the lock screen."""
    two = Strategies({name: Strategy(name=name) for name in ("ema", "swing")})
    event = Event(bought(), NOON, strategy="ema")
    assert said(event, two).first == said(event).first == lines(event).first
    assert said(event, two).below == f"ema: {lines(event).below}"
    named = Event(c.StateChanged(TradingState.RUNNING, TradingState.PAUSED, "ema"), NOON, strategy="ema")
    assert said(named, two) == lines(named)


@pytest.mark.parametrize(("code", "facts"), [(code, facts) for code, facts, _ in SAID])
def test_a_refusal_in_few_words(code: str, facts: Mapping[str, Fact]) -> None:
    """The first line would not have room for why, or say its figure twice."""
    short, rest = in_short(code, facts), beside(code, facts)
    assert len(f"🚫 BUY AAPL not sent: {short}") <= WIDTH + 1
    assert rest[0].isupper() or not rest[0].isalpha() or rest.startswith("strategies")
    assert not set(FIGURE.findall(short)) & set(FIGURE.findall(rest))


def test_every_refusal_has_few_words() -> None:
    """A message would fall back to the name of a constant."""
    assert set(SHORT) == set(RefusalCode)
    assert set(SHORT_FIGURES) == set(Figure)


def test_a_code_of_another_version_is_told_by_its_name() -> None:
    """After a way back, one refusal that is not known would keep all that come after it from being told."""
    found = spoken(a.AlertBlocked("AAPL", Side.BUY, "margin_call", {"missing": 5}))
    assert found.first == "Alert blocked"
    assert "code margin_call" in found.below
