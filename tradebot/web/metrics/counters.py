"""What is counted and timed, since the start of the process: Prometheus' counters and histograms, each by its name.

Rules: few labels, and each of a list that is short and known: a strategy, a side, a code; never a ticker, an alert or an order.
`job` and `instance` are Prometheus' own: no label is called so. Base units: seconds, USD. What is counted is of this process:
with a new start it begins at 0 again, which Prometheus understands.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from tradebot.domain.alerts import Side
from tradebot.domain.facts import FACTS
from tradebot.domain.strategies import Strategies

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each one, which nobody asks for

LEVELS = ("WARNING", "ERROR", "CRITICAL")
"""Of the log, as they are counted."""
STAGES = ("decided", "sent", "acknowledged", "filled")
"""Of an order's way, each from the one before; the first from the alert's arrival."""
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_LAG = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


class Counters:
    """Everything that is counted, and where it is found."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, told: str, *labels: str) -> Counter:
            return Counter(f"tradebot_{name}", told, labels, registry=registry)

        def histogram(name: str, told: str, *labels: str, buckets: tuple[float, ...] = _SECONDS) -> Histogram:
            return Histogram(f"tradebot_{name}", told, labels, registry=registry, buckets=buckets)

        self.received = counter("alerts_received", "Alerts stored, of whichever kind", "strategy", "side")
        self.repeated = counter("alerts_repeated", "Messages that repeated a stored alert, and were not traded")
        self.alerts = counter("alerts", "Alerts by what became of them, and why", "strategy", "outcome", "code")
        self.decided = counter("orders_decided", "Orders stored before they left", "strategy", "side", "role")
        self.sent = counter("orders_sent", "Orders of alerts written to IB", "strategy", "side")
        self.ended = counter("orders_ended", "Orders by how they ended", "strategy", "side", "role", "status")
        self.fills = counter("fills", "Executions booked", "side")
        self.traded = counter("traded_usd", "Shares bought and sold, at their prices, without commission", "side")
        self.events = counter("events", "Events stored, by kind", "kind", "severity")
        self.deliveries = counter("deliveries", "Attempts to deliver an event to a channel", "channel", "result")
        self.jobs = counter("job_runs", "Runs of jobs recorded", "job_name")
        self.job_failures = counter("job_failures", "Runs of jobs that failed or were missed", "job_name", "code")
        self.log_lines = counter("log_lines", "Lines of the log that matter", "level")
        self.stages = histogram("order_stage_seconds", "An order's way, stage by stage", "stage", "side")
        self.to_fill = histogram("alert_to_fill_seconds", "From the alert to the whole fill, market orders", "side")
        self.lag = histogram("event_loop_lag_seconds", "How late the loop's timers come", buckets=_LAG)

    def begin(self, strategies: Strategies) -> None:
        """What is likely to come begins at 0: else Prometheus would not see the first one rise."""
        for facts in FACTS.values():
            self.events.labels(str(facts.kind), facts.severity.lower())
        for level in LEVELS:
            self.log_lines.labels(level.lower())
        for side in ("buy", "sell"):
            self.fills.labels(side)
            self.traded.labels(side)
            self.to_fill.labels(side)
            for stage in STAGES:
                self.stages.labels(stage, side)
        for strategy in strategies.names:
            self.alerts.labels(strategy, "executed", "")
            for side, role in ((Side.BUY, "entry"), (Side.SELL, "exit")):
                self.received.labels(strategy, side.lower())
                self.decided.labels(strategy, side.lower(), role)
                self.sent.labels(strategy, side.lower())
                self.ended.labels(strategy, side.lower(), role, "filled")
