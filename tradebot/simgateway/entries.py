"""Entries of the journal: one line of JSON for each thing that happened. The journal is both the log and the state.

``received`` and ``denied`` change nothing: they are there so that what came in can be checked from outside. All other kinds are
facts that ``book.Book.apply`` folds; replaying them gives the same account again. Kinds and field names are a file format:
add, never rename.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from tradebot.simgateway.model import Ticket


@dataclass(frozen=True)
class Entry:
    """Something that happened at ``at`` (UTC)."""

    kind: ClassVar[str] = ""
    at: datetime


@dataclass(frozen=True)
class Opened(Entry):
    """The account came into being."""

    kind = "opened"
    account: str
    cash: Decimal
    perm_base: int


@dataclass(frozen=True)
class Received(Entry):
    """A client's message arrived, verbatim; ``fault`` names the fault that it met."""

    kind = "received"
    client_id: int
    message: str
    fields: dict[str, str]
    fault: str = ""


@dataclass(frozen=True)
class Denied(Entry):
    """A request was refused before it became an order, or an odd message was answered with an error."""

    kind = "denied"
    client_id: int
    req_id: int
    code: int
    text: str


@dataclass(frozen=True)
class Accepted(Entry):
    """An order exists."""

    kind = "accepted"
    perm_id: int
    ticket: Ticket
    plan: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Modified(Entry):
    """The client changed its working order."""

    kind = "modified"
    perm_id: int
    quantity: Decimal
    limit: Decimal | None
    stop: Decimal | None = None
    trail: Decimal | None = None
    trail_pct: Decimal | None = None


@dataclass(frozen=True)
class Transmitted(Entry):
    """An order that waited for its group went out with it."""

    kind = "transmitted"
    perm_id: int


@dataclass(frozen=True)
class Trailed(Entry):
    """The market took a trailing stop's price along."""

    kind = "trailed"
    perm_id: int
    stop: Decimal


@dataclass(frozen=True)
class Triggered(Entry):
    """The market came to the stop's price: it works now."""

    kind = "triggered"
    perm_id: int


@dataclass(frozen=True)
class Reduced(Entry):
    """IB made an order smaller: another one of its group filled, or its parent ended with less than it was to fill."""

    kind = "reduced"
    perm_id: int
    quantity: Decimal


@dataclass(frozen=True)
class Working(Entry):
    """The order reached the market."""

    kind = "working"
    perm_id: int


@dataclass(frozen=True)
class Held(Entry):
    """The order waits for something ("locate": shares to sell short) before it may go to the market."""

    kind = "held"
    perm_id: int
    status: str
    why: str


@dataclass(frozen=True)
class Refused(Entry):
    """The order was taken and then rejected; code 0: without an error. ``listed``: it stays in the open orders."""

    kind = "refused"
    perm_id: int
    code: int
    text: str
    listed: bool = False


@dataclass(frozen=True)
class Executed(Entry):
    """Shares changed hands."""

    kind = "executed"
    perm_id: int
    exec_id: str
    shares: Decimal
    price: Decimal
    exchange: str


@dataclass(frozen=True)
class Corrected(Entry):
    """An execution was corrected; ``exec_id`` is the new one."""

    kind = "corrected"
    exec_id: str
    shares: Decimal
    price: Decimal


@dataclass(frozen=True)
class CommissionReported(Entry):
    """The commission report was sent, or would have been to a connected client."""

    kind = "commission"
    exec_id: str


@dataclass(frozen=True)
class CancelAsked(Entry):
    """A cancel is under way; the order may still fill."""

    kind = "cancel_asked"
    perm_id: int


@dataclass(frozen=True)
class Cancelled(Entry):
    """The order is over without filling (further); code 0: without an error."""

    kind = "cancelled"
    perm_id: int
    reason: str = ""
    code: int = 202


@dataclass(frozen=True)
class CashSet(Entry):
    """The owner deposited or withdrew."""

    kind = "cash_set"
    cash: Decimal


@dataclass(frozen=True)
class PositionSet(Entry):
    """The owner changed a position: the account now holds this much."""

    kind = "position_set"
    con_id: int
    symbol: str
    quantity: Decimal
    avg_cost: Decimal


@dataclass(frozen=True)
class Restarted(Entry):
    """The gateway was started again: every client's next order id went back by ``rollback``."""

    kind = "restarted"
    rollback: int


@dataclass(frozen=True)
class Midnight(Entry):
    """A day ended: executions and completed orders until here are not reported again."""

    kind = "midnight"


@dataclass(frozen=True)
class Split(Entry):
    """``new`` shares for ``old`` of a stock; under a new contract where ``new_con_id`` is not 0."""

    kind = "split"
    con_id: int
    new: Decimal
    old: Decimal
    new_con_id: int = 0


@dataclass(frozen=True)
class Renamed(Entry):
    """A contract's symbol changed."""

    kind = "renamed"
    con_id: int
    symbol: str


@dataclass(frozen=True)
class Listed(Entry):
    """A new contract trades under a symbol, which another one may have had until then."""

    kind = "listed"
    con_id: int
    symbol: str
    price: Decimal


KINDS: dict[str, type[Entry]] = {entry.kind: entry for entry in Entry.__subclasses__()}


def to_json(entry: Entry) -> dict[str, Any]:
    """A line of the journal; Decimals and times as text."""
    return {"kind": entry.kind} | {each.name: _plain(getattr(entry, each.name)) for each in fields(entry)}


def from_json(line: dict[str, Any]) -> Entry:
    """The entry again. Raises KeyError, TypeError or ValueError for a line that is none."""
    values = dict(line)
    kind = KINDS[values.pop("kind")]
    return kind(**_typed(kind, values))


def _typed(kind: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    types = {each.name: str(each.type) for each in fields(kind)}
    return {name: _value(types[name], value) for name, value in values.items()}


def _value(type_name: str, value: Any) -> Any:
    if value is None:
        return None
    if type_name.startswith("Decimal"):
        return Decimal(value)
    if type_name.startswith("datetime"):
        return datetime.fromisoformat(value)
    if type_name == "Ticket":
        return Ticket(**_typed(Ticket, value))
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Ticket):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    return value
