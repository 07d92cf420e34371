"""Holds the gate around the gateway's nightly restart.

Rules:
- The gate closes when the restart window begins, so that no order is in flight when the gateway goes down.
- It opens when books and IB have been compared on a newer connection (the gateway has restarted), or after the window.
- A window that ends without a restart has books and IB compared once more.
"""

from collections.abc import Callable

from tradebot.domain.gate import GateCode, GateReason
from tradebot.domain.restart_window import RestartWindow
from tradebot.ports import Broker, Clock, Pulse
from tradebot.trading.every import every
from tradebot.trading.gate import Gate

HOLDER = "restart"
LOOK_EVERY_S = 1.0


class RestartPause:
    """Holds the gate from shortly before the window until the gateway has restarted."""

    def __init__(
        self,
        broker: Broker,
        *,
        gate: Gate,
        window: RestartWindow,
        clock: Clock,
        pulse: Pulse,
        reconcile: Callable[[], None],
    ) -> None:
        """`reconcile` asks for a reconciliation and returns at once."""
        self._broker = broker
        self._gate = gate
        self._window = window
        self._clock = clock
        self._pulse = pulse
        self._reconcile = reconcile
        self._generation_before = 0  # of the connection, when the window began
        self.active = False
        """Whether the restart window is running: being away is then no alarm."""
        self.look()

    async def run(self) -> None:
        beat = self._pulse.of("restart pause")
        await every(LOOK_EVERY_S, self._step, what="restart window", clock=self._clock, beat=beat)

    async def _step(self) -> None:
        self.look()

    def look(self) -> None:
        """Closes the gate when the window begins; asks for a reconciliation when it ends without a restart."""
        due = self._window.covers(self._clock.now())
        if due and not self.active:
            self._generation_before = self._broker.connection.generation
            self._gate.close(HOLDER, GateReason(GateCode.RESTART))
        elif self.active and not due and HOLDER in self._gate.holders:
            self._reconcile()
        self.active = due

    def reconciled(self, generation: int) -> None:
        """Books and IB agree on the connection of this generation."""
        if not self.active or generation > self._generation_before:
            self._gate.open(HOLDER)
