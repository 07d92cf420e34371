"""Faults on demand: what the next matching order, market-data request, question or connection will meet.

One scheme for all: a fault is armed with a name, what it matches (nothing matches everything), how often (``times``; 0 = until
cleared) and its own parameters. A request meets the first armed fault of each name that matches it; that one use is then gone.
The faults a request met are its plan, ``{name: parameters}``; an order's is stored with it.

The tables list them: name → parameters with their defaults. A default of None stands for a figure that may be left out.
The name's behaviour is where the plan is looked up by it. ``docs/simgateway.md`` describes them for those who arm them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from tradebot.simgateway.model import Ticket

Table = dict[str, dict[str, Any]]
Plan = dict[str, Any]

ORDER_FAULTS: Table = {
    # The socket closes and the order was never taken.
    "drop_before": {},
    # The order is taken, and filled unless filled is false; the socket closes before any answer.
    "drop_after": {"filled": True},
    # Read from the socket, never answered, in no list: a confirmation dialog that is never answered, or confirmed after delay_s.
    "swallow": {"delay_s": None},
    # Refused before it is an order.
    "deny": {"code": 321, "text": ""},
    # This many shares fill; the rest stays working.
    "partial": {"filled": 1},
    # The fill comes this much later.
    "slow_fill": {"delay_s": 1.0},
    # Works until it is cancelled or filled manually. PreSubmitted: as an order that waits for the market's opening.
    "hold": {"status": "Submitted"},
    # Held while shares to sell short are looked for: error 404, whyHeld "locate". It is found after delay_s, or never.
    "locate": {"status": "Inactive", "delay_s": None},
    # Taken and then rejected: error first and status Inactive after it, or (status_first) the error delay_s later, or (code 0)
    # no error at all. listed: it stays in the open orders, where its cancel is answered or not.
    "reject": {
        "code": 201,
        "text": "",
        "status_first": False,
        "delay_s": 1.0,
        "listed": False,
        "cancel_answered": True,
    },
    # IB itself ends it delay_s after it reached the market, when this many shares have filled; code 0: without any error.
    "ended": {"code": 202, "reason": "", "filled": 0, "delay_s": 0.05, "error_first": False},
    # An error message about an order that stays live.
    "order_message": {"code": 399, "text": ""},
    # No orderStatus and no openOrder is sent without a request.
    "mute_status": {},
    # openOrder and orderStatus come this much later, with the order as it was before.
    "late_status": {"delay_s": 1.0},
    # Every orderStatus is sent this many times more: at once, or delay_s later, when it is no longer true.
    "repeat_status": {"times_more": 1, "delay_s": 0},
    # The commission report comes this much later, or never.
    "late_commission": {"delay_s": 1.0},
    "no_commission": {},
    # Works until its cancel comes; then it has just filled: 10148, after the messages of the fill or (error_first) before them.
    "fill_before_cancel": {"error_first": True},
    # Its cancels are read and never answered, or only this much later.
    "cancel_unanswered": {"delay_s": None},
    # A cancel is accepted (the status shows it), and then the order fills anyway.
    "fill_after_cancel": {"status": "Cancelled", "delay_s": 0.05},
    # A stop that is acknowledged and never triggered, wherever the market goes.
    "never_triggers": {},
    # Its fill changes nothing in its group, nor does another's fill change it: both can fill.
    "group_ignored": {},
    # It comes to IB with another time in force than it was sent with.
    "tif_becomes": {"tif": "DAY"},
    # The execution is reported again under the next revision; null keeps a figure.
    "correction": {"shares": None, "price": None, "delay_s": 0.05},
}

DATA_FAULTS: Table = {
    # No ticks, only the error.
    "no_market_data": {"code": 354, "text": ""},
    # Delayed ticks under warning 10167 for those who asked for type 3 or 4, this error for the others.
    "delayed_only": {"code": 354, "text": ""},
    # Ticks of that age come once, as frozen (type 2; delayed and frozen, type 4, with delayed_only), and never move.
    "stale": {"age_s": 3600, "price": None},
}

QUESTION_FAULTS: Table = {
    # Taken and never answered.
    "no_answer": {},
    # Answered this much later, with what is true then.
    "slow_answer": {"delay_s": 2.0},
    # The answer comes, the message that ends it does not.
    "no_end": {},
    # The answer ends at once, with nothing in it.
    "empty_answer": {},
    # The answer comes without what it has to say about this stock.
    "leave_out": {"symbol": "AAPL"},
    # The socket closes instead of the answer.
    "drop_question": {},
}

# These need an answer that is a list, with an end.
ABOUT_LISTS = ("no_end", "empty_answer", "leave_out")

CONNECTION_FAULTS: Table = {
    # Accepted (and greeted), then never answered and never closed; what the client sends is lost.
    "half_open": {"greets": False},
    # What the gateway sends arrives in pieces of so many bytes.
    "fragmented": {"piece_bytes": 1},
    # What the gateway sends arrives this much later.
    "slow_line": {"delay_s": 2.0},
    # Bytes that mean nothing: see `line.GARBAGE`.
    "garbage": {"kind": "unknown_message"},
}

# Every question that can meet a fault, and the number of the message that ends its answer.
QUESTIONS: dict[str, int | None] = {
    "reqAccountUpdates": 54,
    "reqAccountSummary": 64,
    "reqAccountUpdatesMulti": 74,
    "reqPositions": 62,
    "reqOpenOrders": 53,
    "reqAllOpenOrders": 53,
    "reqCompletedOrders": 102,
    "reqExecutions": 55,
    "reqContractDetails": 52,
    "reqMktData": 57,
    "reqMatchingSymbols": None,
    "reqMarketRule": None,
    "reqHistoricalData": None,
    "reqManagedAccts": None,
    "reqPnL": None,
    "reqPnLSingle": None,
    "reqIds": None,
    "reqCurrentTime": None,
}

# What a fault of a table can match.
MATCHES: dict[str, tuple[str, ...]] = (
    dict.fromkeys(ORDER_FAULTS, ("symbol", "action", "client_id", "order_type"))
    | dict.fromkeys(DATA_FAULTS, ("symbol", "client_id"))
    | dict.fromkeys(QUESTION_FAULTS, ("question", "client_id"))
    | dict.fromkeys(CONNECTION_FAULTS, ())
)
ALL: Table = ORDER_FAULTS | DATA_FAULTS | QUESTION_FAULTS | CONNECTION_FAULTS

# The values of a text parameter, where only some are allowed.
CHOICES: dict[tuple[str, str], tuple[str, ...]] = {
    ("hold", "status"): ("Submitted", "PreSubmitted"),
    ("tif_becomes", "tif"): ("DAY", "GTC"),
    ("locate", "status"): ("Inactive", "PreSubmitted"),
    ("fill_after_cancel", "status"): ("Cancelled", "PendingCancel"),
    ("garbage", "kind"): ("unknown_message", "bad_fields", "endless_frame", "web_page"),
}

PRECAUTION = "Restriction is specified in Precautionary Settings of Global Configuration/Presets."

# IB's own texts, for faults whose text is left empty. 154, 404 and the 354 family follow IBKR's "Message Codes" page, 100, 399
# and 451 what users reported; 109 and 383 are made like 451.
ERROR_TEXTS: dict[int, str] = {
    100: "Max rate of messages per second has been exceeded.",
    103: "Duplicate order id",
    109: 'The following order "ID:{id}" price exceeds \nthe Percentage constraint of 3%.\n' + PRECAUTION,
    154: "Orders cannot be transmitted for a halted security",
    201: "Order rejected - reason:Simulated rejection",
    202: "Order Canceled - reason:",
    321: "Error validating request.-'bO' : cause - The API interface is currently in Read-Only mode.",
    383: 'The following order "ID:{id}" size exceeds \nthe Size Limit of 500.\n' + PRECAUTION,
    354: "Requested market data is not subscribed.",
    399: "Order Message:\n{action} {quantity} {symbol} NASDAQ.NMS\nWarning: your order will not be placed at the exchange "
    "until {opens}.",
    451: 'The following order "ID:{id}" value estimate of 154,990 USD exceeds \nthe Total Value Limit of 100,000 USD.\n'
    + PRECAUTION,
    404: "Order held while securities are located.",
    10089: "Requested market data requires additional subscription for API. See link in 'Market Data Connections' dialog "
    "for more details.",
    10090: "Part of requested market data is not subscribed. Subscription-independent ticks are still active.",
    10168: "Requested market data is not subscribed. Delayed market data is not enabled.",
    10186: "Requested market data is not subscribed. Delayed market data is not enabled.",
    10197: "No market data during competing live session",
    10268: "The 'EtradeOnly' order attribute is not supported.",
    10349: "Order TIF was set to DAY based on order preset.",
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

    def arm(self, name: str, *, times: int = 1, **given: Any) -> Armed:
        """Arm a fault; ``given`` are its parameters and what it matches. Raises FaultError for an unknown name or parameter."""
        if name not in ALL:
            raise FaultError(f"no such fault: {name!r}; there are {', '.join(sorted(ALL))}")
        match = {key: given.pop(key) for key in MATCHES[name] if key in given}
        match = {key: value for key, value in match.items() if value is not None}
        if match.get("question", "reqIds") not in QUESTIONS:
            raise FaultError(f"no such question: {match['question']!r}; there are {', '.join(QUESTIONS)}")
        parameters = whole(name, given)
        if not isinstance(times, int) or isinstance(times, bool) or times < 0:
            raise FaultError(f"times must be a whole number, 0 meaning until cleared, not {times!r}")
        armed = Armed(self._next, name, parameters, match, times)
        self._next += 1
        self._armed.append(armed)
        return armed

    def clear(self, name: str | None = None) -> None:
        """Disarm every fault of a name, or all."""
        self._armed = [armed for armed in self._armed if name is not None and armed.name != name]

    def armed(self) -> list[dict[str, Any]]:
        return [armed.describe() for armed in self._armed]

    def order(self, ticket: Ticket) -> Plan:
        """The plan of a new order; uses the faults up."""
        return self._take(ORDER_FAULTS, _looks(ticket))

    def what_if(self, ticket: Ticket) -> Plan:
        """What a what-if order meets: it can be refused or left unanswered, and nothing else. Uses the faults up."""
        table = {name: ORDER_FAULTS[name] for name in ("deny", "swallow")}
        return self._take(table, _looks(ticket))

    def data(self, symbol: str, client_id: int) -> Plan:
        """What a market-data request meets; uses the faults up."""
        return self._take(DATA_FAULTS, {"symbol": symbol, "client_id": client_id})

    def question(self, name: str, client_id: int, *, ends: bool = True) -> Plan:
        """What a question meets; ``ends``: its answer has an end that could be missing. Uses the faults up."""
        table = {each: value for each, value in QUESTION_FAULTS.items() if ends or each not in ABOUT_LISTS}
        return self._take(table, {"question": name, "client_id": client_id})

    def connection(self) -> Plan:
        """What a new connection meets; uses the faults up."""
        return self._take(CONNECTION_FAULTS, {})

    def _take(self, table: Table, request: dict[str, Any]) -> Plan:
        plan: Plan = {}
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


def _looks(ticket: Ticket) -> dict[str, Any]:
    """By what a fault can match an order."""
    return {
        "symbol": ticket.symbol,
        "action": ticket.action,
        "client_id": ticket.client_id,
        "order_type": ticket.order_type,
    }


def whole(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """A fault's parameters, defaults included. Raises FaultError for one that it does not have, or that does not fit."""
    if unknown := sorted(set(given) - set(ALL[name])):
        allowed, matched = (", ".join(names) or "none" for names in (sorted(ALL[name]), MATCHES[name]))
        raise FaultError(f"{name} has no parameter {', '.join(unknown)}; it has {allowed}, and it matches by {matched}")
    for key, value in given.items():
        if not _fits(ALL[name][key], value):
            raise FaultError(f"{name}: {key} cannot be {value!r}; by default it is {ALL[name][key]!r}")
        if value not in CHOICES.get((name, key), (value,)):
            raise FaultError(f"{name}: {key} is one of {', '.join(CHOICES[name, key])}, not {value!r}")
    return ALL[name] | given


def error_text(parameters: dict[str, Any], **blanks: str) -> str:
    """The error text of a fault: its own, or IB's for the code."""
    text: str = parameters["text"]
    own = ERROR_TEXTS.get(parameters["code"], f"Simulated error {parameters['code']}")
    return text or own.format_map(defaultdict(str, blanks))


def _fits(default: object, value: object) -> bool:
    """Whether a parameter is of its default's kind; a default of None stands for a figure."""
    if isinstance(default, bool | str):
        return isinstance(value, type(default))
    try:
        return (value is None and default is None) or (not isinstance(value, bool) and Decimal(str(value)) >= 0)
    except InvalidOperation:
        return False
