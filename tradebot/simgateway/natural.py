"""How a market order fills by itself when the gateway is told to be natural: in pieces, over some time, beside the quote.

Drawn by chance when the order arrives and kept in its plan under ``natural``, so that a restart goes on with the same: for each
piece its shares, the seconds after the one before it, and by how many % of the price it is worse (or better) than the quote.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tradebot.simgateway.model import CENT, ZERO, Order, Quote, Ticket
from tradebot.simgateway.switches import Switches

# An order that meets one of these faults fills as the fault says.
DECIDED = frozenset(
    {
        "drop_after",
        "ended",
        "fill_after_cancel",
        "fill_before_cancel",
        "hold",
        "locate",
        "partial",
        "reject",
        "slow_fill",
    }
)


@dataclass(frozen=True)
class Piece:
    """What fills next."""

    shares: Decimal
    after_s: float
    worse_pct: float


def draw(rng: random.Random, switches: Switches, ticket: Ticket, plan: dict[str, Any]) -> dict[str, Any]:
    """What is added to a new order's plan; nothing unless it is a market order and a switch asks for it."""
    asked = switches.fill_pieces_max > 1 or switches.fill_max_s > 0 or switches.slippage_pct > 0
    if not asked or ticket.order_type != "MKT" or plan.keys() & DECIDED:
        return {}
    whole = int(ticket.quantity)
    count = rng.randint(1, max(1, min(int(switches.fill_pieces_max), whole)))
    ends = [*sorted(rng.sample(range(1, whole), count - 1)), whole]
    takes_s = rng.uniform(min(switches.fill_min_s, switches.fill_max_s), switches.fill_max_s)
    times = [*sorted(rng.uniform(0, takes_s) for _ in range(count - 1)), takes_s]
    pieces = [
        {
            "shares": str(end - before),
            "after_s": round(at - earlier, 3),
            "worse_pct": round(rng.uniform(-switches.slippage_pct / 2, switches.slippage_pct), 4),
        }
        for end, before, at, earlier in zip(ends, [0, *ends], times, [0.0, *times], strict=False)
    ]
    return {"natural": pieces}


def following(order: Order) -> Piece | None:
    """The piece that an order waits for; None where it does not fill in pieces."""
    done = ZERO
    for piece in order.plan.get("natural", ()):
        done += Decimal(piece["shares"])
        if done > order.filled:
            return Piece(done - order.filled, piece["after_s"], piece["worse_pct"])
    return None


def price(order: Order, quote: Quote, worse_pct: float) -> Decimal:
    """What a piece costs, in cents: at most as much better than the quote's near side as its far side is."""
    near, far = (quote.ask, quote.bid) if order.signed > 0 else (quote.bid, quote.ask)
    slipped = (near * (1 + order.signed * Decimal(str(worse_pct)) / 100)).quantize(CENT, ROUND_HALF_UP)
    return max(CENT, slipped, far) if order.signed > 0 else max(CENT, min(slipped, far))
