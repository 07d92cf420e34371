"""Wires what recovery consists of: reconciler, order monitor, restart pause and connection notices.

Rules: what booking reports reaches each part that needs it, the gate first; the parts know each other through callbacks only.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping

from tradebot.domain.brokerage import BrokerEvent, OrderError
from tradebot.domain.hours import Hours
from tradebot.domain.restart_window import RestartWindow
from tradebot.ports import Broker, Clock, Ledger, Pulse
from tradebot.trading.booking import Listeners
from tradebot.trading.connection_notices import ConnectionNotices
from tradebot.trading.gate import Gate
from tradebot.trading.in_doubt import InDoubtOrders
from tradebot.trading.notices import Notices
from tradebot.trading.order_monitor import OrderMonitor
from tradebot.trading.questions import Questions
from tradebot.trading.reconciler import Reconciler
from tradebot.trading.restart_pause import RestartPause
from tradebot.trading.switch import TradingSwitch


class Recovery:
    """Builds the four parts, and runs a loop for each."""

    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        in_doubt_orders: InDoubtOrders,
        listeners: Listeners,
        *,
        questions: Questions,
        gate: Gate,
        switch: TradingSwitch,
        clock: Clock,
        pulse: Pulse,
        order_timeout_s: float,
        hours: Hours,
        restart: RestartWindow,
        repair_protection: Callable[[], Awaitable[None]],
    ) -> None:
        wanted = asyncio.Event()
        notices = Notices(ledger)
        self._restart_pause = RestartPause(
            broker, gate=gate, window=restart, clock=clock, pulse=pulse, reconcile=wanted.set
        )
        self._reconciler = Reconciler(
            ledger,
            broker,
            in_doubt_orders,
            notices,
            questions=questions,
            gate=gate,
            switch=switch,
            hours=hours,
            clock=clock,
            pulse=pulse,
            wanted=wanted,
            repair_protection=repair_protection,
            reconciled=self._restart_pause.reconciled,
        )
        self._order_monitor = OrderMonitor(
            ledger,
            broker,
            notices,
            switch=switch,
            hours=hours,
            clock=clock,
            pulse=pulse,
            order_timeout_s=order_timeout_s,
            ask_ib=self._reconciler.ask_about_in_doubt,
        )
        self._notices = ConnectionNotices(
            notices, broker, restart=self._restart_pause, questions=questions, clock=clock, pulse=pulse
        )
        listeners.connection.append(self._connection_changed)
        listeners.doubt.append(self._order_in_doubt)
        listeners.shown.append(self._order_monitor.order_shown)
        listeners.orphan.append(self._reconciler.orphan_seen)

    def loops(self) -> Mapping[str, Callable[[], Coroutine[None, None, None]]]:
        """What runs as long as the daemon, by name."""
        return {
            "reconciler": self._reconciler.run,
            "order monitor": self._order_monitor.run,
            "restart pause": self._restart_pause.run,
            "connection notices": self._notices.run,
        }

    def ask_about_in_doubt(self) -> None:
        """Has IB asked about all trades in doubt, beside trading."""
        self._reconciler.ask_about_in_doubt()

    # --- what booking reports ---------------------------------------------------------------------------------------

    def _connection_changed(self, event: BrokerEvent) -> None:
        self._reconciler.connection_changed(event)
        self._order_monitor.connection_changed(event)
        self._notices.connection_changed(event)

    def _order_in_doubt(self, order_ref: str, error: OrderError | None) -> None:
        self._order_monitor.order_in_doubt(order_ref, error)
        self._reconciler.order_in_doubt(error)
        self._notices.order_in_doubt(error)
