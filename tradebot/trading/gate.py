"""The gate that every order must pass: open only when nothing holds it.

Rules: each holder closes it for a reason, and opens it, under its own name; it is open when no name is left. A reason is a code
with its facts; `words/gate.py` makes the sentence. Each closing starts a new `generation`; an order decided in one generation
never leaves in another, so that what the reconciliation concluded of it stays true. Who closes it may hear late of a break: the
link session on which books and IB were compared is kept beside it, and on another one it does not count as open.
"""

import asyncio

from tradebot.domain.gate import GateReason
from tradebot.ports import LinkSession
from tradebot.trading.every import happens


class Gate:
    """See `tradebot.ports.OrderGate`; each holder closes and opens it under a name of its own."""

    def __init__(self) -> None:
        self._holds: dict[str, GateReason] = {}
        self._opened = asyncio.Event()
        self._opened.set()
        self.generation = 0
        self.compared: LinkSession | None = None
        """The link session on which books and IB agreed."""

    def close(self, holder: str, reason: GateReason) -> None:
        self._holds[holder] = reason
        self._opened.clear()
        self.generation += 1

    def open(self, holder: str) -> None:
        self._holds.pop(holder, None)
        if not self._holds:
            self._opened.set()

    @property
    def is_open(self) -> bool:
        return not self._holds

    @property
    def holders(self) -> frozenset[str]:
        return frozenset(self._holds)

    @property
    def reasons(self) -> tuple[GateReason, ...]:
        """Why it is closed; empty when open."""
        return tuple(self._holds.values())

    async def wait_open(self) -> None:
        await self._opened.wait()

    async def opens(self, within_s: float) -> bool:
        """Whether it is open by then."""
        return await happens(self._opened, within_s)
