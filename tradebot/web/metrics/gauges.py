"""What is read when somebody asks: how things stand, one line of the table a metric.

Rules: as for the counters, no label names a ticker, an alert or an order. What is not known has no value, never zero. What the
books know is as they were read a moment ago; when the database did not answer, it is missing, and `database_read` is 0.
"""

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from tradebot.domain.exposure import Exposure
from tradebot.domain.gate import GateCode
from tradebot.domain.limits import limit_names
from tradebot.domain.questions import Question
from tradebot.domain.settings import TradingState
from tradebot.queries.daemon import DaemonQueries
from tradebot.queries.health import Health
from tradebot.queries.measurements import Measurements
from tradebot.queries.strategies import Standing, StrategyStatus

Value = Decimal | datetime | float | int | bool | None
Samples = Iterable[tuple[tuple[str, ...], Value]]


@dataclass(frozen=True, slots=True)
class Now:
    """What the table reads."""

    daemon: DaemonQueries
    books: Measurements | None  # None: the database did not answer
    health: Health | None  # None: not every part said how it is in time


@dataclass(frozen=True, slots=True)
class Shown:
    """One metric of the table."""

    name: str  # without its prefix
    told: str
    labels: tuple[str, ...]
    read: Callable[[Now], Samples]
    counts: bool = False  # it only rises: a counter that somebody else counts


# --- how the samples are made ---------------------------------------------------------------------------------------


def _one(value: Value) -> Samples:
    return [((), value)]


def _of(chosen: Iterable[str], among: Iterable[str]) -> Samples:
    """1 for what is so, 0 for the rest."""
    so = set(map(str, chosen))
    return [((str(name).lower(),), str(name) in so) for name in among]


def _books(read: Callable[[Measurements], Samples]) -> Callable[[Now], Samples]:
    return lambda now: () if now.books is None else read(now.books)


def _by_strategy(read: Callable[[StrategyStatus], Value]) -> Callable[[Now], Samples]:
    return _books(lambda seen: [((one.strategy.name,), read(one)) for one in seen.books.strategies])


def _exposed(read: Callable[[Exposure], Value]) -> Callable[[Now], Samples]:
    return _by_strategy(lambda one: read(one.exposure))


def _account(name: str) -> Callable[[Now], Samples]:
    def read(now: Now) -> Samples:
        account = now.daemon.broker.account()
        return () if account is None else _one(getattr(account, name))

    return read


def _mapped(values: Mapping[str, Any]) -> Samples:
    return [((name,), value) for name, value in values.items()]


def _standing(one: StrategyStatus) -> Samples:
    return [((one.strategy.name, str(each)), one.standing is each) for each in Standing]


def _parts(now: Now) -> Samples:
    parts = now.health.parts if now.health else {}
    return _mapped({name: bool(part["ok"]) for name, part in parts.items() if "ok" in part})


def _queue(now: Now) -> Samples:
    depths = now.health.parts["queue"] if now.health else {}
    return [((name,), depths[name]) for name in ("sell", "buy", "pending") if name in depths]  # type: ignore[misc]


def _unrealised(seen: Measurements) -> Samples:
    return [((name,), None if held.unknown else held.pnl) for name, held in seen.unrealised.items()]


def _last_alert(one: StrategyStatus) -> Value:
    return one.last_alert.received_at if one.last_alert else None


def _limits(seen: Measurements) -> Samples:
    return [((name,), getattr(seen.books.limits, name)) for name in limit_names()]


# --- the table ------------------------------------------------------------------------------------------------------

SHOWN: tuple[Shown, ...] = (
    # is it well
    Shown(
        "build_info",
        "The version that runs; always 1",
        ("version", "python"),
        lambda now: [((now.daemon.run.version, platform.python_version()), 1)],
    ),
    Shown(
        "healthy",
        "Whether an alert that arrives now is traded",
        (),
        lambda now: _one(now.health is not None and now.health.ok),
    ),
    Shown(
        "part_healthy",
        "Whether the bot can rely on this part",
        ("part",),
        _parts,
    ),
    Shown("database_read", "Whether the database answered for this page", (), lambda now: _one(now.books is not None)),
    Shown("database_read_seconds", "How long its last answer took", (), _books(lambda seen: _one(seen.took_s))),
    Shown(
        "database_unavailable",
        "Transactions that the database did not do, or not in time",
        (),
        lambda now: _one(now.daemon.ledger.unavailable),
        counts=True,
    ),
    Shown("gate_open", "Whether orders may leave", (), lambda now: _one(now.daemon.gate.is_open)),
    Shown(
        "gate_reason",
        "Why no order may leave: 1 for each reason that holds",
        ("code",),
        lambda now: _of((reason.code for reason in now.daemon.gate.reasons), GateCode),
    ),
    Shown(
        "trading_state",
        "1 for the state in force",
        ("state",),
        lambda now: _of([now.daemon.switch.state], TradingState),
    ),
    Shown(
        "strategy_standing",
        "1 for how a strategy stands by its own switches",
        ("strategy", "standing"),
        _books(lambda seen: [sample for one in seen.books.strategies for sample in _standing(one)]),
    ),
    Shown("market_open", "Whether alerts are executed now", (), lambda now: _one(now.daemon.market_is_open())),
    # IB
    Shown(
        "broker_connected", "Whether the gateway is connected", (), lambda now: _one(now.daemon.broker.connection.up)
    ),
    Shown(
        "broker_upstream",
        "Whether the gateway has its link to IB's servers",
        (),
        lambda now: _one(now.daemon.broker.connection.up and now.daemon.broker.connection.upstream),
    ),
    Shown(
        "broker_tradable",
        "Whether this account is traded",
        (),
        lambda now: _one(now.daemon.broker.connection.up and now.daemon.broker.connection.tradable),
    ),
    Shown(
        "broker_live",
        "Whether the account is one of real money",
        (),
        lambda now: _one(None if (paper := now.daemon.broker.connection.paper) is None else not paper),
    ),
    Shown(
        "broker_connected_timestamp_seconds",
        "Since when",
        (),
        lambda now: _one(now.daemon.broker.connection.since if now.daemon.broker.connection.up else None),
    ),
    Shown(
        "question_silent",
        "1 for a question that trading stands on and IB does not answer",
        ("question",),
        lambda now: _of((one.question for one in now.daemon.questions.silent), Question),
    ),
    Shown(
        "broker_unanswered",
        "Questions to IB that were not answered in time",
        ("question",),
        lambda now: _mapped({name: now.daemon.broker.unanswered[name] for name in (*map(str, Question), "contracts")}),
        counts=True,
    ),
    # what waits
    Shown("queue_depth", "Alerts in each list of the queue", ("list",), _queue),
    Shown(
        "alerts_waiting",
        "Alerts of which no order was made yet",
        ("status",),
        _books(
            lambda seen: _mapped(
                {"received": seen.books.received_sells + seen.books.received_buys, "pending": seen.books.pending}
            )
        ),
    ),
    Shown(
        "orders_at_work",
        "Orders that have not ended",
        ("standing",),
        _books(
            lambda seen: _mapped(
                {
                    "in_flight": len(seen.books.in_flight),
                    "resting": len(seen.books.resting),
                    "unknown": len(seen.books.unknown),
                }
            )
        ),
    ),
    Shown(
        "deliveries_waiting",
        "Events that wait for a channel, 10,000 at most",
        ("channel",),
        _books(lambda seen: _mapped({one.channel: one.waiting for one in seen.backlogs})),
    ),
    Shown(
        "delivery_oldest_timestamp_seconds",
        "When the oldest event that waits for a channel happened",
        ("channel",),
        _books(lambda seen: _mapped({one.channel: one.oldest for one in seen.backlogs})),
    ),
    Shown(
        "job_last_slot_timestamp_seconds",
        "The last slot that a job ran for",
        ("job_name",),
        _books(lambda seen: _mapped(seen.jobs)),
    ),
    Shown(
        "last_alert_timestamp_seconds", "When a strategy's last alert came", ("strategy",), _by_strategy(_last_alert)
    ),
    # how am I doing
    Shown(
        "positions",
        "Open lots and BUYs in flight, as max_open_positions counts them",
        ("strategy",),
        _exposed(lambda own: own.open_positions),
    ),
    Shown("invested_usd", "Cost of open lots and of BUYs in flight", ("strategy",), _exposed(lambda own: own.invested)),
    Shown(
        "invested_by_sector_usd",
        "Cost of open lots and of BUYs in flight, by IB's industry",
        ("sector",),
        _books(lambda seen: [((name,), cost) for name, cost in seen.books.exposure.cost_by_sector.items()]),
    ),
    Shown("in_flight_usd", "What BUYs in flight may still cost", ("strategy",), _exposed(lambda own: own.in_flight)),
    Shown("at_risk_usd", "What would be lost down to the stops", ("strategy",), _exposed(lambda own: own.at_risk)),
    Shown("buys_today", "BUYs since midnight in New York", ("strategy",), _exposed(lambda own: own.buys_today)),
    Shown(
        "realised_today_usd",
        "P&L of what sold since midnight in New York, net",
        ("strategy",),
        _exposed(lambda own: own.realised_today),
    ),
    Shown("unrealised_usd", "P&L of open lots at IB's prices", ("strategy",), _books(_unrealised)),
    Shown(
        "lost_today_usd",
        "What counts towards max_daily_loss",
        (),
        _books(lambda seen: _one(seen.books.exposure.lost_today)),
    ),
    Shown("limit", "The account's limits in force, USD or a number", ("limit",), _books(_limits)),
    Shown("account_equity_usd", "Net liquidation, the owner's own shares included", (), _account("equity")),
    Shown("account_cash_usd", "Cash in USD", (), _account("cash")),
    Shown("account_buying_power_usd", "Buying power", (), _account("buying_power")),
    Shown("account_unrealised_usd", "Unrealised P&L of the whole account", (), _account("unrealised")),
    Shown("account_realised_today_usd", "P&L that IB has realised today", (), _account("realised_today")),
    Shown("account_daily_pnl_usd", "IB's own daily P&L of the whole account", (), _account("daily_pnl")),
    Shown("account_updated_timestamp_seconds", "When IB last sent the account's values", (), _account("at")),
)


class Gauges(Collector):
    """Makes the table's metrics out of what was read last."""

    def __init__(self) -> None:
        self.now: Now | None = None

    def collect(self) -> Iterator[Metric]:
        if self.now is None:
            return
        for shown in SHOWN:
            kind = CounterMetricFamily if shown.counts else GaugeMetricFamily
            family = kind(f"tradebot_{shown.name}", shown.told, labels=shown.labels)
            for labels, value in shown.read(self.now):
                if (number := _number(value)) is not None:
                    family.add_metric(labels, number)
            yield family


def _number(value: Value) -> float | None:
    """Money, too: this is for pictures and alarms, and nothing is traded by it."""
    if value is None:
        return None
    return value.timestamp() if isinstance(value, datetime) else float(value)
