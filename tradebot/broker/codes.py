"""IB's message codes and what each asks for.

Source: IBKR's "Message Codes" page and years of trackers. Rules: a code in no table is "unknown outcome": reconcile, never
assume. Nothing here ends an order: only a status or an execution does. Most codes that stand for refusals (103, 110, 383, 451,
10268 …) are left out on purpose: some were seen on orders that lived on (10268), and IB's Inactive, or that it shows no order,
proves as much. What to do about each is said by `words/ib_codes.py`.
"""

from tradebot.domain.brokerage import ErrorKind

CLIENT_ID_IN_USE = 326
TOO_MANY_MESSAGES = 100
REQUEST_INVALID = 321
NO_CONTRACT = 200

NOTICES = frozenset({399, 481, 10233, 10349})
"""The order lives, whatever the client library thinks."""
_ORDER_ERRORS: dict[ErrorKind, frozenset[int]] = {
    # 10242 … 10246 and 10318: fractional quantity refused for API orders
    ErrorKind.REJECTED: frozenset({200, 201, 203, REQUEST_INVALID, 460, 10242, 10243, 10245, 10246, 10318}),
    ErrorKind.CANCELLED: frozenset({202}),
    ErrorKind.CANCEL_REFUSED: frozenset({135, 161, 10147, 10148}),
    ErrorKind.NOTICE: NOTICES,
    ErrorKind.HELD: frozenset({404}),
}
_KIND_BY_CODE = {code: kind for kind, codes in _ORDER_ERRORS.items() for code in codes}

SOCKET_BROKEN = frozenset({502, 503, 504, 507, 1300})
FARM_OK = frozenset({2104, 2106, 2158})
"""A data farm answers: told of each at every connection, and worth a line only after trouble."""
FARM_BROKEN = frozenset({2103, 2105, 2157})
UPSTREAM_LOST = frozenset({1100, 2110})
UPSTREAM_BACK_DATA_LOST = 1101
UPSTREAM_BACK = 1102

NOT_SUBSCRIBED = frozenset({354, 10089, 10090, 10091, 10167, 10168, 10186})
"""No live data for this account: ask for delayed data instead."""
DELAYED_FOLLOWS = frozenset({10089, 10090, 10091, 10167})
"""When delayed data was asked for, these only say so: ticks follow."""


def is_warning(code: int) -> bool:
    """2100 … 2199: warnings of the gateway, the data farms' comings and goings (2103 … 2158) among them."""
    return 2100 <= code < 2200


def is_read_only(code: int, text: str) -> bool:
    """Whether the gateway says that its Read-Only API is on: 321 stands for other invalid requests too."""
    return code == REQUEST_INVALID and "read-only" in text.lower()


def order_error_kind(code: int, text: str) -> ErrorKind:
    """How an error about an order is to be taken."""
    if is_read_only(code, text):
        return ErrorKind.READ_ONLY
    return _KIND_BY_CODE.get(code, ErrorKind.NOTICE if is_warning(code) else ErrorKind.UNCERTAIN)
