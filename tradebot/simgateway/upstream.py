"""The gateway's own link to IB's servers, which can be lost (1100) and come back (1101, 1102).

While it is lost the exchange goes on without the gateway's clients: what fills is told to nobody, not even afterwards; they
find it by asking once the link is back. Questions get no answer (but for the time), quotes stand still, and orders and cancels
wait in the gateway (``later``) or are thrown away (``lost``): no client can know which.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from loguru import logger

from tradebot.simgateway.faults import QUESTIONS

if TYPE_CHECKING:
    from tradebot.simgateway.gateway import Gateway
    from tradebot.simgateway.requests import Request

LOST, BACK_DATA_LOST, BACK, BROKEN = 1100, 1101, 1102, 2110
TEXTS = {
    LOST: "Connectivity between IBKR and Trader Workstation has been lost.",
    BACK_DATA_LOST: "Connectivity between IBKR and Trader Workstation has been restored - data lost.",
    BACK: "Connectivity between IBKR and Trader Workstation has been restored - data maintained.",
    BROKEN: "Connectivity between Trader Workstation and server is broken. It will be restored automatically.",
}
FARMS = (
    (2104, "Market data farm connection is OK:usfarm"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefnj"),
)
ORDERS = ("placeOrder", "cancelOrder", "reqGlobalCancel")
FATES = ("later", "lost")


class Upstream:
    """The link: up, or down."""

    def __init__(self, gateway: Gateway) -> None:
        self.up = True
        self._gateway = gateway
        self._orders = "later"
        self._waiting: list[Callable[[], None]] = []

    @property
    def greeting(self) -> tuple[tuple[int, str], ...]:
        """What a new client is told about it."""
        return FARMS if self.up else ((BROKEN, TEXTS[BROKEN]),)

    def lose(self, orders: str = "later") -> None:
        """The link breaks. Raises ValueError."""
        if orders not in FATES:
            raise ValueError(f"orders sent meanwhile are {' or '.join(FATES)}, not {orders!r}")
        if not self.up:
            raise ValueError("the link to IB is down already")
        self.up, self._orders = False, orders
        logger.info("simulated gateway: the link to IB is lost; orders sent meanwhile are {}", orders)
        self._gateway.tell_error(LOST, TEXTS[LOST])

    def restore(self, data_lost: bool = False) -> None:
        """The link is back. ``data_lost``: 1101, and all subscriptions are gone."""
        if self.up:
            return
        self.up = True
        code = BACK_DATA_LOST if data_lost else BACK
        logger.info("simulated gateway: the link to IB is back ({})", code)
        if data_lost:
            for session in self._gateway.sessions.values():
                session.unsubscribe()
        self._gateway.tell_error(code, TEXTS[code])
        waiting, self._waiting = self._waiting, []
        for act in waiting:
            act()
        self._gateway.account_changed()

    def stops(self, request: Request, act: Callable[[], None]) -> bool:
        """Whether the broken link keeps a request from being answered now."""
        if self.up or request.name == "reqCurrentTime":
            return False
        if request.name in ORDERS and self._orders == "later":
            self._waiting.append(act)
        return request.name in ORDERS or request.name in QUESTIONS
