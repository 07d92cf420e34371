"""Why an alert or an order ended as it did, or waits: codes with their facts. Pure.

Rules: what the bot itself concluded is a `Reason`, said by `words/reasons.py`; words from outside (IB's, the reader's of a
message that was not understood, those that 0.1.0 stored) are text and stay as they are. A refusal's code is a reason's code too,
so no code is in both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tradebot.domain.refusals import Fact


class ReasonCode(StrEnum):
    """Reasons beside those of the rules of risk (`RefusalCode`). Each names its facts."""

    EXPIRED = "expired"  # max_age_s: waited longer for the market to open
    CLEARED = "cleared"  # by
    WRITTEN_OFF = "written_off"  # by
    TEST = "test"  # the alert says that it is one: judged and reported, never sent
    PARTLY_FILLED = "partly_filled"  # filled, requested: shares
    CANCELLED_UNFILLED = "cancelled_unfilled"
    # The last step before the wire: the order certainly did not leave.
    DATABASE_SILENT = "database_silent"
    KILLED = "killed_meanwhile"
    PAUSED = "paused_meanwhile"
    LOCK_LOST = "lock_lost"
    LINK_INTERRUPTED = "link_interrupted"
    TOO_LATE = "too_late"  # within_s
    THROTTLED = "throttled"
    ARMED_AGAIN = "armed_again"
    OLDER_ALIVE = "older_alive"  # order_ref: of the alert's older order, which IB shows at work after all
    NOT_CONNECTED = "not_connected"  # detail: the broker adapter's
    # Orders in doubt.
    NEVER_SEEN = "never_seen"  # IB shows no such order, asked twice, and the position is unchanged: not sent
    NOT_SHOWN = "not_shown"  # before (missing: not known), now: IB's position
    NOT_LISTED_ANY_MORE = "not_listed_any_more"  # as NOT_SHOWN, on a later day: IB lists only today's
    NOT_ANSWERED = "not_answered"  # question: that IB does not answer, or answers with nothing
    COST_CHANGED = (
        "cost_changed"  # before, now: IB's average cost; shares were traded, though as many are held as before
    )
    COUNTED = "counted"  # order_id, next_id: IB counts on behind this order, so it has come there
    FORGOTTEN = "forgotten"  # IB does not list what it has shown before: it has forgotten a part of the day
    OTHER_IN_DOUBT = "other_in_doubt"  # order_ref: another order of the same contract that is not resolved
    NEVER_EXISTED = "never_existed"  # by: who says so


@dataclass(frozen=True, slots=True)
class Reason:
    """`code` is a `ReasonCode` or a `RefusalCode`; text where another version of the program has stored it."""

    code: str
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def __str__(self) -> str:
        """For the log: the code, and its facts."""
        facts = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.code} ({facts})" if facts else str(self.code)
