"""What follows when an exit's order has ended at IB with shares left: armed again, at the next open, or the owner's button. Pure.

Rules:
- Armed again is only what IB itself ended, by a code and words on the list below. Whatever is on no list is offered by a button.
- A cancel that is not the bot's, and of which IB gives no reason, is the owner's word.
- What the close cuts off waits for the next open. What the bot cancelled for another reason stays cancelled.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from tradebot.domain.facts.account import ExitLeft
from tradebot.domain.facts.orders import CancelReason
from tradebot.domain.lots import PRICE_STEP, CorporateAction
from tradebot.domain.trades import Trade, TradeStatus

WAITS_S = (10.0, 60.0, 300.0)
"""How long after its first, second and third end an exit is armed again; after that only a person does it."""
AT_IB = frozenset({TradeStatus.PARTIAL, TradeStatus.CANCELLED})
"""Ended by IB's own word, with shares left."""
CANCELLED_CODE = 202


@dataclass(frozen=True, slots=True)
class KnownEnd:
    """A message by which IB itself ends an order. `words`: in it, whatever their case."""

    code: int
    words: tuple[str, ...]
    source: str


ENDED_BY_IB = (
    KnownEnd(
        CANCELLED_CODE,
        ("cancelled by exchange", "canceled by exchange", "cancelled by the exchange", "canceled by the exchange"),
        "IBKR's message codes: 202, 'An active order on the IB server was cancelled', its reason after 'reason:'. The words are "
        "known from public programs that read them, not from a recording: what differs is offered by a button.",
    ),
)
"""The written list. A line needs its source: a refusal (a limit, a permission, a price) must never be on it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What IB said of an order beside its status."""

    code: int
    text: str  # word for word

    def __str__(self) -> str:
        return f"IB {self.code}: {self.text}"


class Follow(Enum):
    """What the machine does by itself."""

    ARM = "arm"
    NEXT_OPEN = "next open"


def what_follows(told: Sequence[Told], cancelled_for: CancelReason | None, *, cut_off: bool) -> Follow | ExitLeft:
    """`told`: in the order in which it came. `cancelled_for`: why the bot itself cancelled the order, None when it did not.
    `cut_off`: the session's close ended it. An ExitLeft is offered by a button."""
    if cancelled_for is CancelReason.KILLED:
        return ExitLeft.KILLED
    if cancelled_for is CancelReason.SESSION_OVER:
        return Follow.NEXT_OPEN
    if cancelled_for is not None:
        return ExitLeft.STOPPED
    if cut_off and all(map(is_bare, told)):
        return Follow.NEXT_OPEN
    if told and any(_is(told[-1], known) for known in ENDED_BY_IB):
        return Follow.ARM
    return ExitLeft.CANCELLED if all(map(is_bare, told)) else ExitLeft.ENDED


def _is(told: Told, known: KnownEnd) -> bool:
    return told.code == known.code and any(words in told.text.lower() for words in known.words)


def is_bare(told: Told) -> bool:
    """Cancelled, and after the colon no reason; gateways write it in their own language."""
    return told.code == CANCELLED_CODE and told.text.rstrip().endswith((":", "\N{FULLWIDTH COLON}"))


def ends_at_ib(orders: Sequence[Trade]) -> int:
    """How many of an alert's orders IB has ended with shares left."""
    return sum(order.status in AT_IB for order in orders)


def left_unfilled(orders: Sequence[Trade], actions: Iterable[CorporateAction] = ()) -> Decimal | None:
    """What an alert's next order may sell at most: what its first order at IB left. None when it is the first.

    In shares as they are after `actions`, the ticker's, oldest first.
    """
    first = next((order for order in orders if order.status in AT_IB), None)
    if first is None:
        return None
    actions = tuple(actions)
    filled = sum((_after(order, order.filled_qty, actions)[1] for order in orders), Decimal(0))
    left = _after(first, first.requested_qty, actions)[1] - filled
    return max(left.quantize(PRICE_STEP).normalize() if actions else left, Decimal(0))


def contract_now(order: Trade, actions: Iterable[CorporateAction]) -> int:
    """The contract that its shares are of after `actions`, the ticker's, oldest first."""
    return _after(order, Decimal(0), actions)[0]


def _after(order: Trade, qty: Decimal, actions: Iterable[CorporateAction]) -> tuple[int, Decimal]:
    """What has become of shares of an order: contract and number."""
    con_id = order.con_id
    for action in actions:
        if action.after_trade_id >= order.id and action.con_id == con_id:
            con_id, qty = action.new_con_id, qty * action.new_shares / action.old_shares
    return con_id, qty
