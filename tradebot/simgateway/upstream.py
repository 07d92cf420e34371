"""The gateway's own link to IB's servers, which can be lost (1100) and come back (1101, 1102).

While it is lost the exchange goes on without the gateway's clients: fills are not reported to them, not even afterwards; they
find them by asking once the link is back. Requests get no answer (but for the time), quotes are not updated, and orders and
cancels wait in the gateway (``later``) or are discarded (``lost``): no client can know which.
"""

from __future__ import annotations

from collections.abc import Callable

from loguru import logger

from tradebot.simgateway.faults import QUESTIONS
from tradebot.simgateway.requests import Request

LOST, BACK_DATA_LOST, BACK, BROKEN = 1100, 1101, 1102, 2110
TEXTS = {
    LOST: "Connectivity between IBKR and Trader Workstation has been lost.",
    BACK_DATA_LOST: "Connectivity between IBKR and Trader Workstation has been restored - data lost.",
    BACK: "Connectivity between IBKR and Trader Workstation has been restored - data maintained.",
    BROKEN: "Connectivity between Trader Workstation and server is broken. It will be restored automatically.",
    2103: "Market data farm connection is broken:usfarm",
    2104: "Market data farm connection is OK:usfarm",
    2105: "HMDS data farm connection is broken:ushmds",
    2106: "HMDS data farm connection is OK:ushmds",
    2157: "Sec-def data farm connection is broken:secdefnj",
    2158: "Sec-def data farm connection is OK:secdefnj",
}
FARMS_BROKEN, FARMS_OK = (2103, 2105, 2157), (2104, 2106, 2158)
ORDERS = ("placeOrder", "cancelOrder", "reqGlobalCancel")
PENDING_ORDERS = ("later", "lost")


class Upstream:
    """The link, up or down. ``changed`` is called with IB's codes whenever that changes."""

    def __init__(self, changed: Callable[[tuple[int, ...]], None]) -> None:
        self.up = True
        self._farms = False
        self._changed = changed
        self._orders = "later"
        self._waiting: list[Callable[[], None]] = []

    @property
    def greeting(self) -> tuple[tuple[int, str], ...]:
        """Code and text of the messages about it to a new client."""
        return tuple((code, TEXTS[code]) for code in (FARMS_OK if self.up else (BROKEN,)))

    def lose(self, orders: str = "later", farms: bool = False) -> None:
        """The link breaks, and with ``farms`` the data farms say so too. Raises ValueError."""
        if orders not in PENDING_ORDERS:
            raise ValueError(f"orders sent meanwhile are {' or '.join(PENDING_ORDERS)}, not {orders!r}")
        if not self.up:
            raise ValueError("the link to IB is down already")
        self.up, self._orders, self._farms = False, orders, farms
        logger.info("simulated gateway: the link to IB is lost; orders sent meanwhile are {}", orders)
        self._changed((LOST, *(FARMS_BROKEN if farms else ())))

    def flap(self) -> None:
        """The link breaks with its farms, unless it is down already."""
        if self.up:
            self.lose(farms=True)

    def restore(self, data_lost: bool = False, told: bool = True) -> None:
        """The link is back. ``data_lost``: 1101, and all subscriptions are gone. Not ``told``: only the farms say so."""
        if self.up:
            return
        self.up = True
        codes = FARMS_OK if self._farms or not told else ()
        if told:
            codes = (*codes, BACK_DATA_LOST if data_lost else BACK)
        logger.info("simulated gateway: the link to IB is back {}", codes)
        self._changed(codes)
        waiting, self._waiting = self._waiting, []
        for act in waiting:
            act()

    def stops(self, request: Request, act: Callable[[], None]) -> bool:
        """Whether the broken link keeps a request from being answered now."""
        if self.up or request.name == "reqCurrentTime":
            return False
        if request.name in ORDERS and self._orders == "later":
            self._waiting.append(act)
        return request.name in ORDERS or request.name in QUESTIONS
