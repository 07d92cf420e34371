"""Why no order may leave: the gate's reasons, as codes with their facts. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class GateCode(StrEnum):
    """Why no order may leave. Each names its facts."""

    NOT_CONNECTED_YET = "not_connected_yet"
    DISCONNECTED = "disconnected"  # reason
    UPSTREAM_LOST = "upstream_lost"  # text: IB's
    COMPARING = "comparing"
    REFUSED = "refused"  # reason: the broker adapter's
    ACCOUNT_NOT_TRADED = "account_not_traded"
    OTHER_ACCOUNT = "other_account"  # own, account
    HOURS_ALWAYS = "hours_always"  # on a live account
    READ_ONLY = "read_only"
    UNKNOWN_ORDER = "unknown_order"  # order_ref
    ORPHANS = "orphans"  # order_refs, parted by ", "
    RESTART = "restart"
    WAITING_FOR_IB = "waiting_for_ib"  # alerts: how many; reason. The gate is open, and they wait for answers


@dataclass(frozen=True, slots=True)
class GateReason:
    """One reason, with the facts that its code names."""

    code: GateCode
    facts: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """For the log: the code, and its facts."""
        facts = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.code} ({facts})" if facts else str(self.code)
