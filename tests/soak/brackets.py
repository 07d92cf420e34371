"""What a soak's second strategy asks for: entries with stops and targets, exits of a part and of all; and a market that comes to
their prices."""

import random
from collections.abc import Mapping
from decimal import Decimal

from tests.system.harness import Gateway

SWING: dict[str, str] = {
    "strategies__main__enabled": "true",
    "strategies__swing__orders": "alert",
    "strategies__swing__exits": "alert",
    "strategies__swing__exit_size": "alert",
    "strategies__swing__good_for_s": "5",
    "strategies__swing__on_new_signal": "replace",
    "strategies__swing__break_even_after": "1%",
}
FAULTS: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("reject", {"order_type": "STP"}),
    ("reject", {"order_type": "LMT", "action": "SELL"}),
    ("deny", {"order_type": "STP"}),
    ("tif_becomes", {"order_type": "STP"}),
    ("ended", {"order_type": "STP", "reason": "Cancelled by Exchange"}),
    ("partial", {"order_type": "STP", "filled": 1}),
    ("cancel_unanswered", {"action": "SELL", "delay_s": 4}),
    ("fill_before_cancel", {"order_type": "STP"}),
    ("fill_after_cancel", {"order_type": "STP", "status": "PendingCancel", "delay_s": 1}),
    ("mute_status", {"order_type": "STP"}),
)
EXITS: tuple[dict[str, str], ...] = (
    {"stop_loss": "2%", "take_profit": "2%"},
    {"stop_loss": "2%", "take_profit": "3%"},
    {"stop_loss": "2%"},
    {"trailing_stop": "2%", "take_profit": "3%"},
)
AT_MARKET, MOVES_PCT = Decimal(100), 3
"""Where each quote begins, USD, and how far from there it goes."""


def asked(chance: random.Random, side: str) -> dict[str, str]:
    """The fields of an alert beside its side and ticker: most of them are the second strategy's."""
    if chance.random() < 0.3:
        return {}
    fields = {"strategy": "swing"}
    if side == "SELL":
        return fields | ({"quantity": "1"} if chance.random() < 0.3 else {})
    if chance.random() < 0.05:  # waits for its price, for some seconds
        fields |= {"order_type": "limit", "limit_price": str(AT_MARKET * (100 - MOVES_PCT) / 100)}
    return fields | chance.choice(EXITS)


async def move(gateway: Gateway, chance: random.Random, ticker: str) -> None:
    """The market goes to where a stop or a target may wait, and stays there until it goes on."""
    bid = AT_MARKET + Decimal(chance.uniform(-MOVES_PCT, MOVES_PCT)).quantize(Decimal("0.01"))
    await gateway.control("POST", "/quotes", symbol=ticker, bid=str(bid), ask=str(bid + Decimal("0.05")))
