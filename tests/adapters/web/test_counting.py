"""What is counted of what is heard: each thing once, and each second in one stage only."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.adapters.database.samples import NOON, an_alert
from tests.fakes import FixedClock
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.brokerage import OrderState
from tradebot.domain.changes import AlertAdded, AlertMoved, Attempt, Change, DeliveryTried, JobRecorded
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.daemon import JobFailed, JobFailure, JobMissed
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.terms import OrderType
from tradebot.domain.trades import NewTrade, Trade, TradeStatus
from tradebot.trading.booking import Listeners
from tradebot.web.metrics import counting
from tradebot.web.metrics.counters import Counters
from tradebot.web.metrics.counting import Counting, Hearer

S = AlertStatus


class Bench:
    """Counters, and those who tell them what happens."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.listeners, self.hearers, self.at = Listeners(), list[Hearer](), NOON
        Counting(Counters(self.registry), self.hearers, self.listeners, FixedClock(lambda: self.at))

    def stored(self, *changes: Change) -> None:
        for hear in self.hearers:
            hear(changes)

    def later(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    async def told(self, listeners: Sequence[Any], *heard: object) -> None:
        for hear in listeners:
            hear(*heard)
        turn = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(turn.set_result, None)
        await turn

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"tradebot_{name}", labels) or 0

    def stages(self, side: str = "buy") -> dict[str, float]:
        """The seconds of each stage that was timed."""
        found = {}
        for stage in ("decided", "sent", "acknowledged", "filled"):
            if self.count("order_stage_seconds_count", stage=stage, side=side):
                found[stage] = round(self.count("order_stage_seconds_sum", stage=stage, side=side), 6)
        return found

    async def goes_to_ib(self, order: NewTrade) -> None:
        """Decided after a second, sent after two more, shown after four more."""
        self.later(1)
        self.stored(order)
        self.later(2)
        await self.told(self.listeners.sent, order.order_ref)
        self.later(4)
        await self.told(self.listeners.shown, order.order_ref, OrderState.WORKING)

    async def ends(self, order: NewTrade, status: TradeStatus = TradeStatus.FILLED) -> None:
        self.later(8)
        ended = Trade.of(order, id=1, status=status, filled_qty=order.requested_qty)
        await self.told(self.listeners.filled, ended)
        await self.told(self.listeners.ended, ended)


def an_order(**changes: Any) -> NewTrade:
    order = NewTrade(
        alert_id=1,
        ticker="AAPL",
        con_id=1,
        side=Side.BUY,
        requested_qty=Decimal(10),
        order_ref="tb-1-a",
        ib_position_before=Decimal(0),
        reserved=Decimal(0),
        created_at=NOON,
        decision={},
    )
    return replace(order, **changes)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def moved(to: AlertStatus, reason: Reason | str | None = None) -> AlertMoved:
    return AlertMoved(1, "main", to, reason)


async def test_each_second_of_an_order_s_way_is_in_one_stage(bench: Bench) -> None:
    """The owner would look for lost seconds where they were not lost."""
    bench.stored(AlertAdded(1, an_alert()))
    await bench.goes_to_ib(an_order())
    await bench.ends(an_order())
    assert bench.stages() == {"decided": 1, "sent": 2, "acknowledged": 4, "filled": 8}
    assert bench.count("alert_to_fill_seconds_sum", side="buy") == 15


async def test_a_fill_that_is_ib_s_first_word_acknowledges_too(bench: Bench) -> None:
    """The quickest orders would have no stage in which IB answers."""
    bench.stored(AlertAdded(1, an_alert()), an_order())
    await bench.told(bench.listeners.sent, "tb-1-a")
    await bench.ends(an_order())
    assert bench.stages() == {"decided": 0, "sent": 0, "acknowledged": 8, "filled": 0}


async def test_an_alert_that_waited_for_the_market_times_no_arrival(bench: Bench) -> None:
    """A night's wait for the open would be taken for a slow bot, and alarm each morning."""
    bench.stored(AlertAdded(1, an_alert()), moved(S.PENDING))
    bench.later(50_000)
    bench.stored(moved(S.RECEIVED))
    await bench.goes_to_ib(an_order())
    await bench.ends(an_order())
    assert bench.stages() == {"sent": 2, "acknowledged": 4, "filled": 8}
    assert bench.count("alert_to_fill_seconds_count", side="buy") == 0


async def test_a_second_order_has_all_the_time_since_the_alert(bench: Bench) -> None:
    """An alert whose first orders could not leave would look as quick as any."""
    bench.stored(AlertAdded(1, an_alert()))
    await bench.goes_to_ib(an_order())
    await bench.told(bench.listeners.ended, Trade.of(an_order(), id=1, status=TradeStatus.FAILED))
    bench.stored(moved(S.PROCESSING), moved(S.RECEIVED, Reason(ReasonCode.THROTTLED)))
    await bench.goes_to_ib(an_order(order_ref="tb-1-b", n=2))
    await bench.ends(an_order(order_ref="tb-1-b", n=2))
    assert bench.stages() == {"decided": 1 + 8, "sent": 4, "acknowledged": 8, "filled": 8}
    assert bench.count("alert_to_fill_seconds_sum", side="buy") == 22


@pytest.mark.parametrize(
    ("order", "status"),
    [
        (an_order(order_type=OrderType.LIMIT, limit_price=Decimal(100)), TradeStatus.FILLED),
        (an_order(), TradeStatus.PARTIAL),
        (an_order(), TradeStatus.CANCELLED),
    ],
    ids=["waits for its price", "in part", "not"],
)
async def test_only_a_market_order_s_whole_fill_is_timed(bench: Bench, order: NewTrade, status: TradeStatus) -> None:
    """An order that waits days for its price would make the bot look days slow."""
    bench.stored(AlertAdded(1, an_alert()))
    await bench.goes_to_ib(order)
    await bench.ends(order, status)
    assert "filled" not in bench.stages()
    assert bench.count("alert_to_fill_seconds_count", side="buy") == 0
    assert bench.count("orders_ended_total", strategy="main", side="buy", role="entry", status=status.lower()) == 1


async def test_an_outcome_is_counted_once_with_its_code(bench: Bench) -> None:
    """A late commission, which moves an alert to where it is, would count as another alert."""
    bench.stored(AlertAdded(1, an_alert()), moved(S.PROCESSING))
    part = Reason(ReasonCode.PARTLY_FILLED)
    bench.stored(moved(S.EXECUTED, part), moved(S.EXECUTED, part))
    assert bench.count("alerts_total", strategy="main", outcome="executed", code="partly_filled") == 1
    bench.stored(moved(S.RECEIVED), moved(S.PROCESSING), moved(S.FAILED, "IB's words, which are no code"))
    assert bench.count("alerts_total", strategy="main", outcome="failed", code="") == 1


async def test_what_ends_as_it_is_stored_has_its_outcome(bench: Bench) -> None:
    """Messages that were not understood, and tests, would be missing among the outcomes."""
    rejected = an_alert(status=S.REJECTED, action=None, reason="it has no ticker")
    bench.stored(AlertAdded(1, rejected), AlertAdded(2, an_alert(status=S.BLOCKED, reason=Reason(ReasonCode.TEST))))
    assert bench.count("alerts_received_total", strategy="main", side="none") == 1
    assert bench.count("alerts_total", strategy="main", outcome="rejected", code="") == 1
    assert bench.count("alerts_total", strategy="main", outcome="blocked", code="test") == 1


async def test_an_alert_from_before_the_start_is_counted_and_not_timed(bench: Bench) -> None:
    """After each start orders would be missing, or as slow as the bot was long away."""
    await bench.goes_to_ib(an_order())
    await bench.ends(an_order())
    bench.stored(moved(S.EXECUTED))
    assert bench.stages() == {"sent": 2, "acknowledged": 4, "filled": 8}
    assert bench.count("orders_sent_total", strategy="main", side="buy") == 1
    assert bench.count("alerts_total", strategy="main", outcome="executed", code="") == 1


async def test_alerts_are_remembered_within_bounds(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot that runs for a year would hold every alert of it in memory."""
    monkeypatch.setattr(counting, "KNOWN_MAX", 2)
    bench.stored(*(AlertAdded(number, an_alert()) for number in (1, 2, 3)))
    bench.later(1)
    bench.stored(an_order(), an_order(alert_id=2, order_ref="tb-2-a"), an_order(alert_id=3, order_ref="tb-3-a"))
    assert bench.count("order_stage_seconds_count", stage="decided", side="buy") == 2


async def test_a_clock_that_is_set_back_makes_no_negative_time(bench: Bench) -> None:
    """A sum that falls is taken for a new start, and spoils every rate."""
    bench.stored(AlertAdded(1, an_alert()))
    bench.later(-3600)
    bench.stored(an_order())
    assert bench.stages() == {"decided": 0}


async def test_a_protective_order_is_counted_and_not_timed(bench: Bench) -> None:
    """A stop that sells after weeks would be the slowest order of all."""
    stop = an_order(side=Side.SELL, role="STOP", order_ref="tb-1-s", order_type=OrderType.STOP)
    bench.stored(AlertAdded(1, an_alert()), an_order(), stop)
    bench.later(1_000_000)
    await bench.ends(stop)
    assert bench.stages("sell") == {}
    assert bench.count("orders_ended_total", strategy="main", side="sell", role="stop", status="filled") == 1


async def test_jobs_and_deliveries_are_counted(bench: Bench) -> None:
    """A report that never comes, or a channel that fails, would show in no picture."""
    failed = JobFailed("prune", (NOON,), JobFailure.TIMEOUT, "60 s", None)
    missed = JobMissed("daily_report", (NOON, NOON + timedelta(days=1)))
    bench.stored(JobRecorded("equity"), NewEvent(failed, NOON), NewEvent(missed, NOON))
    bench.stored(DeliveryTried("telegram", 3, Attempt.DELIVERED), DeliveryTried("mail", 1, Attempt.GIVEN_UP))
    assert bench.count("job_runs_total", job_name="equity") == 1
    assert bench.count("job_failures_total", job_name="prune", code="timeout") == 1
    assert bench.count("job_failures_total", job_name="daily_report", code="missed") == 2
    assert bench.count("deliveries_total", channel="telegram", result="delivered") == 3
    assert bench.count("deliveries_total", channel="mail", result="given_up") == 1


async def test_orders_are_remembered_within_bounds(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot that runs for a year would hold every order of it in memory whose end it did not hear of."""
    monkeypatch.setattr(counting, "KNOWN_MAX", 2)
    bench.stored(*(an_order(order_ref=f"tb-{number}-a") for number in (1, 2, 3)))
    for number in (1, 2, 3):
        await bench.told(bench.listeners.sent, f"tb-{number}-a")
    assert bench.count("orders_sent_total", strategy="main", side="buy") == 2
