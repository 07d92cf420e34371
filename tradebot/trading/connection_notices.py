"""What the owner is notified of about the connection to IB: lost, back, out of reach, refused.

Rules:
- A loss is notified once, when it lasts, and its end only if the loss was.
- During the gateway's restart nothing is; what is still so when the window is over is notified then.
"""

import asyncio
from datetime import datetime

from loguru import logger

from tradebot.domain import wording
from tradebot.domain.brokerage import (
    BrokerEvent,
    Connected,
    Disconnected,
    ErrorKind,
    OrderError,
    Refused,
    UpstreamBack,
    UpstreamLost,
)
from tradebot.domain.events import EventKind, NewEvent
from tradebot.ports import Clock, Ledger
from tradebot.trading.notices import store_notice
from tradebot.trading.restart_pause import RestartPause

LOSS_NOTIFIED_AFTER_S = 30.0
READ_ONLY = "The gateway's API is read-only. In IB Gateway: Configure, API, Settings, untick Read-Only API."


class ConnectionNotices:
    def __init__(self, ledger: Ledger, *, restart: RestartPause, clock: Clock) -> None:
        self._ledger = ledger
        self._restart = restart
        self._clock = clock
        self._changes: asyncio.Queue[BrokerEvent] = asyncio.Queue()
        self._lost_since: float | None = None  # monotonic time
        self._loss_notified = False
        self._unreachable: NewEvent | None = None  # waits for the end of the restart window

    # --- what booking reports: enqueue and return -------------------------------------------------------------------

    def connection_changed(self, event: BrokerEvent) -> None:
        self._changes.put_nowait(event)

    def order_in_doubt(self, error: OrderError | None) -> None:
        if error is not None and error.kind is ErrorKind.READ_ONLY:
            self._changes.put_nowait(Refused(READ_ONLY))

    # --- the loop ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Notifies of each change as it comes, and every second of a loss that lasts."""
        while True:
            try:
                async with asyncio.timeout(1):
                    event = await self._changes.get()
            except TimeoutError:
                pass
            else:
                notice = self._notice_of(event)
                if notice is not None:
                    await store_notice(self._ledger, notice)
            await self._notify_of_lasting_loss()

    def _notice_of(self, event: BrokerEvent) -> NewEvent | None:
        match event:
            case Connected():
                return self._connected(event)
            case Disconnected(exhausted=True):
                self._begin_loss()
                notice = unreachable(event, self._clock.now())
                self._unreachable = notice if self._restart.active else None
                return None if self._restart.active else notice
            case Disconnected() | UpstreamLost():
                self._begin_loss()
            case UpstreamBack():
                away_s, notified = self._end_loss()
                return upstream_back(away_s or 0, self._clock.now()) if notified else None
            case Refused(reason=reason):
                return refused(reason, self._clock.now())
        return None

    def _connected(self, event: Connected) -> NewEvent | None:
        away_s, notified = self._end_loss()
        self._unreachable = None
        if self._restart.active and away_s is not None and not notified:
            logger.info("connected to IB again after its restart: {} {}", _account_kind(event), event.account)
            return None
        return connected(event, away_s if notified else None, self._clock.now())

    async def _notify_of_lasting_loss(self) -> None:
        if self._restart.active or self._lost_since is None:
            return
        if self._unreachable is not None:
            await store_notice(self._ledger, self._unreachable)
            self._unreachable = None
        away_s = self._clock.monotonic() - self._lost_since
        if self._loss_notified or away_s < LOSS_NOTIFIED_AFTER_S:
            return
        self._loss_notified = True
        await store_notice(self._ledger, lost(away_s, self._clock.now()))

    def _begin_loss(self) -> None:
        if self._lost_since is None:
            self._lost_since = self._clock.monotonic()

    def _end_loss(self) -> tuple[float | None, bool]:
        """How long it lasted in seconds (None: there was none), and whether the owner was notified of it."""
        away_s = None if self._lost_since is None else self._clock.monotonic() - self._lost_since
        notified = self._loss_notified
        self._lost_since, self._loss_notified = None, False
        return away_s, notified


# --- notices --------------------------------------------------------------------------------------------------------


def connected(event: Connected, away_s: float | None, at: datetime) -> NewEvent:
    """`away_s`: how long the loss lasted that the owner was notified of."""
    back = "" if away_s is None else f" again after {wording.seconds(away_s)}"
    text = f"Connected to IB{back}: {_account_kind(event)} {event.account}."
    return NewEvent(EventKind.BROKER_CONNECTED, at, text)


def upstream_back(away_s: float, at: datetime) -> NewEvent:
    text = f"IB is back after {wording.seconds(away_s)}. Orders and positions are being compared."
    return NewEvent(EventKind.BROKER_CONNECTED, at, text)


def lost(away_s: float, at: datetime) -> NewEvent:
    text = f"IB is not connected for {wording.seconds(away_s)} now. Alerts are stored and wait; orders at IB live on."
    return NewEvent(EventKind.BROKER_LOST, at, text)


def unreachable(event: Disconnected, at: datetime) -> NewEvent:
    text = (
        f"IB cannot be reached after {event.attempt} attempts ({event.reason}). Nothing is traded; slow retries go on. "
        f"Is IB Gateway running and logged in? Check its API port and `[broker]` in the configuration."
    )
    return NewEvent(EventKind.BROKER_UNREACHABLE, at, text)


def refused(reason: str, at: datetime) -> NewEvent:
    return NewEvent(EventKind.TRADING_REFUSED, at, f"Nothing is traded. {reason}")


def _account_kind(event: Connected) -> str:
    return "PAPER account" if event.paper else "LIVE account, REAL MONEY"
