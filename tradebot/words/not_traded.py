"""Why alerts were not traded, in a word or two each. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tradebot.domain.alerts import Alert, AlertStatus
from tradebot.domain.reasons import Reason
from tradebot.words import refusals

WORDS: Mapping[AlertStatus, str] = {
    AlertStatus.BLOCKED: "blocked",
    AlertStatus.FAILED: "failed",
    AlertStatus.EXPIRED: "waited too long",
    AlertStatus.CLEARED: "dropped",
    AlertStatus.REJECTED: "refused",
}


def reasons(alerts: Iterable[Alert]) -> Sequence[tuple[str, int]]:
    """Each with how many alerts it ended, the most frequent first: together they come to all."""
    return Counter(map(_reason, alerts)).most_common()


def _reason(alert: Alert) -> str:
    """What a check has refused by its title, all else by what became of it."""
    if alert.status is AlertStatus.BLOCKED and isinstance(alert.reason, Reason):
        return refusals.title(alert.reason.code)
    if alert.status is AlertStatus.REJECTED and alert.instruction is None:
        return "not understood"
    return WORDS[alert.status]
