"""An alert's life as one JSON document."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tradebot.cli.as_json import plain
from tradebot.cli.steps import Step, longest
from tradebot.domain.alerts import Alert
from tradebot.domain.events import Event
from tradebot.domain.facts.alerts import AlertBlocked
from tradebot.domain.reasons import Reason
from tradebot.queries.alert_trace import AlertTrace, TracedOrder
from tradebot.words import checks
from tradebot.words import events as words
from tradebot.words.reasons import reason


def document(trace: AlertTrace, steps: Sequence[Step], log_note: str, now: datetime) -> Mapping[str, object]:
    slowest, begun = longest(steps), trace.alert.received_at
    return {
        "alert": _alert(trace.alert),
        "checks": refused_checks(trace),
        "orders": [_order(order) for order in trace.orders],
        "steps": [_step(step, begun) for step in steps],
        "events": [_event(event) for event in trace.events],
        "longest_gap": None if slowest is None else _step(slowest, begun),
        "last_step_ago_s": (now - steps[-1].at).total_seconds() if steps else None,
        "deliveries": trace.deliveries,
        "events_pruned": trace.is_pruned,
        "log_note": log_note or None,
    }


def stored_checks(order: TracedOrder) -> list[dict[str, Any]]:
    """Every check that an order was decided on, with its figures."""
    stored = order.decision.get("checks")
    found = []
    for one in stored if isinstance(stored, list) else ():
        code, facts = one.get("code"), one.get("facts") or {}
        said = (
            reason(Reason(code, facts))
            if code
            else checks.passed(one.get("name", ""), order.decision, one.get("strategy"))
        )
        found.append({"name": one.get("name"), "passed": code is None, "facts": facts, "text": said})
    return found


def refused_checks(trace: AlertTrace) -> list[dict[str, Any]]:
    """Those of an alert that was refused: of the ones that passed only the names are stored."""
    blocked = next((event.facts for event in reversed(trace.events) if isinstance(event.facts, AlertBlocked)), None)
    if blocked is None:
        return []
    passed = [{"name": name, "passed": True, "facts": {}, "text": ""} for name in blocked.passed]
    why = reason(Reason(blocked.code, blocked.facts))
    return [*passed, {"name": blocked.code, "passed": False, "facts": plain(blocked.facts), "text": why}]


def _alert(alert: Alert) -> dict[str, object]:
    fields: dict[str, object] = plain(alert)
    fields["message"] = fields.pop("raw_body")
    return fields


def _order(order: TracedOrder) -> dict[str, object]:
    return {
        **plain(order.trade),
        "checks": stored_checks(order),
        "inputs": order.decision.get("inputs"),
        "executions": order.executions,
        "lots_opened": order.opened,
        "lots_closed": order.closed,
    }


def _event(event: Event) -> dict[str, object]:
    return {
        "id": event.id,
        "at": event.at,
        "kind": event.kind,
        "severity": event.severity,
        "actor": event.actor,
        "trade_id": event.trade_id,
        "text": words.text(event),
    }


def _step(step: Step, begun: datetime) -> dict[str, object]:
    return {**plain(step), "since_alert_s": (step.at - begun).total_seconds()}
