"""Who may use the API, and what was answered to what he asked to be done. Pure; no token stands here, only its id."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """What a token admits to; each includes those before it."""

    READ = "read"  # everything that is shown
    TRADE = "trade"  # stop and start, sell, cancel, empty the queue, block a ticker
    ADMIN = "admin"  # lift the kill switch, change limits, decide what only the owner knows

    def includes(self, other: "Scope") -> bool:
        order = list(Scope)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token that was given out."""

    id: str
    label: str  # its owner's word for whoever has it
    scope: Scope
    made_at: datetime
    made_by: str
    expires_at: datetime
    revoked_at: datetime | None = None

    def is_good(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """What was asked under an idempotency key. `fingerprint`: SHA-256 of method, address and body."""

    key: str
    fingerprint: str
    at: datetime
    status: int | None = None  # None: not answered yet
    answer: str | None = None  # JSON
