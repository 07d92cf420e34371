"""What happens to alerts, in one or two plain sentences. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from tradebot.domain.events import Event, EventKind, NewEvent
from tradebot.domain.facts import alerts as a
from tradebot.domain.refusals import RefusalCode
from tradebot.words import refusals
from tradebot.words.figures import seconds

Says = Callable[[Any, Event | NewEvent], str]


def conflict(facts: a.AlertConflict) -> str:
    """Why the message is refused, and what its sender can do."""
    return (
        f'"alert_id" {facts.alert_key} was used already by alert {facts.known_alert} '
        f"({facts.known_side} {facts.known_ticker}) with another message."
        ' Give each alert its own, for instance "alert_id": "{{ticker}}-{{strategy.order.id}}-{{timenow}}", or leave the field'
        " out."
    )


def _alert_conflict(facts: a.AlertConflict, _: Event | NewEvent) -> str:
    return f"{facts.side} {facts.ticker} was refused and is NOT traded: {conflict(facts)}"


def _repeated(facts: a.AlertRepeated, event: Event | NewEvent) -> str:
    came = f"{facts.side} {facts.ticker} came again {seconds(facts.after_s)} later and is NOT traded"
    if facts.alert_key is None:
        return (
            f"{came}: it is word for word the message of alert {facts.known_alert}. If it was meant anew, put"
            ' "time": "{{timenow}}" into the alert\'s message: then no two are the same.'
        )
    return (
        f'{came}: it has the same "alert_id" as alert {facts.known_alert}, {facts.alert_key}. If it was meant anew, give each'
        ' alert its own, for instance "alert_id": "{{ticker}}-{{strategy.order.id}}-{{timenow}}", or leave the field out.'
    )


def _rejected(facts: a.AlertRejected, _: Event | NewEvent) -> str:
    if facts.ticker is not None:
        return f"{facts.side} {facts.ticker} was refused and is NOT traded. {facts.reason}"
    return f"An alert was not understood and is NOT traded. {facts.reason}"


def _unreadable(facts: a.AlertUnreadable, _: Event | NewEvent) -> str:
    what = "An alert with a wrong secret" if facts.gave_secret else "An alert without a readable secret"
    more = f" {facts.more} more came since the last report of one." if facts.more else ""
    return (
        f"{what} came from {facts.source_ip} and is NOT traded. {facts.reason}{more}"
        " If it is not yours, another user of TradingView sends to your address: without the secret nothing can happen."
    )


def _tested(facts: a.AlertTested, _: Event | NewEvent) -> str:
    found = " ".join(line if line.endswith((".", "?", "!")) else f"{line}." for line in facts.report)
    return (
        f"A test of {facts.side} {facts.ticker}{_of_strategy(facts.strategy)} came: nothing is traded. {found}".rstrip()
    )


def _not_used(facts: a.FieldsNotUsed, _: Event | NewEvent) -> str:
    names = ", ".join(f'"{name}"' for name in facts.fields)
    return (
        f"{facts.side} {facts.ticker}{_of_strategy(facts.strategy)} goes on; its message has fields that change nothing here:"
        f" {names}."
        " Leave them out, or leave them in: for alerts with the same fields this is not said again."
    )


def _of_strategy(name: str | None) -> str:
    return f" of strategy {name}" if name else ""


def _received(facts: a.AlertStored, _: Event | NewEvent) -> str:
    wanted = f" It wants to be {facts.target} afterwards: nothing is opened, what is held is sold."
    return f"{facts.side} {facts.ticker} received.{wanted if facts.target in ('flat', 'short') else ''}"


def _refused(verb: str) -> Says:
    def say(facts: a.RefusedFacts, _: Event | NewEvent) -> str:
        return f"{facts.side} {facts.ticker} {verb}: {refusals.refusal(facts.code, facts.facts)}."

    return say


def _alert_failed(facts: a.AlertFailed, event: Event | NewEvent) -> str:
    if facts.code == RefusalCode.INTERNAL_ERROR:
        why = refusals.refusal(facts.code, facts.facts)
        return f"Alert {event.alert_id} failed: {why}. Please report it; the log has the details."
    return _refused("failed")(facts, event)


def _alert_expired(facts: a.AlertExpired, _: Event | NewEvent) -> str:
    return (
        f"{facts.side} {facts.ticker} expired: it waited longer than {seconds(facts.max_age_s)} for the market to open "
        "(trading.pending_max_age_h). Nothing was ordered."
    )


WORDS: Mapping[EventKind, Callable[[Any, Event | NewEvent], str]] = {
    EventKind.ALERT_STORED: _received,
    EventKind.ALERT_REJECTED: _rejected,
    EventKind.ALERT_CONFLICT: _alert_conflict,
    EventKind.ALERT_REPEATED: _repeated,
    EventKind.ALERT_UNREADABLE: _unreadable,
    EventKind.ALERT_TESTED: _tested,
    EventKind.FIELDS_NOT_USED: _not_used,
    EventKind.ALERT_PENDING: _refused("waits"),
    EventKind.ALERT_BLOCKED: _refused("blocked"),
    EventKind.ALERT_FAILED: _alert_failed,
    EventKind.ALERT_EXPIRED: _alert_expired,
    EventKind.ALERT_CLEARED: lambda f, e: (
        f"{f.side} {f.ticker} was cleared from the queue by {e.actor}. Nothing was ordered."
    ),
}
