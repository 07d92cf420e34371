"""Faults on demand: what the next matching order, or market-data request, will meet.

One scheme for all: a fault is armed with a name, what it matches (symbol, action, client_id; nothing matches everything), how
often (``times``; 0 = until cleared) and its own parameters. A request meets the first armed fault of each name that matches it;
that one use is then gone. The faults an order met are its plan, ``{name: parameters}``, stored with it.

ORDER_FAULTS and DATA_FAULTS are the tables: name → parameters with their defaults. The name's behaviour is where the plan is
looked up by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

ORDER_FAULTS: dict[str, dict[str, Any]] = {
    # The socket closes and the order was never taken.
    "drop_before": {},
    # The order is taken, and filled unless filled is false; the socket closes before any answer.
    "drop_after": {"filled": True},
    # This many shares fill; the rest stays working.
    "partial": {"filled": 1},
    # The fill comes this much later.
    "slow_fill": {"delay_s": 1.0},
    # Works until it is cancelled or filled by hand.
    "hold": {},
    # Taken and then rejected: error first and status Inactive after it, or (status_first) the error delay_s later.
    "reject": {
        "code": 201,
        "text": "Order rejected - reason:Simulated rejection",
        "status_first": False,
        "delay_s": 1.0,
    },
    # No orderStatus and no openOrder is sent on its own accord.
    "mute_status": {},
    # Every orderStatus is sent this many times more.
    "repeat_status": {"times_more": 1},
    # The commission report comes this much later, or never.
    "late_commission": {"delay_s": 1.0},
    "no_commission": {},
    # A cancel is taken (the status says so), and then the order fills anyway.
    "fill_after_cancel": {"status": "Cancelled", "delay_s": 0.05},
    # The execution is told again under the next revision; null keeps a figure.
    "correction": {"shares": None, "price": None, "delay_s": 0.05},
}

DATA_FAULTS: dict[str, dict[str, Any]] = {
    # No ticks, only the error.
    "no_market_data": {"code": 354, "text": "Requested market data is not subscribed."},
    # Delayed ticks under warning 10167 for those who asked for type 3 or 4, error 354 for the others.
    "delayed_only": {},
    # A snapshot's ticks come, its end never does.
    "no_snapshot_end": {},
}


class FaultError(ValueError):
    """A fault that cannot be armed; the message says what is allowed."""


@dataclass
class Armed:
    """A fault waiting for its request."""

    id: int
    name: str
    parameters: dict[str, Any]
    match: dict[str, Any] = field(default_factory=dict)
    times: int = 1

    def describe(self) -> dict[str, Any]:
        return {"id": self.id, "fault": self.name, "times": self.times} | self.match | self.parameters


class Faults:
    """Everything armed, in order."""

    def __init__(self) -> None:
        self._armed: list[Armed] = []
        self._next = 1

    def arm(
        self,
        name: str,
        *,
        symbol: str | None = None,
        action: str | None = None,
        client_id: int | None = None,
        times: int = 1,
        **parameters: Any,
    ) -> Armed:
        """Arm a fault. Raises FaultError for an unknown name or parameter."""
        table = ORDER_FAULTS | DATA_FAULTS
        if name not in table:
            raise FaultError(f"no such fault: {name!r}; there are {', '.join(sorted(table))}")
        if unknown := sorted(set(parameters) - set(table[name])):
            allowed = ", ".join(sorted(table[name])) or "none"
            raise FaultError(f"{name} has no parameter {', '.join(unknown)}; it has {allowed}")
        for key, value in parameters.items():
            if not _fits(table[name][key], value):
                raise FaultError(f"{name}: {key} cannot be {value!r}; by default it is {table[name][key]!r}")
        if not isinstance(times, int) or times < 0:
            raise FaultError(f"times must be a whole number, 0 meaning until cleared, not {times!r}")
        wanted = {"symbol": symbol, "action": action, "client_id": client_id}
        match = {key: value for key, value in wanted.items() if value is not None}
        armed = Armed(self._next, name, table[name] | parameters, match, times)
        self._next += 1
        self._armed.append(armed)
        return armed

    def clear(self, name: str | None = None) -> None:
        """Disarm every fault of a name, or all."""
        self._armed = [armed for armed in self._armed if name is not None and armed.name != name]

    def armed(self) -> list[dict[str, Any]]:
        return [armed.describe() for armed in self._armed]

    def order(self, symbol: str, action: str, client_id: int) -> dict[str, Any]:
        """The plan of a new order; uses the faults up."""
        return self._take(ORDER_FAULTS, {"symbol": symbol, "action": action, "client_id": client_id})

    def data(self, symbol: str, client_id: int) -> dict[str, Any]:
        """What a market-data request meets; uses the faults up."""
        return self._take(DATA_FAULTS, {"symbol": symbol, "client_id": client_id})

    def _take(self, table: dict[str, dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
        plan: dict[str, Any] = {}
        for armed in list(self._armed):
            fits = all(request.get(key) == value for key, value in armed.match.items())
            if armed.name not in table or armed.name in plan or not fits:
                continue
            plan[armed.name] = armed.parameters
            if armed.times == 1:
                self._armed.remove(armed)
            elif armed.times:
                armed.times -= 1
        return plan


def _fits(default: object, value: object) -> bool:
    """Whether a parameter is of its default's kind; a default of None stands for a figure."""
    if isinstance(default, bool | str):
        return isinstance(value, type(default))
    try:
        return (value is None and default is None) or (not isinstance(value, bool) and Decimal(str(value)) >= 0)
    except InvalidOperation:
        return False
