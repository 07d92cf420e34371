"""Alerts whose decision waits for IB's answers, and why: for who asks what holds orders up, although the gate is open.

Rules: an alert is asked about again every second, so why it waits is news only the first time. What is over within
seconds is a part of every decision, and is not shown.
"""

from collections import Counter
from dataclasses import dataclass, field

from tradebot.domain.gate import GateCode, GateReason
from tradebot.ports import Clock, OrderGate

SHOWN_AFTER_S = 10.0


@dataclass(slots=True)
class _Waits:
    since: float  # by the clock that only goes on
    reason: str
    said: set[str] = field(default_factory=set)
    still: bool = True  # it was so at its newest decision


class BrokerWaits:
    """The worker keeps it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waits: dict[int, _Waits] = {}  # by alert id

    def waits(self, alert_id: int, reason: str) -> bool:
        """At this decision, too. True: that is news."""
        found = self._waits.setdefault(alert_id, _Waits(self._clock.monotonic(), reason))
        found.reason, found.still = reason, True
        is_news = reason not in found.said
        found.said.add(reason)
        return is_news

    def decided(self, alert_id: int) -> None:
        """The decision is over, whatever came of it."""
        found = self._waits.get(alert_id)
        if found is not None and not found.still:
            del self._waits[alert_id]
        elif found is not None:
            found.still = False  # unless its next decision says so again

    def __contains__(self, alert_id: int) -> bool:
        return alert_id in self._waits

    @property
    def reasons(self) -> tuple[GateReason, ...]:
        """One, for all that have waited for long; with what most of them wait for."""
        now = self._clock.monotonic()
        long = [one.reason for one in self._waits.values() if now - one.since >= SHOWN_AFTER_S]
        if not long:
            return ()
        reason, _ = Counter(long).most_common(1)[0]
        return (GateReason(GateCode.WAITING_FOR_IB, {"alerts": str(len(long)), "reason": reason}),)


@dataclass(frozen=True, slots=True)
class HeldUp:
    """The gate as people see it: also what waits for IB though the gate is open."""

    gate: OrderGate
    waits: BrokerWaits

    @property
    def is_open(self) -> bool:
        return self.gate.is_open

    @property
    def reasons(self) -> tuple[GateReason, ...]:
        return self.gate.reasons or self.waits.reasons
