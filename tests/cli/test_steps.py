"""The steps of an alert from its events and its log lines, and what the time between them is called."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.adapters.database.samples import an_alert
from tradebot.cli.steps import Step, longest, steps
from tradebot.domain.alerts import Alert, Side
from tradebot.domain.events import Event, Facts
from tradebot.domain.facts.alerts import AlertBlocked, AlertPending, AlertRepeated, AlertStored
from tradebot.domain.facts.orders import OrderAccepted, OrderIntent
from tradebot.domain.log_lines import LogLine
from tradebot.domain.refusals import RefusalCode
from tradebot.domain.trades import TradeStatus
from tradebot.queries.alert_trace import AlertTrace

BEGUN = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
STORED = AlertStored("AAPL", Side.BUY)
ORDER = ("AAPL", Side.BUY, "tb-1-ab12cd34", TradeStatus.SUBMITTING, Decimal(5), Decimal(0), None, Decimal(0))
INTENT, ACCEPTED = OrderIntent(*ORDER), OrderAccepted(*ORDER)
PENDING = AlertPending("AAPL", Side.BUY, RefusalCode.MARKET_CLOSED, {"opens_at": "2026-11-23T14:30:00+00:00"})
BLOCKED = AlertBlocked("AAPL", Side.BUY, RefusalCode.PAUSED)


def at(seconds: float) -> datetime:
    return BEGUN + timedelta(seconds=seconds)


def found(events: dict[float, Facts], lines: dict[float, str], where: str = "") -> list[Step]:
    """The steps of an alert with these events and log lines, by seconds since it came."""
    alert = Alert(**{name: getattr(an_alert(), name) for name in an_alert().__dataclass_fields__}, id=1)
    stored = [Event(facts, at(after), 1, id=number) for number, (after, facts) in enumerate(events.items(), start=1)]
    logged = [LogLine(at(after), "INFO", message, where) for after, message in lines.items()]
    return steps(AlertTrace(replace(alert, received_at=BEGUN), [], stored, []), logged)


@pytest.mark.parametrize(
    ("events", "lines", "gap_s", "gap"),
    [
        (
            {0: STORED, 2.1: INTENT},
            {0.1: "alert 1 from 127.0.0.1: queued (3 ms)", 2.0: "quote AAPL bid 1"},
            1.9,
            "waited for the quote",
        ),
        ({0: STORED, 3: INTENT}, {0.5: "quote AAPL bid 1 ask 2 last 3 live"}, 2.5, "until it was judged"),
        ({0: STORED, 0.1: PENDING, 3600: INTENT}, {}, 3599.9, "waited for the market to open"),
        ({0: STORED, 1.5: BLOCKED}, {}, 1.5, "until it was judged"),
        (
            {0: STORED, 0.1: INTENT, 2.2: ACCEPTED},
            {0.2: "order tb-1-ab12cd34 sent: BUY 5 AAPL MKT DAY", 2.3: "order tb-1-ab12cd34: SUBMITTING → SUBMITTED"},
            2.0,
            "until IB showed the order",
        ),
        (
            {0: STORED, 9: INTENT},
            {0.1: "alert 1 waits until the order of AAPL has ended"},
            8.9,
            "waited for the ticker's earlier order to end",
        ),
        ({0: STORED, 9: INTENT}, {0.1: "alert 1 waits for IB: it is not connected"}, 8.9, "waited for IB"),
        ({0: STORED}, {4: "IB 399 on tb-1-ab12cd34: held"}, 4.0, "until IB said something of it"),
    ],
)
def test_the_largest_gap_has_a_name(
    events: dict[float, Facts], lines: dict[float, str], gap_s: float, gap: str
) -> None:
    """The owner sees that an alert took long, and not with what."""
    slowest = longest(found(events, lines))
    assert slowest is not None
    assert (slowest.gap_s, slowest.gap) == (pytest.approx(gap_s), gap)


def test_the_same_message_days_later_is_no_gap() -> None:
    """The largest gap of an alert that was done in a second is three days."""
    repeated = AlertRepeated("AAPL", Side.BUY, "mine", 1, 259_200.0)
    slowest = longest(found({0: STORED, 0.7: BLOCKED, 259_200: repeated}, {}))
    assert slowest is not None
    assert slowest.gap_s == 0.7


def test_what_happens_beside_its_way_makes_no_gap_shorter() -> None:
    """An alert that waited four seconds for its quote looks as if it had waited two."""
    slowest = longest(found({0: STORED, 4: BLOCKED}, {2: "another part of the bot says something"}))
    assert slowest is not None
    assert slowest.gap_s == 4.0


def test_nothing_is_told_twice() -> None:
    """An event and the line that says it are taken for two things that happened."""
    lines = {0.05: "decided: BUY 5 AAPL, order tb-1-ab12cd34 is stored", 0.06: "checks: kill_switch passed"}
    assert [step.source for step in found({0: STORED, 0.1: INTENT}, lines)] == ["database", "database"]
    assert found({}, {0.1: "BUY AAPL blocked"}, where="tradebot.notify.log_channel:67") == []


def test_an_alert_that_has_only_come_has_no_gap() -> None:
    """The page of an alert that waits since a moment ends in an error."""
    assert longest(found({0: STORED}, {})) is None


def test_a_clock_that_was_set_back_makes_no_negative_time() -> None:
    """The sum of the steps would be longer than the whole."""
    assert [step.gap_s for step in found({0: STORED, -0.5: INTENT}, {})] == [None, 0.5]
