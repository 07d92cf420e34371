"""What happens to alerts, as a message says it: the line that is seen first, and what it leaves out. Pure."""

from datetime import datetime

from tradebot.domain.events import Event, EventKind, NewEvent
from tradebot.domain.facts import alerts as a
from tradebot.domain.refusals import RefusalCode
from tradebot.words import refusals
from tradebot.words.figures import about, market_time, seconds, shares, some
from tradebot.words.said import Said, Says
from tradebot.words.short_refusals import beside, in_short

_FOR_NOW = frozenset({RefusalCode.KILL_SWITCH, RefusalCode.PAUSED, RefusalCode.STRATEGY_PAUSED})
"""Refused by a state that the owner has chosen, and lifts."""


_OWN_ID = "Give each alert its own, as `{{ticker}}-{{strategy.order.id}}-{{timenow}}`, or leave the field out."


def _what(facts: a.RefusedFacts | a.AlertExpired | a.AlertCleared | a.AlertRepeated) -> str:
    return " ".join(str(part) for part in (facts.side, facts.ticker) if part) or "alert"


def _blocked(facts: a.AlertBlocked, _: Event | NewEvent) -> Said:
    sign = "🟡" if facts.code in _FOR_NOW else "🚫"
    first = f"{sign} {_what(facts)} not sent: {in_short(facts.code, facts.facts)}"
    return Said(first, beside(facts.code, facts.facts))


def _failed(facts: a.AlertFailed, event: Event | NewEvent) -> Said:
    first = f"⚠️ {_what(facts)} failed: {in_short(facts.code, facts.facts)}"
    if facts.code == RefusalCode.INTERNAL_ERROR:
        detail = facts.facts["detail"]
        return Said(first, f"Alert {event.alert_id}, no order was made ({detail}). Please report it; the log has more.")
    return Said(first, beside(facts.code, facts.facts))


def _pending(facts: a.AlertPending, _: Event | NewEvent) -> Said:
    if facts.code != RefusalCode.MARKET_CLOSED:
        return Said(f"🟡 {_what(facts)} waits: {in_short(facts.code, facts.facts)}", beside(facts.code, facts.facts))
    opens = datetime.fromisoformat(str(facts.facts["opens_at"]))
    return Said(f"🟡 {_what(facts)} waits for the open", f"{market_time(opens)}.")


def _at_target(facts: a.AlertAtTarget, _: Event | NewEvent) -> Said:
    return Said(f"🎯 {_what(facts)}: nothing to do", beside(facts.code, facts.facts))


def _rejected(facts: a.AlertRejected, _: Event | NewEvent) -> Said:
    if facts.ticker is not None:
        return Said(f"🚫 {facts.side} {facts.ticker} refused, not traded", facts.reason)
    return Said("🚫 Alert not understood, not traded", facts.reason)


def _conflict(facts: a.AlertConflict, _: Event | NewEvent) -> Said:
    return Said(
        f"❗ {facts.side} {facts.ticker} refused: same alert_id",
        f"Alert {facts.known_alert} ({facts.known_side} {facts.known_ticker}) had it first: {facts.alert_key}.\n{_OWN_ID}",
    )


def _repeated(facts: a.AlertRepeated, _: Event | NewEvent) -> Said:
    later = f"{seconds(facts.after_s)} later"
    if facts.alert_key is None:
        why = (
            f"{later}, word for word as alert {facts.known_alert}.\n"
            'Meant anew? Put `"time": "{{timenow}}"` into its message: then no two are the same.'
        )
    else:
        why = f"{later}, with the alert_id of alert {facts.known_alert}, {facts.alert_key}.\n{_OWN_ID}"
    return Said(f"🔁 {_what(facts)} came again, not traded", why)


def _unreadable(facts: a.AlertUnreadable, _: Event | NewEvent) -> Said:
    more = f" {facts.more} more since the last report." if facts.more else ""
    return Said(
        f"🚫 An alert {'with a wrong' if facts.gave_secret else 'without a readable'} secret",
        f"Not traded. From {facts.source_ip}. {facts.reason}{more}\n"
        "Not yours? Somebody else sends to your address: nothing can happen.",
    )


def _tested(facts: a.AlertTested, _: Event | NewEvent) -> Said:
    found = (line if line.endswith((".", "?", "!")) else f"{line}." for line in facts.report)
    about_it = " ".join(str(part) for part in (facts.side, facts.ticker) if part)
    whose = [f"Strategy {facts.strategy}."] if facts.strategy else []
    return Said(f"🧪 Test of {about_it}: nothing is traded", "\n".join([*whose, *found]))


def _not_used(facts: a.FieldsNotUsed, _: Event | NewEvent) -> Said:
    whose = f"{facts.side} {facts.ticker}{f' of strategy {facts.strategy}' if facts.strategy else ''}"
    return Said(
        f"ℹ️ {some(len(facts.fields), 'fields')} of an alert not used",
        f"{whose} goes on. {'It changes' if len(facts.fields) == 1 else 'They change'} nothing: {', '.join(facts.fields)}.\n"
        "Of alerts with the same fields this is not said again.",
    )


def _expired(facts: a.AlertExpired, _: Event | NewEvent) -> Said:
    return Said(
        f"⌛ {_what(facts)} expired, not traded",
        f"The market did not open within {about(facts.max_age_s)} (trading.pending_max_age_h).",
    )


def _gap(facts: a.TargetGap, _: Event | NewEvent) -> Said:
    believed = "some" if facts.believed is None else shares(facts.believed)
    return Said(
        f"⚠️ An alert of {facts.ticker} is missing",
        f"Strategy {facts.strategy} believes it held {believed}, the books hold {shares(facts.held)}. This alert goes on.\n"
        "Compare its trades with `tradebot alerts`, unless it held some before its first alert.",
    )


def _entries_cancelled(facts: a.EntriesCancelled, _: Event | NewEvent) -> Said:
    done = refusals.refusal(facts.code, facts.facts)
    ended = facts.facts["orders"] or facts.facts["alerts"]
    too_late, unknown = facts.facts.get("too_late"), facts.facts["unknown"]
    if ended:
        first = f"✂️ Entries of {facts.ticker} cancelled"
    elif too_late:
        first = f"🟡 Cancel of {facts.ticker} came too late"
    else:
        first = f"⚠️ Entry of {facts.ticker} is UNKNOWN" if unknown else f"✂️ {facts.ticker}: nothing to cancel"
        done = done if unknown else "no entry worked or waited"
    return Said(first, f"{done[0].upper()}{done[1:]}. What is held stays held.")


LINES: dict[EventKind, Says] = {
    EventKind.ALERT_REJECTED: _rejected,
    EventKind.ALERT_CONFLICT: _conflict,
    EventKind.ALERT_REPEATED: _repeated,
    EventKind.ALERT_UNREADABLE: _unreadable,
    EventKind.ALERT_TESTED: _tested,
    EventKind.FIELDS_NOT_USED: _not_used,
    EventKind.ALERT_PENDING: _pending,
    EventKind.ALERT_BLOCKED: _blocked,
    EventKind.ALERT_AT_TARGET: _at_target,
    EventKind.ENTRIES_CANCELLED: _entries_cancelled,
    EventKind.TARGET_GAP: _gap,
    EventKind.ALERT_FAILED: _failed,
    EventKind.ALERT_EXPIRED: _expired,
    EventKind.ALERT_CLEARED: lambda f, e: Said(
        f"🗑 {_what(f)} taken out of the queue", f"By {e.actor}. Nothing was ordered."
    ),
}
